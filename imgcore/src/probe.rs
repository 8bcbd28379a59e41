//! FOUND: what the bytes claim, without decoding pixels.
//!
//! Comes in: bytes and limits. Goes out: a [`Header`], and the metadata blocks for those who keep or apply them.

use serde::Serialize;

use crate::codec::{self, Blocks, Format, Space};
use crate::decode::contain;
use crate::error::Error;
use crate::geometry::{Size, Turn};
use crate::limits::{Context, Stage, check};
use crate::metadata::{self, Exif};
use crate::ops::profile::{self, Profile};
use crate::pixels::{Layout, Picture, Pixels, Samples};
use crate::report::Warning;

/// What a file claims. Sizes are in pixels.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Header {
    /// The format, told by the bytes.
    pub format: Format,
    /// The size of the input in bytes.
    pub bytes: u64,
    /// Width as seen, after the orientation.
    pub width: u32,
    /// Height as seen, after the orientation.
    pub height: u32,
    /// Width as stored.
    pub stored_width: u32,
    /// Height as stored.
    pub stored_height: u32,
    /// The EXIF orientation to apply, 1 to 8.
    pub orientation: u8,
    /// Frames found; 1 for a still.
    pub frames: u32,
    /// How often an animation plays; 0 is for ever.
    pub loops: u32,
    /// Whether pixels may be transparent.
    pub has_alpha: bool,
    /// The layout that decoding gives.
    pub layout: Layout,
    /// Bits a sample, as stored.
    pub bit_depth: u8,
    /// The colors, as stored.
    pub space: Space,
    /// A JPEG's chroma, as in `4:2:0`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chroma_subsampling: Option<&'static str>,
    /// Progressive, or interlaced.
    pub progressive: bool,
    /// The embedded ICC profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// EXIF, as typed values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exif: Option<Exif>,
    /// Whether there is an XMP packet.
    pub has_xmp: bool,
    /// Whether there is an IPTC block.
    pub has_iptc: bool,
    /// What was odd but harmless.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
    /// What the decoder holds beside its rows, in bytes.
    #[serde(skip)]
    pub(crate) scratch: u64,
    /// The same for decoding at N/8, for N from 1 to 7.
    #[serde(skip)]
    pub(crate) scaled_scratch: [u64; 7],
    /// Whether decoding gives 16 bits.
    #[serde(skip)]
    pub(crate) deep: bool,
}

impl Header {
    /// The size as seen.
    #[must_use]
    pub fn size(&self) -> Size {
        Size::new(self.width, self.height)
    }

    /// The size as stored.
    #[must_use]
    pub fn stored(&self) -> Size {
        Size::new(self.stored_width, self.stored_height)
    }

    /// The header as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a header is plain data with string keys")
    }
}

/// Reads the header of a file without decoding its pixels.
///
/// # Errors
/// `unknown_format`, `unsupported`, `truncated`, `malformed`, or `limit_exceeded` for what a limit of the context forbids to read.
///
/// ```
/// let gif = b"GIF89a\x02\x00\x01\x00\x80\x00\x00\x00\x00\x00\xFF\xFF\xFF,\x00\x00\x00\x00\x02\x00\x01\x00\x00\x02\x02\x44\x0A\x00;";
/// let header = imgcore::probe(gif, &imgcore::Context::default())?;
/// assert_eq!((header.format.name(), header.width, header.height), ("gif", 2, 1));
/// # Ok::<(), imgcore::Error>(())
/// ```
pub fn probe(input: &[u8], ctx: &Context) -> Result<Header, Error> {
    read(input, ctx).map(|(header, _)| header)
}

/// The header, and the metadata blocks beside it.
pub(crate) fn read(input: &[u8], ctx: &Context) -> Result<(Header, Blocks), Error> {
    ctx.go_on(Stage::Probe)?;
    check("maxInputBytes", input.len() as u64, ctx.limits.max_input_bytes)?;
    let format = Format::of(input).ok_or(Error::UnknownFormat { empty: input.is_empty() })?;
    let found = contain(|| codec::probe(format, input, &ctx.limits))?;
    let mut warnings = found.warnings;

    let exif = found.blocks.exif.as_deref().and_then(|block| match contain(|| Ok(metadata::read_exif(block))) {
        Ok(Ok(exif)) => Some(exif),
        _ => {
            warnings.push(Warning::new("metadata_ignored", "the EXIF block cannot be read"));
            None
        }
    });
    let tag = found.blocks.exif.as_deref().and_then(metadata::orientation).or(found.orientation);
    let turn = Turn::from_exif(tag.unwrap_or(1));
    let profile = found.blocks.icc.as_deref().and_then(|icc| {
        let profile = profile::read(icc);
        if profile.is_none() {
            warnings.push(Warning::new("profile_ignored", "the ICC profile cannot be read; the colors are taken as sRGB"));
        }
        profile
    });

    let upright = turn.size(found.size);
    let header = Header {
        format,
        bytes: input.len() as u64,
        width: upright.width,
        height: upright.height,
        stored_width: found.size.width,
        stored_height: found.size.height,
        orientation: turn.to_exif(),
        frames: found.frames,
        loops: found.loops,
        has_alpha: found.layout.has_alpha(),
        layout: found.layout,
        bit_depth: found.bit_depth,
        space: found.space,
        chroma_subsampling: found.chroma_subsampling,
        progressive: found.progressive,
        profile,
        exif,
        has_xmp: found.blocks.xmp.is_some(),
        has_iptc: found.blocks.iptc.is_some(),
        warnings,
        scratch: found.scratch,
        scaled_scratch: found.scaled_scratch,
        deep: found.deep,
    };
    Ok((header, found.blocks))
}

/// The header of pixels that came as such: upright, `raw`.
pub(crate) fn of_picture(picture: &Picture) -> Result<Header, Error> {
    let first = picture.frames.first().ok_or_else(|| Error::recipe("pixels", "a picture has at least one frame"))?;
    let Pixels::Raster(raster) = &first.pixels else { return Err(Error::unsupported("converting planes")) };
    let expected = raster.size().pixels() * raster.layout.channels() as u64;
    if expected == 0 || expected != raster.samples.len() as u64 {
        return Err(Error::recipe(
            "pixels",
            format!("{}x{} {:?} needs {expected} samples, at least one", raster.width, raster.height, raster.layout),
        ));
    }
    let deep = matches!(raster.samples, Samples::U16(_));
    Ok(Header {
        format: Format::Raw,
        bytes: expected * if deep { 2 } else { 1 },
        width: raster.width,
        height: raster.height,
        stored_width: raster.width,
        stored_height: raster.height,
        orientation: 1,
        frames: u32::try_from(picture.frames.len()).unwrap_or(u32::MAX),
        loops: picture.loops,
        has_alpha: raster.layout.has_alpha(),
        layout: raster.layout,
        bit_depth: if deep { 16 } else { 8 },
        space: if raster.layout.is_gray() { Space::Gray } else { Space::Rgb },
        chroma_subsampling: None,
        progressive: false,
        profile: picture.profile.as_deref().and_then(profile::read),
        exif: None,
        has_xmp: false,
        has_iptc: false,
        warnings: Vec::new(),
        scratch: 0,
        scaled_scratch: [0; 7],
        deep,
    })
}
