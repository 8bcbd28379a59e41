//! What a file says before any pixel is decoded: a walk over its markers, from start to end of image.

use super::super::{Found, Space};
use super::coefficients::Coefficients;
use super::frame::{Colors, Frame};
use super::malformed;
use super::metadata::Metadata;
use super::rows::Rows;
use super::scale::Scale;
use super::segments::{SOS, Segments};
use crate::error::Error;
use crate::limits::{Limits, check};
use crate::pixels::Layout;

/// Tables, rows in work, and what a profile for inks is turned into.
const TABLE_BYTES: u64 = 256 << 10;
const INK_TABLE_BYTES: u64 = 2 << 20;

pub(in super::super) fn probe(input: &[u8], limits: &Limits) -> Result<Found, Error> {
    let mut segments = Segments::new(input);
    let mut colors = Colors::default();
    let mut metadata = Metadata::default();
    let mut frame: Option<Frame> = None;
    let (mut count, mut scans, mut first_scan_components) = (0, 0, 0);
    loop {
        let segment = match segments.next() {
            Ok(Some(segment)) => segment,
            Ok(None) => break,
            // Whether a picture that ends early is an error is for `decode` to say.
            Err(Error::Truncated { .. }) if frame.is_some() => break,
            Err(error) => return Err(error),
        };
        count += 1;
        check("maxSegments", count, limits.max_segments)?;
        if Frame::is_begun_by(segment.marker) {
            if frame.is_some() {
                return Err(malformed("a second frame header"));
            }
            frame = Some(Frame::parse(&segment, &segments)?);
        } else if segment.marker == SOS {
            if frame.is_none() {
                return Err(malformed("a scan before the frame header"));
            }
            scans += 1;
            check("maxScans", scans, limits.max_scans)?;
            if scans == 1 {
                first_scan_components = usize::from(segment.body.first().copied().unwrap_or(0));
            }
        } else {
            if scans == 0 {
                colors.hear(&segment);
            }
            metadata.hear(&segment);
        }
    }
    let frame = frame.ok_or_else(|| malformed("there is no frame header"))?;

    let space = colors.space(&frame);
    let layout = if space == Space::Gray { Layout::Gray } else { Layout::Rgb };
    let mut found = Found::still(frame.size, layout);
    found.space = space;
    found.progressive = frame.progressive;
    found.chroma_subsampling = if matches!(space, Space::YCbCr | Space::Ycck) { frame.subsampling() } else { None };
    found.blocks = metadata.collect(limits, &mut found.warnings);

    let holds_all = frame.progressive || first_scan_components < frame.components.len();
    let inks = match &found.blocks.icc {
        Some(icc) if matches!(space, Space::Cmyk | Space::Ycck) => INK_TABLE_BYTES + 2 * icc.len() as u64,
        _ => 0,
    };
    let scratch = |scale: Scale| {
        let coefficients = if holds_all { Coefficients::bytes(&frame, scale) } else { 0 };
        TABLE_BYTES + inks + Rows::bytes(&frame, scale) + coefficients
    };
    found.scratch = scratch(Scale::FULL);
    found.scaled_scratch = std::array::from_fn(|n| scratch(Scale::new(n as u8 + 1)));
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
        [&[0xFF, marker], &(body.len() as u16 + 2).to_be_bytes()[..], body].concat()
    }

    fn file(parts: &[Vec<u8>]) -> Vec<u8> {
        [&b"\xFF\xD8"[..], &parts.concat(), b"\xFF\xD9"].concat()
    }

    fn sof(marker: u8) -> Vec<u8> {
        segment(marker, b"\x08\x00\x09\x00\x11\x03\x01\x21\x00\x02\x11\x01\x03\x11\x01")
    }

    fn sos(components: u8) -> Vec<u8> {
        segment(SOS, &[components])
    }

    #[test]
    fn the_header_is_told() {
        let found = probe(&file(&[segment(0xE1, b"Exif\0\0II*\0"), sof(0xC2), sos(3)]), &Limits::default()).expect("a header");
        assert_eq!((found.size.width, found.size.height, found.frames), (17, 9, 1));
        assert_eq!((found.layout, found.space, found.chroma_subsampling), (Layout::Rgb, Space::YCbCr, Some("4:2:2")));
        assert!(found.progressive && found.bit_depth == 8);
        assert_eq!(found.blocks.exif.as_deref(), Some(&b"II*\0"[..]));
    }

    #[test]
    fn only_files_of_many_scans_are_forecast_to_hold_coefficients() {
        let scratch = |parts: &[Vec<u8>]| probe(&file(parts), &Limits::default()).expect("a header").scratch;
        let one = scratch(&[sof(0xC0), sos(3)]);
        assert_eq!(scratch(&[sof(0xC0), sos(1), sos(1), sos(1)]) - one, (8 + 4 + 4) * 136);
        assert_eq!(scratch(&[sof(0xC2), sos(3), sos(1)]) - one, (8 + 4 + 4) * 136);
    }

    #[test]
    fn files_without_a_picture_are_refused() {
        let code = |input: &[u8]| probe(input, &Limits::default()).expect_err("no picture").code();
        assert_eq!(code(b"\xFF\xD8"), "truncated");
        assert_eq!(code(&file(&[])), "malformed");
        assert_eq!(code(&file(&[sos(3), sof(0xC0)])), "malformed");
        assert_eq!(code(&file(&[sof(0xC0), sof(0xC0)])), "malformed");
        let whole = file(&[sof(0xC0), sos(3)]);
        for cut in 2..21 {
            assert_eq!(code(&whole[..cut]), "truncated", "{cut}");
        }
        assert!(probe(&whole[..21], &Limits::default()).is_ok());
    }

    #[test]
    fn scans_and_segments_are_limited() {
        let limits = Limits { max_scans: 2, max_segments: 4, ..Limits::default() };
        let limit = |parts: &[Vec<u8>]| match probe(&file(parts), &limits) {
            Err(Error::LimitExceeded { limit, .. }) => limit,
            other => panic!("{other:?}"),
        };
        assert_eq!(limit(&[sof(0xC2), sos(3), sos(1), sos(1)]), "maxScans");
        assert_eq!(limit(&[segment(0xFE, b""), segment(0xFE, b""), segment(0xFE, b""), segment(0xFE, b""), sof(0xC0)]), "maxSegments");
    }
}
