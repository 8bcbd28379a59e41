//! What a plan will cost: memory and work, known before the first pixel.

use serde::Serialize;

use super::{DecodePlan, EncodePlan, Feed, Op, ResizeSpec, chroma_span, decoded_size};
use crate::codec::{encode_passes, encode_scratch};
use crate::geometry::{Size, Turn};
use crate::ops::resize::Resizer;
use crate::ops::{extend, flatten};
use crate::pixels::Layout;
use crate::probe::Header;

/// What a plan will hold and do. All in bytes but `work`, which is in samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Forecast {
    /// The first buffer: the decoded picture, or what a resize leaves of it.
    pub(super) first: u64,
    /// What the feed holds beside it while rows come.
    pub(super) filling: u64,
    /// The decoder's own.
    pub(super) scratch: u64,
    /// The most that operations and encoder hold beside the first buffer and the file that is written.
    pub(super) render: u64,
    /// The largest file that the encoder may give.
    pub(super) output: u64,
    pub(super) work: u64,
}

impl Forecast {
    pub(super) fn peak(&self) -> u64 {
        self.first + (self.scratch + self.filling).max(self.render + self.output)
    }

    /// Adds up buffers as the feed, `render` and the encoders make them; each operation's source and result are alive together.
    pub(super) fn of(
        header: &Header,
        decode: &DecodePlan,
        feed: &Feed,
        (turn, after): (Turn, &[Op]),
        size: Size,
        encode: &EncodePlan,
        resized: Size,
    ) -> Forecast {
        let channels = header.layout.channels() as u64;
        let picture = decoded_size(header, decode.eighths);
        let chroma = chroma_size(header, decode);
        let scratch = header.scaled_scratch.get(usize::from(decode.eighths) - 1).copied().unwrap_or(header.scratch);
        let counts = |spec: &ResizeSpec| u64::from(spec.x.count) * u64::from(spec.y.count);
        let between = |spec: &ResizeSpec, size: Size| u64::from(size.width) * u64::from(spec.y.count);
        let (first, filling, decoded, resizing) = match feed {
            Feed::Raster { .. } => (picture.pixels() * channels, 0, picture.pixels() * channels, 0),
            Feed::Stream(spec) => {
                let (first, decoded) = (resized.pixels() * channels, picture.pixels() * channels);
                // A row of 16 bits is one of 8 on the way.
                let line = if header.deep { u64::from(picture.width) * channels } else { 0 };
                let filling = Resizer::bytes(spec, picture, header.layout) + line;
                (first, filling, decoded, first + between(spec, picture) * channels)
            }
            Feed::Planes { luma, chroma: spec } => {
                let first = counts(luma) + 2 * counts(spec);
                let filling = Resizer::bytes(luma, picture, Layout::Gray) + 2 * Resizer::bytes(spec, chroma, Layout::Gray);
                (first, filling, picture.pixels() + 2 * chroma.pixels(), first + between(luma, picture) + 2 * between(spec, chroma))
            }
        };
        // At N/8 the bits of a whole file are read all the same, which is a third of the work on its samples.
        let bits = if decode.eighths < 8 { header.stored().pixels() * channels / 3 } else { 0 };
        let mut work = decoded + bits + resizing;
        let mut render = 0;
        // Beside the first buffer, which lives on.
        let mut current = 0;
        let mut step = |next: u64, work: &mut u64| {
            render = render.max(current + next);
            *work += next;
            current = next;
        };
        if let Feed::Raster { before } = feed {
            before.iter().for_each(|_| step(resized.pixels() * channels, &mut work));
        }
        if turn != Turn::NONE {
            step(first.min(resized.pixels() * channels), &mut work);
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
        // The file comes when the operations have gone.
        render = render.saturating_sub(output).max(current + encode_scratch(encode, size));
        Forecast { first, filling, scratch, render, output, work: work + samples * encode_passes(encode) }
    }
}

/// The most that a chroma plane has where planes are decoded.
fn chroma_size(header: &Header, decode: &DecodePlan) -> Size {
    let eighths = u64::from(decode.chroma_eighths.unwrap_or(0));
    let [across, down] = chroma_span(header).unwrap_or([1, 1]);
    let side = |side: u32, span: u8| (u64::from(side.div_ceil(u32::from(span))) * eighths).div_ceil(8) as u32;
    Size::new(side(header.stored_width, across), side(header.stored_height, down))
}
