//! Metadata out of chunks, within its limits: nothing is inflated before it is known to fit.

use fdeflate::Decompressor;

use super::chunks::Chunk;
use crate::codec::Blocks;
use crate::limits::Limits;
use crate::report::Warning;

/// Blocks as they are found.
pub(super) struct Metadata<'a> {
    blocks: Blocks,
    /// EXIF in a text chunk, as ImageMagick wrote it before there was a chunk for it; an eXIf chunk wins.
    text_exif: Option<Vec<u8>>,
    warnings: Vec<Warning>,
    left: u64,
    limits: &'a Limits,
}

enum Refused {
    TooLarge,
    Damaged,
}

impl Metadata<'_> {
    pub(super) fn new(limits: &Limits) -> Metadata<'_> {
        Metadata { blocks: Blocks::default(), text_exif: None, warnings: Vec::new(), left: limits.max_metadata_bytes, limits }
    }

    pub(super) fn finish(mut self) -> (Blocks, Vec<Warning>) {
        self.blocks.exif = self.blocks.exif.or(self.text_exif);
        (self.blocks, self.warnings)
    }

    /// An ICC profile: a name, a zero, the method, and the profile in a zlib stream.
    pub(super) fn profile(&mut self, chunk: &Chunk<'_>) {
        if self.blocks.icc.is_some() {
            return;
        }
        let name = chunk.body.iter().take(80).position(|&b| b == 0);
        let stream = name.and_then(|end| chunk.body.get(end + 1..)).and_then(|rest| rest.strip_prefix(&[0])).filter(|_| chunk.is_sound());
        match stream.ok_or(Refused::Damaged).and_then(|stream| inflate(stream, self.max())) {
            Ok(icc) => {
                self.left -= icc.len() as u64;
                self.blocks.icc = Some(icc);
            }
            Err(Refused::TooLarge) => self.dropped("ICC profile"),
            Err(Refused::Damaged) => {
                self.warnings.push(Warning::new("profile_ignored", "the ICC profile is damaged; the colors are taken as sRGB"));
            }
        }
    }

    pub(super) fn exif(&mut self, chunk: &Chunk<'_>) {
        let block = without_signature(chunk.body);
        if self.blocks.exif.is_none() && self.has_room(chunk, block, "EXIF block") {
            self.blocks.exif = Some(block.to_vec());
        }
    }

    /// EXIF as hexadecimal digits in a text chunk of a fixed name. No other text is inflated.
    pub(super) fn text_exif(&mut self, chunk: &Chunk<'_>) {
        let names = [&b"Raw profile type exif\0"[..], b"Raw profile type APP1\0"];
        let Some(text) = names.iter().find_map(|name| chunk.body.strip_prefix(*name)) else { return };
        if self.text_exif.is_some() || !self.has_room(chunk, &[], "EXIF block") {
            return;
        }
        let inflated = match (&chunk.kind, text) {
            (b"zTXt", [0, stream @ ..]) => inflate(stream, self.max()),
            (b"tEXt", text) if text.len() as u64 <= self.max() => Ok(text.to_vec()),
            (b"tEXt", _) => Err(Refused::TooLarge),
            _ => Err(Refused::Damaged),
        };
        match inflated.and_then(|text| digits(&text).ok_or(Refused::Damaged)) {
            Ok(block) => {
                self.left -= block.len() as u64;
                self.text_exif = Some(without_signature(&block).to_vec());
            }
            Err(Refused::TooLarge) => self.dropped("EXIF block"),
            Err(Refused::Damaged) => self.warnings.push(Warning::new("metadata_ignored", "the EXIF text is damaged")),
        }
    }

    /// XMP stands in a text chunk of a fixed name. Compressed text is left unread.
    pub(super) fn xmp(&mut self, chunk: &Chunk<'_>) {
        let Some(rest) = chunk.body.strip_prefix(b"XML:com.adobe.xmp\0\0\0") else { return };
        // A language tag and a translated keyword, both ended by a zero.
        let mut parts = rest.splitn(3, |&b| b == 0);
        if let (Some(_), Some(_), Some(text)) = (parts.next(), parts.next(), parts.next())
            && self.blocks.xmp.is_none()
            && self.has_room(chunk, text, "XMP packet")
        {
            self.blocks.xmp = Some(text.to_vec());
        }
    }

    /// The most that a block may have now.
    fn max(&self) -> u64 {
        self.left.min(self.limits.max_metadata_block_bytes)
    }

    /// Takes the block's bytes from what is left.
    fn has_room(&mut self, chunk: &Chunk<'_>, block: &[u8], what: &str) -> bool {
        let bytes = block.len() as u64;
        if bytes > self.max() {
            self.dropped(what);
            return false;
        }
        if !chunk.is_sound() {
            self.warnings.push(Warning::new("metadata_ignored", format!("the checksum of the {what} is wrong")));
            return false;
        }
        self.left -= bytes;
        true
    }

    fn dropped(&mut self, what: &str) {
        self.warnings.push(Warning::new("metadata_dropped", format!("the {what} is larger than the limits allow")));
    }
}

/// Some writers put the JPEG segment's own signature before the TIFF header.
fn without_signature(block: &[u8]) -> &[u8] {
    block.strip_prefix(b"Exif\0\0").unwrap_or(block)
}

/// A line with a name, a line with the count of bytes, and their digits in lines; whatever may follow.
fn digits(text: &[u8]) -> Option<Vec<u8>> {
    let mut lines = text.trim_ascii_start().splitn(3, |&b| b == b'\n');
    let (_name, count, digits) = (lines.next()?, lines.next()?, lines.next()?);
    let count: usize = std::str::from_utf8(count).ok()?.trim().parse().ok()?;
    let mut values = digits.iter().filter(|b| !b.is_ascii_whitespace()).map_while(|&b| char::from(b).to_digit(16));
    let bytes: Vec<u8> = std::iter::from_fn(|| Some((values.next()? << 4 | values.next()?) as u8)).take(count).collect();
    (bytes.len() == count).then_some(bytes)
}

fn inflate(stream: &[u8], max: u64) -> Result<Vec<u8>, Refused> {
    let size = inflated_size(stream, max)?;
    fdeflate::decompress_to_vec_bounded(stream, size).map_err(|_| Refused::Damaged)
}

/// What a zlib stream inflates to, in a window that holds no more than it must.
fn inflated_size(stream: &[u8], max: u64) -> Result<usize, Refused> {
    const LOOKBACK: usize = 32 << 10;
    let mut inflater = Decompressor::new();
    let mut window = vec![0; 2 * LOOKBACK];
    let (mut read, mut filled, mut total) = (0, 0, 0_u64);
    while !inflater.is_done() {
        if filled == window.len() {
            window.copy_within(LOOKBACK.., 0);
            filled = LOOKBACK;
        }
        let rest = stream.get(read..).unwrap_or_default();
        let (consumed, produced) = inflater.read(rest, &mut window, filled, true).map_err(|_| Refused::Damaged)?;
        (read, filled, total) = (read + consumed, filled + produced, total + produced as u64);
        if total > max {
            return Err(Refused::TooLarge);
        }
        if consumed == 0 && produced == 0 {
            return Err(Refused::Damaged);
        }
    }
    usize::try_from(total).map_err(|_| Refused::TooLarge)
}
