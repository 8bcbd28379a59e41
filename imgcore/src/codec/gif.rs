//! GIF, its first frame on the canvas; and what a picture's frames become in 256 colors.
//!
//! A frame outside the canvas does not make it larger. Data behind the last pixel is not looked at.

mod blocks;
mod lzw;
mod quantize;
mod read;
#[cfg(test)]
mod tests;

use ::gif::{AnyExtension, DisposalMethod, Encoder, Frame, Repeat};

use super::{Blocks, Format, Found};
use crate::decode::{Decoded, Fan, Want};
use crate::error::Error;
use crate::limits::{Context, Limits, check};
use crate::pixels::{Layout, Picture, Pixels, Raster};
use crate::plan::EncodePlan;
use crate::recipe::Effort;
use crate::report::Warning;

/// Walks the blocks; no frame is decoded.
pub(super) fn probe(input: &[u8], limits: &Limits) -> Result<Found, Error> {
    blocks::survey(input, limits).map(|survey| survey.into_found(limits))
}

/// Decodes the first frame.
pub(super) fn decode(input: &[u8], wants: &mut [Want<'_>], ctx: &Context) -> Result<Decoded, Error> {
    let survey = blocks::survey(input, &ctx.limits)?;
    // A frame may be much larger than the canvas, and costs what it is.
    let place = survey.first.place;
    check("maxDecodedPixels", u64::from(place.width) * u64::from(place.height), ctx.limits.max_decoded_pixels)?;
    let partial = wants.iter().all(|want| want.plan.partial);
    let mut sink = Fan::new(wants.iter_mut().map(|want| &mut *want.sink as _).collect());
    let is_whole = read::push(&survey, &mut sink, partial, ctx)?;
    Ok(if is_whole { Decoded::default() } else { Decoded { warnings: vec![Warning::new("truncated", "pixels of the frame are missing")] } })
}

/// Writes each frame whole, with a palette of its own; the first one's is the file's.
pub(super) fn encode(picture: &Picture, blocks: &Blocks, plan: &EncodePlan) -> Result<Vec<u8>, Error> {
    match plan.effort {
        Effort::Balanced => {}
        Effort::Fast => return Err(Error::unsupported("effort `fast` for GIF")),
        Effort::Small => return Err(Error::unsupported("effort `small` for GIF")),
    }
    let first = super::still(picture)?;
    let (Ok(width), Ok(height)) = (u16::try_from(first.width), u16::try_from(first.height)) else {
        return Err(Error::unsupported("a GIF of more than 65,535 pixels a side"));
    };
    let failed = |error| Error::encode_failed(Format::Gif, error);
    let mut frame = frame(first, width, height);
    let palette = frame.palette.take().unwrap_or_default();
    let mut data = Vec::new();
    let mut encoder = Encoder::new(&mut data, width, height, &palette).map_err(failed)?;
    if let Some(icc) = blocks.icc.as_ref().filter(|_| plan.icc) {
        let parts: Vec<&[u8]> = std::iter::once(&b"ICCRGBG1012"[..]).chain(icc.chunks(255)).collect();
        encoder.write_raw_extension(AnyExtension(0xFF), &parts).map_err(|error| Error::encode_failed(Format::Gif, error))?;
    }
    if picture.frames.len() > 1 {
        // The file counts how often it plays again; no count is once.
        match picture.loops {
            0 => encoder.set_repeat(Repeat::Infinite).map_err(failed)?,
            loops => encoder.set_repeat(Repeat::Finite((loops - 1).try_into().unwrap_or(u16::MAX))).map_err(failed)?,
        }
    }
    for (at, source) in picture.frames.iter().enumerate() {
        if at > 0 {
            let Pixels::Raster(raster) = &source.pixels else { return Err(Error::internal("an encoder was given no raster")) };
            if raster.size() != first.size() {
                return Err(Error::internal("the frames differ in size"));
            }
            frame = self::frame(raster, width, height);
        }
        frame.delay = (source.delay_ms.saturating_add(5) / 10).try_into().unwrap_or(u16::MAX);
        if picture.frames.len() > 1 {
            frame.dispose = DisposalMethod::Background;
        }
        encoder.write_frame(&frame).map_err(failed)?;
    }
    drop(encoder);
    Ok(data)
}

/// A raster in at most 256 colors.
fn frame(raster: &Raster, width: u16, height: u16) -> Frame<'static> {
    let bytes = raster.bytes();
    let pixels: Vec<[u8; 4]> = match raster.layout {
        Layout::Gray => bytes.iter().map(|&v| [v, v, v, 255]).collect(),
        Layout::GrayAlpha => bytes.chunks_exact(2).map(|p| [p[0], p[0], p[0], p[1]]).collect(),
        Layout::Rgb => bytes.chunks_exact(3).map(|p| [p[0], p[1], p[2], 255]).collect(),
        Layout::Rgba => bytes.chunks_exact(4).map(|p| [p[0], p[1], p[2], p[3]]).collect(),
    };
    let indexed = quantize::quantize(&pixels, raster.width as usize);
    Frame {
        width,
        height,
        transparent: indexed.transparent,
        palette: Some(indexed.palette.concat()),
        buffer: indexed.indices.into(),
        ..Frame::default()
    }
}
