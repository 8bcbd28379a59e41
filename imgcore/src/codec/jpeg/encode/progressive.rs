//! Many scans, coarse ones first, each with the best tables for it; or one of all there is.
//!
//! All coefficients are held. Each scan is gone over twice: symbols are counted, and then written.

use super::bits::Bits;
use super::file::{self, ScanHeader};
use super::grid::{Component, Grid};
use super::huffman::{Code, Table};
use super::kernels::Engine;
use super::restarts::{Restarts, put_restart};
use super::script::{self, Step};
use super::sequential::{place, sized, zigzag};
use super::strip::{Blocks, Strip};

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

/// The coefficients of a whole picture, by component, row by row.
pub(super) struct Picture<'a> {
    pub(super) grid: &'a Grid,
    engine: Engine,
    blocks: Vec<Vec<Block>>,
}

/// What is held of such a picture, in bytes.
pub(super) fn bytes(grid: &Grid) -> u64 {
    let row: u64 = grid.components.iter().map(|component| grid.held_across(component) as u64 * component.v as u64).sum();
    (row * size_of::<Block>() as u64).saturating_mul(grid.units_down() as u64)
}

/// Writes all scans of the usual script, each with its tables.
pub(super) fn write(strip: &mut Strip<'_>, restart_interval: u16, out: &mut Vec<u8>) {
    Picture::of(strip).write(script::usual(strip.grid), restart_interval, out);
}

impl<'a> Picture<'a> {
    /// Without blocks, and with room for all.
    pub(super) fn new(grid: &'a Grid, engine: Engine) -> Picture<'a> {
        let held = |component: &Component| grid.held_across(component) * component.v * grid.units_down();
        Picture { grid, engine, blocks: grid.components.iter().map(|component| Vec::with_capacity(held(component))).collect() }
    }

    /// With all blocks, as the strip makes them.
    pub(super) fn of(strip: &mut Strip<'a>) -> Picture<'a> {
        let mut picture = Picture::new(strip.grid, strip.engine);
        for unit in 0..strip.grid.units_down() {
            strip.make(unit);
            strip.blocks.iter().enumerate().for_each(|(at, blocks)| picture.add(at, blocks));
        }
        picture
    }

    /// A component's blocks of the next row of units.
    pub(super) fn add(&mut self, component: usize, made: &Blocks) {
        let blocks = made.coefficients.iter().zip(&made.nonzero).map(|(block, nonzero)| Block::new(block, *nonzero));
        self.blocks[component].extend(blocks);
    }

    /// The coefficients of a block, in reading order.
    #[cfg(test)]
    pub(super) fn coefficients(&self, component: usize, x: usize, y: usize) -> &[i16; 64] {
        &self.blocks[component][y * self.grid.held_across(&self.grid.components[component]) + x].coefficients
    }

    /// Counts the symbols of a scan.
    pub(super) fn count(&self, step: &Step, restart_interval: u16) -> Counter {
        let mut counter = Counter { uses: Box::new([[0; 256]; 4]), bits: 0 };
        self.code(step, restart_interval, &mut counter);
        counter
    }

    /// Writes scans, each with its tables.
    pub(super) fn write(&self, script: &[Step], restart_interval: u16, out: &mut Vec<u8>) {
        for step in script {
            let tables = self.count(step, restart_interval).tables();
            let used = tables.iter().zip([0x00, 0x10, 0x01, 0x11]).filter(|(table, _)| !table.symbols.is_empty());
            used.for_each(|(table, id)| file::put_table(out, id, table));
            let (first, last) = step.components;
            let dc = step.has_dc() && step.bits.0 == 0;
            let header = ScanHeader { components: first..last + 1, dc, ac: step.has_ac(), band: step.band, bits: step.bits };
            file::put_scan(out, self.grid, &header);
            let codes = tables.each_ref().map(Table::codes);
            let mut writer = Writer { codes: &codes, out, bits: Bits::EMPTY, restarts: 0 };
            self.code(step, restart_interval, &mut writer);
            writer.bits.finish(writer.out);
        }
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

/// How often each symbol of the tables is used, and the bits that symbols do not stand for.
pub(super) struct Counter {
    /// DC and AC of luma, DC and AC of chroma.
    pub(super) uses: Box<[[u32; 256]; 4]>,
    bits: u64,
}

impl Counter {
    pub(super) fn tables(&self) -> [Table; 4] {
        self.uses.each_ref().map(|uses| Table::best(uses))
    }

    /// All bits of the scan, with those of its tables.
    pub(super) fn cost(&self) -> u64 {
        let table = |(table, uses): (&Table, &[u32; 256])| {
            if table.symbols.is_empty() {
                return 0;
            }
            let codes: u64 = table.codes().iter().zip(uses).map(|(code, uses)| u64::from(code & 255) * u64::from(*uses)).sum();
            codes + 8 * (21 + table.symbols.len() as u64)
        };
        self.bits + self.tables().iter().zip(self.uses.iter()).map(table).sum::<u64>()
    }
}

impl Sink for Counter {
    #[inline(always)]
    fn symbol(&mut self, table: usize, symbol: u32, _bits: u32, count: u32) {
        self.uses[table & 3][symbol as usize & 255] += 1;
        self.bits += u64::from(count);
    }

    #[inline(always)]
    fn bits(&mut self, _bits: u32, count: u32) {
        self.bits += u64::from(count);
    }

    fn restart(&mut self) {}
}

struct Writer<'a> {
    codes: &'a [[Code; 256]; 4],
    out: &'a mut Vec<u8>,
    bits: Bits,
    restarts: u8,
}

impl Sink for Writer<'_> {
    #[inline(always)]
    fn symbol(&mut self, table: usize, symbol: u32, bits: u32, count: u32) {
        let code = self.codes[table & 3][symbol as usize & 255];
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
    fn code(&self, step: &Step, restart_interval: u16, sink: &mut impl Sink) {
        match self.engine {
            Engine::Plain => self.code_scan(step, restart_interval, sink),
            Engine::Vectors(level) => dispatch!(level, _ => self.code_scan(step, restart_interval, sink)),
        }
    }

    #[inline(always)]
    fn code_scan(&self, step: &Step, restart_interval: u16, sink: &mut impl Sink) {
        let mut restarts = Restarts::new(restart_interval);
        let (first, last) = step.components;
        if first < last {
            return self.code_units(step, &mut restarts, sink);
        }
        let component = &self.grid.components[first];
        let mut ends = Ends { table: component.table * 2 + 1, ..Ends::default() };
        let mut last_dc = 0;
        // Blocks that only fill a unit are none of this scan's.
        for row in self.blocks[first].chunks_exact(self.grid.held_across(component)).take(component.down()) {
            for block in &row[..component.across()] {
                if restarts.is_due() {
                    ends.flush(sink);
                    sink.restart();
                    last_dc = 0;
                }
                let (table, (high, low)) = (component.table * 2, step.bits);
                if step.has_dc() {
                    code_dc(block, table, step.bits, &mut last_dc, sink);
                }
                if step.has_ac() && high == 0 {
                    code_first(block, step.band, low, &mut ends, sink);
                } else if step.has_ac() {
                    code_more(block, step.band, low, &mut ends, sink);
                }
                if step.is_sequential() {
                    ends.flush(sink);
                }
            }
        }
        ends.flush(sink);
    }

    /// Several components, which bring first coefficients at the least.
    #[inline(always)]
    fn code_units(&self, step: &Step, restarts: &mut Restarts, sink: &mut impl Sink) {
        let mut last_dc = [0; 3];
        let mut ends = Ends::default();
        for (y, x) in (0..self.grid.units_down()).flat_map(|y| (0..self.grid.units_across()).map(move |x| (y, x))) {
            if restarts.is_due() {
                sink.restart();
                last_dc = [0; 3];
            }
            let (first, last) = step.components;
            let components = self.grid.components[first..=last].iter().zip(&self.blocks[first..=last]);
            for ((component, blocks), last_dc) in components.zip(&mut last_dc) {
                let held = self.grid.held_across(component);
                for (v, h) in (0..component.v).flat_map(|v| (0..component.h).map(move |h| (v, h))) {
                    let block = &blocks[(y * component.v + v) * held + x * component.h + h];
                    code_dc(block, component.table * 2, step.bits, last_dc, sink);
                    if step.is_sequential() {
                        ends.table = component.table * 2 + 1;
                        code_first(block, step.band, 0, &mut ends, sink);
                        ends.flush(sink);
                    }
                }
            }
        }
    }
}

/// A first coefficient: its difference to the one before, or a bit of it.
#[inline(always)]
fn code_dc(block: &Block, table: usize, bits: (u32, u32), last_dc: &mut i32, sink: &mut impl Sink) {
    let dc = i32::from(block.coefficients[0]) >> bits.1;
    if bits.0 > 0 {
        return sink.bits(dc as u32 & 1, 1);
    }
    let (size, value) = sized(dc - *last_dc);
    *last_dc = dc;
    sink.symbol(table, size, value, size);
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
    table: usize,
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
            self.write(sink);
        }
    }

    #[inline(never)]
    fn write(&mut self, sink: &mut impl Sink) {
        let size = self.blocks.ilog2();
        sink.symbol(self.table, size << 4, self.blocks & ((1 << size) - 1), size);
        self.blocks = 0;
        self.corrections.iter_mut().for_each(|corrections| corrections.flush(sink));
        self.corrections.clear();
        self.correction_bits = 0;
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
    let first = band.0.max(1);
    let mut left = block.large(low, (first, band.1));
    let mut next = first as u32;
    if left != 0 {
        ends.flush(sink);
    }
    while left != 0 {
        let k = left.trailing_zeros();
        left &= left - 1;
        let mut run = k - next;
        next = k + 1;
        while run > 15 {
            sink.symbol(ends.table, 0xF0, 0, 0);
            run -= 16;
        }
        let value = i32::from(block.coefficients[place(k)]);
        // Shifted towards zero.
        let (size, bits) = sized(if value < 0 { -(-value >> low) } else { value >> low });
        sink.symbol(ends.table, run << 4 | size, bits, size);
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
            sink.symbol(ends.table, 0xF0, 0, 0);
            corrections.flush(sink);
            run -= 16;
        }
        let value = block.coefficients[place(k)];
        if old >> k & 1 == 1 {
            corrections.push(value.unsigned_abs() >> low & 1);
            continue;
        }
        ends.flush(sink);
        sink.symbol(ends.table, run << 4 | 1, u32::from(value >= 0), 1);
        corrections.flush(sink);
        run = 0;
    }
    if run > 0 || next <= band.1 as u32 || corrections.count > 0 {
        ends.add(corrections, sink);
    }
}
