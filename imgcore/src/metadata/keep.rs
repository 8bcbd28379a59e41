//! A new EXIF block from an old one: only tags of a list, in little endian, written by us.
//!
//! Nothing that is not listed leaves: no thumbnail, maker note, serial number, owner's name, unique picture number or free comment, and the
//! location only when it is asked for by name.

use super::entries::{Block, EXIF_POINTER, Entry, GPS_POINTER, Ifd, ORIENTATION, number_size};

/// Which parts of an EXIF block go along.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Keep {
    /// Camera, lens, exposure, dates, texts, and what `copyright` keeps.
    pub(crate) exif: bool,
    /// Artist and copyright.
    pub(crate) copyright: bool,
    /// The location.
    pub(crate) gps: bool,
}

/// A block of what is kept, from its TIFF header on. None where nothing is.
///
/// Where the pixels were turned upright, the block says orientation 1; else what the old one said.
pub(crate) fn kept_exif(block: &[u8], keep: Keep, upright: bool) -> Option<Vec<u8>> {
    let mut fields = fields(block, |ifd, tag| match ifd {
        Ifd::Main => keep.exif && MAIN.contains(&tag) || (keep.exif || keep.copyright) && matches!(tag, ARTIST | COPYRIGHT),
        Ifd::Exif => keep.exif && EXIF.contains(&tag),
        Ifd::Gps => keep.gps && tag <= LAST_GPS_TAG,
        Ifd::Thumbnail => false,
    });
    // A version alone says nothing of the picture.
    fields.iter().any(|field| !matches!((field.ifd, field.tag), (Ifd::Exif, EXIF_VERSION) | (Ifd::Gps, 0))).then(|| {
        let orientation = if upright { 1 } else { super::orientation(block).filter(|value| (1..=8).contains(value)).unwrap_or(1) };
        fields.push(Field { ifd: Ifd::Main, tag: ORIENTATION, kind: 3, value: orientation.to_le_bytes().to_vec() });
        write(fields)
    })
}

const ARTIST: u16 = 0x13B;
const COPYRIGHT: u16 = 0x8298;
const EXIF_VERSION: u16 = 0x9000;
const LAST_GPS_TAG: u16 = 0x1F;

/// Description, make, model, software, date.
const MAIN: [u16; 5] = [0x10E, 0x10F, 0x110, 0x131, 0x132];

/// Exposure, aperture, program, sensitivity, dates with fractions and offsets, light, flash, focal length, scene, lens.
#[rustfmt::skip]
const EXIF: [u16; 42] = [
    0x829A, 0x829D, 0x8822, 0x8827, 0x8830, 0x8831, 0x8832, 0x8833, EXIF_VERSION, 0x9003, 0x9004, 0x9010, 0x9011, 0x9012,
    0x9201, 0x9202, 0x9203, 0x9204, 0x9205, 0x9206, 0x9207, 0x9208, 0x9209, 0x920A, 0x9290, 0x9291, 0x9292,
    0xA20B, 0xA215, 0xA217, 0xA401, 0xA402, 0xA403, 0xA404, 0xA405, 0xA406, 0xA408, 0xA409, 0xA40A, 0xA432, 0xA433, 0xA434,
];

/// A longer text is cut, any other longer value dropped.
const MAX_VALUE_BYTES: usize = 4_096;

/// All values together; more are dropped, so that a block fits the 64 KiB of a JPEG segment.
const MAX_VALUES_BYTES: usize = 60_000;

/// A tag and its value in little endian.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    ifd: Ifd,
    tag: u16,
    kind: u16,
    value: Vec<u8>,
}

/// The sound fields among those wanted, each tag once: the first counts.
pub(super) fn fields(block: &[u8], wanted: impl Fn(Ifd, u16) -> bool) -> Vec<Field> {
    let mut fields: Vec<Field> = Vec::new();
    let mut room = MAX_VALUES_BYTES;
    let entries = Block::open(block).map(|block| block.entries()).unwrap_or_default();
    for (ifd, entry) in entries.iter().filter(|(ifd, entry)| wanted(*ifd, entry.tag)) {
        let is_new = !fields.iter().any(|field| (field.ifd, field.tag) == (*ifd, entry.tag));
        if let (true, Some((kind, value))) = (is_new, little_endian(entry))
            && value.len() <= room
        {
            room -= value.len();
            fields.push(Field { ifd: *ifd, tag: entry.tag, kind, value });
        }
    }
    fields
}

/// A value's type and its bytes in little endian.
fn little_endian(entry: &Entry<'_>) -> Option<(u16, Vec<u8>)> {
    let (size, _) = number_size(entry.kind)?;
    let value = entry.value.filter(|value| !value.is_empty())?;
    if matches!(entry.kind, 2 | 129) {
        // What hides behind the end of a text stays behind; a copyright has two texts. UTF-8 goes as plain text: older readers know no other.
        let texts = if entry.tag == COPYRIGHT { 2 } else { 1 };
        let mut text = value.split(|&b| b == 0).take(texts).collect::<Vec<_>>().join(&0);
        text.truncate(MAX_VALUE_BYTES - 1);
        text.push(0);
        return Some((2, text));
    }
    (value.len() <= MAX_VALUE_BYTES).then(|| {
        let turn = |number: &[u8]| -> Vec<u8> { if entry.big_endian { number.iter().rev().copied().collect() } else { number.to_vec() } };
        (entry.kind, value.chunks_exact(size).flat_map(turn).collect())
    })
}

/// Writes a whole block: header, main directory, and those of exposure and location where they have fields.
pub(super) fn write(mut fields: Vec<Field>) -> Vec<u8> {
    // Tags ascend inside a directory. Each stands there once, so the order is total.
    fields.sort_by_key(|field| field.tag);
    let part = |ifd| fields.iter().filter(|field| field.ifd == ifd).cloned().collect::<Vec<_>>();
    let (mut main, exif, gps) = (part(Ifd::Main), part(Ifd::Exif), part(Ifd::Gps));

    let children = [(EXIF_POINTER, &exif), (GPS_POINTER, &gps)].into_iter().filter(|(_, part)| !part.is_empty());
    let mut at = 8 + directory(&main, 8).len() + 12 * children.clone().count();
    let mut tail = Vec::new();
    for (pointer, part) in children {
        main.push(Field { ifd: Ifd::Main, tag: pointer, kind: 4, value: (at as u32).to_le_bytes().to_vec() });
        let child = directory(part, at);
        at += child.len();
        tail.extend(child);
    }
    main.sort_by_key(|field| field.tag);
    [b"II\x2A\0\x08\0\0\0".to_vec(), directory(&main, 8), tail].concat()
}

/// A directory that begins at an offset, and its longer values behind it, each at an even offset.
fn directory(fields: &[Field], offset: usize) -> Vec<u8> {
    let mut out = (fields.len() as u16).to_le_bytes().to_vec();
    let mut values = Vec::new();
    let values_at = offset + 2 + 12 * fields.len() + 4;
    for field in fields {
        let (size, numbers) = number_size(field.kind).expect("fields() takes only types of known size");
        out.extend(field.tag.to_le_bytes());
        out.extend(field.kind.to_le_bytes());
        out.extend(((field.value.len() / (size * numbers)) as u32).to_le_bytes());
        if field.value.len() <= 4 {
            let mut short = [0; 4];
            short[..field.value.len()].copy_from_slice(&field.value);
            out.extend(short);
        } else {
            out.extend(((values_at + values.len()) as u32).to_le_bytes());
            values.extend(&field.value);
            values.resize(values.len().next_multiple_of(2), 0);
        }
    }
    out.extend([0; 4]);
    out.extend(values);
    out
}

#[cfg(test)]
mod tests {
    use super::super::entries::tests::{Made, ascii, block, long, rationals, short};
    use super::super::{orientation, read_exif};
    use super::*;

    /// A block with all that is private, in texts that can be searched for.
    fn private(big_endian: bool) -> Vec<u8> {
        block(&Made {
            main: vec![
                ascii(0x10E, "title\0hidden behind the end\0"),
                ascii(0x10F, "Maker\0"),
                short(0x112, 6),
                ascii(0x13B, "artist\0"),
                ascii(0x8298, "owner\0"),
                ascii(0x9C9D, "windows author\0"),
            ],
            exif: vec![
                rationals(0x829A, &[(1, 250)]),
                ascii(0x927C, "maker note\0"),
                ascii(0x9286, "comment\0"),
                ascii(0xA430, "name\0"),
                ascii(0xA431, "serial\0"),
                ascii(0xA420, "unique\0"),
                ascii(0xA434, "Lens\0"),
            ],
            gps: vec![
                ascii(1, "N\0"),
                rationals(2, &[(47, 1), (22, 1), (0, 1)]),
                ascii(3, "W\0"),
                rationals(4, &[(8, 1), (33, 1), (0, 1)]),
            ],
            thumbnail: vec![long(0x201, 8), long(0x202, 8), ascii(0x10F, "thumbnail\0")],
            big_endian,
        })
    }

    const EXIF_ONLY: Keep = Keep { exif: true, copyright: false, gps: false };

    #[test]
    fn only_listed_tags_leave() {
        for big_endian in [false, true] {
            let kept = kept_exif(&private(big_endian), EXIF_ONLY, true).unwrap();
            for text in ["hidden", "windows", "maker note", "comment", "name", "serial", "unique", "thumbnail"] {
                assert!(!kept.windows(text.len()).any(|part| part == text.as_bytes()), "{text}");
            }
            let exif = read_exif(&kept).unwrap();
            assert_eq!((exif.make.as_deref(), exif.lens_model.as_deref(), exif.exposure_time), (Some("Maker"), Some("Lens"), Some(0.004)));
            assert_eq!((exif.description.as_deref(), exif.artist.as_deref()), (Some("title"), Some("artist")));
            assert_eq!((exif.gps, exif.has_thumbnail, exif.has_maker_note, exif.has_serial_number), (None, false, false, false));
        }
    }

    #[test]
    fn a_location_leaves_only_by_name() {
        let location = Keep { gps: true, ..Keep::default() };
        let exif = read_exif(&kept_exif(&private(true), location, true).unwrap()).unwrap();
        let gps = exif.gps.unwrap();
        assert_eq!((gps.latitude, gps.longitude, exif.make), (47.0 + 22.0 / 60.0, -(8.0 + 33.0 / 60.0), None));
    }

    #[test]
    fn copyright_alone_keeps_two_texts() {
        let kept = kept_exif(&private(false), Keep { copyright: true, ..Keep::default() }, true).unwrap();
        let exif = read_exif(&kept).unwrap();
        assert_eq!((exif.artist.as_deref(), exif.copyright.as_deref(), exif.orientation), (Some("artist"), Some("owner"), Some(1)));
        assert_eq!(Block::open(&kept).unwrap().entries().len(), 3);
    }

    #[test]
    fn a_picture_turned_upright_says_so_and_any_other_says_how_it_lies() {
        assert_eq!(orientation(&kept_exif(&private(false), EXIF_ONLY, true).unwrap()), Some(1));
        assert_eq!(orientation(&kept_exif(&private(false), EXIF_ONLY, false).unwrap()), Some(6));
        let odd = block(&Made { main: vec![ascii(0x10F, "Maker\0"), short(0x112, 9)], ..Made::default() });
        assert_eq!(orientation(&kept_exif(&odd, EXIF_ONLY, false).unwrap()), Some(1));
    }

    #[test]
    fn where_nothing_is_kept_there_is_no_block() {
        assert_eq!(kept_exif(&private(false), Keep::default(), true), None);
        assert_eq!(kept_exif(b"no block at all", EXIF_ONLY, true), None);
        let bare = block(&Made {
            main: vec![short(0x112, 6)],
            exif: vec![(EXIF_VERSION, 7, vec![vec![b'0'], vec![b'2'], vec![b'3'], vec![b'2']])],
            ..Made::default()
        });
        assert_eq!(kept_exif(&bare, EXIF_ONLY, true), None);
    }

    #[test]
    fn what_is_written_reads_the_same_again() {
        let all = Keep { exif: true, copyright: true, gps: true };
        let once = kept_exif(&private(true), all, false).unwrap();
        assert_eq!(kept_exif(&once, all, false).unwrap(), once);
    }

    #[test]
    fn a_block_fits_a_jpeg_segment_whatever_it_was() {
        let long_text = "x".repeat(50_000);
        let exif = EXIF.iter().map(|&tag| ascii(tag, &long_text)).collect();
        let kept = kept_exif(&block(&Made { main: vec![ascii(0x10E, &long_text)], exif, ..Made::default() }), EXIF_ONLY, true).unwrap();
        assert!((50_000..65_000).contains(&kept.len()), "{} bytes", kept.len());
    }
}
