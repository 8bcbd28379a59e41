//! Laws that hold for every picture and every recipe.

mod common;

use imgcore::geometry::Turn;
use imgcore::{Context, Encode, Kernel, Layout, Picture, Position, Raster, Recipe, Region, Resize, Samples};
use proptest::prelude::*;

use common::{decoded, with_orientation_in_jpeg};

/// A picture with some detail, so that a resize has something to get wrong; far enough from 0 and 255 that no kernel overshoots them,
/// since what is cut off between the two passes depends on their order.
fn picture(width: u32, height: u32, layout: Layout) -> Raster {
    let channels = layout.channels() as u32;
    let sample = |i: u32| {
        let (x, y, c) = (i / channels % width, i / channels / width, i % channels);
        (80 + (x * 7 + y * 3 + c * 30 + (x * y / 16) % 50) % 96) as u8
    };
    let samples = (0..width * height * channels).map(sample).collect();
    Raster::from_u8(width, height, layout, samples).expect("the right number of samples")
}

fn png(raster: Raster) -> Vec<u8> {
    let recipe = Recipe::default().encode(Encode::png());
    imgcore::convert_pixels(Picture::still(raster), &recipe, &Context::default()).expect("a plain PNG").data
}

/// The PNG with an EXIF block that says this orientation, straight after its IHDR.
fn with_orientation(png: &[u8], orientation: u8) -> Vec<u8> {
    let block = [b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[orientation, 0, 0, 0, 0, 0, 0, 0]].concat();
    let chunk = [b"eXIf".as_slice(), &block].concat();
    let crc = !chunk.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 })
    });
    [&png[..33], &(block.len() as u32).to_be_bytes(), &chunk, &crc.to_be_bytes(), &png[33..]].concat()
}

fn jpeg(raster: Raster, progressive: bool) -> Vec<u8> {
    let mut encode = Encode::jpeg().quality(95);
    (encode.progressive, encode.chroma_subsampling) = (progressive, imgcore::ChromaSubsampling::Cs444);
    imgcore::convert_pixels(Picture::still(raster), &Recipe::default().encode(encode), &Context::default()).expect("a plain JPEG").data
}

/// The raster as a file would have to store it to look like this raster under that orientation.
fn stored(raster: &Raster, orientation: u8) -> Raster {
    let turn = Turn::from_exif(u16::from(orientation)).inverse();
    let (size, channels) = (turn.size(raster.size()), raster.layout.channels());
    let mut samples = vec![0; raster.samples.len()];
    for y in 0..raster.height {
        for x in 0..raster.width {
            let to = turn.region(Region { left: x, top: y, width: 1, height: 1 }, raster.size());
            let (from, to) = ((y * raster.width + x) as usize * channels, (to.top * size.width + to.left) as usize * channels);
            samples[to..to + channels].copy_from_slice(&raster.bytes()[from..from + channels]);
        }
    }
    Raster::from_u8(size.width, size.height, raster.layout, samples).expect("as many samples as before")
}

fn any_layout() -> impl Strategy<Value = Layout> {
    prop_oneof![Just(Layout::Gray), Just(Layout::GrayAlpha), Just(Layout::Rgb), Just(Layout::Rgba)]
}

fn any_kernel() -> impl Strategy<Value = Kernel> {
    use Kernel::{Box, Cubic, Hamming, Lanczos2, Lanczos3, Linear, Mitchell, Nearest};
    proptest::sample::select(vec![Nearest, Box, Linear, Hamming, Cubic, Mitchell, Lanczos2, Lanczos3])
}

fn any_position() -> impl Strategy<Value = Position> {
    use Position::{Center, East, North, Northeast, Northwest, South, Southeast, Southwest, West};
    proptest::sample::select(vec![Center, North, Northeast, East, Southeast, South, Southwest, West, Northwest])
}

fn any_resize() -> impl Strategy<Value = Resize> {
    let fit = proptest::sample::select(vec![
        Resize::cover as fn(u32, u32) -> Resize,
        Resize::contain,
        Resize::fill,
        Resize::inside,
        Resize::outside,
    ]);
    (fit, 1..90_u32, 1..90_u32, any_kernel(), any_position(), any::<bool>(), any::<bool>()).prop_map(
        |(fit, w, h, kernel, position, larger, smaller)| {
            let mut resize = fit(w, h).kernel(kernel).position(position);
            (resize.without_enlargement, resize.without_reduction) = (larger, smaller);
            resize
        },
    )
}

/// Recipes of all kinds, some of which no picture can satisfy.
fn any_recipe() -> impl Strategy<Value = Recipe> {
    let region = (0..60_u32, 0..60_u32, 0..60_u32, 0..60_u32).prop_map(|(left, top, width, height)| Region { left, top, width, height });
    let encode = proptest::sample::select(vec![
        None,
        Some(Encode::jpeg()),
        Some(Encode::jpeg().progressive().quality(40)),
        Some(Encode::png()),
        Some(Encode::webp()),
        Some(Encode::webp().lossless()),
        Some(Encode::gif()),
    ]);
    let option = proptest::option::of::<BoxedStrategy<Region>>;
    (option(region.clone().boxed()), proptest::option::of(any_resize()), option(region.boxed()), encode, any::<bool>()).prop_map(
        |(extract, resize, crop, encode, partial)| {
            let mut recipe = Recipe::default();
            (recipe.extract, recipe.resize, recipe.crop, recipe.encode) = (extract, resize, crop, encode);
            if partial {
                recipe.on_truncated = imgcore::OnTruncated::Partial;
            }
            recipe
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// The law of many: what stands beside a recipe changes nothing.
    #[test]
    fn many_give_what_each_gives(
        (width, height, layout) in (1..70_u32, 1..70_u32, any_layout()),
        cut in 0..4_usize,
        recipes in proptest::collection::vec(any_recipe(), 0..6),
    ) {
        let file = png(picture(width, height, layout));
        let file = &file[..file.len() - [0, 0, 0, 30][cut]];
        let ctx = Context::default();
        let many = imgcore::convert_many(file, &recipes, &ctx);
        prop_assert_eq!(many.len(), recipes.len());
        for (recipe, result) in recipes.iter().zip(many) {
            match (imgcore::convert(file, recipe, &ctx), result) {
                (Ok(one), Ok(other)) => prop_assert_eq!(one, other),
                (Err(one), Err(other)) => prop_assert_eq!(one.code(), other.code()),
                (one, other) => prop_assert!(false, "{:?} alone, {:?} among many", one.is_ok(), other.is_ok()),
            }
        }
    }

    /// The law of many where one pass over a JPEG gives several scales; with a byte of it changed too.
    #[test]
    fn many_give_what_each_gives_at_every_scale(
        (width, height, layout) in (1..300_u32, 1..300_u32, proptest::sample::select(vec![Layout::Gray, Layout::Rgb])),
        progressive in any::<bool>(),
        wound in proptest::option::of((0..1000_usize, any::<u8>())),
        recipes in proptest::collection::vec(any_recipe(), 2..6),
    ) {
        let mut file = jpeg(picture(width, height, layout), progressive);
        if let Some((at, byte)) = wound {
            // In the scans, mostly.
            let at = file.len() / 3 + at * (file.len() - file.len() / 3) / 1000;
            file[at] = byte;
        }
        let ctx = Context::default();
        for (recipe, result) in recipes.iter().zip(imgcore::convert_many(&file, &recipes, &ctx)) {
            match (imgcore::convert(&file, recipe, &ctx), result) {
                (Ok(one), Ok(other)) => prop_assert_eq!(one, other),
                (Err(one), Err(other)) => prop_assert_eq!(one.code(), other.code()),
                (one, other) => prop_assert!(false, "{:?} alone, {:?} among many", one.is_ok(), other.is_ok()),
            }
        }
    }

    /// A picture decoded at N/8 lies where the whole one does, whichever way it is stored, and nearly looks like it.
    #[test]
    fn a_small_decode_means_the_upright_picture(
        (width, height) in (90..300_u32, 90..300_u32),
        orientation in 1..=8_u8,
        (left, top) in (0..30_u32, 0..30_u32),
        // At most 34 of the 60 pixels that a crop has at least: two thirds of what 7/8 of them are.
        (w, h) in (4..35_u32, 4..35_u32),
    ) {
        let smooth = |x: u32, y: u32| [60 + x * 120 / width, 180 - y * 120 / height, 60 + (x + y) * 120 / (width + height)].map(|v| v as u8);
        let samples = (0..height).flat_map(|y| (0..width).flat_map(move |x| smooth(x, y))).collect();
        let upright = Raster::from_u8(width, height, Layout::Rgb, samples).expect("the right number of samples");
        let file = with_orientation_in_jpeg(&jpeg(stored(&upright, orientation), false), orientation);
        let mut recipe = Recipe::default().resize(Resize::cover(w, h)).encode(Encode::png());
        recipe.extract = Some(Region { left, top, width: width - left, height: height - top - 1 });
        let ctx = Context::default();
        let small = imgcore::convert(&file, &recipe, &ctx).expect("a crop inside the picture");
        prop_assert!(small.report.plan.decode.eighths < 8, "{:?}", small.report.plan.decode);
        let whole = imgcore::convert_pixels(Picture::still(upright), &recipe, &ctx).expect("a crop inside the picture");
        let (small, whole) = (decoded(&small.data), decoded(&whole.data));
        prop_assert_eq!(small.size(), whole.size());
        // A shift by one pixel of the source would be half a level or more, and quantization costs two.
        let differences = || small.bytes().iter().zip(whole.bytes()).map(|(a, b)| i32::from(*a) - i32::from(*b));
        prop_assert!(differences().all(|d| d.abs() <= 4), "{:?}", differences().map(i32::abs).max());
        let mean = f64::from(differences().sum::<i32>()) / small.bytes().len() as f64;
        prop_assert!(mean.abs() < 0.6, "{}", mean);
    }

    /// The law of orientation: a crop of the upright picture is the same pixels, however the file stores them.
    #[test]
    fn a_crop_means_the_upright_picture(
        (width, height, layout) in (4..70_u32, 4..70_u32, any_layout()),
        orientation in 1..=8_u8,
        (left, top) in (0..3_u32, 0..3_u32),
    ) {
        let upright = picture(width, height, layout);
        let file = with_orientation(&png(stored(&upright, orientation)), orientation);
        let recipe = Recipe::default().extract(Region { left, top, width: width - left, height: height - top - 1 }).encode(Encode::png());
        let ctx = Context::default();
        let turned = imgcore::convert(&file, &recipe, &ctx).expect("a crop inside the picture");
        let straight = imgcore::convert_pixels(Picture::still(upright), &recipe, &ctx).expect("a crop inside the picture");
        prop_assert_eq!(turned.report.header.orientation, orientation);
        prop_assert_eq!(turned.data, straight.data);
    }

    /// The same for a resize, nearly: its two passes run in the other order when rows are columns.
    #[test]
    fn a_resize_means_the_upright_picture(
        (width, height) in (4..70_u32, 4..70_u32),
        orientation in 1..=8_u8,
        resize in any_resize(),
    ) {
        let upright = picture(width, height, Layout::Rgb);
        let file = with_orientation(&png(stored(&upright, orientation)), orientation);
        let has_ties = matches!(resize.kernel, Kernel::Nearest | Kernel::Box);
        let recipe = Recipe::default().resize(resize).encode(Encode::png());
        let ctx = Context::default();
        let turned = imgcore::convert(&file, &recipe, &ctx).expect("a plain resize");
        let straight = imgcore::convert_pixels(Picture::still(upright), &recipe, &ctx).expect("a plain resize");
        let (turned, straight) = (decoded(&turned.data), decoded(&straight.data));
        prop_assert_eq!(turned.size(), straight.size());
        // Which of two equally near samples is taken depends on the side one comes from.
        if !has_ties {
            let worst = turned.bytes().iter().zip(straight.bytes()).map(|(a, b)| a.abs_diff(*b)).max();
            prop_assert!(worst <= Some(2), "{:?}", worst);
        }
    }

    /// `inside` never exceeds its box, and touches it on one side.
    #[test]
    fn inside_never_exceeds_its_box((width, height) in (1..20_000_u32, 1..20_000_u32), (w, h) in (1..4_000_u32, 1..4_000_u32)) {
        let mut header = imgcore::probe(&png(picture(1, 1, Layout::Gray)), &Context::default()).expect("a PNG");
        (header.stored_width, header.stored_height, header.width, header.height) = (width, height, width, height);
        let ctx = Context::with_limits({
            let mut limits = imgcore::Limits::default();
            (limits.max_input_pixels, limits.max_decoded_pixels, limits.max_memory_bytes, limits.max_work) = (u64::MAX, u64::MAX, u64::MAX, u64::MAX);
            limits
        });
        let plan = imgcore::plan(&Recipe::default().resize(Resize::inside(w, h)), &header, &ctx).expect("no limit is near");
        prop_assert!(plan.width <= w && plan.height <= h, "{}x{}", plan.width, plan.height);
        prop_assert!(plan.width == w || plan.height == h, "{}x{}", plan.width, plan.height);
        let outside = imgcore::plan(&Recipe::default().resize(Resize::outside(w, h)), &header, &ctx);
        if let Ok(outside) = outside {
            prop_assert!(outside.width >= w && outside.height >= h);
        }
    }

    /// Any text is a recipe or an error, and canonical text is a fixed point.
    #[test]
    fn any_text_is_a_recipe_or_an_error(text in "\\PC{0,60}", recipe in any_recipe()) {
        let _ = Recipe::from_json(&text);
        let canonical = recipe.to_json();
        if let Ok(read) = Recipe::from_json(&canonical) {
            prop_assert_eq!(read.to_json(), canonical);
        }
    }
}

#[test]
fn deep_samples_round_to_the_nearest() {
    for value in 0..=u16::MAX {
        let exact = f64::from(value) * 255.0 / 65_535.0;
        let rounded = imgcore::pixels::to_8_bits(value);
        assert!((f64::from(rounded) - exact).abs() <= 0.5, "{value}");
    }
    let samples = Samples::U16(vec![0, 65_535, 32_768]);
    assert_eq!(samples.into_u8(), [0, 255, 128]);
}
