//! Bytes and a recipe in, bytes and a report out: one image core for Rust, Python, the browser and AWS Lambda,
//! and from all of them the same bytes.
//!
//! ```
//! use imgcore::{Context, Encode, Recipe, Resize, convert};
//!
//! # let photo = b"GIF89a\x02\x00\x01\x00\x80\x00\x00\x00\x00\x00\xFF\xFF\xFF,\x00\x00\x00\x00\x02\x00\x01\x00\x00\x02\x02\x44\x0A\x00;";
//! let recipe = Recipe::default().resize(Resize::cover(200, 200)).encode(Encode::jpeg());
//! let thumb = convert(photo, &recipe, &Context::default())?;
//!
//! assert_eq!((thumb.report.width, thumb.report.height), (200, 200));
//! # Ok::<(), imgcore::Error>(())
//! ```
//!
//! ```text
//!             Recipe                                 Context: limits, assets, control
//!                |                                      |
//!  bytes --probe--> Header --plan--> Plan --------------+
//!    |                                |                 |
//!    +--decode--> rows -> feed -> render -------------> encode --> Output { data, report }
//! ```
//!
//! Four nouns carry everything: a [`Recipe`] is wanted, a [`Header`] is found, a [`Plan`] is decided, an [`Output`] comes out.
//! The verbs are [`probe()`], [`plan()`], [`convert`] and [`convert_many`]; [`decode()`] and [`convert_pixels`] are the doors for pixels.
//!
//! The core does no I/O, reads no clock and no environment, starts no threads and has no `unsafe`. No input bytes and no recipe
//! panic it, and none cost more than its [`Limits`] say. By default a result is upright, in sRGB, and carries no metadata.

#![forbid(unsafe_code)]

#[macro_use]
mod simd;

// The stages, in the order in which a picture meets them.
pub mod recipe;
pub mod probe;
pub mod plan;
pub mod decode;
mod feed;
mod render;
mod encode;
pub mod report;

// What the stages speak in.
pub mod codec;
pub mod error;
pub mod geometry;
pub mod limits;
pub mod metadata;
mod ops;
pub mod pixels;

pub use codec::Format;
pub use error::Error;
pub use geometry::{Region, Size};
pub use limits::{Context, Control, Limits, Stage};
pub use ops::profile::Profile;
pub use pixels::{Frame, Layout, Picture, Pixels, Raster, Samples};
pub use plan::{Plan, Plans, plan, plan_many};
pub use probe::{Header, probe};
pub use recipe::{ChromaSubsampling, Color, Effort, Encode, Extend, Fit, Frames, Kernel, Metadata, OnTruncated, Position, Recipe, Resize};
pub use report::{Output, Report, Warning};

use codec::Blocks;
use feed::{First, Way};

/// Raised by every change that may change an output byte of an accepted input; never by one that changes none.
pub const OUTPUT_REVISION: u32 = 2;

/// Carries out a recipe on a file.
///
/// # Errors
/// See [`Error`]; the code tells whether the file, the recipe or a limit is at fault.
pub fn convert(input: &[u8], recipe: &Recipe, ctx: &Context) -> Result<Output, Error> {
    let (header, blocks) = probe::read(input, ctx)?;
    let plan = plan(recipe, &header, ctx)?;
    let firsts = feed::collect(input, header.format, &[Way::of(&plan)], ctx)?;
    let mut first = firsts.into_iter().next().ok_or_else(|| Error::internal("a rendition was forgotten"))?;
    finish(&header, &mut first, &blocks, recipe, plan, ctx)
}

/// Carries out many recipes on one file; what they can share is decoded once.
///
/// The result at `i` is that of [`convert`] with the recipe at `i`, in data and in error code, whatever else is in the list.
#[must_use]
pub fn convert_many(input: &[u8], recipes: &[Recipe], ctx: &Context) -> Vec<Result<Output, Error>> {
    let (header, blocks) = match probe::read(input, ctx) {
        Ok(found) => found,
        Err(error) => return vec![Err(error); recipes.len()],
    };
    let Plans { plans: planned, mut passes } = plan_many(recipes, &header, ctx);
    let mut results: Vec<Option<Result<Output, Error>>> = vec![None; recipes.len()];
    let mut plans: Vec<Option<Plan>> = Vec::new();
    for (planned, result) in planned.into_iter().zip(&mut results) {
        plans.push(planned.map_err(|error| *result = Some(Err(error))).ok());
    }
    // One pass after the other: the buffers of one go before the next one comes.
    while let Some(ways) = passes.pop_front() {
        let firsts = feed::collect(input, header.format, &ways, ctx);
        let is_odd = match &firsts {
            Ok(firsts) => firsts.iter().any(|first| !first.warnings.is_empty()),
            Err(error) => !matches!(error, Error::Cancelled),
        };
        if is_odd && ways.iter().any(|way| way.decode != ways[0].decode) {
            // One of them would perhaps not even have seen it: each by itself.
            passes.extend(plan::alike(ways));
            continue;
        }
        let firsts = match firsts {
            Ok(firsts) => firsts.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error); ways.len()],
        };
        for (way, mut first) in ways.iter().zip(firsts) {
            for ((recipe, plan), result) in recipes.iter().zip(&mut plans).zip(&mut results) {
                let Some(plan) = plan.take_if(|plan| way.serves(plan)) else { continue };
                *result = Some(match &mut first {
                    Ok(first) => finish(&header, first, &blocks, recipe, plan, ctx),
                    Err(error) => Err(error.clone()),
                });
            }
        }
    }
    results.into_iter().map(|result| result.unwrap_or_else(|| Err(Error::internal("a rendition was forgotten")))).collect()
}

/// Decodes a file into pixels, upright unless the recipe says otherwise, in the file's own depth and colors.
///
/// Of the recipe only `autoOrient`, `frames` and `onTruncated` have a meaning here.
///
/// # Errors
/// As for [`convert`].
pub fn decode(input: &[u8], recipe: &Recipe, ctx: &Context) -> Result<Picture, Error> {
    let recipe = Recipe { auto_orient: recipe.auto_orient, frames: recipe.frames, on_truncated: recipe.on_truncated, ..Recipe::default() };
    let (header, blocks) = probe::read(input, ctx)?;
    let (decode, turn) = plan::plan_pixels(&recipe, &header, ctx)?;
    let raster = decode::collect(input, header.format, decode, ctx)?;
    let raster = if turn == geometry::Turn::NONE { raster } else { ops::turn::turn(&raster, turn) };
    // The decoder has turned inks into sRGB, so their profile no longer fits.
    let profile = blocks.icc.filter(|_| header.profile.as_ref().is_some_and(|p| p.space != "cmyk"));
    Ok(Picture { profile, ..Picture::still(raster) })
}

/// Carries out a recipe on pixels that are at hand: the first frame, taken as upright.
///
/// # Errors
/// As for [`convert`]; `invalid_recipe` for a picture without frames or with the wrong number of samples.
pub fn convert_pixels(picture: Picture, recipe: &Recipe, ctx: &Context) -> Result<Output, Error> {
    let header = probe::of_picture(&picture)?;
    let plan = plan(recipe, &header, ctx)?;
    let blocks = Blocks { icc: picture.profile, ..Blocks::default() };
    let Some(Frame { pixels: Pixels::Raster(raster), .. }) = picture.frames.into_iter().next() else {
        return Err(Error::unsupported("converting planes"));
    };
    let mut first = feed::of_raster(raster.into_8_bits(), &plan.feed)?;
    finish(&header, &mut first, &blocks, recipe, plan, ctx)
}

/// Renders, encodes and reports: what one rendition does not share with its neighbors.
fn finish(header: &Header, first: &mut First, blocks: &Blocks, recipe: &Recipe, plan: Plan, ctx: &Context) -> Result<Output, Error> {
    let (rendered, warnings) = render::render(&mut first.pixels, blocks, &plan, ctx)?;
    let is_lent = rendered.is_none();
    let mut picture = Picture::still(rendered.unwrap_or_else(|| first.lend()));
    let kept = metadata::kept(blocks, recipe.metadata, recipe.auto_orient);
    let data = encode::encode(&picture, &kept, &plan.encode, ctx);
    if let (true, Some(frame)) = (is_lent, picture.frames.pop()) {
        first.pixels = frame.pixels;
    }
    let data = data?;
    let recipe_hash = recipe.hash(&ctx.assets)?;
    let mut own = Vec::new();
    if kept.exif.is_some() && !plan.encode.exif {
        own.push(Warning { code: "metadata_dropped", message: format!("a {} holds no EXIF", plan.encode.format) });
    }
    let warnings = [&header.warnings, &first.warnings, &warnings, &own].into_iter().flatten().cloned().collect();
    Ok(Output::new(data, header, plan, recipe_hash, warnings))
}
