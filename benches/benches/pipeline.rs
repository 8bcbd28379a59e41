//! What a picture costs, stage by stage and whole: see README.md for how to read it.

use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use benches::{HEIGHT, WIDTH, photo, pixels};
use criterion::measurement::WallTime;
use criterion::{BatchSize, BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use imgcore::{Context, Effort, Encode, Picture, Recipe, Resize, convert, convert_many, convert_pixels, decode, probe};

fn source() -> Vec<u8> {
    photo(Path::new(env!("CARGO_TARGET_TMPDIR"))).expect("the picture is within the limits")
}

/// A group whose throughput is in pixels of this many a run.
fn group<'a>(c: &'a mut Criterion, name: &str, width: u32, height: u32) -> BenchmarkGroup<'a, WallTime> {
    let mut group = c.benchmark_group(name);
    group.throughput(Throughput::Elements(u64::from(width) * u64::from(height)));
    group
}

fn probing(c: &mut Criterion) {
    let (jpeg, ctx) = (source(), Context::default());
    let mut group = c.benchmark_group("probe");
    group.bench_function("jpeg", |b| b.iter(|| probe(black_box(&jpeg), &ctx).expect("a header")));
    for (name, encode) in [("png", Encode::png()), ("webp", Encode::webp().lossless()), ("gif", Encode::gif())] {
        let small = convert(&jpeg, &Recipe::default().resize(Resize::width(400)).encode(encode), &ctx).expect("a small picture").data;
        group.bench_function(name, |b| b.iter(|| probe(black_box(&small), &ctx).expect("a header")));
    }
    group.finish();
}

fn decoding(c: &mut Criterion) {
    let (jpeg, ctx) = (source(), Context::default());
    let mut large = group(c, "decode 12 MP", WIDTH, HEIGHT);
    large.bench_function("jpeg", |b| b.iter(|| decode(black_box(&jpeg), &Recipe::default(), &ctx).expect("pixels")));
    large.finish();

    let (width, height) = (1_600, 1_200);
    let mut medium = group(c, "decode 2 MP", width, height);
    let encodes = [
        ("jpeg", Encode::jpeg()),
        ("jpeg progressive", Encode::jpeg().progressive()),
        ("png", Encode::png()),
        ("webp lossless", Encode::webp().lossless()),
        ("gif", Encode::gif()),
    ];
    for (name, encode) in encodes {
        let file = convert_pixels(pixels(width, height).expect("pixels"), &Recipe::default().encode(encode), &ctx).expect("a file").data;
        medium.bench_function(name, |b| b.iter(|| decode(black_box(&file), &Recipe::default(), &ctx).expect("pixels")));
    }
    medium.finish();
}

/// From pixels at hand to a small JPEG, whose own encoding hardly counts.
fn resizing(c: &mut Criterion) {
    let (picture, ctx) = (pixels(WIDTH, HEIGHT).expect("pixels"), Context::default());
    let mut group = group(c, "resize 12 MP", WIDTH, HEIGHT);
    for (name, resize) in
        [("cover 200", Resize::cover(200, 200)), ("inside 800", Resize::inside(800, 800)), ("inside 1600", Resize::inside(1_600, 1_600))]
    {
        bench_pixels(&mut group, name, &picture, &Recipe::default().resize(resize).encode(Encode::jpeg().effort(Effort::Fast)), &ctx);
    }
    group.finish();
}

fn encoding(c: &mut Criterion) {
    let (width, height) = (1_600, 1_200);
    let (picture, ctx) = (pixels(width, height).expect("pixels"), Context::default());
    let mut group = group(c, "encode 2 MP", width, height);
    for (name, encode) in [
        ("jpeg fast", Encode::jpeg().effort(Effort::Fast)),
        ("jpeg", Encode::jpeg()),
        ("jpeg progressive", Encode::jpeg().progressive()),
        ("png fast", Encode::png().effort(Effort::Fast)),
        ("png", Encode::png()),
        ("webp lossless", Encode::webp().lossless()),
        ("gif", Encode::gif()),
    ] {
        bench_pixels(&mut group, name, &picture, &Recipe::default().encode(encode), &ctx);
    }
    group.finish();
}

fn converting(c: &mut Criterion) {
    let (jpeg, ctx) = (source(), Context::default());
    let recipe = |resize: Resize| Recipe::default().resize(resize.without_enlargement()).encode(Encode::jpeg());
    let recipes = [recipe(Resize::cover(200, 200)), recipe(Resize::inside(800, 800)), recipe(Resize::inside(1_600, 1_600))];
    let mut group = group(c, "convert 12 MP", WIDTH, HEIGHT);
    group.bench_function("cover 200", |b| b.iter(|| convert(black_box(&jpeg), &recipes[0], &ctx).expect("a picture")));
    group.bench_function("inside 800", |b| b.iter(|| convert(black_box(&jpeg), &recipes[1], &ctx).expect("a picture")));
    group.bench_function("three at once", |b| {
        b.iter(|| convert_many(black_box(&jpeg), &recipes, &ctx).into_iter().collect::<Result<Vec<_>, _>>().expect("three pictures"));
    });
    group.bench_function("three, one by one", |b| {
        b.iter(|| recipes.each_ref().map(|recipe| convert(black_box(&jpeg), recipe, &ctx).expect("a picture")))
    });
    group.finish();
}

/// The copy of the pixels that a call takes is made outside the measurement.
fn bench_pixels(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, picture: &Picture, recipe: &Recipe, ctx: &Context) {
    // An effort or a coding that is not there yet is left out rather than measured as an error.
    if convert_pixels(picture.clone(), recipe, ctx).is_err() {
        return;
    }
    group.bench_function(name, |b| {
        b.iter_batched(|| picture.clone(), |picture| convert_pixels(picture, recipe, ctx).expect("a file"), BatchSize::PerIteration);
    });
}

criterion_group! {
    name = stages;
    config = Criterion::default().sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2)).without_plots();
    targets = probing, decoding, resizing, encoding, converting
}
criterion_main!(stages);
