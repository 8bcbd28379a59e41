//! The bare bones of an EXIF block: its directories and their entries, both byte orders.
//!
//! Bounded by construction: at most four directories are read, each once, each of at most [`MAX_ENTRIES`]; a value is a slice of the block,
//! so that no offset loops and no count allocates. What is damaged is skipped, and the rest is read.

pub(super) const ORIENTATION: u16 = 0x112;
pub(super) const EXIF_POINTER: u16 = 0x8769;
pub(super) const GPS_POINTER: u16 = 0x8825;

/// Real directories have fewer than a hundred entries.
const MAX_ENTRIES: u16 = 1_000;

/// A directory of an EXIF block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ifd {
    /// The picture: camera, texts, orientation.
    Main,
    /// The exposure.
    Exif,
    /// The location.
    Gps,
    /// The embedded thumbnail.
    Thumbnail,
}

/// A tag, its type, and where its value lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) tag: u16,
    pub(super) kind: u16,
    pub(super) big_endian: bool,
    /// The four bytes that hold a short value, or a longer one's offset.
    field: [u8; 4],
    /// The value's bytes, in the block's order; None where they lie outside the block.
    pub(super) value: Option<&'a [u8]>,
}

impl Entry<'_> {
    /// The first number of a SHORT or LONG, read from the entry itself: neither its count nor the block's other parts matter.
    pub(super) fn as_u16(&self) -> Option<u16> {
        let [a, b, ..] = self.field;
        let long = if self.big_endian { u32::from_be_bytes(self.field) } else { u32::from_le_bytes(self.field) };
        match self.kind {
            3 if self.big_endian => Some(u16::from_be_bytes([a, b])),
            3 => Some(u16::from_le_bytes([a, b])),
            // A value that fits no SHORT is out of every range all the same.
            4 => Some(u16::try_from(long).unwrap_or(u16::MAX)),
            _ => None,
        }
    }
}

/// The size in bytes of one number in a value of this type, and how many numbers make one item (a fraction has two).
pub(super) const fn number_size(kind: u16) -> Option<(usize, usize)> {
    match kind {
        // Bytes, text, undefined, UTF-8 text.
        1 | 2 | 6 | 7 | 129 => Some((1, 1)),
        3 | 8 => Some((2, 1)),
        4 | 9 | 11 => Some((4, 1)),
        5 | 10 => Some((4, 2)),
        12 => Some((8, 1)),
        _ => None,
    }
}

/// An EXIF block whose byte order is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a> {
    data: &'a [u8],
    big_endian: bool,
}

impl<'a> Block<'a> {
    /// A block that begins with a TIFF header.
    pub(super) fn open(data: &'a [u8]) -> Option<Block<'a>> {
        match data {
            [b'I', b'I', 42, 0, _, _, _, _, ..] => Some(Block { data, big_endian: false }),
            [b'M', b'M', 0, 42, _, _, _, _, ..] => Some(Block { data, big_endian: true }),
            _ => None,
        }
    }

    /// The entries of the main directory.
    pub(super) fn first_ifd(&self) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let at = self.u32(4).unwrap_or(u32::MAX);
        self.ifd(at)
    }

    /// All entries of the four directories that matter here.
    pub(super) fn entries(&self) -> Vec<(Ifd, Entry<'a>)> {
        let offset_in = |tag| self.first_ifd().find(|entry| entry.tag == tag).map(|entry| self.number(entry.field));
        let directories = [
            (Ifd::Main, self.u32(4)),
            (Ifd::Exif, offset_in(EXIF_POINTER)),
            (Ifd::Gps, offset_in(GPS_POINTER)),
            (Ifd::Thumbnail, self.second_ifd()),
        ];
        let found = directories.into_iter().filter_map(|(ifd, at)| Some((ifd, at?)));
        found.flat_map(|(ifd, at)| self.ifd(at).map(move |entry| (ifd, entry))).collect()
    }

    /// Where the directory after the main one lies.
    fn second_ifd(&self) -> Option<u32> {
        let first = self.u32(4)?;
        let count = self.u16(u64::from(first))?;
        self.u32(u64::from(first) + 2 + 12 * u64::from(count)).filter(|&next| next != 0 && next != first)
    }

    /// The entries of the directory at an offset, as far as the block goes.
    fn ifd(&self, at: u32) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let block = *self;
        let count = block.u16(u64::from(at)).unwrap_or(0).min(MAX_ENTRIES);
        (0..u64::from(count)).map_while(move |index| block.entry(u64::from(at) + 2 + 12 * index))
    }

    fn entry(&self, at: u64) -> Option<Entry<'a>> {
        let (tag, kind, count) = (self.u16(at)?, self.u16(at + 2)?, self.u32(at + 4)?);
        let field: [u8; 4] = self.bytes(at + 8, 4)?.try_into().ok()?;
        let value = number_size(kind).and_then(|(size, numbers)| {
            let len = u64::from(count) * (size * numbers) as u64;
            let start = if len <= 4 { at + 8 } else { u64::from(self.number(field)) };
            self.bytes(start, len)
        });
        Some(Entry { tag, kind, big_endian: self.big_endian, field, value })
    }

    fn bytes(&self, at: u64, len: u64) -> Option<&'a [u8]> {
        let start = usize::try_from(at).ok()?;
        let end = usize::try_from(at.checked_add(len)?).ok()?;
        self.data.get(start..end)
    }

    fn u16(&self, at: u64) -> Option<u16> {
        let bytes: [u8; 2] = self.bytes(at, 2)?.try_into().ok()?;
        Some(if self.big_endian { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) })
    }

    fn u32(&self, at: u64) -> Option<u32> {
        Some(self.number(self.bytes(at, 4)?.try_into().ok()?))
    }

    fn number(&self, bytes: [u8; 4]) -> u32 {
        if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    }
}

#[cfg(test)]
pub(super) mod tests {
    //! Blocks made by code, in either byte order, sound and unsound ones alike.

    /// A tag, its type, and the value's numbers in little endian.
    pub(crate) type MadeField = (u16, u16, Vec<Vec<u8>>);

    #[derive(Debug, Clone, Default)]
    pub(crate) struct Made {
        pub(crate) main: Vec<MadeField>,
        pub(crate) exif: Vec<MadeField>,
        pub(crate) gps: Vec<MadeField>,
        pub(crate) thumbnail: Vec<MadeField>,
        pub(crate) big_endian: bool,
    }

    pub(crate) fn ascii(tag: u16, text: &str) -> MadeField {
        (tag, 2, text.bytes().map(|b| vec![b]).collect())
    }

    pub(crate) fn short(tag: u16, value: u16) -> MadeField {
        (tag, 3, vec![value.to_le_bytes().to_vec()])
    }

    pub(crate) fn long(tag: u16, value: u32) -> MadeField {
        (tag, 4, vec![value.to_le_bytes().to_vec()])
    }

    pub(crate) fn rationals(tag: u16, values: &[(u32, u32)]) -> MadeField {
        (tag, 5, values.iter().flat_map(|(over, under)| [over.to_le_bytes().to_vec(), under.to_le_bytes().to_vec()]).collect())
    }

    pub(crate) fn srationals(tag: u16, values: &[(i32, i32)]) -> MadeField {
        (tag, 10, values.iter().flat_map(|(over, under)| [over.to_le_bytes().to_vec(), under.to_le_bytes().to_vec()]).collect())
    }

    /// Header and main directory with its values, then exposure, location and thumbnail.
    pub(crate) fn block(made: &Made) -> Vec<u8> {
        let mut main = made.main.clone();
        main.push(long(super::EXIF_POINTER, 0));
        main.push(long(super::GPS_POINTER, 0));
        let exif_at = 8 + size(&main);
        let gps_at = exif_at + size(&made.exif);
        let thumbnail_at = gps_at + size(&made.gps);
        let pointers = main.len() - 2;
        main[pointers] = long(super::EXIF_POINTER, exif_at as u32);
        main[pointers + 1] = long(super::GPS_POINTER, gps_at as u32);

        let mut out = if made.big_endian { b"MM\0*".to_vec() } else { b"II*\0".to_vec() };
        put(&mut out, &8_u32.to_le_bytes(), made.big_endian);
        directory(&mut out, &main, thumbnail_at as u32, made.big_endian);
        directory(&mut out, &made.exif, 0, made.big_endian);
        directory(&mut out, &made.gps, 0, made.big_endian);
        directory(&mut out, &made.thumbnail, 0, made.big_endian);
        out
    }

    fn size(fields: &[MadeField]) -> usize {
        let values = fields.iter().map(|(_, _, numbers)| numbers.concat().len()).filter(|&len| len > 4).sum::<usize>();
        2 + 12 * fields.len() + 4 + values
    }

    fn directory(out: &mut Vec<u8>, fields: &[MadeField], next: u32, big_endian: bool) {
        let mut values_at = (out.len() + 2 + 12 * fields.len() + 4) as u32;
        let mut values = Vec::new();
        put(out, &(fields.len() as u16).to_le_bytes(), big_endian);
        for (tag, kind, numbers) in fields {
            let count = if matches!(kind, 5 | 10) { numbers.len() / 2 } else { numbers.len() } as u32;
            put(out, &tag.to_le_bytes(), big_endian);
            put(out, &kind.to_le_bytes(), big_endian);
            put(out, &count.to_le_bytes(), big_endian);
            let mut value = Vec::new();
            numbers.iter().for_each(|number| put(&mut value, number, big_endian));
            if value.len() <= 4 {
                value.resize(4, 0);
                out.extend(value);
            } else {
                put(out, &values_at.to_le_bytes(), big_endian);
                values_at += value.len() as u32;
                values.extend(value);
            }
        }
        put(out, &next.to_le_bytes(), big_endian);
        out.extend(values);
    }

    fn put(out: &mut Vec<u8>, number: &[u8], big_endian: bool) {
        let mut number = number.to_vec();
        if big_endian {
            number.reverse();
        }
        out.extend(number);
    }
}
