//! How a picture meets its box: the five fits, the nine positions and the focal point, in exact fractions.

use super::check_output;
use crate::error::Error;
use crate::geometry::{Axis, Ratio, Region, Size, scale_side};
use crate::limits::{Limits, check};
use crate::recipe::{Fit, Position, Resize};

/// A resize met its picture: the part of the upright source that is used, its size in the result, and the pad around it.
pub(super) struct Fitted {
    /// Across, in upright source pixels.
    pub(super) x: Axis,
    /// Down, in upright source pixels.
    pub(super) y: Axis,
    pub(super) size: Size,
    /// Where the picture lies on a larger canvas.
    pub(super) pad: Option<(Region, Size)>,
}

impl Fitted {
    pub(super) fn unchanged(source: Region) -> Fitted {
        let axis = |from, side| Axis::covering(Ratio::whole(from), Ratio::whole(side), side);
        Fitted { x: axis(source.left, source.width), y: axis(source.top, source.height), size: source.size(), pad: None }
    }

    pub(super) fn is_copy(&self) -> bool {
        self.x.is_copy() && self.y.is_copy()
    }
}

/// Lays the box on the source. All in exact fractions: nothing is rounded but the size of the result.
pub(super) fn fit(resize: &Resize, source: Region, limits: &Limits) -> Result<Fitted, Error> {
    let (sw, sh) = (u64::from(source.width), u64::from(source.height));
    for side in [resize.width, resize.height].into_iter().flatten() {
        check("maxOutputSide", u64::from(side), limits.max_output_side)?;
    }
    // With one side given the other follows, uncropped, whatever the fit.
    let (target, fit) = match (resize.width, resize.height) {
        (Some(width), Some(height)) => (Size::new(width, height), resize.fit),
        (Some(width), None) => (Size::new(width, scale_side(source.height, u64::from(width), sw)), Fit::Fill),
        (None, Some(height)) => (Size::new(scale_side(source.width, u64::from(height), sh), height), Fit::Fill),
        (None, None) => return Err(Error::recipe("resize", "needs a width or a height")),
    };
    let across = Ratio::new(i64::from(target.width), i64::from(source.width));
    let down = Ratio::new(i64::from(target.height), i64::from(source.height));
    let one = Ratio::whole(1);
    let capped = |scale: Ratio| {
        let scale = if resize.without_enlargement { scale.min(one) } else { scale };
        if resize.without_reduction { scale.max(one) } else { scale }
    };
    let scaled = |scale: Ratio| source.size().scaled_by(scale.num as u64, scale.den as u64);

    let size = match fit {
        Fit::Cover => {
            let scale = capped(across.max(down));
            let full = scaled(scale);
            let size = Size::new(target.width.min(full.width), target.height.min(full.height));
            let window = |side: u32, count: u32, start: u32, place: Place| {
                let length = Ratio::whole(count).over(scale).min(Ratio::whole(side));
                let offset = place.offset(Ratio::whole(side), length);
                // At scale 1 pixels are copied, and half a pixel would blur them.
                let offset = if scale == one { Ratio::new(offset.floor(), 1) } else { offset };
                Axis::covering(Ratio::whole(start).plus(offset), length, count)
            };
            let (px, py) = places(resize);
            let x = window(source.width, size.width, source.left, px);
            let y = window(source.height, size.height, source.top, py);
            return Ok(Fitted { x, y, size, pad: None });
        }
        // One axis may be capped and the other not: `fill` never kept the ratio. A side that follows keeps it.
        Fit::Fill if resize.width.is_some() && resize.height.is_some() => {
            Size::new(scale_by(source.width, capped(across)), scale_by(source.height, capped(down)))
        }
        Fit::Fill => {
            let scale = if resize.width.is_some() { across } else { down };
            if capped(scale) == scale { target } else { scaled(capped(scale)) }
        }
        Fit::Inside | Fit::Contain => scaled(capped(across.min(down))),
        Fit::Outside => scaled(capped(across.max(down))),
    };
    check_output(size, limits)?;
    let axis = |from: u32, side: u32, count: u32| Axis::covering(Ratio::whole(from), Ratio::whole(side), count);
    let pad = (fit == Fit::Contain && (size.width < target.width || size.height < target.height)).then(|| {
        let canvas = Size::new(target.width.max(size.width), target.height.max(size.height));
        let (px, py) = places(resize);
        let offset = |place: Place, canvas: u32, side: u32| place.offset(Ratio::whole(canvas), Ratio::whole(side)).floor() as u32;
        let inner = Region {
            left: offset(px, canvas.width, size.width),
            top: offset(py, canvas.height, size.height),
            width: size.width,
            height: size.height,
        };
        (inner, canvas)
    });
    Ok(Fitted { x: axis(source.left, source.width, size.width), y: axis(source.top, source.height, size.height), size, pad })
}

fn scale_by(side: u32, scale: Ratio) -> u32 {
    scale_side(side, scale.num as u64, scale.den as u64)
}

/// Where a part lies on a whole: at a fraction of the room, or centered on a point.
#[derive(Clone, Copy)]
enum Place {
    Gravity(Ratio),
    Focus(Ratio),
}

impl Place {
    /// How far the part begins after the whole does.
    fn offset(self, whole: Ratio, part: Ratio) -> Ratio {
        let room = whole.minus(part);
        match self {
            Place::Gravity(fraction) => room.times(fraction),
            Place::Focus(point) => whole.times(point).minus(part.times(Ratio::new(1, 2))).max(Ratio::whole(0)).min(room),
        }
    }
}

fn places(resize: &Resize) -> (Place, Place) {
    if let Some(focus) = resize.focus {
        // A millionth is finer than a pixel of any picture that the limits allow.
        let point = |v: f64| Place::Focus(Ratio::new((v * 1e6).round() as i64, 1_000_000));
        return (point(focus.x), point(focus.y));
    }
    let (x, y) = match resize.position {
        Position::Northwest => (0, 0),
        Position::North => (1, 0),
        Position::Northeast => (2, 0),
        Position::West => (0, 1),
        Position::Center | Position::Entropy | Position::Attention => (1, 1),
        Position::East => (2, 1),
        Position::Southwest => (0, 2),
        Position::South => (1, 2),
        Position::Southeast => (2, 2),
    };
    (Place::Gravity(Ratio::new(x, 2)), Place::Gravity(Ratio::new(y, 2)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(source: (u32, u32), resize: &Resize) -> Fitted {
        fit(resize, Region::all(Size::new(source.0, source.1)), &Limits::default()).expect("a resize within the limits")
    }

    #[test]
    fn sizes_are_as_the_table_says() {
        let (w, h) = (Resize::width, Resize::height);
        let table = [
            ((4000, 3000), Resize::cover(200, 200), (200, 200)),
            ((4000, 3000), Resize::contain(200, 200), (200, 150)),
            ((4000, 3000), Resize::fill(200, 200), (200, 200)),
            ((4000, 3000), Resize::inside(800, 800), (800, 600)),
            ((3000, 4000), Resize::inside(800, 800), (600, 800)),
            ((4000, 3000), Resize::outside(800, 800), (1067, 800)),
            ((4000, 3000), w(1000), (1000, 750)),
            ((4000, 3000), h(1000), (1333, 1000)),
            ((1000, 1), Resize::inside(10, 10), (10, 1)),
            // withoutEnlargement: the scale is capped at 1.
            ((100, 50), Resize::cover(200, 200).without_enlargement(), (100, 50)),
            ((100, 50), Resize::cover(80, 80).without_enlargement(), (80, 50)),
            ((100, 50), Resize::cover(40, 40).without_enlargement(), (40, 40)),
            ((100, 50), Resize::inside(200, 200).without_enlargement(), (100, 50)),
            ((100, 50), Resize::contain(200, 200).without_enlargement(), (100, 50)),
            ((100, 50), Resize::fill(200, 20).without_enlargement(), (100, 20)),
            ((100, 50), Resize::outside(200, 20).without_enlargement(), (100, 50)),
            ((100, 50), w(200).without_enlargement(), (100, 50)),
            // withoutReduction: the scale is at least 1.
            ((100, 50), Resize::inside(20, 20).without_reduction(), (100, 50)),
            ((100, 50), Resize::cover(20, 20).without_reduction(), (20, 20)),
            ((100, 50), Resize::inside(300, 300).without_reduction(), (300, 150)),
            ((100, 50), h(10).without_reduction(), (100, 50)),
        ];
        for (source, resize, size) in table {
            let result = fitted(source, &resize).size;
            assert_eq!((result.width, result.height), size, "{source:?} {resize:?}");
        }
    }

    #[test]
    fn cover_crops_the_longer_side_where_the_position_says() {
        let left = |resize: Resize| fitted((400, 200), &resize).x.from;
        let square = || Resize::cover(100, 100);
        assert_eq!(left(square()), Ratio::whole(100));
        assert_eq!(left(square().position(Position::West)), Ratio::whole(0));
        assert_eq!(left(square().position(Position::Southeast)), Ratio::whole(200));
        assert_eq!(left(square().focus(0.5, 0.1)), Ratio::whole(100));
        assert_eq!(left(square().focus(0.4, 0.1)), Ratio::whole(60));
        assert_eq!(left(square().focus(0.1, 0.9)), Ratio::whole(0), "clamped to the picture");
    }

    #[test]
    fn cover_keeps_the_ratio_exactly_and_stays_inside_the_picture() {
        for (source, target) in [((1001, 667), (200, 200)), ((7, 5), (640, 3)), ((4000, 3000), (333, 777)), ((1, 1), (16, 9))] {
            let f = fitted(source, &Resize::cover(target.0, target.1));
            assert_eq!(f.x.scale, f.y.scale);
            for (axis, side) in [(f.x, source.0), (f.y, source.1)] {
                let end = axis.from.plus(axis.length());
                assert!(!axis.from.is_below(Ratio::whole(0)) && !Ratio::whole(side).is_below(end), "{source:?} {target:?}");
            }
        }
    }

    #[test]
    fn a_crop_without_scaling_copies_pixels() {
        assert!(fitted((101, 50), &Resize::cover(80, 80).without_enlargement()).is_copy());
    }

    #[test]
    fn contain_pads_to_the_box() {
        let (inner, canvas) = fitted((400, 200), &Resize::contain(100, 100)).pad.expect("a pad");
        assert_eq!((inner.left, inner.top, inner.width, inner.height), (0, 25, 100, 50));
        assert_eq!((canvas.width, canvas.height), (100, 100));
        let (inner, _) = fitted((400, 200), &Resize::contain(100, 100).position(Position::South)).pad.expect("a pad");
        assert_eq!(inner.top, 50);
    }
}
