//! One scan for all components: with the example tables at once, or with the best ones after a first look at all symbols.
//!
//! The second look does not repeat the first: symbols are kept, four bytes each, as far as [`MOST_SYMBOLS`] goes. Only what lies below
//! that in a large or very detailed picture is transformed again.

use super::bits::Bits;
use super::grid::{Component, Grid};
use super::huffman::Table;
use super::kernels::Engine;
use super::restarts::{Restarts, put_restart};
use super::strip::Strip;
use crate::codec::jpeg::scan::ZIGZAG;

/// The symbols that are kept at most, in bytes.
pub(super) const MOST_SYMBOLS: u64 = 32 << 20;

/// Takes symbols in the order of the file. The lower four bits of a symbol say how many bits follow it.
trait Sink {
    /// What changes with each symbol. Who gives many works on a copy, which stays in registers, and puts it back.
    type Held: Copy;
    fn held(&self) -> Self::Held;
    fn hold(&mut self, held: Self::Held);
    fn symbol(&mut self, held: &mut Self::Held, table: usize, symbol: u32, bits: u32);
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
        // The blocks of a unit: their component, its table, where they lie among its blocks, and how far on those of the next unit do.
        let blocks = |(component, of): (usize, &Component)| {
            let (table, held, h) = (of.table * 2, grid.held_across(of), of.h);
            (0..of.v * h).map(move |at| (component, table, at / h * held + at % h, h))
        };
        let mut unit: Vec<_> = grid.components.iter().enumerate().flat_map(blocks).collect();
        for _ in 0..grid.units_across() {
            if self.restarts.is_due() {
                sink.restart();
                self.last_dc = [0; 3];
            }
            for (component, table, at, step) in &mut unit {
                let blocks = &strip.blocks[*component];
                code_block(sink, *table, &blocks.coefficients[*at], blocks.nonzero[*at], &mut self.last_dc[*component]);
                *at += *step;
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
    let mut held = sink.held();
    let dc = i32::from(block[0]);
    let (size, bits) = sized(dc - *last_dc);
    *last_dc = dc;
    sink.symbol(&mut held, table, size, bits);
    let mut left = zigzag(nonzero) & !1;
    let mut last = 0;
    while left != 0 {
        let k = left.trailing_zeros();
        left &= left - 1;
        let mut run = k - last - 1;
        last = k;
        while run > 15 {
            sink.symbol(&mut held, table + 1, 0xF0, 0);
            run -= 16;
        }
        let (size, bits) = sized(i32::from(block[place(k)]));
        sink.symbol(&mut held, table + 1, run << 4 | size, bits);
    }
    if last < 63 {
        sink.symbol(&mut held, table + 1, 0, 0);
    }
    sink.hold(held);
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
    codes: &'a [Packed; 1024],
    out: &'a mut Vec<u8>,
    bits: Bits,
    restarts: u8,
}

impl Sink for Writer<'_> {
    type Held = Bits;

    #[inline(always)]
    fn held(&self) -> Bits {
        self.bits
    }

    #[inline(always)]
    fn hold(&mut self, held: Bits) {
        self.bits = held;
    }

    #[inline(always)]
    fn symbol(&mut self, held: &mut Bits, table: usize, symbol: u32, bits: u32) {
        let code = self.codes[(table * 256 + symbol as usize) & 1023];
        held.put(self.out, code >> 5 | bits, code & 31);
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
    type Held = ();

    fn held(&self) {}

    fn hold(&mut self, (): ()) {}

    #[inline(always)]
    fn symbol(&mut self, (): &mut (), table: usize, symbol: u32, bits: u32) {
        let at = (table * 256 + symbol as usize) & 1023;
        self.uses[at] += 1;
        self.symbols.push((at as u32) << 16 | bits);
    }

    fn restart(&mut self) {
        self.symbols.push(RESTART);
    }
}

/// A code with room for the bits that follow it in the upper 27 bits, and how many both are in the lower 5: no more than 16 and 11.
type Packed = u32;

fn codes(tables: &[Table; 4]) -> [Packed; 1024] {
    let mut packed = [0; 1024];
    for (packed, table) in packed.as_chunks_mut::<256>().0.iter_mut().zip(tables) {
        for (symbol, (packed, code)) in (0..).zip(packed.iter_mut().zip(table.codes())) {
            let size = symbol & 15;
            *packed = (code >> 8 << size) << 5 | ((code & 255) + size) & 31;
        }
    }
    packed
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
        for row in &self.rows {
            let mut held = writer.held();
            for symbol in row {
                if *symbol == RESTART {
                    writer.hold(held);
                    writer.restart();
                    held = writer.held();
                } else {
                    writer.symbol(&mut held, 0, symbol >> 16, symbol & 0xFFFF);
                }
            }
            writer.hold(held);
        }
        let mut rest = self.rest;
        write_from(self.rows.len(), &mut rest, strip, &mut writer);
    }
}
