//! A scan: its header, and the blocks of coefficients that its bits stand for.

use super::frame::Frame;
use super::huffman::{BadCode, Bits, Table};
use super::malformed;
use crate::error::Error;

/// Coefficients of a block, in reading order.
pub(super) type Block = [i16; 64];

/// Where the coefficients lie that come in zigzag order.
pub(super) const ZIGZAG: [u8; 64] = [
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6, 7, 14, 21, 28, 35, 42, 49, 56,
    57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
];

/// Runs that leave the block end in its last coefficient, as in libjpeg.
#[inline]
fn place(at: usize) -> usize {
    usize::from(ZIGZAG[at.min(63)] & 63)
}

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
    progressive: bool,
    /// The first and last coefficient, in zigzag order.
    pub(super) first: usize,
    pub(super) last: usize,
    /// Whether it adds a bit to coefficients that are there.
    refines: bool,
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

/// A part of a scan with its tables and its last DC value.
struct Slot<'a> {
    dc: Option<&'a Table>,
    ac: Option<&'a Table>,
    last_dc: i32,
}

/// Reads the blocks of a scan.
pub(super) struct Reader<'a> {
    bits: Bits<'a>,
    scan: &'a Scan,
    slots: Vec<Slot<'a>>,
    /// Blocks that hold nothing more in this band.
    ended_blocks: u32,
    restart: usize,
    units_to_restart: usize,
    restarts: u8,
}

impl<'a> Reader<'a> {
    pub(super) fn new(data: &'a [u8], scan: &'a Scan, tables: &'a Tables) -> Result<Reader<'a>, Error> {
        let slots = scan
            .parts
            .iter()
            .map(|part| Slot {
                dc: tables.dc.get(part.dc).and_then(Option::as_deref),
                ac: tables.ac.get(part.ac).and_then(Option::as_deref),
                last_dc: 0,
            })
            .collect::<Vec<_>>();
        let (needs_dc, needs_ac) = (scan.first == 0 && !scan.refines, scan.last > 0);
        if slots.iter().any(|slot| needs_dc && slot.dc.is_none() || needs_ac && slot.ac.is_none()) {
            return Err(malformed("a scan names a Huffman table that is not there"));
        }
        let restart = tables.restart;
        Ok(Reader { bits: Bits::new(data), scan, slots, ended_blocks: 0, restart, units_to_restart: restart, restarts: 0 })
    }

    /// Comes before each unit: reads the restart marker where one is due.
    pub(super) fn begin_unit(&mut self) -> Result<(), Damage> {
        if self.restart == 0 {
            return Ok(());
        }
        if self.units_to_restart == 0 {
            let number = self.bits.restart().ok_or(Damage::Missing)?;
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

    /// Whether what was read was not all there.
    #[inline]
    pub(super) fn is_overrun(&self) -> bool {
        self.bits.is_overrun()
    }

    /// Reads what the scan has of a block of the part `slot`.
    #[inline]
    pub(super) fn block(&mut self, slot: usize, block: &mut Block) -> Result<(), Damage> {
        match (self.scan.progressive, self.scan.first, self.scan.refines) {
            (false, ..) => self.sequential(slot, block),
            (true, 0, false) => self.first_dc(slot, block),
            (true, 0, true) => {
                block[0] |= i16::from(self.bits.bit()) << self.scan.low;
                Ok(())
            }
            (true, _, false) => self.first_ac(slot, block),
            (true, _, true) => self.refine_ac(slot, block),
        }
    }

    #[inline]
    fn dc(&mut self, slot: usize) -> Result<i32, Damage> {
        let slot = &mut self.slots[slot];
        let Some(table) = slot.dc else { return Err(Damage::Wrong("a Huffman table is missing")) };
        let size = self.bits.symbol(table)?;
        slot.last_dc = slot.last_dc.wrapping_add(self.bits.signed(size & 15));
        Ok(slot.last_dc)
    }

    fn ac_table(&self, slot: usize) -> Result<&'a Table, Damage> {
        self.slots[slot].ac.ok_or(Damage::Wrong("a Huffman table is missing"))
    }

    #[inline]
    fn sequential(&mut self, slot: usize, block: &mut Block) -> Result<(), Damage> {
        block[0] = self.dc(slot)? as i16;
        let table = self.ac_table(slot)?;
        let mut at = 1;
        while at < 64 {
            let (run, size, value) = self.bits.coefficient(table)?;
            if size == 0 {
                if run < 15 {
                    break;
                }
                at += 16;
                continue;
            }
            at += run;
            block[place(at)] = value as i16;
            at += 1;
        }
        Ok(())
    }

    fn first_dc(&mut self, slot: usize, block: &mut Block) -> Result<(), Damage> {
        block[0] = (self.dc(slot)? << self.scan.low) as i16;
        Ok(())
    }

    fn first_ac(&mut self, slot: usize, block: &mut Block) -> Result<(), Damage> {
        if self.ended_blocks > 0 {
            self.ended_blocks -= 1;
            return Ok(());
        }
        let table = self.ac_table(slot)?;
        let mut at = self.scan.first;
        while at <= self.scan.last {
            let (run, size, value) = self.bits.coefficient(table)?;
            if size == 0 {
                if run < 15 {
                    self.ended_blocks = (1 << run) - 1 + self.bits.unsigned(run as u8);
                    break;
                }
                at += 16;
                continue;
            }
            at += run;
            block[place(at)] = (value << self.scan.low) as i16;
            at += 1;
        }
        Ok(())
    }

    fn refine_ac(&mut self, slot: usize, block: &mut Block) -> Result<(), Damage> {
        let table = self.ac_table(slot)?;
        let (one, last) = (1i16 << self.scan.low, self.scan.last);
        let mut at = self.scan.first;
        if self.ended_blocks == 0 {
            while at <= last {
                let symbol = self.bits.symbol(table)?;
                let (mut run, size) = (symbol >> 4, symbol & 15);
                let mut value = 0;
                if size > 0 {
                    // A coefficient that begins here has one bit, whatever its size says.
                    value = if self.bits.bit() { one } else { -one };
                } else if run < 15 {
                    self.ended_blocks = (1 << run) + self.bits.unsigned(run);
                    break;
                }
                while at <= last {
                    let coefficient = &mut block[place(at)];
                    if *coefficient != 0 {
                        refine(&mut self.bits, coefficient, one);
                    } else if run == 0 {
                        break;
                    } else {
                        run -= 1;
                    }
                    at += 1;
                }
                if value != 0 {
                    block[place(at)] = value;
                }
                at += 1;
            }
        }
        if self.ended_blocks > 0 {
            while at <= last {
                let coefficient = &mut block[place(at)];
                if *coefficient != 0 {
                    refine(&mut self.bits, coefficient, one);
                }
                at += 1;
            }
            self.ended_blocks -= 1;
        }
        Ok(())
    }
}

/// One more bit of a coefficient that is there.
fn refine(bits: &mut Bits<'_>, coefficient: &mut i16, one: i16) {
    if bits.bit() && *coefficient & one == 0 {
        *coefficient = coefficient.wrapping_add(if *coefficient >= 0 { one } else { -one });
    }
}

#[cfg(test)]
mod tests {
    use super::super::segments::Segment;
    use super::*;

    fn frame(marker: u8) -> Frame {
        let body = b"\x08\x00\x20\x00\x21\x03\x01\x22\x00\x02\x11\x01\x03\x11\x01";
        Frame::parse(&Segment { marker, body, data: &[] }).expect("a frame")
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
