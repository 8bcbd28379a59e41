//! From an embedded ICC profile to sRGB, with the same bytes on every CPU: profiles made of tables by [`tables`], those of a matrix and curves by
//! `moxcms` in its fixed-point mode. It reads them all, and nobody else uses it.

mod tables;

use moxcms::{ColorProfile, DataColorSpace, ParsingOptions, ProfileText, TransformOptions};
use serde::Serialize;

use crate::decode::contain;
use crate::error::Error;
use crate::pixels::{Layout, Raster, Samples};
use tables::Grid;

/// What an embedded ICC profile says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Profile {
    /// Its own description, as in `Display P3`.
    pub description: String,
    /// The colors it is for: `rgb`, `gray`, `cmyk` or `other`.
    pub space: &'static str,
    /// Whether colors in it are sRGB's, within a level.
    pub is_srgb: bool,
}

/// Tables larger than any camera or press profile has are not worth reading.
const PARSING: ParsingOptions =
    ParsingOptions { max_profile_size: 8 << 20, max_allowed_clut_size: 2_000_000, max_allowed_trc_size: 40_000 };

fn parse(icc: &[u8]) -> Result<ColorProfile, Error> {
    contain(|| ColorProfile::new_from_slice_with_options(icc, PARSING).map_err(|e| Error::internal(format!("profile: {e}"))))
}

/// Reads a profile; None where it is broken.
pub(crate) fn read(icc: &[u8]) -> Option<Profile> {
    let profile = parse(icc).ok()?;
    let space = match profile.color_space {
        DataColorSpace::Rgb => "rgb",
        DataColorSpace::Gray => "gray",
        DataColorSpace::Cmyk => "cmyk",
        _ => "other",
    };
    let description = match &profile.description {
        Some(ProfileText::PlainString(text)) => text.clone(),
        Some(ProfileText::Localizable(texts)) => texts.first().map(|t| t.value.clone()).unwrap_or_default(),
        Some(ProfileText::Description(text)) => text.ascii_string.clone(),
        None => String::new(),
    };
    let description = description.chars().filter(|c| !c.is_control()).take(128).collect();
    Some(Profile { description, space, is_srgb: space == "rgb" && is_srgb(profile) })
}

/// Colorants first, since they are at hand; then a few colors through the transform itself.
fn is_srgb(profile: ColorProfile) -> bool {
    let srgb = ColorProfile::new_srgb();
    let near = |a: moxcms::Xyzd, b: moxcms::Xyzd| (a.x - b.x).abs() < 0.003 && (a.y - b.y).abs() < 0.003 && (a.z - b.z).abs() < 0.003;
    let colorants = near(profile.red_colorant, srgb.red_colorant)
        && near(profile.green_colorant, srgb.green_colorant)
        && near(profile.blue_colorant, srgb.blue_colorant);
    if !colorants {
        return false;
    }
    let samples: Vec<u8> = (0..=255).step_by(15).flat_map(|v: u8| [v, v, v, v, 128, 255 - v]).collect();
    to_srgb_samples(profile, &samples, Layout::Rgb).is_ok_and(|result| samples.iter().zip(&result).all(|(a, b)| a.abs_diff(*b) <= 1))
}

/// The raster's colors in sRGB; grey stays grey.
///
/// # Errors
/// Any, where the profile is broken or is for other colors: the picture then stays as it is, with a warning.
pub(crate) fn to_srgb(raster: &Raster, icc: &[u8]) -> Result<Raster, Error> {
    let profile = parse(icc)?;
    let samples = contain(|| {
        if raster.layout.is_gray() {
            let table = gray_table(profile)?;
            let channels = raster.layout.channels();
            Ok(raster
                .bytes()
                .chunks_exact(channels)
                .flat_map(|p| std::iter::once(table[usize::from(p[0])]).chain(p[1..].iter().copied()))
                .collect())
        } else {
            to_srgb_samples(profile, raster.bytes(), raster.layout)
        }
    })?;
    Ok(Raster { samples: Samples::U8(samples), ..*raster })
}

fn to_srgb_samples(profile: ColorProfile, samples: &[u8], layout: Layout) -> Result<Vec<u8>, Error> {
    if profile.color_space != DataColorSpace::Rgb {
        return Err(Error::internal("profile: not for RGB"));
    }
    let mut result = vec![0; samples.len()];
    if let Some(grid) = Grid::new(&profile) {
        grid.map(samples, &mut result, usize::from(layout.has_alpha()));
    } else if profile.is_matrix_shaper() {
        let layout = if layout.has_alpha() { moxcms::Layout::Rgba } else { moxcms::Layout::Rgb };
        by_curves(profile, samples, layout, &mut result, layout)?;
    } else {
        return Err(Error::internal("profile: without usable tables, and without a matrix"));
    }
    Ok(result)
}

/// Where each of the 256 greys goes; through the neutral axis where the profile is for RGB.
fn gray_table(profile: ColorProfile) -> Result<Vec<u8>, Error> {
    let ramp: Vec<u8> = (0..=255).collect();
    let mut rgb = vec![0; 3 * ramp.len()];
    if profile.color_space != DataColorSpace::Gray {
        rgb = to_srgb_samples(profile, &ramp.iter().flat_map(|&v| [v; 3]).collect::<Vec<_>>(), Layout::Rgb)?;
    } else if let Some(grid) = Grid::new(&profile) {
        grid.map(&ramp, &mut rgb, 0);
    } else {
        by_curves(profile, &ramp, moxcms::Layout::Gray, &mut rgb, moxcms::Layout::Rgb)?;
    }
    Ok(rgb.chunks_exact(3).map(|p| p[1]).collect())
}

fn by_curves(
    mut profile: ColorProfile,
    samples: &[u8],
    layout: moxcms::Layout,
    result: &mut [u8],
    result_layout: moxcms::Layout,
) -> Result<(), Error> {
    // Tables, even broken ones, would lead into other code, in floating point and with other bytes on another CPU.
    (profile.lut_a_to_b_perceptual, profile.lut_a_to_b_colorimetric, profile.lut_a_to_b_saturation) = (None, None, None);
    let options = TransformOptions { prefer_fixed_point: true, ..TransformOptions::default() };
    profile
        .create_transform_8bit(layout, &ColorProfile::new_srgb(), result_layout, options)
        .and_then(|transform| transform.transform(samples, result))
        .map_err(|e| Error::internal(format!("profile: {e}")))
}

/// Four inks to sRGB, a row at a time: by their profile where that is usable, else by the product of what each ink leaves.
pub(crate) struct Inks {
    grid: Option<Grid>,
}

impl Inks {
    /// For pixels with this profile, or with none.
    pub(crate) fn new(icc: Option<&[u8]>) -> Inks {
        let grid = icc.and_then(|icc| contain(|| Ok(Grid::new(&parse(icc)?))).ok().flatten());
        Inks { grid: grid.filter(|grid| grid.inputs() == 4) }
    }

    /// `cmyk` holds four samples a pixel, 255 is all ink; `rgb` three.
    pub(crate) fn to_rgb(&self, cmyk: &[u8], rgb: &mut [u8]) {
        if let Some(grid) = &self.grid {
            return grid.map(cmyk, rgb, 0);
        }
        for (inks, pixel) in cmyk.chunks_exact(4).zip(rgb.chunks_exact_mut(3)) {
            let left = 255 - u32::from(inks[3]);
            for (ink, value) in inks.iter().zip(pixel) {
                *value = (((255 - u32::from(*ink)) * left + 127) / 255) as u8;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(profile: &ColorProfile) -> Vec<u8> {
        profile.encode().expect("a profile of the crate's own")
    }

    #[test]
    fn srgb_is_recognized_and_display_p3_is_not() {
        assert!(read(&encoded(&ColorProfile::new_srgb())).expect("readable").is_srgb);
        assert!(!read(&encoded(&ColorProfile::new_display_p3())).expect("readable").is_srgb);
        assert_eq!(read(b"no profile"), None);
    }

    #[test]
    fn the_green_of_display_p3_is_out_of_reach_and_its_white_is_white() {
        let raster =
            Raster { width: 3, height: 1, layout: Layout::Rgb, samples: Samples::U8(vec![0, 255, 0, 255, 255, 255, 128, 128, 128]) };
        let result = to_srgb(&raster, &encoded(&ColorProfile::new_display_p3())).expect("a usable profile");
        let p = result.bytes();
        assert_eq!(&p[..3], [0, 255, 0]);
        assert!(p[3..6].iter().all(|v| *v >= 254), "{p:?}");
        assert!(p[6..].iter().all(|v| v.abs_diff(128) <= 1), "{p:?}");
    }

    #[test]
    fn gray_stays_gray_and_keeps_its_alpha() {
        let raster = Raster { width: 2, height: 1, layout: Layout::GrayAlpha, samples: Samples::U8(vec![100, 7, 255, 255]) };
        let result = to_srgb(&raster, &encoded(&ColorProfile::new_gray_with_gamma(1.0))).expect("a usable profile");
        assert_eq!(result.layout, Layout::GrayAlpha);
        let p = result.bytes();
        assert!(p[0] > 150 && p[1] == 7 && p[2] >= 254 && p[3] == 255, "{p:?}");
    }

    #[test]
    fn without_a_profile_inks_multiply() {
        let mut rgb = [0; 6];
        Inks::new(None).to_rgb(&[0, 255, 128, 0, 0, 0, 0, 255], &mut rgb);
        assert_eq!(rgb, [255, 0, 127, 0, 0, 0]);
    }
}
