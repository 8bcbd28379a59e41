//! Damaged JPEG files at every scale: no panic, no loop, and no more heap than the plan forecast.
//!
//! `IMGCORE_MUTATIONS` says how many, where the default is not enough. One test, so that nothing else allocates while the heap is counted.

#![expect(clippy::print_stdout, reason = "tells how much was tried")]

mod common;
#[path = "common/heap.rs"]
mod heap;

use std::collections::BTreeMap;
use std::{env, fs};

use imgcore::{
    ChromaSubsampling, Context, Effort, Encode, Format, Layout, Limits, OnTruncated, Picture, Raster, Recipe, Resize, convert,
    convert_many, convert_pixels, plan, plan_many, probe,
};

use common::{Random, damage};

const MIB: u64 = 1 << 20;

fn files() -> Vec<Vec<u8>> {
    let mut paths: Vec<_> = fs::read_dir(common::data()).expect("the inputs").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "jpg"));
    paths.push(common::data().join("../../src/codec/jpeg/refined.jpg"));
    paths.iter().map(|path| fs::read(path).expect("a readable input")).collect()
}

fn recipe(random: &mut Random) -> Recipe {
    // In planes, where the file allows it, or as pixels.
    let chroma = [ChromaSubsampling::Cs420, ChromaSubsampling::Cs444][random.below(2)];
    let encode = Encode::jpeg().chroma_subsampling(chroma);
    let recipe = Recipe::default().resize(Resize::width(1 + random.below(90) as u32)).encode(encode);
    if random.below(2) == 0 { recipe } else { recipe.on_truncated(OnTruncated::Partial) }
}

#[test]
fn every_scale_costs_what_was_forecast_and_no_damage_costs_more() {
    sound_files_cost_what_was_forecast();
    small_files_cost_what_was_forecast();
    many_renditions_cost_what_was_forecast();
    no_damage_panics_or_costs_more();
}

/// Within a small part of the picture, one scale at a time and all of them in one pass.
fn sound_files_cost_what_was_forecast() {
    const SLACK: u64 = 128 << 10;
    let samples = (0..1600 * 1200 * 3u32).map(|at| (at / 3 % 1600 / 7 + at / 4800 / 5 + at % 3 * 40) as u8).collect();
    let raster = Raster::from_u8(1600, 1200, Layout::Rgb, samples).expect("as many samples as there are");
    for encode in [Encode::jpeg(), Encode::jpeg().progressive()] {
        let made = convert_pixels(Picture::still(raster.clone()), &Recipe::default().encode(encode), &Context::default());
        let file = made.expect("a JPEG").data;
        let ctx = Context::default();
        let header = probe(&file, &ctx).expect("a header");
        let recipes: Vec<Recipe> = (1..9).map(|n| Recipe::default().resize(Resize::width(1600 * n / 12)).encode(Encode::jpeg())).collect();
        for (recipe, eighths) in recipes.iter().zip(1..) {
            let plan = plan(recipe, &header, &ctx).expect("a plan");
            assert_eq!(plan.decode.eighths, eighths);
            let (result, peak) = heap::peak(|| convert(&file, recipe, &ctx).map(|_| ()));
            result.expect("a result");
            assert!(peak <= plan.peak_bytes() + SLACK, "{eighths}/8: {peak} bytes of heap, more than {}", plan.peak_bytes());
        }
        let forecast = plan_many(&recipes, &header, &ctx).peak_bytes();
        let (results, peak) = heap::peak(|| convert_many(&file, &recipes, &ctx));
        assert!(results.iter().all(Result::is_ok));
        assert!(peak <= forecast + SLACK, "all: {peak} bytes of heap, more than {forecast}");
    }
}

/// The effort `small`, which holds all coefficients, for pictures that take few bytes and for noise.
fn small_files_cost_what_was_forecast() {
    const SLACK: u64 = 128 << 10;
    let ctx = Context::default();
    for (noise, chroma) in [(1, ChromaSubsampling::Cs420), (256, ChromaSubsampling::Cs420), (256, ChromaSubsampling::Cs444)] {
        let samples = (0..901 * 703 * 3u32).map(|at| (at / 2703 / 3 + at.wrapping_mul(2_654_435_761) / 65_536 % noise) as u8).collect();
        let raster = Raster::from_u8(901, 703, Layout::Rgb, samples).expect("as many samples as there are");
        let made = convert_pixels(Picture::still(raster), &Recipe::default().encode(Encode::to(Format::Png)), &ctx);
        let file = made.expect("a PNG").data;
        for quality in [30, 100] {
            let recipe = Recipe::default().encode(Encode::jpeg().chroma_subsampling(chroma).quality(quality).effort(Effort::Small));
            let plan = probe(&file, &ctx).and_then(|header| plan(&recipe, &header, &ctx)).expect("a plan");
            let (result, peak) = heap::peak(|| convert(&file, &recipe, &ctx).map(|_| ()));
            result.expect("a result");
            let forecast = plan.peak_bytes();
            assert!(
                peak <= forecast + SLACK && forecast < 2 * peak,
                "{noise}, {quality}: {peak} bytes of heap, and a forecast of {forecast}"
            );
            let mut limits = Limits::default();
            limits.max_memory_bytes = forecast - 1;
            let refused = convert(&file, &recipe, &Context::with_limits(limits)).expect_err("too little memory");
            assert_eq!(refused.code(), "limit_exceeded");
        }
    }
}

/// Renditions that are larger than the picture, more than the memory allows at once.
fn many_renditions_cost_what_was_forecast() {
    const SLACK: u64 = 128 << 10;
    let samples = (0..40 * 30 * 3u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let raster = Raster::from_u8(40, 30, Layout::Rgb, samples).expect("as many samples as there are");
    let recipes: Vec<Recipe> = (0..6).map(|n| Recipe::default().resize(Resize::width(600 + n)).encode(Encode::jpeg())).collect();
    for format in [Format::Png, Format::Jpeg] {
        let recipe = Recipe::default().encode(Encode::to(format));
        let file = convert_pixels(Picture::still(raster.clone()), &recipe, &Context::default()).expect("a file").data;
        let header = probe(&file, &Context::default()).expect("a header");
        let together = plan_many(&recipes, &header, &Context::default()).peak_bytes();
        let mut costs = Vec::new();
        for max_memory_bytes in [together, together - 1] {
            let mut limits = Limits::default();
            limits.max_memory_bytes = max_memory_bytes;
            let ctx = Context::with_limits(limits);
            let forecast = plan_many(&recipes, &header, &ctx).peak_bytes();
            let (results, peak) = heap::peak(|| convert_many(&file, &recipes, &ctx));
            for (recipe, result) in recipes.iter().zip(results) {
                let alone = convert(&file, recipe, &ctx).expect("a result");
                assert!(result.expect("a result").data == alone.data);
            }
            assert!(peak <= forecast + SLACK, "{format}: {peak} bytes of heap, more than {forecast}");
            costs.push((forecast, peak));
        }
        assert!(costs[0].0 == together && costs[1].0 < together && costs[1].1 < costs[0].1, "{format}: {costs:?}");
    }
}

fn no_damage_panics_or_costs_more() {
    let count = env::var("IMGCORE_MUTATIONS").ok().map_or(3_000, |count| count.parse().expect("a number of mutations"));
    let files = files();
    assert!(files.len() > 15, "{} files", files.len());
    let mut limits = Limits::default();
    (limits.max_decoded_pixels, limits.max_memory_bytes) = (1 << 20, 64 << 20);
    let ctx = Context::with_limits(limits);
    let mut codes = BTreeMap::<&str, usize>::new();
    let mut scales = [0; 9];
    for seed in 0..count {
        let mut random = Random(seed);
        let damaged = damage(&files[random.below(files.len())], &mut random);
        let recipe = recipe(&mut random);
        let forecast = probe(&damaged, &ctx).and_then(|header| plan(&recipe, &header, &ctx));
        let most = forecast.as_ref().map_or(0, |plan| plan.peak_bytes()) + MIB;
        let (result, peak) = heap::peak(|| convert(&damaged, &recipe, &ctx));
        let code = result.as_ref().map_or_else(imgcore::Error::code, |_| "ok");
        assert_ne!(code, "internal", "seed {seed}: {result:?}");
        assert!(peak <= most, "seed {seed}: {peak} bytes of heap, more than {most}");
        *codes.entry(code).or_default() += 1;
        scales[forecast.map_or(0, |plan| usize::from(plan.decode.eighths))] += 1;
    }
    println!("{codes:?}, by scale {scales:?}");
    assert!(codes["ok"] > count as usize / 10 && scales.iter().all(|tried| *tried > 0), "{codes:?}, by scale {scales:?}");
}
