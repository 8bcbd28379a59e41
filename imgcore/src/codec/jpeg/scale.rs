//! Decoding at N/8: how many samples a block gives, and how many of its coefficients they need.

use super::frame::{Component, Frame};
use super::scan::ZIGZAG;
use crate::decode::DecodePlan;

/// N of the scale N/8, and that of chroma where planes keep their own sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scale {
    eighths: usize,
    chroma: Option<usize>,
}

impl Scale {
    pub(super) const FULL: Scale = Scale { eighths: 8, chroma: None };

    pub(super) fn new(eighths: u8) -> Scale {
        Scale { eighths: usize::from(eighths.clamp(1, 8)), chroma: None }
    }

    pub(super) fn of(plan: &DecodePlan) -> Scale {
        Scale { chroma: plan.chroma_eighths.map(|n| usize::from(n.clamp(1, 8))), ..Scale::new(plan.eighths) }
    }

    /// Whether planes are wanted, each at its own size.
    pub(super) fn is_planar(self) -> bool {
        self.chroma.is_some()
    }

    /// N of a component where planes are wanted.
    pub(super) fn of_plane(self, component: &Component) -> usize {
        self.chroma.filter(|_| component.index > 0).unwrap_or(self.eighths)
    }

    /// The samples of a component's plane that are picture, across and down.
    pub(super) fn plane_size(self, component: &Component) -> (usize, usize) {
        let plane = Scale { eighths: self.of_plane(component), chroma: None };
        (plane.side(component.width), plane.side(component.height))
    }

    /// Samples for so many at the full size; a part of one is a whole one.
    pub(super) fn side(self, full: usize) -> usize {
        (full * self.eighths).div_ceil(8)
    }

    /// Rows of the picture in a row of units.
    pub(super) fn unit_height(self, frame: &Frame) -> usize {
        self.eighths * frame.v_max
    }

    /// The samples that a block of a component gives, across and down.
    ///
    /// Halved chroma is decoded at twice the scale of luma, so that both have the same size and nothing has to be enlarged.
    pub(super) fn points(self, frame: &Frame, component: &Component) -> (usize, usize) {
        if self.is_planar() {
            let n = self.of_plane(component);
            return (n, n);
        }
        (self.side_points(frame, component.h, frame.h_max), self.side_points(frame, component.v, frame.v_max))
    }

    fn side_points(self, frame: &Frame, factor: usize, max: usize) -> usize {
        // The scans of levels alone are read of a progressive file at 1/8: the rest may be many times as long.
        let is_level = self.eighths == 1 && frame.progressive;
        if self.eighths == 8 || is_level || !max.is_multiple_of(factor) { self.eighths } else { self.eighths * max / factor }
    }

    /// The last coefficient that the samples of a component need, in zigzag order.
    pub(super) fn last(self, frame: &Frame, component: &Component) -> usize {
        let (across, down) = self.points(frame, component);
        let corner = (down.min(8) - 1) * 8 + across.min(8) - 1;
        ZIGZAG.iter().position(|place| usize::from(*place) == corner).unwrap_or(63)
    }
}

#[cfg(test)]
mod tests {
    use super::super::segments::{Segment, Segments};
    use super::*;

    fn frame(marker: u8, factors: [u8; 3]) -> Frame {
        let [a, b, c] = factors;
        let body = &[8, 0, 32, 0, 33, 3, 1, a, 0, 2, b, 1, 3, c, 1];
        Frame::parse(&Segment { marker, body, data: &[] }, &Segments::new(b"")).expect("a frame")
    }

    #[test]
    fn blocks_give_what_makes_all_planes_as_large() {
        let points = |frame: &Frame, n: u8| frame.components.iter().map(|c| Scale::new(n).points(frame, c)).collect::<Vec<_>>();
        let f420 = frame(0xC0, [0x22, 0x11, 0x11]);
        assert_eq!(points(&f420, 1), [(1, 1), (2, 2), (2, 2)]);
        assert_eq!(points(&f420, 5), [(5, 5), (10, 10), (10, 10)]);
        assert_eq!(points(&f420, 8), [(8, 8), (8, 8), (8, 8)]);
        assert_eq!(points(&frame(0xC0, [0x21, 0x11, 0x11]), 3), [(3, 3), (6, 3), (6, 3)]);
        assert_eq!(points(&frame(0xC0, [0x41, 0x11, 0x21]), 3), [(3, 3), (12, 3), (6, 3)]);
        // A factor that divides none: such a plane stays small.
        assert_eq!(points(&frame(0xC0, [0x31, 0x21, 0x11]), 2), [(2, 2), (2, 2), (6, 2)]);
        assert_eq!(points(&frame(0xC2, [0x22, 0x11, 0x11]), 1), [(1, 1); 3]);
        assert_eq!(points(&frame(0xC2, [0x22, 0x11, 0x11]), 2), [(2, 2), (4, 4), (4, 4)]);
    }

    #[test]
    fn the_last_coefficient_is_the_corner_of_the_band() {
        let last = |n: u8| {
            let f = frame(0xC0, [0x22, 0x11, 0x11]);
            f.components.iter().take(2).map(|c| Scale::new(n).last(&f, c)).collect::<Vec<_>>()
        };
        assert_eq!((1..=8).map(last).collect::<Vec<_>>(), [[0, 4], [4, 24], [12, 51], [24, 63], [39, 63], [51, 63], [59, 63], [63, 63]]);
    }

    #[test]
    fn a_part_of_a_sample_is_a_whole_one() {
        assert_eq!([1, 8, 9, 4001].map(|side| Scale::new(1).side(side)), [1, 1, 2, 501]);
        assert_eq!([1, 8, 9, 4001].map(|side| Scale::new(3).side(side)), [1, 3, 4, 1501]);
    }
}
