//! BMP: the header is read here, since it decides profile and error codes; pixels come from the `image` crate, whole.
//!
//! Rows lie bottom up in most files, so the picture is decoded into one buffer and pushed top down. Run lengths are read here
//! too: what they skip has the first color of the palette, and not black as in that crate.

use std::io::{Cursor, ErrorKind};

use image::codecs::bmp::BmpDecoder;
use image::{ColorType, ImageDecoder, ImageError};

use super::{Format, Found};
use crate::decode::{Decoded, Fan, Row, Shape, Sink, Want};
use crate::error::Error;
use crate::geometry::Size;
use crate::limits::{Context, Limits, Stage};
use crate::pixels::Layout;
use crate::report::Warning;

/// The file header, before the bitmap header.
const FILE_HEADER: usize = 14;
/// The smallest bitmap header: BITMAPCOREHEADER.
const CORE_HEADER: u32 = 12;
/// The only header that can hold a profile: BITMAPV5HEADER.
const V5_HEADER: u32 = 124;
/// `bV5CSType` of a profile that stands in the file.
const PROFILE_EMBEDDED: u32 = u32::from_be_bytes(*b"MBED");

pub(super) fn probe(input: &[u8], limits: &Limits) -> Result<Found, Error> {
    let header = Header::read(input)?;
    let decoder = open(input)?;
    let (width, height) = decoder.dimensions();
    let layout = layout(&decoder)?;
    let mut found = Found::still(Size { width, height }, layout);
    found.bit_depth = header.bits.min(8);
    found.scratch = if header.is_run_length() { u64::from(width) * u64::from(height) } else { decoder.total_bytes() };
    if let Some(profile) = header.profile(input) {
        if profile.len() as u64 <= limits.max_metadata_block_bytes {
            found.blocks.icc = Some(profile.to_vec());
        } else {
            found.warnings.push(Warning::new("metadata_dropped", format!("a profile of {} bytes", profile.len())));
        }
    }
    Ok(found)
}

pub(super) fn decode(input: &[u8], wants: &mut [Want<'_>], ctx: &Context) -> Result<Decoded, Error> {
    let header = Header::read(input)?;
    let decoder = open(input)?;
    let (width, height) = decoder.dimensions();
    let layout = layout(&decoder)?;
    let partial = wants.iter().all(|want| want.plan.partial);
    let palette = decoder.get_palette().filter(|_| header.is_run_length()).map(<[_]>::to_vec);
    let bytes = if palette.is_some() { u64::from(width) * u64::from(height) } else { decoder.total_bytes() };
    let bytes = usize::try_from(bytes).map_err(|_| Error::unsupported("a BMP of this size"))?;
    let mut fan = Fan::new(wants.iter_mut().map(|want| &mut *want.sink as &mut dyn Sink).collect());
    fan.frame(&Shape::rows(width, height, layout, false), 0)?;

    let mut pixels = vec![0; bytes];
    let read = match palette {
        Some(_) => run_lengths(input.get(header.pixels_at..).unwrap_or_default(), header.bits == 4, width as usize, &mut pixels),
        None => decoder.read_image(&mut pixels).map_err(error),
    };
    let mut decoded = Decoded::default();
    match read {
        Ok(()) => {}
        // What was read before the end lies at its place in the buffer; the rest is black.
        Err(Error::Truncated { what, .. }) if partial => decoded.warnings.push(Warning::new("truncated", what)),
        Err(other) => return Err(other),
    }
    // Many writers leave the alpha of opaque pictures at zero; browsers show those as opaque.
    if layout == Layout::Rgba && pixels.iter().skip(3).step_by(4).all(|&alpha| alpha == 0) {
        pixels.iter_mut().skip(3).step_by(4).for_each(|alpha| *alpha = 255);
    }
    let mut colors = Vec::new();
    for (y, row) in pixels.chunks_exact(bytes / height as usize).enumerate() {
        if y % 64 == 0 {
            ctx.go_on(Stage::Decode)?;
        }
        let row = match &palette {
            Some(palette) => {
                colors.clear();
                row.iter().for_each(|&index| colors.extend(palette[index as usize]));
                &colors
            }
            None => row,
        };
        if fan.row(0, Row::U8(row)).is_break() {
            break;
        }
    }
    Ok(decoded)
}

/// Runs of one color, runs of single pixels, ends of rows and jumps, from the bottom up, into palette indices.
fn run_lengths(coded: &[u8], nibbles: bool, width: usize, indices: &mut [u8]) -> Result<(), Error> {
    let mut bytes = coded.iter().copied();
    let mut rows = indices.chunks_exact_mut(width).rev();
    let (mut row, mut x) = (rows.next().unwrap_or_default(), 0);
    loop {
        let (Some(count), Some(value)) = (bytes.next(), bytes.next()) else {
            // The mark at the end may be absent, the pixels may not.
            return if x >= width && rows.len() == 0 { Ok(()) } else { Err(Error::truncated(Format::Bmp, "pixels are missing")) };
        };
        // Pixel `i` of a run: its byte, or a half of it.
        let index = |byte: u8, i: usize| {
            if !nibbles {
                byte
            } else if i.is_multiple_of(2) {
                byte >> 4
            } else {
                byte & 15
            }
        };
        match (count, value) {
            (0, 0) => match rows.next() {
                Some(next) => (row, x) = (next, 0),
                None => return Ok(()),
            },
            (0, 1) => return Ok(()),
            (0, 2) => {
                let (Some(right), Some(up)) = (bytes.next(), bytes.next()) else { continue };
                x += usize::from(right);
                if let Some(last) = usize::from(up).checked_sub(1) {
                    row = rows.nth(last).ok_or_else(|| Error::malformed(Format::Bmp, "a jump leaves the picture"))?;
                }
            }
            (0, count) => {
                let count = usize::from(count);
                let stored = if nibbles { count.div_ceil(2) } else { count };
                let run: Vec<u8> = bytes.by_ref().take(stored.next_multiple_of(2)).collect();
                if run.len() < stored {
                    return Err(Error::truncated(Format::Bmp, "pixels are missing"));
                }
                // A run that leaves its row is cut off, as other readers do.
                for (i, to) in row.iter_mut().skip(x).take(count).enumerate() {
                    *to = index(run[if nibbles { i / 2 } else { i }], i);
                }
                x += count;
            }
            (count, value) => {
                row.iter_mut().skip(x).take(usize::from(count)).enumerate().for_each(|(i, to)| *to = index(value, i));
                x += usize::from(count);
            }
        }
    }
}

fn open(input: &[u8]) -> Result<BmpDecoder<Cursor<&[u8]>>, Error> {
    BmpDecoder::new(Cursor::new(input)).map_err(error)
}

fn layout(decoder: &impl ImageDecoder) -> Result<Layout, Error> {
    match decoder.color_type() {
        ColorType::Rgb8 => Ok(Layout::Rgb),
        ColorType::Rgba8 => Ok(Layout::Rgba),
        other => Err(Error::unsupported(format!("a BMP as {other:?}"))),
    }
}

fn error(error: ImageError) -> Error {
    match error {
        ImageError::IoError(e) if e.kind() == ErrorKind::UnexpectedEof => Error::truncated(Format::Bmp, "header or pixels are missing"),
        ImageError::Unsupported(e) => Error::unsupported(format!("this BMP ({e})")),
        other => Error::malformed_by(Format::Bmp, other),
    }
}

/// What of the header decides between `unsupported`, `malformed` and `truncated`.
struct Header {
    size: u32,
    bits: u8,
    compression: u32,
    pixels_at: usize,
}

impl Header {
    fn read(input: &[u8]) -> Result<Header, Error> {
        let size = number(input, FILE_HEADER, 4)?;
        let core = size == CORE_HEADER;
        let (width, height, bits) = if core {
            (number(input, 18, 2)?, number(input, 20, 2)?, number(input, 24, 2)?)
        } else {
            (number(input, 18, 4)?, number(input, 22, 4)?, number(input, 28, 2)?)
        };
        if width == 0 || height == 0 {
            return Err(Error::malformed(Format::Bmp, "a side is 0"));
        }
        let Some(bits) = u8::try_from(bits).ok().filter(|bits| [1, 2, 4, 8, 16, 24, 32].contains(bits)) else {
            return Err(Error::unsupported(format!("a BMP of {bits} bits a pixel")));
        };
        let compression = if core { 0 } else { number(input, 30, 4)? };
        if size >= 40 {
            let colors = number(input, 46, 4)?;
            if bits <= 8 && colors > 1 << bits {
                return Err(Error::unsupported(format!("a BMP palette of {colors} colors for {bits} bits a pixel")));
            }
            let masks = [number(input, 54, 4), number(input, 58, 4), number(input, 62, 4)];
            if compression == 3 && masks.iter().any(|mask| matches!(mask, Ok(0))) {
                return Err(Error::unsupported("a BMP without a mask for each color"));
            }
        }
        Ok(Header { size, bits, compression, pixels_at: number(input, 10, 4)? as usize })
    }

    const fn is_run_length(&self) -> bool {
        matches!(self.compression, 1 | 2)
    }

    /// The embedded ICC profile; one that is only linked to is not looked for.
    fn profile<'a>(&self, input: &'a [u8]) -> Option<&'a [u8]> {
        if self.size != V5_HEADER || number(input, FILE_HEADER + 56, 4).ok()? != PROFILE_EMBEDDED {
            return None;
        }
        let start = FILE_HEADER.checked_add(number(input, FILE_HEADER + 112, 4).ok()? as usize)?;
        let end = start.checked_add(number(input, FILE_HEADER + 116, 4).ok()? as usize)?;
        input.get(start..end).filter(|profile| !profile.is_empty())
    }
}

/// A little-endian number of `len` bytes.
fn number(input: &[u8], at: usize, len: usize) -> Result<u32, Error> {
    let bytes = input.get(at..at + len).ok_or_else(|| Error::truncated(Format::Bmp, "the header is incomplete"))?;
    Ok(bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u32::from(byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Collect, DecodePlan};
    use crate::pixels::Raster;

    const FILES: [&[u8]; 3] = [
        include_bytes!("../../tests/data/bmp-24.bmp"),
        include_bytes!("../../tests/data/bmp-32.bmp"),
        include_bytes!("../../tests/data/bmp-palette.bmp"),
    ];

    /// Decodes what the limits of a test allow.
    fn read(input: &[u8], partial: bool) -> Result<(Raster, Decoded), Error> {
        let found = probe(input, &Limits::default())?;
        if found.scratch > 1 << 24 {
            return Err(Error::unsupported("a large picture in this test"));
        }
        let mut sink = Collect::new(false);
        let plan = DecodePlan { eighths: 8, chroma_eighths: None, deep: false, frames: 0..1, partial };
        let decoded = decode(input, &mut [Want { plan, sink: &mut sink }], &Context::default())?;
        Ok((sink.finish().remove(0).0, decoded))
    }

    #[test]
    fn every_prefix_is_truncated_or_partial_and_no_flipped_bit_panics() {
        for file in FILES {
            let (whole, _) = read(file, false).unwrap();
            for len in 0..file.len() {
                assert_eq!(read(&file[..len], false).unwrap_err().code(), "truncated", "{len} of {} bytes", file.len());
                if let Ok((part, decoded)) = read(&file[..len], true) {
                    assert_eq!((part.size(), part.samples.len()), (whole.size(), whole.samples.len()));
                    assert_eq!(decoded.warnings[0].code, "truncated");
                }
            }
            for bit in 0..file.len().min(200) * 8 {
                let mut flipped = file.to_vec();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let _ = (read(&flipped, false), read(&flipped, true));
            }
        }
    }

    #[test]
    fn run_lengths_fill_rows_from_the_bottom_and_jumps_keep_the_first_color() {
        let coded = [3, 7, 0, 0, 0, 3, 4, 5, 6, 0, 0, 0, 0, 2, 1, 1, 9, 8, 0, 1];
        let mut indices = [0; 12];
        run_lengths(&coded, false, 3, &mut indices).unwrap();
        assert_eq!(indices, [0, 8, 8, 0, 0, 0, 4, 5, 6, 7, 7, 7]);
        // The mark at the end may be absent.
        for len in 0..coded.len() - 2 {
            assert_eq!(run_lengths(&coded[..len], false, 3, &mut [0; 12]).unwrap_err().code(), "truncated", "{len}");
        }
        assert_eq!(run_lengths(&[0, 2, 0, 4, 0, 1], false, 3, &mut [0; 12]).unwrap_err().code(), "malformed");
    }

    #[test]
    fn half_bytes_alternate_in_runs() {
        let mut indices = [0; 6];
        run_lengths(&[3, 0x12, 0, 3, 0x34, 0x50, 0, 1], true, 6, &mut indices).unwrap();
        assert_eq!(indices, [1, 2, 1, 3, 4, 5]);
    }

    #[test]
    fn alpha_that_is_zero_everywhere_means_opaque() {
        let mut file = FILES[1].to_vec();
        let at = u32::from_le_bytes(file[10..14].try_into().unwrap()) as usize;
        file[at..].iter_mut().skip(3).step_by(4).for_each(|alpha| *alpha = 0);
        let (raster, _) = read(&file, false).unwrap();
        assert!(raster.layout == Layout::Rgb || raster.bytes().iter().skip(3).step_by(4).all(|&alpha| alpha == 255));
    }

    #[test]
    fn a_height_that_cannot_be_negated_is_an_error() {
        let mut file = FILES[0].to_vec();
        file[22..26].copy_from_slice(&i32::MIN.to_le_bytes());
        assert_eq!(probe(&file, &Limits::default()).unwrap_err().code(), "malformed");
    }

    #[test]
    fn a_depth_that_does_not_exist_is_unsupported() {
        let mut file = FILES[0].to_vec();
        file[28..30].copy_from_slice(&7u16.to_le_bytes());
        assert_eq!(probe(&file, &Limits::default()).unwrap_err().code(), "unsupported");
    }
}
