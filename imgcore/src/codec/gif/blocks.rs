//! The blocks of a GIF: frames found and counted without decoding them, and the metadata in application extensions.

use crate::codec::{Format, Found};
use crate::error::Error;
use crate::geometry::{Region, Size};
use crate::limits::Limits;
use crate::pixels::Layout;
use crate::report::Warning;

/// A frame as its descriptor says; its data is not read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) place: Region,
    pub(super) is_interlaced: bool,
    pub(super) transparent: Option<u8>,
    /// Red, green, blue; as many as there are.
    pub(super) palette: &'a [u8],
    /// The code size, and the sub-blocks after it.
    pub(super) data: &'a [u8],
}

/// What the file holds.
pub(super) struct Survey<'a> {
    pub(super) canvas: Size,
    pub(super) first: Frame<'a>,
    frames: u64,
    loops: u32,
    icc: Option<&'a [u8]>,
    xmp: Option<&'a [u8]>,
}

/// Reads forward and never beyond the end.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|b| b[0])
    }

    fn skip_blocks(&mut self) -> Option<()> {
        loop {
            match self.byte()? {
                0 => return Some(()),
                size => self.take(size.into())?,
            };
        }
    }

    fn palette(&mut self, flags: u8) -> Option<&'a [u8]> {
        if flags & 0x80 == 0 { Some(&[]) } else { self.take(3 * (2 << (flags & 7))) }
    }
}

/// The bytes of sub-blocks, one after the other.
pub(super) struct SubBlocks<'a> {
    rest: &'a [u8],
    block: &'a [u8],
}

impl<'a> SubBlocks<'a> {
    pub(super) fn new(data: &'a [u8]) -> SubBlocks<'a> {
        SubBlocks { rest: data, block: &[] }
    }

    /// The next byte; none at the end of the blocks.
    ///
    /// # Errors
    /// Where the file ends first.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<u8>, Cut> {
        if self.block.is_empty() {
            let (&size, rest) = self.rest.split_first().ok_or(Cut)?;
            if size == 0 {
                return Ok(None);
            }
            // What there is of the last block is data still.
            let size = usize::from(size).min(rest.len());
            (self.block, self.rest) = rest.split_at(size);
        }
        let (&byte, block) = self.block.split_first().ok_or(Cut)?;
        self.block = block;
        Ok(Some(byte))
    }

    fn bytes(mut self, max: u64) -> Result<Vec<u8>, TooLong> {
        let mut bytes = Vec::new();
        while let Ok(Some(byte)) = self.next() {
            if bytes.len() as u64 == max {
                return Err(TooLong);
            }
            bytes.push(byte);
        }
        Ok(bytes)
    }
}

/// The file ends here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut;

struct TooLong;

pub(super) fn survey<'a>(input: &'a [u8], limits: &Limits) -> Result<Survey<'a>, Error> {
    let cut = || Error::truncated(Format::Gif, "there is no frame in it");
    let malformed = |what: &str| Error::malformed(Format::Gif, what);
    let mut reader = Reader(input.get(6..).unwrap_or_default());
    let &[w0, w1, h0, h1, flags, ..] = reader.take(7).ok_or_else(cut)? else { return Err(cut()) };
    let canvas = Size { width: u16::from_le_bytes([w0, w1]).into(), height: u16::from_le_bytes([h0, h1]).into() };
    let global = reader.palette(flags).ok_or_else(cut)?;

    let (mut first, mut frames, mut plays, mut icc, mut xmp) = (None, 0_u64, 1, None, None);
    let mut transparent = None;
    // Until the trailer, the end of the file, or what is no block: after the first frame, none of these is an error.
    let ending = loop {
        match reader.byte() {
            None => break cut(),
            Some(b',') => {
                let Some(frame) = frame(&mut reader, global, transparent.take()) else { break cut() };
                first = first.or(Some(frame));
                frames += 1;
                if frames > limits.max_frames || reader.skip_blocks().is_none() {
                    break cut();
                }
            }
            Some(b'!') => {
                let Some(label) = reader.byte() else { break cut() };
                let blocks = reader.0;
                match (label, blocks) {
                    (0xF9, [4, flags, _, _, index, ..]) => transparent = (flags & 1 == 1).then_some(*index),
                    (0xFF, [11, rest @ ..]) => match rest.split_at_checked(11) {
                        Some((b"NETSCAPE2.0" | b"ANIMEXTS1.0", [3, 1, n0, n1, ..])) => plays = plays_of(u16::from_le_bytes([*n0, *n1])),
                        Some((b"ICCRGBG1012", data)) => icc = icc.or(Some(data)),
                        Some((b"XMP DataXMP", data)) => xmp = xmp.or(Some(data)),
                        _ => {}
                    },
                    _ => {}
                }
                if reader.skip_blocks().is_none() {
                    break cut();
                }
            }
            // An empty block too many.
            Some(0) => {}
            Some(b';') => break malformed("there is no frame in it"),
            Some(_) => break malformed("there is an unknown block before its first frame"),
        }
    };
    let first = first.ok_or(ending)?;
    if canvas.width == 0 || canvas.height == 0 {
        return Err(malformed("its size is zero"));
    }
    let Region { left, top, width, height } = first.place;
    if width > 0 && height > 0 && (left >= canvas.width || top >= canvas.height) {
        return Err(malformed("its first frame lies outside the canvas"));
    }
    let loops = if frames == 1 { 0 } else { plays };
    Ok(Survey { canvas, first, frames, loops, icc, xmp })
}

/// The count says how often an animation plays again after the first time, 0 for ever. Without a count it plays once.
fn plays_of(count: u16) -> u32 {
    if count == 0 { 0 } else { u32::from(count) + 1 }
}

fn frame<'a>(reader: &mut Reader<'a>, global: &'a [u8], transparent: Option<u8>) -> Option<Frame<'a>> {
    let &[l0, l1, t0, t1, w0, w1, h0, h1, flags] = reader.take(9)? else { return None };
    let word = |low, high| u32::from(u16::from_le_bytes([low, high]));
    let local = reader.palette(flags)?;
    let data = reader.0;
    reader.byte()?;
    Some(Frame {
        place: Region { left: word(l0, l1), top: word(t0, t1), width: word(w0, w1), height: word(h0, h1) },
        is_interlaced: flags & 0x40 != 0,
        transparent,
        palette: if flags & 0x80 == 0 { global } else { local },
        data,
    })
}

impl Survey<'_> {
    /// Transparent where the first frame is, and where it leaves the canvas free.
    pub(super) fn layout(&self) -> Layout {
        let Region { left, top, width, height } = self.first.place;
        let covers = left == 0 && top == 0 && width >= self.canvas.width && height >= self.canvas.height;
        Layout::of(false, !covers || self.first.transparent.is_some())
    }

    /// The part of the first frame that lies on the canvas.
    pub(super) fn visible(&self) -> Size {
        let Region { left, top, width, height } = self.first.place;
        Size { width: width.min(self.canvas.width.saturating_sub(left)), height: height.min(self.canvas.height.saturating_sub(top)) }
    }

    pub(super) fn into_found(self, limits: &Limits) -> Found {
        let visible = self.visible();
        let rows = if self.first.is_interlaced { u64::from(visible.width) * u64::from(visible.height) } else { 0 };
        let mut found = Found {
            frames: u32::try_from(self.frames).unwrap_or(u32::MAX),
            loops: self.loops,
            progressive: self.first.is_interlaced,
            // Tables, rows, and the whole frame where its rows come interlaced.
            scratch: rows
                + u64::from(visible.height) * 4
                + u64::from(self.first.place.width)
                + u64::from(self.canvas.width) * 4
                + (64 << 10),
            ..Found::still(self.canvas, self.layout())
        };
        let max = limits.max_metadata_block_bytes.min(limits.max_metadata_bytes);
        let mut dropped =
            |what| found.warnings.push(Warning::new("metadata_dropped", format!("the {what} is larger than the limits allow")));
        if let Some(data) = self.icc {
            match SubBlocks::new(data).bytes(max) {
                Ok(icc) => found.blocks.icc = Some(icc),
                Err(TooLong) => dropped("ICC profile"),
            }
        }
        let left = limits.max_metadata_bytes - found.blocks.icc.as_ref().map_or(0, |icc| icc.len() as u64);
        if let Some(xmp) = self.xmp.and_then(packet) {
            if xmp.len() as u64 > left.min(max) {
                dropped("XMP packet");
            } else {
                found.blocks.xmp = Some(xmp.to_vec());
            }
        }
        found
    }
}

/// An XMP packet is no sub-blocks but plain text, and 258 bytes behind it that lead those who skip sub-blocks to the end.
fn packet(data: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader(data);
    reader.skip_blocks()?;
    data.get(..(data.len() - reader.0.len()).checked_sub(258)?)
}
