//! From coefficients to fewer or more samples than 8 by 8: the block's waves, looked at in the middle of each sample.
//!
//! With M points a side the waves below M are used: a true low-pass, where libjpeg's reduced transforms come near a box. The transform
//! is the M-point inverse DCT scaled by M/8, in 13-bit fixed point. Sums wrap: only damaged files come near.

use std::num::Wrapping;

use super::idct::{Int, rounded, sample};
use super::scan::Block;

/// Bits of fraction in the waves, and in what the first pass leaves.
const WAVE_BITS: usize = 13;
const PASS_BITS: usize = 2;

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

/// All waves at `M` points.
struct Waves<const M: usize>;

impl<const M: usize> Waves<M> {
    const AT: [[i32; M]; 8] = {
        let mut waves = [[0; M]; 8];
        let mut at = 0;
        while at < 8 * M {
            waves[at / M][at % M] = wave(at / M, at % M, M);
            at += 1;
        }
        waves
    };
}

/// `M` outputs of one dimension, times 2 to the power of 13, from the first `K` of its coefficients.
#[inline(always)]
fn transform<const M: usize, const K: usize>(v: &[Int; 8]) -> [Int; M] {
    let mut out = [Wrapping(0); M];
    for j in 0..M.div_ceil(2) {
        let (mut even, mut odd) = (v[0] << WAVE_BITS, Wrapping(0));
        for (u, (value, wave)) in v.iter().zip(&Waves::<M>::AT).enumerate().take(K.min(M)).skip(1) {
            let part = *value * Wrapping(wave[j]);
            if u % 2 == 0 { even += part } else { odd += part }
        }
        // Even waves are the same from both ends, odd ones opposite.
        out[M - 1 - j] = even - odd;
        out[j] = even + odd;
    }
    out
}

/// The most points that a side of a block has: four times 7.
const MOST: usize = 28;

/// What the passes work on. What is left of the block before is not looked at.
pub(super) struct Scratch {
    columns: [[Int; 8]; 8],
    /// What the first pass leaves: rows of coefficients across.
    between: [[Int; 8]; MOST],
}

impl Scratch {
    pub(super) fn new() -> Scratch {
        Scratch { columns: [[Wrapping(0); 8]; 8], between: [[Wrapping(0); 8]; MOST] }
    }
}

#[inline(always)]
fn down_pass<const M: usize, const K: usize>(scratch: &mut Scratch) {
    for (u, column) in scratch.columns.iter().enumerate().take(K) {
        for (row, value) in scratch.between.iter_mut().zip(transform::<M, K>(column)) {
            row[u] = rounded(value, WAVE_BITS - PASS_BITS);
        }
    }
}

#[inline(always)]
fn across_pass<const M: usize, const K: usize>(scratch: &Scratch, rows: usize, out: &mut [u8], stride: usize) {
    for (row, out) in scratch.between.iter().zip(out.chunks_mut(stride)).take(rows) {
        for (out, value) in out[..M].iter_mut().zip(transform::<M, K>(row)) {
            *out = sample(rounded(value, WAVE_BITS + PASS_BITS + 3));
        }
    }
}

/// The passes for any number of points, where speed does not matter.
fn any_down_pass(points: usize, waves: usize, scratch: &mut Scratch) {
    for (u, column) in scratch.columns.iter().enumerate().take(waves) {
        for (j, row) in scratch.between.iter_mut().enumerate().take(points) {
            row[u] = rounded(any_sum(&column[..waves.min(points)], j, points), WAVE_BITS - PASS_BITS);
        }
    }
}

fn any_across_pass(points: usize, waves: usize, scratch: &Scratch, rows: usize, out: &mut [u8], stride: usize) {
    for (row, out) in scratch.between.iter().zip(out.chunks_mut(stride)).take(rows) {
        for (j, out) in out[..points].iter_mut().enumerate() {
            *out = sample(rounded(any_sum(&row[..waves.min(points)], j, points), WAVE_BITS + PASS_BITS + 3));
        }
    }
}

fn any_sum(v: &[Int], j: usize, points: usize) -> Int {
    v.iter().enumerate().map(|(u, v)| *v * Wrapping(wave(u, j, points))).sum()
}

/// One more than the highest wave, across or down, among the first coefficients in zigzag order.
fn reach(last: usize) -> usize {
    match last {
        0 => 1,
        1..=2 => 2,
        3..=9 => 4,
        _ => 8,
    }
}

/// The one sample of a block.
#[inline(always)]
pub(super) fn level(block: &Block, table: &[u16; 64]) -> u8 {
    sample(rounded(dequantized(block, table, 0), 3))
}

/// The two by two samples of a block.
#[inline(always)]
pub(super) fn quarters(block: &Block, table: &[u16; 64]) -> [u8; 4] {
    let [a, b, c, d] = [0, 1, 8, 9].map(|at| dequantized(block, table, at));
    [a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d].map(|sum| sample(rounded(sum, 3)))
}

/// Writes the samples of a block to rows of `stride` samples, `points` across and down. Coefficients and table in reading order; those behind
/// `last`, in zigzag order, are zero.
pub(super) fn inverse(
    (block, last): (&Block, usize),
    table: &[u16; 64],
    points: (usize, usize),
    scratch: &mut Scratch,
    out: &mut [u8],
    stride: usize,
) {
    match if points == (1, 1) { 1 } else { reach(last) } {
        1 => {
            let level = level(block, table);
            out.chunks_mut(stride).take(points.1).for_each(|row| row[..points.0].fill(level));
        }
        2 => passes::<2>(block, table, points, scratch, out, stride),
        4 => passes::<4>(block, table, points, scratch, out, stride),
        _ => passes::<8>(block, table, points, scratch, out, stride),
    }
}

#[inline(always)]
fn dequantized(block: &Block, table: &[u16; 64], at: usize) -> Int {
    Wrapping(i32::from(block[at])) * Wrapping(i32::from(table[at]))
}

fn passes<const K: usize>(
    block: &Block,
    table: &[u16; 64],
    (across, down): (usize, usize),
    scratch: &mut Scratch,
    out: &mut [u8],
    stride: usize,
) {
    for (u, column) in scratch.columns.iter_mut().enumerate().take(K) {
        for (v, value) in column.iter_mut().enumerate().take(K) {
            *value = dequantized(block, table, 8 * v + u);
        }
    }
    match down {
        1 => down_pass::<1, K>(scratch),
        2 => down_pass::<2, K>(scratch),
        3 => down_pass::<3, K>(scratch),
        4 => down_pass::<4, K>(scratch),
        5 => down_pass::<5, K>(scratch),
        6 => down_pass::<6, K>(scratch),
        7 => down_pass::<7, K>(scratch),
        8 => down_pass::<8, K>(scratch),
        10 => down_pass::<10, K>(scratch),
        12 => down_pass::<12, K>(scratch),
        14 => down_pass::<14, K>(scratch),
        points => any_down_pass(points, K, scratch),
    }
    match across {
        1 => across_pass::<1, K>(scratch, down, out, stride),
        2 => across_pass::<2, K>(scratch, down, out, stride),
        3 => across_pass::<3, K>(scratch, down, out, stride),
        4 => across_pass::<4, K>(scratch, down, out, stride),
        5 => across_pass::<5, K>(scratch, down, out, stride),
        6 => across_pass::<6, K>(scratch, down, out, stride),
        7 => across_pass::<7, K>(scratch, down, out, stride),
        8 => across_pass::<8, K>(scratch, down, out, stride),
        10 => across_pass::<10, K>(scratch, down, out, stride),
        12 => across_pass::<12, K>(scratch, down, out, stride),
        14 => across_pass::<14, K>(scratch, down, out, stride),
        points => any_across_pass(points, K, scratch, down, out, stride),
    }
}

#[cfg(test)]
pub(super) mod tests {
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
                let mut out = [0; 28 * 31];
                inverse((&block, last), &[2; 64], points, &mut Scratch::new(), &mut out, 31);
                let expected = reference(&block.map(|c| f64::from(c) * 2.0), points);
                for (at, expected) in expected.into_iter().enumerate() {
                    let (x, y) = (at % points.0, at / points.0);
                    let got = f64::from(out[y * 31 + x]);
                    assert!((got - expected).abs() < 1.0, "{points:?} to {last}, sample {x}, {y}: {got} for {expected}");
                }
            }
        }
    }

    #[test]
    fn no_coefficients_overflow() {
        let mut out = [0; 28 * 28];
        for points in [(1, 1), (2, 2), (3, 6), (8, 8), (10, 14), (28, 28)] {
            inverse((&[i16::MIN; 64], 63), &[u16::MAX; 64], points, &mut Scratch::new(), &mut out, 28);
            inverse((&[i16::MAX; 64], 63), &[u16::MAX; 64], points, &mut Scratch::new(), &mut out, 28);
        }
    }
}
