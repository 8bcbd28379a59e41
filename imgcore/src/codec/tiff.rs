//! TIFF: the directory is read here, in place; each strip or tile is decoded by the `tiff` crate and turned into rows.
//!
//! A band of strips or tiles is in memory at a time, never the picture. Only the first page is read; the others are counted.

mod chunk;
mod color;
mod exif;
mod ifd;
mod image;

use self::chunk::Coding;
use self::color::Painter;
use self::ifd::{File, Ifd};
use self::image::Image;
use super::{Format, Found};
use crate::decode::{Decoded, Fan, Row, Shape, Sink, Want};
use crate::error::Error;
use crate::limits::{Context, Limits, Stage, check};
use crate::report::Warning;

const ORIENTATION: u16 = 274;
const XMP: u16 = 700;
const IPTC: u16 = 33723;
const ICC: u16 = 34675;

pub(super) fn probe(input: &[u8], limits: &Limits) -> Result<Found, Error> {
    let file = File::open(input)?;
    let ifd = file.first_ifd()?;
    let image = Image::read(&ifd)?;
    let mut found = Found::still(image.size, image.layout());
    found.frames = u32::try_from(file.pages(limits.max_frames.saturating_add(1))).unwrap_or(u32::MAX);
    found.deep = image.deep();
    found.bit_depth = image.bits as u8;
    found.space = image.space();
    found.scratch = image.scratch(input.len() as u64);
    found.orientation = ifd.number(ORIENTATION).and_then(|value| u16::try_from(value).ok()).filter(|value| (1..=8).contains(value));
    read_blocks(&mut found, &file, &ifd, limits);
    Ok(found)
}

/// Takes the metadata blocks that are within the limits.
fn read_blocks(found: &mut Found, file: &File<'_>, ifd: &Ifd<'_>, limits: &Limits) {
    let mut left = limits.max_metadata_bytes;
    let mut dropped = Vec::new();
    let mut take = |name, tag| {
        let bytes = ifd.bytes(tag).filter(|bytes| !bytes.is_empty())?;
        if bytes.len() as u64 > limits.max_metadata_block_bytes.min(left) {
            dropped.push(Warning::new("metadata_dropped", format!("{name} of {} bytes", bytes.len())));
            return None;
        }
        left -= bytes.len() as u64;
        Some(bytes.to_vec())
    };
    found.blocks.icc = take("a profile", ICC);
    found.blocks.xmp = take("XMP", XMP);
    found.blocks.iptc = take("IPTC", IPTC);
    found.blocks.exif = exif::exif(file, ifd, limits.max_metadata_block_bytes.min(left));
    found.warnings.extend(dropped);
}

pub(super) fn decode(input: &[u8], wants: &mut [Want<'_>], ctx: &Context) -> Result<Decoded, Error> {
    let file = File::open(input)?;
    let ifd = file.first_ifd()?;
    let image = Image::read(&ifd)?;
    image.check()?;
    // Asked again here, since a tile may be larger than its picture.
    check("maxMemoryBytes", image.scratch(input.len() as u64), ctx.limits.max_memory_bytes)?;
    let mut painter = Painter::new(&image, ifd.bytes(ICC))?;
    let partial = wants.iter().all(|want| want.plan.partial);
    let mut fan = Fan::new(wants.iter_mut().map(|want| &mut *want.sink as &mut dyn Sink).collect());
    fan.frame(&Shape::rows(image.size.width, image.size.height, image.layout(), image.deep()), 0)?;

    let mut band = Band::new(&image);
    for down in 0..image.chunks.down {
        let rows = image.chunks.height.min(image.size.height - down * image.chunks.height);
        let end = match band.read(&file, down, rows, ctx) {
            Err(error @ (Error::Truncated { .. } | Error::Malformed { .. })) if partial => Some(error),
            other => other.map(|()| None)?,
        };
        for y in 0..rows as usize {
            if y % 64 == 0 {
                ctx.go_on(Stage::Decode)?;
            }
            let planes = band.row(y);
            let row = if painter.is_plain() { Row::U8(&planes[0][..image.size.width as usize * image.layout().channels()]) } else { painter.row(&planes) };
            if fan.row(0, row).is_break() {
                return Ok(Decoded::default());
            }
        }
        if let Some(error) = end {
            return Ok(Decoded { warnings: vec![Warning::new("truncated", error.to_string())] });
        }
    }
    Ok(Decoded::default())
}

/// The chunks beside each other that make some whole rows, of all planes.
struct Band<'a> {
    image: &'a Image<'a>,
    /// Bytes of a row of one plane, with what tiles hang over.
    stride: usize,
    planes: Vec<Vec<u8>>,
    tile: Vec<u8>,
}

impl<'a> Band<'a> {
    fn new(image: &'a Image<'a>) -> Band<'a> {
        let stride = image.chunk_row_bytes() as usize * image.chunks.across as usize;
        Band { image, stride, planes: vec![Vec::new(); image.planes()], tile: Vec::new() }
    }

    /// Decodes a band of so many rows. After an error the band holds what was decoded before it, and zeros.
    fn read(&mut self, file: &File<'_>, down: u32, rows: u32, ctx: &Context) -> Result<(), Error> {
        let (chunks, rows) = (self.image.chunks, rows as usize);
        let coding = Coding::new(self.image, file.big_endian);
        let row_bytes = self.image.chunk_row_bytes() as usize;
        for plane in &mut self.planes {
            plane.clear();
            plane.resize(self.stride * rows, 0);
        }
        for (number, plane) in (0u64..).zip(&mut self.planes) {
            let first = (number * u64::from(chunks.down) + u64::from(down)) * u64::from(chunks.across);
            for across in 0..chunks.across {
                ctx.go_on(Stage::Decode)?;
                let (coded, whole) = self.image.chunk(file, first + u64::from(across))?;
                let decoded = if chunks.across == 1 {
                    coding.decode(coded, plane)
                } else {
                    self.tile.clear();
                    self.tile.resize(row_bytes * rows, 0);
                    let decoded = coding.decode(coded, &mut self.tile);
                    let at = across as usize * row_bytes;
                    for (to, from) in plane.chunks_exact_mut(self.stride).zip(self.tile.chunks_exact(row_bytes)) {
                        to[at..at + row_bytes].copy_from_slice(from);
                    }
                    decoded
                };
                // Some decoders fill up what is missing; a chunk cut off by the end of the file is never whole.
                decoded.and(if whole || self.image.compression == 1 { Ok(()) } else { Err(Error::truncated(Format::Tiff, "a strip or tile is incomplete")) })?;
            }
        }
        Ok(())
    }

    /// A row, as one slice a plane.
    fn row(&self, y: usize) -> Vec<&[u8]> {
        self.planes.iter().map(|plane| plane.get(y * self.stride..(y + 1) * self.stride).unwrap_or_default()).collect()
    }
}
