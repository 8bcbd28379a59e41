//! Changes a picture's size, row by row as it comes: what is held is the rows under the kernel, or where they are many the sums that they go into.
//!
//! First down, then across, in 8 bits between the two, with alpha premultiplied before and divided out after. The bytes are those of
//! `fast_image_resize` on the whole picture, which multiplies and divides here, and which the tests hold all of it to. They are integers, so
//! they are the same on every CPU.

mod sums;
mod weights;

use std::rc::Rc;

use fast_image_resize::images::TypedImage;
use fast_image_resize::pixels::{U8x2, U8x4};
use fast_image_resize::{MulDiv, PixelTrait};
use fearless_simd::Level;

use self::sums::{GROUP, Pairs, ROWS};
use self::weights::Weights;
use crate::error::Error;
use crate::geometry::{Axis, Ratio, Size};
use crate::pixels::{Layout, Raster, Samples};
use crate::plan::ResizeSpec;
use crate::recipe::Kernel;

/// Samples of a row are worked on in groups.
const GROUP_SAMPLES: usize = 8 * GROUP;

/// The most pairs of rows that are held under the kernel. Where it reaches over more, output rows are summed up from so many pairs at a time.
const DEPTH: usize = 16;
const BLOCK: usize = 8;

/// A resize at work: rows of a source go in, top down.
pub(crate) struct Resizer {
    level: Level,
    layout: Layout,
    size: Size,
    /// Multiplies colors by alpha, and divides them; with what went wrong there. None where colors stay as they are.
    alpha: Option<(MulDiv, Result<(), Error>)>,
    /// How many samples of what the axes cover lie left, right, above and below the source, whose edges go on there.
    outside: [u32; 4],
    x: Rc<Weights>,
    y: Rc<Weights>,
    /// The rows that came.
    came: u32,
    /// A row as the kernel sees it: the columns that are needed, with edges and premultiplied; and the one above where it waits for this.
    line: Vec<u8>,
    above: Vec<u8>,
    /// Pairs of rows, for each group of samples as many as there are slots.
    ring: Vec<[Pairs; GROUP]>,
    slots: usize,
    /// The sums of the output rows that are begun, where the kernel reaches over too many rows to hold them all.
    sums: Vec<Vec<[[i32; 8]; GROUP]>>,
    /// Output rows that went down, the last of them in `between`, which are some samples longer than needed.
    made: usize,
    between: Vec<u8>,
    columns: Vec<Pairs>,
    out_columns: Vec<u8>,
    out: Vec<u8>,
}

/// The part of the raster that the axes cover, at their counts.
#[cfg(test)]
pub(crate) fn resize(raster: &Raster, spec: &ResizeSpec) -> Result<Raster, Error> {
    let mut resizer = Resizer::new(spec, raster.size(), raster.layout);
    raster.bytes().chunks_exact(raster.stride()).for_each(|row| resizer.push(row));
    resizer.finish()
}

impl Resizer {
    /// For the rows of a source of this size. Where the axes begin or end outside, the edges go on.
    pub(crate) fn new(spec: &ResizeSpec, size: Size, layout: Layout) -> Resizer {
        let [left, right, top, bottom] = outside(spec, size);
        let moved = |axis: &Axis, by: u32| Axis { from: axis.from.plus(Ratio::whole(by)), ..*axis };
        let x = Weights::new(&moved(&spec.x, left), left + size.width + right, spec.kernel);
        let y = Weights::new(&moved(&spec.y, top), top + size.height + bottom, spec.kernel);
        Resizer::with_weights(spec, size, layout, Rc::new(x), Rc::new(y))
    }

    /// One more of the same source, size and layout.
    pub(crate) fn another(&self, spec: &ResizeSpec) -> Resizer {
        Resizer::with_weights(spec, self.size, self.layout, Rc::clone(&self.x), Rc::clone(&self.y))
    }

    fn with_weights(spec: &ResizeSpec, size: Size, layout: Layout, x: Rc<Weights>, y: Rc<Weights>) -> Resizer {
        // Each output sample is one of the source.
        let is_pick = spec.kernel == Kernel::Nearest || spec.x.is_copy() && spec.y.is_copy();
        let channels = layout.channels();
        let wide = wide((x.end - x.origin) * channels);
        let depth = y.depth();
        let (slots, begun) = if depth <= DEPTH { (depth, 0) } else { (BLOCK, y.overlap(BLOCK)) };
        Resizer {
            level: Level::new(),
            layout,
            size,
            alpha: (layout.has_alpha() && !is_pick).then(|| (MulDiv::new(), Ok(()))),
            outside: outside(spec, size),
            came: 0,
            line: vec![0; wide],
            above: vec![0; wide],
            ring: vec![[[0; 16]; GROUP]; wide / GROUP_SAMPLES * slots],
            slots,
            sums: vec![vec![[[0; 8]; GROUP]; wide / GROUP_SAMPLES]; begun],
            made: 0,
            between: vec![0; (wide + 16) * ROWS],
            columns: vec![[0; 16]; (x.end - x.origin).div_ceil(2) * channels],
            out_columns: vec![0; columns(x.count() * channels)],
            out: vec![0; x.count() * y.count() * channels],
            x,
            y,
        }
    }

    /// What a resizer holds beside the result, in bytes, at most.
    pub(crate) fn bytes(spec: &ResizeSpec, size: Size, layout: Layout) -> u64 {
        let channels = layout.channels() as u64;
        let [left, right, ..] = outside(spec, size);
        let radius = |axis: &Axis| (weights::support(spec.kernel) * axis.scale.to_f64().max(1.0)).ceil() as u64 + 1;
        let weights = |axis: &Axis| Weights::bytes(u64::from(axis.count), 2 * radius(axis) + 1);
        let side = u64::from(left + size.width + right).min((axis_end(&spec.x) + 2 * radius(&spec.x)) + 2);
        let wide = wide((side * channels) as usize) as u64;
        let depth = radius(&spec.y) + 2;
        // Output rows lie as far apart as the scale says; those that are begun lie within the kernel and a block.
        let begun = (2.0 * (depth + BLOCK as u64) as f64 / spec.y.scale.to_f64()) as u64 + 2;
        let ring = wide * 4 * if depth <= DEPTH as u64 { depth } else { (BLOCK as u64 + begun).max(DEPTH as u64) };
        let between = (wide + 16) * ROWS as u64 + (side + 1) * channels * 16;
        weights(&spec.x) + weights(&spec.y) + ring + between + wide * 2 + columns(spec.x.count as usize * layout.channels()) as u64
    }

    /// What is held beside the result, in bytes.
    #[cfg(test)]
    fn held(&self) -> u64 {
        let bytes = self.line.len() + self.above.len() + self.between.len() + self.out_columns.len();
        let pairs = (self.ring.len() + self.sums.iter().map(Vec::len).sum::<usize>()) * GROUP + self.columns.len();
        (bytes + pairs * size_of::<Pairs>() + self.x.held() + self.y.held()) as u64
    }

    /// Takes the next row of the source.
    pub(crate) fn push(&mut self, row: &[u8]) {
        let [_, _, top, bottom] = self.outside;
        if self.came >= self.size.height {
            return;
        }
        // A row at the edge comes as often as the edge goes on.
        let first = if self.came == 0 { 0 } else { self.came + top };
        let last = self.came + top + if self.came + 1 == self.size.height { bottom } else { 0 };
        self.came += 1;
        let needed = first.max(self.y.origin as u32)..(last + 1).min(self.y.end as u32);
        if needed.is_empty() {
            return;
        }
        self.prepare(row);
        for y in needed {
            self.take(y as usize);
        }
    }

    /// Makes of a row what the kernel sees of it.
    fn prepare(&mut self, row: &[u8]) {
        let channels = self.layout.channels();
        let [left, ..] = self.outside.map(|side| side as usize);
        // The columns that the source has of those that are needed.
        let start = self.x.origin.max(left);
        let end = self.x.end.min(left + self.size.width as usize);
        let (before, own) = ((start - self.x.origin) * channels, (end - start) * channels);
        let source = &row[(start - left) * channels..][..own];
        let inner = &mut self.line[before..before + own];
        inner.copy_from_slice(source);
        if let Some((arithmetic, result @ Ok(()))) = &mut self.alpha {
            *result = multiply(arithmetic, channels, inner);
        }
        for at in (0..before / channels).rev() {
            self.line.copy_within((at + 1) * channels..(at + 2) * channels, at * channels);
        }
        for at in before / channels + own / channels..self.x.end - self.x.origin {
            self.line.copy_within((at - 1) * channels..at * channels, at * channels);
        }
    }

    /// Takes the line as row `y` of what is needed, counted with those above the source.
    fn take(&mut self, y: usize) {
        let is_last = y + 1 == self.y.end;
        if y.is_multiple_of(2) {
            self.above.copy_from_slice(&self.line);
            if !is_last {
                return;
            }
        }
        let pair = (y - self.y.origin) / 2;
        let Resizer { above, line, ring, slots, .. } = self;
        dispatch!(self.level, simd => sums::put_rows(simd, above, line, ring, pair % *slots, *slots));
        if !self.sums.is_empty() {
            if pair % BLOCK != BLOCK - 1 && pair + 1 != (self.y.end - self.y.origin).div_ceil(2) {
                return;
            }
            self.add_block(pair);
        }
        while self.is_whole(pair) {
            let Resizer { between, ring, slots, sums, y, made, .. } = self;
            let stride = between.len() / ROWS;
            let row = &mut between[*made % ROWS * stride..][..stride];
            if sums.is_empty() {
                dispatch!(self.level, simd => sums::down(simd, ring, *slots, y, *made, row));
            } else {
                let sums = &sums[*made % sums.len()];
                dispatch!(self.level, simd => sums::put_down(simd, sums, y.bits, row));
            }
            self.made();
        }
    }

    /// Whether all that the next output row needs has come.
    fn is_whole(&self, pair: usize) -> bool {
        self.made < self.y.count() && {
            let (first, weights) = self.y.of(self.made);
            first + weights.len() <= pair + 1
        }
    }

    /// Adds the pairs of a block, of which this is the last, to the output rows that need them.
    fn add_block(&mut self, pair: usize) {
        let (level, first, begun) = (self.level, pair / BLOCK * BLOCK, self.sums.len());
        for at in self.made..self.y.count().min(self.made + begun) {
            let (begin, weights) = self.y.of(at);
            if begin <= pair && first < begin + weights.len() {
                let Resizer { ring, slots, y, sums, .. } = self;
                dispatch!(level, simd => sums::add_down(simd, ring, (first, *slots), y, at, &mut sums[at % begun]));
            }
        }
    }

    /// One more output row went down. Those that are at hand go across where there are enough.
    fn made(&mut self) {
        let stride = self.between.len() / ROWS;
        self.made += 1;
        if self.made.is_multiple_of(ROWS) || self.made == self.y.count() {
            let level = self.level;
            match self.layout.channels() {
                1 => dispatch!(level, simd => self.across::<_, 1>(simd, stride)),
                2 => dispatch!(level, simd => self.across::<_, 2>(simd, stride)),
                3 => dispatch!(level, simd => self.across::<_, 3>(simd, stride)),
                _ => dispatch!(level, simd => self.across::<_, 4>(simd, stride)),
            }
        }
    }

    #[inline(always)]
    fn across<S: fearless_simd::Simd, const CHANNELS: usize>(&mut self, simd: S, stride: usize) {
        sums::put_columns::<S, CHANNELS>(simd, &self.between, stride, &mut self.columns);
        sums::across::<S, CHANNELS>(simd, &self.columns, &self.x, &mut self.out_columns);
        let stride = self.x.count() * CHANNELS;
        let first = (self.made - 1) / ROWS * ROWS;
        sums::put_out(simd, &self.out_columns, stride, &mut self.out[first * stride..self.made * stride]);
    }

    /// The result. Rows that never came are zeros: black, or transparent.
    pub(crate) fn finish(mut self) -> Result<Raster, Error> {
        if self.came < self.size.height {
            let row = vec![0; self.size.width as usize * self.layout.channels()];
            while self.came < self.size.height {
                self.push(&row);
            }
        }
        let mut samples = self.out;
        let (width, height) = (self.x.count() as u32, self.y.count() as u32);
        if let Some((arithmetic, result)) = self.alpha {
            result?;
            divide(&arithmetic, self.layout.channels(), &mut samples)?;
        }
        Ok(Raster { width, height, layout: self.layout, samples: Samples::U8(samples) })
    }
}

/// The samples that a row is made of where whole groups are worked on.
fn wide(samples: usize) -> usize {
    samples.next_multiple_of(GROUP_SAMPLES)
}

/// The bytes that columns of eight rows take, with what is written behind the last.
fn columns(samples: usize) -> usize {
    samples.next_multiple_of(16) * ROWS + 16
}

/// Where an axis ends, from where it begins on.
fn axis_end(axis: &Axis) -> u64 {
    axis.length().ceil().max(0) as u64 + 1
}

/// How many samples of what the axes cover lie left, right, above and below.
fn outside(spec: &ResizeSpec, size: Size) -> [u32; 4] {
    let before = |axis: &Axis| Ratio::whole(0).minus(axis.from).ceil().max(0) as u32;
    let behind = |axis: &Axis, side: u32| (axis.from.plus(axis.length()).ceil() - i64::from(side)).max(0) as u32;
    [before(&spec.x), behind(&spec.x, size.width), before(&spec.y), behind(&spec.y, size.height)]
}

/// Colors times alpha.
fn multiply(arithmetic: &MulDiv, channels: usize, samples: &mut [u8]) -> Result<(), Error> {
    match channels {
        2 => arithmetic.multiply_alpha_inplace_typed(&mut row::<U8x2>(channels, samples)?).map_err(failed),
        _ => arithmetic.multiply_alpha_inplace_typed(&mut row::<U8x4>(channels, samples)?).map_err(failed),
    }
}

/// Colors by alpha; 0 where that is 0.
fn divide(arithmetic: &MulDiv, channels: usize, samples: &mut [u8]) -> Result<(), Error> {
    match channels {
        2 => arithmetic.divide_alpha_inplace_typed(&mut row::<U8x2>(channels, samples)?).map_err(failed),
        _ => arithmetic.divide_alpha_inplace_typed(&mut row::<U8x4>(channels, samples)?).map_err(failed),
    }
}

/// All samples as one row.
fn row<P: PixelTrait>(channels: usize, samples: &mut [u8]) -> Result<TypedImage<'_, P>, Error> {
    TypedImage::from_buffer((samples.len() / channels) as u32, 1, samples).map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::internal(format!("alpha: {error}"))
}

#[cfg(test)]
mod tests {
    use fast_image_resize::pixels::{U8, U8x3};
    use fast_image_resize::{Filter, FilterType, ResizeAlg, ResizeOptions};
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::ops::testing::patterned;

    const KERNELS: [Kernel; 8] = [
        Kernel::Nearest,
        Kernel::Box,
        Kernel::Linear,
        Kernel::Hamming,
        Kernel::Cubic,
        Kernel::Mitchell,
        Kernel::Lanczos2,
        Kernel::Lanczos3,
    ];

    const LAYOUTS: [Layout; 4] = [Layout::Gray, Layout::GrayAlpha, Layout::Rgb, Layout::Rgba];

    fn spec(from: (u32, u32), to: (u32, u32), kernel: Kernel) -> ResizeSpec {
        let axis = |length, count| Axis::covering(Ratio::whole(0), Ratio::whole(length), count);
        ResizeSpec { x: axis(from.0, to.0), y: axis(from.1, to.1), kernel }
    }

    #[test]
    fn every_kernel_keeps_a_flat_picture_flat() {
        for kernel in KERNELS {
            for layout in [Layout::Gray, Layout::Rgb] {
                let raster = Raster { width: 50, height: 40, layout, samples: Samples::U8(vec![137; 2000 * layout.channels()]) };
                for size in [(7, 5), (50, 13), (121, 90)] {
                    let result = resize(&raster, &spec((50, 40), size, kernel)).expect("a plain resize");
                    assert!(result.bytes().iter().all(|&v| v == 137), "{kernel:?} {layout:?} {size:?}");
                }
            }
        }
    }

    /// What the crate makes of the whole picture.
    fn theirs(raster: &mut Raster, spec: &ResizeSpec, algorithm: ResizeAlg) -> Vec<u8> {
        fn typed<P: PixelTrait>(raster: &mut Raster, spec: &ResizeSpec, options: &ResizeOptions) -> Vec<u8> {
            let mut samples = vec![0; spec.x.count as usize * spec.y.count as usize * raster.layout.channels()];
            let (width, height) = (raster.width, raster.height);
            let Samples::U8(bytes) = &mut raster.samples else { panic!("8 bits") };
            let source = TypedImage::<P>::from_buffer(width, height, bytes).expect("a whole raster");
            let mut target = TypedImage::<P>::from_buffer(spec.x.count, spec.y.count, &mut samples).expect("a whole raster");
            fast_image_resize::Resizer::new().resize_typed(&source, &mut target, options).expect("a plain resize");
            samples
        }
        let (x, y) = (weights::window(&spec.x, raster.width), weights::window(&spec.y, raster.height));
        let options = ResizeOptions::new().resize_alg(algorithm).crop(x.0, y.0, x.1, y.1);
        match raster.layout {
            Layout::Gray => typed::<U8>(raster, spec, &options),
            Layout::GrayAlpha => typed::<U8x2>(raster, spec, &options),
            Layout::Rgb => typed::<U8x3>(raster, spec, &options),
            Layout::Rgba => typed::<U8x4>(raster, spec, &options),
        }
    }

    /// The kernels but for the nearest sample, whose places add up their roundings in the crate.
    const CONVOLUTIONS: [Kernel; 7] = *KERNELS.last_chunk().expect("eight kernels");

    fn custom(kernel: Kernel) -> ResizeAlg {
        let (function, support) = weights::function(kernel);
        ResizeAlg::Convolution(FilterType::Custom(Filter::new("ours", function, support).expect("a support above 0")))
    }

    #[test]
    fn rows_make_what_the_crate_makes_of_the_whole_picture() {
        let sizes = [(1, 1), (1, 7), (2, 3), (7, 5), (16, 16), (31, 33), (50, 13), (97, 61), (90, 121), (40, 300)];
        for layout in LAYOUTS {
            for kernel in CONVOLUTIONS {
                for from in sizes {
                    let mut raster = patterned(from.0, from.1, layout);
                    for to in sizes {
                        let spec = spec(from, to, kernel);
                        let ours = resize(&raster, &spec).expect("a resize");
                        assert!(ours.bytes() == theirs(&mut raster, &spec, custom(kernel)), "{layout:?} {kernel:?} {from:?} to {to:?}");
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn windows_are_the_crates_too(
            (width, height, to_x, to_y) in (1u32..70, 1u32..70, 1u32..50, 1u32..50),
            (left, right, top, bottom) in (0i64..100, 0i64..100, 0i64..100, 0i64..100),
            (layout, kernel) in (select(&LAYOUTS[..]), select(&CONVOLUTIONS[..])),
        ) {
            let axis = |side: u32, before: i64, behind: i64, count: u32| {
                let from = Ratio::new(i64::from(side) * before, 201);
                Axis::covering(from, Ratio::whole(side).minus(from).minus(Ratio::new(i64::from(side) * behind, 201)), count)
            };
            let spec = ResizeSpec { x: axis(width, left, right, to_x), y: axis(height, top, bottom, to_y), kernel };
            let mut raster = patterned(width, height, layout);
            let ours = resize(&raster, &spec).expect("a resize");
            prop_assert!(ours.bytes() == theirs(&mut raster, &spec, custom(kernel)));
        }

        #[test]
        fn what_is_held_is_forecast(
            (width, height, to_x, to_y) in (1u32..3000, 1u32..3000, 1u32..500, 1u32..500),
            (left, right, top, bottom) in (-2i64..100, -2i64..100, -2i64..100, -2i64..100),
            (layout, kernel) in (select(&LAYOUTS[..]), select(&KERNELS[..])),
        ) {
            let axis = |side: u32, before: i64, behind: i64, count: u32| {
                let from = Ratio::new(i64::from(side) * before, 201);
                Axis::covering(from, Ratio::whole(side).minus(from).minus(Ratio::new(i64::from(side) * behind, 201)), count)
            };
            let spec = ResizeSpec { x: axis(width, left, right, to_x), y: axis(height, top, bottom, to_y), kernel };
            let size = Size::new(width, height);
            let resizer = Resizer::new(&spec, size, layout);
            prop_assert!(resizer.held() <= Resizer::bytes(&spec, size, layout));
        }
    }

    #[test]
    fn the_nearest_sample_is_that_under_the_middle() {
        let raster = patterned(30, 21, Layout::GrayAlpha);
        for (to_x, to_y) in [(1, 1), (7, 35), (35, 7), (15, 14), (30, 42)] {
            let result = resize(&raster, &spec((30, 21), (to_x, to_y), Kernel::Nearest)).expect("a resize");
            for (x, y) in (0..to_y).flat_map(|y| (0..to_x).map(move |x| (x, y))) {
                let (from_x, from_y) = ((2 * x + 1) * 30 / (2 * to_x), (2 * y + 1) * 21 / (2 * to_y));
                let pixel = |raster: &Raster, x: u32, y: u32| raster.bytes()[raster.stride() * y as usize + 2 * x as usize..][..2].to_vec();
                assert_eq!(pixel(&result, x, y), pixel(&raster, from_x, from_y), "{to_x}x{to_y}: {x}, {y}");
            }
        }
    }

    #[test]
    fn what_is_held_does_not_grow_with_the_scale() {
        let held = |to: u32| {
            let spec = spec((6000, 4000), (to, to), Kernel::Lanczos3);
            let resizer = Resizer::new(&spec, Size::new(6000, 4000), Layout::Rgb);
            assert!(resizer.held() <= Resizer::bytes(&spec, Size::new(6000, 4000), Layout::Rgb));
            resizer.ring.len() + resizer.sums.iter().map(Vec::len).sum::<usize>()
        };
        let row = 6000 * 3 / GROUP_SAMPLES;
        for to in [1, 2, 10, 40, 200, 800] {
            assert!(held(to) <= 21 * (row + 1), "{to}: {} rows", held(to) / row);
        }
    }

    #[test]
    fn our_kernels_are_the_crates_own() {
        let mut raster = patterned(97, 61, Layout::Rgb);
        let pairs = [
            (Kernel::Box, FilterType::Box),
            (Kernel::Linear, FilterType::Bilinear),
            (Kernel::Hamming, FilterType::Hamming),
            (Kernel::Cubic, FilterType::CatmullRom),
            (Kernel::Mitchell, FilterType::Mitchell),
            (Kernel::Lanczos3, FilterType::Lanczos3),
        ];
        for (kernel, filter) in pairs {
            let spec = spec((97, 61), (40, 77), kernel);
            let ours = resize(&raster, &spec).expect("a resize");
            assert_eq!(ours.bytes(), theirs(&mut raster, &spec, ResizeAlg::Convolution(filter)), "{kernel:?}");
        }
    }

    #[test]
    fn beyond_the_edges_they_go_on() {
        let raster = patterned(9, 6, Layout::Rgba);
        let mut edged = Raster { width: 12, height: 9, layout: Layout::Rgba, samples: Samples::U8(Vec::new()) };
        let pixel = |x: usize, y: usize| &raster.bytes()[(y * 9 + x) * 4..][..4];
        let all = (0..9).flat_map(|y: usize| (0..12).map(move |x: usize| (x.saturating_sub(2).min(8), y.saturating_sub(1).min(5))));
        edged.samples = Samples::U8(all.flat_map(|(x, y)| pixel(x, y)).copied().collect());
        let axis = |from: i64, length: u32, count: u32| Axis::covering(Ratio::new(from, 1), Ratio::whole(length), count);
        for kernel in KERNELS {
            let outside = ResizeSpec { x: axis(-2, 12, 5), y: axis(-1, 9, 13), kernel };
            let whole = ResizeSpec { x: axis(0, 12, 5), y: axis(0, 9, 13), kernel };
            let resized = |raster: &Raster, spec: &ResizeSpec| resize(raster, spec).expect("a resize");
            assert_eq!(resized(&raster, &outside), resized(&edged, &whole), "{kernel:?}");
        }
    }

    #[test]
    fn transparent_pixels_do_not_bleed() {
        let samples = [255, 0, 0, 255, 0, 255, 0, 0].repeat(32);
        let raster = Raster { width: 8, height: 8, layout: Layout::Rgba, samples: Samples::U8(samples) };
        let result = resize(&raster, &spec((8, 8), (4, 4), Kernel::Box)).expect("a plain resize");
        assert!(result.bytes().chunks_exact(4).all(|p| p[..3] == [255, 0, 0] && p[3].abs_diff(128) <= 1), "{:?}", result.bytes());
    }

    #[test]
    fn rows_that_never_come_are_zeros() {
        let raster = patterned(8, 8, Layout::Gray);
        let spec = spec((8, 8), (8, 4), Kernel::Box);
        let mut resizer = Resizer::new(&spec, raster.size(), raster.layout);
        raster.bytes().chunks_exact(8).take(4).for_each(|row| resizer.push(row));
        let result = resizer.finish().expect("a resize");
        assert_eq!(result.bytes()[..16], resize(&raster, &spec).expect("a resize").bytes()[..16]);
        assert_eq!(result.bytes()[16..], [0; 16]);
    }
}
