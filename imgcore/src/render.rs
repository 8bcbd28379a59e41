//! The resize and the ordered list of operations, one line each.
//!
//! Comes in: decoded pixels and a plan. Goes out: the pixels that the encoder is given. It decides nothing.

use std::borrow::Cow;

use crate::codec::Blocks;
use crate::decode::Shape;
use crate::error::Error;
use crate::geometry::{Size, Turn};
use crate::limits::{Context, Stage};
use crate::ops::{crop, extend, flatten, profile, resize, turn};
use crate::pixels::{Pixels, Planes, Raster};
use crate::plan::{Feed, Op, Plan, ResizeSpec};
use crate::report::Warning;

/// Carries out a plan on decoded pixels of 8 bits, which are only read. Gives no pixels where they stay as they are.
pub(crate) fn render(source: &mut Pixels, blocks: &Blocks, plan: &Plan, ctx: &Context) -> Result<(Option<Pixels>, Vec<Warning>), Error> {
    ctx.go_on(Stage::Render)?;
    let mut warnings = Vec::new();
    let mut raster = match (source, &plan.feed) {
        (Pixels::Planes(source), Feed::Planes { luma, chroma }) => {
            return Ok((Some(Pixels::Planes(render_planes(source, luma, chroma, plan)?)), warnings));
        }
        (Pixels::Raster(source), Feed::Stream(spec)) => Cow::Owned(resize::resize(source, spec)?),
        (Pixels::Raster(source), Feed::Raster { before, resize }) => {
            let mut raster = Cow::Borrowed(&*source);
            for op in before {
                apply(op, &mut raster, blocks, &mut warnings);
            }
            match resize {
                Some(spec) => Cow::Owned(resize::resize(raster.to_mut(), spec)?),
                None => raster,
            }
        }
        _ => return Err(Error::internal("what was decoded is not what was planned")),
    };
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

/// Resizes and turns one plane after the other.
fn render_planes(source: &mut Planes, luma: &ResizeSpec, chroma: &ResizeSpec, plan: &Plan) -> Result<Planes, Error> {
    let mut planes = [Vec::new(), Vec::new(), Vec::new()];
    for (at, spec) in [luma, chroma, chroma].into_iter().enumerate() {
        let mut plane = source.take(at);
        let resized = resize::resize_edged(&mut plane, spec);
        source.give(at, plane);
        let resized = resized?;
        let turned = if plan.turn == Turn::NONE { resized } else { turn::turn(&resized, plan.turn) };
        planes[at] = turned.samples.into_u8();
    }
    let shape = Shape { width: plan.width, height: plan.height, deep: false, layout: None, planes: Vec::new() };
    Ok(Planes { shape, planes })
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
