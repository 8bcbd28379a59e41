//! The coefficients of a picture that is held until its last scan is in: of each block as many as the wanted scales need.

use super::batch::{Batch, LANES};
use super::decode::Quantization;
use super::frame::{Component, Frame};
use super::rows::{Rows, finish_units};
use super::scale::Scale;
use super::scan::{Block, Held, Scan, ZIGZAG};
use super::smooth::Missing;
use crate::error::Error;
use crate::limits::{Context, Stage};

/// A component's blocks.
struct Plane {
    /// In a row.
    across: usize,
    /// Coefficients kept of a block: the first ones in zigzag order.
    kept: usize,
    coefficients: Vec<i16>,
    /// For each block, which of all its coefficients are not zero. Only kept up in progressive files.
    nonzero: Vec<u64>,
}

/// All blocks of all components, until the last scan is in.
pub(super) struct Coefficients {
    planes: Vec<Plane>,
    missing: Vec<Missing>,
}

impl Coefficients {
    /// Room for the blocks of a frame, each up to the last coefficient that is wanted of its component.
    pub(super) fn new(frame: &Frame, last: &[usize]) -> Coefficients {
        let plane = |(component, last): (&Component, &usize)| {
            let (blocks, kept) = (component.blocks_across * component.blocks_down, last + 1);
            Plane { across: component.blocks_across, kept, coefficients: vec![0; blocks * kept], nonzero: vec![0; blocks] }
        };
        let planes = frame.components.iter().zip(last).map(plane).collect();
        Coefficients { planes, missing: vec![Missing::default(); frame.components.len()] }
    }

    /// The bytes that this takes.
    pub(super) fn bytes(frame: &Frame, scale: Scale) -> u64 {
        let plane = |c: &Component| c.blocks_across as u64 * c.blocks_down as u64 * (2 * (scale.last(frame, c) as u64 + 1) + 8);
        frame.components.iter().map(plane).sum()
    }

    /// A block of a component, at its place in the picture.
    pub(super) fn block(&self, component: usize, x: usize, y: usize) -> Block {
        let plane = &self.planes[component];
        let kept = &plane.coefficients[(y * plane.across + x) * plane.kept..][..plane.kept];
        let mut block = [0; 64];
        for (value, place) in kept.iter().zip(ZIGZAG) {
            block[usize::from(place & 63)] = *value;
        }
        block
    }

    /// Blocks of a component side by side, the first at its place in the picture; there may be fewer at the end.
    fn fill(&self, component: usize, x: usize, y: usize, batch: &mut Batch) {
        let plane = &self.planes[component];
        let start = y * plane.across + x;
        let end = start + LANES.min(plane.across - x);
        for (lane, kept) in plane.coefficients[start * plane.kept..end * plane.kept].chunks_exact(plane.kept).enumerate() {
            kept.iter().enumerate().for_each(|(at, value)| batch.set(at, lane, *value));
        }
        // All that is kept was set; where the last ones are zero in all blocks, they need not be looked at.
        batch.reach((0..plane.kept).rev().find(|at| batch.is_some(*at)).unwrap_or(0));
    }

    /// A block of a component, to be read into.
    #[inline]
    pub(super) fn held(&mut self, component: usize, x: usize, y: usize) -> Held<'_> {
        let plane = &mut self.planes[component];
        let at = y * plane.across + x;
        Held { kept: &mut plane.coefficients[at * plane.kept..][..plane.kept], nonzero: &mut plane.nonzero[at] }
    }

    /// The first coefficient of a block.
    pub(super) fn level(&self, component: usize, x: usize, y: usize) -> i16 {
        let plane = &self.planes[component];
        plane.coefficients[(y * plane.across + x) * plane.kept]
    }

    /// A scan has come by.
    pub(super) fn note(&mut self, scan: &Scan) {
        scan.parts.iter().for_each(|part| self.missing[part.component].note(scan));
    }

    /// Has all blocks made into samples.
    pub(super) fn push(&self, frame: &Frame, tables: &[Option<Quantization>], mut rows: Vec<Rows<'_>>, ctx: &Context) -> Result<(), Error> {
        let mut batch = Batch::new();
        let is_coarse = frame.progressive && self.missing.iter().any(Missing::can_be_guessed);
        for unit in 0..frame.units_down {
            ctx.go_on(Stage::Decode)?;
            for (at, (plane, component)) in self.planes.iter().zip(&frame.components).enumerate() {
                // A component that no scan was there for is grey, whatever its table.
                let table = tables[at].unwrap_or([0; 64]);
                let rows_of_unit = unit * component.v..(unit + 1) * component.v;
                for (y, x) in rows_of_unit.flat_map(|y| (0..plane.across).step_by(LANES).map(move |x| (y, x))) {
                    batch.clear();
                    if is_coarse {
                        for lane in 0..LANES.min(plane.across - x) {
                            let block = self.missing[at].guessed(self, (at, component), (x + lane, y), &table);
                            batch.put(lane, &block);
                        }
                    } else {
                        self.fill(at, x, y, &mut batch);
                    }
                    rows.iter_mut().for_each(|rows| rows.blocks(at, x, y, &batch, &table));
                }
            }
            if finish_units(&mut rows, unit).is_break() {
                break;
            }
        }
        Ok(())
    }
}
