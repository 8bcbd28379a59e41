//! A row of stored samples into a row of pixels: grey, RGB, straight alpha.

use super::image::{Alpha, Color, Image};
use crate::codec::Format;
use crate::decode::Row;
use crate::error::Error;
use crate::ops::profile::Inks;
use crate::pixels::to_8_bits;

/// Turns rows, with the buffers that it takes.
pub(super) struct Painter<'a> {
    image: &'a Image<'a>,
    /// Red, green and blue by index.
    palette: Vec<[u8; 3]>,
    inks: Inks,
    /// Stored samples, interleaved and unpacked.
    samples: Vec<u16>,
    /// The four inks of a row, and what they look like.
    cmyk: Vec<u8>,
    rgb: Vec<u8>,
    shallow: Vec<u8>,
    deep: Vec<u16>,
}

impl<'a> Painter<'a> {
    /// The profile matters to inks alone: they leave here as sRGB.
    pub(super) fn new(image: &'a Image<'a>, icc: Option<&[u8]>) -> Result<Painter<'a>, Error> {
        let palette = if image.color == Color::Palette { palette(image)? } else { Vec::new() };
        let inks = Inks::new(icc.filter(|_| image.color == Color::Cmyk));
        let (cmyk, rgb) = (Vec::new(), Vec::new());
        Ok(Painter { image, palette, inks, samples: Vec::new(), cmyk, rgb, shallow: Vec::new(), deep: Vec::new() })
    }

    /// Turns one row, given as one slice of bytes a plane.
    pub(super) fn row(&mut self, planes: &[&[u8]]) -> Row<'_> {
        let image = self.image;
        let width = image.size.width as usize;
        let layout = image.layout();
        self.unpack(planes, width);
        let max = if image.bits == 16 { 65_535 } else { 255 };
        let (channels, stored) = (layout.channels(), image.samples as usize);
        if image.color == Color::Cmyk {
            self.mix_inks(width, max);
        }
        self.deep.resize(width * channels, 0);
        for (x, (pixel, samples)) in self.deep.chunks_exact_mut(channels).zip(self.samples.chunks_exact(stored)).enumerate() {
            let colors = if layout.is_gray() { 1 } else { 3 };
            let to = &mut pixel[..colors];
            match image.color {
                Color::Gray { white_is_zero } => to[0] = if white_is_zero { max - samples[0] } else { samples[0] },
                Color::Rgb => to.copy_from_slice(&samples[..3]),
                Color::Palette => to.copy_from_slice(&self.palette.get(samples[0] as usize).copied().unwrap_or_default().map(u16::from)),
                Color::Cmyk => to.iter_mut().zip(&self.rgb[3 * x..]).for_each(|(to, &from)| *to = u16::from(from)),
                Color::YCbCr => to.copy_from_slice(&rgb([0, 1, 2].map(|i| i32::from(shallow(samples[i], max))))),
                Color::Other(_) => {}
            }
            if let Some(Alpha { sample, associated }) = image.alpha {
                let alpha = samples[sample as usize];
                pixel[colors] = if image.deep() || max == 255 { alpha } else { u16::from(to_8_bits(alpha)) };
                if associated {
                    straighten(pixel, if image.deep() { 65_535 } else { 255 });
                }
            }
        }
        if image.deep() {
            return Row::U16(&self.deep);
        }
        self.shallow.clear();
        self.shallow.extend(self.deep.iter().map(|&v| v as u8));
        Row::U8(&self.shallow)
    }

    /// Whether stored rows are rows of pixels as they are.
    pub(super) fn is_plain(&self) -> bool {
        let Image { bits, planar, color, alpha, samples, .. } = *self.image;
        let straight = alpha.is_none_or(|alpha| !alpha.associated && alpha.sample + 1 == samples);
        let plain = matches!(color, Color::Rgb | Color::Gray { white_is_zero: false });
        bits == 8 && !planar && plain && straight && usize::from(samples) == self.image.layout().channels()
    }

    fn mix_inks(&mut self, width: usize, max: u16) {
        self.cmyk.clear();
        for samples in self.samples.chunks_exact(self.image.samples as usize) {
            self.cmyk.extend(samples[..4].iter().map(|&ink| shallow(ink, max)));
        }
        self.rgb.resize(3 * width, 0);
        self.inks.to_rgb(&self.cmyk, &mut self.rgb);
    }

    fn unpack(&mut self, planes: &[&[u8]], width: usize) {
        let (bits, stored) = (self.image.bits, self.image.samples as usize);
        let in_plane = self.image.chunk_samples() as usize;
        self.samples.resize(width * stored, 0);
        for (first, plane) in planes.iter().enumerate() {
            for index in 0..width * in_plane {
                let value = match bits {
                    8 => plane.get(index).copied().map_or(0, u16::from),
                    16 => plane.get(2 * index..2 * index + 2).map_or(0, |pair| u16::from_ne_bytes([pair[0], pair[1]])),
                    _ => {
                        let at = index * bits as usize;
                        let byte = plane.get(at / 8).copied().unwrap_or_default();
                        let raw = u16::from(byte >> (8 - at % 8 - bits as usize)) & ((1 << bits) - 1);
                        // A palette takes the index, all else the full range.
                        if self.image.color == Color::Palette && index % stored == 0 { raw } else { raw * (255 / ((1 << bits) - 1)) }
                    }
                };
                let at = if self.image.planar { index * stored + first } else { index };
                if let Some(sample) = self.samples.get_mut(at) {
                    *sample = value;
                }
            }
        }
    }
}

const fn shallow(sample: u16, max: u16) -> u8 {
    if max == 255 { sample as u8 } else { to_8_bits(sample) }
}

/// BT.601 at full range, as in JFIF, in 16 fractional bits.
fn rgb([y, cb, cr]: [i32; 3]) -> [u16; 3] {
    let (cb, cr, half) = (cb - 128, cr - 128, 1 << 15);
    let red = y + ((91_881 * cr + half) >> 16);
    let green = y + ((-22_554 * cb - 46_802 * cr + half) >> 16);
    let blue = y + ((116_130 * cb + half) >> 16);
    [red, green, blue].map(|v| v.clamp(0, 255) as u16)
}

/// Divides colors by the alpha that follows them.
fn straighten(pixel: &mut [u16], max: u32) {
    let Some((alpha, colors)) = pixel.split_last_mut() else { return };
    let alpha = u32::from(*alpha);
    for color in colors {
        *color = (u32::from(*color) * max + alpha / 2).checked_div(alpha).unwrap_or(0).min(max) as u16;
    }
}

/// All reds, then all greens, then all blues, of 16 bits.
fn palette(image: &Image<'_>) -> Result<Vec<[u8; 3]>, Error> {
    let colors = 1u64 << image.bits;
    let entry = image.palette.ok_or_else(|| Error::malformed(Format::Tiff, "there is no palette"))?;
    let color = |index| [0u64, 1, 2].map(|channel| entry.number(channel * colors + index).map(|v| (v >> 8) as u8));
    let palette = (0..colors).map(|index| match color(index) {
        [Some(r), Some(g), Some(b)] => Ok([r, g, b]),
        _ => Err(Error::malformed(Format::Tiff, "the palette is incomplete")),
    });
    palette.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn straightening_rounds_and_never_exceeds_white() {
        let straight = |mut pixel: [u16; 2]| {
            straighten(&mut pixel, 255);
            pixel[0]
        };
        assert_eq!([straight([64, 128]), straight([100, 200]), straight([200, 100]), straight([9, 0])], [128, 128, 255, 0]);
    }

    #[test]
    fn luma_alone_is_grey_and_full_chroma_is_clamped() {
        assert_eq!(rgb([77, 128, 128]), [77, 77, 77]);
        assert_eq!(rgb([76, 85, 255]), [254, 0, 0]);
        assert_eq!(rgb([255, 255, 255]), [255, 121, 255]);
    }
}
