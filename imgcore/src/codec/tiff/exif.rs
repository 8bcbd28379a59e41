//! A TIFF's own tags as an EXIF block: a copy without pixels, thumbnails and maker's notes.

use super::ifd::{Entry, File, Ifd};

/// Tags of the first directory that describe the picture rather than its coding.
const KEPT: [u16; 11] = [270, 271, 272, 274, 282, 283, 296, 305, 306, 315, 33432];
const EXIF_IFD: u16 = 34665;
const GPS_IFD: u16 = 34853;
/// Its offsets count from the start of the file that it was in.
const MAKER_NOTE: u16 = 0x927C;

/// The EXIF block, in the file's byte order; `None` where there is nothing to say, or more than `most` bytes of it.
pub(super) fn exif(file: &File<'_>, ifd: &Ifd<'_>, most: u64) -> Option<Vec<u8>> {
    let sub = |tag| ifd.number(tag).and_then(|offset| file.ifd(offset).ok()).map(|ifd| (tag, fitting(&ifd, |tag| tag != MAKER_NOTE)));
    let subs: Vec<(u16, Vec<Entry<'_>>)> =
        [sub(EXIF_IFD), sub(GPS_IFD)].into_iter().flatten().filter(|(_, entries)| !entries.is_empty()).collect();
    let main = fitting(ifd, |tag| KEPT.contains(&tag));
    let all = main.iter().chain(subs.iter().flat_map(|(_, entries)| entries));
    let bytes: u64 = all.map(|entry| 20 + entry.value.map_or(0, <[u8]>::len) as u64).sum();
    if (main.is_empty() && subs.is_empty()) || bytes > most {
        return None;
    }

    let mut block = Block { bytes: Vec::new(), big_endian: file.big_endian };
    block.bytes.extend(if file.big_endian { b"MM\0*" } else { b"II*\0" });
    block.u32(8);
    let pointers = block.ifd(&main, &subs.iter().map(|(tag, _)| *tag).collect::<Vec<_>>());
    for (at, (_, entries)) in pointers.into_iter().zip(&subs) {
        block.point_here(at);
        block.ifd(entries, &[]);
    }
    Some(block.bytes)
}

/// Entries that a classic TIFF can hold, in ascending order and without repeats.
fn fitting<'a>(ifd: &Ifd<'a>, keep: impl Fn(u16) -> bool) -> Vec<Entry<'a>> {
    let mut entries: Vec<Entry<'a>> = ifd
        .entries
        .iter()
        .filter(|entry| keep(entry.tag) && matches!(entry.kind, 1..=5 | 7..=12) && entry.value.is_some_and(|v| !v.is_empty()))
        .copied()
        .collect();
    entries.sort_by_key(|entry| entry.tag);
    entries.dedup_by_key(|entry| entry.tag);
    entries.truncate(1_000);
    entries
}

struct Block {
    bytes: Vec<u8>,
    big_endian: bool,
}

impl Block {
    /// Writes a directory with its values, and pointers to come; answers where those stand. Pointers are larger tags than all that are kept.
    fn ifd(&mut self, entries: &[Entry<'_>], pointers: &[u16]) -> Vec<usize> {
        self.u16((entries.len() + pointers.len()) as u16);
        let mut spots = Vec::new();
        for entry in entries {
            self.u16(entry.tag);
            self.u16(entry.kind);
            self.u32(entry.count as u32);
            let value = entry.value.unwrap_or_default();
            if value.len() > 4 {
                spots.push((self.bytes.len(), value));
            }
            let mut inline = [0; 4];
            inline[..value.len().min(4)].copy_from_slice(&value[..value.len().min(4)]);
            self.bytes.extend(inline);
        }
        let mut places = Vec::new();
        for &tag in pointers {
            self.u16(tag);
            self.u16(4);
            self.u32(1);
            places.push(self.bytes.len());
            self.u32(0);
        }
        self.u32(0);
        for (at, value) in spots {
            self.point_here(at);
            self.bytes.extend(value);
            self.bytes.resize(self.bytes.len().next_multiple_of(2), 0);
        }
        places
    }

    /// The pointer at `at` points to the end of what is written.
    fn point_here(&mut self, at: usize) {
        let here = self.bytes.len() as u32;
        let bytes = if self.big_endian { here.to_be_bytes() } else { here.to_le_bytes() };
        self.bytes[at..at + 4].copy_from_slice(&bytes);
    }

    fn u16(&mut self, value: u16) {
        self.bytes.extend(if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
    }

    fn u32(&mut self, value: u32) {
        self.bytes.extend(if self.big_endian { value.to_be_bytes() } else { value.to_le_bytes() });
    }
}
