//! Which coefficients are worth their bits: for each block, and for the levels of each row of blocks, the choice whose error and cost
//! together are least.
//!
//! After the trellis quantization of mozjpeg, in fixed point.

use super::grid::Grid;
use super::huffman::Table;
use super::sequential::{self, zigzag};
use super::strip::Blocks;

/// Bits and steps are counted in so many parts.
const ONE: u32 = 1 << PARTS;
const PARTS: u32 = 8;

/// What symbols cost with the bits that follow them, in parts of a bit.
#[derive(Debug, Clone)]
pub(super) struct Rates {
    /// Of levels, by size.
    levels: [u32; 16],
    /// Of other coefficients, by run and size.
    runs: [u32; 256],
    /// The end behind a block's last coefficient.
    end: u32,
}

impl Rates {
    /// By the example tables, for luma and chroma.
    pub(super) fn examples() -> [Rates; 2] {
        let [luma_dc, luma, chroma_dc, chroma] = Table::examples();
        [(luma_dc, luma), (chroma_dc, chroma)].map(|(dc, ac)| {
            let lengths = lengths(&ac);
            Rates { levels: of_levels(&dc), runs: of_runs(&lengths), end: lengths[0] * ONE }
        })
    }

    /// By the uses of symbols in scans of all levels, and in those of all other coefficients.
    pub(super) fn counted(dc: &[u32; 256], ac: &[u32; 256]) -> Rates {
        let lengths = lengths(&Table::best(ac));
        // Blocks that end in a row share a symbol, so that one without coefficients costs next to nothing.
        let ends = || (0..15).map(|size| (u64::from(ac[size << 4]), u64::from(lengths[size << 4]) + size as u64));
        let (count, bits) = ends().fold((0, 0), |(count, bits), (uses, each)| (count + uses, bits + uses * each));
        let end = (bits * u64::from(ONE)).checked_div(count).map_or(UNSEEN * ONE, |end| end as u32);
        Rates { levels: of_levels(&Table::best(dc)), runs: of_runs(&lengths), end }
    }

    #[inline(always)]
    fn of(&self, symbol: u32) -> i32 {
        self.runs[symbol as usize & 255] as i32
    }
}

/// The length that is assumed of a code for a symbol that did not occur.
const UNSEEN: u32 = 17;

fn lengths(table: &Table) -> [u32; 256] {
    table.codes().map(|code| if code == 0 { UNSEEN } else { code & 255 })
}

fn of_levels(table: &Table) -> [u32; 16] {
    let lengths = lengths(table);
    std::array::from_fn(|size| (lengths[size] + size as u32) * ONE)
}

fn of_runs(lengths: &[u32; 256]) -> [u32; 256] {
    std::array::from_fn(|symbol| (lengths[symbol] + (symbol as u32 & 15)) * ONE)
}

/// How many bits an error of a step is worth in luma and in chroma: the first over the sum of the second and the block's mean square,
/// coefficients coming times 8. What is busy hides errors. Found by search together with the steps; mozjpeg has 2^20.75 and 2^16.5.
const WEIGHTS: [u64; 2] = [3_526_975, 4_987_896];
const CALM: u64 = 92_682;

/// As many steps are never taken for none.
const KEPT: u32 = 3;

/// Makes the choice for the blocks of luma, or of chroma.
#[derive(Debug, Clone)]
pub(super) struct Trellis {
    /// In reading order; coefficients that are multiplied by them and shifted by [`SHIFT`] are parts of a step.
    reciprocals: [u32; 64],
    rates: Rates,
    weight: u64,
}

const SHIFT: u32 = 13;

/// A coefficient that rounds to a step or more, and the best way to it.
#[derive(Debug, Clone, Copy, Default)]
struct Stop {
    /// In zigzag order.
    place: u32,
    /// What the way costs beyond a block of zeros.
    cost: i32,
    /// In steps.
    value: u32,
    /// The stop before it; the first one is the block's start.
    from: usize,
}

/// The values that a level may have: the nearest one, and those beside it.
const VALUES: usize = 3;

/// The level of a block.
#[derive(Debug, Clone, Copy)]
struct Level {
    /// The least of the values that it may have.
    least: i32,
    /// By value: which one of the block before it comes before it on the best way.
    from: [u8; VALUES],
}

/// The levels of a component, a row of blocks after the other.
#[derive(Debug, Clone)]
pub(super) struct Levels {
    row: Vec<Level>,
    last: i32,
}

impl Levels {
    /// With room for a row of `held` blocks.
    pub(super) fn new(held: usize) -> Levels {
        Levels { row: Vec::with_capacity(held), last: 0 }
    }

    /// What the levels of such a picture hold, in bytes.
    pub(super) fn bytes(grid: &Grid) -> u64 {
        grid.components.iter().map(|component| (grid.held_across(component) * size_of::<Level>()) as u64).sum()
    }
}

impl Trellis {
    /// Of luma and of chroma.
    pub(super) fn both(steps: &[[u8; 64]; 2], rates: [Rates; 2]) -> [Trellis; 2] {
        let trellis = |at: usize, rates: Rates| {
            let reciprocals = steps[at].map(|step| {
                let divisor = u32::from(step) * 8;
                ((ONE << SHIFT) + divisor / 2) / divisor
            });
            Trellis { reciprocals, rates, weight: WEIGHTS[at] << PARTS }
        };
        let [luma, chroma] = rates;
        [trellis(0, luma), trellis(1, chroma)]
    }

    /// From coefficients times 8 to numbers of steps, in rows of `held` blocks.
    #[inline(always)]
    pub(super) fn choose(&self, blocks: &mut Blocks, held: usize, levels: &mut Levels) {
        for (row, nonzero) in blocks.coefficients.chunks_exact_mut(held).zip(blocks.nonzero.chunks_exact_mut(held)) {
            levels.row.clear();
            let mut costs = [0, NEVER, NEVER];
            let mut before = levels.last;
            for (block, nonzero) in row.iter_mut().zip(&mut *nonzero) {
                let weight = self.weight_of(block);
                let level = self.level(block[0], before, &mut costs, weight);
                before = level.least;
                levels.row.push(level);
                (*block, *nonzero) = self.block(block, weight);
            }
            let mut at = (0..VALUES).min_by_key(|at| costs[*at]).unwrap_or(0);
            levels.last = before + at as i32;
            for ((block, nonzero), level) in row.iter_mut().zip(nonzero).zip(&levels.row).rev() {
                block[0] = (level.least + at as i32) as i16;
                *nonzero |= u64::from(block[0] != 0);
                at = usize::from(level.from[at]);
            }
        }
    }

    /// How many parts of a bit an error of a step is worth.
    #[inline(always)]
    fn weight_of(&self, raw: &[i16; 64]) -> u32 {
        let mut energy = 0;
        for value in &raw[1..] {
            energy += u64::from(value.unsigned_abs()).pow(2);
        }
        (self.weight / (CALM + energy / 63)) as u32
    }

    /// The ways to the values of a level. `costs`: what the best ways cost to the values from `before`, and then what these do.
    #[inline(always)]
    fn level(&self, raw: i16, before: i32, costs: &mut [i32; VALUES], weight: u32) -> Level {
        let size = ((u32::from(raw.unsigned_abs()) * self.reciprocals[0]) >> SHIFT) as i32;
        let size = if raw < 0 { -size } else { size };
        let least = (((size + ONE as i32 / 2) >> PARTS) - 1).clamp(-1024, 1023 - (VALUES as i32 - 1));
        let mut level = Level { least, from: [0; VALUES] };
        let mut sums = [NEVER; VALUES];
        for ((value, sum), best) in (least..).zip(&mut sums).zip(&mut level.from) {
            for (from, cost) in (0..).zip(&*costs) {
                let difference = (value - before - i32::from(from)).unsigned_abs();
                let cost = cost + self.rates.levels[(32 - difference.leading_zeros()) as usize & 15] as i32;
                if cost < *sum {
                    (*sum, *best) = (cost, from);
                }
            }
            *sum += error(size - (value << PARTS), weight);
        }
        // Only differences count; without the rest, sums stay small.
        let lowest = sums[0].min(sums[1]).min(sums[2]);
        for (cost, sum) in costs.iter_mut().zip(sums) {
            *cost = sum - lowest;
        }
        level
    }

    /// The numbers of steps of all coefficients but the first, and which of them are not zero; all in reading order.
    #[inline(always)]
    fn block(&self, raw: &[i16; 64], weight: u32) -> ([i16; 64], u64) {
        let mut sizes = [0; 64];
        let mut candidates = 0;
        for (at, size) in sizes.iter_mut().enumerate() {
            *size = (u32::from(raw[at].unsigned_abs()) * self.reciprocals[at]) >> SHIFT;
        }
        for (at, size) in sizes.iter().enumerate() {
            candidates |= u64::from(*size >= ONE / 2) << at;
        }
        let (stops, last) = self.way(&sizes, zigzag(candidates) & !1, weight);

        let (mut chosen, mut nonzero) = ([0; 64], 0);
        let mut at = last;
        while at > 0 {
            let Stop { place, value, from, .. } = stops[at & 63];
            let place = sequential::place(place);
            chosen[place] = if raw[place] < 0 { -(value as i16) } else { value as i16 };
            nonzero |= 1 << place;
            at = from;
        }
        (chosen, nonzero)
    }

    /// All stops, the first of them being the start, and where the best way ends.
    #[inline(always)]
    fn way(&self, sizes: &[u32; 64], mut candidates: u64, weight: u32) -> ([Stop; 64], usize) {
        let mut stops = [Stop::default(); 64];
        // No way goes past the first of these.
        let (mut first, mut count) = (0, 1);
        while candidates != 0 {
            let place = candidates.trailing_zeros();
            candidates &= candidates - 1;
            let size = sizes[sequential::place(place)];
            let near = ((size + ONE / 2) >> PARTS).min(MOST);
            let bits = 32 - near.leading_zeros();
            // The largest value of a bit less, where that is not 0: ways that go past stand for it.
            let less = (1 << (bits - 1)) - 1;
            let error = |value: u32| error(size as i32 - (value << PARTS) as i32, weight);
            let (near_error, less_error) = (error(near), if less > 0 { error(less) } else { NEVER });
            let mut best = Stop { place, cost: i32::MAX, value: near, from: first };
            for from in first..count {
                let before = &stops[from & 63];
                let run = place - before.place - 1;
                let (before, symbol) = (before.cost + (run >> 4) as i32 * self.rates.of(0xF0), (run & 15) << 4 | bits);
                for (value, rate, error) in [(near, self.rates.of(symbol), near_error), (less, self.rates.of(symbol - 1), less_error)] {
                    let cost = before + rate + error;
                    if cost < best.cost {
                        (best.cost, best.value, best.from) = (cost, value, from);
                    }
                }
            }
            if near < KEPT {
                best.cost -= error(0);
            } else {
                first = count;
            }
            stops[count & 63] = best;
            count += 1;
        }
        let total = |at: usize| {
            let is_open = at > 0 && stops[at & 63].place < 63;
            stops[at & 63].cost + if is_open { self.rates.end as i32 } else { 0 }
        };
        let mut last = first;
        for at in first..count {
            if total(at) < total(last) {
                last = at;
            }
        }
        (stops, last)
    }
}

/// More than any way costs.
const NEVER: i32 = 1 << 28;

/// What an error is worth, in parts of a bit.
#[inline(always)]
fn error(parts: i32, weight: u32) -> i32 {
    let square = u64::from(parts.unsigned_abs()).pow(2);
    ((square * u64::from(weight)) >> (2 * PARTS)).min(NEVER as u64) as i32
}

/// The largest value that an AC coefficient has in a file of 8-bit samples.
const MOST: u32 = 1023;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::jpeg::encode::tables::small_steps;
    use crate::codec::jpeg::scan::ZIGZAG;

    fn random(seed: u32) -> impl FnMut(u32) -> u32 {
        let mut state = seed;
        move |limit| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % limit
        }
    }

    /// By a definition that knows no way: the bits of a whole block but its level, and its errors in steps of 10.
    fn cost(rates: &Rates, raw: &[i16; 64], values: &[i16; 64], weight: f64) -> f64 {
        let (mut bits, mut errors, mut last) = (0, 0.0, 0);
        for (place, at) in (0..).zip(ZIGZAG).skip(1) {
            let at = usize::from(at);
            errors += (f64::from(raw[at]) / 80.0 - f64::from(values[at])).powi(2);
            if values[at] != 0 {
                let run: usize = place - last - 1;
                let size = 16 - values[at].unsigned_abs().leading_zeros() as usize;
                bits += (run / 16) as u32 * rates.runs[0xF0] + rates.runs[run % 16 * 16 + size];
                last = place;
            }
        }
        let end = if last == 0 || last == 63 { 0 } else { rates.end };
        f64::from(bits + end) / f64::from(ONE) + errors * weight
    }

    /// The weight of an error, by the definition.
    fn weight(raw: &[i16; 64]) -> f64 {
        let energy: f64 = raw[1..].iter().map(|value| f64::from(*value).powi(2)).sum();
        WEIGHTS[0] as f64 / (CALM as f64 + energy / 63.0)
    }

    #[test]
    fn no_other_choice_is_better() {
        let mut below = random(3);
        let mut dropped = 0;
        for round in 0..300 {
            let [trellis, _] = Trellis::both(&[[10; 64]; 2], Rates::examples());
            let mut raw = [0i16; 64];
            let places: Vec<usize> = (0..5).map(|_| if round % 3 == 0 { 1 + below(63) } else { 1 + below(12) } as usize).collect();
            // Up to two steps and a half, of 80 each.
            places.iter().for_each(|place| raw[usize::from(ZIGZAG[*place])] = below(400) as i16 - 199);
            let (chosen, nonzero) = trellis.block(&raw, trellis.weight_of(&raw));
            assert!((0..64).all(|at| (chosen[at] != 0) == (nonzero >> at & 1 == 1)));
            let found = cost(&trellis.rates, &raw, &chosen, weight(&raw));
            let mut least = f64::INFINITY;
            for choice in 0..3usize.pow(5) {
                let mut values = [0; 64];
                for (n, place) in places.iter().enumerate() {
                    let at = usize::from(ZIGZAG[*place]);
                    values[at] = (choice / 3usize.pow(n as u32) % 3) as i16 * raw[at].signum();
                }
                least = least.min(cost(&trellis.rates, &raw, &values, weight(&raw)));
            }
            // Within what fixed point rounds off.
            assert!(found <= least + 0.6, "{raw:?}: {chosen:?} costs {found}, and the best {least}");
            let is_dropped = |place: &&usize| raw[usize::from(ZIGZAG[**place])].abs() >= 40 && chosen[usize::from(ZIGZAG[**place])] == 0;
            dropped += places.iter().filter(is_dropped).count();
        }
        assert!(dropped > 30, "only {dropped} of 1,500 were dropped");
    }

    /// A row of blocks that have a level only, in steps of 10, and what is chosen for it after another one.
    fn levels(trellis: &Trellis, raw: &[i16], last: i32) -> Vec<i16> {
        let block = |raw: &i16| std::array::from_fn(|at| if at == 0 { *raw } else { 0 });
        let mut blocks = Blocks { coefficients: raw.iter().map(block).collect(), nonzero: vec![0; raw.len()] };
        let mut levels = Levels { last, ..Levels::new(raw.len()) };
        trellis.choose(&mut blocks, raw.len(), &mut levels);
        assert!(blocks.coefficients.iter().zip(&blocks.nonzero).all(|(block, nonzero)| u64::from(block[0] != 0) == *nonzero));
        let chosen: Vec<i16> = blocks.coefficients.iter().map(|block| block[0]).collect();
        assert_eq!(levels.last, i32::from(chosen[raw.len() - 1]));
        chosen
    }

    #[test]
    fn no_other_levels_are_better() {
        const BLOCKS: u32 = 6;
        let mut below = random(5);
        let mut moved = 0;
        for _ in 0..200 {
            let [trellis, _] = Trellis::both(&[[10; 64]; 2], Rates::examples());
            let around = below(3000) as i16 - 1500;
            let raw: Vec<i16> = (0..BLOCKS).map(|_| around + below(500) as i16).collect();
            let last = i32::from(around / 80);
            let chosen = levels(&trellis, &raw, last);
            let cost = |values: &[i16]| {
                let before = [last].into_iter().chain(values.iter().map(|value| i32::from(*value)));
                let sizes = before.zip(values).map(|(before, value)| 32 - (i32::from(*value) - before).unsigned_abs().leading_zeros());
                let bits: u32 = sizes.map(|size| trellis.rates.levels[size as usize]).sum();
                let errors: f64 = raw.iter().zip(values).map(|(raw, value)| (f64::from(*raw) / 80.0 - f64::from(*value)).powi(2)).sum();
                f64::from(bits) / f64::from(ONE) + errors * weight(&[0; 64])
            };
            let nearest: Vec<i16> = raw.iter().map(|raw| (f64::from(*raw) / 80.0).round() as i16).collect();
            let all = (0..3i32.pow(BLOCKS)).map(|choice| {
                let beside = |(n, near): (usize, &i16)| near + (choice / 3i32.pow(n as u32) % 3) as i16 - 1;
                cost(&nearest.iter().enumerate().map(beside).collect::<Vec<i16>>())
            });
            let (found, least) = (cost(&chosen), all.fold(f64::INFINITY, f64::min));
            assert!(found <= least + 0.6, "{raw:?}: {chosen:?} costs {found}, and the best {least}");
            moved += usize::from(chosen != nearest);
        }
        assert!(moved > 20, "only {moved} of 200 rows moved");
    }

    #[test]
    fn what_is_large_is_kept_and_no_value_leaves_its_range() {
        let [trellis, _] = Trellis::both(&small_steps(100, (2, 2)), Rates::examples());
        for extreme in [-8192, 8191] {
            let (chosen, nonzero) = trellis.block(&[extreme; 64], 1);
            assert!(chosen[1..].iter().all(|value| value.abs() == 1023) && nonzero == u64::MAX - 1);
            assert!(levels(&trellis, &[extreme; 3], 0).into_iter().all(|level| (-1024..1024).contains(&level) && level.abs() > 1020));
        }
    }

    #[test]
    fn a_symbol_that_was_seen_more_often_costs_less() {
        let (mut dc, mut ac) = ([0; 256], [0; 256]);
        (ac[0x01], ac[0x11], ac[0x00], ac[0x10]) = (1000, 10, 100, 50);
        (dc[3], dc[0]) = (100, 1);
        let rates = Rates::counted(&dc, &ac);
        assert!(rates.of(0x01) < rates.of(0x11) && rates.of(0x11) < rates.of(0x21));
        assert!((2 * ONE..=4 * ONE).contains(&rates.end), "{}", rates.end);
        assert!(rates.levels[3] - 3 * ONE < rates.levels[0] && rates.levels[0] < rates.levels[1]);
        assert_eq!(Rates::counted(&[0; 256], &[0; 256]).end, UNSEEN * ONE);
    }
}
