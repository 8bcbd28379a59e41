//! LZW as GIF has it, read row by row. Ends where the picture is complete, whatever data follows.

use super::blocks::{Cut, SubBlocks};

const MAX_CODES: usize = 4096;

/// Why a row is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// The file ends.
    Cut,
    /// The data ends in order, too early.
    End,
    /// A code that stands for nothing.
    Bad,
}

pub(super) struct Lzw<'a> {
    data: SubBlocks<'a>,
    bits: u32,
    bit_count: u32,
    /// Bits of a code when the table is empty.
    base: u32,
    width: u32,
    next: usize,
    previous: Option<u16>,
    prefix: Box<[u16; MAX_CODES]>,
    suffix: Box<[u8; MAX_CODES]>,
    /// A string that was read and not taken yet, last byte first.
    pending: Vec<u8>,
}

impl<'a> Lzw<'a> {
    /// None where the code size is none.
    pub(super) fn new(data: &'a [u8]) -> Option<Lzw<'a>> {
        let (&size, data) = data.split_first()?;
        if !(1..=8).contains(&size) {
            return None;
        }
        let mut suffix = Box::new([0; MAX_CODES]);
        for (i, suffix) in suffix.iter_mut().take(1 << size).enumerate() {
            *suffix = i as u8;
        }
        let base = u32::from(size) + 1;
        Some(Lzw {
            data: SubBlocks::new(data),
            bits: 0,
            bit_count: 0,
            base,
            width: base,
            next: (1 << size) + 2,
            previous: None,
            prefix: Box::new([0; MAX_CODES]),
            suffix,
            pending: Vec::with_capacity(MAX_CODES),
        })
    }

    /// Fills the row with indices; short of it, says how many there were and why.
    pub(super) fn fill(&mut self, row: &mut [u8]) -> Result<(), (usize, Stop)> {
        let mut at = 0;
        while at < row.len() {
            if self.pending.is_empty() {
                self.read_string().map_err(|stop| (at, stop))?;
            }
            let count = self.pending.len().min(row.len() - at);
            let left = self.pending.len() - count;
            row[at..at + count].iter_mut().zip(self.pending[left..].iter().rev()).for_each(|(to, from)| *to = *from);
            self.pending.truncate(left);
            at += count;
        }
        Ok(())
    }

    fn read_code(&mut self) -> Result<u16, Stop> {
        while self.bit_count < self.width {
            match self.data.next() {
                Ok(Some(byte)) => self.bits |= u32::from(byte) << self.bit_count,
                Ok(None) => return Err(Stop::End),
                Err(Cut) => return Err(Stop::Cut),
            }
            self.bit_count += 8;
        }
        let code = self.bits & ((1 << self.width) - 1);
        self.bits >>= self.width;
        self.bit_count -= self.width;
        Ok(code as u16)
    }

    /// The next code that stands for a string, into `pending`.
    fn read_string(&mut self) -> Result<(), Stop> {
        let clear = 1_u16 << (self.base - 1);
        loop {
            let code = self.read_code()?;
            if code == clear {
                (self.width, self.next, self.previous) = (self.base, usize::from(clear) + 2, None);
                continue;
            }
            if code == clear + 1 {
                return Err(Stop::End);
            }
            match self.previous {
                None if code > clear => return Err(Stop::Bad),
                Some(_) if usize::from(code) > self.next => return Err(Stop::Bad),
                // The string that this very code is to stand for: the previous one, and its first byte again.
                Some(previous) if usize::from(code) == self.next => {
                    self.pending.push(0);
                    self.expand(previous);
                    self.pending[0] = *self.pending.last().ok_or(Stop::Bad)?;
                }
                _ => self.expand(code),
            }
            let first = *self.pending.last().ok_or(Stop::Bad)?;
            if let Some(previous) = self.previous
                && self.next < MAX_CODES
            {
                self.prefix[self.next] = previous;
                self.suffix[self.next] = first;
                self.next += 1;
                if self.next == 1 << self.width && self.width < 12 {
                    self.width += 1;
                }
            }
            self.previous = Some(code);
            return Ok(());
        }
    }

    /// Prefixes are older than what they begin, so that this ends.
    fn expand(&mut self, mut code: u16) {
        let clear = 1_u16 << (self.base - 1);
        while code > clear {
            self.pending.push(self.suffix[usize::from(code)]);
            code = self.prefix[usize::from(code)];
        }
        self.pending.push(self.suffix[usize::from(code)]);
    }
}
