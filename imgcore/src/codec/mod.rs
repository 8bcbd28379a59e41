//! One file or folder a format: its signature, its quirks, its decoder, its encoder.
//!
//! Codecs see bytes, pixels and their own options; no recipe and no plan of operations.
//! A new format is one file here and one arm in each match below.

mod bmp;
mod gif;
mod jpeg;
mod png;
mod tiff;
mod webp;

use std::fmt;

use serde::Serialize;

use crate::decode::{Decoded, Want};
use crate::error::Error;
use crate::geometry::Size;
use crate::limits::{Context, Limits};
use crate::pixels::{Layout, Picture, Pixels, Raster};
use crate::plan::EncodePlan;
use crate::recipe::Effort;
use crate::report::Warning;

/// A file format, told by its bytes and never by a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Format {
    /// JPEG, ISO/IEC 10918.
    Jpeg,
    /// PNG, animated PNG too.
    Png,
    /// WebP, lossy and lossless.
    Webp,
    /// GIF.
    Gif,
    /// TIFF.
    Tiff,
    /// Windows bitmap.
    Bmp,
    /// AVIF; recognized, not read yet.
    Avif,
    /// HEIC; recognized, not read yet.
    Heic,
    /// JPEG XL; recognized, not read yet.
    Jxl,
    /// No file: pixels that came as such.
    Raw,
}

impl Format {
    /// The name on the wire: `jpeg`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Format::Jpeg => "jpeg",
            Format::Png => "png",
            Format::Webp => "webp",
            Format::Gif => "gif",
            Format::Tiff => "tiff",
            Format::Bmp => "bmp",
            Format::Avif => "avif",
            Format::Heic => "heic",
            Format::Jxl => "jxl",
            Format::Raw => "raw",
        }
    }

    /// The file name extension, without a dot: `jpg`.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Format::Jpeg => "jpg",
            Format::Tiff => "tif",
            other => other.name(),
        }
    }

    /// The media type: `image/jpeg`.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Format::Jpeg => "image/jpeg",
            Format::Png => "image/png",
            Format::Webp => "image/webp",
            Format::Gif => "image/gif",
            Format::Tiff => "image/tiff",
            Format::Bmp => "image/bmp",
            Format::Avif => "image/avif",
            Format::Heic => "image/heic",
            Format::Jxl => "image/jxl",
            Format::Raw => "application/octet-stream",
        }
    }

    /// Whether a file of this format can hold transparent pixels.
    #[must_use]
    pub const fn can_hold_alpha(self) -> bool {
        !matches!(self, Format::Jpeg | Format::Bmp)
    }

    /// The format that these bytes begin like.
    #[must_use]
    pub fn of(input: &[u8]) -> Option<Format> {
        let brand = input.get(4..12).filter(|b| b.starts_with(b"ftyp")).map(|b| &b[4..]);
        match input {
            [0xFF, 0xD8, ..] => Some(Format::Jpeg),
            [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Some(Format::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Format::Webp),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Format::Gif),
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(Format::Tiff),
            [b'B', b'M', ..] => Some(Format::Bmp),
            [0xFF, 0x0A, ..] | [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => Some(Format::Jxl),
            _ => match brand {
                Some(b"avif" | b"avis") => Some(Format::Avif),
                Some(b"heic" | b"heix" | b"hevc" | b"hevx" | b"mif1" | b"msf1") => Some(Format::Heic),
                _ => None,
            },
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Format::Jpeg => "JPEG",
            Format::Png => "PNG",
            Format::Webp => "WebP",
            Format::Gif => "GIF",
            Format::Tiff => "TIFF",
            Format::Bmp => "BMP",
            Format::Avif => "AVIF",
            Format::Heic => "HEIC",
            Format::Jxl => "JPEG XL",
            Format::Raw => "raw pixels",
        })
    }
}

/// The colors that a file stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Space {
    /// Grey.
    Gray,
    /// Red, green, blue; palettes too.
    Rgb,
    /// Luma and two chromas.
    YCbCr,
    /// Four inks.
    Cmyk,
    /// Four inks, three of them as luma and chroma.
    Ycck,
    /// CIE L*a*b*.
    Lab,
}

/// Metadata as it stands in the file, unread.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Blocks {
    /// An ICC profile, whole.
    pub(crate) icc: Option<Vec<u8>>,
    /// An EXIF block, from its TIFF header on (no `Exif\0\0` before it).
    pub(crate) exif: Option<Vec<u8>>,
    /// An XMP packet.
    pub(crate) xmp: Option<Vec<u8>>,
    /// An IPTC block.
    pub(crate) iptc: Option<Vec<u8>>,
}

/// What a file's own header says, before any pixel is decoded.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Found {
    /// The canvas, as stored.
    pub(crate) size: Size,
    /// Frames found (never merely declared), counted up to one more than `max_frames`. At least 1.
    pub(crate) frames: u32,
    /// How often an animation plays; 0 is for ever.
    pub(crate) loops: u32,
    /// The layout of the rows that `decode` pushes.
    pub(crate) layout: Layout,
    /// Whether `decode` pushes 16-bit rows.
    pub(crate) deep: bool,
    /// Bits a sample in the file.
    pub(crate) bit_depth: u8,
    /// The colors in the file.
    pub(crate) space: Space,
    /// Chroma subsampling in the usual notation (`4:2:0`), for a JPEG with chroma.
    pub(crate) chroma_subsampling: Option<&'static str>,
    /// Progressive (JPEG) or interlaced (PNG, GIF).
    pub(crate) progressive: bool,
    /// The most heap that `decode` holds beside what its sinks keep, in bytes: what plan() forecasts with.
    pub(crate) scratch: u64,
    /// The same where the picture is decoded at N/8, for N from 1 to 7; 0 where the format cannot.
    pub(crate) scaled_scratch: [u64; 7],
    /// The orientation that the format itself states (TIFF), 1 to 8; an EXIF block's wins where both exist.
    pub(crate) orientation: Option<u16>,
    pub(crate) blocks: Blocks,
    pub(crate) warnings: Vec<Warning>,
}

impl Found {
    /// A still picture of 8-bit RGB without metadata: what a codec fills in from.
    pub(crate) fn still(size: Size, layout: Layout) -> Found {
        Found {
            size,
            frames: 1,
            loops: 0,
            layout,
            deep: false,
            bit_depth: 8,
            space: if layout.is_gray() { Space::Gray } else { Space::Rgb },
            chroma_subsampling: None,
            progressive: false,
            scratch: 0,
            scaled_scratch: [0; 7],
            orientation: None,
            blocks: Blocks::default(),
            warnings: Vec::new(),
        }
    }
}

/// Reads a file's header.
pub(crate) fn probe(format: Format, input: &[u8], limits: &Limits) -> Result<Found, Error> {
    match format {
        Format::Jpeg => jpeg::probe(input, limits),
        Format::Png => png::probe(input, limits),
        Format::Webp => webp::probe(input, limits),
        Format::Gif => gif::probe(input, limits),
        Format::Tiff => tiff::probe(input, limits),
        Format::Bmp => bmp::probe(input, limits),
        Format::Avif | Format::Heic | Format::Jxl | Format::Raw => Err(Error::unsupported(format!("reading {format}"))),
    }
}

/// Decodes a file into the sinks of all wants. Canvas sizes were checked against the limits by the plan; scans, chunks and counts are the codec's to check.
pub(crate) fn decode(format: Format, input: &[u8], wants: &mut [Want<'_>], ctx: &Context) -> Result<Decoded, Error> {
    match format {
        Format::Jpeg => jpeg::decode(input, wants, ctx),
        Format::Png => png::decode(input, wants, ctx),
        Format::Webp => webp::decode(input, wants, ctx),
        Format::Gif => gif::decode(input, wants, ctx),
        Format::Tiff => tiff::decode(input, wants, ctx),
        Format::Bmp => bmp::decode(input, wants, ctx),
        Format::Avif | Format::Heic | Format::Jxl | Format::Raw => Err(Error::unsupported(format!("reading {format}"))),
    }
}

/// Encodes 8-bit rasters of the layout that the plan names.
pub(crate) fn encode(picture: &Picture, blocks: &Blocks, plan: &EncodePlan) -> Result<Vec<u8>, Error> {
    match plan.format {
        Format::Jpeg => jpeg::encode(picture, blocks, plan),
        Format::Png => png::encode(picture, blocks, plan),
        Format::Webp => webp::encode(picture, blocks, plan),
        Format::Gif => gif::encode(picture, blocks, plan),
        other => Err(Error::unsupported(format!("writing {other}"))),
    }
}

/// The first frame's raster: what an encoder of stills writes.
fn still(picture: &Picture) -> Result<&Raster, Error> {
    match picture.frames.first().map(|frame| &frame.pixels) {
        Some(Pixels::Raster(raster)) => Ok(raster),
        _ => Err(Error::internal("an encoder was given no raster")),
    }
}

/// How often an encoder goes over each sample, about: what plan() forecasts the work with.
pub(crate) fn encode_passes(plan: &EncodePlan) -> u64 {
    // Every scan that is tried counts symbols once more.
    if plan.format == Format::Jpeg && plan.effort == Effort::Small { 16 } else { 1 }
}

/// The most that an encoder holds beside the raster that it reads and the file that it gives, in bytes.
pub(crate) fn encode_scratch(plan: &EncodePlan, size: Size) -> u64 {
    let padded = (u64::from(size.width) + 16) * (u64::from(size.height) + 16);
    let channels = plan.layout.channels() as u64;
    match plan.format {
        Format::Jpeg => jpeg::encode_scratch(plan, size),
        // Filtered rows and their compressed form, which grows by doubling.
        Format::Png => padded * channels * 3,
        // Four bytes a pixel, and the tokens.
        Format::Webp => padded * 12,
        // Indices, and the colors that are counted.
        _ => padded * 12 + (9 << 20),
    }
}
