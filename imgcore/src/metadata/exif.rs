//! EXIF as typed values.
//!
//! The reader sees a small block that we wrote ourselves from the tags below, never the file's own: no loop, no count and no overlap
//! of directories reaches it.

use exif::{In, Reader, Tag, Value};
use serde::Serialize;

use super::entries::{Block, Ifd};
use super::keep::{fields, write};

/// What a camera noted, as far as it is sound. What is absent, zero where zero says nothing, or out of range is None.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Exif {
    /// The camera's maker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub make: Option<String>,
    /// The camera's model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The lens's maker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lens_make: Option<String>,
    /// The lens's model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lens_model: Option<String>,
    /// The program that wrote the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub software: Option<String>,
    /// Who made the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artist: Option<String>,
    /// Who owns it; the photographer's and the editor's notice on a line each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copyright: Option<String>,
    /// The title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// When the file was last changed: `2026-05-04T03:02:01`, and `+02:00` behind it where the file says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_time: Option<String>,
    /// When the picture was taken, in the same form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_time_original: Option<String>,
    /// How long the shutter was open, in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposure_time: Option<f64>,
    /// The aperture: 2.8 is f/2.8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub f_number: Option<f64>,
    /// The sensitivity, as an ISO number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iso: Option<u32>,
    /// The exposure's correction, in stops.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exposure_bias: Option<f64>,
    /// The focal length, in millimeters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub focal_length: Option<f64>,
    /// The focal length that gives the same picture on 35 mm film, in millimeters.
    #[serde(rename = "focalLength35mm", skip_serializing_if = "Option::is_none")]
    pub focal_length_35mm: Option<u32>,
    /// Whether the flash fired.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flash: Option<bool>,
    /// Who set the white balance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub white_balance: Option<WhiteBalance>,
    /// How the light was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metering_mode: Option<MeteringMode>,
    /// The orientation tag as written; 0 and values above 8 occur, and mean 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orientation: Option<u16>,
    /// The width that the camera noted, in pixels; it need not be the file's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pixel_width: Option<u32>,
    /// The height that the camera noted, in pixels; it need not be the file's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pixel_height: Option<u32>,
    /// Where it was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gps: Option<Gps>,
    /// Whether a smaller picture is embedded, perhaps from before a crop.
    pub has_thumbnail: bool,
    /// Whether the maker's own notes are embedded.
    pub has_maker_note: bool,
    /// Whether a serial number of camera or lens is written; the numbers themselves are not told.
    pub has_serial_number: bool,
}

/// A place on the earth.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Gps {
    /// Degrees north of the equator, -90 to 90.
    pub latitude: f64,
    /// Degrees east of Greenwich, -180 to 180.
    pub longitude: f64,
    /// Meters above the sea; below it negative.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub altitude: Option<f64>,
    /// When the place was found: `2026-05-04T01:02:01Z`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date_time: Option<String>,
}

/// Who set the white balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum WhiteBalance {
    /// The camera.
    Auto,
    /// The photographer.
    Manual,
}

/// How the light was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum MeteringMode {
    /// Over the whole picture.
    Average,
    /// Mostly in the middle.
    CenterWeightedAverage,
    /// At one spot.
    Spot,
    /// At several spots.
    MultiSpot,
    /// In zones.
    Pattern,
    /// In a part.
    Partial,
    /// In another way.
    Other,
}

/// The tags that are read, beside the orientation.
const READ: [(Ifd, Tag); 31] = [
    (Ifd::Main, Tag::ImageDescription),
    (Ifd::Main, Tag::Make),
    (Ifd::Main, Tag::Model),
    (Ifd::Main, Tag::Software),
    (Ifd::Main, Tag::DateTime),
    (Ifd::Main, Tag::Artist),
    (Ifd::Main, Tag::Copyright),
    (Ifd::Exif, Tag::ExposureTime),
    (Ifd::Exif, Tag::FNumber),
    (Ifd::Exif, Tag::PhotographicSensitivity),
    (Ifd::Exif, Tag::DateTimeOriginal),
    (Ifd::Exif, Tag::OffsetTime),
    (Ifd::Exif, Tag::OffsetTimeOriginal),
    (Ifd::Exif, Tag::ExposureBiasValue),
    (Ifd::Exif, Tag::MeteringMode),
    (Ifd::Exif, Tag::Flash),
    (Ifd::Exif, Tag::FocalLength),
    (Ifd::Exif, Tag::PixelXDimension),
    (Ifd::Exif, Tag::PixelYDimension),
    (Ifd::Exif, Tag::WhiteBalance),
    (Ifd::Exif, Tag::FocalLengthIn35mmFilm),
    (Ifd::Exif, Tag::LensMake),
    (Ifd::Exif, Tag::LensModel),
    (Ifd::Gps, Tag::GPSLatitudeRef),
    (Ifd::Gps, Tag::GPSLatitude),
    (Ifd::Gps, Tag::GPSLongitudeRef),
    (Ifd::Gps, Tag::GPSLongitude),
    (Ifd::Gps, Tag::GPSAltitudeRef),
    (Ifd::Gps, Tag::GPSAltitude),
    (Ifd::Gps, Tag::GPSTimeStamp),
    (Ifd::Gps, Tag::GPSDateStamp),
];

/// The typed values of an EXIF block, as far as it can be read.
///
/// # Errors
/// A phrase that says why nothing of it can be read.
pub(crate) fn read_exif(block: &[u8]) -> Result<Exif, String> {
    let entries = Block::open(block).ok_or("no TIFF header")?.entries();
    let has = |ifd, tags: &[u16]| entries.iter().any(|(of, entry)| *of == ifd && tags.contains(&entry.tag));

    let small = write(fields(block, |ifd, tag| READ.iter().any(|(of, known)| *of == ifd && known.number() == tag)));
    let values = Values(
        Reader::new().continue_on_error(true).read_raw(small).or_else(|e| e.distill_partial_result(|_| ())).map_err(|e| e.to_string())?,
    );

    Ok(Exif {
        make: values.text(Tag::Make),
        model: values.text(Tag::Model),
        lens_make: values.text(Tag::LensMake),
        lens_model: values.text(Tag::LensModel),
        software: values.text(Tag::Software),
        artist: values.text(Tag::Artist),
        copyright: values.text(Tag::Copyright),
        description: values.text(Tag::ImageDescription),
        date_time: values.date(Tag::DateTime, Tag::OffsetTime),
        date_time_original: values.date(Tag::DateTimeOriginal, Tag::OffsetTimeOriginal),
        exposure_time: values.positive(Tag::ExposureTime),
        f_number: values.positive(Tag::FNumber),
        iso: values.whole(Tag::PhotographicSensitivity).filter(|&iso| iso > 0),
        exposure_bias: values.fraction(Tag::ExposureBiasValue, 0),
        focal_length: values.positive(Tag::FocalLength),
        focal_length_35mm: values.whole(Tag::FocalLengthIn35mmFilm).filter(|&length| length > 0),
        flash: values.whole(Tag::Flash).map(|bits| bits & 1 == 1),
        white_balance: match values.whole(Tag::WhiteBalance) {
            Some(0) => Some(WhiteBalance::Auto),
            Some(1) => Some(WhiteBalance::Manual),
            _ => None,
        },
        metering_mode: match values.whole(Tag::MeteringMode) {
            Some(1) => Some(MeteringMode::Average),
            Some(2) => Some(MeteringMode::CenterWeightedAverage),
            Some(3) => Some(MeteringMode::Spot),
            Some(4) => Some(MeteringMode::MultiSpot),
            Some(5) => Some(MeteringMode::Pattern),
            Some(6) => Some(MeteringMode::Partial),
            Some(255) => Some(MeteringMode::Other),
            _ => None,
        },
        orientation: super::orientation(block),
        pixel_width: values.whole(Tag::PixelXDimension).filter(|&side| side > 0),
        pixel_height: values.whole(Tag::PixelYDimension).filter(|&side| side > 0),
        gps: values.gps(),
        has_thumbnail: has(Ifd::Thumbnail, &[Tag::JPEGInterchangeFormat.number(), Tag::StripOffsets.number()]),
        has_maker_note: has(Ifd::Exif, &[Tag::MakerNote.number()]),
        // The last is DNG's camera serial number.
        has_serial_number: has(Ifd::Exif, &[Tag::BodySerialNumber.number(), Tag::LensSerialNumber.number()]) || has(Ifd::Main, &[0xC62F]),
    })
}

/// The fields of a block, each asked for in the form that it should have.
struct Values(exif::Exif);

impl Values {
    fn value(&self, tag: Tag) -> Option<&Value> {
        self.0.get_field(tag, In::PRIMARY).map(|field| &field.value)
    }

    /// A text without what is not printable; several on a line each.
    fn text(&self, tag: Tag) -> Option<String> {
        let Value::Ascii(texts) = self.value(tag)? else { return None };
        let lines = texts.iter().map(|text| {
            let text = String::from_utf8_lossy(text).chars().filter(|c| !c.is_control()).collect::<String>();
            text.trim().to_owned()
        });
        let lines = lines.filter(|line| !line.is_empty()).collect::<Vec<_>>();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn whole(&self, tag: Tag) -> Option<u32> {
        self.value(tag)?.get_uint(0)
    }

    /// A fraction as a decimal; None for one over nothing.
    fn fraction(&self, tag: Tag, index: usize) -> Option<f64> {
        let (over, under) = match self.value(tag)? {
            Value::Rational(values) => values.get(index).map(|v| (f64::from(v.num), f64::from(v.denom)))?,
            Value::SRational(values) => values.get(index).map(|v| (f64::from(v.num), f64::from(v.denom)))?,
            _ => return None,
        };
        (under != 0.0).then(|| over / under)
    }

    fn positive(&self, tag: Tag) -> Option<f64> {
        self.fraction(tag, 0).filter(|&value| value > 0.0)
    }

    fn date(&self, tag: Tag, offset: Tag) -> Option<String> {
        let date = date_time(&self.text(tag)?)?;
        Some(date + &self.text(offset).filter(|text| is_offset(text)).unwrap_or_default())
    }

    fn gps(&self) -> Option<Gps> {
        let latitude = self.degrees(Tag::GPSLatitude, Tag::GPSLatitudeRef, ["N", "S"], 90.0)?;
        let longitude = self.degrees(Tag::GPSLongitude, Tag::GPSLongitudeRef, ["E", "W"], 180.0)?;
        let is_below_sea = matches!(self.whole(Tag::GPSAltitudeRef), Some(1 | 3));
        let altitude = self.fraction(Tag::GPSAltitude, 0).map(|meters| if is_below_sea { 0.0 - meters } else { meters });
        Some(Gps { latitude, longitude, altitude, date_time: self.gps_date() })
    }

    /// Degrees, minutes and seconds as decimal degrees. Their direction must be known: half the earth lies between north and south.
    fn degrees(&self, tag: Tag, direction: Tag, [positive, negative]: [&str; 2], max: f64) -> Option<f64> {
        let part = |index| self.fraction(tag, index).unwrap_or(0.0);
        let degrees = self.fraction(tag, 0)? + part(1) / 60.0 + part(2) / 3600.0;
        let direction = self.text(direction)?.to_ascii_uppercase();
        let signed = match () {
            () if direction.starts_with(positive) => degrees,
            () if direction.starts_with(negative) => 0.0 - degrees,
            () => return None,
        };
        (-max..=max).contains(&signed).then_some(signed)
    }

    fn gps_date(&self) -> Option<String> {
        let day = self.text(Tag::GPSDateStamp)?;
        let part = |index| self.fraction(Tag::GPSTimeStamp, index).filter(|part| (0.0..=60.0).contains(part)).map(|part| part as u32);
        let text = format!("{day} {:02}:{:02}:{:02}", part(0)?, part(1)?, part(2)?);
        Some(date_time(&text)? + "Z")
    }
}

/// `2026:05:04 03:02:01` as `2026-05-04T03:02:01`; None for a date that no calendar has. Other separators than the colon occur.
fn date_time(text: &str) -> Option<String> {
    let text = text.get(..19)?;
    let number = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse::<u32>().ok()).flatten()
    };
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let is_sound = year > 0 && (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60;
    is_sound.then(|| format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"))
}

/// Whether a text is an offset from universal time: `+02:00`.
fn is_offset(text: &str) -> bool {
    match text.as_bytes() {
        [b'+' | b'-', h @ b'0'..=b'1', n, b':', b'0'..=b'5', m] => n.is_ascii_digit() && m.is_ascii_digit() && (*h == b'0' || *n <= b'4'),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::entries::tests::{Made, ascii, block, long, rationals, short, srationals};
    use super::super::orientation;
    use super::*;

    fn read(made: &Made) -> Exif {
        read_exif(&block(made)).unwrap()
    }

    #[test]
    fn both_byte_orders_give_the_same_values() {
        let made = Made {
            main: vec![ascii(0x10F, "Maker\0"), ascii(0x110, "  Model 1 \0"), short(0x112, 6), ascii(0x8298, "photographer\0editor\0")],
            exif: vec![
                rationals(0x829A, &[(1, 250)]),
                rationals(0x829D, &[(28, 10)]),
                short(0x8827, 400),
                ascii(0x9003, "2026:05:04 03:02:01\0"),
                ascii(0x9011, "+02:00\0"),
                srationals(0x9204, &[(-1, 3)]),
                short(0x9207, 5),
                short(0x9209, 0x19),
                rationals(0x920A, &[(50, 1)]),
                short(0xA403, 1),
                short(0xA405, 75),
                long(0xA002, 4000),
                ascii(0xA431, "12345\0"),
                ascii(0xA434, "Lens\0"),
            ],
            gps: vec![
                ascii(1, "S\0"),
                rationals(2, &[(33, 1), (51, 1), (36, 1)]),
                ascii(3, "E\0"),
                rationals(4, &[(151, 1), (12, 1), (0, 0)]),
                (5, 1, vec![vec![1]]),
                rationals(6, &[(5, 2)]),
                rationals(7, &[(1, 1), (2, 1), (59, 2)]),
                ascii(29, "2026:05:04\0"),
            ],
            thumbnail: vec![long(0x201, 1), long(0x202, 1)],
            ..Made::default()
        };
        let exif = read(&made);
        assert_eq!(exif, read(&Made { big_endian: true, ..made }));
        let expected = Exif {
            make: Some("Maker".into()),
            model: Some("Model 1".into()),
            copyright: Some("photographer\neditor".into()),
            exposure_time: Some(0.004),
            f_number: Some(2.8),
            iso: Some(400),
            date_time_original: Some("2026-05-04T03:02:01+02:00".into()),
            exposure_bias: Some(-1.0 / 3.0),
            metering_mode: Some(MeteringMode::Pattern),
            flash: Some(true),
            focal_length: Some(50.0),
            white_balance: Some(WhiteBalance::Manual),
            focal_length_35mm: Some(75),
            pixel_width: Some(4000),
            lens_model: Some("Lens".into()),
            orientation: Some(6),
            gps: Some(Gps { latitude: -33.86, longitude: 151.2, altitude: Some(-2.5), date_time: Some("2026-05-04T01:02:29Z".into()) }),
            has_thumbnail: true,
            has_serial_number: true,
            ..Exif::default()
        };
        assert_eq!(exif, expected);
    }

    #[test]
    fn the_wire_form_has_camel_case_keys_and_no_nulls() {
        let exif = read(&Made { main: vec![short(0x112, 9)], exif: vec![short(0xA405, 28)], ..Made::default() });
        let json = r#"{"focalLength35mm":28,"orientation":9,"hasThumbnail":false,"hasMakerNote":false,"hasSerialNumber":false}"#;
        assert_eq!(serde_json::to_string(&exif).unwrap(), json);
    }

    #[test]
    fn values_that_say_nothing_are_absent() {
        let made = Made {
            main: vec![ascii(0x10F, "   \0"), ascii(0x132, "0000:00:00 00:00:00\0"), ascii(0x131, "\x01\n\0")],
            exif: vec![
                rationals(0x829A, &[(1, 0)]),
                rationals(0x829D, &[(0, 1)]),
                srationals(0x9204, &[(0, 0)]),
                short(0x8827, 0),
                ascii(0x9003, "2026\0"),
            ],
            gps: vec![ascii(1, "N\0"), rationals(2, &[(91, 1), (0, 1), (0, 1)]), ascii(3, "E\0"), rationals(4, &[(1, 1), (0, 1), (0, 1)])],
            ..Made::default()
        };
        assert_eq!(read(&made), Exif::default());
    }

    #[test]
    fn a_place_without_directions_is_none() {
        let gps = vec![rationals(2, &[(33, 1), (51, 1), (36, 1)]), rationals(4, &[(151, 1), (12, 1), (0, 1)])];
        assert_eq!(read(&Made { gps, ..Made::default() }).gps, None);
    }

    #[test]
    fn the_first_orientation_counts() {
        let made = Made { main: vec![short(0x112, 6), short(0x112, 3)], ..Made::default() };
        assert_eq!(orientation(&block(&made)), Some(6));
        assert_eq!(orientation(&block(&Made { main: vec![long(0x112, 8)], big_endian: true, ..Made::default() })), Some(8));
        assert_eq!(orientation(&block(&Made { main: vec![long(0x112, 65_537)], ..Made::default() })), Some(u16::MAX));
    }

    #[test]
    fn a_directory_that_names_itself_is_read_once() {
        // One SHORT, and pointers to exposure and location that lead back, as does the next directory.
        let loops = b"II*\0\x08\0\0\0\x03\0\
            \x12\x01\x03\0\x01\0\0\0\x06\0\0\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x25\x88\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0";
        assert_eq!(read_exif(loops).unwrap(), Exif { orientation: Some(6), ..Exif::default() });
    }

    #[test]
    fn a_count_of_4g_costs_its_own_tag_only() {
        let mut made = block(&Made { main: vec![ascii(0x10F, "Maker\0"), short(0x112, 6), ascii(0x131, "Writer\0")], ..Made::default() });
        made[8 + 2 + 4..8 + 2 + 8].fill(0xFF);
        let exif = read_exif(&made).unwrap();
        assert_eq!((exif.make, exif.orientation, exif.software.as_deref()), (None, Some(6), Some("Writer")));
    }

    #[test]
    fn no_prefix_and_no_flipped_bit_panics() {
        let made = block(&Made {
            main: vec![ascii(0x10F, "Maker\0"), short(0x112, 6)],
            exif: vec![rationals(0x829A, &[(1, 250)]), ascii(0x9003, "2026:05:04 03:02:01\0")],
            gps: vec![
                ascii(1, "S\0"),
                rationals(2, &[(33, 1), (51, 1), (36, 1)]),
                ascii(3, "E\0"),
                rationals(4, &[(1, 1), (1, 1), (1, 1)]),
            ],
            thumbnail: vec![long(0x201, 1)],
            ..Made::default()
        });
        let is_finite =
            |exif: &Exif| [exif.exposure_time, exif.gps.as_ref().map(|gps| gps.latitude)].iter().flatten().all(|v| v.is_finite());
        for end in 0..made.len() {
            assert!(read_exif(&made[..end]).is_ok_and(|exif| is_finite(&exif)) == (end >= 8), "the first {end} bytes");
        }
        for bit in 64..made.len() * 8 {
            let mut bent = made.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            assert!(is_finite(&read_exif(&bent).unwrap()), "bit {bit}");
        }
    }
}
