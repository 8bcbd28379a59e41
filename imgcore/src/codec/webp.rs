//! WebP, lossy and lossless, and the first frame of an animation.
//!
//! Written lossless, by image-webp's encoder (see `vendor_image_webp`).

mod riff;
#[cfg(test)]
mod tests;
#[expect(clippy::unwrap_used, clippy::manual_is_multiple_of, reason = "a stranger's code, kept as it is")]
mod vendor_image_webp {
    #[rustfmt::skip]
    pub(super) mod encoder;
}

use std::io::Cursor;

use image_webp::{DecodingError, WebPDecoder};
use vendor_image_webp::encoder::{ColorType, encode_frame};

use super::{Blocks, Format, Found};
use crate::decode::{Decoded, Fan, Row, Shape, Sink, Want};
use crate::error::Error;
use crate::limits::{Context, Limits, Stage};
use crate::pixels::{Layout, Picture};
use crate::plan::EncodePlan;
use crate::recipe::Effort;
use crate::report::Warning;

/// Walks the chunks; no picture is decoded.
pub(super) fn probe(input: &[u8], limits: &Limits) -> Result<Found, Error> {
    riff::survey(input, limits).map(|survey| survey.into_found(limits))
}

/// Decodes the first frame whole, and pushes it on a transparent canvas.
pub(super) fn decode(input: &[u8], wants: &mut [Want<'_>], ctx: &Context) -> Result<Decoded, Error> {
    let survey = riff::survey(input, &ctx.limits)?;
    let place = survey.place;
    if survey.bits.size.width != place.width || survey.bits.size.height != place.height {
        return Err(Error::malformed(Format::Webp, "the sizes of canvas and picture differ"));
    }
    if survey.is_cut && !wants.iter().all(|want| want.plan.partial) {
        return Err(Error::truncated(Format::Webp, "it is shorter than it says"));
    }
    let (frame, channels) = match decode_frame(&survey.bits) {
        Err(_) if survey.is_cut => return Err(Error::truncated(Format::Webp, "the picture is incomplete")),
        result => result?,
    };

    let layout = survey.layout();
    let mut sink = Fan::new(wants.iter_mut().map(|want| &mut *want.sink as _).collect());
    sink.frame(&Shape::rows(survey.canvas.width, survey.canvas.height, layout, false), 0)?;
    let mut row = vec![0; survey.canvas.width as usize * layout.channels()];
    for y in 0..survey.canvas.height {
        if y % 64 == 0 {
            ctx.go_on(Stage::Decode)?;
        }
        let stride = place.width as usize * channels;
        let inside = y.checked_sub(place.top).filter(|&y| y < place.height).map(|y| &frame[y as usize * stride..][..stride]);
        let pushed = match inside {
            Some(inside) if channels == layout.channels() && inside.len() == row.len() => sink.row(0, Row::U8(inside)),
            Some(inside) => {
                let target = row[place.left as usize * layout.channels()..].chunks_exact_mut(layout.channels());
                for (to, from) in target.zip(inside.chunks_exact(channels)) {
                    let opaque = [from[0], from[1], from[2], if survey.bits.has_alpha { from[3] } else { 255 }];
                    to.copy_from_slice(&opaque[..layout.channels()]);
                }
                sink.row(0, Row::U8(&row))
            }
            None => {
                row.fill(0);
                sink.row(0, Row::U8(&row))
            }
        };
        if pushed.is_break() {
            break;
        }
    }
    let warnings = if survey.is_cut { vec![Warning::new("truncated", "the file is shorter than it says")] } else { Vec::new() };
    Ok(Decoded { warnings })
}

/// The bits in a file of their own, decoded: nothing else in the input costs anything or is an error here. Says how many channels a pixel has.
fn decode_frame(bits: &riff::Bits<'_>) -> Result<(Vec<u8>, usize), Error> {
    let (has_alpha, file) = match bits.alpha {
        // Taken as if it had alpha: what has none would be decoded to four channels and copied to three.
        None if bits.is_lossless => {
            let mut body = bits.body.to_vec();
            body[4] |= 0x10;
            (true, container(&[(b"VP8L", &body)]))
        }
        None => (false, container(&[(b"VP8 ", bits.body)])),
        Some(alpha) => {
            (true, container(&[(b"VP8X", &extended(0x10, bits.size.width, bits.size.height)), (b"ALPH", alpha), (b"VP8 ", bits.body)]))
        }
    };
    let channels = if has_alpha { 4 } else { 3 };
    let mut decoder = WebPDecoder::new(Cursor::new(file)).map_err(failed)?;
    let mut frame = vec![0; bits.size.width as usize * bits.size.height as usize * channels];
    decoder.read_image(&mut frame).map_err(failed)?;
    Ok((frame, channels))
}

fn failed(error: DecodingError) -> Error {
    match error {
        DecodingError::UnsupportedFeature(what) => Error::unsupported(what.to_lowercase()),
        error => Error::malformed_by(Format::Webp, error),
    }
}

/// Writes one lossless frame; a VP8X container only where a profile goes along.
pub(super) fn encode(picture: &Picture, blocks: &Blocks, plan: &EncodePlan) -> Result<Vec<u8>, Error> {
    if !plan.lossless {
        return Err(Error::unsupported("lossy WebP"));
    }
    match plan.effort {
        Effort::Balanced => {}
        Effort::Fast => return Err(Error::unsupported("effort `fast` for WebP")),
        Effort::Small => return Err(Error::unsupported("effort `small` for WebP")),
    }
    let raster = super::still(picture)?;
    let color = match raster.layout {
        Layout::Gray => ColorType::L8,
        Layout::GrayAlpha => ColorType::La8,
        Layout::Rgb => ColorType::Rgb8,
        Layout::Rgba => ColorType::Rgba8,
    };
    let mut bits = Vec::new();
    encode_frame(&mut bits, raster.bytes(), raster.width, raster.height, color)
        .map_err(|error| Error::encode_failed(Format::Webp, error))?;
    let icc = blocks.icc.as_ref().filter(|_| plan.icc);
    let exif = blocks.exif.as_ref().filter(|_| plan.exif);
    if icc.is_none() && exif.is_none() {
        return Ok(container(&[(b"VP8L", &bits)]));
    }
    let flag = |is_set: bool, bit: u8| if is_set { bit } else { 0 };
    let flags = flag(icc.is_some(), 0x20) | flag(raster.layout.has_alpha(), 0x10) | flag(exif.is_some(), 0x08);
    let header = extended(flags, raster.width, raster.height);
    let mut chunks: Vec<(&[u8; 4], &[u8])> = vec![(b"VP8X", &header)];
    chunks.extend(icc.map(|icc| (b"ICCP", icc.as_slice())));
    chunks.push((b"VP8L", &bits));
    chunks.extend(exif.map(|exif| (b"EXIF", exif.as_slice())));
    Ok(container(&chunks))
}

/// The body of a VP8X chunk.
fn extended(flags: u8, width: u32, height: u32) -> [u8; 10] {
    let ([w0, w1, w2, _], [h0, h1, h2, _]) = ((width - 1).to_le_bytes(), (height - 1).to_le_bytes());
    [flags, 0, 0, 0, w0, w1, w2, h0, h1, h2]
}

/// A RIFF file of these chunks.
fn container(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let bytes: usize = chunks.iter().map(|(_, body)| 8 + body.len().next_multiple_of(2)).sum();
    let mut file = Vec::with_capacity(12 + bytes);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(bytes as u32 + 4).to_le_bytes());
    file.extend_from_slice(b"WEBP");
    for (kind, body) in chunks {
        file.extend_from_slice(*kind);
        file.extend_from_slice(&(body.len() as u32).to_le_bytes());
        file.extend_from_slice(body);
        file.resize(file.len().next_multiple_of(2), 0);
    }
    file
}
