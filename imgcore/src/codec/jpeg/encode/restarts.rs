//! Restarts: places in a scan where a reader can begin anew.

use super::bits::Bits;

/// Counts units from one restart to the next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Restarts {
    interval: usize,
    left: usize,
}

impl Restarts {
    /// An interval of 0: there are none.
    pub(super) fn new(interval: u16) -> Restarts {
        let interval = usize::from(interval);
        Restarts { interval, left: interval }
    }

    /// Before each unit.
    #[inline(always)]
    pub(super) fn is_due(&mut self) -> bool {
        let is_due = self.interval > 0 && self.left == 0;
        self.left = if is_due { self.interval } else { self.left }.saturating_sub(1);
        is_due
    }
}

/// Ends the bits before a restart and writes its marker, the number of which goes round from 0 to 7.
#[cold]
pub(super) fn put_restart(out: &mut Vec<u8>, bits: &mut Bits, number: &mut u8) {
    bits.finish(out);
    out.extend([0xFF, 0xD0 + *number % 8]);
    *number = number.wrapping_add(1);
}
