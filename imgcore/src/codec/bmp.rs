//! BMP: the header is read here, since it decides layout, profile and error codes; pixels come from the `image` crate, whole.
//!
//! Rows lie bottom up in most files, so the picture is decoded into one buffer and pushed top down.

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
    found.scratch = decoder.total_bytes();
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
    Header::read(input)?;
    let decoder = open(input)?;
    let (width, height) = decoder.dimensions();
    let layout = layout(&decoder)?;
    let partial = wants.iter().all(|want| want.plan.partial);
    let bytes = usize::try_from(decoder.total_bytes()).map_err(|_| Error::unsupported("a BMP of this size"))?;
    let mut fan = Fan::new(wants.iter_mut().map(|want| &mut *want.sink as &mut dyn Sink).collect());
    fan.frame(&Shape::rows(width, height, layout, false), 0)?;

    let mut pixels = vec![0; bytes];
    let mut decoded = Decoded::default();
    match decoder.read_image(&mut pixels).map_err(error) {
        Ok(()) => {}
        // What was read before the end lies at its place in the buffer; the rest is black.
        Err(Error::Truncated { what, .. }) if partial => decoded.warnings.push(Warning::new("truncated", what)),
        Err(other) => return Err(other),
    }
    for (y, row) in pixels.chunks_exact((width as usize * layout.channels()).max(1)).enumerate() {
        if y % 64 == 0 {
            ctx.go_on(Stage::Decode)?;
        }
        if fan.row(0, Row::U8(row)).is_break() {
            break;
        }
    }
    Ok(decoded)
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
        if size >= 40 {
            let colors = number(input, 46, 4)?;
            if bits <= 8 && colors > 1 << bits {
                return Err(Error::unsupported(format!("a BMP palette of {colors} colors for {bits} bits a pixel")));
            }
            let masks = [number(input, 54, 4), number(input, 58, 4), number(input, 62, 4)];
            if number(input, 30, 4)? == 3 && masks.iter().any(|mask| matches!(mask, Ok(0))) {
                return Err(Error::unsupported("a BMP without a mask for each color"));
            }
        }
        Ok(Header { size, bits })
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
