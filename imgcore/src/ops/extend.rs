//! Puts a raster on a larger canvas of one color.

use crate::geometry::{Region, Size};
use crate::ops::flatten::with_layout;
use crate::pixels::{Layout, Raster, Samples};
use crate::recipe::Color;

/// The layout after `extend`: with alpha where the canvas is not opaque, colored where it is colored.
pub(crate) const fn layout(layout: Layout, background: Color) -> Layout {
    Layout::of(layout.is_gray() && background.is_gray(), layout.has_alpha() || background.a != 255)
}

/// The raster at `inner` on a canvas of `size`.
pub(crate) fn extend(raster: &Raster, inner: Region, size: Size, background: Color) -> Raster {
    let layout = layout(raster.layout, background);
    let raster = with_layout(raster, layout);
    let Color { r, g, b, a } = background;
    let pixel: &[u8] = match layout {
        Layout::Gray => &[r],
        Layout::GrayAlpha => &[r, a],
        Layout::Rgb => &[r, g, b],
        Layout::Rgba => &[r, g, b, a],
    };
    let mut samples = pixel.repeat(size.width as usize * size.height as usize);
    let (stride, start) = (size.width as usize * pixel.len(), inner.left as usize * pixel.len());
    let rows = samples.chunks_exact_mut(stride).skip(inner.top as usize);
    for (to, from) in rows.zip(raster.bytes().chunks_exact(raster.stride())) {
        to[start..start + from.len()].copy_from_slice(from);
    }
    Raster { width: size.width, height: size.height, layout, samples: Samples::U8(samples) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_lies_where_it_was_put() {
        let raster = Raster { width: 1, height: 1, layout: Layout::Gray, samples: Samples::U8(vec![9]) };
        let inner = Region { left: 1, top: 0, width: 1, height: 1 };
        let clear = extend(&raster, inner, Size::new(3, 1), Color::TRANSPARENT);
        assert_eq!((clear.layout, clear.bytes()), (Layout::GrayAlpha, &[0, 0, 9, 255, 0, 0][..]));
        let blue = extend(&raster, inner, Size::new(2, 1), Color::rgb(0, 0, 7));
        assert_eq!((blue.layout, blue.bytes()), (Layout::Rgb, &[0, 0, 7, 9, 9, 9][..]));
    }
}
