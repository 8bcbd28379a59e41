//! What a plan will cost: memory and work, known before the first pixel.

use serde::Serialize;

use super::{DecodePlan, EncodePlan, Feed, Op, ResizeSpec, chroma_span, decoded_size};
use crate::codec::{encode_passes, encode_scratch};
use crate::geometry::Size;
use crate::ops::{extend, flatten, resize};
use crate::probe::Header;

/// What a plan will hold and do. All in bytes but `work`, which is in samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Forecast {
    /// The decoded picture.
    pub(super) decoded: u64,
    /// The decoder's own.
    pub(super) scratch: u64,
    /// The most that resize, operations and encoder hold beside the decoded picture.
    pub(super) render: u64,
    /// The largest file that the encoder may give.
    pub(super) output: u64,
    pub(super) work: u64,
}

impl Forecast {
    pub(super) fn peak(&self) -> u64 {
        self.decoded + self.scratch.max(self.render)
    }

    /// Adds up buffers as `render` and the encoders make them; each operation's source and result are alive together.
    pub(super) fn of(
        header: &Header,
        decode: &DecodePlan,
        feed: &Feed,
        after: &[Op],
        size: Size,
        encode: &EncodePlan,
        resized: Size,
    ) -> Forecast {
        let channels = header.layout.channels() as u64;
        let picture = decoded_size(header, decode.eighths);
        let chroma = chroma_size(header, decode);
        let decoded = match feed {
            Feed::Planes { .. } => picture.pixels() + 2 * chroma.pixels(),
            _ => picture.pixels() * channels,
        };
        let scratch = header.scaled_scratch.get(usize::from(decode.eighths) - 1).copied().unwrap_or(header.scratch);
        // At N/8 the bits of a whole file are read all the same, which is a third of the work on its samples.
        let mut work = decoded + if decode.eighths < 8 { header.stored().pixels() * channels / 3 } else { 0 };
        let mut render = 0;
        let mut current = 0;
        match feed {
            Feed::Raster { resize: None, before } => {
                if !before.is_empty() {
                    current = resized.pixels() * channels;
                    render = current;
                    work += current;
                }
            }
            Feed::Planes { luma, chroma: spec } => {
                let plane = |spec: &ResizeSpec| u64::from(spec.x.count) * u64::from(spec.y.count);
                current = plane(luma) + 2 * plane(spec);
                // One plane after the other, each with what is kept between the passes; it may need a copy, with its edges.
                let held = |spec: &ResizeSpec, size: Size| {
                    u64::from(size.width + 16) * u64::from(spec.y.count) + resize::edged(spec, size) + resize::weights(spec)
                };
                render = current + held(luma, picture).max(held(spec, chroma)) + plane(luma);
                work += decoded + current + u64::from(picture.width) * u64::from(luma.y.count);
            }
            Feed::Stream(spec) | Feed::Raster { resize: Some(spec), .. } => {
                current = resized.pixels() * channels;
                // The vertical pass is kept whole between the two, and alpha is multiplied into a copy.
                let between = u64::from(picture.width) * u64::from(spec.y.count) * channels;
                let premultiplied = if header.layout.has_alpha() { decoded } else { 0 };
                render = current + between + premultiplied + resize::weights(spec);
                work += decoded + between + current;
            }
        }
        let mut step = |next: u64, work: &mut u64| {
            render = render.max(current + next);
            *work += next;
            current = next;
        };
        if !matches!(feed, Feed::Raster { .. }) || resized.pixels() > 0 {
            step(resized.pixels() * channels, &mut work);
        }
        let mut layout = header.layout;
        let mut area = resized.pixels();
        for op in after {
            match op {
                Op::Crop(region) => area = region.size().pixels(),
                Op::ToSrgb => {}
                Op::Extend { width, height, background, .. } => {
                    let wider = extend::layout(layout, *background);
                    // A copy in the new layout, then the canvas.
                    step(area * wider.channels() as u64, &mut work);
                    (area, layout) = (u64::from(*width) * u64::from(*height), wider);
                }
                Op::Flatten(ground) => layout = flatten::layout(layout, *ground),
            }
            step(area * layout.channels().max(if matches!(op, Op::Flatten(_)) { 4 } else { 1 }) as u64, &mut work);
        }
        let samples = size.pixels() * encode.layout.channels() as u64;
        let output = samples + samples / 8 + 64 * 1024;
        render = render.max(current + encode_scratch(encode, size) + output);
        Forecast { decoded, scratch, render, output, work: work + samples * encode_passes(encode) }
    }
}

/// The most that a chroma plane has where planes are decoded.
fn chroma_size(header: &Header, decode: &DecodePlan) -> Size {
    let eighths = u64::from(decode.chroma_eighths.unwrap_or(0));
    let [across, down] = chroma_span(header).unwrap_or([1, 1]);
    let side = |side: u32, span: u8| (u64::from(side.div_ceil(u32::from(span))) * eighths).div_ceil(8) as u32;
    Size::new(side(header.stored_width, across), side(header.stored_height, down))
}
