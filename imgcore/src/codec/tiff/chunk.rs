//! One strip or tile into samples, by the `tiff` crate, and by `fax` for what that does not read.
//!
//! The `tiff` crate never sees the file, only a file of one strip that is written here around the chunk's bytes: no directory,
//! count or loop of the sender's reaches it, and a picture is never whole in memory.

use std::borrow::Cow;
use std::convert::Infallible;
use std::io::{Cursor, ErrorKind};

use fax::decoder::{DecodeStatus, Group3Decoder, Group4Decoder};
use tiff::TiffError;
use tiff::decoder::{Decoder, Limits};

use super::image::Image;
use crate::codec::Format;
use crate::error::Error;

/// How a chunk is coded, and how large it is decoded.
pub(super) struct Coding<'a> {
    image: &'a Image<'a>,
    big_endian: bool,
}

impl<'a> Coding<'a> {
    pub(super) fn new(image: &'a Image<'a>, big_endian: bool) -> Coding<'a> {
        Coding { image, big_endian }
    }

    /// Decodes the first rows of a chunk: as many as `out` holds. Samples of 16 bits come out in native order. After an error `out` has what was decoded before it.
    pub(super) fn decode(&self, coded: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let row = self.image.chunk_row_bytes() as usize;
        let rows = (out.len() / row.max(1)) as u32;
        let coded = if self.image.low_bit_first {
            Cow::Owned(coded.iter().map(|byte| byte.reverse_bits()).collect())
        } else {
            Cow::Borrowed(coded)
        };
        match self.image.compression {
            1 => self.copy(&coded, out),
            3 => group3(&coded, self.image.chunks.width, out),
            4 => group4(&coded, self.image.chunks.width, out),
            7 => {
                self.check_jpeg(&coded, rows)?;
                self.foreign(&coded, rows, out)
            }
            _ => self.foreign(&coded, rows, out),
        }
    }

    fn copy(&self, coded: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let len = coded.len().min(out.len());
        out[..len].copy_from_slice(&coded[..len]);
        if self.image.bits == 16 && self.big_endian != cfg!(target_endian = "big") {
            out.chunks_exact_mut(2).for_each(|sample| sample.reverse());
        }
        if len < out.len() { Err(Error::truncated(Format::Tiff, "a strip or tile is incomplete")) } else { Ok(()) }
    }

    fn foreign(&self, coded: &[u8], rows: u32, out: &mut [u8]) -> Result<(), Error> {
        let file = self.file_of_one_strip(coded, rows);
        let mut limits = Limits::default();
        limits.decoding_buffer_size = out.len();
        limits.intermediate_buffer_size = file.len();
        limits.ifd_value_size = file.len();
        let decode = || Decoder::new(Cursor::new(file))?.with_limits(limits).read_chunk_bytes(0, out);
        decode().map_err(|error| match error {
            TiffError::IoError(e) if e.kind() == ErrorKind::UnexpectedEof => {
                Error::truncated(Format::Tiff, "a strip or tile is incomplete")
            }
            TiffError::UnsupportedError(e) => Error::unsupported(format!("this TIFF ({e})")),
            other => Error::malformed_by(Format::Tiff, other),
        })
    }

    /// A BigTIFF of one strip of grey or of many channels, which the crate passes on as they are.
    fn file_of_one_strip(&self, coded: &[u8], rows: u32) -> Vec<u8> {
        let image = self.image;
        let tables = image.jpeg_tables.filter(|_| image.compression == 7).unwrap_or_default();
        let fields = if tables.is_empty() { 11 } else { 12 };
        let tables_at = 16 + 8 + 20 * fields + 8;
        let strip_at = tables_at + tables.len() as u64;
        let mut file = Writer { bytes: Vec::with_capacity(strip_at as usize + coded.len()), big_endian: self.big_endian };
        file.bytes.extend(if self.big_endian { b"MM" } else { b"II" });
        [43, 8, 0].into_iter().for_each(|word| file.put(word, 2));
        file.put(16, 8);
        file.put(fields, 8);
        for (tag, value) in [
            (256, u64::from(image.chunks.width)),
            (257, u64::from(rows)),
            (258, u64::from(image.bits)),
            (259, u64::from(image.compression)),
            (262, 1),
            (273, strip_at),
            (277, u64::from(image.chunk_samples())),
            (278, u64::from(rows)),
            (279, coded.len() as u64),
            (284, 1),
            (317, if image.differences { 2 } else { 1 }),
        ] {
            file.field(tag, 16, 1, value);
        }
        if !tables.is_empty() {
            file.field(347, 7, tables.len() as u64, tables_at);
        }
        file.put(0, 8);
        file.bytes.extend(tables);
        file.bytes.extend(coded);
        file.bytes
    }

    /// The JPEG's own size decides what its decoder allocates, so it must be the chunk's.
    fn check_jpeg(&self, coded: &[u8], rows: u32) -> Result<(), Error> {
        let chunks = self.image.chunks;
        let (width, height, samples) =
            jpeg_frame(coded).ok_or_else(|| Error::truncated(Format::Tiff, "a JPEG strip or tile has no frame"))?;
        let fits = u32::from(width) == chunks.width && u32::from(height) >= rows && u32::from(height) <= chunks.height.next_multiple_of(16);
        if !fits || u16::from(samples) != self.image.chunk_samples() {
            let what =
                format!("a JPEG of {width}x{height} with {samples} channels in a strip or tile of {}x{}", chunks.width, chunks.height);
            return Err(Error::malformed(Format::Tiff, what));
        }
        Ok(())
    }
}

/// Lines between end-of-line codes, each by itself; a page may end early, and the rest is white.
fn group3(coded: &[u8], width: u32, out: &mut [u8]) -> Result<(), Error> {
    let mut decoder = Group3Decoder::new(coded.iter().copied().map(Ok::<u8, Infallible>)).map_err(|_| bad_fax())?;
    for line in out.chunks_exact_mut(width.div_ceil(8) as usize) {
        let status = decoder.advance();
        draw(decoder.transitions(), width, line);
        if status.map_err(|_| bad_fax())? == DecodeStatus::End {
            break;
        }
    }
    Ok(())
}

/// Lines as differences from the line above. Not by the `tiff` crate, which reads no strip of more than 65,535 lines.
fn group4(coded: &[u8], width: u32, out: &mut [u8]) -> Result<(), Error> {
    let narrow = u16::try_from(width).map_err(|_| Error::unsupported("a fax of more than 65,535 columns in TIFF"))?;
    let Ok(mut decoder) = Group4Decoder::new(coded.iter().copied().map(Ok::<u8, Infallible>), narrow);
    for line in out.chunks_exact_mut(width.div_ceil(8) as usize) {
        if decoder.advance().map_err(|_| bad_fax())? == DecodeStatus::End {
            break;
        }
        draw(decoder.transition(), width, line);
    }
    Ok(())
}

/// Sets the bits of black runs; a line begins white, and changes color at each place.
fn draw(changes: &[u16], width: u32, line: &mut [u8]) {
    for run in changes.chunks(2) {
        let end = run.get(1).map_or(width, |&end| u32::from(end).min(width));
        for x in u32::from(run[0])..end {
            line[x as usize / 8] |= 0x80 >> (x % 8);
        }
    }
}

/// The decoder does not say whether bits are wrong or missing.
fn bad_fax() -> Error {
    Error::malformed(Format::Tiff, "a fax line cannot be read")
}

/// Width, height and channels of a JPEG.
fn jpeg_frame(jpeg: &[u8]) -> Option<(u16, u16, u8)> {
    let mut at = 2;
    loop {
        let [0xFF, marker] = *jpeg.get(at..at + 2)? else { return None };
        match marker {
            0xFF => at += 1,
            0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => {
                let frame: &[u8; 6] = jpeg.get(at + 5..at + 11)?.try_into().ok()?;
                return Some((u16::from_be_bytes([frame[2], frame[3]]), u16::from_be_bytes([frame[0], frame[1]]), frame[4]));
            }
            _ => at += 2 + usize::from(u16::from_be_bytes(jpeg.get(at + 2..at + 4)?.try_into().ok()?)),
        }
    }
}

struct Writer {
    bytes: Vec<u8>,
    big_endian: bool,
}

impl Writer {
    fn put(&mut self, value: u64, len: usize) {
        if self.big_endian {
            self.bytes.extend(&value.to_be_bytes()[8 - len..]);
        } else {
            self.bytes.extend(&value.to_le_bytes()[..len]);
        }
    }

    fn field(&mut self, tag: u64, kind: u64, count: u64, value: u64) {
        self.put(tag, 2);
        self.put(kind, 2);
        self.put(count, 8);
        self.put(value, 8);
    }
}
