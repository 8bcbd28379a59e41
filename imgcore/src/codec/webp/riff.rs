//! The chunks of a WebP: what its header claims, where the bits of the first frame lie, and the metadata beside them.

use crate::codec::{Blocks, Format, Found};
use crate::error::Error;
use crate::geometry::{Region, Size};
use crate::limits::Limits;
use crate::pixels::Layout;
use crate::report::Warning;

/// One chunk; where the file ends inside it, what there is of it.
#[derive(Debug, Clone, Copy)]
struct Chunk<'a> {
    kind: [u8; 4],
    body: &'a [u8],
    is_cut: bool,
}

/// The chunks of a list, each padded to an even size.
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let (kind, rest) = self.0.split_first_chunk::<4>()?;
        let (size, rest) = rest.split_first_chunk::<4>()?;
        let size = u64::from(u32::from_le_bytes(*size));
        let body = &rest[..size.min(rest.len() as u64) as usize];
        self.0 = rest.get(body.len() + body.len() % 2..).unwrap_or_default();
        Some(Chunk { kind: *kind, body, is_cut: (body.len() as u64) < size })
    }
}

/// The bits of one frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bits<'a> {
    pub(super) is_lossless: bool,
    pub(super) body: &'a [u8],
    /// An ALPH chunk's body, before a lossy picture.
    pub(super) alpha: Option<&'a [u8]>,
    pub(super) size: Size,
    pub(super) has_alpha: bool,
    is_cut: bool,
}

/// What the file holds.
pub(super) struct Survey<'a> {
    pub(super) canvas: Size,
    /// Where the first frame lies on the canvas.
    pub(super) place: Region,
    pub(super) bits: Bits<'a>,
    /// Whether the file is shorter than it says.
    pub(super) is_cut: bool,
    frames: u64,
    loops: u32,
    chunks: Vec<Chunk<'a>>,
}

fn malformed(what: &str) -> Error {
    Error::malformed(Format::Webp, what)
}

fn cut() -> Error {
    Error::truncated(Format::Webp, "there is no whole picture in it")
}

fn u24(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 3).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], 0]))
}

pub(super) fn survey<'a>(input: &'a [u8], limits: &Limits) -> Result<Survey<'a>, Error> {
    let size = input.get(4..8).and_then(|b| b.first_chunk::<4>()).map_or(0, |b| u64::from(u32::from_le_bytes(*b)));
    let end = (size + 8).min(input.len() as u64) as usize;
    let is_cut = size + 8 > input.len() as u64;
    let mut chunks = Chunks(input.get(12..end).unwrap_or_default());
    let first = chunks.next().ok_or_else(cut)?;
    if first.kind != *b"VP8X" {
        let bits = bits(&mut std::iter::once(first), None)?.ok_or_else(|| malformed("it does not begin with a picture"))?;
        let place = Region { left: 0, top: 0, width: bits.size.width, height: bits.size.height };
        return Ok(Survey { canvas: bits.size, place, bits, is_cut: is_cut || bits.is_cut, frames: 1, loops: 0, chunks: Vec::new() });
    }
    if first.body.len() < 10 {
        return Err(if first.is_cut { cut() } else { malformed("its VP8X chunk is too short") });
    }
    let canvas = Size { width: u24(first.body, 4) + 1, height: u24(first.body, 7) + 1 };
    let is_animated = first.body[0] & 2 != 0;

    let mut survey: Option<(Bits<'a>, Region)> = None;
    let (mut frames, mut loops, mut alpha, mut blocks) = (0_u64, 0, None, Vec::new());
    let mut ends_early = is_cut;
    for chunk in chunks {
        ends_early |= chunk.is_cut;
        match &chunk.kind {
            b"ANMF" if is_animated => {
                frames += u64::from(frames <= limits.max_frames);
                if survey.is_none() {
                    survey = Some(frame(&chunk, canvas)?);
                }
            }
            b"ANIM" => loops = chunk.body.get(4..6).map_or(0, |b| u32::from(u16::from_le_bytes([b[0], b[1]]))),
            b"ALPH" if alpha.is_none() => alpha = Some(chunk),
            b"VP8 " | b"VP8L" if !is_animated && survey.is_none() => {
                let place = Region { left: 0, top: 0, width: canvas.width, height: canvas.height };
                survey = bits(&mut std::iter::once(chunk), alpha)?.map(|bits| (bits, place));
            }
            b"ICCP" | b"EXIF" | b"XMP " if !chunk.is_cut => blocks.push(chunk),
            _ => {}
        }
    }
    let (bits, place) = survey.ok_or_else(|| if ends_early { cut() } else { malformed("there is no picture in it") })?;
    Ok(Survey { canvas, place, bits, is_cut: ends_early, frames: frames.max(1), loops, chunks: blocks })
}

/// A frame of an animation: its place, and its own chunks.
fn frame<'a>(chunk: &Chunk<'a>, canvas: Size) -> Result<(Bits<'a>, Region), Error> {
    let Some(body) = chunk.body.get(16..) else { return Err(if chunk.is_cut { cut() } else { malformed("a frame is too short") }) };
    let at = |at| u24(chunk.body, at);
    let place = Region { left: at(0) * 2, top: at(3) * 2, width: at(6) + 1, height: at(9) + 1 };
    if place.left + place.width > canvas.width || place.top + place.height > canvas.height {
        return Err(malformed("a frame lies outside the canvas"));
    }
    let missing = || if chunk.is_cut { cut() } else { malformed("a frame holds no picture") };
    let bits = bits(&mut Chunks(body), None)?.ok_or_else(missing)?;
    Ok((Bits { is_cut: bits.is_cut || chunk.is_cut, ..bits }, place))
}

/// The first picture of a list of chunks, and the alpha before it.
fn bits<'a>(chunks: &mut dyn Iterator<Item = Chunk<'a>>, mut alpha: Option<Chunk<'a>>) -> Result<Option<Bits<'a>>, Error> {
    for chunk in chunks {
        let body = chunk.body;
        let short = || if chunk.is_cut { cut() } else { malformed("its picture is too short for a header") };
        match &chunk.kind {
            b"ALPH" => alpha = alpha.or(Some(chunk)),
            b"VP8 " => {
                let header = body.first_chunk::<10>().ok_or_else(short)?;
                if header[0] & 1 != 0 || header[3..6] != [0x9D, 0x01, 0x2A] {
                    return Err(malformed("its lossy picture has no start code"));
                }
                let side = |at: usize| u32::from(u16::from_le_bytes([header[at], header[at + 1]]) & 0x3FFF);
                let size = Size { width: side(6), height: side(8) };
                if size.width == 0 || size.height == 0 {
                    return Err(malformed("its size is zero"));
                }
                let is_cut = chunk.is_cut || alpha.is_some_and(|alpha| alpha.is_cut);
                let alpha = alpha.map(|alpha| alpha.body);
                return Ok(Some(Bits { is_lossless: false, body, alpha, size, has_alpha: alpha.is_some(), is_cut }));
            }
            b"VP8L" => {
                let &[signature, b0, b1, b2, b3] = body.first_chunk::<5>().ok_or_else(short)?;
                let header = u32::from_le_bytes([b0, b1, b2, b3]);
                if signature != 0x2F || header >> 29 != 0 {
                    return Err(malformed("its lossless picture has no signature"));
                }
                let size = Size { width: (header & 0x3FFF) + 1, height: (header >> 14 & 0x3FFF) + 1 };
                let has_alpha = header >> 28 & 1 == 1;
                return Ok(Some(Bits { is_lossless: true, body, alpha: None, size, has_alpha, is_cut: chunk.is_cut }));
            }
            _ => {}
        }
    }
    Ok(None)
}

impl Survey<'_> {
    /// Transparent where the frame says so, and where there is no frame.
    pub(super) fn layout(&self) -> Layout {
        let covers = (self.place.width, self.place.height) == (self.canvas.width, self.canvas.height);
        Layout::of(false, self.bits.has_alpha || !covers)
    }

    /// What the decoder holds: the frame in four bytes a pixel, the planes of a lossy one and its alpha in five, and a copy of the bits.
    fn scratch(&self) -> u64 {
        let (width, height) = (u64::from(self.place.width), u64::from(self.place.height));
        let padded = (width + 16) * (height + 16);
        let held = match (self.bits.is_lossless, self.bits.alpha) {
            (true, _) => 5 * padded,
            (false, None) => 4 * padded + padded / 2,
            (false, Some(_)) => 9 * padded + padded / 2,
        };
        let bits = self.bits.body.len() + self.bits.alpha.map_or(0, <[u8]>::len);
        held + 3 * bits as u64 + u64::from(self.canvas.width) * 4 + (1 << 20)
    }

    pub(super) fn into_found(self, limits: &Limits) -> Found {
        let mut found = Found {
            frames: u32::try_from(self.frames).unwrap_or(u32::MAX),
            loops: self.loops,
            scratch: self.scratch(),
            ..Found::still(self.canvas, self.layout())
        };
        if !self.bits.is_lossless {
            found.space = crate::codec::Space::YCbCr;
            found.chroma_subsampling = Some("4:2:0");
        }
        let mut left = limits.max_metadata_bytes;
        let Blocks { icc, exif, xmp, .. } = &mut found.blocks;
        for chunk in self.chunks {
            let (block, body) = match &chunk.kind {
                b"ICCP" => (&mut *icc, chunk.body),
                // Some writers put the JPEG segment's own signature before the TIFF header.
                b"EXIF" => (&mut *exif, chunk.body.strip_prefix(b"Exif\0\0").unwrap_or(chunk.body)),
                _ => (&mut *xmp, chunk.body),
            };
            let bytes = body.len() as u64;
            if block.is_some() || body.is_empty() {
                continue;
            }
            if bytes > left.min(limits.max_metadata_block_bytes) {
                let kind = String::from_utf8_lossy(&chunk.kind);
                found
                    .warnings
                    .push(Warning::new("metadata_dropped", format!("the chunk {} is larger than the limits allow", kind.trim_end())));
                continue;
            }
            left -= bytes;
            *block = Some(body.to_vec());
        }
        found
    }
}
