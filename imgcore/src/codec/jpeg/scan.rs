//! A scan: its header, and the blocks of coefficients that its bits stand for.

use super::batch::Batch;
use super::frame::Frame;
use super::huffman::{AC_LOOK, BadCode, Bits, DC_LOOK, Pairs, Skips, Table};
use super::malformed;
use crate::error::Error;

/// Coefficients of a block, in reading order.
pub(super) type Block = [i16; 64];

/// Where the coefficients lie that come in zigzag order.
pub(super) const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28, 35, 42, 49, 56,
    57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// A component's part in a scan.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    /// The component.
    pub(super) component: usize,
    /// Its blocks in each unit, across and down.
    pub(super) h: usize,
    pub(super) v: usize,
    dc: usize,
    ac: usize,
}

/// A scan's header.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scan {
    pub(super) parts: Vec<Part>,
    /// Units, across and down.
    pub(super) across: usize,
    pub(super) down: usize,
    pub(super) progressive: bool,
    /// The first and last coefficient, in zigzag order.
    pub(super) first: usize,
    pub(super) last: usize,
    /// Whether it adds a bit to coefficients that are there.
    pub(super) refines: bool,
    /// How many low bits are still to come.
    pub(super) low: u8,
}

impl Scan {
    pub(super) fn parse(body: &[u8], frame: &Frame) -> Result<Scan, Error> {
        let wrong = || malformed("a scan header is wrong");
        let (count, rest) = body.split_first().ok_or_else(wrong)?;
        let count = usize::from(*count);
        let (specs, ends) = rest.split_at_checked(2 * count).ok_or_else(wrong)?;
        let &[first, last, approximation] = ends else { return Err(wrong()) };
        if !(1..=frame.components.len()).contains(&count) {
            return Err(malformed(format!("a scan has {count} components of {}", frame.components.len())));
        }
        let mut parts: Vec<Part> = Vec::with_capacity(count);
        for spec in specs.chunks_exact(2) {
            let component = frame.components.iter().position(|c| c.id == spec[0]).ok_or_else(wrong)?;
            if parts.iter().any(|part| part.component == component) {
                return Err(malformed("a scan has a component twice"));
            }
            let c = &frame.components[component];
            // Alone in a scan, a component comes block by block.
            let (h, v) = if count == 1 { (1, 1) } else { (c.h, c.v) };
            parts.push(Part { component, h, v, dc: usize::from(spec[1] >> 4), ac: usize::from(spec[1] & 15) });
        }
        let (across, down) = match &parts[..] {
            [part] => {
                let c = &frame.components[part.component];
                (c.width.div_ceil(8), c.height.div_ceil(8))
            }
            _ => (frame.units_across, frame.units_down),
        };
        let (high, low) = (approximation >> 4, approximation & 15);
        let scan = if frame.progressive {
            let spectrum_fits = if first == 0 { last == 0 } else { count == 1 && first <= last && last < 64 };
            if !spectrum_fits || low > 13 || (high > 0 && high != low + 1) {
                return Err(malformed(format!("a progressive scan has coefficients {first} to {last}, bits {high} to {low}")));
            }
            Scan { parts, across, down, progressive: true, first: first.into(), last: last.into(), refines: high > 0, low }
        } else {
            // What else a sequential scan says of these has no meaning.
            Scan { parts, across, down, progressive: false, first: 0, last: 63, refines: false, low: 0 }
        };
        Ok(scan)
    }

    /// How many bits the scan has at the least.
    pub(super) fn least_bits(&self) -> u64 {
        let blocks: usize = self.parts.iter().map(|part| part.h * part.v).sum();
        let units = self.across as u64 * self.down as u64 * blocks as u64;
        match (self.progressive, self.first) {
            (false, _) => 2 * units,
            (true, 0) => units,
            // A run of blocks that end at once may be as long as 32,767 blocks.
            (true, _) => units / 32_767,
        }
    }
}

/// The tables that a scan may name.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) dc: [Option<Box<Table>>; 4],
    pub(super) ac: [Option<Box<Table>>; 4],
    /// Units between restarts; 0 for none.
    pub(super) restart: usize,
}

/// What is wrong with a scan's data.
#[derive(Debug, PartialEq)]
pub(super) enum Damage {
    /// It ends too early.
    Missing,
    /// It holds what no encoder writes.
    Wrong(&'static str),
}

impl From<BadCode> for Damage {
    fn from(_: BadCode) -> Damage {
        Damage::Wrong("a Huffman code is in no table")
    }
}

/// A block that is held until the last scan: its coefficients in zigzag order as far as they are kept, and which of all are not zero.
pub(super) struct Held<'a> {
    pub(super) kept: &'a mut [i16],
    pub(super) nonzero: &'a mut u64,
}

impl Held<'_> {
    #[inline(always)]
    fn set(&mut self, at: usize, value: i16) {
        // Runs that leave the block end in its last coefficient, as in libjpeg.
        let at = at.min(63);
        *self.nonzero = *self.nonzero & !(1 << at) | u64::from(value != 0) << at;
        if let Some(kept) = self.kept.get_mut(at) {
            *kept = value;
        }
    }

    /// One more bit for each coefficient from `from` on, before `end`, that is there; where it is not kept its bit is only passed over.
    #[inline(always)]
    fn refine(&mut self, bits: &mut Bits<'_>, (from, end): (usize, usize), one: i16) {
        let mut there = *self.nonzero & span(from, end);
        while there != 0 {
            let count = there.count_ones().min(56);
            let mut next = bits.taken(count);
            for _ in 0..count {
                if let Some(kept) = self.kept.get_mut(there.trailing_zeros() as usize) {
                    // Whether the bit is set cannot be foreseen, so nothing asks for it.
                    let (is_set, sign) = (next >> 63 != 0, *kept >> 15);
                    let step = one & -i16::from(is_set & (*kept & one == 0));
                    *kept = kept.wrapping_add((step ^ sign) - sign);
                }
                next <<= 1;
                there &= there - 1;
            }
        }
    }
}

/// Ones from `from` on, before `end`.
#[inline(always)]
fn span(from: usize, end: usize) -> u64 {
    u64::MAX.checked_shl(from as u32).unwrap_or(0) & u64::MAX.checked_shr(64 - end.min(64) as u32).unwrap_or(0)
}

/// A part of a scan with its tables and its last DC value.
struct Slot<'a> {
    dc: Option<&'a Table>,
    ac: Option<&'a Table>,
    /// Of a sequential scan.
    pairs: Option<&'a Pairs>,
    /// The last coefficient that is read. Those behind it are passed over with a table of their own.
    last: usize,
    skips: Option<&'a Skips>,
    last_dc: i32,
}

/// Units of the smallest scan that a table for passing over coefficients is made for.
const WORTH_SKIPPING: usize = 2000;

const NO_TABLE: Damage = Damage::Wrong("a Huffman table is missing");

impl Slot<'_> {
    #[inline(always)]
    fn level(&mut self, bits: &mut Bits<'_>) -> Result<i32, Damage> {
        bits.fill();
        let look = bits.look::<DC_LOOK>(self.dc.ok_or(NO_TABLE)?)?;
        self.last_dc = self.last_dc.wrapping_add(look.value());
        Ok(self.last_dc)
    }

    /// A block of a sequential scan: gives the place, in zigzag order, and the value of each coefficient that is wanted, and of some behind them, and
    /// answers with the last one's place.
    #[inline(always)]
    fn sequential(&mut self, bits: &mut Bits<'_>, set: impl FnMut(usize, i16)) -> Result<usize, Damage> {
        // A copy whose place nobody knows stays in registers, where each look waits for the one before it.
        let mut own = *bits;
        let last = self.coefficients(&mut own, set);
        *bits = own;
        last
    }

    #[inline(always)]
    fn coefficients(&mut self, bits: &mut Bits<'_>, mut set: impl FnMut(usize, i16)) -> Result<usize, Damage> {
        set(0, self.level(bits)? as i16);
        let (table, pairs) = (self.ac.ok_or(NO_TABLE)?, self.pairs.ok_or(NO_TABLE)?);
        let last = self.last;
        let mut at = 0;
        while at < last {
            // As many looks as are sure to find their bits, that of the level before them.
            let mut left = 4;
            let pair = loop {
                let pair = bits.pair(pairs);
                let second = at + pair.advance();
                if second > 63 {
                    break Some(pair);
                }
                bits.take(pair);
                set(at + pair.first_advance(), pair.first());
                set(second, pair.second());
                at = second;
                left -= 1;
                if at >= last || left == 0 {
                    break None;
                }
            };
            if let Some(pair) = pair {
                let first = at + pair.first_advance();
                if pair.ends_block() && first < 63 {
                    bits.take(pair);
                    if first > at {
                        set(first, pair.second());
                    }
                    return Ok(first);
                }
                // A long code, or the second one may belong to another block.
                let look = bits.look::<AC_LOOK>(table)?;
                if look.ends_block() {
                    return Ok(at);
                }
                // Runs that leave the block end in its last coefficient, as in libjpeg.
                let is_inside = at + look.advance() <= 63;
                at = (at + look.advance()).min(63);
                if is_inside || look.value() != 0 {
                    set(at, look.value() as i16);
                }
            }
            bits.fill();
        }
        if let Some(skips) = self.skips {
            bits.skip(table, skips, at)?;
        }
        Ok(at)
    }
}

/// Reads the blocks of a scan.
pub(super) struct Reader<'a> {
    /// What is left. Who reads a row works on a copy, and puts it back.
    pub(super) bits: Bits<'a>,
    scan: &'a Scan,
    slots: Vec<Slot<'a>>,
    /// Blocks that hold nothing more in this band.
    ended_blocks: u32,
    restart: usize,
    units_to_restart: usize,
    restarts: u8,
}

impl<'a> Reader<'a> {
    /// `last` has the last coefficient that is wanted, for each component.
    pub(super) fn new(data: &'a [u8], scan: &'a Scan, tables: &'a Tables, last: &[usize]) -> Result<Reader<'a>, Error> {
        let slot = |part: &Part| {
            let ac = tables.ac.get(part.ac).and_then(Option::as_deref);
            let sequential = ac.filter(|_| !scan.progressive);
            let wanted = last.get(part.component).map_or(63, |last| (*last).min(63));
            let skips = sequential.filter(|_| wanted < 63 && scan.across * scan.down >= WORTH_SKIPPING).map(Table::skips);
            // To read all costs a small picture less than to make that table.
            let last = if skips.is_some() { wanted } else { 63 };
            Slot { dc: tables.dc.get(part.dc).and_then(Option::as_deref), ac, pairs: sequential.map(Table::pairs), last, skips, last_dc: 0 }
        };
        let slots = scan.parts.iter().map(slot).collect::<Vec<_>>();
        let (needs_dc, needs_ac) = (scan.first == 0 && !scan.refines, scan.last > 0);
        if slots.iter().any(|slot| needs_dc && slot.dc.is_none() || needs_ac && slot.ac.is_none()) {
            return Err(malformed("a scan names a Huffman table that is not there"));
        }
        let restart = tables.restart;
        Ok(Reader { bits: Bits::new(data), scan, slots, ended_blocks: 0, restart, units_to_restart: restart, restarts: 0 })
    }

    /// Comes before each unit: reads the restart marker where one is due.
    #[inline(always)]
    pub(super) fn begin_unit(&mut self, bits: &mut Bits<'a>) -> Result<(), Damage> {
        if self.restart == 0 {
            return Ok(());
        }
        if self.units_to_restart == 0 {
            let number;
            (*bits, number) = bits.restarted().ok_or(Damage::Missing)?;
            if number != self.restarts & 7 {
                return Err(Damage::Wrong("restart markers are out of order"));
            }
            self.restarts = self.restarts.wrapping_add(1);
            self.units_to_restart = self.restart;
            self.ended_blocks = 0;
            self.slots.iter_mut().for_each(|slot| slot.last_dc = 0);
        }
        self.units_to_restart -= 1;
        Ok(())
    }

    /// Reads a block of the part `slot` of a sequential scan into a lane that is all zero.
    #[inline(always)]
    pub(super) fn block(&mut self, bits: &mut Bits<'_>, slot: usize, batch: &mut Batch, lane: usize) -> Result<(), Damage> {
        let slot = self.slots.get_mut(slot).ok_or(NO_TABLE)?;
        let result = slot.sequential(bits, |at, value| batch.set(at, lane, value));
        // What was read of a damaged block may be anywhere in it.
        batch.reach(*result.as_ref().unwrap_or(&63));
        result.map(|_| ())
    }

    /// Reads what the scan has of a block of the part `slot`.
    #[inline(always)]
    pub(super) fn held(&mut self, bits: &mut Bits<'_>, slot: usize, mut held: Held<'_>) -> Result<(), Damage> {
        let slot = self.slots.get_mut(slot).ok_or(NO_TABLE)?;
        let low = self.scan.low;
        match (self.scan.progressive, self.scan.first, self.scan.refines) {
            (false, ..) => {
                let kept = held.kept;
                let set = |at: usize, value| {
                    if let Some(kept) = kept.get_mut(at) {
                        *kept = value;
                    }
                };
                slot.sequential(bits, set).map(|_| ())
            }
            (true, 0, false) => {
                let level = slot.level(bits)?;
                held.set(0, (level << low) as i16);
                Ok(())
            }
            (true, 0, true) => {
                if let Some(level) = held.kept.first_mut() {
                    *level |= i16::from(bits.bit()) << low;
                }
                Ok(())
            }
            (true, _, false) => first_ac(bits, slot.ac.ok_or(NO_TABLE)?, self.scan, &mut self.ended_blocks, &mut held),
            (true, _, true) => refine_ac(bits, slot.ac.ok_or(NO_TABLE)?, self.scan, &mut self.ended_blocks, &mut held),
        }
    }
}

/// The first bits of a block's coefficients.
#[inline(always)]
fn first_ac(bits: &mut Bits<'_>, table: &Table, scan: &Scan, ended_blocks: &mut u32, held: &mut Held<'_>) -> Result<(), Damage> {
    if *ended_blocks > 0 {
        *ended_blocks -= 1;
        return Ok(());
    }
    let mut at = scan.first;
    while at <= scan.last {
        bits.fill();
        // As many looks as are sure to find their bits.
        for _ in 0..5 {
            let look = bits.look::<AC_LOOK>(table)?;
            if look.ends_block() {
                *ended_blocks = (1 << look.run()) - 1 + bits.unsigned(look.run());
                return Ok(());
            }
            at += look.advance();
            if look.value() != 0 {
                held.set(at - 1, (look.value() << scan.low) as i16);
            }
            if at > scan.last {
                break;
            }
        }
    }
    Ok(())
}

/// One more bit of a block's coefficients.
#[inline(always)]
fn refine_ac(bits: &mut Bits<'_>, table: &Table, scan: &Scan, ended_blocks: &mut u32, held: &mut Held<'_>) -> Result<(), Damage> {
    let (one, last) = (1i16 << scan.low, scan.last);
    let mut at = scan.first;
    if *ended_blocks == 0 {
        while at <= last {
            let (run, is_value) = bits.symbol(table)?;
            let mut value = 0;
            if is_value {
                // A coefficient that begins here has one bit, whatever its size says.
                value = if bits.bit() { one } else { -one };
            } else if run < 15 {
                *ended_blocks = (1 << run) + bits.unsigned(run);
                break;
            }
            // It lies behind as many zeros as the run says, or at the end of the band where there are not so many.
            let mut zeros = !*held.nonzero & span(at, last + 1);
            for _ in 0..run {
                zeros &= zeros.wrapping_sub(1);
            }
            let end = if zeros == 0 { last + 1 } else { zeros.trailing_zeros() as usize };
            held.refine(bits, (at, end), one);
            if value != 0 {
                held.set(end, value);
            }
            at = end + 1;
        }
    }
    if *ended_blocks > 0 {
        held.refine(bits, (at, last + 1), one);
        *ended_blocks -= 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::segments::{Segment, Segments};
    use super::*;

    fn frame(marker: u8) -> Frame {
        let body = b"\x08\x00\x20\x00\x21\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01";
        Frame::parse(&Segment { marker, body, data: &[] }, &Segments::new(b"")).expect("a frame")
    }

    #[test]
    fn zigzag_names_each_place_once() {
        let mut places = ZIGZAG;
        places.sort_unstable();
        assert!((0..64).eq(places));
    }

    #[test]
    fn scans_count_their_units() {
        let all = Scan::parse(b"\x03\x01\x00\x02\x11\x03\x11\x00\x3F\x00", &frame(0xC0)).expect("a scan");
        assert_eq!((all.across, all.down, all.least_bits()), (3, 2, 2 * 36));
        assert_eq!(all.parts.iter().map(|p| (p.h, p.v, p.dc, p.ac)).collect::<Vec<_>>(), [(2, 2, 0, 0), (1, 1, 1, 1), (1, 1, 1, 1)]);
        let luma = Scan::parse(b"\x01\x01\x00\x00\x3F\x00", &frame(0xC0)).expect("a scan");
        assert_eq!((luma.across, luma.down, luma.parts[0].h), (5, 4, 1));
        let chroma = Scan::parse(b"\x01\x03\x00\x01\x05\x02", &frame(0xC2)).expect("a scan");
        assert_eq!((chroma.across, chroma.down, chroma.parts[0].component), (3, 2, 2));
    }

    #[test]
    fn scan_headers_that_make_no_sense_are_refused() {
        let bad: [(u8, &[u8]); 11] = [
            (0xC0, b""),
            (0xC0, b"\x00\x00\x3F\x00"),
            (0xC0, b"\x01\x01\x00\x00\x3F"),
            (0xC0, b"\x01\x01\x00\x00\x3F\x00\x00"),
            (0xC0, b"\x01\x09\x00\x00\x3F\x00"),
            (0xC0, b"\x02\x01\x00\x01\x00\x00\x3F\x00"),
            (0xC0, b"\x04\x01\x00\x02\x00\x03\x00\x04\x00\x00\x3F\x00"),
            (0xC2, b"\x01\x01\x00\x00\x05\x00"),
            (0xC2, b"\x02\x01\x00\x02\x00\x01\x05\x00"),
            (0xC2, b"\x01\x01\x00\x05\x40\x00"),
            (0xC2, b"\x01\x01\x00\x01\x05\x31"),
        ];
        for (marker, body) in bad {
            assert_eq!(Scan::parse(body, &frame(marker)).expect_err("a wrong scan").code(), "malformed", "{body:?}");
        }
    }
}
