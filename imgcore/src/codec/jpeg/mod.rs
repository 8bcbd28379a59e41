//! JPEG, ISO/IEC 10918-1: baseline, extended and progressive with Huffman coding and 8 bits a sample.
//!
//! Our own decoder, with the sample arithmetic of libjpeg (its accurate inverse DCT, its smooth chroma upsampling), so that pixels
//! equal those of most other programs. It is integers throughout, and strict: a picture whose data ends early is an error unless the
//! caller asked for what there is. Sequential files of one scan are pushed row by row; others are held as coefficients until all scans are in.
//! At N/8 only the low band of each block is evaluated, and of the rest just its length is read. Sixteen blocks at a time become samples: rows of
//! pixels, or planes that keep their own sizes.

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

use fearless_simd::Level;

use super::Format;
use crate::error::Error;

/// The instructions to work with. AVX-512 is left alone: its wide registers slow the clock of some processors down, also for what runs between, and
/// reading coefficients, most of the work, gains nothing from them.
fn level() -> Level {
    let level = Level::new();
    #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
    if let Some(avx2) = level.as_avx2() {
        return Level::Avx2(avx2);
    }
    level
}

fn malformed(what: impl Into<String>) -> Error {
    Error::malformed(Format::Jpeg, what)
}

fn truncated(what: impl Into<String>) -> Error {
    Error::truncated(Format::Jpeg, what)
}
