//! The coefficients of a picture that is held until its last scan is in: of each block as many as the wanted scales need.

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

    /// A block of a component, at its place in the picture, and the last of its coefficients that is not zero.
    pub(super) fn block(&self, component: usize, x: usize, y: usize) -> (Block, usize) {
        let plane = &self.planes[component];
        let kept = &plane.coefficients[(y * plane.across + x) * plane.kept..][..plane.kept];
        let mut block = [0; 64];
        let mut last = 0;
        if let [level] = kept {
            block[0] = *level;
            return (block, 0);
        }
        for (at, (value, place)) in kept.iter().zip(ZIGZAG).enumerate() {
            if *value != 0 {
                block[usize::from(place & 63)] = *value;
                last = at;
            }
        }
        (block, last)
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
        let is_coarse = frame.progressive && self.missing.iter().any(Missing::can_be_guessed);
        for unit in 0..frame.units_down {
            ctx.go_on(Stage::Decode)?;
            for (at, (plane, component)) in self.planes.iter().zip(&frame.components).enumerate() {
                // A component that no scan was there for is grey, whatever its table.
                let table = tables[at].unwrap_or([0; 64]);
                for (y, x) in (unit * component.v..(unit + 1) * component.v).flat_map(|y| (0..plane.across).map(move |x| (y, x))) {
                    let (block, last) = match is_coarse {
                        true => (self.missing[at].guessed(self, (at, component), (x, y), &table), 63),
                        false => self.block(at, x, y),
                    };
                    rows.iter_mut().for_each(|rows| rows.block(at, x, y, (&block, last), &table));
                }
            }
            if finish_units(&mut rows, unit).is_break() {
                break;
            }
        }
        Ok(())
    }
}
