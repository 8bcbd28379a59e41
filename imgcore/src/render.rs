//! The ordered list of operations, one line each.
//!
//! Comes in: a rendition's first buffer and its plan. Goes out: the pixels that the encoder is given. It decides nothing.

use std::borrow::Cow;
use std::mem;

use crate::codec::Blocks;
use crate::decode::Shape;
use crate::error::Error;
use crate::geometry::{Size, Turn};
use crate::limits::{Context, Stage};
use crate::ops::{crop, extend, flatten, profile, turn};
use crate::pixels::{Layout, Pixels, Planes, Raster, Samples};
use crate::plan::{Feed, Op, Plan, ResizeSpec};
use crate::report::Warning;

/// Carries out what a plan says after the feed, on pixels of 8 bits, which are only read. Gives no pixels where they stay as they are.
pub(crate) fn render(source: &mut Pixels, blocks: &Blocks, plan: &Plan, ctx: &Context) -> Result<(Option<Pixels>, Vec<Warning>), Error> {
    ctx.go_on(Stage::Render)?;
    let mut warnings = Vec::new();
    let source = match (source, &plan.feed) {
        (Pixels::Planes(_), Feed::Planes { .. }) if plan.turn == Turn::NONE => return Ok((None, warnings)),
        (Pixels::Planes(source), Feed::Planes { luma, chroma }) => {
            return Ok((Some(turn_planes(source, [luma, chroma, chroma], plan).into()), warnings));
        }
        (Pixels::Raster(source), Feed::Stream(_) | Feed::Raster { .. }) => source,
        _ => return Err(Error::internal("what was decoded is not what was planned")),
    };
    let mut raster = Cow::Borrowed(&*source);
    if let Feed::Raster { before } = &plan.feed {
        for op in before {
            apply(op, &mut raster, blocks, &mut warnings);
        }
    }
    if plan.turn != Turn::NONE {
        raster = Cow::Owned(turn::turn(&raster, plan.turn));
    }
    for op in &plan.after {
        ctx.go_on(Stage::Render)?;
        apply(op, &mut raster, blocks, &mut warnings);
    }
    let rendered = match raster {
        Cow::Owned(raster) => Some(Pixels::Raster(raster)),
        Cow::Borrowed(_) => None,
    };
    Ok((rendered, warnings))
}

/// Turns one plane after the other.
fn turn_planes(source: &mut Planes, specs: [&ResizeSpec; 3], plan: &Plan) -> Planes {
    let shape = Shape { width: plan.width, height: plan.height, deep: false, layout: None, planes: Vec::new() };
    let mut planes = [Vec::new(), Vec::new(), Vec::new()];
    for ((turned, source), ResizeSpec { x, y, .. }) in planes.iter_mut().zip(&mut source.planes).zip(specs) {
        let plane = Raster { width: x.count, height: y.count, layout: Layout::Gray, samples: Samples::U8(mem::take(source)) };
        *turned = turn::turn(&plane, plan.turn).samples.into_u8();
        *source = plane.samples.into_u8();
    }
    Planes { shape, planes }
}

fn apply(op: &Op, raster: &mut Cow<'_, Raster>, blocks: &Blocks, warnings: &mut Vec<Warning>) {
    *raster = Cow::Owned(match op {
        Op::Crop(region) => crop::crop(raster, *region),
        Op::ToSrgb => match profile::to_srgb(raster, blocks.icc.as_deref().unwrap_or_default()) {
            Ok(converted) => converted,
            Err(_) => {
                warnings.push(Warning::new("profile_ignored", "the ICC profile cannot be applied; the colors are taken as sRGB"));
                return;
            }
        },
        Op::Extend { inner, width, height, background } => extend::extend(raster, *inner, Size::new(*width, *height), *background),
        Op::Flatten(ground) => flatten::flatten(raster, *ground),
    });
}
