//! The resize and the ordered list of operations, one line each.
//!
//! Comes in: decoded pixels and a plan. Goes out: the raster that the encoder is given. It decides nothing.

use std::borrow::Cow;

use crate::codec::Blocks;
use crate::error::Error;
use crate::geometry::{Size, Turn};
use crate::limits::{Context, Stage};
use crate::ops::{crop, extend, flatten, profile, resize, turn};
use crate::pixels::Raster;
use crate::plan::{Feed, Op, Plan};
use crate::report::Warning;

/// Carries out a plan on a decoded raster of 8 bits.
pub(crate) fn render<'a>(
    source: &'a mut Raster,
    blocks: &Blocks,
    plan: &Plan,
    ctx: &Context,
) -> Result<(Cow<'a, Raster>, Vec<Warning>), Error> {
    ctx.go_on(Stage::Render)?;
    let mut warnings = Vec::new();
    let mut raster = match &plan.feed {
        Feed::Stream(spec) => Cow::Owned(resize::resize(source, spec)?),
        Feed::Raster { before, resize } => {
            let mut raster = Cow::Borrowed(&*source);
            for op in before {
                apply(op, &mut raster, blocks, &mut warnings);
            }
            match resize {
                Some(spec) => Cow::Owned(resize::resize(raster.to_mut(), spec)?),
                None => raster,
            }
        }
        Feed::Planes(_) => return Err(Error::internal("planes were planned where rows are decoded")),
    };
    if plan.turn != Turn::NONE {
        raster = Cow::Owned(turn::turn(&raster, plan.turn));
    }
    for op in &plan.after {
        ctx.go_on(Stage::Render)?;
        apply(op, &mut raster, blocks, &mut warnings);
    }
    Ok((raster, warnings))
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
