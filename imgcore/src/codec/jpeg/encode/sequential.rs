//! One scan for all components: with the example tables at once, or with the best ones after a first look at all symbols.
//!
//! The second look does not repeat the first: symbols are kept, four bytes each, as far as [`MOST_SYMBOLS`] goes. Only what lies below
//! that in a large or very detailed picture is transformed again.

use fearless_simd::dispatch;

use super::bits::Bits;
use super::grid::Grid;
use super::huffman::{Code, Table};
use super::kernels::Engine;
use super::restarts::{Restarts, put_restart};
use super::strip::Strip;
use crate::codec::jpeg::scan::ZIGZAG;

/// The symbols that are kept at most, in bytes.
pub(super) const MOST_SYMBOLS: u64 = 32 << 20;

/// Takes symbols in the order of the file. The lower four bits of a symbol say how many bits follow it.
trait Sink {
    fn symbol(&mut self, table: usize, symbol: u32, bits: u32);
    fn restart(&mut self);
}

/// Where the coding of a scan stands.
#[derive(Debug, Clone, Copy)]
struct Scan {
    restarts: Restarts,
    last_dc: [i32; 3],
}

impl Scan {
    fn new(restart_interval: u16) -> Scan {
        Scan { restarts: Restarts::new(restart_interval), last_dc: [0; 3] }
    }

    /// A row of units, with the instructions for counting bits that the CPU has.
    fn code(&mut self, strip: &Strip<'_>, sink: &mut impl Sink) {
        match strip.engine {
            Engine::Plain => self.code_units(strip, sink),
            Engine::Vectors(level) => dispatch!(level, _ => self.code_units(strip, sink)),
        }
    }

    #[inline(always)]
    fn code_units(&mut self, strip: &Strip<'_>, sink: &mut impl Sink) {
        let grid = strip.grid;
        for unit in 0..grid.units_across() {
            if self.restarts.is_due() {
                sink.restart();
                self.last_dc = [0; 3];
            }
            for ((component, blocks), last_dc) in grid.components.iter().zip(&strip.blocks).zip(&mut self.last_dc) {
                let held = grid.held_across(component);
                for at in (0..component.v).flat_map(|y| (0..component.h).map(move |x| y * held + unit * component.h + x)) {
                    code_block(sink, component.table * 2, &blocks.coefficients[at], blocks.nonzero[at], last_dc);
                }
            }
        }
    }
}

/// A value by its size and that many bits.
#[inline(always)]
pub(super) fn sized(value: i32) -> (u32, u32) {
    let size = 32 - value.unsigned_abs().leading_zeros();
    let bits = (value + (value >> 31)) as u32 & ((1 << size) - 1);
    (size, bits)
}

#[inline(always)]
fn code_block(sink: &mut impl Sink, table: usize, block: &[i16; 64], nonzero: u64, last_dc: &mut i32) {
    let dc = i32::from(block[0]);
    let (size, bits) = sized(dc - *last_dc);
    *last_dc = dc;
    sink.symbol(table, size, bits);
    let mut left = zigzag(nonzero) & !1;
    let mut last = 0;
    while left != 0 {
        let k = left.trailing_zeros();
        left &= left - 1;
        let mut run = k - last - 1;
        last = k;
        while run > 15 {
            sink.symbol(table + 1, 0xF0, 0);
            run -= 16;
        }
        let (size, bits) = sized(i32::from(block[place(k)]));
        sink.symbol(table + 1, run << 4 | size, bits);
    }
    if last < 63 {
        sink.symbol(table + 1, 0, 0);
    }
}

/// From a place in zigzag order to that in reading order.
#[inline(always)]
pub(super) fn place(k: u32) -> usize {
    usize::from(ZIGZAG[k as usize & 63] & 63)
}

/// From bits in reading order to bits in zigzag order.
#[inline(always)]
pub(super) fn zigzag(bits: u64) -> u64 {
    let mut all = 0;
    for (table, byte) in ZIGZAG_OF.iter().zip(bits.to_le_bytes()) {
        all |= table[usize::from(byte)];
    }
    all
}

/// For each row of a block, and for each choice of its eight places, those places in zigzag order.
static ZIGZAG_OF: [[u64; 256]; 8] = {
    let mut tables = [[0; 256]; 8];
    let mut k = 0;
    while k < 64 {
        let (y, x) = (ZIGZAG[k] as usize / 8, ZIGZAG[k] as usize % 8);
        let mut byte = 0;
        while byte < 256 {
            if byte >> x & 1 == 1 {
                tables[y][byte] |= 1 << k;
            }
            byte += 1;
        }
        k += 1;
    }
    tables
};

/// Codes of four tables into a file.
struct Writer<'a> {
    codes: &'a [Code; 1024],
    out: &'a mut Vec<u8>,
    bits: Bits,
    restarts: u8,
}

impl Sink for Writer<'_> {
    #[inline(always)]
    fn symbol(&mut self, table: usize, symbol: u32, bits: u32) {
        let code = self.codes[(table * 256 + symbol as usize) & 1023];
        let size = symbol & 15;
        self.bits.put(self.out, (code >> 8) << size | bits, (code & 255) + size);
    }

    fn restart(&mut self) {
        put_restart(self.out, &mut self.bits, &mut self.restarts);
    }
}

/// Counts symbols, and keeps them: a table's number and the symbol in the upper half, its bits in the lower.
struct Counter {
    uses: Box<[u32; 1024]>,
    symbols: Vec<u32>,
}

const RESTART: u32 = u32::MAX;

impl Sink for Counter {
    #[inline(always)]
    fn symbol(&mut self, table: usize, symbol: u32, bits: u32) {
        let at = (table * 256 + symbol as usize) & 1023;
        self.uses[at] += 1;
        self.symbols.push((at as u32) << 16 | bits);
    }

    fn restart(&mut self) {
        self.symbols.push(RESTART);
    }
}

fn codes(tables: &[Table; 4]) -> [Code; 1024] {
    let mut codes = [0; 1024];
    codes.as_chunks_mut::<256>().0.iter_mut().zip(tables).for_each(|(codes, table)| *codes = table.codes());
    codes
}

/// The scan's data, by the example tables.
pub(super) fn write(strip: &mut Strip<'_>, restart_interval: u16, out: &mut Vec<u8>) {
    let codes = codes(&Table::examples());
    let mut writer = Writer { codes: &codes, out, bits: Bits::EMPTY, restarts: 0 };
    let mut scan = Scan::new(restart_interval);
    write_from(0, &mut scan, strip, &mut writer);
}

/// The scan's data from a row of units on.
fn write_from(first: usize, scan: &mut Scan, strip: &mut Strip<'_>, writer: &mut Writer<'_>) {
    for unit in first..strip.grid.units_down() {
        strip.make(unit);
        scan.code(strip, writer);
    }
    writer.bits.finish(writer.out);
}

/// What a first look found.
pub(super) struct Symbols {
    /// The best tables: DC and AC of luma, DC and AC of chroma.
    pub(super) tables: [Table; 4],
    /// By row of units, until there were too many.
    rows: Vec<Box<[u32]>>,
    /// Where the scan stood then.
    rest: Scan,
}

impl Symbols {
    /// Looks at all symbols and keeps at most `most` bytes of them.
    pub(super) fn count(strip: &mut Strip<'_>, restart_interval: u16, most: u64) -> Symbols {
        let mut scan = Scan::new(restart_interval);
        let mut counter = Counter { uses: Box::new([0; 1024]), symbols: Vec::new() };
        let (mut rows, mut rest, mut kept) = (Vec::new(), scan, 0);
        for unit in 0..strip.grid.units_down() {
            strip.make(unit);
            counter.symbols.clear();
            scan.code(strip, &mut counter);
            kept += counter.symbols.len() as u64 * 4;
            if kept <= most {
                rows.push(counter.symbols.as_slice().into());
                rest = scan;
            }
        }
        let uses = counter.uses.as_chunks::<256>().0;
        Symbols { tables: std::array::from_fn(|at| Table::best(&uses[at])), rows, rest }
    }

    /// The most that is held of such a picture, in bytes.
    pub(super) fn bytes(grid: &Grid) -> u64 {
        let row: u64 = grid.components.iter().map(|component| grid.held_across(component) as u64 * component.v as u64 * 64 * 4).sum();
        // A row grows by doubling before it is kept.
        MOST_SYMBOLS.min(row.saturating_mul(grid.units_down() as u64)) + row * 2
    }

    /// The scan's data, by the best tables.
    pub(super) fn write(&self, strip: &mut Strip<'_>, out: &mut Vec<u8>) {
        let codes = codes(&self.tables);
        let mut writer = Writer { codes: &codes, out, bits: Bits::EMPTY, restarts: 0 };
        for symbol in self.rows.iter().flatten() {
            if *symbol == RESTART {
                writer.restart();
            } else {
                writer.symbol(0, symbol >> 16, symbol & 0xFFFF);
            }
        }
        let mut rest = self.rest;
        write_from(self.rows.len(), &mut rest, strip, &mut writer);
    }
}
