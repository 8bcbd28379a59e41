//! A JPEG that stays in planes against the same picture through RGB: no worse, and its colors at the same place.

mod common;

use imgcore::geometry::Turn;
use imgcore::{ChromaSubsampling, Context, Encode, Layout, Picture, Raster, Recipe, Region, Resize, convert, convert_pixels, plan, probe};

use ChromaSubsampling::{Cs420, Cs422, Cs444};
use common::{decoded, with_orientation_in_jpeg};

/// Blue and orange, as equal in light as colors can be, with the edge at `edge` of the width or the height, and a slope of light over all.
fn two_colors(width: u32, height: u32, edge: f64, across: bool) -> Raster {
    let mut samples = Vec::new();
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        let (at, side) = if across { (x, width) } else { (y, height) };
        let light = (x + y) % 40;
        let blue = f64::from(at) + 0.5 < edge * f64::from(side);
        let pixel = if blue { [70, 100, 210] } else { [200, 110, 40] };
        samples.extend(pixel.map(|v: u32| (v + light / 4) as u8));
    }
    Raster::from_u8(width, height, Layout::Rgb, samples).expect("as many samples as there are")
}

fn jpeg(raster: Raster, chroma: ChromaSubsampling) -> Vec<u8> {
    let encode = Encode::jpeg().quality(95).chroma_subsampling(chroma);
    convert_pixels(Picture::still(raster), &Recipe::default().encode(encode), &Context::default()).expect("a JPEG").data
}

fn psnr(a: &Raster, b: &Raster) -> f64 {
    assert_eq!((a.width, a.height), (b.width, b.height));
    let squares: f64 = a.bytes().iter().zip(b.bytes()).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
    10.0 * libm::log10(255.0 * 255.0 * a.bytes().len() as f64 / squares.max(1.0))
}

/// Where blue ends, in pixels from the left or from the top: how much of it there is, by what there is at both ends.
fn edge(raster: &Raster, across: bool) -> f64 {
    let (count, lines) = if across { (raster.width, raster.height) } else { (raster.height, raster.width) };
    let blue = |at: u32, line: u32| {
        let (x, y) = if across { (at, line) } else { (line, at) };
        let pixel = &raster.bytes()[(y * raster.width + x) as usize * 3..][..3];
        f64::from(pixel[2]) - f64::from(pixel[0])
    };
    let means: Vec<f64> = (0..count).map(|at| (0..lines).map(|line| blue(at, line)).sum::<f64>() / f64::from(lines)).collect();
    let fifth = means.len() / 5;
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (first, last) = (mean(&means[..fifth]), mean(&means[means.len() - fifth..]));
    means.iter().map(|blue| (blue - last) / (first - last)).sum()
}

/// The recipe through planes, and through RGB.
fn both(file: &[u8], recipe: &Recipe) -> (Raster, Raster) {
    let ctx = Context::default();
    let plan = plan(recipe, &probe(file, &ctx).expect("a header"), &ctx).expect("a plan");
    assert!(plan.decode.chroma_eighths.is_some(), "no planes for {}", recipe.to_json());
    let planes = convert(file, recipe, &ctx).expect("a result");
    let rgb = convert_pixels(Picture::still(decoded(file)), recipe, &ctx).expect("a result");
    (decoded(&planes.data), decoded(&rgb.data))
}

fn recipes() -> Vec<((u32, u32), Recipe)> {
    let region = |left, top, width, height| Region { left, top, width, height };
    vec![
        ((400, 300), Recipe::default().resize(Resize::width(100))),
        ((400, 300), Recipe::default().resize(Resize::width(101))),
        ((401, 303), Recipe::default().resize(Resize::fill(57, 33))),
        ((401, 303), Recipe::default().resize(Resize::cover(50, 51))),
        ((400, 300), Recipe::default().extract(region(75, 51, 251, 189)).resize(Resize::width(100))),
        ((400, 300), Recipe::default().extract(region(75, 51, 151, 113)).resize(Resize::width(225))),
        ((97, 61), Recipe::default().resize(Resize::width(90))),
    ]
}

#[test]
fn planes_are_as_good_as_rgb_and_their_colors_lie_where_they_did() {
    let (mut gained, mut cases) = (0.0, 0.0);
    for ((width, height), recipe) in recipes() {
        for (chroma, across, is_small) in [Cs420, Cs444].into_iter().flat_map(|c| [(c, true, true), (c, false, true), (c, true, false)]) {
            let original = two_colors(width, height, 0.437, across);
            let mut recipe = recipe.clone().encode(Encode::jpeg().quality(95));
            recipe.resize.as_mut().expect("a resize").fast_shrink_on_load = is_small;
            let (planes, rgb) = both(&jpeg(original.clone(), chroma), &recipe);
            let exact = recipe.clone().encode(Encode::png());
            let exact = decoded(&convert_pixels(Picture::still(original), &exact, &Context::default()).expect("a result").data);
            let name = format!("{} of {width}x{height}, {chroma:?}, across: {across}", recipe.to_json());
            // How an edge lies between samples decides for the one or the other by a decibel.
            let (of_planes, of_rgb) = (psnr(&planes, &exact), psnr(&rgb, &exact));
            assert!(of_planes > of_rgb - 1.3, "{name}: {of_planes:.2} dB, and {of_rgb:.2} through RGB");
            (gained, cases) = (gained + of_planes - of_rgb, cases + 1.0);
            let (shift, of_rgb) = (edge(&planes, across) - edge(&exact, across), edge(&rgb, across) - edge(&exact, across));
            assert!(shift.abs() < 0.1, "{name}: colors moved by {shift:.3} pixels, and by {of_rgb:.3} through RGB");
        }
    }
    assert!(gained / cases > 0.0, "{:.2} dB on average", gained / cases);
}

#[test]
fn planes_are_turned_as_pixels_are() {
    for orientation in 1..=8 {
        for (across, size) in [(true, (201, 150)), (false, (200, 151)), (true, (203, 155))] {
            let file = with_orientation_in_jpeg(&jpeg(two_colors(size.0, size.1, 0.437, across), Cs420), orientation);
            let turned = Turn::from_exif(u16::from(orientation));
            for resize in [Resize::width(51), Resize::height(33), Resize::cover(31, 40)] {
                let (planes, rgb) = both(&file, &Recipe::default().resize(resize).encode(Encode::jpeg().quality(95)));
                let found = psnr(&planes, &rgb);
                let shift = edge(&planes, across != turned.transpose) - edge(&rgb, across != turned.transpose);
                assert!(found > 30.0 && shift.abs() < 0.1, "orientation {orientation} of {size:?}: {found:.1} dB, moved by {shift:.3}");
            }
        }
    }
}

#[test]
fn what_needs_pixels_has_them() {
    let ctx = Context::default();
    let planar = |chroma, recipe: &Recipe| {
        let file = jpeg(two_colors(80, 60, 0.5, true), chroma);
        plan(recipe, &probe(&file, &ctx).expect("a header"), &ctx).expect("a plan").decode.chroma_eighths
    };
    let small = || Recipe::default().resize(Resize::width(20));
    let to = |chroma| small().encode(Encode::jpeg().chroma_subsampling(chroma));
    assert_eq!(planar(Cs420, &small()), Some(3));
    assert_eq!(planar(Cs444, &small()), Some(2), "chroma of half the size");
    assert_eq!(planar(Cs444, &to(Cs444)), Some(3));
    assert_eq!(planar(Cs422, &to(Cs422)), Some(3));
    assert_eq!(planar(Cs420, &to(Cs444)), None, "chroma at twice the scale");
    assert_eq!(planar(Cs420, &small().encode(Encode::png())), None);
    assert_eq!(planar(Cs420, &Recipe::default().encode(Encode::jpeg())), None, "copied pixels");
    assert_eq!(planar(Cs420, &Recipe::default().resize(Resize::contain(20, 20))), None, "an edge is laid around it");
}
