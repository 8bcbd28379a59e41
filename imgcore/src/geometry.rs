//! Sizes, rectangles, the eight orientations, and where each output sample lies in its source: exact, in integers.
//!
//! ```text
//!   1        2        3        4        5          6          7          8      as stored; turned upright all show F
//!  ######   ######       ##   ##       ##########  ##                ##  ##########
//!  ##           ##       ##   ##       ##  ##      ##  ##        ##  ##      ##  ##
//!  ####       ####     ####   ####     ##          ##########  ##########          ##
//!  ##           ##       ##   ##
//!  ##           ##   ######   ######
//! ```

use serde::Serialize;

/// Width, then height, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Size {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

impl Size {
    /// A size of `width` by `height`.
    #[must_use]
    pub const fn new(width: u32, height: u32) -> Size {
        Size { width, height }
    }

    /// Width times height, in u64.
    #[must_use]
    pub const fn pixels(self) -> u64 {
        self.width as u64 * self.height as u64
    }

    /// Width and height exchanged.
    #[must_use]
    pub const fn swapped(self) -> Size {
        Size { width: self.height, height: self.width }
    }

    /// Each side times `num / den`, half up, never below 1: the one place where sizes are rounded.
    #[must_use]
    pub fn scaled_by(self, num: u64, den: u64) -> Size {
        Size { width: scale_side(self.width, num, den), height: scale_side(self.height, num, den) }
    }
}

/// One side times `num / den`, half up, never below 1, at most `u32::MAX`.
pub(crate) fn scale_side(side: u32, num: u64, den: u64) -> u32 {
    let (num, den) = (u128::from(num), u128::from(den.max(1)));
    let scaled = (u128::from(side) * num * 2 + den) / (den * 2);
    u32::try_from(scaled.max(1)).unwrap_or(u32::MAX)
}

/// A rectangle of whole pixels: left, top, width, height.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Region {
    /// Pixels left of it.
    pub left: u32,
    /// Rows above it.
    pub top: u32,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in rows.
    pub height: u32,
}

impl Region {
    /// The whole of a picture.
    #[must_use]
    pub const fn all(size: Size) -> Region {
        Region { left: 0, top: 0, width: size.width, height: size.height }
    }

    /// Its width and height.
    #[must_use]
    pub const fn size(self) -> Size {
        Size { width: self.width, height: self.height }
    }

    /// Whether it is at least one pixel and lies inside a picture of this size.
    #[must_use]
    pub const fn fits(self, size: Size) -> bool {
        self.width > 0
            && self.height > 0
            && self.left as u64 + self.width as u64 <= size.width as u64
            && self.top as u64 + self.height as u64 <= size.height as u64
    }
}

/// How a stored picture is turned and mirrored to become upright: one of eight, numbered as in EXIF.
///
/// A turn is a transposition or not, followed by a mirroring left to right, top to bottom, both or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Turn {
    /// Rows become columns, before any mirroring.
    pub transpose: bool,
    /// Left and right exchanged, in the upright picture.
    pub flop: bool,
    /// Top and bottom exchanged, in the upright picture.
    pub flip: bool,
}

impl Serialize for Turn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(self.to_exif())
    }
}

impl Turn {
    /// Nothing is turned.
    pub const NONE: Turn = Turn { transpose: false, flop: false, flip: false };
    /// Left and right exchanged.
    pub const FLOP: Turn = Turn { transpose: false, flop: true, flip: false };
    /// Top and bottom exchanged.
    pub const FLIP: Turn = Turn { transpose: false, flop: false, flip: true };

    /// The turn that an EXIF orientation of 1 to 8 asks for; any other value is 1.
    #[must_use]
    pub const fn from_exif(orientation: u16) -> Turn {
        let (transpose, flop, flip) = match orientation {
            2 => (false, true, false),
            3 => (false, true, true),
            4 => (false, false, true),
            5 => (true, false, false),
            6 => (true, true, false),
            7 => (true, true, true),
            8 => (true, false, true),
            _ => (false, false, false),
        };
        Turn { transpose, flop, flip }
    }

    /// The EXIF orientation that asks for this turn, 1 to 8.
    #[must_use]
    pub const fn to_exif(self) -> u8 {
        match (self.transpose, self.flop, self.flip) {
            (false, false, false) => 1,
            (false, true, false) => 2,
            (false, true, true) => 3,
            (false, false, true) => 4,
            (true, false, false) => 5,
            (true, true, false) => 6,
            (true, true, true) => 7,
            (true, false, true) => 8,
        }
    }

    /// A clockwise rotation by 0, 90, 180 or 270 degrees; None for any other angle.
    #[must_use]
    pub const fn rotation(degrees: u16) -> Option<Turn> {
        match degrees {
            0 => Some(Turn::NONE),
            90 => Some(Turn::from_exif(6)),
            180 => Some(Turn::from_exif(3)),
            270 => Some(Turn::from_exif(8)),
            _ => None,
        }
    }

    /// This turn, then another.
    #[must_use]
    pub const fn then(self, next: Turn) -> Turn {
        // A transposition exchanges the two mirrorings that came before it.
        let (flop, flip) = if next.transpose { (self.flip, self.flop) } else { (self.flop, self.flip) };
        Turn { transpose: self.transpose != next.transpose, flop: flop != next.flop, flip: flip != next.flip }
    }

    /// The turn that undoes this one.
    #[must_use]
    pub const fn inverse(self) -> Turn {
        let (flop, flip) = if self.transpose { (self.flip, self.flop) } else { (self.flop, self.flip) };
        Turn { transpose: self.transpose, flop, flip }
    }

    /// A size after the turn.
    #[must_use]
    pub const fn size(self, size: Size) -> Size {
        if self.transpose { size.swapped() } else { size }
    }

    /// A region of a picture of this size, after the turn.
    #[must_use]
    pub const fn region(self, region: Region, size: Size) -> Region {
        let (r, s) = if self.transpose {
            (Region { left: region.top, top: region.left, width: region.height, height: region.width }, size.swapped())
        } else {
            (region, size)
        };
        Region {
            left: if self.flop { s.width - r.left - r.width } else { r.left },
            top: if self.flip { s.height - r.top - r.height } else { r.top },
            ..r
        }
    }
}

/// A reduced fraction with a positive denominator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    /// Numerator.
    pub num: i64,
    /// Denominator, above 0.
    pub den: i64,
}

impl Serialize for Ratio {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.den == 1 { serializer.serialize_i64(self.num) } else { serializer.collect_str(&format_args!("{}/{}", self.num, self.den)) }
    }
}

impl Ratio {
    /// `num / den`, reduced; a denominator of 0 is read as 1.
    #[must_use]
    pub fn new(num: i64, den: i64) -> Ratio {
        Ratio::reduced(i128::from(num), i128::from(den))
    }

    /// The whole number `n`.
    #[must_use]
    pub const fn whole(n: u32) -> Ratio {
        Ratio { num: n as i64, den: 1 }
    }

    /// Reduces; a fraction that still does not fit loses its lowest bits, evenly above and below.
    fn reduced(num: i128, den: i128) -> Ratio {
        let (num, den) = if den < 0 { (-num, -den) } else { (num, den.max(1)) };
        let common = gcd(num.unsigned_abs(), den.unsigned_abs()).max(1) as i128;
        let (mut num, mut den) = (num / common, den / common);
        while num.unsigned_abs() > i64::MAX as u128 || den > i128::from(i64::MAX) {
            num /= 2;
            den = (den / 2).max(1);
        }
        Ratio { num: num as i64, den: den as i64 }
    }

    fn wide(self) -> (i128, i128) {
        (i128::from(self.num), i128::from(self.den))
    }

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Ratio) -> Ratio {
        let ((a, b), (c, d)) = (self.wide(), other.wide());
        Ratio::reduced(a * d + c * b, b * d)
    }

    /// The difference.
    #[must_use]
    pub fn minus(self, other: Ratio) -> Ratio {
        self.plus(Ratio { num: -other.num, den: other.den })
    }

    /// The product.
    #[must_use]
    pub fn times(self, other: Ratio) -> Ratio {
        let ((a, b), (c, d)) = (self.wide(), other.wide());
        Ratio::reduced(a * c, b * d)
    }

    /// The quotient; by 0 it is the fraction itself.
    #[must_use]
    pub fn over(self, other: Ratio) -> Ratio {
        if other.num == 0 { self } else { self.times(Ratio::new(other.den, other.num)) }
    }

    /// The smaller.
    #[must_use]
    pub fn min(self, other: Ratio) -> Ratio {
        if self.is_below(other) { self } else { other }
    }

    /// The larger.
    #[must_use]
    pub fn max(self, other: Ratio) -> Ratio {
        if self.is_below(other) { other } else { self }
    }

    /// Whether it is smaller than another.
    #[must_use]
    pub fn is_below(self, other: Ratio) -> bool {
        let ((a, b), (c, d)) = (self.wide(), other.wide());
        a * d < c * b
    }

    /// To the nearest whole number, half up.
    #[must_use]
    pub fn rounded(self) -> i64 {
        let (num, den) = self.wide();
        i64::try_from((2 * num + den).div_euclid(2 * den)).unwrap_or(i64::MAX)
    }

    /// Down to a whole number.
    #[must_use]
    pub fn floor(self) -> i64 {
        self.num.div_euclid(self.den)
    }

    /// Up to a whole number.
    #[must_use]
    pub fn ceil(self) -> i64 {
        -(-self.num).div_euclid(self.den)
    }

    /// The nearest float: the same on every platform, since only a division is involved.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.num as f64 / self.den as f64
    }
}

fn gcd(a: u128, b: u128) -> u128 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// Where the samples of one side come from: output sample `j` is centered on source position `from + (j + 1/2) * scale`.
///
/// Crop, decoding at N/8 and orientation are all inside it, so nothing is cropped twice or shifted by half a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub struct Axis {
    /// Where the first output sample begins, in source samples.
    pub from: Ratio,
    /// Source samples an output sample.
    pub scale: Ratio,
    /// Output samples.
    pub count: u32,
}

impl Axis {
    /// `count` samples that together cover `length` source samples from `from` on.
    #[must_use]
    pub fn covering(from: Ratio, length: Ratio, count: u32) -> Axis {
        Axis { from, scale: length.over(Ratio::whole(count)), count }
    }

    /// Source samples that the output covers.
    #[must_use]
    pub fn length(&self) -> Ratio {
        self.scale.times(Ratio::whole(self.count))
    }

    /// The same axis seen from the other end of a source of `side` samples.
    #[must_use]
    pub fn mirrored(&self, side: u32) -> Axis {
        Axis { from: Ratio::whole(side).minus(self.from).minus(self.length()), ..*self }
    }

    /// Whether each output sample is one source sample.
    #[must_use]
    pub fn is_copy(&self) -> bool {
        self.scale == Ratio::whole(1) && self.from.den == 1
    }

    /// The axis of a plane with `p_in` samples a picture pixel in the source and `p_out` in the result.
    #[must_use]
    pub fn of_plane(&self, p_in: Ratio, p_out: Ratio) -> Axis {
        let count = Ratio::whole(self.count).times(p_out).ceil();
        Axis { from: self.from.times(p_in), scale: self.scale.times(p_in).over(p_out), count: u32::try_from(count).unwrap_or(u32::MAX) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_orientation_is_undone_by_its_inverse() {
        for o in 1..=8 {
            let turn = Turn::from_exif(o);
            assert_eq!(u16::from(turn.to_exif()), o);
            assert_eq!(turn.then(turn.inverse()), Turn::NONE, "orientation {o}");
        }
    }

    #[test]
    fn turns_compose_as_regions_do() {
        let size = Size::new(7, 5);
        let region = Region { left: 1, top: 2, width: 3, height: 1 };
        for a in 1..=8 {
            for b in 1..=8 {
                let (first, second) = (Turn::from_exif(a), Turn::from_exif(b));
                let step = second.region(first.region(region, size), first.size(size));
                assert_eq!(first.then(second).region(region, size), step, "{a} then {b}");
            }
        }
    }

    #[test]
    fn quarter_turns_add_up() {
        let quarter = Turn::rotation(90).expect("a right angle");
        assert_eq!(Some(quarter.then(quarter)), Turn::rotation(180));
        assert_eq!(quarter.then(quarter).then(quarter), Turn::rotation(270).expect("a right angle"));
        assert_eq!(Turn::rotation(45), None);
    }

    #[test]
    fn sizes_round_half_up_and_never_vanish() {
        let table =
            [((3, 3), (1, 2), (2, 2)), ((1, 100), (1, 200), (1, 1)), ((4000, 3000), (1, 5), (800, 600)), ((1000, 667), (1, 3), (333, 222))];
        for ((w, h), (num, den), (ew, eh)) in table {
            assert_eq!(Size::new(w, h).scaled_by(num, den), Size::new(ew, eh));
        }
    }

    #[test]
    fn a_chroma_axis_keeps_the_pictures_scale() {
        let luma = Axis::covering(Ratio::whole(0), Ratio::whole(1600), 401);
        let half = Ratio::new(1, 2);
        let chroma = luma.of_plane(half, half);
        assert_eq!(chroma.scale, luma.scale);
        assert_eq!(chroma.count, 201);
    }

    #[test]
    fn ratios_stay_exact() {
        assert_eq!(Ratio::new(6, -4), Ratio { num: -3, den: 2 });
        assert_eq!(Ratio::new(-3, 2).rounded(), -1);
        assert_eq!(Ratio::new(1, 2).rounded(), 1);
        assert_eq!(Ratio::new(7, 2).ceil(), 4);
        assert_eq!(Ratio::new(1, 3).plus(Ratio::new(1, 6)), Ratio::new(1, 2));
    }
}
