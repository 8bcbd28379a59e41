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

use super::Format;
use crate::error::Error;

fn malformed(what: impl Into<String>) -> Error {
    Error::malformed(Format::Jpeg, what)
}

fn truncated(what: impl Into<String>) -> Error {
    Error::truncated(Format::Jpeg, what)
}
