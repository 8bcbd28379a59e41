//! What a file says beside its pixels: EXIF read into typed values, and rewritten to what may leave.
//!
//! ```text
//! block (untrusted) --entries--> a few known tags --write--> small block of our own --+--> kept beside the result
//!                                                                                     +--kamadak-exif--> Exif
//! ```
//!
//! Comes in: blocks as the codecs found them. Goes out: values, or a new block. It must not know recipes or pixels.

mod entries;
mod exif;
mod keep;

pub(crate) use self::exif::read_exif;
pub use self::exif::{Exif, Gps, MeteringMode, WhiteBalance};
pub(crate) use keep::{Keep, kept_exif};

/// The orientation tag as written, from whatever is left of a block; 0 and values above 8 occur, and mean 1.
pub(crate) fn orientation(block: &[u8]) -> Option<u16> {
    let block = entries::Block::open(block)?;
    block.first_ifd().find(|entry| entry.tag == entries::ORIENTATION)?.as_u16()
}
