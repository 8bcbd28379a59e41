//! The two blocks that travel inside picture files: EXIF (a small TIFF file) and an ICC profile.

/// The value of an EXIF tag.
pub(crate) enum Value {
    Ascii(&'static str),
    Bytes(Vec<u8>),
    Long(u32),
    Opaque(Vec<u8>),
    Rationals(Vec<(u32, u32)>),
    Short(u16),
    /// A directory of its own, to which the tag points.
    Directory(Vec<Tag>),
}

pub(crate) type Tag = (u16, Value);

/// A block that says the orientation and nothing else.
pub(crate) fn orientation(orientation: u8) -> Vec<u8> {
    exif(vec![(0x0112, Value::Short(orientation.into()))], None)
}

/// A little-endian EXIF block without the `Exif\0\0` that precedes it in a JPEG. Tags must be in ascending order.
pub(crate) fn exif(tags: Vec<Tag>, thumbnail: Option<&[u8]>) -> Vec<u8> {
    let mut out = vec![b'I', b'I', 42, 0, 8, 0, 0, 0];
    let next = write_directory(&mut out, tags);
    if let Some(jpeg) = thumbnail {
        let start = out.len() as u32;
        out[next..next + 4].copy_from_slice(&start.to_le_bytes());
        // A directory of three entries takes 2 + 3 * 12 + 4 bytes; the JPEG follows it.
        let tags = vec![(0x0103, Value::Short(6)), (0x0201, Value::Long(start + 42)), (0x0202, Value::Long(jpeg.len() as u32))];
        write_directory(&mut out, tags);
        out.extend(jpeg);
    }
    out
}

/// Appends a directory and everything it points to; returns where the offset of the next directory goes.
fn write_directory(out: &mut Vec<u8>, tags: Vec<Tag>) -> usize {
    let mut entry = out.len() + 2;
    let next = entry + tags.len() * 12;
    out.extend((tags.len() as u16).to_le_bytes());
    out.resize(next + 4, 0);
    for (tag, value) in tags {
        let (kind, count, bytes): (u16, usize, Vec<u8>) = match value {
            Value::Bytes(bytes) => (1, bytes.len(), bytes),
            Value::Ascii(text) => (2, text.len() + 1, [text.as_bytes(), b"\0"].concat()),
            Value::Short(number) => (3, 1, number.to_le_bytes().to_vec()),
            Value::Long(number) => (4, 1, number.to_le_bytes().to_vec()),
            Value::Rationals(list) => (5, list.len(), list.iter().flat_map(|&(n, d)| [n, d]).flat_map(u32::to_le_bytes).collect()),
            Value::Opaque(bytes) => (7, bytes.len(), bytes),
            Value::Directory(tags) => {
                let start = out.len() as u32;
                write_directory(out, tags);
                (4, 1, start.to_le_bytes().to_vec())
            }
        };
        out[entry..entry + 2].copy_from_slice(&tag.to_le_bytes());
        out[entry + 2..entry + 4].copy_from_slice(&kind.to_le_bytes());
        out[entry + 4..entry + 8].copy_from_slice(&(count as u32).to_le_bytes());
        if bytes.len() <= 4 {
            out[entry + 8..entry + 8 + bytes.len()].copy_from_slice(&bytes);
        } else {
            let start = out.len() as u32;
            out[entry + 8..entry + 12].copy_from_slice(&start.to_le_bytes());
            out.extend(&bytes);
            // Values begin at even offsets.
            out.resize(out.len().next_multiple_of(2), 0);
        }
        entry += 12;
    }
    next
}

/// Display P3 as a version 4 matrix profile: primaries adapted from D65 to D50, and the curve of sRGB.
pub(crate) fn display_p3() -> Vec<u8> {
    // Numbers are s15Fixed16. The curve is function type 3: gamma, a, b, c, d.
    let curve = element(b"para", &[0x0003_0000, 0x2_6666, 0xF2A7, 0x0D59, 0x13D0, 0x0A5B]);
    let adaptation = [0x1_0C42, 0x05DE, 0xFFFF_F326, 0x0793, 0xFD90, 0xFFFF_FBA1, 0xFFFF_FDA2, 0x03DC, 0xC06E];
    profile(
        b"mntrRGB XYZ ",
        &[
            (b"desc", unicode("Display P3")),
            (b"cprt", unicode("Public domain")),
            (b"wtpt", element(b"XYZ ", &[0xF6D6, 0x1_0000, 0xD32D])),
            (b"rXYZ", element(b"XYZ ", &[0x83DF, 0x3DBF, 0xFFFF_FFBB])),
            (b"gXYZ", element(b"XYZ ", &[0x4ABF, 0xB137, 0x0AB9])),
            (b"bXYZ", element(b"XYZ ", &[0x2838, 0x110B, 0xC8B9])),
            (b"rTRC", curve.clone()),
            (b"gTRC", curve.clone()),
            (b"bTRC", curve),
            (b"chad", element(b"sf32", &adaptation)),
        ],
    )
}

/// Four inks by a table of five points each, as `lut16Type` to L*a*b*.
pub(crate) fn inks() -> Vec<u8> {
    let mut samples: Vec<u16> = Vec::new();
    for node in 0..625_u16 {
        let [c, m, y, k] = [125, 25, 5, 1].map(|stride| f64::from(node / stride % 5) / 4.0);
        let [r, g, b] = [c, m, y].map(|ink| (1.0 - 0.9 * ink) * (1.0 - 0.85 * k));
        let lab = [100.0 * (0.3 * r + 0.55 * g + 0.15 * b), 90.0 * (r - g) + 30.0 * (b - g), 70.0 * (g - b) + 20.0 * (r - b)];
        // Version 2: FF00h is 100, and 128 is 8000h.
        samples.push((lab[0] * 652.8) as u16);
        samples.extend(lab[1..].iter().map(|v| ((v + 128.0) * 256.0) as u16));
    }
    let mut table = element(b"mft2", &[0x0403_0500, 0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x1_0000]);
    let dot_gain = [0, 0x9000, 0xFFFF].repeat(4);
    let straight = [0, 0xFFFF].repeat(3);
    table.extend([vec![3, 2], dot_gain, samples, straight].concat().into_iter().flat_map(u16::to_be_bytes));
    profile(b"prtrCMYKLab ", &[(b"desc", unicode("Inks")), (b"cprt", unicode("Public domain")), (b"A2B0", table)])
}

/// A scanner by curves, a table with another count of points for each color, and a matrix, as `lutAToBType` to XYZ.
pub(crate) fn scanner() -> Vec<u8> {
    let curve = |gamma| element(b"para", &[0, gamma]).repeat(3);
    let mut samples: Vec<u8> = Vec::new();
    for node in 0..3 * 2 * 4_u32 {
        let [r, g, b] = [node / 8 * 127, node / 4 % 2 * 255, node % 4 * 85];
        samples.extend([(9 * r + g) / 10, (r + 8 * g + b) / 10, (g + 9 * b) / 10].map(|v| v as u8));
    }
    let clut = [vec![3, 2, 4], vec![0; 13], vec![1, 0, 0, 0], samples].concat();
    // From linear sRGB, halved: 8000h is 1.
    let matrix = [0x37D1, 0x314D, 0x1250, 0x1C7B, 0x5BC2, 0x07C2, 0x01C8, 0x0C6C, 0x5B68, 0, 0, 0];
    let matrix: Vec<u8> = matrix.iter().flat_map(|number: &u32| number.to_be_bytes()).collect();
    let parts = [curve(0x1_0000), matrix, curve(0x1_3333), clut, curve(0x1_CCCD)];
    let mut place = 32;
    let places = parts.each_ref().map(|part| {
        place += part.len() as u32;
        place - part.len() as u32
    });
    let table = element(b"mAB ", &[&[0x0303_0000], &places[..]].concat());
    let table = [vec![table], parts.to_vec()].concat().concat();
    profile(b"scnrRGB XYZ ", &[(b"desc", unicode("Scanner")), (b"cprt", unicode("Public domain")), (b"A2B0", table)])
}

/// A profile of version 4 for a kind of device, its colors and the connection space.
fn profile(kind: &[u8; 12], elements: &[(&[u8; 4], Vec<u8>)]) -> Vec<u8> {
    let mut table = (elements.len() as u32).to_be_bytes().to_vec();
    let mut data: Vec<u8> = Vec::new();
    let data_start = 128 + 4 + 12 * elements.len();
    for (name, bytes) in elements {
        // Equal elements share one place, as the three curves do.
        let place = data.windows(bytes.len()).position(|seen| seen == bytes).unwrap_or(data.len());
        if place == data.len() {
            data.extend(bytes);
            data.resize(data.len().next_multiple_of(4), 0);
        }
        table.extend(*name);
        table.extend(((data_start + place) as u32).to_be_bytes());
        table.extend((bytes.len() as u32).to_be_bytes());
    }

    let mut header = [0; 128];
    header[0..4].copy_from_slice(&((data_start + data.len()) as u32).to_be_bytes());
    header[8..12].copy_from_slice(&[4, 0x20, 0, 0]);
    header[12..24].copy_from_slice(kind);
    // Made on the first of January 2026.
    for (place, value) in header[24..36].chunks_exact_mut(2).zip([2026_u16, 1, 1, 0, 0, 0]) {
        place.copy_from_slice(&value.to_be_bytes());
    }
    header[36..40].copy_from_slice(b"acsp");
    // The light of the connection space is D50.
    for (place, value) in header[68..80].chunks_exact_mut(4).zip([0xF6D6_u32, 0x1_0000, 0xD32D]) {
        place.copy_from_slice(&value.to_be_bytes());
    }
    [header.to_vec(), table, data].concat()
}

fn element(kind: &[u8; 4], numbers: &[u32]) -> Vec<u8> {
    let mut out = [*kind, [0; 4]].concat();
    out.extend(numbers.iter().flat_map(|number| number.to_be_bytes()));
    out
}

/// A text in one language, as UTF-16.
fn unicode(text: &str) -> Vec<u8> {
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let english = u32::from_be_bytes(*b"enUS");
    let mut out = element(b"mluc", &[1, 12, english, utf16.len() as u32, 28]);
    out.extend(utf16);
    out
}
