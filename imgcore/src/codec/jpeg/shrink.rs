//! From coefficients to fewer or more samples than 8 by 8: the block's waves, looked at in the middle of each sample.
//!
//! With M points a side the waves below M are used: a true low-pass, where libjpeg's reduced transforms come near a box. The transform
//! is the M-point inverse DCT scaled by M/8, in 13-bit fixed point. Sums wrap: only damaged files come near.

#![expect(clippy::needless_range_loop, reason = "the formulas speak of numbers of waves and points")]

use fearless_simd::prelude::*;
use fearless_simd::{Level, i32x8};

use super::batch::{Batch, LANES, leveled, put_row, samples};
use super::idct::rounded;

/// Bits of fraction in the waves, and in what the first pass leaves.
const WAVE_BITS: u32 = 13;
const PASS_BITS: u32 = 2;

/// Pi and the root of 2, with 30 bits of fraction.
const PI: i64 = 3_373_259_426;
const ROOT_2: i64 = 1_518_500_250;

/// The cosine of `num / den` times pi, with 30 bits of fraction: Taylor's series, near 0.
const fn cosine(num: i64, den: i64) -> i64 {
    let turn = num % (2 * den);
    let half = if turn > den { 2 * den - turn } else { turn };
    let (angle, sign) = if 2 * half > den { (den - half, -1) } else { (half, 1) };
    let x = PI * angle / den;
    let square = (x * x) >> 30;
    let (mut sum, mut term, mut k) = (0, 1 << 30, 1);
    while k < 16 {
        sum += term;
        term = -((term * square) >> 30) / (k * (k + 1));
        k += 2;
    }
    sign * sum
}

/// The wave `u` at point `j` of `points`: the root of 2 times its cosine; 1 for the level.
const fn wave(u: usize, j: usize, points: usize) -> i32 {
    if u == 0 {
        return 1 << WAVE_BITS;
    }
    let value = (cosine(((2 * j + 1) * u) as i64, 2 * points as i64) * ROOT_2) >> 30;
    ((value + (1 << (29 - WAVE_BITS))) >> (30 - WAVE_BITS)) as i32
}

/// The most points that a side of a block has: four times 7.
const MOST: usize = 28;

/// What the passes work on. What is left of the blocks before is not looked at.
pub(super) struct Scratch {
    /// For the points down and across: by point, the waves there.
    waves: [Vec<[i32; 8]>; 2],
    /// What the first pass leaves: rows of coefficients across.
    between: [[[i32; LANES]; 8]; MOST],
    row: [[u8; LANES]; MOST],
}

impl Scratch {
    /// For blocks of so many points, across and down.
    pub(super) fn new((across, down): (usize, usize)) -> Scratch {
        let waves = |points: usize| (0..points).map(|j| std::array::from_fn(|u| wave(u, j, points))).collect();
        Scratch { waves: [waves(down), waves(across)], between: [[[0; LANES]; 8]; MOST], row: [[0; LANES]; MOST] }
    }
}

/// Writes the samples of all blocks to rows of `stride` samples. The table is in reading order.
pub(super) fn inverse(level: Level, batch: &Batch, table: &[u16; 64], scratch: &mut Scratch, out: &mut [u8], stride: usize) {
    let [down, across] = scratch.waves.each_ref().map(Vec::len);
    if (across, down) == (1, 1) {
        return dispatch!(level, simd => levels(simd, batch, table, out));
    }
    dispatch!(level, simd => passes(simd, batch, table, scratch, out, stride));
}

/// Both passes, made for as many waves as there are.
#[inline(always)]
fn passes<S: Simd>(simd: S, batch: &Batch, table: &[u16; 64], scratch: &mut Scratch, out: &mut [u8], stride: usize) {
    macro_rules! with {
        ($waves:expr, $pass:ident($($arg:expr),*)) => {
            match $waves {
                1 => $pass::<_, 1>($($arg),*),
                2 => $pass::<_, 2>($($arg),*),
                3 => $pass::<_, 3>($($arg),*),
                4 => $pass::<_, 4>($($arg),*),
                5 => $pass::<_, 5>($($arg),*),
                6 => $pass::<_, 6>($($arg),*),
                7 => $pass::<_, 7>($($arg),*),
                _ => $pass::<_, 8>($($arg),*),
            }
        };
    }
    let [k_down, k_across] = scratch.waves.each_ref().map(|waves| batch.waves().min(waves.len()));
    with!(k_down, down_pass(simd, batch, table, k_across, scratch));
    with!(k_across, across_pass(simd, scratch, out, stride));
}

/// What the even and the odd ones of the first `K` waves add up to at a point, times 2 to the power of 13.
///
/// At the point as far from the other end even waves are the same, and odd ones opposite.
#[inline(always)]
fn sums<S: Simd, const K: usize>(simd: S, v: &[i32x8<S>; K], waves: &[i32; 8]) -> (i32x8<S>, i32x8<S>) {
    let (mut even, mut odd) = (v[0] << WAVE_BITS, i32x8::splat(simd, 0));
    for u in 1..K {
        if u % 2 == 0 {
            even += v[u] * waves[u];
        } else {
            odd += v[u] * waves[u];
        }
    }
    (even, odd)
}

/// What both passes come to where a block is one sample.
#[inline(always)]
fn levels<S: Simd>(simd: S, batch: &Batch, table: &[u16; 64], out: &mut [u8]) {
    let [low, high] = batch.dequantized(simd, 0, table);
    let level = leveled(rounded(low, 3), rounded(high, 3));
    samples(level, level).0.store_slice(&mut out[..LANES]);
}

#[inline(always)]
fn down_pass<S: Simd, const K: usize>(simd: S, batch: &Batch, table: &[u16; 64], k_across: usize, scratch: &mut Scratch) {
    let Scratch { waves: [waves, _], between, .. } = scratch;
    let zero = i32x8::splat(simd, 0);
    for u in 0..k_across {
        let (mut low, mut high) = ([zero; K], [zero; K]);
        for v in 0..K {
            [low[v], high[v]] = batch.dequantized(simd, 8 * v + u, table);
        }
        let pairs = waves.len() / 2;
        for (half, v) in [&low, &high].into_iter().enumerate() {
            for (j, at) in waves[..pairs].iter().enumerate() {
                let (even, odd) = sums(simd, v, at);
                for (row, sum) in [(j, even + odd), (waves.len() - 1 - j, even - odd)] {
                    rounded(sum, WAVE_BITS - PASS_BITS).store_slice(&mut between[row][u][half * 8..][..8]);
                }
            }
            // In the middle odd waves are 0.
            if waves.len() % 2 == 1 {
                let (even, _) = sums(simd, v, &waves[pairs]);
                rounded(even, WAVE_BITS - PASS_BITS).store_slice(&mut between[pairs][u][half * 8..][..8]);
            }
        }
    }
}

#[inline(always)]
fn across_pass<S: Simd, const K: usize>(simd: S, scratch: &mut Scratch, out: &mut [u8], stride: usize) {
    let Scratch { waves: [down, waves], between, row } = scratch;
    let zero = i32x8::splat(simd, 0);
    let points = waves.len();
    for (y, between) in between.iter().take(down.len()).enumerate() {
        let (mut low, mut high) = ([zero; K], [zero; K]);
        for u in 0..K {
            low[u] = i32x8::from_slice(simd, &between[u][..8]);
            high[u] = i32x8::from_slice(simd, &between[u][8..]);
        }
        let (pairs, bits) = (points / 2, WAVE_BITS + PASS_BITS + 3);
        for (j, at) in waves[..pairs].iter().enumerate() {
            let ((even_low, odd_low), (even_high, odd_high)) = (sums(simd, &low, at), sums(simd, &high, at));
            let left = leveled(rounded(even_low + odd_low, bits), rounded(even_high + odd_high, bits));
            let right = leveled(rounded(even_low - odd_low, bits), rounded(even_high - odd_high, bits));
            let (left, right) = samples(left, right);
            right.store_slice(&mut row[points - 1 - j]);
            left.store_slice(&mut row[j]);
        }
        if points % 2 == 1 {
            let ((low, _), (high, _)) = (sums(simd, &low, &waves[pairs]), sums(simd, &high, &waves[pairs]));
            let middle = leveled(rounded(low, bits), rounded(high, bits));
            samples(middle, middle).0.store_slice(&mut row[pairs]);
        }
        put_row(simd, &row[..points], &mut out[y * stride..][..points * LANES]);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::batch::tests::batch;
    use super::*;

    /// The definition, in floating point: the waves below the number of points, in the middle of each sample.
    pub(in super::super) fn reference(coefficients: &[f64; 64], (across, down): (usize, usize)) -> Vec<f64> {
        let wave = |u: usize, j: usize, points: usize| match u {
            0 => 1.0,
            _ => std::f64::consts::SQRT_2 * libm::cos((2 * j + 1) as f64 * u as f64 * std::f64::consts::PI / (2 * points) as f64),
        };
        let sample = |x: usize, y: usize| {
            let waves = (0..down.min(8)).flat_map(|v| (0..across.min(8)).map(move |u| (u, v)));
            let sum: f64 = waves.map(|(u, v)| coefficients[8 * v + u] * wave(u, x, across) * wave(v, y, down)).sum();
            (sum / 8.0 + 128.0).clamp(0.0, 255.0)
        };
        (0..down).flat_map(|y| (0..across).map(move |x| (x, y))).map(|(x, y)| sample(x, y)).collect()
    }

    #[test]
    fn samples_are_those_of_the_definition() {
        let mut state = 1u32;
        let mut random = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i16
        };
        let sides = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 21, 28];
        for points in sides.iter().flat_map(|x| sides.iter().map(move |y| (*x, *y))) {
            for last in [0, 1, 2, 3, 4, 9, 10, 24, 63] {
                let mut block = [0i16; 64];
                block[0] = random() / 40;
                for place in &super::super::scan::ZIGZAG[1..=last] {
                    block[usize::from(*place)] = random() / 600;
                }
                let (lane, stride) = (last % LANES, 28 * LANES + 3);
                let mut out = vec![0; 28 * stride];
                inverse(Level::new(), &batch(&block, lane), &[2; 64], &mut Scratch::new(points), &mut out, stride);
                let expected = reference(&block.map(|c| f64::from(c) * 2.0), points);
                for (at, expected) in expected.into_iter().enumerate() {
                    let (x, y) = (at % points.0, at / points.0);
                    let got = f64::from(out[y * stride + lane * points.0 + x]);
                    assert!((got - expected).abs() < 1.0, "{points:?} to {last}, sample {x}, {y}: {got} for {expected}");
                }
            }
        }
    }

    #[test]
    fn no_coefficients_overflow() {
        let mut out = [0; 28 * 28 * LANES];
        for points in [(1, 1), (2, 2), (3, 6), (8, 8), (10, 14), (28, 28)] {
            for value in [i16::MIN, i16::MAX] {
                inverse(Level::new(), &batch(&[value; 64], 7), &[u16::MAX; 64], &mut Scratch::new(points), &mut out, 28 * LANES);
            }
        }
    }
}
