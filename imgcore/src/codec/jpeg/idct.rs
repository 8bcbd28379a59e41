//! From coefficients to samples: libjpeg's accurate integer inverse DCT, bit for bit.
//!
//! After Loeffler, Ligtenberg and Moschytz, in 13-bit fixed point. Sums wrap: only damaged files come near.

use std::num::Wrapping;

pub(super) type Int = Wrapping<i32>;

/// Bits of fraction in the constants, and in what the first pass leaves.
const CONST_BITS: usize = 13;
const PASS1_BITS: usize = 2;

const fn int(value: i32) -> Int {
    Wrapping(value)
}

/// Eight outputs of one dimension, times 2 to the power of 13.
#[inline(always)]
fn transform(v: [Int; 8]) -> [Int; 8] {
    // Even part.
    let z1 = (v[2] + v[6]) * int(4433);
    let t2 = z1 - v[6] * int(15137);
    let t3 = z1 + v[2] * int(6270);
    let t0 = (v[0] + v[4]) << CONST_BITS;
    let t1 = (v[0] - v[4]) << CONST_BITS;
    let (e0, e3, e1, e2) = (t0 + t3, t0 - t3, t1 + t2, t1 - t2);

    // Odd part.
    let (z1, z2, z3, z4) = (v[7] + v[1], v[5] + v[3], v[7] + v[3], v[5] + v[1]);
    let z5 = (z3 + z4) * int(9633);
    let z1 = z1 * int(-7373);
    let z2 = z2 * int(-20995);
    let z3 = z3 * int(-16069) + z5;
    let z4 = z4 * int(-3196) + z5;
    let o0 = v[7] * int(2446) + z1 + z3;
    let o1 = v[5] * int(16819) + z2 + z4;
    let o2 = v[3] * int(25172) + z2 + z3;
    let o3 = v[1] * int(12299) + z1 + z4;

    [e0 + o3, e1 + o2, e2 + o1, e3 + o0, e3 - o0, e2 - o1, e1 - o2, e0 - o3]
}

/// Without so many bits of fraction.
#[inline(always)]
pub(super) fn rounded(value: Int, bits: usize) -> Int {
    (value + int(1 << (bits - 1))) >> bits
}

/// From a level around 0 to a sample.
#[inline(always)]
pub(super) fn sample(value: Int) -> u8 {
    (value.0.wrapping_add(128)).clamp(0, 255) as u8
}

/// Writes the 8 by 8 samples of a block to rows of `stride` samples. Coefficients and table in reading order.
pub(super) fn inverse(coefficients: &[i16; 64], table: &[u16; 64], out: &mut [u8], stride: usize) {
    let at = |i: usize| int(i32::from(coefficients[i])) * int(i32::from(table[i]));
    if coefficients[1..].iter().fold(0, |all, c| all | c) == 0 {
        let level = sample(rounded(at(0) << PASS1_BITS, PASS1_BITS + 3));
        for row in out.chunks_mut(stride).take(8) {
            row[..8].fill(level);
        }
        return;
    }

    let mut work = [int(0); 64];
    for x in 0..8 {
        let column: [Int; 8] = std::array::from_fn(|y| at(8 * y + x));
        if column[1..].iter().all(|c| c.0 == 0) {
            let level = column[0] << PASS1_BITS;
            for y in 0..8 {
                work[8 * y + x] = level;
            }
            continue;
        }
        for (y, value) in transform(column).into_iter().enumerate() {
            work[8 * y + x] = rounded(value, CONST_BITS - PASS1_BITS);
        }
    }
    for (row, values) in out.chunks_mut(stride).zip(work.as_chunks::<8>().0) {
        for (out, value) in row[..8].iter_mut().zip(transform(*values)) {
            *out = sample(rounded(value, CONST_BITS + PASS1_BITS + 3));
        }
    }
}

#[cfg(test)]
mod tests {
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
            let mut out = [0; 8 * 11];
            inverse(&coefficients, &[1; 64], &mut out, 11);
            for (at, expected) in reference(&coefficients).into_iter().enumerate() {
                let got = f64::from(out[at / 8 * 11 + at % 8]);
                assert!((got - expected).abs() < 1.0, "round {round}, sample {at}: {got} for {expected}");
            }
        }
    }

    #[test]
    fn no_coefficients_overflow() {
        let mut out = [0; 64];
        inverse(&[i16::MIN; 64], &[u16::MAX; 64], &mut out, 8);
        inverse(&[i16::MAX; 64], &[u16::MAX; 64], &mut out, 8);
    }
}
