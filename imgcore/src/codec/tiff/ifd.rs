//! Directories of a TIFF, classic and big, read in place: an entry borrows its value from the file, so that no count
//! in the file allocates anything.

use std::collections::BTreeSet;

use crate::codec::Format;
use crate::error::Error;

/// A file whose header was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct File<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) big_endian: bool,
    /// BigTIFF: offsets and counts of 64 bits.
    big: bool,
    first: u64,
}

/// A directory: its entries in file order.
#[derive(Debug, Clone, Default)]
pub(super) struct Ifd<'a> {
    pub(super) entries: Vec<Entry<'a>>,
}

/// An entry, with exactly the bytes that its count and type promise; none where they lie outside the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) tag: u16,
    pub(super) kind: u16,
    pub(super) count: u64,
    pub(super) value: Option<&'a [u8]>,
    big_endian: bool,
}

impl<'a> File<'a> {
    pub(super) fn open(bytes: &'a [u8]) -> Result<File<'a>, Error> {
        let big_endian = bytes.starts_with(b"MM");
        let file = File { bytes, big_endian, big: false, first: 0 };
        if file.number(2, 2)? == 42 {
            return Ok(File { first: file.number(4, 4)?, ..file });
        }
        if file.number(4, 4)? != if big_endian { 0x0008_0000 } else { 8 } {
            return Err(Error::malformed(Format::Tiff, "offsets are neither 4 nor 8 bytes long"));
        }
        Ok(File { big: true, first: file.number(8, 8)?, ..file })
    }

    /// The directory of the first page.
    pub(super) fn first_ifd(&self) -> Result<Ifd<'a>, Error> {
        if self.first == 0 {
            return Err(Error::malformed(Format::Tiff, "there is no directory"));
        }
        self.ifd(self.first)
    }

    /// The directory at an offset.
    pub(super) fn ifd(&self, offset: u64) -> Result<Ifd<'a>, Error> {
        let (start, count) = self.ifd_head(offset)?;
        let size = self.entry_size();
        let end = usize::try_from(count).ok().and_then(|count| count.checked_mul(size)).and_then(|len| start.checked_add(len));
        let table = end
            .and_then(|end| self.bytes.get(start..end))
            .ok_or_else(|| Error::malformed(Format::Tiff, "a directory claims more entries than the file can hold"))?;
        let entries = table.chunks_exact(size).map(|entry| self.entry(entry)).collect();
        Ok(Ifd { entries })
    }

    /// Pages in the chain of directories, counted up to `most`; a loop or a broken link ends it.
    pub(super) fn pages(&self, most: u64) -> u64 {
        let mut seen = BTreeSet::new();
        let mut next = self.first;
        while next != 0 && (seen.len() as u64) < most && !seen.contains(&next) {
            let Ok((start, count)) = self.ifd_head(next) else { break };
            seen.insert(next);
            let link =
                usize::try_from(count).ok().and_then(|count| count.checked_mul(self.entry_size())).and_then(|len| start.checked_add(len));
            let Some(Ok(link)) = link.map(|at| self.number(at, if self.big { 8 } else { 4 })) else { break };
            next = link;
        }
        (seen.len() as u64).max(1)
    }

    const fn entry_size(&self) -> usize {
        if self.big { 20 } else { 12 }
    }

    /// Where a directory's entries begin, and how many there are.
    fn ifd_head(&self, offset: u64) -> Result<(usize, u64), Error> {
        let at = usize::try_from(offset).map_err(|_| Error::truncated(Format::Tiff, "a directory lies outside the file"))?;
        let len = if self.big { 8 } else { 2 };
        Ok((at.saturating_add(len), self.number(at, len)?))
    }

    fn entry(&self, entry: &'a [u8]) -> Entry<'a> {
        let here = File { bytes: entry, ..*self };
        // The table was cut into whole entries, so the fields are there.
        let field = |at, len| here.number(at, len).unwrap_or_default();
        let offset_len = if self.big { 8 } else { 4 };
        let (tag, kind, count) = (field(0, 2) as u16, field(2, 2) as u16, field(4, offset_len));
        let inline = 4 + offset_len;
        let len = count.checked_mul(size_of(kind)).and_then(|len| usize::try_from(len).ok());
        let value = len.and_then(|len| {
            if len <= offset_len {
                return entry.get(inline..inline + len);
            }
            let start = usize::try_from(field(inline, offset_len)).ok()?;
            self.bytes.get(start..start.checked_add(len)?)
        });
        Entry { tag, kind, count, value, big_endian: self.big_endian }
    }

    fn number(&self, at: usize, len: usize) -> Result<u64, Error> {
        let bytes = at.checked_add(len).and_then(|end| self.bytes.get(at..end));
        bytes.map(|bytes| number(bytes, self.big_endian)).ok_or_else(|| Error::truncated(Format::Tiff, "a directory lies outside the file"))
    }
}

impl<'a> Ifd<'a> {
    pub(super) fn entry(&self, tag: u16) -> Option<Entry<'a>> {
        self.entries.iter().find(|entry| entry.tag == tag).copied()
    }

    /// The first number of a tag.
    pub(super) fn number(&self, tag: u16) -> Option<u64> {
        self.entry(tag)?.number(0)
    }

    /// The bytes of a tag of type BYTE or UNDEFINED (or LONG, as IPTC is often marked).
    pub(super) fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        self.entry(tag).filter(|entry| matches!(entry.kind, 1 | 4 | 7))?.value
    }
}

impl Entry<'_> {
    /// Number `index` of an entry of unsigned numbers.
    pub(super) fn number(&self, index: u64) -> Option<u64> {
        if !matches!(self.kind, 1 | 3 | 4 | 13 | 16 | 18) {
            return None;
        }
        let size = size_of(self.kind) as usize;
        let start = usize::try_from(index).ok()?.checked_mul(size)?;
        Some(number(self.value?.get(start..start.checked_add(size)?)?, self.big_endian))
    }
}

/// The bytes of one value of a type; unknown types count as single bytes.
const fn size_of(kind: u16) -> u64 {
    match kind {
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 | 16 | 17 | 18 => 8,
        _ => 1,
    }
}

fn number(bytes: &[u8], big_endian: bool) -> u64 {
    let add = |sum: u64, &byte: &u8| sum << 8 | u64::from(byte);
    if big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
}
