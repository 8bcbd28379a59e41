//! Which coefficients are worth their bits: for each block the choice whose error and cost together are least.
//!
//! After the trellis quantization of mozjpeg. Floats are converted, multiplied, added and divided, each sum in the order of the file, so
//! that every CPU chooses alike.

use super::huffman::Table;
use super::sequential::zigzag;
use crate::codec::jpeg::scan::ZIGZAG;

/// What symbols cost, in bits.
#[derive(Debug, Clone)]
pub(super) struct Rates {
    /// By run and size, with the bits that follow them.
    runs: [f32; 256],
    /// The end behind a block's last coefficient.
    end: f32,
}

impl Rates {
    /// By the example tables, for luma and chroma.
    pub(super) fn examples() -> [Rates; 2] {
        let [_, luma, _, chroma] = Table::examples();
        [luma, chroma].map(|table| Rates::new(&table, |lengths| lengths[0] as f32))
    }

    /// By the uses of symbols in a scan of all coefficients but the first.
    pub(super) fn counted(uses: &[u32; 256]) -> Rates {
        // Blocks that end in a row share a symbol, so that one without coefficients costs next to nothing.
        let ends = || (0..15).map(|size| (size, uses[size << 4]));
        let bits = |lengths: &[u32; 256]| -> u64 {
            ends().map(|(size, uses)| u64::from(uses) * u64::from(lengths[size << 4] + size as u32)).sum()
        };
        let count: u64 = ends().map(|(_, uses)| u64::from(uses)).sum();
        Rates::new(&Table::best(uses), |lengths| if count == 0 { UNSEEN as f32 } else { bits(lengths) as f32 / count as f32 })
    }

    #[inline(always)]
    fn of(&self, symbol: u32) -> f32 {
        self.runs[symbol as usize & 255]
    }

    fn new(table: &Table, end: impl Fn(&[u32; 256]) -> f32) -> Rates {
        let lengths = table.codes().map(|code| if code == 0 { UNSEEN } else { code & 255 });
        Rates { runs: std::array::from_fn(|symbol| (lengths[symbol] + (symbol as u32 & 15)) as f32), end: end(&lengths) }
    }
}

/// The length that is assumed of a code for a symbol that did not occur.
const UNSEEN: u32 = 17;

/// How many bits an error of a step is worth in luma and in chroma: the first over the sum of the second and the block's mean square,
/// coefficients coming times 8. What is busy hides errors. Found by search together with the steps; mozjpeg has 2^20.75 and 2^16.5.
const WEIGHTS: [f32; 2] = [3_526_975.0, 4_987_896.0];
const CALM: [f32; 2] = [92_682.0, 92_682.0];

/// As many steps are never taken for none.
const KEPT: u32 = 3;

/// Makes the choice for the blocks of luma, or of chroma.
#[derive(Debug, Clone)]
pub(super) struct Trellis {
    /// In reading order, times 8.
    reciprocals: [f32; 64],
    rates: Rates,
    weight: f32,
    calm: f32,
}

/// A coefficient that rounds to a step or more, and the best way to it.
#[derive(Debug, Clone, Copy, Default)]
struct Stop {
    /// In zigzag order.
    place: u32,
    /// What the way costs beyond a block of zeros.
    cost: f32,
    /// In steps.
    value: u32,
    /// The stop before it; the first one is the block's start.
    from: usize,
}

impl Trellis {
    /// Of luma and of chroma.
    pub(super) fn both(steps: &[[u8; 64]; 2], rates: [Rates; 2]) -> [Trellis; 2] {
        let trellis = |at: usize, rates: Rates| {
            let reciprocals = steps[at].map(|step| 1.0 / (f32::from(step) * 8.0));
            Trellis { reciprocals, rates, weight: WEIGHTS[at], calm: CALM[at] }
        };
        let [luma, chroma] = rates;
        [trellis(0, luma), trellis(1, chroma)]
    }

    /// From coefficients times 8 to numbers of steps, and which of those are not zero; all in reading order.
    #[inline(always)]
    pub(super) fn choose(&self, raw: &[i16; 64]) -> ([i16; 64], u64) {
        let mut sizes = [0.0; 64];
        let (mut energy, mut candidates) = (0, 0);
        for (at, size) in sizes.iter_mut().enumerate() {
            *size = f32::from(raw[at].unsigned_abs()) * self.reciprocals[at];
            energy += i32::from(raw[at]) * i32::from(raw[at]);
        }
        for (at, size) in sizes.iter().enumerate() {
            candidates |= u64::from(*size >= 0.5) << at;
        }
        let busy = (energy - i32::from(raw[0]) * i32::from(raw[0])) as f32 / 63.0;
        let (stops, last) = self.way(&sizes, zigzag(candidates) & !1, self.weight / (self.calm + busy));

        let mut chosen = [0; 64];
        chosen[0] = signed((sizes[0] + 0.5) as u32, raw[0]);
        let mut nonzero = u64::from(chosen[0] != 0);
        let mut at = last;
        while at > 0 {
            let Stop { place, value, from, .. } = stops[at];
            let place = reading(place);
            chosen[place] = signed(value, raw[place]);
            nonzero |= 1 << place;
            at = from;
        }
        (chosen, nonzero)
    }

    /// All stops, the first of them being the start, and where the best way ends.
    #[inline(always)]
    fn way(&self, sizes: &[f32; 64], mut candidates: u64, weight: f32) -> ([Stop; 64], usize) {
        let mut stops = [Stop::default(); 64];
        // No way goes past the first of these.
        let (mut first, mut count) = (0, 1);
        while candidates != 0 {
            let place = candidates.trailing_zeros();
            candidates &= candidates - 1;
            let size = sizes[reading(place)];
            let near = ((size + 0.5) as u32).min(MOST);
            let bits = 32 - near.leading_zeros();
            // The largest value of a bit less, where that is not 0: ways that go past stand for it.
            let less = (1 << (bits - 1)) - 1;
            let error = |value: u32| (size - value as f32) * (size - value as f32) * weight;
            let (near_error, less_error) = (error(near), if less > 0 { error(less) } else { f32::INFINITY });
            let mut best = Stop { place, cost: f32::INFINITY, value: near, from: first };
            for from in first..count {
                let before = &stops[from & 63];
                let run = place - before.place - 1;
                let (before, symbol) = (before.cost + (run >> 4) as f32 * self.rates.runs[0xF0], (run & 15) << 4 | bits);
                for (value, rate, error) in [(near, self.rates.of(symbol), near_error), (less, self.rates.of(symbol - 1), less_error)] {
                    let cost = before + (rate + error);
                    if cost < best.cost {
                        (best.cost, best.value, best.from) = (cost, value, from);
                    }
                }
            }
            best.cost -= error(0);
            stops[count & 63] = best;
            if near >= KEPT {
                first = count;
            }
            count += 1;
        }
        let end = |at: usize| if at == 0 || stops[at & 63].place == 63 { 0.0 } else { self.rates.end };
        let mut last = first;
        for at in first..count {
            if stops[at & 63].cost + end(at) < stops[last & 63].cost + end(last) {
                last = at;
            }
        }
        (stops, last)
    }
}

/// The largest value that an AC coefficient has in a file of 8-bit samples.
const MOST: u32 = 1023;

#[inline(always)]
fn signed(size: u32, like: i16) -> i16 {
    if like < 0 { -(size as i16) } else { size as i16 }
}

/// The place in reading order.
#[inline(always)]
fn reading(place: u32) -> usize {
    usize::from(ZIGZAG[place as usize & 63] & 63)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::jpeg::encode::tables::small_steps;

    /// By a definition that knows no way: the bits and the errors of a whole block.
    fn cost(trellis: &Trellis, raw: &[i16; 64], values: &[i16; 64], weight: f32) -> f64 {
        let (mut cost, mut last) = (0.0, 0);
        for (place, at) in (0..).zip(ZIGZAG).skip(1) {
            let at = usize::from(at);
            let error = f64::from(raw[at].unsigned_abs()) * f64::from(trellis.reciprocals[at]) - f64::from(values[at].unsigned_abs());
            cost += error * error * f64::from(weight);
            if values[at] != 0 {
                let run: usize = place - last - 1;
                let bits = 16 - values[at].unsigned_abs().leading_zeros() as usize;
                cost += (run / 16) as f64 * f64::from(trellis.rates.runs[0xF0]) + f64::from(trellis.rates.runs[run % 16 * 16 + bits]);
                last = place;
            }
        }
        cost + if last == 0 || last == 63 { 0.0 } else { f64::from(trellis.rates.end) }
    }

    #[test]
    fn no_other_choice_is_better() {
        let mut state = 3u32;
        let mut below = |limit: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % limit
        };
        let mut dropped = 0;
        for round in 0..300 {
            let [trellis, _] = Trellis::both(&[[10; 64]; 2], Rates::examples());
            let mut raw = [0i16; 64];
            let places: Vec<usize> = (0..5).map(|_| if round % 3 == 0 { 1 + below(63) } else { 1 + below(12) } as usize).collect();
            // Up to two steps, of 80 each.
            places.iter().for_each(|place| raw[usize::from(ZIGZAG[*place])] = below(400) as i16 - 199);
            let energy: i32 = raw.iter().map(|value| i32::from(*value) * i32::from(*value)).sum();
            let weight = trellis.weight / (trellis.calm + energy as f32 / 63.0);
            let (chosen, nonzero) = trellis.choose(&raw);
            assert!((0..64).all(|at| (chosen[at] != 0) == (nonzero >> at & 1 == 1)));
            let found = cost(&trellis, &raw, &chosen, weight);
            let mut least = f64::INFINITY;
            for choice in 0..3usize.pow(5) {
                let mut values = [0; 64];
                for (n, place) in places.iter().enumerate() {
                    let at = usize::from(ZIGZAG[*place]);
                    values[at] = (choice / 3usize.pow(n as u32) % 3) as i16 * raw[at].signum();
                }
                least = least.min(cost(&trellis, &raw, &values, weight));
            }
            assert!(found <= least * (1.0 + 1e-5) + 1e-3, "{raw:?}: {chosen:?} costs {found}, and the best {least}");
            dropped += places
                .iter()
                .filter(|place| raw[usize::from(ZIGZAG[**place])].abs() >= 40 && chosen[usize::from(ZIGZAG[**place])] == 0)
                .count();
        }
        assert!(dropped > 100, "only {dropped} of 1,500 were dropped");
    }

    #[test]
    fn what_is_large_is_kept_and_a_level_is_never_dropped() {
        let [trellis, _] = Trellis::both(&small_steps(100), Rates::examples());
        for extreme in [-8192, 8191] {
            let (chosen, _) = trellis.choose(&[extreme; 64]);
            assert_eq!((chosen[0], chosen[1].abs()), (if extreme < 0 { -1024 } else { 1024 }, 1023));
        }
        let mut flat = [0; 64];
        flat[0] = -13;
        // Steps of 1 count 8.
        assert_eq!(trellis.choose(&flat), (std::array::from_fn(|at| if at == 0 { -2 } else { 0 }), 1));
    }

    #[test]
    fn a_symbol_that_was_seen_more_often_costs_less() {
        let mut uses = [0; 256];
        (uses[0x01], uses[0x11], uses[0x00], uses[0x10]) = (1000, 10, 100, 50);
        let rates = Rates::counted(&uses);
        assert!(rates.of(0x01) < rates.of(0x11) && rates.of(0x11) < rates.of(0x21));
        assert!(rates.end >= 2.0 && rates.end <= 4.0, "{}", rates.end);
        assert_eq!(Rates::counted(&[0; 256]).end, 17.0);
    }
}
