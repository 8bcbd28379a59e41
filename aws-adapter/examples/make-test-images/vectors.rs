//! The tiny inputs of the core's tests: one file for each way in which a format stores pixels. The tests pin what
//! comes out of them, so a change of the picture here changes the expected results there.

use crate::metadata::{self, Value};
use crate::picture::Picture;
use crate::write::{self, Jpeg};
use crate::{Folder, Result};
use gif::DisposalMethod;
use jpeg_encoder::{ColorType as JpegColor, SamplingFactor};
use png::{BitDepth, ColorType as PngColor};
use tiff::encoder::colortype::{Gray8, Gray16, RGB8, RGB16};
use tiff::encoder::{Compression, DeflateLevel};

pub(crate) fn make(folder: &mut Folder) -> Result<()> {
    jpegs(folder)?;
    pngs(folder)?;
    webps(folder)?;
    gifs(folder)?;
    tiffs(folder)?;
    bmps(folder)?;
    folder.add("not-an-image.txt", "a text", b"This is a text and not a picture.\n")?;
    folder.add("empty.bin", "no bytes at all", b"")?;
    folder.finish(
        "Inputs of the core's tests",
        "Tiny pictures, of odd sizes on purpose. All show a lighthouse on the left, a sun on the upper right, and stripes \
         at the bottom, so that a wrong turn is seen at once.",
    )
}

/// A lighthouse on the left, a sun on the upper right, a hill, and stripes at the bottom. Integers only.
fn lighthouse(width: u32, height: u32) -> Picture {
    Picture::from_fn(width, height, |x, y| {
        let (u, v) = ((x * 256 / width) as i32, (y * 256 / height) as i32);
        let hill = 175 - (((u * 2 + 90) % 256) - 128).abs() / 3;
        let [r, g, b] = if (44..64).contains(&u) && (40..210).contains(&v) {
            if (v / 34) % 2 == 0 { [236, 232, 224] } else { [200 - u, 52, 44] }
        } else if (u - 196).pow(2) + (v - 58).pow(2) < 900 {
            [255, 226 - v / 4, 120]
        } else if v > 208 {
            if ((u + v) / 18) % 2 == 0 { [196, 164, 96] } else { [40, 96, 110 + u / 4] }
        } else if v > hill {
            [58 + u / 8, 96 + v / 4, 66]
        } else {
            [70 + v / 2, 130 + v / 3, 226 - v / 5]
        };
        [r as u8, g as u8, b as u8, 255]
    })
}

/// The lighthouse, opaque in the middle and fading to nothing at the left and at the top.
fn fading(width: u32, height: u32) -> Picture {
    let solid = lighthouse(width, height);
    Picture::from_fn(width, height, |x, y| {
        let [r, g, b, _] = solid.at(x, y);
        [r, g, b, (x * 12).min(y * 16).min(255) as u8]
    })
}

fn jpegs(folder: &mut Folder) -> Result<()> {
    let picture = lighthouse(97, 61);
    let base = Jpeg::default();
    let profile = metadata::display_p3();
    let mut add = |name: &str, shows: &str, options: Jpeg| folder.add(name, shows, &write::jpeg(&picture, &options)?);

    add("jpeg-420.jpg", "baseline, chroma halved both ways", Jpeg { ..base })?;
    add("jpeg-422.jpg", "baseline, chroma halved across", Jpeg { sampling: SamplingFactor::R_4_2_2, ..base })?;
    add("jpeg-440.jpg", "baseline, chroma halved down", Jpeg { sampling: SamplingFactor::R_4_4_0, ..base })?;
    add("jpeg-444.jpg", "baseline, full chroma", Jpeg { sampling: SamplingFactor::R_4_4_4, ..base })?;
    add("jpeg-progressive.jpg", "progressive", Jpeg { progressive: true, ..base })?;
    add("jpeg-gray.jpg", "one component", Jpeg { color: JpegColor::Luma, ..base })?;
    let inks = |color| Jpeg { sampling: SamplingFactor::R_4_4_4, color, ..base };
    add("jpeg-cmyk.jpg", "four inks, inverted, with Adobe's marker", inks(JpegColor::Cmyk))?;
    add("jpeg-ycck.jpg", "four inks as YCCK, with Adobe's marker", inks(JpegColor::CmykAsYcck))?;
    add("jpeg-restart.jpg", "restart markers every five units", Jpeg { restart_interval: 5, ..base })?;
    add("jpeg-display-p3.jpg", "a Display P3 profile", Jpeg { icc: &profile, ..base })?;
    add("jpeg-broken-profile.jpg", "a profile cut after its first tags", Jpeg { icc: &profile[..160], ..base })?;
    add("jpeg-gps.jpg", "EXIF with camera, lens, exposure, date and place", Jpeg { exif: &camera(), ..base })?;

    let small = lighthouse(33, 21);
    let printer = write::jpeg(&small, &Jpeg { icc: &metadata::inks(), ..inks(JpegColor::Cmyk) })?;
    folder.add("jpeg-cmyk-profile.jpg", "four inks with a profile made of a table", &printer)?;
    let scanner = write::jpeg(&small, &Jpeg { icc: &metadata::scanner(), ..base })?;
    folder.add("jpeg-scanner-profile.jpg", "a profile made of curves, a table and a matrix", &scanner)?;

    let whole = write::jpeg(&picture, &Jpeg::default())?;
    folder.add("jpeg-truncated.jpg", "cut in the middle of its data", &whole[..whole.len() * 3 / 5])?;
    let mut bomb = whole;
    // The frame header's height and width follow its marker, its length and its precision.
    if let Some(frame) = bomb.windows(2).position(|marker| marker == [0xFF, 0xC0]) {
        bomb[frame + 5..frame + 9].fill(0xFF);
    }
    folder.add("jpeg-bomb-header.jpg", "a header that claims 65,535 x 65,535 pixels", &bomb)?;

    let picture = lighthouse(49, 33);
    for orientation in 1..=8 {
        let exif = metadata::orientation(orientation);
        // Full chroma and little loss, so that the eight differ by no more than a few levels.
        let options = Jpeg { quality: 96, sampling: SamplingFactor::R_4_4_4, exif: &exif, ..Jpeg::default() };
        let bytes = write::jpeg(&picture.stored_as(orientation), &options)?;
        let shows = format!("EXIF orientation {orientation}; upright 49 x 33");
        folder.add(&format!("orientation-{orientation}.jpg"), &shows, &bytes)?;
    }
    Ok(())
}

fn camera() -> Vec<u8> {
    let exposure = vec![
        (0x829A, Value::Rationals(vec![(1, 250)])),
        (0x829D, Value::Rationals(vec![(28, 10)])),
        (0x8827, Value::Short(200)),
        (0x9003, Value::Ascii("2026:01:02 03:04:05")),
        (0x920A, Value::Rationals(vec![(35, 1)])),
        (0xA431, Value::Ascii("SN-0001")),
        (0xA434, Value::Ascii("Example 35mm F2.8")),
    ];
    let place = vec![
        (0x0000, Value::Bytes(vec![2, 3, 0, 0])),
        (0x0001, Value::Ascii("N")),
        (0x0002, Value::Rationals(vec![(48, 1), (51, 1), (3024, 100)])),
        (0x0003, Value::Ascii("W")),
        (0x0004, Value::Rationals(vec![(2, 1), (17, 1), (4020, 100)])),
        (0x0005, Value::Bytes(vec![0])),
        (0x0006, Value::Rationals(vec![(357, 10)])),
    ];
    let tags = vec![
        (0x010F, Value::Ascii("Example")),
        (0x0110, Value::Ascii("Camera One")),
        (0x0112, Value::Short(1)),
        (0x8298, Value::Ascii("Example Person")),
        (0x8769, Value::Directory(exposure)),
        (0x8825, Value::Directory(place)),
    ];
    metadata::exif(tags, None)
}

fn pngs(folder: &mut Folder) -> Result<()> {
    let size = (61, 43);
    let picture = lighthouse(61, 43);
    let faded = fading(61, 43);
    let gray = picture.gray();

    for depth in [BitDepth::One, BitDepth::Two, BitDepth::Four, BitDepth::Eight] {
        let bits = depth as u32;
        let levels = gray.iter().map(|&v| v >> (8 - bits)).collect::<Vec<u8>>();
        let bytes = write::png(size, PngColor::Grayscale, depth, &packed(&levels, 61, bits))?;
        folder.add(&format!("png-gray{bits}.png"), &format!("gray, {bits} bits"), &bytes)?;
    }
    // The low byte differs from the high one, so that rounding shows.
    let deep = |samples: &[u8]| samples.iter().flat_map(|&v| [v, v.wrapping_mul(3)]).collect::<Vec<u8>>();
    let bytes = write::png(size, PngColor::Grayscale, BitDepth::Sixteen, &deep(&gray))?;
    folder.add("png-gray16.png", "gray, 16 bits", &bytes)?;
    let bytes = write::png(size, PngColor::GrayscaleAlpha, BitDepth::Eight, &faded.gray_alpha())?;
    folder.add("png-gray-alpha.png", "gray with alpha", &bytes)?;

    let colors: Vec<u8> = cube().concat();
    let bytes = write::png_palette(size, BitDepth::Eight, &indexes(&picture), &colors, &[])?;
    folder.add("png-palette.png", "palette of 64 colors", &bytes)?;
    let alphas: Vec<u8> = (0..64).map(|i| i * 4).collect();
    let bytes = write::png_palette(size, BitDepth::Eight, &indexes(&picture), &colors, &alphas)?;
    folder.add("png-palette-alpha.png", "palette whose colors have alpha", &bytes)?;
    let four: Vec<u8> = gray.iter().map(|v| v >> 6).collect();
    let colors = [20, 30, 60, 120, 60, 60, 230, 160, 90, 255, 240, 200];
    let bytes = write::png_palette(size, BitDepth::Two, &packed(&four, 61, 2), &colors, &[])?;
    folder.add("png-palette2.png", "palette of four colors, 2 bits", &bytes)?;

    let rgb = write::png_rgb(&picture)?;
    folder.add("png-rgb.png", "RGB", &rgb)?;
    folder.add("png-rgba.png", "RGBA", &write::png_rgba(&faded)?)?;
    let small = (31, 21);
    let bytes = write::png(small, PngColor::Rgb, BitDepth::Sixteen, &deep(&lighthouse(31, 21).rgb()))?;
    folder.add("png-rgb16.png", "RGB, 16 bits", &bytes)?;
    let bytes = write::png(small, PngColor::Rgba, BitDepth::Sixteen, &deep(&fading(31, 21).rgba()))?;
    folder.add("png-rgba16.png", "RGBA, 16 bits", &bytes)?;
    folder.add("png-interlaced.png", "RGB in the seven passes of Adam7", &write::png_interlaced(&picture)?)?;

    let turned = picture.stored_as(6);
    let with_exif = after_header(&write::png_rgb(&turned)?, *b"eXIf", &metadata::orientation(6));
    folder.add("png-orientation-6.png", "an eXIf chunk that says orientation 6; upright 61 x 43", &with_exif)?;
    let frames = [shifted(&picture, 0), shifted(&picture, 9), shifted(&picture, 18)];
    folder.add("png-animated.png", "three frames", &write::apng(&frames, 120)?)?;

    folder.add("png-truncated.png", "cut in the middle of its data", &rgb[..rgb.len() * 3 / 5])?;
    let mut damaged = rgb;
    let end = damaged.len() - 12;
    damaged[end - 1] ^= 0xFF;
    folder.add("png-broken-crc.png", "image data whose checksum is wrong", &damaged)?;

    let mut header = [50_000_u32.to_be_bytes(), 50_000_u32.to_be_bytes()].concat();
    header.extend([1, 0, 0, 0, 0]);
    let one_row = write::png((8, 1), PngColor::Grayscale, BitDepth::One, &[0])?;
    let bomb = [b"\x89PNG\r\n\x1a\n".as_slice(), &write::png_chunk(*b"IHDR", &header), &one_row[33..]].concat();
    folder.add("png-bomb-header.png", "a header that claims 50,000 x 50,000 pixels", &bomb)
}

/// Rows of samples of 1, 2 or 4 bits, padded to whole bytes.
fn packed(samples: &[u8], width: usize, bits: u32) -> Vec<u8> {
    let byte = |group: &[u8]| {
        let place = |(i, &v): (usize, &u8)| v << (8 - bits as usize * (i + 1));
        group.iter().enumerate().map(place).fold(0, |byte, part| byte | part)
    };
    samples.chunks(width).flat_map(|row| row.chunks(8 / bits as usize).map(byte)).collect()
}

/// A PNG with one more chunk between its header and its data.
fn after_header(png: &[u8], name: [u8; 4], data: &[u8]) -> Vec<u8> {
    [&png[..33], &write::png_chunk(name, data), &png[33..]].concat()
}

/// The picture moved to the right, what leaves on one side returning on the other.
fn shifted(picture: &Picture, by: u32) -> Picture {
    Picture::from_fn(picture.width, picture.height, |x, y| picture.at((x + picture.width - by) % picture.width, y))
}

/// Four levels of each of red, green and blue.
fn cube() -> Vec<[u8; 3]> {
    (0..64).map(|i| [i / 16 * 85, i / 4 % 4 * 85, i % 4 * 85]).collect()
}

fn indexes(picture: &Picture) -> Vec<u8> {
    picture.pixels.iter().map(|&[r, g, b, _]| r / 64 * 16 + g / 64 * 4 + b / 64).collect()
}

fn webps(folder: &mut Folder) -> Result<()> {
    folder.add("webp-lossless.webp", "lossless", &write::webp(&lighthouse(61, 43), false, &[])?)?;
    folder.add("webp-lossless-alpha.webp", "lossless with alpha", &write::webp(&fading(61, 43), true, &[])?)?;
    let turned = lighthouse(61, 43).stored_as(6);
    let exif = metadata::orientation(6);
    let bytes = write::webp(&turned, false, &exif)?;
    folder.add("webp-orientation-6.webp", "an EXIF chunk that says orientation 6; upright 61 x 43", &bytes)?;
    let bytes = write::webp(&turned, false, &[b"Exif\0\0", exif.as_slice()].concat())?;
    folder.add("webp-exif-prefix.webp", "the same, its EXIF chunk beginning with `Exif\\0\\0`", &bytes)?;
    let whole = write::webp(&lighthouse(61, 43), false, &[])?;
    folder.add("webp-truncated.webp", "cut in the middle of its data", &whole[..whole.len() * 3 / 5])
}

fn gifs(folder: &mut Folder) -> Result<()> {
    let (width, height) = (61, 43);
    let picture = lighthouse(61, 43);
    let colors = cube().concat();
    let still = gif::Frame::from_indexed_pixels(width, height, indexes(&picture), None);
    let transparent = gif::Frame::from_indexed_pixels(width, height, indexes(&picture), Some(indexes(&picture)[0]));
    folder.add("gif-still.gif", "one frame", &write::gif((width, height), &colors, std::slice::from_ref(&still))?)?;
    let bytes = write::gif((width, height), &colors, &[transparent])?;
    folder.add("gif-transparent.gif", "one frame whose first color is transparent", &bytes)?;

    // A red disk passes over the picture, once kept, once restored, once cleared.
    let disk: Vec<u8> = (0..15 * 15).map(|i| if (i % 15 - 7_i32).pow(2) + (i / 15 - 7_i32).pow(2) < 50 { 48 } else { 0 }).collect();
    let mut frames = vec![still];
    for (left, dispose) in [(5, DisposalMethod::Keep), (22, DisposalMethod::Previous), (39, DisposalMethod::Background)] {
        let mut frame = gif::Frame::from_indexed_pixels(15, 15, disk.clone(), Some(0));
        (frame.left, frame.top, frame.dispose, frame.delay) = (left, 20, dispose, 12);
        frames.push(frame);
    }
    let bytes = write::gif((width, height), &colors, &frames)?;
    folder.add("gif-animated.gif", "four frames: three small ones over the first, each disposed of differently", &bytes)
}

fn tiffs(folder: &mut Folder) -> Result<()> {
    let size = (33, 21);
    let picture = lighthouse(33, 21);
    let deflate = Compression::Deflate(DeflateLevel::Balanced);
    let wide = |samples: Vec<u8>| samples.iter().map(|&v| u16::from(v) * 256 + u16::from(v.wrapping_mul(3))).collect();
    let gray: Vec<u16> = wide(picture.gray());
    let rgb: Vec<u16> = wide(picture.rgb());
    let turned = picture.stored_as(6).rgb();

    let mut add = |name: &str, shows: &str, bytes: Vec<u8>| folder.add(name, shows, &bytes);
    add("tiff-rgb.tif", "RGB", write::tiff::<RGB8>(size, &picture.rgb(), Compression::Uncompressed, 1)?)?;
    add("tiff-gray.tif", "gray", write::tiff::<Gray8>(size, &picture.gray(), Compression::Uncompressed, 1)?)?;
    add("tiff-lzw.tif", "RGB, LZW", write::tiff::<RGB8>(size, &picture.rgb(), Compression::Lzw, 1)?)?;
    add("tiff-deflate.tif", "RGB, Deflate", write::tiff::<RGB8>(size, &picture.rgb(), deflate, 1)?)?;
    add("tiff-packbits.tif", "RGB, PackBits", write::tiff::<RGB8>(size, &picture.rgb(), Compression::Packbits, 1)?)?;
    add("tiff-gray16.tif", "gray, 16 bits", write::tiff::<Gray16>(size, &gray, Compression::Uncompressed, 1)?)?;
    add("tiff-rgb16.tif", "RGB, 16 bits, LZW", write::tiff::<RGB16>(size, &rgb, Compression::Lzw, 1)?)?;
    let bytes = write::tiff::<RGB8>((21, 33), &turned, Compression::Lzw, 6)?;
    add("tiff-orientation-6.tif", "orientation 6; upright 33 x 21", bytes)
}

fn bmps(folder: &mut Folder) -> Result<()> {
    let picture = lighthouse(33, 21);
    folder.add("bmp-24.bmp", "RGB", &write::bmp(&picture, image::ExtendedColorType::Rgb8)?)?;
    folder.add("bmp-32.bmp", "RGBA", &write::bmp(&fading(33, 21), image::ExtendedColorType::Rgba8)?)?;
    let bytes = write::bmp_palette((33, 21), &indexes(&picture), &cube())?;
    folder.add("bmp-palette.bmp", "palette of 64 colors", &bytes)
}
