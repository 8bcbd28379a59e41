//! From a scan a component to one scan for all, without loss: the form that every program reads.
//!
//! `jpeg-encoder` interleaves only with fixed Huffman tables; with optimized ones it writes a scan a component, which some
//! decoders misread, and which all must hold whole. The AC tables stay as they are, since the order of blocks means nothing
//! to them. DC differences do depend on it, so their tables are made anew.

use super::decode::{Coefficients, coefficients};
use super::frame::Frame;
use super::malformed;
use super::scan::{Block, ZIGZAG};
use super::segments::{DHT, EOI, SOI, SOS, Segments};
use crate::error::Error;

/// Rewrites a file of three components whose tables are numbered 0 for luma and 1 for chroma.
///
/// # Errors
/// Any, where that is not so.
pub(super) fn interleaved(file: &[u8]) -> Result<Vec<u8>, Error> {
    let (frame, blocks) = coefficients(file)?;
    let mut out = Vec::with_capacity(file.len() + file.len() / 16);
    out.extend([0xFF, SOI]);
    let mut ac: [Option<Codes>; 2] = [None, None];
    let mut segments = Segments::new(file);
    while let Some(segment) = segments.next()? {
        match (segment.marker, segment.body) {
            (SOS, _) | (DHT, [0x00..=0x0F, ..]) => continue,
            (DHT, [id @ (0x10 | 0x11), table @ ..]) => {
                let (counts, symbols) = table.split_first_chunk().ok_or_else(|| malformed("a Huffman table is too short"))?;
                ac[usize::from(id & 1)] = Some(Codes::new(counts, symbols));
            }
            _ => {}
        }
        put_segment(&mut out, segment.marker, segment.body);
    }

    let dc = dc_counts(&frame, &blocks).map(|uses| {
        let (counts, symbols) = best_table(&uses);
        (Codes::new(&counts, &symbols), [&counts[..], &symbols].concat())
    });
    for (id, (_, table)) in (0..).zip(&dc) {
        put_segment(&mut out, DHT, &[&[id], &table[..]].concat());
    }
    let mut header = vec![frame.components.len() as u8];
    for (at, component) in frame.components.iter().enumerate() {
        header.extend([component.id, if at == 0 { 0x00 } else { 0x11 }]);
    }
    header.extend([0, 63, 0]);
    put_segment(&mut out, SOS, &header);

    let [Some(luma), Some(chroma)] = ac else { return Err(malformed("there are not two AC tables")) };
    let mut writer = Writer { out, held: 0, count: 0 };
    let tables = [(&dc[0].0, &luma), (&dc[1].0, &chroma)];
    each_block(&frame, &blocks, |component, difference, block| {
        let (dc, ac) = tables[component.min(1)];
        writer.put_value(dc, 0, difference)?;
        write_ac(&mut writer, block, ac)
    })?;
    let mut out = writer.finish();
    out.extend([0xFF, EOI]);
    Ok(out)
}

fn put_segment(out: &mut Vec<u8>, marker: u8, body: &[u8]) {
    out.extend([0xFF, marker]);
    out.extend((body.len() as u16 + 2).to_be_bytes());
    out.extend(body);
}

/// Has each block written in its turn, with the difference of its DC value from the one before.
fn each_block(frame: &Frame, blocks: &Coefficients, mut write: impl FnMut(usize, i32, &Block) -> Result<(), Error>) -> Result<(), Error> {
    let mut last_dc = vec![0; frame.components.len()];
    for (y, x) in (0..frame.units_down).flat_map(|y| (0..frame.units_across).map(move |x| (y, x))) {
        for (at, component) in frame.components.iter().enumerate() {
            for (v, h) in (0..component.v).flat_map(|v| (0..component.h).map(move |h| (v, h))) {
                let (x, y) = (x * component.h + h, y * component.v + v);
                if x * 8 < component.width && y * 8 < component.height {
                    let (block, _) = &blocks.block(at, x, y);
                    write(at, i32::from(block[0]) - last_dc[at], block)?;
                    last_dc[at] = i32::from(block[0]);
                } else {
                    // A block that only fills the unit: as its neighbor, without detail.
                    write(at, 0, &[0; 64])?;
                }
            }
        }
    }
    Ok(())
}

/// How often luma and chroma have a DC difference of each size.
fn dc_counts(frame: &Frame, blocks: &Coefficients) -> [[u32; 12]; 2] {
    let mut uses = [[0; 12]; 2];
    let count = |component: usize, difference: i32, _: &Block| {
        uses[component.min(1)][size_of(difference).min(11) as usize] += 1;
        Ok(())
    };
    each_block(frame, blocks, count).expect("counting cannot fail");
    uses
}

/// Huffman's code for at most twelve symbols: how many codes there are of each length, and the symbols in order.
fn best_table(uses: &[u32; 12]) -> ([u8; 16], Vec<u8>) {
    // Groups of symbols by their use; one that stands for no symbol takes the code of ones only, which is not allowed.
    let mut groups: Vec<(u64, Vec<usize>)> = (0..12).map(|at| (u64::from(uses[at]), vec![at])).filter(|(uses, _)| *uses > 0).collect();
    groups.push((0, vec![12]));
    let mut lengths = [0u8; 13];
    while groups.len() > 1 {
        groups.sort_by_key(|(uses, symbols)| (std::cmp::Reverse(*uses), symbols[0]));
        let (a, b) = (groups.pop().unwrap_or_default(), groups.pop().unwrap_or_default());
        let symbols = [b.1, a.1].concat();
        symbols.iter().for_each(|at| lengths[*at] += 1);
        groups.push((a.0 + b.0, symbols));
    }
    let mut symbols: Vec<u8> = (0..12).filter(|at| lengths[usize::from(*at)] > 0).collect();
    symbols.sort_by_key(|at| (lengths[usize::from(*at)], *at));
    let mut counts = [0; 16];
    for symbol in &symbols {
        counts[usize::from(lengths[usize::from(*symbol)]) - 1] += 1;
    }
    (counts, symbols)
}

fn write_ac(writer: &mut Writer, block: &Block, codes: &Codes) -> Result<(), Error> {
    let mut run = 0;
    for place in &ZIGZAG[1..] {
        let value = i32::from(block[usize::from(*place)]);
        if value == 0 {
            run += 1;
            continue;
        }
        while run > 15 {
            writer.put_symbol(codes, 0xF0)?;
            run -= 16;
        }
        writer.put_value(codes, run, value)?;
        run = 0;
    }
    if run > 0 {
        writer.put_symbol(codes, 0)?;
    }
    Ok(())
}

/// The bits that a value has.
fn size_of(value: i32) -> u32 {
    32 - value.unsigned_abs().leading_zeros()
}

/// For each symbol its code and the code's length; 0 for symbols without one.
struct Codes([(u32, u32); 256]);

impl Codes {
    fn new(counts: &[u8; 16], symbols: &[u8]) -> Codes {
        let mut codes = [(0, 0); 256];
        let mut code = 0;
        let mut symbols = symbols.iter();
        for (length, count) in (1..).zip(counts) {
            for symbol in symbols.by_ref().take(usize::from(*count)) {
                codes[usize::from(*symbol)] = (code, length);
                code += 1;
            }
            code <<= 1;
        }
        Codes(codes)
    }
}

/// Bits into bytes, with a zero behind each FF.
struct Writer {
    out: Vec<u8>,
    /// The bits that are no byte yet, at the bottom.
    held: u64,
    count: u32,
}

impl Writer {
    fn put(&mut self, bits: u32, count: u32) {
        self.held = self.held << count | u64::from(bits);
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            let byte = (self.held >> self.count) as u8;
            self.out.push(byte);
            if byte == 0xFF {
                self.out.push(0);
            }
        }
    }

    fn put_symbol(&mut self, codes: &Codes, symbol: u8) -> Result<(), Error> {
        match codes.0[usize::from(symbol)] {
            (_, 0) => Err(malformed("a symbol has no Huffman code")),
            (code, length) => {
                self.put(code, length);
                Ok(())
            }
        }
    }

    /// A run of zeros, and a value by its size and its low bits.
    fn put_value(&mut self, codes: &Codes, run: u8, value: i32) -> Result<(), Error> {
        let size = size_of(value);
        self.put_symbol(codes, run << 4 | size as u8)?;
        let bits = if value < 0 { value - 1 } else { value } as u32;
        self.put(bits & ((1 << size) - 1), size);
        Ok(())
    }

    /// The last byte is filled with ones.
    fn finish(mut self) -> Vec<u8> {
        self.put(0x7F, 7);
        self.out
    }
}

#[cfg(test)]
#[expect(clippy::unusual_byte_groupings, reason = "bits are grouped by what they say")]
mod tests {
    use super::*;

    #[test]
    fn bits_are_packed_and_stuffed() {
        let mut writer = Writer { out: Vec::new(), held: 0, count: 0 };
        writer.put(0b1111, 4);
        writer.put(0b1111_0, 5);
        writer.put(0b1, 1);
        assert_eq!(writer.finish(), [0xFF, 0x00, 0b0111_1111]);
    }

    #[test]
    fn values_have_their_size_and_low_bits() {
        let codes = Codes::new(&[0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], &(0..12).collect::<Vec<u8>>());
        let mut writer = Writer { out: Vec::new(), held: 0, count: 0 };
        // Size 2 has the code 011, size 0 the code 00.
        for value in [3, -3, -2, 0] {
            writer.put_value(&codes, 0, value).expect("a code");
        }
        assert_eq!(writer.finish(), [0b011_11_011, 0b00_011_01_0, 0b0_1111111]);
        assert!(Writer { out: Vec::new(), held: 0, count: 0 }.put_symbol(&codes, 12).is_err());
    }

    #[test]
    fn frequent_sizes_have_short_codes_and_no_code_is_ones_only() {
        assert_eq!(best_table(&[0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0]).1, [2]);
        let (counts, symbols) = best_table(&[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048]);
        assert_eq!((counts, &symbols[..3]), ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0], &[11, 10, 9][..]));
        for uses in [[1; 12], [7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7], [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]] {
            let (counts, symbols) = best_table(&uses);
            assert_eq!(symbols.len(), uses.iter().filter(|uses| **uses > 0).count());
            assert!(super::super::huffman::Table::new(&counts, &symbols, true).is_some(), "{uses:?}");
        }
    }
}
