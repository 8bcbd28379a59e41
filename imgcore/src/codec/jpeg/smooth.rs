//! Pictures whose fine scans never came: guesses the lowest coefficients from the levels of the blocks around.
//!
//! Without it such a picture shows its blocks. The kernels are libjpeg-turbo's, so that previews look as elsewhere.

use super::coefficients::Coefficients;
use super::frame::Component;
use super::scan::{Block, Scan, ZIGZAG};

/// The level and the coefficients that are guessed, in zigzag order.
const GUESSED: usize = 10;

type Kernel = [[i64; 5]; 5];

const NONE: [i64; 5] = [0; 5];

/// Where nothing but levels is known: their mean is kept, and ten coefficients follow a smooth surface through them.
const LEVEL: Kernel = [[-2, -6, -8, -6, -2], [-6, 6, 42, 6, -6], [-8, 42, 152, 42, -8], [-6, 6, 42, 6, -6], [-2, -6, -8, -6, -2]];
const SLOPE: Kernel = [[-1, -1, 0, 1, 1], [-3, 13, 0, -13, 3], [-3, 38, 0, -38, 3], [-3, 13, 0, -13, 3], [-1, -1, 0, 1, 1]];
const CURVE: Kernel = [[0, 0, 1, 0, 0], [0, 2, 7, 2, 0], [0, -5, -14, -5, 0], [0, 2, 7, 2, 0], [0, 0, 1, 0, 0]];
const TWIST: Kernel = [[-1, 0, 0, 0, 1], [0, 9, 0, -9, 0], NONE, [0, -9, 0, 9, 0], [1, 0, 0, 0, -1]];
const WAVE: Kernel = [NONE, [0, 1, 0, -1, 0], [0, 2, 0, -2, 0], [0, 1, 0, -1, 0], NONE];
const SADDLE: Kernel = [NONE, [0, 1, -3, 1, 0], NONE, [0, -1, 3, -1, 0], NONE];

/// Where some coefficients are known: ISO/IEC 10918-1, K.8, on a wider window.
const KNOWN_SLOPE: Kernel = [NONE, NONE, [-7, 50, 0, -50, 7], NONE, NONE];
const KNOWN_CURVE: Kernel = [[0, 0, -1, 0, 0], [0, 0, 13, 0, 0], [0, 0, -24, 0, 0], [0, 0, 13, 0, 0], [0, 0, -1, 0, 0]];
const KNOWN_TWIST: Kernel = [[0, -1, 0, 1, 0], [-1, 10, 0, -10, 1], NONE, [1, -10, 0, 10, -1], [0, 1, 0, -1, 0]];

/// By coefficient: the kernel, and whether across and down change places.
const ALONE: [(&Kernel, bool); GUESSED] = [
    (&LEVEL, false),
    (&SLOPE, false),
    (&SLOPE, true),
    (&CURVE, false),
    (&TWIST, false),
    (&CURVE, true),
    (&WAVE, false),
    (&SADDLE, false),
    (&SADDLE, true),
    (&WAVE, true),
];
const BESIDE_KNOWN: [(&Kernel, bool); 5] =
    [(&KNOWN_SLOPE, false), (&KNOWN_SLOPE, true), (&KNOWN_CURVE, false), (&KNOWN_TWIST, false), (&KNOWN_CURVE, true)];

/// For a component, how many low bits of its first coefficients are still missing; None where all are.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Missing([Option<u8>; GUESSED]);

impl Missing {
    /// A scan with the component came in.
    pub(super) fn note(&mut self, scan: &Scan) {
        for at in scan.first..=scan.last.min(GUESSED - 1) {
            self.0[at] = Some(scan.low);
        }
    }

    /// Whether there are levels to guess from, and something to guess.
    pub(super) fn can_be_guessed(&self) -> bool {
        self.0[0].is_some() && self.0[1..].iter().any(|low| *low != Some(0))
    }

    /// The block with what is missing guessed.
    pub(super) fn guessed(
        &self,
        picture: &Coefficients,
        (at, component): (usize, &Component),
        (x, y): (usize, usize),
        table: &[u16; 64],
    ) -> Block {
        let (right, bottom) = (component.width.div_ceil(8) - 1, component.height.div_ceil(8) - 1);
        let level = |dx: usize, dy: usize| {
            let (x, y) = ((x + dx).saturating_sub(2).min(right), (y + dy).saturating_sub(2).min(bottom));
            i64::from(picture.level(at, x, y)) * i64::from(table[0])
        };
        let levels: Kernel = std::array::from_fn(|dy| std::array::from_fn(|dx| level(dx, dy)));

        let is_alone = self.0[1..].iter().all(Option::is_none);
        let (first, kernels) = if is_alone { (0, &ALONE[..]) } else { (1, &BESIDE_KNOWN[..]) };
        let mut block = picture.block(at, x, y);
        for (k, (kernel, is_turned)) in (first..).zip(kernels) {
            let place = usize::from(ZIGZAG[k]);
            if k == 0 || self.0[k] != Some(0) && block[place] == 0 {
                let most = if k == 0 { None } else { self.0[k] };
                block[place] = guess(sum(&levels, kernel, *is_turned), table[place], most);
            }
        }
        block
    }
}

fn sum(levels: &Kernel, kernel: &Kernel, is_turned: bool) -> i64 {
    (0..25).map(|at| (at / 5, at % 5)).map(|(a, b)| kernel[a][b] * if is_turned { levels[b][a] } else { levels[a][b] }).sum()
}

/// In steps of the quantization, rounded, and no larger than what the missing bits could say.
fn guess(sum: i64, step: u16, missing: Option<u8>) -> i16 {
    let step = i64::from(step.max(1));
    let size = ((step << 7) + sum.abs()) / (step << 8);
    let most = match missing {
        Some(low @ 1..) => (1 << low) - 1,
        _ => i64::from(i16::MAX),
    };
    (size.min(most) * sum.signum()) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_levels_stay_flat() {
        let flat = [[100; 5]; 5];
        assert_eq!(sum(&flat, &LEVEL, false), 100 * 256);
        for (kernel, is_turned) in ALONE[1..].iter().chain(&BESIDE_KNOWN) {
            assert_eq!(sum(&flat, kernel, *is_turned), 0, "{kernel:?}");
        }
    }

    #[test]
    fn levels_that_fall_to_the_right_give_a_slope_across_only() {
        let falling: Kernel = [[50, 40, 30, 20, 10]; 5];
        for (kernels, first) in [(&ALONE[1..6], "alone"), (&BESIDE_KNOWN[..], "beside known")] {
            let sums: Vec<i64> = kernels.iter().map(|(kernel, is_turned)| sum(&falling, kernel, *is_turned)).collect();
            assert!(sums[0] > 0 && sums[1..] == [0; 4], "{first}: {sums:?}");
        }
    }

    #[test]
    fn guesses_are_rounded_and_keep_within_the_missing_bits() {
        assert_eq!(guess(9 * 256, 8, None), 1);
        assert_eq!(guess(-9 * 256, 8, None), -1);
        assert_eq!(guess(3 * 256, 8, None), 0);
        assert_eq!(guess(900 * 256, 8, Some(2)), 3);
        assert_eq!(guess(900 * 256, 8, None), 113);
    }
}
