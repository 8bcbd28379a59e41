//! The chunks of a PNG, walked without inflating anything: what stands before the picture, and the metadata around it.

use super::metadata::Metadata;
use crate::codec::{Format, Found, Space};
use crate::error::Error;
use crate::geometry::Size;
use crate::limits::{Limits, check};
use crate::pixels::Layout;

const SIGNATURE: usize = 8;

/// One chunk; where the file ends inside it, what there is of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk<'a> {
    pub(super) kind: [u8; 4],
    pub(super) body: &'a [u8],
    /// Length, kind, body and checksum.
    pub(super) whole: &'a [u8],
    pub(super) is_cut: bool,
}

impl Chunk<'_> {
    pub(super) fn is_sound(&self) -> bool {
        let Some(sum) = self.whole.last_chunk::<4>() else { return false };
        !self.is_cut && u32::from_be_bytes(*sum) == crc32(&self.whole[4..self.whole.len() - 4])
    }
}

/// The chunks from an offset on; the last one may be cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunks<'a> {
    input: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Chunks<'a> {
    pub(super) fn new(input: &'a [u8], at: usize) -> Chunks<'a> {
        Chunks { input, at }
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        let rest = self.input.get(self.at..)?;
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (kind, after) = after.split_first_chunk::<4>()?;
        let length = u64::from(u32::from_be_bytes(*length));
        let whole = (length + 12).min(rest.len() as u64) as usize;
        let body = length.min(after.len() as u64) as usize;
        self.at += whole;
        Some(Chunk { kind: *kind, body: &after[..body], whole: &rest[..whole], is_cut: (whole as u64) < length + 12 })
    }
}

/// What stands before the picture data and decides how it is read.
pub(super) struct Head<'a> {
    pub(super) size: Size,
    pub(super) depth: u8,
    pub(super) color: u8,
    pub(super) is_interlaced: bool,
    /// IHDR, and PLTE and tRNS where the picture needs them: all that a decoder has to see.
    pub(super) needed: Vec<&'a [u8]>,
    pub(super) has_transparency: bool,
    /// Where the first IDAT begins.
    pub(super) data_at: usize,
}

impl Head<'_> {
    pub(super) fn layout(&self) -> Layout {
        Layout::of(matches!(self.color, 0 | 4), self.color >= 4 || self.has_transparency)
    }

    pub(super) fn is_deep(&self) -> bool {
        self.depth == 16
    }

    /// Bytes in a row as stored, its filter byte too.
    fn stored_row(&self) -> u64 {
        let channels = match self.color {
            0 | 3 => 1,
            4 => 2,
            2 => 3,
            _ => 4,
        };
        (u64::from(self.size.width) * channels * u64::from(self.depth)).div_ceil(8) + 1
    }

    /// Bytes in a row as decoded.
    pub(super) fn decoded_row(&self) -> u64 {
        u64::from(self.size.width) * self.layout().channels() as u64 * if self.is_deep() { 2 } else { 1 }
    }

    /// A window of four rows or 128 KiB that may have doubled, the inflater, a row out; the whole picture where rows come interlaced.
    pub(super) fn scratch(&self) -> u64 {
        let window = (4 * self.stored_row()).max(128 << 10) + self.stored_row() + (48 << 10);
        let whole = if self.is_interlaced { self.decoded_row() * u64::from(self.size.height) } else { 0 };
        2 * window + 3 * self.decoded_row() + (64 << 10) + whole
    }
}

/// Reads up to the first IDAT.
pub(super) fn head<'a>(input: &'a [u8], limits: &Limits) -> Result<Head<'a>, Error> {
    let cut = || Error::truncated(Format::Png, "there is no picture data");
    let mut chunks = Chunks::new(input, SIGNATURE);
    let first = chunks.next().ok_or_else(cut)?;
    if first.kind != *b"IHDR" {
        return Err(Error::malformed(Format::Png, "it does not begin with an IHDR chunk"));
    }
    if first.is_cut {
        return Err(cut());
    }
    let mut head = ihdr(&first)?;
    let mut palette = None;
    let mut transparency = None;
    for count in 2.. {
        head.data_at = chunks.at;
        let chunk = chunks.next().ok_or_else(cut)?;
        check("maxSegments", count, limits.max_segments)?;
        match &chunk.kind {
            b"IDAT" => break,
            b"IEND" => return Err(Error::malformed(Format::Png, "it holds no picture data")),
            kind if !kind.iter().all(u8::is_ascii_alphabetic) => {
                return Err(Error::malformed(Format::Png, "a chunk's type is no four letters"));
            }
            _ if chunk.is_cut => return Err(cut()),
            b"PLTE" if head.color == 3 => palette = palette.or(Some(chunk)),
            b"tRNS" => transparency = transparency.or(Some(chunk)),
            _ => {}
        }
    }
    if head.size.width == 0 || head.size.height == 0 {
        // A header that says nothing usable, in a file that ends early: what is missing comes first.
        let last = Chunks::new(input, head.data_at).take_while(|chunk| chunk.kind == *b"IDAT").last();
        return Err(if last.is_some_and(|chunk| chunk.is_cut) { cut() } else { Error::malformed(Format::Png, "its size is zero") });
    }
    if head.color == 3 {
        let palette = palette.ok_or_else(|| Error::malformed(Format::Png, "its palette is missing"))?;
        if !palette.is_sound() || palette.body.len() % 3 != 0 || !(3..=768).contains(&palette.body.len()) {
            return Err(Error::malformed(Format::Png, "its palette is damaged"));
        }
        head.needed.push(palette.whole);
    }
    let expected = match head.color {
        0 => 2..3,
        2 => 6..7,
        3 => 1..257,
        _ => 0..0,
    };
    if let Some(chunk) = transparency.filter(|chunk| expected.contains(&chunk.body.len()) && chunk.is_sound()) {
        head.has_transparency = true;
        head.needed.push(chunk.whole);
    }
    Ok(head)
}

fn ihdr<'a>(chunk: &Chunk<'a>) -> Result<Head<'a>, Error> {
    let &[w0, w1, w2, w3, h0, h1, h2, h3, depth, color, compression, filter, interlace] = chunk.body else {
        return Err(Error::malformed(Format::Png, "its IHDR chunk has a wrong length"));
    };
    let legal = match color {
        0 => matches!(depth, 1 | 2 | 4 | 8 | 16),
        3 => matches!(depth, 1 | 2 | 4 | 8),
        2 | 4 | 6 => matches!(depth, 8 | 16),
        _ => false,
    };
    if !chunk.is_sound() {
        return Err(Error::malformed(Format::Png, "the checksum of its IHDR chunk is wrong"));
    }
    if !legal || compression != 0 || filter != 0 || interlace > 1 {
        return Err(Error::malformed(
            Format::Png,
            format!("its IHDR chunk names color type {color} with {depth} bits, or an unknown method"),
        ));
    }
    let size = Size { width: u32::from_be_bytes([w0, w1, w2, w3]), height: u32::from_be_bytes([h0, h1, h2, h3]) };
    Ok(Head { size, depth, color, is_interlaced: interlace == 1, needed: vec![chunk.whole], has_transparency: false, data_at: 0 })
}

/// The header of a PNG: its head, and one walk over all chunks for frames and metadata.
pub(super) fn survey(input: &[u8], limits: &Limits) -> Result<Found, Error> {
    let head = head(input, limits)?;
    let space = if matches!(head.color, 0 | 4) { Space::Gray } else { Space::Rgb };
    let mut found = Found {
        deep: head.is_deep(),
        bit_depth: head.depth,
        space,
        progressive: head.is_interlaced,
        scratch: head.scratch(),
        ..Found::still(head.size, head.layout())
    };
    let mut metadata = Metadata::new(limits);
    let mut animated = None;
    let mut frames = 0_u64;
    let mut default_is_extra = false;
    let mut chunks = Chunks::new(input, SIGNATURE);
    for count in 1.. {
        let at = chunks.at;
        let Some(chunk) = chunks.next().filter(|chunk| !chunk.is_cut) else { break };
        check("maxSegments", count, limits.max_segments)?;
        let before_data = at < head.data_at;
        match &chunk.kind {
            b"acTL" if before_data => animated = chunk.body.last_chunk::<4>().map(|plays| u32::from_be_bytes(*plays)),
            b"fcTL" if frames <= limits.max_frames => frames += 1,
            b"IDAT" if at == head.data_at => default_is_extra = frames == 0,
            b"iCCP" if before_data => metadata.profile(&chunk),
            b"eXIf" => metadata.exif(&chunk),
            b"iTXt" => metadata.xmp(&chunk),
            b"tEXt" | b"zTXt" => metadata.text_exif(&chunk),
            b"IEND" => break,
            _ => {}
        }
    }
    if let Some(plays) = animated.filter(|_| frames > 0) {
        found.loops = plays;
        found.frames = u32::try_from(frames + u64::from(default_is_extra)).unwrap_or(u32::MAX);
    }
    (found.blocks, found.warnings) = metadata.finish();
    Ok(found)
}

/// CRC-32 as PNG uses it.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut n = 0;
        while n < 256 {
            let mut c = n as u32;
            let mut k = 0;
            while k < 8 {
                c = if c & 1 == 1 { 0xEDB8_8320 ^ (c >> 1) } else { c >> 1 };
                k += 1;
            }
            table[n] = c;
            n += 1;
        }
        table
    };
    !bytes.iter().fold(!0, |crc, &b| TABLE[((crc ^ u32::from(b)) & 0xFF) as usize] ^ (crc >> 8))
}
