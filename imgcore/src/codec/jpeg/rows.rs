//! From blocks to rows: a band of samples, chroma made as large as luma, colors made RGB.
//!
//! The band holds the last rows of units, since smooth upsampling looks at the chroma rows above and below.

use std::ops::ControlFlow;

use fearless_simd::Level;

use super::super::Space;
use super::batch::{Batch, LANES};
use super::frame::{Component, Frame};
use super::idct::{self, Work};
use super::scale::Scale;
use super::shrink::{self, Scratch};
use crate::decode::{Fan, PlaneShape, Row, Shape, Sink};
use crate::error::Error;
use crate::geometry::Ratio;
use crate::ops::profile::Inks;
use crate::pixels::Layout;

/// How blocks become samples, and what that works on.
enum Transform {
    Full(Box<Work>),
    Scaled(Box<Scratch>),
}

/// The samples of a component in the last rows of units.
struct Band {
    /// The samples of a block, across and down.
    points: (usize, usize),
    transform: Transform,
    /// Blocks in a unit, down.
    v_blocks: usize,
    samples: Vec<u8>,
    stride: usize,
    rows: usize,
    /// The row of blocks that is being filled begins here: in the picture, and among the samples.
    top: usize,
    first: usize,
    width: usize,
    height: usize,
    /// How many pixels a sample spans, times the largest factor: `h` of `h_max`.
    h: usize,
    v: usize,
    h_max: usize,
    v_max: usize,
}

impl Band {
    fn new(component: &Component, frame: &Frame, scale: Scale) -> Band {
        let points = scale.points(frame, component);
        let (stride, rows) = Band::sides(component, points);
        // What a plane still lacks of the picture's size, or all of it where its blocks give as much as those of the largest.
        let factor = |points: usize, largest: usize, factor: usize, max: usize| {
            if points * factor == largest * max { (max, max) } else { (factor, max) }
        };
        let largest = scale.unit_height(frame) / frame.v_max;
        let (h, h_max) = factor(points.0, largest, component.h, frame.h_max);
        let (v, v_max) = factor(points.1, largest, component.v, frame.v_max);
        let side = |full: u32, factor: usize, max: usize| (scale.side(full as usize) * factor).div_ceil(max);
        let (width, height) = if scale.is_planar() {
            scale.plane_size(component)
        } else {
            (side(frame.size.width, h, h_max), side(frame.size.height, v, v_max))
        };
        let transform = match points {
            (8, 8) => Transform::Full(Box::new([[[0; LANES]; 8]; 8])),
            points => Transform::Scaled(Box::new(Scratch::new(points))),
        };
        Band {
            points,
            transform,
            v_blocks: component.v,
            samples: vec![0; stride * rows],
            stride,
            rows,
            top: 0,
            first: 0,
            width,
            height,
            h,
            v,
            h_max,
            v_max,
        }
    }

    /// How many samples are held in a row, of whole batches, and how many rows: two rows of units, and never less than three rows of samples.
    fn sides(component: &Component, (across, down): (usize, usize)) -> (usize, usize) {
        let unit = component.v * down;
        (component.blocks_across.next_multiple_of(LANES) * across, unit * if unit == 1 { 3 } else { 2 })
    }

    /// Makes room for a row of units.
    fn begin_unit(&mut self, unit: usize) {
        self.top = unit * self.v_blocks;
        self.first = self.top * self.points.1 % self.rows * self.stride;
    }

    /// The bytes of all bands of a frame.
    fn bytes(frame: &Frame, scale: Scale) -> u64 {
        let sides = frame.components.iter().map(|c| Band::sides(c, scale.points(frame, c)));
        sides.map(|(stride, rows)| (stride * rows + size_of::<Scratch>()) as u64).sum()
    }

    /// The picture's samples of a row; rows outside repeat those at the edge.
    fn row(&self, y: usize) -> &[u8] {
        let start = y.min(self.height - 1) % self.rows * self.stride;
        &self.samples[start..start + self.width]
    }

    /// As libjpeg: by two, and not for the narrowest pictures.
    fn is_smooth(&self) -> bool {
        self.width > 2
    }

    fn is_smooth_down(&self) -> bool {
        self.v * 2 == self.v_max && (self.h == self.h_max || self.h * 2 == self.h_max && self.is_smooth())
    }

    /// A row of the picture, as wide as the picture or a little wider.
    #[inline(always)]
    fn upsample<'a>(&'a self, y: usize, sums: &mut Vec<u16>, line: &'a mut Vec<u8>) -> &'a [u8] {
        let here = y * self.v / self.v_max;
        let near = self.row(here);
        if self.h == self.h_max && !self.is_smooth_down() {
            return near;
        }
        if self.is_smooth_down() {
            let is_upper = y.is_multiple_of(2);
            let far = self.row(if is_upper { here.saturating_sub(1) } else { here + 1 });
            if self.h == self.h_max {
                let bias = if is_upper { 1 } else { 2 };
                line.clear();
                line.extend(near.iter().zip(far).map(|(n, f)| ((u16::from(*n) * 3 + u16::from(*f) + bias) >> 2) as u8));
            } else {
                sums.clear();
                sums.extend(near.iter().zip(far).map(|(n, f)| u16::from(*n) * 3 + u16::from(*f)));
                widen(sums, line, 8, 7, 4);
            }
        } else if self.h * 2 == self.h_max && self.is_smooth() {
            sums.clear();
            sums.extend(near.iter().map(|n| u16::from(*n)));
            widen(sums, line, 1, 2, 2);
        } else {
            line.clear();
            line.extend((0..self.width * self.h_max / self.h).map(|x| near[x * self.h / self.h_max]));
        }
        line
    }
}

/// Twice as many samples: three parts of the nearer and one of the farther neighbor, rounded down and up in turn.
#[inline(always)]
fn widen(from: &[u16], to: &mut Vec<u8>, left: u16, right: u16, shift: u32) {
    let (first, last) = (from[0], from[from.len() - 1]);
    to.resize(from.len() * 2, 0);
    to[0] = ((first * 4 + left) >> shift) as u8;
    for (out, pair) in to[1..].as_chunks_mut::<2>().0.iter_mut().zip(from.windows(2)) {
        let (a, b) = (pair[0], pair[1]);
        *out = [((a * 3 + b + right) >> shift) as u8, ((b * 3 + a + left) >> shift) as u8];
    }
    to[from.len() * 2 - 1] = ((last * 4 + right) >> shift) as u8;
}

/// Puts blocks into a band and pushes the rows that are complete: of pixels, or of planes.
pub(super) struct Rows<'a> {
    bands: Vec<Band>,
    level: Level,
    space: Space,
    is_inverted: bool,
    inks: Option<Inks>,
    width: usize,
    height: usize,
    unit_height: usize,
    is_planar: bool,
    /// Rows at the end of a row of units that need the next one.
    lag: usize,
    next: usize,
    sink: Fan<'a>,
    lines: Vec<Vec<u8>>,
    sums: Vec<u16>,
    pixels: Vec<u8>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(
        (frame, scale): (&Frame, Scale),
        space: Space,
        is_inverted: bool,
        icc: Option<&[u8]>,
        mut sink: Fan<'a>,
    ) -> Result<Rows<'a>, Error> {
        let (width, height) = (scale.side(frame.size.width as usize), scale.side(frame.size.height as usize));
        let layout = if space == Space::Gray { Layout::Gray } else { Layout::Rgb };
        if scale.is_planar() {
            if space != Space::YCbCr {
                return Err(Error::internal("planes are pushed of YCbCr only"));
            }
            sink.frame(&planar_shape(frame, scale), 0)?;
        } else {
            sink.frame(&Shape::rows(width as u32, height as u32, layout, false), 0)?;
        }
        let bands: Vec<Band> = frame.components.iter().map(|c| Band::new(c, frame, scale)).collect();
        Ok(Rows {
            lag: if bands.iter().any(Band::is_smooth_down) { 2 } else { 0 },
            lines: vec![Vec::new(); bands.len()],
            bands,
            level: Level::new(),
            space,
            is_inverted,
            inks: matches!(space, Space::Cmyk | Space::Ycck).then(|| Inks::new(icc)),
            width,
            height,
            unit_height: scale.unit_height(frame),
            is_planar: scale.is_planar(),
            next: 0,
            sink,
            sums: Vec::new(),
            pixels: Vec::new(),
        })
    }

    /// The bytes that the rows in work take, beside what the sinks keep.
    pub(super) fn bytes(frame: &Frame, scale: Scale) -> u64 {
        Band::bytes(frame, scale) + scale.side(frame.size.width as usize) as u64 * 20
    }

    /// Blocks of a component, the first at its place in the whole picture.
    pub(super) fn blocks(&mut self, component: usize, x: usize, y: usize, batch: &Batch, table: &[u16; 64]) {
        let Band { points: (across, down), transform, first, top, stride, samples, .. } = &mut self.bands[component];
        let out = &mut samples[*first + y.saturating_sub(*top) * *down * *stride + x * *across..];
        match transform {
            Transform::Full(work) => idct::inverse(self.level, batch, table, work, out, *stride),
            Transform::Scaled(scratch) => shrink::inverse(self.level, batch, table, scratch, out, *stride),
        }
    }

    /// Pushes what a finished row of units completes.
    pub(super) fn finish_units(&mut self, y: usize) -> ControlFlow<()> {
        self.bands.iter_mut().for_each(|band| band.begin_unit(y + 1));
        if self.is_planar {
            return self.push_planes(y);
        }
        let end = (y + 1) * self.unit_height;
        let end = if end >= self.height { self.height } else { end - self.lag };
        for y in self.next..end {
            self.push(y)?;
        }
        self.next = end;
        ControlFlow::Continue(())
    }

    /// The rows of all planes in a row of units.
    fn push_planes(&mut self, unit: usize) -> ControlFlow<()> {
        for (at, band) in self.bands.iter().enumerate() {
            let rows = band.v_blocks * band.points.1;
            for y in unit * rows..((unit + 1) * rows).min(band.height) {
                self.sink.row(at, Row::U8(band.row(y)))?;
            }
        }
        ControlFlow::Continue(())
    }

    fn push(&mut self, y: usize) -> ControlFlow<()> {
        let level = self.level;
        dispatch!(level, _ => self.push_row(y))
    }

    #[inline(always)]
    fn push_row(&mut self, y: usize) -> ControlFlow<()> {
        let Rows { bands, lines, sums, pixels, .. } = self;
        let mut rows: [&[u8]; 4] = [&[]; 4];
        for ((row, band), line) in rows.iter_mut().zip(bands.iter()).zip(lines) {
            *row = band.upsample(y, sums, line);
        }
        let row = match self.space {
            Space::Gray => &rows[0][..self.width],
            Space::Rgb => {
                interleave(rows, self.width, pixels, |r, g, b, _| [r, g, b]);
                &pixels[..]
            }
            Space::Ycck => {
                interleave(rows, self.width, pixels, |y, cb, cr, k| {
                    let [r, g, b] = rgb(y, cb, cr);
                    [255 - r, 255 - g, 255 - b, k]
                });
                to_srgb(pixels, self.is_inverted, self.inks.as_ref(), &mut self.lines[0])
            }
            Space::Cmyk => {
                interleave(rows, self.width, pixels, |c, m, y, k| [c, m, y, k]);
                to_srgb(pixels, self.is_inverted, self.inks.as_ref(), &mut self.lines[0])
            }
            _ => {
                interleave(rows, self.width, pixels, |y, cb, cr, _| rgb(y, cb, cr));
                &pixels[..]
            }
        };
        self.sink.row(0, Row::U8(row))
    }
}

/// Pushes what a finished row of units completes. `Break`: nobody wants more.
pub(super) fn finish_units(rows: &mut [Rows<'_>], y: usize) -> ControlFlow<()> {
    let mut flow = ControlFlow::Break(());
    for rows in rows {
        if rows.finish_units(y).is_continue() {
            flow = ControlFlow::Continue(());
        }
    }
    flow
}

/// The sizes of planes and where their samples lie.
fn planar_shape(frame: &Frame, scale: Scale) -> Shape {
    let plane = |component: &Component| {
        let (n, (width, height)) = (scale.of_plane(component), scale.plane_size(component));
        let per_pixel = |factor: usize, max: usize| Ratio::new((n * factor) as i64, (8 * max) as i64);
        PlaneShape {
            width: width as u32,
            height: height as u32,
            per_pixel: [per_pixel(component.h, frame.h_max), per_pixel(component.v, frame.v_max)],
        }
    };
    let planes = frame.components.iter().map(plane).collect();
    Shape { width: frame.size.width, height: frame.size.height, deep: false, layout: None, planes }
}

fn to_srgb<'a>(inks: &mut [u8], is_inverted: bool, profile: Option<&Inks>, out: &'a mut Vec<u8>) -> &'a [u8] {
    if is_inverted {
        inks.iter_mut().for_each(|ink| *ink = 255 - *ink);
    }
    out.clear();
    out.resize(inks.len() / 4 * 3, 0);
    if let Some(profile) = profile {
        profile.to_rgb(inks, out);
    }
    out
}

#[inline(always)]
fn interleave<const N: usize>(rows: [&[u8]; 4], width: usize, pixels: &mut Vec<u8>, pixel: impl Fn(u8, u8, u8, u8) -> [u8; N]) {
    pixels.resize(width * N, 0);
    let [a, b, c, d] = rows;
    // Where there is no fourth component its row is not looked at.
    let d = if d.is_empty() { a } else { d };
    let (a, b, c, d) = (&a[..width], &b[..width], &c[..width], &d[..width]);
    for (x, out) in pixels.as_chunks_mut::<N>().0.iter_mut().enumerate() {
        *out = pixel(a[x], b[x], c[x], d[x]);
    }
}

/// ITU-R BT.601 at full range, in libjpeg's 16-bit fixed point. Whole parts of the factors are taken out, so that what is left fits in 16 bits.
#[inline(always)]
fn rgb(y: u8, cb: u8, cr: u8) -> [u8; 3] {
    let (y, cb, cr) = (i16::from(y), i16::from(cb) - 128, i16::from(cr) - 128);
    let part = |sum: i32| ((sum + 32_768) >> 16) as i16;
    let times = |a: i16, b: i16| i32::from(a) * i32::from(b);
    let r = y + cr + part(times(26_345, cr));
    let g = y - cr + part(times(-22_554, cb) + times(18_734, cr));
    let b = y + 2 * cb + part(times(-14_942, cb));
    [r, g, b].map(|v| v.clamp(0, 255) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn widened(from: &[u16], left: u16, right: u16, shift: u32) -> Vec<u8> {
        let mut to = Vec::new();
        widen(from, &mut to, left, right, shift);
        to
    }

    #[test]
    fn widening_is_libjpegs_triangle() {
        assert_eq!(widened(&[0, 100, 200], 1, 2, 2), [0, 25, 75, 125, 175, 200]);
        assert_eq!(widened(&[7; 3], 1, 2, 2), [7; 6]);
        assert_eq!(widened(&[4 * 255; 3], 8, 7, 4), [255; 6]);
        assert_eq!(widened(&[9], 1, 2, 2), [9, 9]);
    }

    #[test]
    fn colors_are_those_of_the_definition_within_one_level() {
        for (y, cb, cr) in
            (0..=255).step_by(15).flat_map(|y| (0..=255).step_by(51).flat_map(move |cb| (0..=255).step_by(51).map(move |cr| (y, cb, cr))))
        {
            let (fy, fcb, fcr) = (f64::from(y), f64::from(cb) - 128.0, f64::from(cr) - 128.0);
            let expected = [fy + 1.402 * fcr, fy - 0.344_136 * fcb - 0.714_136 * fcr, fy + 1.772 * fcb];
            for (got, expected) in rgb(y as u8, cb as u8, cr as u8).into_iter().zip(expected) {
                assert!((f64::from(got) - expected.clamp(0.0, 255.0)).abs() < 1.0, "{y} {cb} {cr}");
            }
        }
    }
}
