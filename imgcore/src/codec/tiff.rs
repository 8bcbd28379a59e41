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
use super::{Format, Found, Space};
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
    if let (Space::Cmyk, Some(icc)) = (found.space, &found.blocks.icc) {
        // A profile for inks unfolds into tables of four dimensions.
        found.scratch = found.scratch.saturating_add(8 * icc.len() as u64 + (4 << 20));
    }
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
            let row = if painter.is_plain() {
                Row::U8(&planes[0][..image.size.width as usize * image.layout().channels()])
            } else {
                painter.row(&planes)
            };
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
                decoded.and(if whole || self.image.compression == 1 {
                    Ok(())
                } else {
                    Err(Error::truncated(Format::Tiff, "a strip or tile is incomplete"))
                })?;
            }
        }
        Ok(())
    }

    /// A row, as one slice a plane.
    fn row(&self, y: usize) -> Vec<&[u8]> {
        self.planes.iter().map(|plane| plane.get(y * self.stride..(y + 1) * self.stride).unwrap_or_default()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::{Collect, DecodePlan};
    use crate::pixels::{Layout, Raster, Samples};

    const FILES: [&[u8]; 5] = [
        include_bytes!("../../tests/data/tiff-deflate.tif"),
        include_bytes!("../../tests/data/tiff-gray16.tif"),
        include_bytes!("../../tests/data/tiff-lzw.tif"),
        include_bytes!("../../tests/data/tiff-packbits.tif"),
        include_bytes!("../../tests/data/tiff-orientation-6.tif"),
    ];

    /// Decodes what the limits of a test allow.
    fn read(input: &[u8], partial: bool) -> Result<Raster, Error> {
        let found = probe(input, &Limits::default())?;
        if u64::from(found.size.width) * u64::from(found.size.height) > 1 << 20 {
            return Err(Error::unsupported("a large picture in this test"));
        }
        let mut sink = Collect::new(found.deep);
        let plan = DecodePlan { eighths: 8, chroma_eighths: None, deep: found.deep, frames: 0..1, partial };
        let limits = Limits { max_memory_bytes: 1 << 24, ..Limits::default() };
        decode(input, &mut [Want { plan, sink: &mut sink }], &Context::with_limits(limits))?;
        Ok(sink.finish().remove(0).0)
    }

    /// A little-endian TIFF of one directory, its pixels behind it; values longer than four bytes go behind those.
    fn tiff(tags: &[(u16, u16, &[u32])], pixels: &[u8]) -> Vec<u8> {
        let mut file = b"II*\0\x08\0\0\0".to_vec();
        let mut tags: Vec<(u16, u16, Vec<u32>)> = tags.iter().map(|(tag, kind, values)| (*tag, *kind, values.to_vec())).collect();
        let pixels_at = 8 + 2 + 12 * (tags.len() + 1) + 4;
        tags.push((273, 4, vec![pixels_at as u32]));
        tags.sort();
        let mut behind = Vec::new();
        file.extend((tags.len() as u16).to_le_bytes());
        for (tag, kind, values) in tags {
            let size = if kind == 3 { 2 } else { 4 };
            let mut bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()[..size].to_vec()).collect();
            if bytes.len() > 4 {
                let at = (pixels_at + pixels.len() + behind.len()) as u32;
                behind.extend(std::mem::replace(&mut bytes, at.to_le_bytes().to_vec()));
            }
            bytes.resize(4, 0);
            file.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
            file.extend((values.len() as u32).to_le_bytes());
            file.extend(bytes);
        }
        file.extend([0; 4]);
        file.extend(pixels);
        file.extend(behind);
        file
    }

    #[test]
    fn no_prefix_and_no_flipped_bit_panics() {
        for file in FILES {
            let whole = read(file, false).unwrap();
            for len in 0..file.len() {
                let _ = read(&file[..len], false);
                if let Ok(part) = read(&file[..len], true) {
                    assert_eq!((part.size(), part.samples.len()), (whole.size(), whole.samples.len()));
                }
            }
            // One bit a byte, another one in each file.
            for at in 0..file.len() {
                let mut flipped = file.to_vec();
                flipped[at] ^= 1 << ((at + file.len()) % 8);
                let _ = (read(&flipped, false), read(&flipped, true));
            }
        }
    }

    #[test]
    fn missing_pixels_are_truncated_unless_a_part_is_wanted() {
        let file = tiff(&[(256, 3, &[2]), (257, 3, &[2]), (258, 3, &[8]), (262, 3, &[1]), (279, 4, &[4])], &[1, 2, 3, 4]);
        assert_eq!(read(&file, false).unwrap().bytes(), [1, 2, 3, 4]);
        assert_eq!(read(&file[..file.len() - 1], false).unwrap_err().code(), "truncated");
        assert_eq!(read(&file[..file.len() - 1], true).unwrap().bytes(), [1, 2, 3, 0]);
    }

    #[test]
    fn bits_become_full_greys_and_white_may_be_zero() {
        let tags = |white: &'static [u32]| {
            tiff(&[(256, 3, &[3]), (257, 3, &[1]), (258, 3, &[2]), (262, 3, white), (279, 4, &[1])], &[0b00_01_11_00])
        };
        assert_eq!(read(&tags(&[1]), false).unwrap().bytes(), [0, 85, 255]);
        assert_eq!(read(&tags(&[0]), false).unwrap().bytes(), [255, 170, 0]);
    }

    #[test]
    fn planes_of_associated_alpha_become_straight_pixels() {
        let tags: [(u16, u16, &[u32]); 8] = [
            (256, 3, &[2]),
            (257, 3, &[1]),
            (258, 3, &[8, 8]),
            (262, 3, &[1]),
            (277, 3, &[2]),
            (284, 3, &[2]),
            (338, 3, &[1]),
            (279, 4, &[2, 2]),
        ];
        let mut file = tiff(&tags, &[64, 10, 128, 255]);
        // The second plane's strip begins two bytes behind the first one's.
        let at = file.windows(4).position(|w| w == [0x11, 1, 4, 0]).unwrap();
        let first = u32::from_le_bytes(file[at + 8..at + 12].try_into().unwrap());
        let list = file.len() as u32;
        file[at + 4..at + 12].copy_from_slice(&[2u32.to_le_bytes(), list.to_le_bytes()].concat());
        file.extend([first.to_le_bytes(), (first + 2).to_le_bytes()].concat());
        let raster = read(&file, false).unwrap();
        assert_eq!((raster.layout, raster.bytes()), (Layout::GrayAlpha, &[128, 128, 10, 255][..]));
    }

    #[test]
    #[expect(clippy::unusual_byte_groupings, reason = "the groups are the codes")]
    fn fax_lines_are_black_on_white() {
        // White 2, black 3, white 3 on each of two lines: horizontal mode, then three vertical zeros.
        let tags =
            |compression: &'static [u32]| [(256, 3, &[8][..]), (257, 3, &[2]), (259, 3, compression), (262, 3, &[0]), (279, 4, &[6])];
        let lines = [255, 255, 0, 0, 0, 255, 255, 255].repeat(2);
        let group4 = tiff(&tags(&[4]), &[0b001_0111_1, 0b0_1_1_1_1_000, 0b0000_0000, 0b1_0000_000, 0b0000_1_000, 0]);
        assert_eq!(read(&group4, false).unwrap().bytes(), lines);
        // End of line, white 2, black 3, white 3, twice, and a last end of line.
        let group3 = tiff(&tags(&[3]), &[0b0000_0000, 0b0001_0111, 0b10_1000_00, 0b0000_0000, 0b01_0111_10, 0b1000_0000]);
        assert_eq!(read(&group3, true).unwrap().bytes(), lines);
    }

    #[test]
    fn sixteen_bits_stay() {
        let file = tiff(&[(256, 3, &[2]), (257, 3, &[1]), (258, 3, &[16]), (262, 3, &[1]), (279, 4, &[4])], &[0x34, 0x12, 0xFF, 0xFF]);
        assert_eq!(read(&file, false).unwrap().samples, Samples::U16(vec![0x1234, 0xFFFF]));
    }

    #[test]
    fn a_tile_larger_than_the_memory_is_refused_by_the_limit() {
        let tags: [(u16, u16, &[u32]); 8] = [
            (256, 3, &[1]),
            (257, 3, &[1]),
            (258, 3, &[8]),
            (262, 3, &[1]),
            (322, 4, &[1 << 30]),
            (323, 4, &[1 << 30]),
            (324, 4, &[8]),
            (325, 4, &[8]),
        ];
        assert_eq!(read(&tiff(&tags, &[0; 8]), false).unwrap_err().code(), "limit_exceeded");
    }

    #[test]
    fn the_exif_block_holds_the_description_and_no_pixels() {
        let file = tiff(&[(256, 3, &[1]), (257, 3, &[1]), (258, 3, &[8]), (262, 3, &[1]), (274, 3, &[6]), (279, 4, &[1])], &[9]);
        let found = probe(&file, &Limits::default()).unwrap();
        assert_eq!(found.orientation, Some(6));
        let block = File::open(found.blocks.exif.as_deref().unwrap()).unwrap().first_ifd().unwrap();
        assert_eq!((block.entries.len(), block.number(ORIENTATION)), (1, Some(6)));
    }

    #[test]
    fn a_loop_of_pages_ends() {
        let mut file = tiff(&[(256, 3, &[1]), (257, 3, &[1]), (258, 3, &[8]), (262, 3, &[1]), (279, 4, &[1])], &[9]);
        let link = file.len() - 5;
        file[link..link + 4].copy_from_slice(&8u32.to_le_bytes());
        assert_eq!(probe(&file, &Limits::default()).unwrap().frames, 1);
    }
}
