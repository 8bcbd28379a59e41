//! Bits into bytes, with a zero behind each FF.

/// The bits that are no byte yet. Kept apart from the bytes, so that it lives in registers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bits {
    /// The last bits at the bottom; above them what was written already.
    held: u64,
    free: u32,
}

impl Bits {
    pub(super) const EMPTY: Bits = Bits { held: 0, free: 64 };

    /// Adds at most 32 bits; there are no others set above them.
    #[inline(always)]
    pub(super) fn put(&mut self, out: &mut Vec<u8>, bits: u32, count: u32) {
        if count <= self.free {
            self.held = self.held << count | u64::from(bits);
            self.free -= count;
        } else {
            let over = count - self.free;
            push(out, self.held << self.free | u64::from(bits) >> over);
            self.held = u64::from(bits);
            self.free = 64 - over;
        }
    }

    /// Fills the last byte with ones.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        let used = 64 - self.free;
        let ones = used.next_multiple_of(8) - used;
        let held = (self.held << ones) | ((1 << ones) - 1);
        for at in (0..(used + ones) / 8).rev() {
            push_byte(out, (held >> (8 * at)) as u8);
        }
        *self = Bits::EMPTY;
    }
}

#[inline(always)]
fn push(out: &mut Vec<u8>, bits: u64) {
    if out.capacity() - out.len() < 16 {
        make_room(out);
    }
    // Not zero where a byte is FF, and seldom where none is.
    if bits & 0x8080_8080_8080_8080 & !bits.wrapping_add(0x0101_0101_0101_0101) == 0 {
        out.extend_from_slice(&bits.to_be_bytes());
    } else {
        push_stuffed(out, bits);
    }
}

/// A quarter more, rather than as much again.
#[cold]
fn make_room(out: &mut Vec<u8>) {
    out.reserve_exact(out.len() / 4 + 4096);
}

#[inline(never)]
fn push_stuffed(out: &mut Vec<u8>, bits: u64) {
    bits.to_be_bytes().into_iter().for_each(|byte| push_byte(out, byte));
}

fn push_byte(out: &mut Vec<u8>, byte: u8) {
    out.push(byte);
    if byte == 0xFF {
        out.push(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_packed_stuffed_and_filled_up() {
        let (mut bits, mut out) = (Bits::EMPTY, Vec::new());
        for (value, count) in [(0b1111, 4), (0b1_1110, 5), (1, 1)] {
            bits.put(&mut out, value, count);
        }
        bits.finish(&mut out);
        assert_eq!(out, [0xFF, 0x00, 0b0111_1111]);
        bits.finish(&mut out);
        assert_eq!(out.len(), 3);
    }

    #[test]
    fn the_order_holds_across_words() {
        let (mut bits, mut out, mut text) = (Bits::EMPTY, Vec::new(), String::new());
        let mut state = 7u32;
        for _ in 0..5000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let count = (state >> 26) % 33;
            // Every third is ones only, so that FF is frequent.
            let all = if state.is_multiple_of(3) { u64::MAX } else { u64::from(state) * 0x0001_0001 };
            let value = (all & ((1 << count) - 1)) as u32;
            bits.put(&mut out, value, count);
            text.extend((0..count).rev().map(|bit| if value >> bit & 1 == 1 { '1' } else { '0' }));
        }
        bits.finish(&mut out);
        let mut found = String::new();
        let mut bytes = out.iter();
        while let Some(byte) = bytes.next() {
            found.push_str(&format!("{byte:08b}"));
            assert!(*byte != 0xFF || bytes.next() == Some(&0));
        }
        assert!(found.starts_with(&text) && found.len() < text.len() + 8 && found[text.len()..].chars().all(|bit| bit == '1'));
    }
}
