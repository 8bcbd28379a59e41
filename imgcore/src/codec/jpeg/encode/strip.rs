//! A row of units: samples out of the picture, chroma averaged, edges repeated, all as libjpeg does; then their coefficients.

use super::grid::{Component, Grid};
use super::kernels::{self, Engine};
use super::tables::Divisors;

/// What is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'a> {
    /// Rows of grey.
    Gray(&'a [u8]),
    /// Rows of red, green and blue.
    Rgb(&'a [u8]),
    /// Y, Cb and Cr, each as large as its component.
    Planes([&'a [u8]; 3]),
}

/// The blocks of a component in one row of units, row by row; rows are [`Grid::held_across`] long.
#[derive(Debug, Clone)]
pub(super) struct Blocks {
    /// In reading order.
    pub(super) coefficients: Vec<[i16; 64]>,
    /// Which of them are not zero, a bit each in reading order.
    pub(super) nonzero: Vec<u64>,
}

/// Makes one row of units after the other.
pub(super) struct Strip<'a> {
    pub(super) engine: Engine,
    source: Source<'a>,
    pub(super) grid: &'a Grid,
    divisors: [Divisors; 2],
    /// By component, `8 * v` rows of samples.
    samples: Vec<Vec<u8>>,
    /// Rows of Cb and Cr at full size.
    chroma: [Vec<u8>; 4],
    pub(super) blocks: Vec<Blocks>,
}

impl<'a> Strip<'a> {
    /// Coefficients are divided by steps.
    pub(super) fn new(engine: Engine, source: Source<'a>, grid: &'a Grid, steps: &[[u8; 64]; 2]) -> Strip<'a> {
        Strip::by(engine, source, grid, steps.each_ref().map(Divisors::new))
    }

    /// Coefficients come times 8, as the transform makes them.
    pub(super) fn undivided(engine: Engine, source: Source<'a>, grid: &'a Grid) -> Strip<'a> {
        Strip::by(engine, source, grid, [Divisors::NONE, Divisors::NONE])
    }

    fn by(engine: Engine, source: Source<'a>, grid: &'a Grid, divisors: [Divisors; 2]) -> Strip<'a> {
        let held = |component: &Component| grid.held_across(component) * component.v;
        let full = match source {
            Source::Rgb(_) => grid.held_across(&grid.components[0]) * 8,
            Source::Gray(_) | Source::Planes(_) => 0,
        };
        let blocks = |component| Blocks { coefficients: vec![[0; 64]; held(component)], nonzero: vec![0; held(component)] };
        Strip {
            engine,
            source,
            grid,
            divisors,
            samples: grid.components.iter().map(|component| vec![0; held(component) * 64]).collect(),
            chroma: std::array::from_fn(|_| vec![0; full]),
            blocks: grid.components.iter().map(blocks).collect(),
        }
    }

    /// What all strips of such a picture hold, in bytes.
    pub(super) fn bytes(grid: &Grid) -> u64 {
        let blocks: u64 = grid.components.iter().map(|component| grid.held_across(component) as u64 * component.v as u64).sum();
        // Samples, coefficients and their masks, and four rows of chroma.
        blocks * (64 + 128 + 8) + grid.held_across(&grid.components[0]) as u64 * 8 * 4
    }

    /// Fills `blocks` with those of a row of units.
    pub(super) fn make(&mut self, unit: usize) {
        match self.source {
            Source::Gray(samples) => self.copy(0, samples, unit),
            Source::Rgb(pixels) => self.convert(pixels, unit),
            Source::Planes(planes) => (0..3).for_each(|at| self.copy(at, planes[at], unit)),
        }
        for (at, component) in self.grid.components.iter().enumerate() {
            let held = self.grid.held_across(component);
            let Blocks { coefficients, nonzero } = &mut self.blocks[at];
            let rows = coefficients.chunks_exact_mut(held).zip(nonzero.chunks_exact_mut(held));
            for (samples, (coefficients, nonzero)) in self.samples[at].chunks_exact(held * 64).zip(rows) {
                kernels::transform(self.engine, samples, &self.divisors[component.table], coefficients, nonzero);
            }
        }
        (0..self.grid.components.len()).for_each(|at| self.add_blocks(at, unit));
    }

    fn copy(&mut self, at: usize, samples: &[u8], unit: usize) {
        let component = &self.grid.components[at];
        let stride = self.grid.held_across(component) * 8;
        for (y, row) in self.samples[at].chunks_exact_mut(stride).enumerate() {
            let y = (unit * component.v * 8 + y).min(component.height - 1);
            row[..component.width].copy_from_slice(&samples[y * component.width..][..component.width]);
            repeat_last(row, component.width);
        }
    }

    fn convert(&mut self, pixels: &[u8], unit: usize) {
        let Grid { width, height, h, v, .. } = *self.grid;
        let stride = self.grid.held_across(&self.grid.components[0]) * 8;
        let chroma = &self.grid.components[1];
        let half = self.grid.held_across(chroma) * 8;
        let [luma, cb, cr] = &mut self.samples[..] else { return };
        // Rows below the picture repeat the last one of each component.
        let in_picture = (chroma.height - unit * 8).min(8);
        let chroma_rows = cb.chunks_exact_mut(half).zip(cr.chunks_exact_mut(half)).take(in_picture);
        for ((y, luma), (cb, cr)) in luma.chunks_exact_mut(stride * v).enumerate().zip(chroma_rows) {
            let row = |at: usize| &pixels[((unit * 8 + y) * v + at).min(height - 1) * width * 3..][..width * 3];
            if h == 1 {
                kernels::convert(self.engine, row(0), &mut luma[..width], &mut cb[..width], &mut cr[..width]);
                [luma, cb, cr].into_iter().for_each(|row| repeat_last(row, width));
                continue;
            }
            for (at, (luma, chroma)) in luma.chunks_exact_mut(stride).zip(self.chroma.chunks_exact_mut(2)).enumerate() {
                let [cb, cr] = chroma else { continue };
                kernels::convert(self.engine, row(at), &mut luma[..width], &mut cb[..width], &mut cr[..width]);
                [luma, cb, cr].into_iter().for_each(|row| repeat_last(row, width));
            }
            let [cb0, cr0, cb1, cr1] = &self.chroma;
            let (cb, cr) = (&mut cb[..stride / 2], &mut cr[..stride / 2]);
            if v == 2 {
                kernels::mean_of_4(self.engine, cb0, cb1, cb);
                kernels::mean_of_4(self.engine, cr0, cr1, cr);
            } else {
                kernels::mean_of_2(self.engine, cb0, cb);
                kernels::mean_of_2(self.engine, cr0, cr);
            }
        }
        repeat_last_row(luma, in_picture * v, stride);
        repeat_last_row(cb, in_picture, half);
        repeat_last_row(cr, in_picture, half);
    }

    /// Blocks that only fill their unit: as the one before them in the unit, without detail.
    fn add_blocks(&mut self, at: usize, unit: usize) {
        let component = &self.grid.components[at];
        let held = self.grid.held_across(component);
        let Blocks { coefficients, nonzero } = &mut self.blocks[at];
        let mut fill = |to: usize, from: usize| {
            let mut block = [0; 64];
            block[0] = coefficients[from][0];
            (coefficients[to], nonzero[to]) = (block, u64::from(block[0] != 0));
        };
        for y in 0..component.v {
            if unit * component.v + y >= component.down() {
                for first in (0..held).step_by(component.h) {
                    (0..component.h).for_each(|x| fill(y * held + first + x, (y - 1) * held + first + component.h - 1));
                }
            } else {
                (component.across()..held).for_each(|x| fill(y * held + x, y * held + x - 1));
            }
        }
    }
}

fn repeat_last(row: &mut [u8], width: usize) {
    let last = row[width - 1];
    row[width..].fill(last);
}

fn repeat_last_row(rows: &mut [u8], count: usize, stride: usize) {
    let (above, below) = rows.split_at_mut(count * stride);
    below.chunks_exact_mut(stride).for_each(|row| row.copy_from_slice(&above[above.len() - stride..]));
}

#[cfg(test)]
impl Strip<'_> {
    /// The whole picture's samples, without those beyond its edges.
    pub(super) fn planes(&mut self) -> [Vec<u8>; 3] {
        let mut planes = [Vec::new(), Vec::new(), Vec::new()];
        for unit in 0..self.grid.units_down() {
            self.make(unit);
            for ((plane, samples), component) in planes.iter_mut().zip(&self.samples).zip(&self.grid.components) {
                let stride = self.grid.held_across(component) * 8;
                let rows = component.height.saturating_sub(unit * component.v * 8);
                samples.chunks_exact(stride).take(rows).for_each(|row| plane.extend_from_slice(&row[..component.width]));
            }
        }
        planes
    }
}
