//! Huffman codes: the example tables of ISO/IEC 10918-1, Annex K.3, and the best ones for what is counted, as libjpeg makes them.

/// How many codes there are of each length, and the symbols in order of their codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Table {
    pub(super) counts: [u8; 16],
    pub(super) symbols: Vec<u8>,
}

/// A code in the upper 24 bits, its length in the lower 8; 0 for symbols without one.
pub(super) type Code = u32;

impl Table {
    fn example(counts: [u8; 16], symbols: &[u8]) -> Table {
        Table { counts, symbols: symbols.to_vec() }
    }

    /// The examples of the standard: DC and AC of luma, DC and AC of chroma.
    pub(super) fn examples() -> [Table; 4] {
        [
            Table::example(LUMA_DC, &DC_SYMBOLS),
            Table::example(LUMA_AC, &LUMA_AC_SYMBOLS),
            Table::example(CHROMA_DC, &DC_SYMBOLS),
            Table::example(CHROMA_AC, &CHROMA_AC_SYMBOLS),
        ]
    }

    /// The shortest codes of at most 16 bits, by Annex K.2: the same ones for the same uses as libjpeg's.
    pub(super) fn best(uses: &[u32]) -> Table {
        const NONE: usize = usize::MAX;
        // One that stands for no symbol takes the code of ones only, which is not allowed.
        let mut uses: Vec<u64> = uses.iter().take(256).map(|uses| u64::from(*uses)).collect();
        uses.resize(256, 0);
        uses.push(1);
        let mut lengths = [0usize; 257];
        let mut next_of_group = [NONE; 257];
        let mut left: Vec<usize> = (0..257).filter(|at| uses[*at] > 0).collect();
        while left.len() > 1 {
            // The two least used groups; among equals those with the greatest symbol.
            let rarest = |left: &[usize]| (0..left.len()).min_by_key(|at| (uses[left[*at]], std::cmp::Reverse(left[*at]))).unwrap_or(0);
            let at = rarest(&left);
            let a = left.remove(at);
            let at = rarest(&left);
            let b = left[at];
            left[at] = a;
            uses[a] += uses[b];
            let mut last = a;
            for (first, is_joined) in [(a, false), (b, true)] {
                if is_joined {
                    next_of_group[last] = first;
                }
                let mut at = first;
                while at != NONE {
                    lengths[at] += 1;
                    last = at;
                    at = next_of_group[at];
                }
            }
        }

        let mut counts = [0u32; 258];
        lengths.iter().filter(|length| **length > 0).for_each(|length| counts[*length] += 1);
        for length in (17..counts.len()).rev() {
            // A pair of codes that are too long becomes one a bit shorter, and another code takes the place of two longer ones.
            while counts[length] > 0 {
                let shorter = (1..length - 1).rev().find(|shorter| counts[*shorter] > 0).expect("only half of all codes can be longest");
                counts[length] -= 2;
                counts[length - 1] += 1;
                counts[shorter + 1] += 2;
                counts[shorter] -= 1;
            }
        }
        if let Some(longest) = (1..=16).rev().find(|length| counts[*length] > 0) {
            counts[longest] -= 1;
        }
        let mut symbols: Vec<u8> = (0..=255).filter(|at| lengths[usize::from(*at)] > 0).collect();
        symbols.sort_by_key(|at| (lengths[usize::from(*at)], *at));
        Table { counts: std::array::from_fn(|at| counts[at + 1] as u8), symbols }
    }

    /// The codes by symbol.
    pub(super) fn codes(&self) -> [Code; 256] {
        let mut codes = [0; 256];
        let mut code = 0;
        let mut symbols = self.symbols.iter();
        for (length, count) in (1..).zip(self.counts) {
            for symbol in symbols.by_ref().take(usize::from(count)) {
                codes[usize::from(*symbol)] = code << 8 | length;
                code += 1;
            }
            code <<= 1;
        }
        codes
    }
}

const LUMA_DC: [u8; 16] = [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0];
const CHROMA_DC: [u8; 16] = [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0];
const DC_SYMBOLS: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];
const LUMA_AC: [u8; 16] = [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 125];
const CHROMA_AC: [u8; 16] = [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 119];
const LUMA_AC_SYMBOLS: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71, 0x14, 0x32, 0x81, 0x91,
    0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0, 0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0A, 0x16, 0x17, 0x18, 0x19, 0x1A,
    0x25, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A, 0x53,
    0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79,
    0x7A, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5,
    0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9,
    0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE1, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1, 0xF2,
    0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
];
const CHROMA_AC_SYMBOLS: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22, 0x32, 0x81, 0x08, 0x14,
    0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52, 0xF0, 0x15, 0x62, 0x72, 0xD1, 0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25, 0xF1, 0x17,
    0x18, 0x19, 0x1A, 0x26, 0x27, 0x28, 0x29, 0x2A, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4A,
    0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78,
    0x79, 0x7A, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3,
    0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5, 0xC6, 0xC7,
    0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF2,
    0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8, 0xF9, 0xFA,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// By the definition of the decoder: every symbol that is used has a code, no code is ones only, and none begins another.
    fn check(uses: &[u32]) -> Table {
        let table = Table::best(uses);
        assert_eq!(table.symbols.len(), uses.iter().filter(|uses| **uses > 0).count());
        assert_eq!(table.counts.iter().map(|count| usize::from(*count)).sum::<usize>(), table.symbols.len());
        // The share of all bit strings that the codes take, in parts of 65,536; one string of ones is left over.
        let taken: u32 = (1..=16).map(|length| u32::from(table.counts[length - 1]) << (16 - length)).sum();
        assert!(taken < 1 << 16, "{uses:?}");
        table
    }

    #[test]
    fn frequent_symbols_have_short_codes_and_no_code_is_ones_only() {
        assert_eq!(check(&[0, 0, 9, 0]), Table { counts: [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], symbols: vec![2] });
        let table = check(&[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048]);
        assert_eq!((table.counts, &table.symbols[..3]), ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0], &[11, 10, 9][..]));
        for uses in [[1; 12], [7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7], [3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]] {
            check(&uses);
        }
        check(&[1; 256]);
    }

    #[test]
    fn no_code_is_longer_than_16_bits() {
        let mut fibonacci = vec![1u32, 1];
        while fibonacci.len() < 45 {
            fibonacci.push(fibonacci[fibonacci.len() - 2] + fibonacci[fibonacci.len() - 1]);
        }
        let table = check(&fibonacci);
        assert!(table.counts[15] > 2);
    }

    #[test]
    fn codes_are_counted_up() {
        let [dc, ac, ..] = Table::examples();
        assert_eq!(dc.codes()[..3], [0x00_02, 0b010 << 8 | 3, 0b011 << 8 | 3]);
        // End of block, and 16 zeros, from the standard's Table K.5.
        assert_eq!((ac.codes()[0], ac.codes()[0xF0], ac.codes()[0x0B]), (0b1010 << 8 | 4, 0b111_1111_1001 << 8 | 11, 0));
    }
}
