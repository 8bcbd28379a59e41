//! From coefficients to samples: libjpeg's accurate integer inverse DCT, bit for bit.
//!
//! After Loeffler, Ligtenberg and Moschytz, in 13-bit fixed point. Sums wrap: only damaged files come near.

#![expect(clippy::needless_range_loop, reason = "the formulas speak of numbers of waves and points")]

use fearless_simd::prelude::*;
use fearless_simd::{Level, i32x8};

use super::batch::{Batch, LANES, leveled, samples};

/// Bits of fraction in the constants, and in what the first pass leaves.
const CONST_BITS: u32 = 13;
const PASS1_BITS: u32 = 2;

/// Eight outputs of one dimension, times 2 to the power of 13.
#[inline(always)]
fn transform<S: Simd>(v: [i32x8<S>; 8]) -> [i32x8<S>; 8] {
    // Even part.
    let z1 = (v[2] + v[6]) * 4433;
    let t2 = z1 - v[6] * 15137;
    let t3 = z1 + v[2] * 6270;
    let t0 = (v[0] + v[4]) << CONST_BITS;
    let t1 = (v[0] - v[4]) << CONST_BITS;
    let (e0, e3, e1, e2) = (t0 + t3, t0 - t3, t1 + t2, t1 - t2);

    // Odd part.
    let (z1, z2, z3, z4) = (v[7] + v[1], v[5] + v[3], v[7] + v[3], v[5] + v[1]);
    let z5 = (z3 + z4) * 9633;
    let z1 = z1 * -7373;
    let z2 = z2 * -20995;
    let z3 = z3 * -16069 + z5;
    let z4 = z4 * -3196 + z5;
    let o0 = v[7] * 2446 + z1 + z3;
    let o1 = v[5] * 16819 + z2 + z4;
    let o2 = v[3] * 25172 + z2 + z3;
    let o3 = v[1] * 12299 + z1 + z4;

    [e0 + o3, e1 + o2, e2 + o1, e3 + o0, e3 - o0, e2 - o1, e1 - o2, e0 - o3]
}

/// Without so many bits of fraction.
#[inline(always)]
pub(super) fn rounded<S: Simd>(value: i32x8<S>, bits: u32) -> i32x8<S> {
    (value + (1 << (bits - 1))) >> bits
}

/// What the second pass gives, without any fraction.
#[inline(always)]
fn level<S: Simd>(value: i32x8<S>) -> i32x8<S> {
    rounded(value, CONST_BITS + PASS1_BITS + 3)
}

/// What the first pass leaves: rows of eight.
pub(super) type Work = [[[i32; LANES]; 8]; 8];

/// Writes the 8 by 8 samples of each block to rows of `stride` samples. The table is in reading order.
pub(super) fn inverse(level: Level, batch: &Batch, table: &[u16; 64], work: &mut Work, out: &mut [u8], stride: usize) {
    match batch.waves() {
        0..=4 => dispatch!(level, simd => passes::<_, 4>(simd, batch, table, work, out, stride)),
        _ => dispatch!(level, simd => passes::<_, 8>(simd, batch, table, work, out, stride)),
    }
}

/// Both passes where only the first `K` coefficients of each dimension are not zero.
#[inline(always)]
fn passes<S: Simd, const K: usize>(simd: S, batch: &Batch, table: &[u16; 64], work: &mut Work, out: &mut [u8], stride: usize) {
    let zero = i32x8::splat(simd, 0);
    for x in 0..K {
        let (mut low, mut high) = ([zero; 8], [zero; 8]);
        for y in 0..K {
            [low[y], high[y]] = batch.dequantized(simd, 8 * y + x, table);
        }
        for (half, v) in [low, high].into_iter().enumerate() {
            let v = transform(v);
            for y in 0..8 {
                rounded(v[y], CONST_BITS - PASS1_BITS).store_slice(&mut work[y][x][half * 8..][..8]);
            }
        }
    }
    for (y, row) in work.iter().enumerate() {
        let mut halves = [[zero; 8]; 2];
        for (half, v) in halves.iter_mut().enumerate() {
            for x in 0..K {
                v[x] = i32x8::from_slice(simd, &row[x][half * 8..][..8]);
            }
            *v = transform(*v);
        }
        let [low, high] = halves;
        let (a, e) = samples(leveled(level(low[0]), level(high[0])), leveled(level(low[4]), level(high[4])));
        let (b, f) = samples(leveled(level(low[1]), level(high[1])), leveled(level(low[5]), level(high[5])));
        let (c, g) = samples(leveled(level(low[2]), level(high[2])), leveled(level(low[6]), level(high[6])));
        let (d, h) = samples(leveled(level(low[3]), level(high[3])), leveled(level(low[7]), level(high[7])));
        // Each round of interleaving brings one bit of the point's number behind those of the block's.
        let mut v = [a, b, c, d, e, f, g, h];
        for _ in 0..3 {
            let [a, b, c, d, e, f, g, h] = v;
            v = [a.zip_low(e), a.zip_high(e), b.zip_low(f), b.zip_high(f), c.zip_low(g), c.zip_high(g), d.zip_low(h), d.zip_high(h)];
        }
        let out = &mut out[y * stride..][..8 * LANES];
        for (at, v) in v.into_iter().enumerate() {
            v.store_slice(&mut out[at * 16..][..16]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::tests::batch;
    use super::*;

    /// The definition, in floating point.
    fn reference(coefficients: &[i16; 64]) -> [f64; 64] {
        let c = |u: usize| if u == 0 { std::f64::consts::FRAC_1_SQRT_2 } else { 1.0 };
        let cos = |x: usize, u: usize| libm::cos((2 * x + 1) as f64 * u as f64 * std::f64::consts::PI / 16.0);
        std::array::from_fn(|at| {
            let (y, x) = (at / 8, at % 8);
            let sum: f64 = (0..64).map(|k| c(k / 8) * c(k % 8) * f64::from(coefficients[k]) * cos(x, k % 8) * cos(y, k / 8)).sum();
            (sum / 4.0 + 128.0).clamp(0.0, 255.0)
        })
    }

    #[test]
    fn samples_are_those_of_the_definition() {
        let mut state = 1u32;
        let mut random = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i16
        };
        for round in 0..200 {
            let mut coefficients = [0i16; 64];
            coefficients[0] = random() / 40;
            for c in &mut coefficients[1..1 + round % 64] {
                *c = random() / 400;
            }
            let (lane, mut out) = (round % LANES, [0; 8 * 131]);
            inverse(Level::new(), &batch(&coefficients, lane), &[1; 64], &mut [[[0; LANES]; 8]; 8], &mut out, 131);
            for (at, expected) in reference(&coefficients).into_iter().enumerate() {
                let got = f64::from(out[at / 8 * 131 + lane * 8 + at % 8]);
                assert!((got - expected).abs() < 1.0, "round {round}, sample {at}: {got} for {expected}");
            }
        }
    }

    #[test]
    fn no_coefficients_overflow() {
        let mut out = [0; 8 * 128];
        for value in [i16::MIN, i16::MAX] {
            inverse(Level::new(), &batch(&[value; 64], 3), &[u16::MAX; 64], &mut [[[0; LANES]; 8]; 8], &mut out, 128);
        }
    }
}
