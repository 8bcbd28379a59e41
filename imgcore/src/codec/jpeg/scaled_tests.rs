//! Decoding at N/8 against the definition: the same coefficients, and all else in floating point.

use jpeg_encoder::{ColorType, Encoder, SamplingFactor};

use super::decode::{all_of, decode};
use super::encode::tests::{picture, plans, written};
use super::frame::{Component, Frame};
use super::segments::{DQT, SOS};
use crate::decode::{Collect, DecodePlan, Want};
use crate::limits::Context;
use crate::pixels::{Layout, Raster};
use crate::plan::EncodePlan;

const SAMPLINGS: [SamplingFactor; 12] = [
    SamplingFactor::F_1_1,
    SamplingFactor::F_2_1,
    SamplingFactor::F_1_2,
    SamplingFactor::F_2_2,
    SamplingFactor::F_4_1,
    SamplingFactor::F_4_2,
    SamplingFactor::F_1_4,
    SamplingFactor::F_2_4,
    SamplingFactor::R_4_2_0,
    SamplingFactor::R_4_4_0,
    SamplingFactor::R_4_1_1,
    SamplingFactor::R_4_1_0,
];

/// Progressive, with scans that refine; written by libjpeg-turbo.
pub(super) const REFINED: &[u8] = include_bytes!("refined.jpg");

fn at_eighths(eighths: u8, file: &[u8]) -> Raster {
    let mut sink = Collect::new(false);
    let plan = DecodePlan { eighths, chroma_eighths: None, deep: false, frames: 0..1, partial: false };
    decode(file, &mut [Want { plan, sink: &mut sink }], &Context::default()).expect("a whole file");
    sink.finish().remove(0).0
}

/// A file of three components that says they are red, green and blue, so that a decoder gives its planes as they are.
fn planes_file(size: (u16, u16), sampling: SamplingFactor, progressive: bool, restart: u16) -> Vec<u8> {
    let mut state = 9u32;
    let samples: Vec<u8> = (0..u32::from(size.0) * u32::from(size.1))
        .flat_map(|at| {
            let (x, y) = (at % u32::from(size.0), at / u32::from(size.0));
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let edge = if (x + 2 * y) / 11 % 2 == 0 { 70 } else { 180 };
            [edge + (state >> 27), 60 + (x * 5 + y * 3) % 130, edge ^ 0x50].map(|v| v as u8)
        })
        .collect();
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 88);
    encoder.set_sampling_factor(sampling);
    encoder.set_progressive(progressive);
    if restart > 0 {
        encoder.set_restart_interval(restart);
    }
    encoder.encode(&samples, size.0, size.1, ColorType::Ycbcr).expect("a file");
    as_planes(&file)
}

/// The file without its JFIF header, and with one of Adobe's that speaks of RGB.
fn as_planes(file: &[u8]) -> Vec<u8> {
    assert_eq!(file[2..4], [0xFF, 0xE0], "JFIF comes first");
    let length = usize::from(u16::from_be_bytes([file[4], file[5]]));
    [b"\xFF\xD8\xFF\xEE\x00\x0EAdobe\x00\x64\x00\x00\x00\x00\x00", &file[4 + length..]].concat()
}

/// The samples of a component at the size that its blocks have at N/8, and that size.
fn plane(file: &[u8], at: usize, points: (usize, usize)) -> (Vec<f64>, usize) {
    let (frame, picture, tables) = all_of(file).expect("a whole file");
    let component = &frame.components[at];
    let stride = component.blocks_across * points.0;
    let mut samples = vec![0.0; stride * component.blocks_down * points.1];
    for (y, x) in (0..component.blocks_down).flat_map(|y| (0..component.blocks_across).map(move |x| (y, x))) {
        let block = picture.block(at, x, y);
        let table = tables[at].expect("a table");
        let coefficients = std::array::from_fn(|k| f64::from(block[k]) * f64::from(table[k]));
        for (k, value) in super::shrink::tests::reference(&coefficients, points).into_iter().enumerate() {
            samples[(y * points.1 + k / points.0) * stride + x * points.0 + k % points.0] = value;
        }
    }
    (samples, stride)
}

/// How many samples a block has, told again: as many as make the plane as large as the picture, where its factor divides the largest.
fn points(frame: &Frame, component: &Component, eighths: usize) -> (usize, usize) {
    if eighths == 8 || frame.progressive && eighths == 1 {
        return (eighths, eighths);
    }
    let side = |factor: usize, max: usize| if max.is_multiple_of(factor) { eighths * max / factor } else { eighths };
    (side(component.h, frame.h_max), side(component.v, frame.v_max))
}

/// Compares every sample of every plane; gives the largest difference.
fn worst(file: &[u8], eighths: u8) -> f64 {
    let raster = at_eighths(eighths, file);
    let (frame, ..) = all_of(file).expect("a whole file");
    let channels = raster.layout.channels();
    assert_eq!(raster.width, (frame.size.width * u32::from(eighths)).div_ceil(8));
    assert_eq!(raster.height, (frame.size.height * u32::from(eighths)).div_ceil(8));
    let mut worst = 0f64;
    for (at, component) in frame.components.iter().enumerate() {
        let points = points(&frame, component, eighths.into());
        let (samples, stride) = plane(file, at, points);
        let is_small = (points.0 * component.h, points.1 * component.v) != (eighths as usize * frame.h_max, eighths as usize * frame.v_max);
        if is_small {
            continue;
        }
        for (k, pixel) in raster.bytes().chunks_exact(channels).enumerate() {
            let (x, y) = (k % raster.width as usize, k / raster.width as usize);
            worst = worst.max((f64::from(pixel[at]) - samples[y * stride + x]).abs());
        }
    }
    worst
}

#[test]
fn samples_are_within_a_level_of_the_truncated_transform() {
    for (width, height) in [(1, 1), (7, 9), (33, 17), (61, 47)] {
        for sampling in SAMPLINGS {
            for (progressive, restart) in [(false, 0), (true, 0), (false, 3)] {
                let file = planes_file((width, height), sampling, progressive, restart);
                for eighths in 1..8 {
                    let worst = worst(&file, eighths);
                    assert!(worst < 1.0, "{width}x{height} {sampling:?} progressive {progressive} at {eighths}/8: {worst}");
                }
            }
        }
    }
}

#[test]
fn grey_pictures_too() {
    for (width, height) in [(1, 1), (9, 7), (61, 47)] {
        let samples: Vec<u8> = (0..usize::from(width) * usize::from(height)).map(|at| (40 + at * 7 % 180) as u8).collect();
        for progressive in [false, true] {
            let mut file = Vec::new();
            let mut encoder = Encoder::new(&mut file, 90);
            encoder.set_progressive(progressive);
            encoder.encode(&samples, width, height, ColorType::Luma).expect("a file");
            for eighths in 1..8 {
                let worst = worst(&file, eighths);
                assert!(worst < 1.0, "{width}x{height} progressive {progressive} at {eighths}/8: {worst}");
            }
        }
    }
}

/// The file with steps of 16 bits in its quantization tables, made from those of 8 bits.
fn with_wide_steps(file: &[u8], step: impl Fn(u8) -> u16) -> Vec<u8> {
    let mut wide = file[..2].to_vec();
    let mut at = 2;
    // The tables come before all entropy-coded data.
    while file[at + 1] != SOS {
        let end = at + 2 + usize::from(u16::from_be_bytes([file[at + 2], file[at + 3]]));
        if file[at + 1] == DQT {
            let tables = file[at + 4..end].chunks_exact(65);
            let body: Vec<u8> = tables
                .flat_map(|table| [0x10 | table[0]].into_iter().chain(table[1..].iter().flat_map(|s| step(*s).to_be_bytes())))
                .collect();
            wide.extend([&[0xFF, DQT][..], &(body.len() as u16 + 2).to_be_bytes(), &body].concat());
        } else {
            wide.extend(&file[at..end]);
        }
        at = end;
    }
    wide.extend(&file[at..]);
    wide
}

/// Coarse files of every kind, baseline among them.
fn coarse_files() -> Vec<(String, Vec<u8>)> {
    let files = |layout| {
        let picture = picture(61, 47, layout);
        plans(layout).into_iter().map(move |(name, plan)| (name, written(&picture, &EncodePlan { quality: 10, ..plan })))
    };
    files(Layout::Rgb).map(|(name, file)| (name, as_planes(&file))).chain(files(Layout::Gray)).collect()
}

#[test]
fn steps_of_16_bits_are_as_good_as_those_of_8() {
    for (name, file) in coarse_files() {
        let wide = with_wide_steps(&file, u16::from);
        assert!(wide.len() >= file.len() + 64, "{name}");
        for eighths in 1..=8 {
            assert!(at_eighths(eighths, &wide) == at_eighths(eighths, &file), "{name} at {eighths}/8");
        }
    }
}

#[test]
fn steps_above_255_are_within_a_level_of_the_truncated_transform() {
    for (name, file) in coarse_files() {
        let wide = with_wide_steps(&file, |step| u16::from(step) * 2);
        let (_, _, tables) = all_of(&wide).expect("a whole file");
        assert!(tables.iter().flatten().flatten().any(|step| *step > 255), "{name}");
        for eighths in 1..=8 {
            let worst = worst(&wide, eighths);
            assert!(worst < 1.0, "{name} at {eighths}/8: {worst}");
        }
    }
}

/// Scans that refine are followed also where most of what they refine is not kept.
#[test]
fn refined_pictures_too() {
    let file = as_planes(REFINED);
    for eighths in 1..8 {
        let worst = worst(&file, eighths);
        assert!(worst < 1.0, "at {eighths}/8: {worst}");
    }
}

/// A plane of one sample a block is made as large as luma smoothly.
#[test]
fn levels_alone_are_enlarged_by_a_triangle() {
    let file = planes_file((61, 47), SamplingFactor::F_2_1, true, 0);
    let raster = at_eighths(1, &file);
    let (samples, stride) = plane(&file, 1, (1, 1));
    for (k, pixel) in raster.bytes().chunks_exact(3).enumerate() {
        let (x, y) = (k % raster.width as usize, k / raster.width as usize);
        let at = |x: usize| samples[y * stride + x.min(raster.width.div_ceil(2) as usize - 1)];
        let far = if x % 2 == 0 { (x / 2).saturating_sub(1) } else { x / 2 + 1 };
        let expected = at(x / 2) * 0.75 + at(far) * 0.25;
        assert!((f64::from(pixel[1]) - expected).abs() < 1.5, "{x}, {y}: {} for {expected}", pixel[1]);
    }
}

/// Inks at N/8 are those of the whole picture, made smaller.
#[test]
fn inks_keep_their_colors() {
    for color in [ColorType::Cmyk, ColorType::CmykAsYcck] {
        let samples: Vec<u8> = (0..64 * 64).flat_map(|at| if at % 64 < 32 { [200, 10, 30, 20] } else { [20, 180, 90, 60] }).collect();
        let mut file = Vec::new();
        Encoder::new(&mut file, 95).encode(&samples, 64, 64, color).expect("a file");
        let full = at_eighths(8, &file);
        for eighths in 1..8u8 {
            let small = at_eighths(eighths, &file);
            for (x, y) in [(8, 8), (56, 8), (8, 56), (56, 56)] {
                let at = |raster: &Raster, x: usize, y: usize| {
                    let start = (y * raster.width as usize + x) * 3;
                    <[u8; 3]>::try_from(&raster.bytes()[start..start + 3]).expect("a pixel")
                };
                let n = usize::from(eighths);
                let (a, b) = (at(&full, x, y), at(&small, x * n / 8, y * n / 8));
                let worst = a.iter().zip(b).map(|(a, b)| a.abs_diff(b)).max();
                assert!(worst <= Some(3), "{color:?} at {eighths}/8, {x}, {y}: {b:?} for {a:?}");
            }
        }
    }
}

#[test]
fn one_pass_gives_several_scales() {
    for progressive in [false, true] {
        let file = planes_file((61, 47), SamplingFactor::F_2_2, progressive, 0);
        let plan = |eighths| DecodePlan { eighths, chroma_eighths: None, deep: false, frames: 0..1, partial: false };
        let mut sinks: Vec<Collect> = (1..=8).map(|_| Collect::new(false)).collect();
        let mut wants: Vec<Want<'_>> = (1..).zip(&mut sinks).map(|(n, sink)| Want { plan: plan(n), sink }).collect();
        decode(&file, &mut wants, &Context::default()).expect("a whole file");
        for (eighths, sink) in (1..).zip(sinks) {
            assert!(sink.finish().remove(0).0 == at_eighths(eighths, &file), "progressive {progressive} at {eighths}/8");
        }
    }
}
