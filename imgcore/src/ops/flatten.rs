//! Lays a picture with alpha on an opaque ground, and changes a raster's layout.

use crate::pixels::{Layout, Raster, Samples};
use crate::recipe::Color;

/// The layout after `flatten`: no alpha, and colored where the ground is.
pub(crate) const fn layout(layout: Layout, ground: Color) -> Layout {
    Layout::of(layout.is_gray() && ground.is_gray(), false)
}

/// The raster over the ground; one without alpha stays as it is.
pub(crate) fn flatten(raster: &Raster, ground: Color) -> Raster {
    if !raster.layout.has_alpha() {
        return raster.clone();
    }
    let target = layout(raster.layout, ground);
    let colored = if target.is_gray() { raster.clone() } else { with_layout(raster, Layout::Rgba) };
    let ground = [ground.r, ground.g, ground.b];
    let channels = colored.layout.channels();
    let samples = colored.bytes().chunks_exact(channels).flat_map(|pixel| {
        let alpha = pixel[channels - 1];
        pixel[..channels - 1].iter().zip(ground).map(move |(&value, under)| blend(value, under, alpha))
    });
    Raster { width: raster.width, height: raster.height, layout: target, samples: Samples::U8(samples.collect()) }
}

/// `value` at `alpha` over `under`, to the nearest integer.
fn blend(value: u8, under: u8, alpha: u8) -> u8 {
    let alpha = u32::from(alpha);
    ((u32::from(value) * alpha + u32::from(under) * (255 - alpha) + 127) / 255) as u8
}

/// The raster with color and alpha added as the layout has them; none is taken away.
pub(crate) fn with_layout(raster: &Raster, layout: Layout) -> Raster {
    if raster.layout == layout {
        return raster.clone();
    }
    let from = raster.layout;
    let samples = raster.bytes().chunks_exact(from.channels()).flat_map(|p| {
        let rgba = match from {
            Layout::Gray => [p[0], p[0], p[0], 255],
            Layout::GrayAlpha => [p[0], p[0], p[0], p[1]],
            Layout::Rgb => [p[0], p[1], p[2], 255],
            Layout::Rgba => [p[0], p[1], p[2], p[3]],
        };
        let (pixel, len) = match layout {
            Layout::Gray => (rgba, 1),
            Layout::GrayAlpha => ([rgba[0], rgba[3], 0, 0], 2),
            Layout::Rgb => (rgba, 3),
            Layout::Rgba => (rgba, 4),
        };
        pixel.into_iter().take(len)
    });
    Raster { width: raster.width, height: raster.height, layout, samples: Samples::U8(samples.collect()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ground_shows_through_as_alpha_says() {
        let raster = Raster { width: 3, height: 1, layout: Layout::GrayAlpha, samples: Samples::U8(vec![100, 255, 100, 0, 100, 128]) };
        let white = flatten(&raster, Color::WHITE);
        assert_eq!((white.layout, white.bytes()), (Layout::Gray, &[100, 255, 177][..]));
        let red = flatten(&raster, Color::rgb(255, 0, 0));
        assert_eq!((red.layout, &red.bytes()[..6]), (Layout::Rgb, &[100, 100, 100, 255, 0, 0][..]));
    }
}
