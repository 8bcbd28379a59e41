//! The pictures that a newcomer sees first: one for each thing that real pictures bring with them.

use crate::metadata::{self, Value};
use crate::paint::{paint, paint_alpha};
use crate::picture::Picture;
use crate::scene::{land, objects, poster, sky, water};
use crate::write::{self, Jpeg};
use crate::{Folder, Result, palette};
use jpeg_encoder::{ColorType as JpegColor, SamplingFactor};
use png::{BitDepth, ColorType as PngColor};
use tiff::encoder::{Compression, DeflateLevel, colortype};

pub(crate) fn make(folder: &mut Folder) -> Result<()> {
    photographs(folder)?;
    lighthouses(folder)?;
    lossless(folder)?;
    moving(folder)?;
    phone(folder)?;
    broken(folder)?;
    folder
        .finish("Test images", "Pictures for a first run: photographs that nobody took, one for each thing that real ones bring with them.")
}

fn photographs(folder: &mut Folder) -> Result<()> {
    let mut add = |name: &str, shows: &str, picture: &Picture, options: Jpeg| folder.add(name, shows, &write::jpeg(picture, &options)?);
    let base = Jpeg::default();
    let profile = metadata::display_p3();

    let mountains = paint(1600, 1000, land::mountains).picture(1.5);
    add("mountains-progressive.jpg", "a progressive JPEG", &mountains, Jpeg { progressive: true, ..base })?;
    let sunset = paint(1500, 1000, water::sunset).picture(1.5);
    let shows = "a JPEG in wide gamut, with a Display P3 profile";
    add("sunset-display-p3.jpg", shows, &sunset, Jpeg { icc: &profile, ..base })?;
    let dunes = paint(1350, 900, land::dunes).picture(1.5);
    add("dunes.jpg", "a baseline JPEG, chroma halved both ways", &dunes, base)?;
    let aurora = paint(1500, 1000, sky::aurora).picture(1.5);
    let sampling = SamplingFactor::R_4_4_4;
    add("aurora-full-chroma.jpg", "a baseline JPEG with full chroma", &aurora, Jpeg { sampling, ..base })?;
    let forest = paint(1500, 1000, land::forest).picture(1.5);
    add("forest-restart-markers.jpg", "a JPEG with restart markers", &forest, Jpeg { restart_interval: 94, ..base })?;
    let beach = paint(1200, 800, water::beach).picture(1.5);
    let sampling = SamplingFactor::R_4_2_2;
    add("beach-from-above.jpg", "a baseline JPEG, chroma halved across", &beach, Jpeg { sampling, ..base })?;
    let fruit = paint(1200, 800, objects::fruit).picture(1.5);
    add("fruit.jpg", "a still life", &fruit, Jpeg { quality: 86, ..base })?;
    let lake = paint(1200, 800, water::lake).picture(3.0);
    add("lake-gray.jpg", "a JPEG of one component", &lake, Jpeg { color: JpegColor::Luma, ..base })?;
    let tulips = paint(900, 600, land::tulips).picture(0.0);
    add("tulips-cmyk.jpg", "a JPEG of four inks, as for print", &tulips, Jpeg { color: JpegColor::Cmyk, quality: 75, ..base })
}

fn lighthouses(folder: &mut Folder) -> Result<()> {
    let upright = paint(600, 400, land::lighthouse).picture(1.0);
    for orientation in 1..=8 {
        let exif = metadata::orientation(orientation);
        let bytes = write::jpeg(&upright.stored_as(orientation), &Jpeg { exif: &exif, ..Jpeg::default() })?;
        let shows = format!("EXIF orientation {orientation}; upright all eight are the same");
        folder.add(&format!("lighthouse-orientation-{orientation}.jpg"), &shows, &bytes)?;
    }
    Ok(())
}

fn lossless(folder: &mut Folder) -> Result<()> {
    let leaf = paint_alpha(480, 480, objects::leaf).picture(0.0);
    folder.add("leaf-alpha.png", "a PNG with soft alpha", &write::png_rgba(&leaf)?)?;

    let balloons = paint(750, 500, poster::balloons).picture(0.0);
    let colors = palette::choose(std::slice::from_ref(&balloons), 128);
    let indexes = palette::indexes(&balloons, &colors, 6.0);
    let bytes = write::png_palette((750, 500), BitDepth::Eight, &indexes, &colors.concat(), &[])?;
    folder.add("balloons-palette.png", "a PNG with a palette", &bytes)?;

    let dusk = paint(360, 240, sky::dusk).rgb16();
    folder.add("dusk-16-bit.png", "a PNG of 16 bits", &write::png((360, 240), PngColor::Rgb, BitDepth::Sixteen, &dusk)?)?;
    let moon = paint(400, 400, sky::moon).picture(0.0);
    folder.add("moon-interlaced.png", "an interlaced PNG", &write::png_interlaced(&moon)?)?;

    let bubble = paint_alpha(360, 360, objects::bubble).picture(0.0);
    folder.add("bubble-lossless.webp", "a lossless WebP with alpha", &write::webp(&bubble, true, &[])?)?;
    let canyon = paint(400, 600, poster::canyon).picture(0.0).stored_as(6);
    let exif = [b"Exif\0\0".as_slice(), &metadata::orientation(6)].concat();
    let shows = "a WebP whose EXIF chunk begins with `Exif\\0\\0` and says orientation 6";
    folder.add("canyon-orientation-6.webp", shows, &write::webp(&canyon, false, &exif)?)?;

    let snow = paint(480, 320, land::snow).picture(0.0);
    let deflate = Compression::Deflate(DeflateLevel::Best);
    folder.add("snow.tif", "a TIFF, Deflate", &write::tiff::<colortype::RGB8>((480, 320), &snow.rgb(), deflate, 1)?)?;
    let planet = paint(300, 200, sky::planet).picture(0.0);
    folder.add("planet.bmp", "a BMP", &write::bmp(&planet, image::ExtendedColorType::Rgb8)?)
}

fn moving(folder: &mut Folder) -> Result<()> {
    let count = 12;
    let time = |frame: u32| f64::from(frame) / f64::from(count);
    let pictures: Vec<Picture> = (0..count).map(|i| paint(360, 240, |x, y| poster::sunrise(x, y, time(i))).picture(0.0)).collect();
    let colors = palette::choose(&pictures, 128);
    let frames: Vec<gif::Frame> = pictures
        .iter()
        .map(|picture| {
            let indexes = palette::indexes(picture, &colors, 0.0);
            gif::Frame { delay: 16, ..gif::Frame::from_indexed_pixels(360, 240, indexes, None) }
        })
        .collect();
    let bytes = write::gif((360, 240), &colors.concat(), &frames)?;
    folder.add("sunrise-animated.gif", "a GIF of twelve frames", &bytes)?;

    let frames: Vec<Picture> =
        (0..10).map(|i| paint_alpha(300, 200, |x, y| poster::boat(x, y, f64::from(i) / 10.0)).picture(0.0)).collect();
    folder.add("boat-animated.png", "an animated PNG of ten frames, with alpha", &write::apng(&frames, 120)?)
}

/// A picture as a phone writes it, with all that should not leave the house.
fn phone(folder: &mut Folder) -> Result<()> {
    let whole = paint(1440, 800, water::harbor).picture(1.5);
    let cropped = whole.right_of(374);
    // The thumbnail still shows what was cropped away.
    let thumbnail = write::jpeg(&paint(180, 100, water::harbor).picture(0.0), &Jpeg::default())?;

    let exposure = vec![
        (0x829A, Value::Rationals(vec![(1, 60)])),
        (0x829D, Value::Rationals(vec![(178, 100)])),
        (0x8827, Value::Short(320)),
        (0x9000, Value::Opaque(b"0232".to_vec())),
        (0x9003, Value::Ascii("2026:06:21 21:47:03")),
        (0x9004, Value::Ascii("2026:06:21 21:47:03")),
        (0x9011, Value::Ascii("+02:00")),
        (0x920A, Value::Rationals(vec![(686, 100)])),
        (0x927C, Value::Opaque([b"Maker\0\0\x01".as_slice(), &[0x5A; 120]].concat())),
        (0xA405, Value::Short(24)),
        (0xA431, Value::Ascii("F17-0042-1138")),
        (0xA433, Value::Ascii("Meadow")),
        (0xA434, Value::Ascii("Meadow Seven back camera 6.86mm f/1.78")),
    ];
    let place = vec![
        (0x0000, Value::Bytes(vec![2, 3, 0, 0])),
        (0x0001, Value::Ascii("N")),
        (0x0002, Value::Rationals(vec![(44, 1), (24, 1), (1872, 100)])),
        (0x0003, Value::Ascii("E")),
        (0x0004, Value::Rationals(vec![(8, 1), (56, 1), (204, 100)])),
        (0x0005, Value::Bytes(vec![0])),
        (0x0006, Value::Rationals(vec![(42, 10)])),
    ];
    let tags = vec![
        (0x010F, Value::Ascii("Meadow")),
        (0x0110, Value::Ascii("Seven")),
        (0x0112, Value::Short(1)),
        (0x0131, Value::Ascii("7.1")),
        (0x0132, Value::Ascii("2026:06:21 21:47:03")),
        (0x8769, Value::Directory(exposure)),
        (0x8825, Value::Directory(place)),
    ];
    let exif = metadata::exif(tags, Some(&thumbnail));
    let bytes = write::jpeg(&cropped, &Jpeg { exif: &exif, icc: &metadata::display_p3(), ..Jpeg::default() })?;
    let shows = "a phone's JPEG: camera, lens, serial number, place, maker note, and a thumbnail that shows what was \
                 cropped away";
    folder.add("phone-with-gps.jpg", shows, &bytes)
}

fn broken(folder: &mut Folder) -> Result<()> {
    let whole = write::jpeg(&paint(600, 400, land::dunes).picture(1.0), &Jpeg::default())?;
    folder.add("corrupt.jpg", "a JPEG cut in the middle; ends as rejected", &whole[..whole.len() / 2])?;

    let mut header = [50_000_u32.to_be_bytes(), 50_000_u32.to_be_bytes()].concat();
    header.extend([1, 0, 0, 0, 0]);
    // The data of a smaller picture of nothing, where the header promises 2,500 megapixels.
    let small = write::png((8_000, 2_000), PngColor::Grayscale, BitDepth::One, &[0; 2_000_000])?;
    let bomb = [b"\x89PNG\r\n\x1a\n".as_slice(), &write::png_chunk(*b"IHDR", &header), &small[33..]].concat();
    folder.add("bomb.png", "a few kilobytes that claim 50,000 x 50,000 pixels; ends as rejected", &bomb)
}
