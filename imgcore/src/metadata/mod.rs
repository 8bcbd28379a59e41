//! What a file says beside its pixels: EXIF read into typed values, and rewritten to what may leave.
//!
//! ```text
//! block (untrusted) --entries--> a few known tags --write--> small block of our own --+--> kept beside the result
//!                                                                                     +--kamadak-exif--> Exif
//! ```
//!
//! Comes in: blocks as the codecs found them. Goes out: values, or a new block. It must not know pixels, and of recipes only the words for metadata.

mod entries;
mod exif;
mod keep;

pub(crate) use self::exif::read_exif;
pub use self::exif::{Exif, Gps, MeteringMode, WhiteBalance};
use self::keep::{Keep, kept_exif};
use crate::codec::Blocks;
use crate::recipe::Metadata;

/// The blocks that go along with a result: the profile as it was, and of EXIF a new block of what the words name.
///
/// Where the pixels were turned upright, the new block says orientation 1.
pub(crate) fn kept(blocks: &Blocks, words: Metadata, upright: bool) -> Blocks {
    let keep = Keep { exif: words.exif, copyright: words.copyright, gps: words.gps };
    let exif = blocks.exif.as_deref().filter(|_| keep != Keep::default()).and_then(|block| kept_exif(block, keep, upright));
    Blocks { icc: blocks.icc.clone().filter(|_| words.icc), exif, ..Blocks::default() }
}

/// The orientation tag as written, from whatever is left of a block; 0 and values above 8 occur, and mean 1.
pub(crate) fn orientation(block: &[u8]) -> Option<u16> {
    let block = entries::Block::open(block)?;
    block.first_ifd().find(|entry| entry.tag == entries::ORIENTATION)?.as_u16()
}
