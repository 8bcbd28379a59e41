//! JPEG, ISO/IEC 10918-1: baseline, extended and progressive with Huffman coding and 8 bits a sample.
//!
//! Our own decoder, with the sample arithmetic of libjpeg (its accurate inverse DCT, its smooth chroma upsampling), so that pixels
//! equal those of most other programs. It is integers throughout, and strict: a picture whose data ends early is an error unless the
//! caller asked for what there is. Sequential files of one scan are pushed row by row; others are held as coefficients until all scans are in.
//! At N/8 only the low band of each block is evaluated, and of the rest just its length is read. Sixteen blocks at a time become samples: rows of
//! pixels, or planes that keep their own sizes.

/// As `fearless_simd::dispatch`, but on x86-64 in two forms: for AVX2, and for SSE2 where there is none. AVX-512 is left alone, since its wide registers
/// slow the clock of some processors down, also for what runs between; SSE4.2 alone is rare. Each form makes the program larger.
macro_rules! dispatch {
    ($level:expr, $simd:pat => $op:expr) => {{
        let level: fearless_simd::Level = $level;
        #[cfg(target_arch = "x86_64")]
        {
            if let Some(avx2) = level.as_avx2() {
                let $simd = avx2;
                fearless_simd::Simd::vectorize(
                    avx2,
                    #[inline(always)]
                    || $op,
                )
            } else {
                let sse2 = level.as_sse2().expect("x86-64 has SSE2");
                let $simd = sse2;
                fearless_simd::Simd::vectorize(
                    sse2,
                    #[inline(always)]
                    || $op,
                )
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        fearless_simd::dispatch!(level, $simd => $op)
    }};
}

mod segments;
mod frame;
mod metadata;
mod header;
mod huffman;
mod scan;
mod batch;
mod idct;
mod scale;
mod shrink;
mod rows;
mod smooth;
mod coefficients;
mod decode;
mod encode;
#[cfg(test)]
mod lines_tests;
#[cfg(test)]
mod scaled_tests;

pub(super) use decode::decode;
pub(super) use encode::{encode, scratch as encode_scratch};
pub(super) use header::probe;

use super::Format;
use crate::error::Error;

fn malformed(what: impl Into<String>) -> Error {
    Error::malformed(Format::Jpeg, what)
}

fn truncated(what: impl Into<String>) -> Error {
    Error::truncated(Format::Jpeg, what)
}
