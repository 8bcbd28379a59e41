//! DECIDED: a recipe meets a header, and every question is answered, in integers; no pixels are seen here.
//!
//! Equal recipes and headers give equal plans on every platform. The plan forecasts its memory and its work, and what the limits
//! do not allow is refused here, before the first pixel.

mod fit;
mod forecast;

use std::collections::VecDeque;
use std::{mem, slice};

use serde::Serialize;

use self::fit::{Fitted, fit};
use self::forecast::Forecast;
use crate::codec::{Format, Space};
pub use crate::decode::DecodePlan;
use crate::error::Error;
use crate::feed::Way;
use crate::geometry::{Axis, Ratio, Region, Size, Turn};
use crate::limits::{Context, Limits, Stage, check};
use crate::ops::{extend, flatten};
use crate::pixels::Layout;
use crate::probe::Header;
use crate::recipe::{
    ChromaSubsampling, Color, Effort, Encode, Extend, Frames, Kernel, OnTruncated, Position, Recipe, Resize, default_quality,
};

/// A resize, decided: where each output sample lies in the decoded picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResizeSpec {
    /// Across.
    pub x: Axis,
    /// Down.
    pub y: Axis,
    /// The filter.
    pub kernel: Kernel,
}

/// How pixels come from the decoder to the first buffer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Feed {
    /// Rows flow into the resize; crop and orientation are inside its axes.
    Stream(ResizeSpec),
    /// YCbCr planes flow into the resize, each at its own size, and from there to the encoder: nothing in between needs RGB.
    Planes {
        /// The resize of Y.
        luma: ResizeSpec,
        /// The resize of Cb and Cr.
        chroma: ResizeSpec,
    },
    /// The whole picture, which is not resized, then operations.
    Raster {
        /// Operations before the turn.
        before: Vec<Op>,
    },
}

/// One operation on pixels, decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Op {
    /// Cut out a rectangle.
    Crop(Region),
    /// From the embedded profile to sRGB.
    ToSrgb,
    /// Put the picture on a larger canvas.
    Extend {
        /// Where the picture lies on the canvas, and how large it is.
        inner: Region,
        /// The canvas's width.
        width: u32,
        /// The canvas's height.
        height: u32,
        /// The canvas's color.
        background: Color,
    },
    /// Lay the picture on a ground.
    Flatten(Color),
}

/// How the result is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct EncodePlan {
    /// The format.
    pub format: Format,
    /// The layout that the encoder is given.
    pub layout: Layout,
    /// 1 to 100, where the format has one.
    pub quality: u8,
    /// Time against bytes.
    pub effort: Effort,
    /// A progressive JPEG.
    pub progressive: bool,
    /// A JPEG's chroma.
    pub chroma_subsampling: ChromaSubsampling,
    /// A lossless WebP.
    pub lossless: bool,
    /// Whether the ICC profile goes along.
    pub icc: bool,
    /// Whether an EXIF block goes along: of the source's, what the recipe's words name.
    pub exif: bool,
}

/// All that was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Plan {
    /// How the file is decoded.
    pub decode: DecodePlan,
    /// How its pixels come in.
    pub feed: Feed,
    /// The turn after the resize, as an EXIF orientation.
    pub turn: Turn,
    /// The operations after the turn, in order.
    pub after: Vec<Op>,
    /// How the result is written.
    pub encode: EncodePlan,
    /// The result's width in pixels.
    pub width: u32,
    /// The result's height in pixels.
    pub height: u32,
    forecast: Forecast,
}

impl Plan {
    /// The heap that the conversion will need at its peak, in bytes, beside the input.
    #[must_use]
    pub fn peak_bytes(&self) -> u64 {
        self.forecast.peak()
    }

    /// The work, in units of one sample decoded, resized or encoded.
    #[must_use]
    pub fn work(&self) -> u64 {
        self.forecast.work
    }
}

/// The plans of many renditions of one picture.
#[derive(Debug, Clone)]
pub struct Plans {
    /// One for each recipe, in order.
    pub plans: Vec<Result<Plan, Error>>,
    /// The passes over the file, each with what it serves.
    pub(crate) passes: VecDeque<Vec<Way>>,
}

impl Plans {
    /// The heap that all of them together will need at the peak, in bytes, beside the input: first buffers are held once for all
    /// renditions that share them, and finished results stay until all are done.
    #[must_use]
    pub fn peak_bytes(&self) -> u64 {
        self.passes.iter().map(|ways| self.peak_of(ways)).max().unwrap_or_default()
    }

    /// The work of all of them, in the units of [`Plan::work`]; shared decoding is counted for each.
    #[must_use]
    pub fn work(&self) -> u64 {
        self.plans.iter().flatten().map(Plan::work).sum()
    }

    /// What is held during a pass: all results, its buffers, and beside them either what fills them or the most that a rendition works with.
    fn peak_of(&self, ways: &[Way]) -> u64 {
        let plans = || self.plans.iter().flatten();
        let each = || ways.iter().filter_map(|way| plans().find(|plan| way.serves(plan)));
        let decoders = ways.iter().enumerate().filter(|(at, way)| ways[..*at].iter().all(|other| other.decode != way.decode));
        let scratch = decoders.filter_map(|(_, way)| plans().find(|plan| way.decode == plan.decode)).map(|plan| plan.forecast.scratch);
        let filling = scratch.sum::<u64>() + each().map(|plan| plan.forecast.filling).sum::<u64>();
        let served = plans().filter(|plan| ways.iter().any(|way| way.serves(plan)));
        let render = served.map(|plan| plan.forecast.render).max().unwrap_or(0);
        plans().map(|plan| plan.forecast.output).sum::<u64>() + each().map(|plan| plan.forecast.first).sum::<u64>() + filling.max(render)
    }
}

/// Ways by how they decode.
pub(crate) fn alike(ways: Vec<Way>) -> Vec<Vec<Way>> {
    let mut passes: Vec<Vec<Way>> = Vec::new();
    for way in ways {
        match passes.iter_mut().find(|ways| ways[0].decode == way.decode) {
            Some(ways) => ways.push(way),
            None => passes.push(vec![way]),
        }
    }
    passes
}

/// Decides how each of many renditions of a picture is made. See [`plan`].
///
/// One pass over the file serves as many of them as the memory allows.
#[must_use]
pub fn plan_many(recipes: &[Recipe], header: &Header, ctx: &Context) -> Plans {
    let mut plans = Plans { plans: recipes.iter().map(|recipe| plan(recipe, header, ctx)).collect(), passes: VecDeque::new() };
    let mut ways: Vec<Way> = Vec::new();
    for plan in plans.plans.iter().flatten() {
        if !ways.iter().any(|way| way.serves(plan)) {
            ways.push(Way::of(plan));
        }
    }
    let fits = |ways: &[Way]| plans.peak_of(ways) <= ctx.limits.max_memory_bytes;
    // Only a JPEG gives several scales in one pass.
    let is_alike = ways.iter().all(|way| way.decode.partial == ways[0].decode.partial);
    if header.format == Format::Jpeg && is_alike && !ways.is_empty() && fits(&ways) {
        plans.passes = VecDeque::from([ways]);
        return plans;
    }
    let mut passes = VecDeque::new();
    for ways in alike(ways) {
        let mut pass = Vec::new();
        for way in ways {
            let with_it = [&pass[..], slice::from_ref(&way)].concat();
            if !pass.is_empty() && !fits(&with_it) {
                passes.push_back(mem::take(&mut pass));
            }
            pass.push(way);
        }
        passes.push_back(pass);
    }
    plans.passes = passes;
    plans
}

/// Decides how a recipe is carried out on a picture with this header, and what that will cost.
///
/// # Errors
/// `invalid_recipe` for what no such picture can do, `unsupported` for what this version cannot, `limit_exceeded` for what would cost too much.
///
/// ```
/// use imgcore::{Context, Recipe, Resize, plan, probe};
///
/// let gif = b"GIF89a\x02\x00\x01\x00\x80\x00\x00\x00\x00\x00\xFF\xFF\xFF,\x00\x00\x00\x00\x02\x00\x01\x00\x00\x02\x02\x44\x0A\x00;";
/// let ctx = Context::default();
/// let plan = plan(&Recipe::default().resize(Resize::width(20)), &probe(gif, &ctx)?, &ctx)?;
/// assert_eq!((plan.width, plan.height), (20, 10));
/// # Ok::<(), imgcore::Error>(())
/// ```
pub fn plan(recipe: &Recipe, header: &Header, ctx: &Context) -> Result<Plan, Error> {
    ctx.go_on(Stage::Plan)?;
    recipe.validate()?;
    refuse_unsupported(recipe, header)?;
    let frames = plan_frames(recipe, header, &ctx.limits)?;

    let turn = plan_turn(recipe, header);
    let upright = turn.size(header.stored());
    let source = recipe.extract.unwrap_or(Region::all(upright));
    if !source.fits(upright) {
        return Err(Error::recipe("extract", format!("must lie inside the picture of {}x{} pixels", upright.width, upright.height)));
    }
    let fitted = match &recipe.resize {
        Some(resize) => fit(resize, source, &ctx.limits)?,
        None => Fitted::unchanged(source),
    };

    let eighths = eighths(recipe, header, &fitted);
    let decode = plan_decode(recipe, header, eighths, frames, &ctx.limits)?;
    let format = recipe.encode.as_ref().map_or_else(|| default_format(header), |encode| encode.format);
    let (after, size, layout) = plan_after(recipe, header, &fitted, format)?;
    check_output(size, &ctx.limits)?;
    let encode = plan_encode(recipe, header, format, layout)?;
    let planes = if after.is_empty() { plan_planes(&fitted, recipe, turn, header, eighths, &encode) } else { None };
    let (decode, feed) = match planes {
        Some((chroma_eighths, feed)) => (DecodePlan { chroma_eighths: Some(chroma_eighths), ..decode }, feed),
        None => (decode, plan_feed(&fitted, recipe, turn, header.stored(), eighths)),
    };

    let forecast = Forecast::of(header, &decode, &feed, (turn, &after), size, &encode, fitted.size);
    let plan = Plan { decode, feed, turn, after, encode, width: size.width, height: size.height, forecast };
    check("maxOperations", plan.after.len() as u64 + recipe.composite.len() as u64 + 2, ctx.limits.max_operations)?;
    check("maxMemoryBytes", plan.peak_bytes(), ctx.limits.max_memory_bytes)?;
    check("maxWork", plan.work(), ctx.limits.max_work)?;
    Ok(plan)
}

/// Decides how a picture is decoded for its pixels alone, and how it is turned then.
pub(crate) fn plan_pixels(recipe: &Recipe, header: &Header, ctx: &Context) -> Result<(DecodePlan, Turn), Error> {
    ctx.go_on(Stage::Plan)?;
    let decode = {
        let frames = plan_frames(recipe, header, &ctx.limits)?;
        DecodePlan { deep: header.deep, ..plan_decode(recipe, header, 8, frames, &ctx.limits)? }
    };
    let turn = plan_turn(recipe, header);
    let samples = header.stored().pixels() * header.layout.channels() as u64;
    let decoded = if decode.deep { samples * 2 } else { samples };
    let turned = if turn == Turn::NONE { 0 } else { decoded };
    check("maxMemoryBytes", decoded + header.scratch.max(turned), ctx.limits.max_memory_bytes)?;
    check("maxWork", samples, ctx.limits.max_work)?;
    Ok((decode, turn))
}

/// Wishes that are words of the recipe already, and that no code serves yet.
fn refuse_unsupported(recipe: &Recipe, header: &Header) -> Result<(), Error> {
    let encode = recipe.encode.as_ref();
    let strategy = |p: Position| matches!(p, Position::Entropy | Position::Attention);
    let wishes = [
        (!matches!(recipe.rotate, 0 | 90 | 180 | 270), "`rotate` by other than right angles"),
        (recipe.trim.is_some(), "`trim`"),
        (recipe.sharpen.is_some(), "`sharpen`"),
        (!recipe.composite.is_empty(), "`composite`"),
        (!recipe.analyze.is_empty(), "`analyze`"),
        (recipe.resize.as_ref().is_some_and(|r| strategy(r.position)), "`position` by entropy or attention"),
        (recipe.metadata.xmp || recipe.metadata.iptc, "keeping XMP or IPTC"),
        (encode.is_some_and(|e| e.max_bytes.is_some() || e.min_quality.is_some()), "`maxBytes` and `minQuality`"),
        (encode.is_some_and(|e| e.skip_if_larger), "`skipIfLarger`"),
        (encode.is_some_and(|e| e.format == Format::Webp && !e.lossless), "lossy WebP (say `\"lossless\": true`)"),
        (encode.is_some_and(|e| e.lossless && e.format != Format::Webp), "`lossless` for other than WebP"),
        (encode.is_some_and(|e| e.progressive && e.format != Format::Jpeg), "`progressive` for other than JPEG"),
        (encode.is_some_and(|e| e.effort == Effort::Small && e.format != Format::Jpeg), "the effort `small` for other than JPEG"),
        (encode.is_some_and(|e| !matches!(e.format, Format::Jpeg | Format::Png | Format::Webp | Format::Gif)), "writing this format"),
    ];
    if let Some((_, what)) = wishes.into_iter().find(|(wished, _)| *wished) {
        return Err(Error::unsupported(what));
    }
    if matches!(header.format, Format::Avif | Format::Heic | Format::Jxl) {
        return Err(Error::unsupported(format!("reading {}", header.format)));
    }
    Ok(())
}

/// How many frames are decoded; the limits on what the file claims are asked here.
fn plan_frames(recipe: &Recipe, header: &Header, limits: &Limits) -> Result<u32, Error> {
    check("maxInputPixels", header.stored().pixels(), limits.max_input_pixels)?;
    let frames = match recipe.frames {
        Frames::First => 1,
        Frames::All => header.frames,
    };
    if frames > 1 {
        check("maxFrames", u64::from(frames), limits.max_frames)?;
    }
    Ok(frames)
}

/// N of the scale N/8 that a JPEG is decoded at: the smallest that leaves the resize 1.5 samples for each one of the result, across and down,
/// so N >= 12 * result / source.
///
/// A truncated inverse transform is a sharp low-pass, and with this margin the resize's own filter cuts off most of what it takes away. Measured
/// against an exact Lanczos3 of the whole picture, on photographs of 12 and 24 megapixels: 53 dB at 3/8 and 5/8, 49 dB with no margin to spare at
/// 3/8, 45 to 50 dB at 1/8, where a full decode has 58 dB. A progressive file's halved chroma is read coarser at 1/8: 40 to 43 dB.
fn eighths(recipe: &Recipe, header: &Header, fitted: &Fitted) -> u8 {
    let Some(resize) = recipe.resize.as_ref().filter(|resize| resize.fast_shrink_on_load) else { return 8 };
    // Trimming and smart crops look at every pixel, and the nearest sample is one of the file's own.
    let needs_all = recipe.trim.is_some()
        || resize.kernel == Kernel::Nearest
        || matches!(resize.position, Position::Entropy | Position::Attention) && resize.focus.is_none();
    if header.format != Format::Jpeg || needs_all {
        return 8;
    }
    least_eighths(fitted.x.scale.min(fitted.y.scale))
}

/// The rule itself, for the axis with fewer samples of the source for each one of the result.
fn least_eighths(scale: Ratio) -> u8 {
    Ratio::whole(12).over(scale).ceil().clamp(1, 8) as u8
}

/// The size of a picture that is decoded at N/8: a part of a sample is a whole one.
fn decoded_size(header: &Header, eighths: u8) -> Size {
    let side = |side: u32| (u64::from(side) * u64::from(eighths)).div_ceil(8) as u32;
    Size::new(side(header.stored_width), side(header.stored_height))
}

/// What is decoded: the limit on pixels decoded is asked here.
fn plan_decode(recipe: &Recipe, header: &Header, eighths: u8, frames: u32, limits: &Limits) -> Result<DecodePlan, Error> {
    let decoded = decoded_size(header, eighths).pixels().saturating_mul(u64::from(frames));
    check("maxDecodedPixels", decoded, limits.max_decoded_pixels)?;
    if frames > 1 {
        return Err(Error::unsupported("writing animation"));
    }
    Ok(DecodePlan { eighths, chroma_eighths: None, deep: false, frames: 0..1, partial: recipe.on_truncated == OnTruncated::Partial })
}

/// The turn from the stored picture to the one that the recipe speaks of.
fn plan_turn(recipe: &Recipe, header: &Header) -> Turn {
    let oriented = if recipe.auto_orient { Turn::from_exif(u16::from(header.orientation)) } else { Turn::NONE };
    let rotated = oriented.then(Turn::rotation(recipe.rotate).unwrap_or(Turn::NONE));
    let flipped = if recipe.flip { rotated.then(Turn::FLIP) } else { rotated };
    if recipe.flop { flipped.then(Turn::FLOP) } else { flipped }
}

/// JPEG, PNG and GIF stay what they are; what else there is becomes PNG with alpha, JPEG without.
fn default_format(header: &Header) -> Format {
    match header.format {
        Format::Jpeg | Format::Png | Format::Gif => header.format,
        _ if header.has_alpha => Format::Png,
        _ => Format::Jpeg,
    }
}

/// Maps axes of the upright picture through the inverse of the turn: the resize runs in stored space, and the small picture is turned last.
fn stored_axes(x: Axis, y: Axis, turn: Turn, stored: Size) -> (Axis, Axis) {
    let upright = turn.size(stored);
    let x = if turn.flop { x.mirrored(upright.width) } else { x };
    let y = if turn.flip { y.mirrored(upright.height) } else { y };
    if turn.transpose { (y, x) } else { (x, y) }
}

fn plan_feed(fitted: &Fitted, recipe: &Recipe, turn: Turn, stored: Size, eighths: u8) -> Feed {
    let (x, y) = stored_axes(fitted.x, fitted.y, turn, stored);
    if fitted.is_copy() {
        let region = Region { left: x.from.num as u32, top: y.from.num as u32, width: x.count, height: y.count };
        let before = if region == Region::all(stored) { Vec::new() } else { vec![Op::Crop(region)] };
        return Feed::Raster { before };
    }
    let kernel = recipe.resize.as_ref().map_or(Kernel::Lanczos3, |resize| resize.kernel);
    Feed::Stream(ResizeSpec { x: decoded_axis(x, eighths, 1), y: decoded_axis(y, eighths, 1), kernel })
}

/// An axis of the stored picture on what is decoded of it at N/8, where a sample spans so many pixels.
fn decoded_axis(axis: Axis, eighths: u8, span: u8) -> Axis {
    axis.of_plane(Ratio::new(i64::from(eighths), 8 * i64::from(span)), Ratio::whole(1))
}

/// A JPEG that becomes a JPEG stays in planes, where nothing between needs RGB: how chroma is decoded, by the rule of [`eighths`] at its own
/// scale, and the resizes. None where pixels are needed, or chroma would be needed finer than luma.
///
/// Chroma keeps the picture's scale and its own centers: an odd side has half a sample of chroma more than the picture has, which the edge fills.
fn plan_planes(fitted: &Fitted, recipe: &Recipe, turn: Turn, header: &Header, eighths: u8, encode: &EncodePlan) -> Option<(u8, Feed)> {
    let Resize { kernel, fast_shrink_on_load, .. } = *recipe.resize.as_ref()?;
    let is_ycc = header.format == Format::Jpeg && header.space == Space::YCbCr;
    if !is_ycc || encode.format != Format::Jpeg || encode.layout != Layout::Rgb || fitted.is_copy() || kernel == Kernel::Nearest {
        return None;
    }
    // In the file as it is stored, in the result as it is seen.
    let (from, to) = (chroma_span(header)?, encode.chroma_subsampling.span());
    let (x, y) = stored_axes(fitted.x, fitted.y, turn, header.stored());
    let subsampled = |axis: Axis, span: u8| axis.of_plane(Ratio::whole(1), Ratio::new(1, i64::from(span)));
    let (chroma_x, chroma_y) = stored_axes(subsampled(fitted.x, to[0]), subsampled(fitted.y, to[1]), turn, header.stored());
    let least = decoded_axis(chroma_x, 8, from[0]).scale.min(decoded_axis(chroma_y, 8, from[1]).scale);
    let chroma_eighths = if fast_shrink_on_load { least_eighths(least) } else { 8 };
    if chroma_eighths > eighths {
        return None;
    }
    let spec = |(x, y): (Axis, Axis), eighths: u8, span: [u8; 2]| {
        let (x, y) = (decoded_axis(x, eighths, span[0]), decoded_axis(y, eighths, span[1]));
        ResizeSpec { x, y, kernel }
    };
    let (luma, chroma) = (spec((x, y), eighths, [1, 1]), spec((chroma_x, chroma_y), chroma_eighths, from));
    Some((chroma_eighths, Feed::Planes { luma, chroma }))
}

/// The pixels that a chroma sample of the file spans, across and down; None where it is none of the usual ones.
fn chroma_span(header: &Header) -> Option<[u8; 2]> {
    match header.chroma_subsampling? {
        "4:4:4" => Some([1, 1]),
        "4:2:2" => Some([2, 1]),
        "4:4:0" => Some([1, 2]),
        "4:2:0" => Some([2, 2]),
        _ => None,
    }
}

/// The operations after the turn, with the size and the layout that they end in.
fn plan_after(recipe: &Recipe, header: &Header, fitted: &Fitted, format: Format) -> Result<(Vec<Op>, Size, Layout), Error> {
    let (mut ops, mut size, mut layout) = (Vec::new(), fitted.size, header.layout);
    if header.profile.as_ref().is_some_and(|profile| !profile.is_srgb && profile.space != "cmyk") && !recipe.metadata.icc {
        ops.push(Op::ToSrgb);
    }
    if let Some((inner, canvas)) = fitted.pad {
        let background = recipe.resize.as_ref().map_or(Color::TRANSPARENT, |resize| resize.background);
        ops.push(Op::Extend { inner, width: canvas.width, height: canvas.height, background });
        (size, layout) = (canvas, extend::layout(layout, background));
    }
    if let Some(region) = recipe.crop {
        if !region.fits(size) {
            return Err(Error::recipe("crop", format!("must lie inside the resized picture of {}x{} pixels", size.width, size.height)));
        }
        if region != Region::all(size) {
            ops.push(Op::Crop(region));
            size = region.size();
        }
    }
    if let Some(Extend { top, right, bottom, left, background }) =
        recipe.extend.filter(|e| (e.top, e.right, e.bottom, e.left) != (0, 0, 0, 0))
    {
        let side = |a: u32, b: u32, c: u32| u32::try_from(u64::from(a) + u64::from(b) + u64::from(c)).unwrap_or(u32::MAX);
        let canvas = Size::new(side(left, size.width, right), side(top, size.height, bottom));
        ops.push(Op::Extend {
            inner: Region { left, top, width: size.width, height: size.height },
            width: canvas.width,
            height: canvas.height,
            background,
        });
        (size, layout) = (canvas, extend::layout(layout, background));
    }
    if layout.has_alpha() && (recipe.flatten.is_some() || !format.can_hold_alpha()) {
        let ground = recipe.flatten.unwrap_or(Color::WHITE);
        ops.push(Op::Flatten(ground));
        layout = flatten::layout(layout, ground);
    }
    Ok((ops, size, layout))
}

fn check_output(size: Size, limits: &Limits) -> Result<(), Error> {
    check("maxOutputSide", u64::from(size.width.max(size.height)), limits.max_output_side)?;
    check("maxOutputPixels", size.pixels(), limits.max_output_pixels)
}

fn plan_encode(recipe: &Recipe, header: &Header, format: Format, layout: Layout) -> Result<EncodePlan, Error> {
    let encode = recipe.encode.clone().unwrap_or_else(|| Encode::to(format));
    let keeps_profile =
        recipe.metadata.icc && header.profile.as_ref().is_some_and(|p| p.space == if layout.is_gray() { "gray" } else { "rgb" });
    let wants_exif = recipe.metadata.exif || recipe.metadata.copyright || recipe.metadata.gps;
    Ok(EncodePlan {
        format,
        layout,
        quality: encode.quality.unwrap_or(default_quality(format)),
        effort: encode.effort,
        progressive: encode.progressive,
        chroma_subsampling: encode.chroma_subsampling,
        lossless: encode.lossless,
        icc: keeps_profile,
        exif: wants_exif && header.exif.is_some() && format != Format::Gif,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recipe::Resize;

    fn jpeg(width: u32, height: u32) -> Header {
        let frame =
            [&b"\xFF\xC0\x00\x0B\x08"[..], &(height as u16).to_be_bytes(), &(width as u16).to_be_bytes(), b"\x01\x01\x11\x00"].concat();
        let file = [b"\xFF\xD8", &frame[..], b"\xFF\xD9"].concat();
        crate::probe(&file, &Context::default()).expect("a header")
    }

    fn eighths_of(header: &Header, recipe: &Recipe) -> u8 {
        plan(recipe, header, &Context::default()).expect("a plan").decode.eighths
    }

    #[test]
    fn a_jpeg_is_decoded_at_one_and_a_half_times_the_result_or_more() {
        let (header, resized) = (jpeg(4000, 3000), |resize: Resize| Recipe::default().resize(resize));
        let table = [
            (resized(Resize::width(10)), 1),
            (resized(Resize::width(333)), 1),
            (resized(Resize::width(334)), 2),
            (resized(Resize::width(800)), 3),
            (resized(Resize::width(1000)), 3),
            (resized(Resize::width(1001)), 4),
            (resized(Resize::width(1600)), 5),
            (resized(Resize::width(2000)), 6),
            (resized(Resize::width(2334)), 8),
            (resized(Resize::width(4000)), 8),
            (resized(Resize::width(8000)), 8),
            (resized(Resize::cover(200, 200)), 1),
            (resized(Resize::cover(200, 1000)), 4),
            (resized(Resize::contain(200, 1000)), 1),
            (resized(Resize::fill(200, 1000)), 4),
            (resized(Resize { kernel: Kernel::Nearest, ..Resize::width(200) }), 8),
            (resized(Resize { fast_shrink_on_load: false, ..Resize::width(200) }), 8),
            (resized(Resize::width(200).without_reduction()), 8),
            (Recipe::default(), 8),
            (resized(Resize::width(200)).extract(Region { left: 9, top: 7, width: 1000, height: 1000 }), 3),
            (resized(Resize::width(200)).extract(Region { left: 9, top: 7, width: 200, height: 200 }), 8),
            (Recipe { rotate: 90, ..resized(Resize::width(300)) }, 2),
        ];
        for (recipe, expected) in table {
            assert_eq!(eighths_of(&header, &recipe), expected, "{}", recipe.to_json());
        }
        let png = Header { format: Format::Png, ..header };
        assert_eq!(eighths_of(&png, &Recipe::default().resize(Resize::width(10))), 8);
    }

    #[test]
    fn a_small_decode_is_forecast_to_hold_less() {
        let header = jpeg(4000, 3000);
        let plan_of = |width: u32| plan(&Recipe::default().resize(Resize::width(width)), &header, &Context::default()).expect("a plan");
        let (tiny, medium, large) = (plan_of(100), plan_of(800), plan_of(2400));
        assert_eq!(tiny.forecast.first, 100 * 75);
        assert_eq!(medium.forecast.first, 800 * 600);
        assert_eq!(large.forecast.first, 2400 * 1800);
        assert!(tiny.peak_bytes() * 2 < medium.peak_bytes() && medium.peak_bytes() * 2 < large.peak_bytes());
        assert!(tiny.work() < medium.work() && medium.work() < large.work());
    }

    #[test]
    fn what_is_too_large_to_decode_whole_may_be_decoded_small() {
        let header = jpeg(15_000, 14_000);
        let code =
            |width: u32| plan(&Recipe::default().resize(Resize::width(width)), &header, &Context::default()).map_err(|error| error.code());
        assert_eq!(code(12_000).expect_err("210 megapixels"), "limit_exceeded");
        assert_eq!(code(800).expect("a small job").decode.eighths, 1);
    }

    #[test]
    fn axes_lie_in_the_decoded_picture() {
        let header = jpeg(4001, 3001);
        let Feed::Stream(spec) =
            plan(&Recipe::default().resize(Resize::fill(100, 200)), &header, &Context::default()).expect("a plan").feed
        else {
            panic!("a resize")
        };
        assert_eq!((spec.x.from, spec.x.length()), (Ratio::whole(0), Ratio::new(4001, 8)));
        assert_eq!((spec.y.from, spec.y.length()), (Ratio::whole(0), Ratio::new(3001, 8)));
    }
}
