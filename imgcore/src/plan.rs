//! DECIDED: a recipe meets a header, and every question is answered, in integers; no pixels are seen here.

use serde::Serialize;

pub use crate::decode::DecodePlan;
use crate::codec::Format;
use crate::geometry::{Axis, Ratio, Region, Turn};
use crate::pixels::Layout;
use crate::recipe::{ChromaSubsampling, Color, Effort, Kernel};

/// A resize, decided: where each output sample lies in the decoded picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResizeSpec {
    /// Across.
    pub x: Axis,
    /// Down.
    pub y: Axis,
    /// The filter.
    pub kernel: Kernel,
    /// Chroma samples a result pixel, across and down, where planes are fed.
    pub chroma_out: [Ratio; 2],
}

/// How pixels come from the decoder to the first buffer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Feed {
    /// Rows flow into the resize; crop and orientation are inside its axes.
    Stream(ResizeSpec),
    /// Planes flow into the resize.
    Planes(ResizeSpec),
    /// The whole picture, then operations, then perhaps a resize: the same bytes as `Stream`.
    Raster {
        /// Operations before the resize.
        before: Vec<Op>,
        /// The resize.
        resize: Option<ResizeSpec>,
    },
}

/// One operation on pixels, decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Op {
    /// Cut out a rectangle.
    Crop(Region),
    /// From the embedded profile to sRGB.
    ToSrgb,
    /// Put the picture on a larger canvas.
    Extend {
        /// Where the picture lies on the canvas, and how large it is.
        inner: Region,
        /// The canvas's width.
        width: u32,
        /// The canvas's height.
        height: u32,
        /// The canvas's color.
        background: Color,
    },
    /// Lay the picture on a ground.
    Flatten(Color),
}

/// How the result is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct EncodePlan {
    /// The format.
    pub format: Format,
    /// The layout that the encoder is given.
    pub layout: Layout,
    /// 1 to 100, where the format has one.
    pub quality: u8,
    /// Time against bytes.
    pub effort: Effort,
    /// A progressive JPEG.
    pub progressive: bool,
    /// A JPEG's chroma.
    pub chroma_subsampling: ChromaSubsampling,
    /// A lossless WebP.
    pub lossless: bool,
    /// Whether the ICC profile goes along.
    pub icc: bool,
}

/// All that was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Plan {
    /// How the file is decoded.
    pub decode: DecodePlan,
    /// How its pixels come in.
    pub feed: Feed,
    /// The turn after the resize.
    pub turn: Turn,
    /// The operations after the turn, in order.
    pub after: Vec<Op>,
    /// How the result is written.
    pub encode: EncodePlan,
    /// The result's width.
    pub width: u32,
    /// The result's height.
    pub height: u32,
    pub(crate) peak_bytes: u64,
    pub(crate) work: u64,
}
