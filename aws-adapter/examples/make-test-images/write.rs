//! Pictures to bytes, one function a format, through encoders that are not the core's own.

use crate::Result;
use crate::picture::Picture;
use jpeg_encoder::{ChromaSubsamplingMethod, ColorType as JpegColor, SamplingFactor};
use std::io::Cursor;
use tiff::encoder::{Compression, TiffEncoder, TiffValue, colortype};

/// What a JPEG is like.
#[derive(Clone, Copy)]
pub(crate) struct Jpeg<'a> {
    pub(crate) quality: u8,
    pub(crate) color: JpegColor,
    pub(crate) sampling: SamplingFactor,
    pub(crate) progressive: bool,
    pub(crate) restart_interval: u16,
    pub(crate) exif: &'a [u8],
    pub(crate) icc: &'a [u8],
}

impl Default for Jpeg<'_> {
    fn default() -> Self {
        Jpeg {
            quality: 82,
            color: JpegColor::Rgb,
            sampling: SamplingFactor::R_4_2_0,
            progressive: false,
            restart_interval: 0,
            exif: &[],
            icc: &[],
        }
    }
}

pub(crate) fn jpeg(picture: &Picture, options: &Jpeg) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut encoder = jpeg_encoder::Encoder::new(&mut out, options.quality);
    encoder.set_sampling_factor(options.sampling);
    encoder.set_chroma_subsampling_method(ChromaSubsamplingMethod::Average);
    encoder.set_progressive(options.progressive);
    if options.restart_interval > 0 {
        encoder.set_restart_interval(options.restart_interval);
    }
    if !options.exif.is_empty() {
        encoder.add_exif_metadata(options.exif)?;
    }
    if !options.icc.is_empty() {
        encoder.add_icc_profile(options.icc)?;
    }
    let samples = match options.color {
        JpegColor::Luma => picture.gray(),
        JpegColor::Cmyk | JpegColor::CmykAsYcck => picture.cmyk(),
        _ => picture.rgb(),
    };
    encoder.encode(&samples, picture.width.try_into()?, picture.height.try_into()?, options.color)?;
    Ok(out)
}

/// A PNG of samples that are already as PNG stores them: rows of whole bytes, 16 bits big-endian.
pub(crate) fn png(size: (u32, u32), color: png::ColorType, depth: png::BitDepth, samples: &[u8]) -> Result<Vec<u8>> {
    let mut info = png::Info::with_size(size.0, size.1);
    info.color_type = color;
    info.bit_depth = depth;
    encode_png(info, samples)
}

/// A PNG of palette indexes; `alphas` may be empty.
pub(crate) fn png_palette(size: (u32, u32), depth: png::BitDepth, indexes: &[u8], palette: &[u8], alphas: &[u8]) -> Result<Vec<u8>> {
    let mut info = png::Info::with_size(size.0, size.1);
    info.color_type = png::ColorType::Indexed;
    info.bit_depth = depth;
    info.palette = Some(palette.into());
    info.trns = (!alphas.is_empty()).then(|| alphas.into());
    encode_png(info, indexes)
}

fn encode_png(info: png::Info, samples: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::with_info(&mut out, info)?;
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(samples)?;
    writer.finish()?;
    Ok(out)
}

pub(crate) fn png_rgb(picture: &Picture) -> Result<Vec<u8>> {
    png((picture.width, picture.height), png::ColorType::Rgb, png::BitDepth::Eight, &picture.rgb())
}

pub(crate) fn png_rgba(picture: &Picture) -> Result<Vec<u8>> {
    png((picture.width, picture.height), png::ColorType::Rgba, png::BitDepth::Eight, &picture.rgba())
}

/// An RGB PNG in the seven passes of Adam7, which the png crate reads but does not write.
pub(crate) fn png_interlaced(picture: &Picture) -> Result<Vec<u8>> {
    // Left, top, step right, step down.
    const PASSES: [(u32, u32, usize, usize); 7] =
        [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)];
    const UNFILTERED: u8 = 0;
    const SUB: u8 = 1;
    let mut stream = Vec::new();
    for (left, top, right, down) in PASSES {
        for y in (top..picture.height).step_by(down).filter(|_| left < picture.width) {
            // The first row is unfiltered so that the stream can pass as the single row of another picture.
            let filter = if stream.is_empty() { UNFILTERED } else { SUB };
            stream.push(filter);
            let mut before = [0; 4];
            for x in (left..picture.width).step_by(right) {
                let pixel = picture.at(x, y);
                stream.extend((0..3).map(|c| pixel[c].wrapping_sub(before[c])));
                if filter == SUB {
                    before = pixel;
                }
            }
        }
    }

    // A gray picture one row high, unfiltered, deflates to the very stream that the interlaced picture needs.
    let mut carrier = Vec::new();
    let mut encoder = png::Encoder::new(&mut carrier, stream.len() as u32 - 1, 1);
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::NoFilter);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&stream[1..])?;
    writer.finish()?;

    let mut header = [picture.width.to_be_bytes(), picture.height.to_be_bytes()].concat();
    header.extend([8, 2, 0, 0, 1]);
    // Signature and header of the carrier give way, its image data and end stay.
    Ok([b"\x89PNG\r\n\x1a\n".as_slice(), &png_chunk(*b"IHDR", &header), &carrier[33..]].concat())
}

pub(crate) fn png_chunk(name: [u8; 4], data: &[u8]) -> Vec<u8> {
    let mut out = (data.len() as u32).to_be_bytes().to_vec();
    out.extend(name);
    out.extend(data);
    let crc = !out[4..]
        .iter()
        .fold(u32::MAX, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg())));
    out.extend(crc.to_be_bytes());
    out
}

/// An animated RGBA PNG that repeats forever, each frame as large as the picture.
pub(crate) fn apng(frames: &[Picture], milliseconds: u16) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, frames[0].width, frames[0].height);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_compression(png::Compression::High);
    encoder.set_animated(frames.len() as u32, 0)?;
    encoder.set_frame_delay(milliseconds, 1000)?;
    let mut writer = encoder.write_header()?;
    for frame in frames {
        writer.write_image_data(&frame.rgba())?;
    }
    writer.finish()?;
    Ok(out)
}

/// A lossless WebP; the EXIF block is written as it is given.
pub(crate) fn webp(picture: &Picture, alpha: bool, exif: &[u8]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut encoder = image_webp::WebPEncoder::new(&mut out);
    encoder.set_exif_metadata(exif.to_vec());
    let (samples, color) =
        if alpha { (picture.rgba(), image_webp::ColorType::Rgba8) } else { (picture.rgb(), image_webp::ColorType::Rgb8) };
    encoder.encode(&samples, picture.width, picture.height, color)?;
    Ok(out)
}

/// A GIF; one with several frames repeats forever.
pub(crate) fn gif(size: (u16, u16), palette: &[u8], frames: &[gif::Frame]) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    let mut encoder = gif::Encoder::new(&mut out, size.0, size.1, palette)?;
    if frames.len() > 1 {
        encoder.set_repeat(gif::Repeat::Infinite)?;
    }
    for frame in frames {
        encoder.write_frame(frame)?;
    }
    drop(encoder);
    Ok(out)
}

pub(crate) fn tiff<C: colortype::ColorType>(
    size: (u32, u32),
    samples: &[C::Inner],
    compression: Compression,
    orientation: u16,
) -> Result<Vec<u8>>
where
    [C::Inner]: TiffValue,
{
    let mut out = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut out)?.with_compression(compression);
    let mut image = encoder.new_image::<C>(size.0, size.1)?;
    image.encoder().write_tag(tiff::tags::Tag::Orientation, orientation)?;
    image.write_data(samples)?;
    Ok(out.into_inner())
}

pub(crate) fn bmp(picture: &Picture, color: image::ExtendedColorType) -> Result<Vec<u8>> {
    let samples = if color == image::ExtendedColorType::Rgba8 { picture.rgba() } else { picture.rgb() };
    let mut out = Vec::new();
    image::codecs::bmp::BmpEncoder::new(&mut out).encode(&samples, picture.width, picture.height, color)?;
    Ok(out)
}

pub(crate) fn bmp_palette(size: (u32, u32), indexes: &[u8], palette: &[[u8; 3]]) -> Result<Vec<u8>> {
    let gray = image::ExtendedColorType::L8;
    let mut out = Vec::new();
    image::codecs::bmp::BmpEncoder::new(&mut out).encode_with_palette(indexes, size.0, size.1, gray, Some(palette))?;
    Ok(out)
}
