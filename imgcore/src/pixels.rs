//! Pixels in memory: rows of integers, straight alpha, and nothing foreign.
//!
//! A file in `ops/` ever sees only a [`Raster`]; [`Planes`] live from a JPEG decoder through a resize to a JPEG encoder.

use crate::decode::Shape;
use crate::error::Error;
use crate::geometry::Size;

/// The channels of a pixel, in memory order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Layout {
    /// One channel of grey.
    Gray,
    /// Grey and alpha.
    GrayAlpha,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue, alpha.
    Rgba,
}

impl Layout {
    /// Samples in a pixel.
    #[must_use]
    pub const fn channels(self) -> usize {
        match self {
            Layout::Gray => 1,
            Layout::GrayAlpha => 2,
            Layout::Rgb => 3,
            Layout::Rgba => 4,
        }
    }

    /// Whether the last channel is alpha.
    #[must_use]
    pub const fn has_alpha(self) -> bool {
        matches!(self, Layout::GrayAlpha | Layout::Rgba)
    }

    /// Whether there is no color.
    #[must_use]
    pub const fn is_gray(self) -> bool {
        matches!(self, Layout::Gray | Layout::GrayAlpha)
    }

    /// The layout with this color and this alpha.
    #[must_use]
    pub const fn of(gray: bool, alpha: bool) -> Layout {
        match (gray, alpha) {
            (true, false) => Layout::Gray,
            (true, true) => Layout::GrayAlpha,
            (false, false) => Layout::Rgb,
            (false, true) => Layout::Rgba,
        }
    }
}

/// Samples of 8 or 16 bits, row after row without padding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Samples {
    /// 0 to 255.
    U8(Vec<u8>),
    /// 0 to 65,535.
    U16(Vec<u16>),
}

/// 16 bits to 8, rounded: the one rule for every feed.
#[must_use]
pub const fn to_8_bits(value: u16) -> u8 {
    ((value as u32 * 255 + 32_895) >> 16) as u8
}

impl Samples {
    /// How many samples there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Samples::U8(samples) => samples.len(),
            Samples::U16(samples) => samples.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The samples as 8 bits; deep ones are rounded.
    #[must_use]
    pub fn into_u8(self) -> Vec<u8> {
        match self {
            Samples::U8(samples) => samples,
            Samples::U16(samples) => samples.into_iter().map(to_8_bits).collect(),
        }
    }
}

/// A picture as rows of whole pixels, straight alpha.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raster {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The channels of a pixel.
    pub layout: Layout,
    /// `width * height * layout.channels()` samples.
    pub samples: Samples,
}

impl Raster {
    /// A raster of 8-bit samples.
    ///
    /// # Errors
    /// `invalid_recipe` where the number of samples is not `width * height * channels`, or a side is 0.
    pub fn from_u8(width: u32, height: u32, layout: Layout, samples: Vec<u8>) -> Result<Raster, Error> {
        let expected = u64::from(width) * u64::from(height) * layout.channels() as u64;
        if expected == 0 || expected != samples.len() as u64 {
            return Err(Error::recipe(
                "pixels",
                format!("{width}x{height} {layout:?} needs {expected} samples, at least one, and has {}", samples.len()),
            ));
        }
        Ok(Raster { width, height, layout, samples: Samples::U8(samples) })
    }

    /// Width and height.
    #[must_use]
    pub fn size(&self) -> Size {
        Size { width: self.width, height: self.height }
    }

    /// Samples in a row.
    #[must_use]
    pub fn stride(&self) -> usize {
        self.width as usize * self.layout.channels()
    }

    /// The 8-bit samples; empty for a deep raster, which [`Raster::into_8_bits`] turns.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match &self.samples {
            Samples::U8(samples) => samples,
            Samples::U16(_) => &[],
        }
    }

    /// The same raster with samples of 8 bits.
    #[must_use]
    pub fn into_8_bits(self) -> Raster {
        Raster { samples: Samples::U8(self.samples.into_u8()), ..self }
    }
}

/// YCbCr planes, chroma at its own size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planes {
    /// The sizes of the planes, and where their samples lie.
    pub shape: Shape,
    /// Y, Cb and Cr.
    pub planes: [Vec<u8>; 3],
}

/// A raster, or planes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pixels {
    /// Whole pixels.
    Raster(Raster),
    /// YCbCr planes.
    Planes(Planes),
}

impl From<Raster> for Pixels {
    fn from(raster: Raster) -> Pixels {
        Pixels::Raster(raster)
    }
}

impl From<Planes> for Pixels {
    fn from(planes: Planes) -> Pixels {
        Pixels::Planes(planes)
    }
}

/// One frame of a picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The whole canvas.
    pub pixels: Pixels,
    /// How long it shows, in milliseconds; 0 for a still.
    pub delay_ms: u32,
}

/// Frames, a loop count, and the profile that their colors are in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// At least one: a still is one frame.
    pub frames: Vec<Frame>,
    /// How often an animation plays; 0 is for ever.
    pub loops: u32,
    /// An ICC profile. None: sRGB.
    pub profile: Option<Vec<u8>>,
}

impl Picture {
    /// A still picture in sRGB.
    #[must_use]
    pub fn still(pixels: impl Into<Pixels>) -> Picture {
        Picture { frames: vec![Frame { pixels: pixels.into(), delay_ms: 0 }], loops: 0, profile: None }
    }
}
