//! Huffman tables, and the bits that they are read from.

use std::cell::OnceCell;

/// Codes up to this length are found at one look, most of them with the value behind them.
pub(super) const AC_LOOK: u32 = 11;
pub(super) const DC_LOOK: u32 = 12;

/// How many bits of symbols are passed over at one look.
const SKIP_LOOK: u32 = 13;

/// What a code stands for: a run of zeros and a value, or the end of the block.
///
/// From the top: the value (16 bits), or its size where it did not fit into the look; whether all is known (1 bit); how far the position
/// advances, 64 and more at the end of a block (7); how many bits of the value are in the look (3); the bits of code and value (5). 0 where
/// the code does not fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Look(u32);

const IS_WHOLE: u32 = 1 << 15;

impl Look {
    /// `left` bits of the look are behind the code.
    fn new(symbol: u8, length: u32, left: u32) -> Look {
        let (run, size) = (u32::from(symbol >> 4), u32::from(symbol & 15));
        // A run of sixteen zeros stands alone.
        let advance = if size == 0 && run < 15 { 64 | run } else { run + 1 };
        let head = advance << 8 | length;
        match size {
            0 => Look(IS_WHOLE | head),
            size if size <= left.min(7) => Look(IS_WHOLE | head | size << 5).with_bits(size),
            size => Look(size << 16 | head),
        }
    }

    fn with_bits(self, count: u32) -> Look {
        Look(self.0 + count)
    }

    /// With a value of `size` bits.
    #[inline(always)]
    fn with_value(self, bits: u32, size: u32) -> Look {
        Look(self.0 & 0xFFFF | (extend(bits, size) as u32) << 16 | IS_WHOLE)
    }

    /// The value; 0 where there is none.
    #[inline(always)]
    pub(super) fn value(self) -> i32 {
        self.0 as i32 >> 16
    }

    /// From the coefficient before to this one. More than a block has, where it ends the block.
    #[inline(always)]
    pub(super) fn advance(self) -> usize {
        (self.0 >> 8 & 0x7F) as usize
    }

    #[inline(always)]
    pub(super) fn ends_block(self) -> bool {
        self.0 & 1 << 14 != 0
    }

    /// Of what ends a block: the size of the number of blocks.
    #[inline(always)]
    pub(super) fn run(self) -> u32 {
        self.0 >> 8 & 15
    }

    #[inline(always)]
    fn is_whole(self) -> bool {
        self.0 & IS_WHOLE != 0
    }

    /// The bits of the code, and of what of the value is in the look.
    #[inline(always)]
    fn bits(self) -> u32 {
        self.0 & 31
    }
}

/// A Huffman table.
pub(super) struct Table {
    /// As many as the table's kind of look has.
    looks: [Look; 1 << DC_LOOK],
    /// By length: one more than the last code of it, moved up to 16 bits.
    limits: [u32; 17],
    /// By length: what to add to a code to find its symbol.
    offsets: [i32; 17],
    symbols: [u8; 256],
    pairs: OnceCell<Box<Pairs>>,
    skips: OnceCell<Box<Skips>>,
}

impl Table {
    /// A table from how many codes there are of each length, 1 to 16, and their symbols. None where they are no prefix code.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8], is_dc: bool) -> Option<Table> {
        if is_dc && symbols.iter().any(|symbol| *symbol > 15) {
            return None;
        }
        let look = if is_dc { DC_LOOK } else { AC_LOOK };
        let mut table = Table {
            looks: [Look(0); 1 << DC_LOOK],
            limits: [0; 17],
            offsets: [0; 17],
            symbols: [0; 256],
            pairs: OnceCell::new(),
            skips: OnceCell::new(),
        };
        table.symbols.get_mut(..symbols.len())?.copy_from_slice(symbols);
        let (mut code, mut at) = (0u32, 0usize);
        for (length, count) in (1..=16u32).zip(counts) {
            table.offsets[length as usize] = at as i32 - code as i32;
            for symbol in symbols.get(at..at + usize::from(*count))? {
                if length <= look {
                    let first = (code << (look - length)) as usize;
                    fill_looks(table.looks.get_mut(first..first + (1 << (look - length)))?, length, *symbol, look - length);
                }
                code += 1;
            }
            at += usize::from(*count);
            // A code of ones only is not allowed.
            if *count > 0 && code >= 1 << length {
                return None;
            }
            table.limits[length as usize] = code << (16 - length);
            code <<= 1;
        }
        Some(table)
    }

    /// The looks of an AC table, two coefficients at once. Made when they are first asked for.
    pub(super) fn pairs(&self) -> &Pairs {
        self.pairs.get_or_init(|| Box::new(Pairs::new(self)))
    }

    /// The looks of an AC table that pass over coefficients. Made when they are first asked for.
    pub(super) fn skips(&self) -> &Skips {
        self.skips.get_or_init(|| Box::new(Skips::new(self)))
    }
}

/// The looks that begin with a code of this length, with `left` bits behind it.
fn fill_looks(looks: &mut [Look], length: u32, symbol: u8, left: u32) {
    let look = Look::new(symbol, length, left);
    let size = u32::from(symbol & 15);
    if !look.is_whole() || size == 0 {
        looks.fill(look);
        return;
    }
    for (amplitude, looks) in (0..).zip(looks.chunks_mut(1 << (left - size))) {
        looks.fill(look.with_value(amplitude, size));
    }
}

/// The first two coefficients that begin with a look; or its only one, behind a zero; or the end of the block, perhaps behind one.
///
/// From the top: the first value (7 bits) and the second (8), where the one before the end stands as well; how far the first one advances, 0
/// where the end stands alone (4); how far both do, 64 and more where the block ends, or where not even one coefficient is whole (7); how many
/// bits they take, 0 where none is whole (6: shifts look at no more, so that nothing has to be cut off first).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair(u32);

impl Pair {
    const NONE: Pair = Pair(64 << 6);

    /// `start` is what the look is of.
    fn new(start: u32, table: &Table) -> Pair {
        let whole = |used: u32| {
            let look = table.looks[(start << used) as usize & ((1 << AC_LOOK) - 1)];
            let fits = look.is_whole() && used + look.bits() <= AC_LOOK && i8::try_from(look.value()).is_ok();
            fits.then_some(look)
        };
        let pair = |first: (i32, usize), second: (i32, usize), bits: u32| {
            let value = |value: i32| u32::from(value as i8 as u8);
            Pair(value(first.0) << 25 | value(second.0) << 17 | (first.1 as u32) << 13 | (second.1 as u32) << 6 | bits)
        };
        match whole(0) {
            None => Pair::NONE,
            Some(look) if look.ends_block() => pair((0, 0), (0, 64), look.bits()),
            Some(look) => {
                let (value, advance, bits) = (look.value(), look.advance(), look.bits());
                let (is_short, is_near) = ((-64..64).contains(&value), advance < 16);
                match whole(bits) {
                    Some(next) if next.ends_block() && is_near => pair((0, advance), (value, 64 + advance), bits + next.bits()),
                    Some(next) if !next.ends_block() && is_near && is_short => {
                        pair((value, advance), (next.value(), advance + next.advance()), bits + next.bits())
                    }
                    _ => pair((0, advance.min(15)), (value, advance), bits),
                }
            }
        }
    }

    #[inline(always)]
    pub(super) fn first(self) -> i16 {
        (self.0 as i32 >> 25) as i16
    }

    #[inline(always)]
    pub(super) fn second(self) -> i16 {
        ((self.0 << 7) as i32 >> 24) as i16
    }

    /// From the coefficient before to the first one.
    #[inline(always)]
    pub(super) fn first_advance(self) -> usize {
        (self.0 >> 13 & 15) as usize
    }

    /// From the coefficient before to the second one. More than a block has, where it ends the block or there is nothing.
    #[inline(always)]
    pub(super) fn advance(self) -> usize {
        (self.0 >> 6 & 127) as usize
    }

    #[inline(always)]
    fn bits(self) -> u32 {
        self.0 & 63
    }

    #[inline(always)]
    pub(super) fn ends_block(self) -> bool {
        self.0 >> 12 & 1 != 0 && self.bits() > 0
    }
}

/// For each beginning of `AC_LOOK` bits: the one or two coefficients that it holds whole.
pub(super) struct Pairs([Pair; 1 << AC_LOOK]);

impl Pairs {
    fn new(table: &Table) -> Pairs {
        Pairs(std::array::from_fn(|start| Pair::new(start as u32, table)))
    }
}

/// For each beginning of `SKIP_LOOK` bits: as many whole coefficients as it holds, to be passed over at once.
///
/// From the top: how far they advance, and 1 more where the block ends behind them (8 bits); whether it does (1); the bits to drop (7).
pub(super) struct Skips([u16; 1 << SKIP_LOOK]);

const BLOCK_ENDS: u16 = 0x80;

/// Where not one fits: further than any block has room for.
const NOTHING: u16 = 127 << 8;

impl Skips {
    fn new(table: &Table) -> Skips {
        let mut skips = [NOTHING; 1 << SKIP_LOOK];
        for (start, skip) in (0u64..).zip(&mut skips) {
            let (mut used, mut advance, mut end) = (0, 0, 0);
            while end == 0 && used < SKIP_LOOK {
                let rest = (start << (64 - SKIP_LOOK)) << used;
                let look = table.looks[(rest >> (64 - AC_LOOK)) as usize];
                let bits = look.bits() + if look.is_whole() { 0 } else { look.0 >> 16 };
                let (steps, ends) = if look.ends_block() { (1, BLOCK_ENDS) } else { (look.advance(), 0) };
                if look.0 == 0 || used + bits > SKIP_LOOK || advance + steps > 63 {
                    break;
                }
                (used, advance, end) = (used + bits, advance + steps, ends);
            }
            if used > 0 {
                *skip = (advance << 8) as u16 | end | used as u16;
            }
        }
        Skips(skips)
    }
}

/// A magnitude of `size` bits as a signed number.
#[inline(always)]
fn extend(bits: u32, size: u32) -> i32 {
    let bits = bits as i32;
    if bits < 1 << (size - 1) { bits - (1 << size) + 1 } else { bits }
}

/// A code that is in no table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct BadCode;

/// Entropy-coded bits. Past a marker or the end there are zeros, and [`Bits::is_overrun`] tells when one was used.
///
/// Small enough to be copied: a loop works on a copy of its own, which stays in registers.
#[derive(Clone, Copy)]
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// The next bits, from the top. Below `count` there may be some of the byte that comes next.
    held: u64,
    count: u32,
    /// How many of the bits held or used are no data.
    made_up: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Bits<'a> {
        Bits { data, at: 0, held: 0, count: 0, made_up: 0 }
    }

    /// Holds 32 bits at least: a code of 16 and a value of 15 are at hand.
    #[inline(always)]
    fn refill(&mut self) {
        if self.count < 32 {
            self.fill();
        }
    }

    /// Holds 56 bits at least. Costs less than asking whether it is needed where that cannot be foreseen.
    #[inline(always)]
    pub(super) fn fill(&mut self) {
        if let Some(bytes) = self.data.get(self.at..).and_then(|rest| rest.first_chunk()) {
            let word = u64::from_be_bytes(*bytes);
            // No byte is FF exactly when no byte of the complement is 0.
            if (!word).wrapping_sub(0x0101_0101_0101_0101) & word & 0x8080_8080_8080_8080 == 0 {
                self.held |= word >> (self.count & 63);
                self.at += ((63 - self.count) / 8) as usize;
                self.count |= 56;
                return;
            }
        }
        let (held, at, made_up) = refilled_slowly(self.data, self.at, self.held, self.count);
        (self.held, self.at) = (held, at);
        self.made_up += made_up;
        self.count |= 56;
    }

    #[inline(always)]
    fn drop(&mut self, count: u32) {
        self.held <<= count & 63;
        self.count = self.count.wrapping_sub(count);
    }

    /// Whether more bits were used than there are.
    #[inline(always)]
    pub(super) fn is_overrun(&self) -> bool {
        self.count < self.made_up
    }

    /// Whether there are fewer bits left than a code may have, so that a wrong one may be the padding and what is made up behind it.
    pub(super) fn is_ending(&self) -> bool {
        self.made_up > 0 && self.count < self.made_up + 16
    }

    /// What lies behind the next restart marker, and the marker's number. None where there is none.
    pub(super) fn restarted(self) -> Option<(Bits<'a>, u8)> {
        let rest = self.data.get(self.at..)?;
        let found = rest.windows(2).position(|pair| pair[0] == 0xFF && matches!(pair[1], 0xD0..=0xD7))?;
        Some((Bits { at: self.at + found + 2, ..Bits::new(self.data) }, rest[found + 1] & 7))
    }

    /// The next code with its value. As many bits as the look has must be at hand; it holds more where it needs them.
    #[inline(always)]
    pub(super) fn look<const LOOK: u32>(&mut self, table: &Table) -> Result<Look, BadCode> {
        let look = table.looks[(self.held >> (64 - LOOK)) as usize];
        if look.is_whole() {
            self.drop(look.bits());
            return Ok(look);
        }
        self.look_further::<LOOK>(look, table)
    }

    #[inline(always)]
    fn look_further<const LOOK: u32>(&mut self, look: Look, table: &Table) -> Result<Look, BadCode> {
        self.refill();
        let mut look = if look.0 == 0 { find::<LOOK>(self.held, table)? } else { look };
        self.drop(look.bits());
        if !look.is_whole() {
            let size = look.0 >> 16;
            look = look.with_value((self.held >> (64 - size)) as u32, size);
            self.drop(size);
        }
        // The looks that follow count on what was there before this one.
        self.fill();
        Ok(look)
    }

    /// The next one or two coefficients, which are not taken yet. As many bits as the look has must be at hand.
    #[inline(always)]
    pub(super) fn pair(&self, pairs: &Pairs) -> Pair {
        pairs.0[(self.held >> (64 - AC_LOOK)) as usize]
    }

    /// Takes them.
    #[inline(always)]
    pub(super) fn take(&mut self, pair: Pair) {
        self.drop(pair.bits());
    }

    /// The next symbol of a progressive scan without the value behind it: the run, or the size of the number of blocks that end; and whether there
    /// is a value.
    #[inline(always)]
    pub(super) fn symbol(&mut self, table: &Table) -> Result<(u32, bool), BadCode> {
        self.refill();
        let mut look = table.looks[(self.held >> (64 - AC_LOOK)) as usize];
        if look.0 == 0 {
            look = find::<AC_LOOK>(self.held, table)?;
        }
        let fitted = look.0 >> 5 & 7;
        self.drop(look.bits() - fitted);
        let run = if look.ends_block() { look.run() } else { look.advance() as u32 - 1 };
        Ok((run, fitted > 0 || !look.is_whole()))
    }

    /// Passes over the coefficients of a block behind `at`.
    #[inline(always)]
    pub(super) fn skip(&mut self, table: &Table, skips: &Skips, mut at: usize) -> Result<(), BadCode> {
        'filled: while at < 63 {
            self.fill();
            // Four looks take 48 bits at the most.
            for _ in 0..4 {
                let skip = skips.0[(self.held >> (64 - SKIP_LOOK)) as usize];
                let next = at + usize::from(skip >> 8);
                if next > 63 {
                    // The block may be full before the next symbols of the look begin: they belong to another one.
                    if at < 63 {
                        at += self.look::<AC_LOOK>(table)?.advance();
                    }
                    continue 'filled;
                }
                self.drop(u32::from(skip & 0x7F));
                if skip & BLOCK_ENDS != 0 {
                    return Ok(());
                }
                at = next;
            }
        }
        Ok(())
    }

    /// An unsigned value of `size` bits, at most 32.
    #[inline]
    pub(super) fn unsigned(&mut self, size: u32) -> u32 {
        self.refill();
        if size == 0 {
            return 0;
        }
        let bits = (self.held >> (64 - size)) as u32;
        self.drop(size);
        bits
    }

    /// So many bits, at most 56, from the top; what is below them may be anything.
    #[inline(always)]
    pub(super) fn taken(&mut self, count: u32) -> u64 {
        self.fill();
        let bits = self.held;
        self.drop(count);
        bits
    }

    /// One bit.
    #[inline]
    pub(super) fn bit(&mut self) -> bool {
        self.unsigned(1) == 1
    }
}

/// `Bits::fill` near stuffing, a marker or the end: what is held then, where the next byte is, and how many bits were made up.
///
/// It is given numbers and gives numbers, so that those of the caller stay in registers.
#[inline(never)]
fn refilled_slowly(data: &[u8], mut at: usize, mut held: u64, mut count: u32) -> (u64, usize, u32) {
    let mut made_up = 0;
    while count < 56 {
        let byte = match (data.get(at), data.get(at + 1)) {
            (Some(0xFF), Some(0)) => {
                at += 2;
                0xFF
            }
            (Some(0xFF), _) | (None, _) => {
                made_up += 8;
                0
            }
            (Some(byte), _) => {
                at += 1;
                *byte
            }
        };
        held |= u64::from(byte) << (56 - count);
        count += 8;
    }
    (held, at, made_up)
}

/// A code that is longer than a look.
#[inline(never)]
fn find<const LOOK: u32>(held: u64, table: &Table) -> Result<Look, BadCode> {
    let code = (held >> 48) as u32;
    let length = (LOOK + 1..=16).find(|length| code < table.limits[*length as usize]).ok_or(BadCode)?;
    let at = (code >> (16 - length)) as i32 + table.offsets[length as usize];
    Ok(Look::new(table.symbols[(at & 255) as usize], length, 0))
}

#[cfg(test)]
#[expect(clippy::unusual_byte_groupings, reason = "bits are grouped by what they say")]
mod tests {
    use super::*;

    fn counts(of: &[(usize, u8)]) -> [u8; 16] {
        let mut counts = [0; 16];
        for (length, count) in of {
            counts[length - 1] = *count;
        }
        counts
    }

    /// Symbols: a coefficient of size 1 (code 00), one of size 3 after two zeros (01), sixteen zeros (100), the end (101), size 9 (11000).
    fn of_each_kind() -> Table {
        Table::new(&counts(&[(2, 2), (3, 2), (5, 1)]), &[0x01, 0x23, 0xF0, 0x00, 0x09], false).expect("a prefix code")
    }

    #[test]
    fn short_and_long_codes_are_read() {
        // Codes 0, 10 and 1100000000000, the last longer than one look.
        let table = Table::new(&counts(&[(1, 1), (2, 1), (13, 1)]), &[0x50, 0x00, 0x70], false).expect("a prefix code");
        let mut bits = Bits::new(&[0b0101_1000, 0b0000_0000, 0b0_0_10_0000]);
        let symbols: Vec<_> = (0..5).map(|_| bits.symbol(&table).expect("a code")).collect();
        assert_eq!(symbols, [(5, false), (0, false), (7, false), (5, false), (5, false)]);
        assert!(!bits.is_overrun());
    }

    #[test]
    fn what_is_no_code_is_refused() {
        let table = Table::new(&counts(&[(2, 3)]), &[1, 2, 3], false).expect("a prefix code");
        assert_eq!(Bits::new(&[0xFE]).symbol(&table), Err(BadCode));
        let levels = Table::new(&counts(&[(2, 3)]), &[1, 2, 3], true).expect("a prefix code");
        let mut bits = Bits::new(&[0xFE]);
        bits.fill();
        assert_eq!(bits.look::<DC_LOOK>(&levels), Err(BadCode));
    }

    #[test]
    fn tables_that_are_no_prefix_code_are_refused() {
        assert!(Table::new(&counts(&[(1, 2)]), &[1, 2], true).is_none(), "ones only");
        assert!(Table::new(&counts(&[(1, 1), (2, 3)]), &[1, 2, 3, 4], true).is_none(), "too many");
        assert!(Table::new(&counts(&[(3, 4)]), &[1, 2, 3], true).is_none(), "symbols missing");
        assert!(Table::new(&counts(&[(3, 1)]), &[16], true).is_none(), "no DC size");
        assert!(Table::new(&[255; 16], &[0; 256], false).is_none());
    }

    #[test]
    fn a_value_that_fits_with_its_code_is_the_same_as_one_that_does_not() {
        // Symbols: run 2 size 3 (code 0), run 0 size 9 (code 10).
        let table = Table::new(&counts(&[(1, 1), (2, 1)]), &[0x23, 0x09], false).expect("a prefix code");
        let mut bits = Bits::new(&[0b0_101_0_010, 0b10_100000, 0b001_10_011, 0b111111_00]);
        for expected in [(3, 5), (3, -5), (1, 257), (1, 255 - 511)] {
            bits.fill();
            let look = bits.look::<AC_LOOK>(&table).expect("a code");
            assert_eq!((look.advance(), look.value(), look.ends_block()), (expected.0, expected.1, false));
        }
    }

    #[test]
    fn pairs_are_the_coefficients_that_come_one_by_one() {
        let table = of_each_kind();
        let mut kinds = [0; 4];
        for start in 0..1u16 << AC_LOOK {
            let data = (start << (16 - AC_LOOK)).to_be_bytes();
            let mut bits = Bits::new(&data);
            bits.fill();
            let pair = bits.pair(table.pairs());
            if pair.bits() == 0 {
                assert!(pair.advance() > 63 && !pair.ends_block());
                assert!(!table.looks[usize::from(start)].is_whole() || table.looks[usize::from(start)].bits() > AC_LOOK);
                kinds[0] += 1;
                continue;
            }
            let mut one_by_one = Bits::new(&data);
            one_by_one.fill();
            let first = one_by_one.look::<AC_LOOK>(&table).expect("a code");
            if first.ends_block() {
                assert_eq!((pair.first_advance(), pair.ends_block()), (0, true));
                kinds[1] += 1;
            } else if pair.first_advance() == pair.advance().min(15) {
                assert_eq!((pair.first(), pair.second(), pair.advance()), (0, first.value() as i16, first.advance()));
                kinds[2] += 1;
            } else {
                let second = one_by_one.look::<AC_LOOK>(&table).expect("a code");
                let values = if second.ends_block() { (0, first.value()) } else { (first.value(), second.value()) };
                assert_eq!((i32::from(pair.first()), i32::from(pair.second())), values);
                assert_eq!((pair.first_advance(), pair.ends_block()), (first.advance(), second.ends_block()));
                assert!(second.ends_block() || pair.advance() == first.advance() + second.advance());
                kinds[3] += 1;
            }
            bits.take(pair);
            assert_eq!(bits.count, one_by_one.count);
        }
        assert!(kinds.iter().all(|count| *count > 0), "{kinds:?}");
    }

    #[test]
    fn the_end_is_near_where_a_code_may_not_be_whole() {
        let mut bits = Bits::new(&[0x12, 0x34, 0x56, 0xFF, 0xD3, 0x34, 0x56]);
        let ending = [8, 1, 15, 1].map(|count| {
            bits.unsigned(count);
            (bits.is_ending(), bits.is_overrun())
        });
        assert_eq!(ending, [(false, false), (true, false), (true, false), (true, true)]);
        let mut bits = Bits::new(&[0; 64]);
        bits.unsigned(24);
        assert!(!bits.is_ending());
    }

    #[test]
    fn stuffing_is_taken_out_and_a_marker_ends_the_data() {
        let mut bits = Bits::new(&[0xFF, 0x00, 0x12, 0xFF, 0xD3, 0x34]);
        assert_eq!((bits.unsigned(16), bits.is_overrun()), (0xFF12, false));
        assert_eq!((bits.unsigned(1), bits.is_overrun()), (0, true));
        let (mut bits, number) = bits.restarted().expect("a restart");
        assert_eq!(number, 3);
        assert_eq!((bits.unsigned(8), bits.is_overrun()), (0x34, false));
        assert!(bits.restarted().is_none());
    }

    #[test]
    fn passing_over_coefficients_ends_where_reading_them_does() {
        let table = of_each_kind();
        let skips = table.skips();
        let mut state = 7u32;
        for round in 0..2000 {
            let data: Vec<u8> = (0..64)
                .map(|_| {
                    state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (state >> 24) as u8 & 0x7F
                })
                .collect();
            let (mut read, mut skipped) = (Bits::new(&data), Bits::new(&data));
            for from in [0, 4, 59, round % 64] {
                let mut at = from;
                let by_one = loop {
                    if at >= 63 {
                        break Ok(());
                    }
                    read.fill();
                    match read.look::<AC_LOOK>(&table) {
                        Ok(look) => at += look.advance(),
                        Err(error) => break Err(error),
                    }
                };
                assert_eq!(skipped.skip(&table, skips, from), by_one, "round {round} from {from}");
                if by_one.is_err() {
                    break;
                }
                assert_eq!(
                    (skipped.unsigned(16), skipped.is_overrun()),
                    (read.unsigned(16), read.is_overrun()),
                    "round {round} from {from}"
                );
            }
        }
    }
}
