//! What a directory says of its picture, checked: sizes, channels, and where the chunks (strips or tiles) lie.

use super::ifd::{Entry, File, Ifd};
use crate::codec::{Format, Space};
use crate::error::Error;
use crate::geometry::Size;
use crate::pixels::Layout;

/// More channels than this a pixel are measurements rather than a picture.
const MOST_SAMPLES: u64 = 16;

/// How samples become colors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Color {
    Gray {
        white_is_zero: bool,
    },
    Palette,
    Rgb,
    Cmyk,
    YCbCr,
    /// Recognized and not read, as in "CIE L*a*b* is not supported".
    Other(&'static str),
}

impl Color {
    const fn samples(self) -> u16 {
        match self {
            Color::Gray { .. } | Color::Palette => 1,
            Color::Rgb | Color::YCbCr | Color::Other(_) => 3,
            Color::Cmyk => 4,
        }
    }
}

/// The channel that holds opacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Alpha {
    pub(super) sample: u16,
    /// The colors were multiplied by it.
    pub(super) associated: bool,
}

/// A strip or a tile, as all but the last ones are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunks {
    pub(super) width: u32,
    pub(super) height: u32,
    pub(super) across: u32,
    pub(super) down: u32,
}

/// A picture in the file.
#[derive(Debug, Clone)]
pub(super) struct Image<'a> {
    pub(super) size: Size,
    pub(super) bits: u16,
    pub(super) samples: u16,
    pub(super) color: Color,
    pub(super) alpha: Option<Alpha>,
    pub(super) compression: u16,
    /// Each row is stored as differences of neighbors.
    pub(super) differences: bool,
    /// One plane a channel.
    pub(super) planar: bool,
    /// The first pixel stands in the lowest bit.
    pub(super) low_bit_first: bool,
    pub(super) chunks: Chunks,
    pub(super) jpeg_tables: Option<&'a [u8]>,
    pub(super) palette: Option<Entry<'a>>,
    offsets: Option<Entry<'a>>,
    counts: Option<Entry<'a>>,
    unsupported: Option<&'static str>,
}

impl<'a> Image<'a> {
    pub(super) fn read(ifd: &Ifd<'a>) -> Result<Image<'a>, Error> {
        let number = |tag, default| ifd.number(tag).unwrap_or(default);
        let side = |tag| ifd.number(tag).and_then(|side| u32::try_from(side).ok()).filter(|&side| side > 0);
        let (Some(width), Some(height)) = (side(256), side(257)) else {
            return Err(Error::malformed(Format::Tiff, "there is no width or no height"));
        };
        let samples = number(277, 1).clamp(1, MOST_SAMPLES + 1) as u16;
        let bits = number(258, 1).min(255) as u16;
        let even =
            ifd.entry(258).is_none_or(|entry| (0..u64::from(samples).min(entry.count)).all(|i| entry.number(i) == Some(u64::from(bits))));
        let compression = number(259, 1).min(0xFFFF) as u16;
        let color = color(ifd, samples);
        let predictor = number(317, 1);
        let planar = number(284, 1) == 2 && samples > 1;
        let tiled = ifd.entry(322).is_some();
        let chunks = chunks(ifd, Size { width, height }, tiled);
        let subsampled = color == Color::YCbCr
            && compression != 7
            && ifd.entry(530).is_none_or(|entry| (entry.number(0), entry.number(1)) != (Some(1), Some(1)));

        let unsupported = match (compression, color) {
            _ if u64::from(samples) > MOST_SAMPLES => Some("a TIFF of more than 16 channels"),
            _ if !even => Some("a TIFF with channels of different depths"),
            _ if number(339, 1) != 1 => Some("a TIFF of signed or floating-point samples"),
            (_, Color::Other(what)) => Some(what),
            (_, Color::Palette) if bits > 8 => Some("a TIFF palette of more than 256 colors"),
            (_, Color::Cmyk) if number(332, 1) != 1 => Some("a TIFF of inks other than CMYK"),
            _ if subsampled => Some("a TIFF of subsampled colors outside JPEG"),
            _ if !matches!(bits, 1 | 2 | 4 | 8 | 16) => Some("a TIFF of this depth"),
            (6, _) => Some("old-style JPEG in TIFF"),
            (7, _) if bits != 8 => Some("JPEG of this depth in TIFF"),
            (3 | 4, _) if bits != 1 || samples != 1 => Some("fax of more than one bit in TIFF"),
            (3, _) if number(292, 0) & 1 != 0 => Some("two-dimensional Group 3 fax in TIFF"),
            (1 | 3 | 4 | 5 | 7 | 8 | 32773 | 32946, _) => None,
            _ => Some("this TIFF compression"),
        };
        // Only these two codings have a predictor; it is a left-over tag beside any other.
        let predicted = matches!(compression, 5 | 8 | 32946) && predictor != 1;
        let unsupported = unsupported.or((predicted && (predictor != 2 || bits < 8)).then_some("this TIFF predictor"));
        Ok(Image {
            size: Size { width, height },
            bits,
            samples,
            color,
            alpha: alpha(ifd, color, samples),
            compression,
            differences: predicted,
            planar,
            low_bit_first: number(266, 1) == 2 && compression != 7,
            chunks,
            jpeg_tables: ifd.bytes(347),
            palette: ifd.entry(320),
            offsets: ifd.entry(if tiled { 324 } else { 273 }),
            counts: ifd.entry(if tiled { 325 } else { 279 }),
            unsupported,
        })
    }

    /// Refuses what `decode` cannot turn into pixels, before anything is allocated.
    pub(super) fn check(&self) -> Result<(), Error> {
        if let Some(what) = self.unsupported {
            return Err(Error::unsupported(what));
        }
        if self.samples < self.color.samples() {
            return Err(Error::malformed(Format::Tiff, "there are too few channels for these colors"));
        }
        let chunk_bits = u64::from(self.chunks.width) * u64::from(self.bits) * u64::from(self.chunk_samples());
        if self.chunks.across > 1 && chunk_bits % 8 != 0 {
            return Err(Error::malformed(Format::Tiff, "tiles end between bytes"));
        }
        let needed = u64::from(self.chunks.across) * u64::from(self.chunks.down) * self.planes() as u64;
        let listed = self.offsets.ok_or_else(|| Error::malformed(Format::Tiff, "it is not said where the pixels are"))?;
        if listed.value.is_none() || listed.count < needed {
            return Err(Error::truncated(Format::Tiff, format!("the list of {needed} strips or tiles is incomplete")));
        }
        Ok(())
    }

    pub(super) const fn layout(&self) -> Layout {
        Layout::of(matches!(self.color, Color::Gray { .. }), self.alpha.is_some())
    }

    /// Whether rows of 16 bits come out: only greys and RGB keep them.
    pub(super) const fn deep(&self) -> bool {
        self.bits == 16 && matches!(self.color, Color::Gray { .. } | Color::Rgb)
    }

    pub(super) const fn space(&self) -> Space {
        match self.color {
            Color::Gray { .. } => Space::Gray,
            Color::Palette | Color::Rgb => Space::Rgb,
            Color::Cmyk => Space::Cmyk,
            Color::YCbCr => Space::YCbCr,
            Color::Other(_) => Space::Lab,
        }
    }

    pub(super) const fn planes(&self) -> usize {
        if self.planar { self.samples as usize } else { 1 }
    }

    /// Channels in a chunk.
    pub(super) const fn chunk_samples(&self) -> u16 {
        if self.planar { 1 } else { self.samples }
    }

    /// Bytes of a row of one chunk, decoded.
    pub(super) const fn chunk_row_bytes(&self) -> u64 {
        (self.chunks.width as u64 * self.bits as u64 * self.chunk_samples() as u64).div_ceil(8)
    }

    /// Heap that decoding holds: a band of chunks, one chunk beside it, its coded bytes, and a few rows.
    pub(super) fn scratch(&self, file_bytes: u64) -> u64 {
        let chunk = self.chunk_row_bytes().saturating_mul(u64::from(self.chunks.height));
        let band = chunk.saturating_mul(u64::from(self.chunks.across)).saturating_mul(self.planes() as u64);
        let rows = u64::from(self.size.width) * (2 * u64::from(self.samples) + 20);
        // JPEG keeps coefficients of 16 bits beside its pixels when it is progressive.
        let beside = if self.compression == 7 { chunk.saturating_mul(4) } else { chunk };
        band.saturating_add(beside).saturating_add(rows).saturating_add(2 * file_bytes).saturating_add(1 << 18)
    }

    /// The coded bytes of a chunk, as far as they are in the file, and whether all of them are.
    pub(super) fn chunk(&self, file: &File<'a>, index: u64) -> Result<(&'a [u8], bool), Error> {
        let missing = || Error::truncated(Format::Tiff, format!("strip or tile {index} is not there"));
        let start = self.offsets.and_then(|entry| entry.number(index)).and_then(|at| usize::try_from(at).ok()).ok_or_else(missing)?;
        let rest = file.bytes.get(start..).filter(|rest| !rest.is_empty()).ok_or_else(missing)?;
        // Without a count, or with the nonsense of 0, the bytes go as far as they are needed.
        match self.counts.and_then(|entry| entry.number(index)).filter(|&count| count > 0) {
            Some(count) if count > rest.len() as u64 => Ok((rest, false)),
            Some(count) => Ok((&rest[..count as usize], true)),
            None => Ok((rest, true)),
        }
    }
}

fn color(ifd: &Ifd<'_>, samples: u16) -> Color {
    match ifd.number(262) {
        Some(0) => Color::Gray { white_is_zero: true },
        Some(1) => Color::Gray { white_is_zero: false },
        Some(2) => Color::Rgb,
        Some(3) => Color::Palette,
        Some(4) => Color::Other("a TIFF transparency mask as a picture"),
        Some(5) => Color::Cmyk,
        Some(6) => Color::YCbCr,
        Some(8..=10) => Color::Other("a TIFF in CIE L*a*b*"),
        Some(_) => Color::Other("a TIFF in these colors"),
        // The tag is required; without it the channels say enough.
        None if samples >= 3 => Color::Rgb,
        None => Color::Gray { white_is_zero: false },
    }
}

fn alpha(ifd: &Ifd<'_>, color: Color, samples: u16) -> Option<Alpha> {
    let first = color.samples();
    let Some(extra) = ifd.entry(338) else {
        // RGB with a fourth channel that nothing is said of is meant as RGBA.
        return (color == Color::Rgb && samples == 4).then_some(Alpha { sample: 3, associated: false });
    };
    (first..samples).zip(0..).find_map(|(sample, index)| match extra.number(index)? {
        1 => Some(Alpha { sample, associated: true }),
        2 | 999 => Some(Alpha { sample, associated: false }),
        _ => None,
    })
}

fn chunks(ifd: &Ifd<'_>, size: Size, tiled: bool) -> Chunks {
    let side = |tag, whole: u32| ifd.number(tag).and_then(|side| u32::try_from(side).ok()).filter(|&side| side > 0).unwrap_or(whole);
    let (width, height) =
        if tiled { (side(322, size.width), side(323, size.height)) } else { (size.width, side(278, size.height).min(size.height)) };
    Chunks { width, height, across: size.width.div_ceil(width), down: size.height.div_ceil(height) }
}
