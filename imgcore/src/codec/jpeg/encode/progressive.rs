//! Many scans, coarse ones first: libjpeg's usual script, each scan with the best tables for it.
//!
//! All coefficients are held. Each scan is gone over twice: symbols are counted, and then written.

use fearless_simd::dispatch;

use super::bits::Bits;
use super::file::{self, ScanHeader};
use super::grid::{Component, Grid};
use super::huffman::{Code, Table};
use super::kernels::Engine;
use super::restarts::{Restarts, put_restart};
use super::sequential::{sized, zigzag};
use super::strip::Strip;
use crate::codec::jpeg::scan::ZIGZAG;

/// Which bits of which coefficients a scan brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    /// None: all, in units.
    component: Option<usize>,
    /// The first and the last coefficient, in zigzag order.
    band: (usize, usize),
    /// The bit that earlier scans ended with, 0 for a first scan, and the bit that this one ends with.
    bits: (u32, u32),
}

const fn step(component: Option<usize>, band: (usize, usize), bits: (u32, u32)) -> Step {
    Step { component, band, bits }
}

const GRAY: &[Step] = &[
    step(None, (0, 0), (0, 1)),
    step(Some(0), (1, 5), (0, 2)),
    step(Some(0), (6, 63), (0, 2)),
    step(Some(0), (1, 63), (2, 1)),
    step(None, (0, 0), (1, 0)),
    step(Some(0), (1, 63), (1, 0)),
];

const COLOR: &[Step] = &[
    step(None, (0, 0), (0, 1)),
    step(Some(0), (1, 5), (0, 2)),
    step(Some(2), (1, 63), (0, 1)),
    step(Some(1), (1, 63), (0, 1)),
    step(Some(0), (6, 63), (0, 2)),
    step(Some(0), (1, 63), (2, 1)),
    step(None, (0, 0), (1, 0)),
    step(Some(2), (1, 63), (1, 0)),
    step(Some(1), (1, 63), (1, 0)),
    step(Some(0), (1, 63), (1, 0)),
];

/// A block as it is held.
#[derive(Debug, Clone)]
struct Block {
    /// In reading order.
    coefficients: [i16; 64],
    /// Which of them are 1, 2 and 4 or more, by a bit each in zigzag order.
    large: [u64; 3],
}

impl Block {
    #[inline(always)]
    fn new(coefficients: &[i16; 64], nonzero: u64) -> Block {
        let nonzero = zigzag(nonzero);
        let (mut large, mut left) = ([nonzero, 0, 0], nonzero);
        while left != 0 {
            let k = left.trailing_zeros();
            left &= left - 1;
            let size = coefficients[place(k)].unsigned_abs();
            large[1] |= u64::from(size > 1) << k;
            large[2] |= u64::from(size > 3) << k;
        }
        Block { coefficients: *coefficients, large }
    }

    /// Coefficients of a band that are not zero above a bit.
    #[inline(always)]
    fn large(&self, low: u32, (first, last): (usize, usize)) -> u64 {
        self.large[low as usize] & (u64::MAX << first) & (u64::MAX >> (63 - last))
    }
}

#[inline(always)]
fn place(k: u32) -> usize {
    usize::from(ZIGZAG[k as usize & 63] & 63)
}

/// The coefficients of a whole picture, by component, row by row.
struct Picture<'a> {
    grid: &'a Grid,
    blocks: Vec<Vec<Block>>,
}

/// What is held of such a picture, in bytes.
pub(super) fn bytes(grid: &Grid) -> u64 {
    let row: u64 = grid.components.iter().map(|component| grid.held_across(component) as u64 * component.v as u64).sum();
    (row * size_of::<Block>() as u64).saturating_mul(grid.units_down() as u64)
}

/// Writes all scans, each with its tables.
pub(super) fn write(strip: &mut Strip<'_>, restart_interval: u16, out: &mut Vec<u8>) {
    let (grid, engine) = (strip.grid, strip.engine);
    let held = |component: &Component| grid.held_across(component) * component.v * grid.units_down();
    let mut blocks: Vec<Vec<Block>> = grid.components.iter().map(|component| Vec::with_capacity(held(component))).collect();
    for unit in 0..grid.units_down() {
        strip.make(unit);
        for (all, made) in blocks.iter_mut().zip(&strip.blocks) {
            all.extend(made.coefficients.iter().zip(&made.nonzero).map(|(block, nonzero)| Block::new(block, *nonzero)));
        }
    }
    let picture = Picture { grid, blocks };
    for step in if grid.components.len() == 1 { GRAY } else { COLOR } {
        let mut counter = Counter { uses: Box::new([[0; 256]; 2]) };
        picture.code(engine, step, restart_interval, &mut counter);
        let tables = counter.uses.each_ref().map(|uses| Table::best(uses));
        let has_dc = step.component.is_none() && step.bits.0 == 0;
        if has_dc {
            tables[..grid.components.len().min(2)].iter().zip(0..).for_each(|(table, id)| file::put_table(out, id, table));
        }
        if let Some(component) = step.component {
            file::put_table(out, 0x10 | grid.components[component].table as u8, &tables[0]);
        }
        let components = step.component.map_or(0..grid.components.len(), |component| component..component + 1);
        file::put_scan(out, grid, &ScanHeader { components, dc: has_dc, ac: step.component.is_some(), band: step.band, bits: step.bits });
        let codes = tables.each_ref().map(Table::codes);
        let mut writer = Writer { codes: &codes, out, bits: Bits::EMPTY, restarts: 0 };
        picture.code(engine, step, restart_interval, &mut writer);
        writer.bits.finish(writer.out);
    }
}

/// Takes symbols and bits in the order of the file.
trait Sink {
    /// A symbol of a table, and the bits that follow it.
    fn symbol(&mut self, table: usize, symbol: u32, bits: u32, count: u32);
    /// Bits without a symbol.
    fn bits(&mut self, bits: u32, count: u32);
    fn restart(&mut self);
}

struct Counter {
    uses: Box<[[u32; 256]; 2]>,
}

impl Sink for Counter {
    #[inline(always)]
    fn symbol(&mut self, table: usize, symbol: u32, _bits: u32, _count: u32) {
        self.uses[table & 1][symbol as usize & 255] += 1;
    }

    #[inline(always)]
    fn bits(&mut self, _bits: u32, _count: u32) {}

    fn restart(&mut self) {}
}

struct Writer<'a> {
    codes: &'a [[Code; 256]; 2],
    out: &'a mut Vec<u8>,
    bits: Bits,
    restarts: u8,
}

impl Sink for Writer<'_> {
    #[inline(always)]
    fn symbol(&mut self, table: usize, symbol: u32, bits: u32, count: u32) {
        let code = self.codes[table & 1][symbol as usize & 255];
        self.bits.put(self.out, (code >> 8) << count | bits, (code & 255) + count);
    }

    #[inline(always)]
    fn bits(&mut self, bits: u32, count: u32) {
        self.bits.put(self.out, bits, count);
    }

    fn restart(&mut self) {
        put_restart(self.out, &mut self.bits, &mut self.restarts);
    }
}

impl Picture<'_> {
    /// A scan, with the instructions for counting bits that the CPU has.
    fn code(&self, engine: Engine, step: &Step, restart_interval: u16, sink: &mut impl Sink) {
        match engine {
            Engine::Plain => self.code_scan(step, restart_interval, sink),
            Engine::Vectors(level) => dispatch!(level, _ => self.code_scan(step, restart_interval, sink)),
        }
    }

    #[inline(always)]
    fn code_scan(&self, step: &Step, restart_interval: u16, sink: &mut impl Sink) {
        let mut restarts = Restarts::new(restart_interval);
        let Some(at) = step.component else { return self.code_dc(step.bits, &mut restarts, sink) };
        let component = &self.grid.components[at];
        let mut ends = Ends::default();
        // Blocks that only fill a unit are none of this scan's.
        for row in self.blocks[at].chunks_exact(self.grid.held_across(component)).take(component.down()) {
            for block in &row[..component.across()] {
                if restarts.is_due() {
                    ends.flush(sink);
                    sink.restart();
                }
                if step.bits.0 == 0 {
                    code_first(block, step.band, step.bits.1, &mut ends, sink);
                } else {
                    code_more(block, step.band, step.bits.1, &mut ends, sink);
                }
            }
        }
        ends.flush(sink);
    }

    #[inline(always)]
    fn code_dc(&self, bits: (u32, u32), restarts: &mut Restarts, sink: &mut impl Sink) {
        let mut last_dc = [0; 3];
        for (y, x) in (0..self.grid.units_down()).flat_map(|y| (0..self.grid.units_across()).map(move |x| (y, x))) {
            if restarts.is_due() {
                sink.restart();
                last_dc = [0; 3];
            }
            for ((component, blocks), last_dc) in self.grid.components.iter().zip(&self.blocks).zip(&mut last_dc) {
                let held = self.grid.held_across(component);
                for (v, h) in (0..component.v).flat_map(|v| (0..component.h).map(move |h| (v, h))) {
                    let dc = i32::from(blocks[(y * component.v + v) * held + x * component.h + h].coefficients[0]) >> bits.1;
                    if bits.0 > 0 {
                        sink.bits(dc as u32 & 1, 1);
                        continue;
                    }
                    let (size, value) = sized(dc - *last_dc);
                    *last_dc = dc;
                    sink.symbol(component.table, size, value, size);
                }
            }
        }
    }
}

/// Bits of coefficients that earlier scans brought in, the last at the bottom: 63 of a block at the most.
#[derive(Debug, Clone, Copy, Default)]
struct Corrections {
    bits: u64,
    count: u32,
}

impl Corrections {
    #[inline(always)]
    fn push(&mut self, bit: u16) {
        self.bits = self.bits << 1 | u64::from(bit);
        self.count += 1;
    }

    #[inline(always)]
    fn flush(&mut self, sink: &mut impl Sink) {
        if self.count > 32 {
            sink.bits((self.bits >> 32) as u32, self.count - 32);
            self.count = 32;
        }
        sink.bits(self.bits as u32, self.count);
        *self = Corrections::default();
    }
}

/// Blocks that ended and are not written yet: one symbol stands for many.
#[derive(Debug, Default)]
struct Ends {
    blocks: u32,
    corrections: Vec<Corrections>,
    /// All bits in them.
    correction_bits: u32,
}

impl Ends {
    /// As many corrections as libjpeg keeps.
    const MOST_BITS: u32 = 1000 - 64 + 1;

    #[inline(always)]
    fn flush(&mut self, sink: &mut impl Sink) {
        if self.blocks > 0 {
            let size = self.blocks.ilog2();
            sink.symbol(0, size << 4, self.blocks & ((1 << size) - 1), size);
            self.blocks = 0;
            self.corrections.iter_mut().for_each(|corrections| corrections.flush(sink));
            self.corrections.clear();
            self.correction_bits = 0;
        }
    }

    #[inline(always)]
    fn add(&mut self, corrections: Corrections, sink: &mut impl Sink) {
        self.blocks += 1;
        if corrections.count > 0 {
            self.corrections.push(corrections);
            self.correction_bits += corrections.count;
        }
        if self.blocks == 0x7FFF || self.correction_bits > Ends::MOST_BITS {
            self.flush(sink);
        }
    }
}

/// Coefficients for the first time: as in a sequential scan, without the bits below `low`.
#[inline(always)]
fn code_first(block: &Block, band: (usize, usize), low: u32, ends: &mut Ends, sink: &mut impl Sink) {
    let mut left = block.large(low, band);
    let mut next = band.0 as u32;
    if left != 0 {
        ends.flush(sink);
    }
    while left != 0 {
        let k = left.trailing_zeros();
        left &= left - 1;
        let mut run = k - next;
        next = k + 1;
        while run > 15 {
            sink.symbol(0, 0xF0, 0, 0);
            run -= 16;
        }
        let value = i32::from(block.coefficients[place(k)]);
        // Shifted towards zero.
        let (size, bits) = sized(if value < 0 { -(-value >> low) } else { value >> low });
        sink.symbol(0, run << 4 | size, bits, size);
    }
    if next <= band.1 as u32 {
        ends.add(Corrections::default(), sink);
    }
}

/// One more bit of the coefficients that were there already, and those that are new with it.
#[inline(always)]
fn code_more(block: &Block, band: (usize, usize), low: u32, ends: &mut Ends, sink: &mut impl Sink) {
    let mut left = block.large(low, band);
    let old = block.large(low + 1, band);
    // Behind the last coefficient that is new, runs of zeros need no symbol.
    let end = 64 - (left & !old).leading_zeros();
    let mut corrections = Corrections::default();
    let (mut run, mut next) = (0, band.0 as u32);
    while left != 0 {
        let k = left.trailing_zeros();
        left &= left - 1;
        run += k - next;
        next = k + 1;
        while run > 15 && k < end {
            ends.flush(sink);
            sink.symbol(0, 0xF0, 0, 0);
            corrections.flush(sink);
            run -= 16;
        }
        let value = block.coefficients[place(k)];
        if old >> k & 1 == 1 {
            corrections.push(value.unsigned_abs() >> low & 1);
            continue;
        }
        ends.flush(sink);
        sink.symbol(0, run << 4 | 1, u32::from(value >= 0), 1);
        corrections.flush(sink);
        run = 0;
    }
    if run > 0 || next <= band.1 as u32 || corrections.count > 0 {
        ends.add(corrections, sink);
    }
}
