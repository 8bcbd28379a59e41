//! The arithmetic on many samples at once: colors, means, and the forward DCT. Integers only, and equal on every CPU.
//!
//! Each exists a value at a time, which is the definition; for every instruction set at 128 bits; and for AVX2.

use fearless_simd::Level;

use super::tables::Divisors;

/// What the arithmetic runs on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Engine {
    /// A value at a time.
    Plain,
    /// Vectors of this kind.
    Vectors(Level),
}

impl Engine {
    /// The best one that the CPU has.
    pub(super) fn new() -> Engine {
        let level = Level::new();
        if level.is_fallback() { Engine::Plain } else { Engine::Vectors(level) }
    }
}

/// Gives the AVX2 form of a kernel its turn, where there is one.
macro_rules! try_avx2 {
    ($level:expr, $name:ident($($arg:expr),*)) => {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        if let Some(avx2) = $level.as_avx2() {
            return avx2::$name(avx2, $($arg),*);
        }
    };
}

/// From RGB to Y, Cb and Cr.
pub(super) fn convert(engine: Engine, pixels: &[u8], luma: &mut [u8], cb: &mut [u8], cr: &mut [u8]) {
    let Engine::Vectors(level) = engine else { return plain::convert(pixels, luma, cb, cr) };
    try_avx2!(level, convert(pixels, luma, cb, cr));
    dispatch!(level, simd => portable::convert(simd, pixels, luma, cb, cr));
}

/// The means of two neighbors, their halves rounded down and up by turns.
pub(super) fn mean_of_2(engine: Engine, row: &[u8], out: &mut [u8]) {
    let Engine::Vectors(level) = engine else { return plain::mean_of_2(row, out) };
    dispatch!(level, _ => plain::mean_of_2(row, out));
}

/// The means of two by two, rounded with a quarter and a half by turns.
pub(super) fn mean_of_4(engine: Engine, above: &[u8], below: &[u8], out: &mut [u8]) {
    let Engine::Vectors(level) = engine else { return plain::mean_of_4(above, below, out) };
    try_avx2!(level, mean_of_4(above, below, out));
    dispatch!(level, _ => plain::mean_of_4(above, below, out));
}

/// Eight rows of samples into blocks of quantized coefficients, an even number of them.
pub(super) fn transform(engine: Engine, samples: &[u8], divisors: &Divisors, coefficients: &mut [[i16; 64]], nonzero: &mut [u64]) {
    let Engine::Vectors(level) = engine else { return plain::transform(samples, divisors, coefficients, nonzero) };
    try_avx2!(level, transform(samples, divisors, coefficients, nonzero));
    dispatch!(level, simd => portable::transform(simd, samples, divisors, coefficients, nonzero));
}

/// Rows to columns, by three rounds in which the upper and the lower half are interleaved.
macro_rules! transposed {
    ($v:expr) => {{
        let [a, b, c, d, e, f, g, h] = $v;
        let [a, b, c, d, e, f, g, h] = [low(a, e), high(a, e), low(b, f), high(b, f), low(c, g), high(c, g), low(d, h), high(d, h)];
        let [a, b, c, d, e, f, g, h] = [low(a, e), high(a, e), low(b, f), high(b, f), low(c, g), high(c, g), low(d, h), high(d, h)];
        [low(a, e), high(a, e), low(b, f), high(b, f), low(c, g), high(c, g), low(d, h), high(d, h)]
    }};
}

/// One dimension of the transform, as in `plain::pass`: `$level` brings the sums to their scale, `$sums` multiplies two vectors by
/// two numbers and adds the products in 32 bits, `$scaled` brings those back to 16.
macro_rules! pass {
    ($v:expr, $level:ident, $sums:ident, $scaled:ident) => {{
        let [d0, d1, d2, d3, d4, d5, d6, d7] = $v;
        let (t0, t7, t1, t6) = (add(d0, d7), sub(d0, d7), add(d1, d6), sub(d1, d6));
        let (t2, t5, t3, t4) = (add(d2, d5), sub(d2, d5), add(d3, d4), sub(d3, d4));
        let (t10, t13, t11, t12) = (add(t0, t3), sub(t0, t3), add(t1, t2), sub(t1, t2));
        let (z3, z4) = (add(t4, t6), add(t5, t7));
        let z = (low(z3, z4), high(z3, z4));
        let (z3, z4) = ($sums!(z, -6436, 9633), $sums!(z, 9633, 6437));
        let even = (low(t13, t12), high(t13, t12));
        let outer = (low(t4, t7), high(t4, t7));
        let inner = (low(t5, t6), high(t5, t6));
        let (o1, o7) = ($sums!(outer, -7373, 4926), $sums!(outer, -4927, -7373));
        let (o3, o5) = ($sums!(inner, -20995, 4177), $sums!(inner, -4176, -20995));
        let (o2, o6) = ($sums!(even, 10703, 4433), $sums!(even, 4433, -10704));
        [
            $level!(add(t10, t11)),
            $scaled!((add32(o1.0, z4.0), add32(o1.1, z4.1))),
            $scaled!(o2),
            $scaled!((add32(o3.0, z3.0), add32(o3.1, z3.1))),
            $level!(sub(t10, t11)),
            $scaled!((add32(o5.0, z4.0), add32(o5.1, z4.1))),
            $scaled!(o6),
            $scaled!((add32(o7.0, z3.0), add32(o7.1, z3.1))),
        ]
    }};
}

/// Vectors of 128 bits, of any kind.
mod portable {
    use fearless_simd::prelude::*;
    use fearless_simd::{i16x8, i32x4, u8x16, u16x8};

    use super::Divisors;

    #[inline(always)]
    fn pair<S: Simd>(simd: S, a: i16, b: i16) -> i16x8<S> {
        i16x8::simd_from(simd, [a, b, a, b, a, b, a, b])
    }

    /// 0x80 picks a zero.
    const RED_GREEN: [u8; 16] = [0, 0x80, 1, 0x80, 3, 0x80, 4, 0x80, 6, 0x80, 7, 0x80, 9, 0x80, 10, 0x80];
    const BLUE_GREEN: [u8; 16] = [2, 0x80, 1, 0x80, 5, 0x80, 4, 0x80, 8, 0x80, 7, 0x80, 11, 0x80, 10, 0x80];

    #[inline(always)]
    pub(super) fn convert<S: Simd>(simd: S, pixels: &[u8], luma: &mut [u8], cb: &mut [u8], cr: &mut [u8]) {
        // Without a shuffle of bytes, vectors do not help.
        let has_shuffle = !is_sse2(simd);
        // Sixteen bytes are read for each twelve.
        let count = if has_shuffle { (pixels.len().saturating_sub(4) / 48).min(luma.len() / 16) } else { 0 };
        let (rg, bg) = (u8x16::simd_from(simd, RED_GREEN), u8x16::simd_from(simd, BLUE_GREEN));
        macro_rules! sum {
            ($pixels:expr, $a:expr, $b:expr) => {
                $pixels.pairwise_dot_product(pair(simd, $a, $b))
            };
        }
        for at in 0..count {
            let pixels = &pixels[at * 48..][..52];
            let zero = i32x4::splat(simd, 0);
            let mut sums = [[zero; 4]; 3];
            for quarter in 0..4 {
                let four = u8x16::from_slice(simd, &pixels[quarter * 12..][..16]);
                let rg: i16x8<S> = four.swizzle_dyn_precise(rg).bitcast();
                let bg: i16x8<S> = four.swizzle_dyn_precise(bg).bitcast();
                let middle = i32x4::splat(simd, (128 << 16) + 32767);
                sums[0][quarter] = (sum!(rg, 19595, 22086) + sum!(bg, 7471, 16384) + 32768) >> 16;
                sums[1][quarter] = (sum!(rg, -11059, -21709) - sum!(bg, -32768, 0) + middle) >> 16;
                sums[2][quarter] = (middle - sum!(rg, -32768, 27439) - sum!(bg, 5329, 0)) >> 16;
            }
            for (out, [a, b, c, d]) in [&mut *luma, &mut *cb, &mut *cr].into_iter().zip(sums) {
                let (a, b): (u16x8<S>, u16x8<S>) = (a.saturating_narrow(b).bitcast(), c.saturating_narrow(d).bitcast());
                a.saturating_narrow(b).store_slice(&mut out[at * 16..][..16]);
            }
        }
        super::plain::convert(&pixels[count * 48..], &mut luma[count * 16..], &mut cb[count * 16..], &mut cr[count * 16..]);
    }

    #[inline(always)]
    fn is_sse2<S: Simd>(simd: S) -> bool {
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        return matches!(simd.level(), fearless_simd::Level::Sse2(_));
        #[cfg(not(any(target_arch = "x86", target_arch = "x86_64")))]
        return {
            _ = simd;
            false
        };
    }

    #[inline(always)]
    fn add<S: Simd>(a: i16x8<S>, b: i16x8<S>) -> i16x8<S> {
        a + b
    }

    #[inline(always)]
    fn sub<S: Simd>(a: i16x8<S>, b: i16x8<S>) -> i16x8<S> {
        a - b
    }

    #[inline(always)]
    fn low<S: Simd>(a: i16x8<S>, b: i16x8<S>) -> i16x8<S> {
        a.zip_low(b)
    }

    #[inline(always)]
    fn high<S: Simd>(a: i16x8<S>, b: i16x8<S>) -> i16x8<S> {
        a.zip_high(b)
    }

    #[inline(always)]
    fn add32<S: Simd>(a: i32x4<S>, b: i32x4<S>) -> i32x4<S> {
        a + b
    }

    #[inline(always)]
    fn mul_high<S: Simd>(a: u16x8<S>, b: u16x8<S>) -> u16x8<S> {
        let (low, high) = a.widening_mul(b);
        (low >> 16).narrow(high >> 16)
    }

    #[inline(always)]
    pub(super) fn transform<S: Simd>(simd: S, samples: &[u8], divisors: &Divisors, coefficients: &mut [[i16; 64]], nonzero: &mut [u64]) {
        let stride = coefficients.len() * 8;
        let pairs = coefficients.as_chunks_mut::<2>().0.iter_mut().zip(nonzero.as_chunks_mut::<2>().0);
        for (at, (blocks, nonzero)) in pairs.enumerate() {
            let zero = i16x8::splat(simd, 0);
            let (mut left, mut right) = ([zero; 8], [zero; 8]);
            for y in 0..8 {
                let (a, b) = u8x16::from_slice(simd, &samples[y * stride + at * 16..][..16]).widen();
                left[y] = a.bitcast::<i16x8<S>>() - 128;
                right[y] = b.bitcast::<i16x8<S>>() - 128;
            }
            nonzero[0] = block(simd, left, divisors, &mut blocks[0]);
            nonzero[1] = block(simd, right, divisors, &mut blocks[1]);
        }
    }

    #[inline(always)]
    fn block<S: Simd>(simd: S, rows: [i16x8<S>; 8], divisors: &Divisors, out: &mut [i16; 64]) -> u64 {
        macro_rules! sums {
            ($pairs:expr, $a:expr, $b:expr) => {{
                let k = pair(simd, $a, $b);
                ($pairs.0.pairwise_dot_product(k), $pairs.1.pairwise_dot_product(k))
            }};
        }
        macro_rules! up {
            ($v:expr) => {
                $v << 2
            };
        }
        macro_rules! scaled_up {
            ($v:expr) => {{
                let v = $v;
                ((v.0 + (1 << 10)) >> 11).saturating_narrow((v.1 + (1 << 10)) >> 11)
            }};
        }
        macro_rules! down {
            ($v:expr) => {
                ($v + 2) >> 2
            };
        }
        macro_rules! scaled_down {
            ($v:expr) => {{
                let v = $v;
                ((v.0 + (1 << 14)) >> 15).saturating_narrow((v.1 + (1 << 14)) >> 15)
            }};
        }
        let columns = transposed!(rows);
        let columns = pass!(columns, up, sums, scaled_up);
        let rows = transposed!(columns);
        let rows = pass!(rows, down, sums, scaled_down);
        let mut quotients = rows;
        for y in 0..8 {
            let half = u16x8::from_slice(simd, &divisors.half[y][..8]);
            let reciprocal = u16x8::from_slice(simd, &divisors.reciprocal[y][..8]);
            let scale = u16x8::from_slice(simd, &divisors.scale[y][..8]);
            let sum = rows[y].abs().bitcast::<u16x8<S>>() + half;
            let quotient = mul_high(mul_high(sum, reciprocal), scale).bitcast::<i16x8<S>>();
            let sign = rows[y] >> 15;
            quotients[y] = (quotient ^ sign) - sign;
            quotients[y].store_slice(&mut out[y * 8..][..8]);
        }
        let mut nonzero = 0;
        for y in (0..8).step_by(2) {
            let bytes = quotients[y].saturating_narrow(quotients[y + 1]);
            nonzero |= (!bytes.simd_eq(0).to_bitmask() & 0xFFFF) << (y * 8);
        }
        nonzero
    }
}

/// Vectors of 256 bits: two blocks side by side, or 32 pixels.
#[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
mod avx2 {
    use fearless_simd::kernel;

    use super::Divisors;

    kernel!(
        pub(super) fn transform(avx2: Avx2, samples: &[u8], divisors: &Divisors, coefficients: &mut [[i16; 64]], nonzero: &mut [u64]) {
            #[cfg(target_arch = "x86")]
            use std::arch::x86::*;
            #[cfg(target_arch = "x86_64")]
            use std::arch::x86_64::*;

            use fearless_simd::prelude::*;
            use fearless_simd::{i16x8, u8x16, u16x16};
            use {
                _mm256_add_epi16 as add, _mm256_add_epi32 as add32, _mm256_sub_epi16 as sub, _mm256_unpackhi_epi16 as high,
                _mm256_unpacklo_epi16 as low,
            };

            macro_rules! sums {
                ($pairs:expr, $a:expr, $b:expr) => {{
                    let k = _mm256_set1_epi32(($b as i32) << 16 | ($a as i32 & 0xFFFF));
                    (_mm256_madd_epi16($pairs.0, k), _mm256_madd_epi16($pairs.1, k))
                }};
            }
            macro_rules! up {
                ($v:expr) => {
                    _mm256_slli_epi16::<2>($v)
                };
            }
            macro_rules! scaled_up {
                ($v:expr) => {{
                    let (v, half) = ($v, _mm256_set1_epi32(1 << 10));
                    _mm256_packs_epi32(_mm256_srai_epi32::<11>(add32(v.0, half)), _mm256_srai_epi32::<11>(add32(v.1, half)))
                }};
            }
            macro_rules! down {
                ($v:expr) => {
                    _mm256_srai_epi16::<2>(add($v, _mm256_set1_epi16(2)))
                };
            }
            macro_rules! scaled_down {
                ($v:expr) => {{
                    let (v, half) = ($v, _mm256_set1_epi32(1 << 14));
                    _mm256_packs_epi32(_mm256_srai_epi32::<15>(add32(v.0, half)), _mm256_srai_epi32::<15>(add32(v.1, half)))
                }};
            }

            let stride = coefficients.len() * 8;
            let (zero, middle) = (_mm256_setzero_si256(), _mm256_set1_epi16(128));
            let pairs = coefficients.as_chunks_mut::<2>().0.iter_mut().zip(nonzero.as_chunks_mut::<2>().0);
            for (at, ([left, right], nonzero)) in pairs.enumerate() {
                let mut rows = [zero; 8];
                for y in 0..8 {
                    let row: __m128i = u8x16::from_slice(avx2, &samples[y * stride + at * 16..][..16]).into();
                    rows[y] = sub(_mm256_cvtepu8_epi16(row), middle);
                }
                let columns = transposed!(rows);
                let columns = pass!(columns, up, sums, scaled_up);
                let rows = transposed!(columns);
                let rows = pass!(rows, down, sums, scaled_down);
                let mut quotients = [zero; 8];
                for y in 0..8 {
                    let half: __m256i = u16x16::from_slice(avx2, &divisors.half[y]).into();
                    let reciprocal: __m256i = u16x16::from_slice(avx2, &divisors.reciprocal[y]).into();
                    let scale: __m256i = u16x16::from_slice(avx2, &divisors.scale[y]).into();
                    let quotient = _mm256_mulhi_epu16(add(_mm256_abs_epi16(rows[y]), half), reciprocal);
                    quotients[y] = _mm256_sign_epi16(_mm256_mulhi_epu16(quotient, scale), rows[y]);
                    let halves: [i16x8<_>; 2] =
                        [_mm256_castsi256_si128(quotients[y]).simd_into(avx2), _mm256_extracti128_si256::<1>(quotients[y]).simd_into(avx2)];
                    halves[0].store_slice(&mut left[y * 8..][..8]);
                    halves[1].store_slice(&mut right[y * 8..][..8]);
                }
                let mut zeros = [0; 2];
                for y in 0..4 {
                    let bytes = _mm256_packs_epi16(quotients[2 * y], quotients[2 * y + 1]);
                    let mask = _mm256_movemask_epi8(_mm256_cmpeq_epi8(bytes, zero)) as u32;
                    zeros[0] |= u64::from(mask & 0xFFFF) << (16 * y);
                    zeros[1] |= u64::from(mask >> 16) << (16 * y);
                }
                *nonzero = [!zeros[0], !zeros[1]];
            }
        }
    );

    kernel!(
        pub(super) fn mean_of_4(avx2: Avx2, above: &[u8], below: &[u8], out: &mut [u8]) {
            #[cfg(target_arch = "x86")]
            use std::arch::x86::*;
            #[cfg(target_arch = "x86_64")]
            use std::arch::x86_64::*;

            use fearless_simd::prelude::*;
            use fearless_simd::u8x32;

            let (ones, bias) = (_mm256_set1_epi8(1), _mm256_set1_epi32(2 << 16 | 1));
            let (above, above_rest) = above.as_chunks::<64>();
            let (below, below_rest) = below.as_chunks::<64>();
            let (out, out_rest) = out.as_chunks_mut::<32>();
            for ((above, below), out) in above.iter().zip(below).zip(out) {
                let mut means = [bias; 2];
                for half in 0..2 {
                    let a: __m256i = u8x32::from_slice(avx2, &above[half * 32..][..32]).into();
                    let b: __m256i = u8x32::from_slice(avx2, &below[half * 32..][..32]).into();
                    let sum = _mm256_add_epi16(_mm256_maddubs_epi16(a, ones), _mm256_maddubs_epi16(b, ones));
                    means[half] = _mm256_srli_epi16::<2>(_mm256_add_epi16(sum, bias));
                }
                let bytes = _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_packus_epi16(means[0], means[1]));
                let bytes: u8x32<_> = bytes.simd_into(avx2);
                bytes.store_slice(out);
            }
            super::plain::mean_of_4(above_rest, below_rest, out_rest);
        }
    );

    kernel!(
        pub(super) fn convert(avx2: Avx2, pixels: &[u8], luma: &mut [u8], cb: &mut [u8], cr: &mut [u8]) {
            #[cfg(target_arch = "x86")]
            use std::arch::x86::*;
            #[cfg(target_arch = "x86_64")]
            use std::arch::x86_64::*;

            use fearless_simd::prelude::*;
            use fearless_simd::{u8x16, u8x32};

            macro_rules! sum {
                ($pixels:expr, $a:expr, $b:expr) => {
                    _mm256_madd_epi16($pixels, _mm256_set1_epi32(($b as i32) << 16 | ($a as i32 & 0xFFFF)))
                };
            }
            let rg = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, -1, 1, -1, 3, -1, 4, -1, 6, -1, 7, -1, 9, -1, 10, -1));
            let bg = _mm256_broadcastsi128_si256(_mm_setr_epi8(2, -1, 1, -1, 5, -1, 4, -1, 8, -1, 7, -1, 11, -1, 10, -1));
            let (half, middle) = (_mm256_set1_epi32(32768), _mm256_set1_epi32((128 << 16) + 32767));
            let mut buffer = [0; 100];
            let mut rest = [0; 32];
            for at in (0..luma.len()).step_by(32) {
                let count = (luma.len() - at).min(32);
                // Sixteen bytes are read for each twelve, four more than belong to the last.
                let pixels = match pixels[at * 3..].first_chunk::<100>() {
                    Some(pixels) => pixels,
                    None => {
                        buffer[..count * 3].copy_from_slice(&pixels[at * 3..][..count * 3]);
                        &buffer
                    }
                };
                let mut sums = [[half; 4]; 3];
                for quarter in 0..4 {
                    // The lower half goes through the first sixteen pixels, the upper through the others.
                    let four: __m128i = u8x16::from_slice(avx2, &pixels[quarter * 12..][..16]).into();
                    let more: __m128i = u8x16::from_slice(avx2, &pixels[48 + quarter * 12..][..16]).into();
                    let both = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(four), more);
                    let (rg, bg) = (_mm256_shuffle_epi8(both, rg), _mm256_shuffle_epi8(both, bg));
                    let y = _mm256_add_epi32(_mm256_add_epi32(sum!(rg, 19595, 22086), sum!(bg, 7471, 16384)), half);
                    let b = _mm256_sub_epi32(_mm256_add_epi32(sum!(rg, -11059, -21709), middle), sum!(bg, -32768, 0));
                    let r = _mm256_sub_epi32(_mm256_sub_epi32(middle, sum!(rg, -32768, 27439)), sum!(bg, 5329, 0));
                    sums[0][quarter] = _mm256_srai_epi32::<16>(y);
                    sums[1][quarter] = _mm256_srai_epi32::<16>(b);
                    sums[2][quarter] = _mm256_srai_epi32::<16>(r);
                }
                for (plane, [a, b, c, d]) in [&mut luma[at..], &mut cb[at..], &mut cr[at..]].into_iter().zip(sums) {
                    let all = _mm256_packus_epi16(_mm256_packs_epi32(a, b), _mm256_packs_epi32(c, d));
                    let all: u8x32<_> = all.simd_into(avx2);
                    match plane.first_chunk_mut::<32>() {
                        Some(plane) => all.store_slice(plane),
                        None => {
                            all.store_slice(&mut rest);
                            plane[..count].copy_from_slice(&rest[..count]);
                        }
                    }
                }
            }
        }
    );
}

/// A value at a time: what all else must equal.
mod plain {
    use super::Divisors;

    /// By ITU-R BT.601 in 16-bit fixed point, with libjpeg's rounding.
    #[inline(always)]
    pub(super) fn convert(pixels: &[u8], luma: &mut [u8], cb: &mut [u8], cr: &mut [u8]) {
        let out = luma.iter_mut().zip(cb.iter_mut()).zip(cr.iter_mut());
        for (pixel, ((luma, cb), cr)) in pixels.as_chunks::<3>().0.iter().zip(out) {
            let (r, g, b) = (i32::from(pixel[0]), i32::from(pixel[1]), i32::from(pixel[2]));
            *luma = ((19595 * r + 38470 * g + 7471 * b + 32768) >> 16) as u8;
            *cb = ((-11059 * r - 21709 * g + 32768 * b + (128 << 16) + 32767) >> 16) as u8;
            *cr = ((32768 * r - 27439 * g - 5329 * b + (128 << 16) + 32767) >> 16) as u8;
        }
    }

    #[inline(always)]
    pub(super) fn mean_of_2(row: &[u8], out: &mut [u8]) {
        for (x, (pair, out)) in row.as_chunks::<2>().0.iter().zip(out).enumerate() {
            *out = ((u16::from(pair[0]) + u16::from(pair[1]) + (x & 1) as u16) >> 1) as u8;
        }
    }

    #[inline(always)]
    pub(super) fn mean_of_4(above: &[u8], below: &[u8], out: &mut [u8]) {
        for (x, ((a, b), out)) in above.as_chunks::<2>().0.iter().zip(below.as_chunks::<2>().0).zip(out).enumerate() {
            let sum: u16 = [a[0], a[1], b[0], b[1]].into_iter().map(u16::from).sum();
            *out = ((sum + 1 + (x & 1) as u16) >> 2) as u8;
        }
    }

    pub(super) fn transform(samples: &[u8], divisors: &Divisors, coefficients: &mut [[i16; 64]], nonzero: &mut [u64]) {
        let stride = coefficients.len() * 8;
        for (at, (block, nonzero)) in coefficients.iter_mut().zip(nonzero).enumerate() {
            let mut work = [0; 64];
            for y in 0..8 {
                let row = &samples[y * stride + at * 8..][..8];
                let values = pass::<true>(std::array::from_fn(|x| i32::from(row[x]) - 128));
                work[8 * y..8 * y + 8].copy_from_slice(&values);
            }
            for x in 0..8 {
                let values = pass::<false>(std::array::from_fn(|y| work[8 * y + x]));
                values.into_iter().enumerate().for_each(|(y, value)| work[8 * y + x] = value);
            }
            *nonzero = 0;
            for (k, value) in work.into_iter().enumerate() {
                block[k] = divisors.divide(value, k);
                *nonzero |= u64::from(block[k] != 0) << k;
            }
        }
    }

    /// Eight outputs of one dimension: libjpeg's accurate forward DCT, after Loeffler, Ligtenberg and Moschytz, in 13-bit fixed point. The
    /// first pass leaves two bits of fraction, which the second takes away.
    #[inline(always)]
    fn pass<const FIRST: bool>(v: [i32; 8]) -> [i32; 8] {
        let level = |value: i32| if FIRST { value << 2 } else { (value + 2) >> 2 };
        let scaled = |value: i32| if FIRST { (value + (1 << 10)) >> 11 } else { (value + (1 << 14)) >> 15 };
        let (t0, t7, t1, t6) = (v[0] + v[7], v[0] - v[7], v[1] + v[6], v[1] - v[6]);
        let (t2, t5, t3, t4) = (v[2] + v[5], v[2] - v[5], v[3] + v[4], v[3] - v[4]);
        let (t10, t13, t11, t12) = (t0 + t3, t0 - t3, t1 + t2, t1 - t2);
        let (z3, z4) = (t4 + t6, t5 + t7);
        let (z3, z4) = (-6436 * z3 + 9633 * z4, 9633 * z3 + 6437 * z4);
        [
            level(t10 + t11),
            scaled(-7373 * t4 + 4926 * t7 + z4),
            scaled(10703 * t13 + 4433 * t12),
            scaled(-20995 * t5 + 4177 * t6 + z3),
            level(t10 - t11),
            scaled(-4176 * t5 - 20995 * t6 + z4),
            scaled(4433 * t13 - 10704 * t12),
            scaled(-4927 * t4 - 7373 * t7 + z3),
        ]
    }
}

#[cfg(test)]
pub(super) mod tests {
    use fearless_simd::Simd;

    use super::super::tables::steps;
    use super::*;

    /// Every engine that this machine has.
    pub(in super::super) fn engines() -> Vec<Engine> {
        let level = Level::new();
        let mut levels = vec![level];
        #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
        {
            levels.extend(level.as_sse2().map(Simd::level));
            levels.extend(level.as_sse4_2().map(Simd::level));
            levels.extend(level.as_avx2().map(Simd::level));
        }
        let vectors = levels.into_iter().filter(|level| !level.is_fallback()).map(Engine::Vectors);
        [Engine::Plain].into_iter().chain(vectors).collect()
    }

    fn noise(count: usize, seed: u32) -> Vec<u8> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Extremes are frequent.
            let value = (state >> 20) as i32 % 512 - 128;
            value.clamp(0, 255) as u8
        };
        (0..count).map(|_| next()).collect()
    }

    #[test]
    fn all_engines_convert_alike() {
        // All reds and greens and every fifth blue, and rows of every length.
        let cube: Vec<u8> =
            (0..=255).flat_map(|r| (0..=255).flat_map(move |g| (0..=255).step_by(5).flat_map(move |b| [r, g, b]))).collect();
        let rows = (1..200).map(|width| noise(width * 3, width as u32)).chain([cube]);
        for pixels in rows {
            let mut found = engines().into_iter().map(|engine| {
                let mut planes = [vec![0; pixels.len() / 3], vec![0; pixels.len() / 3], vec![0; pixels.len() / 3]];
                let [luma, cb, cr] = &mut planes;
                convert(engine, &pixels, luma, cb, cr);
                planes
            });
            let plain = found.next().expect("the plain one");
            assert!(found.all(|planes| planes == plain), "{} pixels", pixels.len() / 3);
        }
    }

    #[test]
    fn all_engines_average_alike() {
        for width in (16..400).step_by(16) {
            let (above, below) = (noise(width, 1), noise(width, 2));
            let mut found = engines().into_iter().map(|engine| {
                let mut means = [vec![0; width / 2], vec![0; width / 2]];
                mean_of_2(engine, &above, &mut means[0]);
                mean_of_4(engine, &above, &below, &mut means[1]);
                means
            });
            let plain = found.next().expect("the plain one");
            assert!(found.all(|means| means == plain), "{width} samples");
            assert_eq!(plain[0][1], (u16::from(above[2]) + u16::from(above[3])).div_ceil(2) as u8);
        }
    }

    #[test]
    fn all_engines_transform_alike() {
        let patterns = [[0; 64], [255; 64], std::array::from_fn(|k| if (k / 8 + k % 8) % 2 == 0 { 0 } else { 255 })];
        let waves = (0..64).map(|k| std::array::from_fn(|at| if basis(k, at) < 0.0 { 0 } else { 255 }));
        let mut blocks: Vec<[u8; 64]> = patterns.into_iter().chain(waves).collect();
        blocks.extend(noise(64 * 401, 3).as_chunks::<64>().0);
        let stride = blocks.len() * 8;
        let mut samples = vec![0; stride * 8];
        for (at, block) in blocks.iter().enumerate() {
            (0..8).for_each(|y| samples[y * stride + at * 8..][..8].copy_from_slice(&block[y * 8..][..8]));
        }
        for quality in [1, 30, 75, 95, 100] {
            let divisors = Divisors::new(&steps(quality)[0]);
            let mut found = engines().into_iter().map(|engine| {
                let (mut coefficients, mut nonzero) = (vec![[0; 64]; blocks.len()], vec![0; blocks.len()]);
                transform(engine, &samples, &divisors, &mut coefficients, &mut nonzero);
                (coefficients, nonzero)
            });
            let plain = found.next().expect("the plain one");
            assert!(found.all(|made| made == plain), "quality {quality}");
            for (block, nonzero) in plain.0.iter().zip(plain.1) {
                assert!((0..64).all(|k| (block[k] != 0) == (nonzero >> k & 1 == 1)));
            }
        }
    }

    /// A wave of the transform at a sample.
    fn basis(k: usize, at: usize) -> f64 {
        let cos = |x: usize, u: usize| libm::cos((2 * x + 1) as f64 * u as f64 * std::f64::consts::PI / 16.0);
        let norm = |u: usize| if u == 0 { 0.125f64.sqrt() } else { 0.5 };
        norm(k / 8) * norm(k % 8) * cos(at / 8, k / 8) * cos(at % 8, k % 8)
    }

    #[test]
    fn the_transform_is_the_definitions() {
        let samples = noise(128, 9);
        let divisors = Divisors::new(&[1; 64]);
        let (mut coefficients, mut nonzero) = ([[0; 64]; 2], [0; 2]);
        transform(Engine::Plain, &samples, &divisors, &mut coefficients, &mut nonzero);
        for (block, found) in coefficients.iter().enumerate() {
            for (k, found) in found.iter().enumerate() {
                let sample = |at: usize| f64::from(samples[at / 8 * 16 + block * 8 + at % 8]) - 128.0;
                let sum: f64 = (0..64).map(|at| basis(k, at) * sample(at)).sum();
                // Half a level by rounding, and a little by fixed point.
                assert!((sum - f64::from(*found)).abs() < 0.7, "coefficient {k}: {found} rather than {sum}");
            }
        }
    }
}
