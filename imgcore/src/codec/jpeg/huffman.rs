//! Huffman tables, and the bits that they are read from.

/// Codes up to this length are found at one look.
const LOOK: u32 = 9;

/// A Huffman table.
pub(super) struct Table {
    /// For each beginning of `LOOK` bits: the code's length in the high byte, its symbol in the low one; 0 for longer codes.
    look: [u16; 1 << LOOK],
    /// For AC tables, where the code and the value after it fit in `LOOK` bits: value, run of zeros, bits; 0 elsewhere.
    values: [i16; 1 << LOOK],
    /// By length: one more than the last code of it, moved up to 16 bits.
    limits: [u32; 17],
    /// By length: what to add to a code to find its symbol.
    offsets: [i32; 17],
    symbols: [u8; 256],
}

impl Table {
    /// A table from how many codes there are of each length, 1 to 16, and their symbols. None where they are no prefix code.
    pub(super) fn new(counts: &[u8; 16], symbols: &[u8], is_dc: bool) -> Option<Table> {
        if is_dc && symbols.iter().any(|symbol| *symbol > 15) {
            return None;
        }
        let mut table = Table { look: [0; 1 << LOOK], values: [0; 1 << LOOK], limits: [0; 17], offsets: [0; 17], symbols: [0; 256] };
        table.symbols.get_mut(..symbols.len())?.copy_from_slice(symbols);
        let (mut code, mut at) = (0u32, 0usize);
        for (length, count) in (1..=16u32).zip(counts) {
            table.offsets[length as usize] = at as i32 - code as i32;
            for symbol in symbols.get(at..at + usize::from(*count))? {
                if length <= LOOK {
                    let first = (code << (LOOK - length)) as usize;
                    table.look.get_mut(first..first + (1 << (LOOK - length)))?.fill((length << 8) as u16 | u16::from(*symbol));
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
        if !is_dc {
            table.find_values();
        }
        Some(table)
    }

    fn find_values(&mut self) {
        for (bits, (look, value)) in (0u32..).zip(self.look.iter().zip(&mut self.values)) {
            let (length, run, size) = (u32::from(look >> 8), look >> 4 & 15, u32::from(look & 15));
            if length > 0 && size > 0 && length + size <= LOOK {
                let amplitude = extend(bits >> (LOOK - length - size) & ((1 << size) - 1), size);
                if (-128..128).contains(&amplitude) {
                    *value = (amplitude << 8) as i16 | (run << 4) as i16 | (length + size) as i16;
                }
            }
        }
    }
}

/// A magnitude of `size` bits as a signed number.
fn extend(bits: u32, size: u32) -> i32 {
    let bits = bits as i32;
    if bits < 1 << (size - 1) { bits - (1 << size) + 1 } else { bits }
}

/// A code that is in no table.
#[derive(Debug, PartialEq)]
pub(super) struct BadCode;

/// Entropy-coded bits. Past a marker or the end there are zeros, and [`Bits::is_overrun`] tells when one was used.
pub(super) struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// The next bits, from the top.
    held: u64,
    count: u32,
    /// How many of the bits held or used are no data.
    made_up: u32,
}

impl<'a> Bits<'a> {
    pub(super) fn new(data: &'a [u8]) -> Bits<'a> {
        Bits { data, at: 0, held: 0, count: 0, made_up: 0 }
    }

    /// Holds 32 bits at least.
    #[inline]
    fn refill(&mut self) {
        if self.count >= 32 {
            return;
        }
        if let Some(&[a, b, c, d]) = self.data.get(self.at..self.at + 4) {
            let word = u32::from_be_bytes([a, b, c, d]);
            // No byte is FF exactly when no byte of the complement is 0.
            if (!word).wrapping_sub(0x0101_0101) & word & 0x8080_8080 == 0 {
                self.held |= u64::from(word) << (32 - self.count);
                self.count += 32;
                self.at += 4;
                return;
            }
        }
        self.refill_slowly();
    }

    #[inline(never)]
    fn refill_slowly(&mut self) {
        while self.count <= 56 {
            let byte = match (self.data.get(self.at), self.data.get(self.at + 1)) {
                (Some(0xFF), Some(0)) => {
                    self.at += 2;
                    0xFF
                }
                (Some(0xFF), _) | (None, _) => {
                    self.made_up += 8;
                    0
                }
                (Some(byte), _) => {
                    self.at += 1;
                    *byte
                }
            };
            self.held |= u64::from(byte) << (56 - self.count);
            self.count += 8;
        }
    }

    #[inline]
    fn drop(&mut self, count: u32) {
        self.held <<= count;
        self.count -= count;
    }

    /// Whether more bits were used than there are.
    #[inline]
    pub(super) fn is_overrun(&self) -> bool {
        self.count < self.made_up
    }

    /// Goes on behind the next restart marker and tells its number. None where there is none.
    pub(super) fn restart(&mut self) -> Option<u8> {
        let rest = self.data.get(self.at..)?;
        let found = rest.windows(2).position(|pair| pair[0] == 0xFF && matches!(pair[1], 0xD0..=0xD7))?;
        let number = rest[found + 1] & 7;
        *self = Bits { at: self.at + found + 2, ..Bits::new(self.data) };
        Some(number)
    }

    /// The next symbol.
    #[inline]
    pub(super) fn symbol(&mut self, table: &Table) -> Result<u8, BadCode> {
        self.refill();
        self.symbol_held(table)
    }

    #[inline]
    fn symbol_held(&mut self, table: &Table) -> Result<u8, BadCode> {
        let look = table.look[(self.held >> (64 - LOOK)) as usize];
        if look != 0 {
            self.drop(u32::from(look >> 8));
            return Ok(look as u8);
        }
        let code = (self.held >> 48) as u32;
        let length = (LOOK + 1..=16).find(|length| code < table.limits[*length as usize]).ok_or(BadCode)?;
        self.drop(length);
        let at = (code >> (16 - length)) as i32 + table.offsets[length as usize];
        Ok(table.symbols[(at & 255) as usize])
    }

    /// The next coefficient: the run of zeros before it, its size in bits and its value.
    #[inline]
    pub(super) fn coefficient(&mut self, table: &Table) -> Result<(usize, u8, i32), BadCode> {
        self.refill();
        let value = table.values[(self.held >> (64 - LOOK)) as usize];
        if value != 0 {
            self.drop((value & 15) as u32);
            return Ok(((value >> 4 & 15) as usize, 1, i32::from(value >> 8)));
        }
        let symbol = self.symbol_held(table)?;
        let size = symbol & 15;
        Ok((usize::from(symbol >> 4), size, self.signed_held(u32::from(size))))
    }

    /// A signed value of `size` bits, at most 16.
    #[inline]
    pub(super) fn signed(&mut self, size: u8) -> i32 {
        self.refill();
        self.signed_held(u32::from(size))
    }

    #[inline]
    fn signed_held(&mut self, size: u32) -> i32 {
        if size == 0 {
            return 0;
        }
        let bits = (self.held >> (64 - size)) as u32;
        self.drop(size);
        extend(bits, size)
    }

    /// An unsigned value of `size` bits, at most 16.
    #[inline]
    pub(super) fn unsigned(&mut self, size: u8) -> u32 {
        self.refill();
        if size == 0 {
            return 0;
        }
        let bits = (self.held >> (64 - u32::from(size))) as u32;
        self.drop(u32::from(size));
        bits
    }

    /// One bit.
    #[inline]
    pub(super) fn bit(&mut self) -> bool {
        self.unsigned(1) == 1
    }
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

    #[test]
    fn short_and_long_codes_are_read() {
        // Codes 0, 10 and 1100000000000, the last longer than one look.
        let table = Table::new(&counts(&[(1, 1), (2, 1), (13, 1)]), &[5, 0, 7], true).expect("a prefix code");
        let mut bits = Bits::new(&[0b0101_1000, 0b0000_0000, 0b0_0_10_0000]);
        let symbols: Vec<_> = (0..5).map(|_| bits.symbol(&table).expect("a code")).collect();
        assert_eq!(symbols, [5, 0, 7, 5, 5]);
        assert!(!bits.is_overrun());
    }

    #[test]
    fn what_is_no_code_is_refused() {
        let table = Table::new(&counts(&[(2, 3)]), &[1, 2, 3], true).expect("a prefix code");
        assert_eq!(Bits::new(&[0xFE]).symbol(&table), Err(BadCode));
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
        assert_eq!(bits.coefficient(&table), Ok((2, 1, 5)));
        assert_eq!(bits.coefficient(&table), Ok((2, 1, -5)));
        assert_eq!(bits.coefficient(&table), Ok((0, 9, 257)));
        assert_eq!(bits.coefficient(&table), Ok((0, 9, 255 - 511)));
    }

    #[test]
    fn stuffing_is_taken_out_and_a_marker_ends_the_data() {
        let mut bits = Bits::new(&[0xFF, 0x00, 0x12, 0xFF, 0xD3, 0x34]);
        assert_eq!((bits.unsigned(16), bits.is_overrun()), (0xFF12, false));
        assert_eq!((bits.unsigned(1), bits.is_overrun()), (0, true));
        assert_eq!(bits.restart(), Some(3));
        assert_eq!((bits.unsigned(8), bits.is_overrun()), (0x34, false));
        assert_eq!(bits.restart(), None);
    }
}
