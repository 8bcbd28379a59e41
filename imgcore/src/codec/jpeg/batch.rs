//! Blocks side by side: the same coefficient of sixteen blocks lies together, so that all of them are made into samples at once.

use fearless_simd::prelude::*;
use fearless_simd::{i16x16, i32x8, u8x16, u16x16};

use super::scan::ZIGZAG;

/// How many blocks.
pub(super) const LANES: usize = 16;

/// By its place in reading order, a coefficient's place in zigzag order.
const FROM_READING: [u8; 64] = {
    let (mut places, mut at) = ([0; 64], 0);
    while at < 64 {
        places[ZIGZAG[at] as usize] = at as u8;
        at += 1;
    }
    places
};

/// Sixteen blocks that lie beside each other in the picture.
pub(super) struct Batch {
    /// In zigzag order: of each coefficient those of all blocks.
    coefficients: [[i16; LANES]; 64],
    /// The last coefficient, in zigzag order, that is not zero in all blocks.
    last: usize,
}

impl Batch {
    pub(super) fn new() -> Batch {
        Batch { coefficients: [[0; LANES]; 64], last: 0 }
    }

    /// Sets a coefficient of a block, by its place in zigzag order. [`Batch::reach`] has to know of it.
    #[inline(always)]
    pub(super) fn set(&mut self, at: usize, lane: usize, value: i16) {
        self.coefficients[at & 63][lane % LANES] = value;
    }

    /// Sets a whole block, in reading order.
    pub(super) fn put(&mut self, lane: usize, block: &[i16; 64]) {
        for (at, place) in ZIGZAG.into_iter().enumerate() {
            self.set(at, lane, block[usize::from(place & 63)]);
        }
        self.reach(63);
    }

    /// Whether a coefficient, by its place in zigzag order, is not zero in all blocks.
    pub(super) fn is_some(&self, at: usize) -> bool {
        self.coefficients[at & 63] != [0; LANES]
    }

    /// Coefficients were set up to this one, in zigzag order.
    #[inline(always)]
    pub(super) fn reach(&mut self, last: usize) {
        self.last = self.last.max(last);
    }

    /// A coefficient of all blocks, by its place in reading order, times the step that it is counted in: the lower and the upper lanes.
    #[inline(always)]
    pub(super) fn dequantized<S: Simd>(&self, simd: S, place: usize, table: &[u16; 64]) -> [i32x8<S>; 2] {
        let (low, high) = i16x16::from_slice(simd, &self.coefficients[usize::from(FROM_READING[place] & 63)]).widen();
        let step = i32::from(table[place]);
        [low * step, high * step]
    }

    /// One more than the highest wave, across or down, that is not zero in all blocks.
    pub(super) fn waves(&self) -> usize {
        match self.last {
            0 => 1,
            1..=2 => 2,
            3..=5 => 3,
            6..=9 => 4,
            10..=14 => 5,
            15..=20 => 6,
            21..=27 => 7,
            _ => 8,
        }
    }

    /// All zero again.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.coefficients[..=self.last.min(63)].fill([0; LANES]);
        self.last = 0;
    }
}

/// Levels around 0, of both halves of the lanes, as numbers that two vectors of samples are made of.
#[inline(always)]
pub(super) fn leveled<S: Simd>(low: i32x8<S>, high: i32x8<S>) -> i16x16<S> {
    low.saturating_narrow(high).max(-128).min(127) + 128
}

/// The samples at two points of all blocks.
#[inline(always)]
pub(super) fn samples<S: Simd>(a: i16x16<S>, b: i16x16<S>) -> (u8x16<S>, u8x16<S>) {
    a.bitcast::<u16x16<S>>().saturating_narrow(b.bitcast::<u16x16<S>>()).split()
}

// In functions rather than closures: what is in a closure is not compiled for the instructions that the function around it may use.

#[inline(always)]
fn load<S: Simd>(simd: S, row: &[[u8; LANES]], at: usize) -> u8x16<S> {
    u8x16::from_slice(simd, &row[at])
}

/// Four rows of samples, block by block.
#[inline(always)]
fn fours<S: Simd>([a, b, c, d]: [u8x16<S>; 4]) -> [u8x16<S>; 4] {
    let [ac, bd] = [[a.zip_low(c), a.zip_high(c)], [b.zip_low(d), b.zip_high(d)]];
    [ac[0].zip_low(bd[0]), ac[0].zip_high(bd[0]), ac[1].zip_low(bd[1]), ac[1].zip_high(bd[1])]
}

/// Has the samples of a row come block by block: `points` of each.
#[inline(always)]
pub(super) fn put_row<S: Simd>(simd: S, row: &[[u8; LANES]], out: &mut [u8]) {
    match row.len() {
        1 => out[..LANES].copy_from_slice(&row[0]),
        2 => {
            let (a, b) = (load(simd, row, 0), load(simd, row, 1));
            a.zip_low(b).store_slice(&mut out[..16]);
            a.zip_high(b).store_slice(&mut out[16..32]);
        }
        3 => put_three(simd, row, out),
        4 => {
            let v = fours([load(simd, row, 0), load(simd, row, 1), load(simd, row, 2), load(simd, row, 3)]);
            for (v, out) in v.into_iter().zip(out.chunks_exact_mut(16)) {
                v.store_slice(out);
            }
        }
        5 => put_eight::<S, 5>(simd, row, out),
        6 => put_eight::<S, 6>(simd, row, out),
        7 => put_eight::<S, 7>(simd, row, out),
        8 => put_eight::<S, 8>(simd, row, out),
        _ => put_many(row, out),
    }
}

#[inline(always)]
fn put_three<S: Simd>(simd: S, row: &[[u8; LANES]], out: &mut [u8]) {
    let mut blocks = [0; 4 * LANES];
    let v = fours([load(simd, row, 0), load(simd, row, 1), load(simd, row, 2), u8x16::splat(simd, 0)]);
    for (at, v) in v.into_iter().enumerate() {
        v.store_slice(&mut blocks[at * 16..][..16]);
    }
    put_blocks::<4, 3>(&blocks, out);
}

#[inline(always)]
fn put_eight<S: Simd, const POINTS: usize>(simd: S, row: &[[u8; LANES]], out: &mut [u8]) {
    let mut v = [u8x16::splat(simd, 0); 8];
    for (v, samples) in v.iter_mut().zip(&row[..POINTS]) {
        *v = u8x16::from_slice(simd, samples);
    }
    let (even, odd) = (fours([v[0], v[2], v[4], v[6]]), fours([v[1], v[3], v[5], v[7]]));
    let mut blocks = [0; 8 * LANES];
    for at in 0..4 {
        even[at].zip_low(odd[at]).store_slice(&mut blocks[at * 32..][..16]);
        even[at].zip_high(odd[at]).store_slice(&mut blocks[at * 32 + 16..][..16]);
    }
    put_blocks::<8, POINTS>(&blocks, out);
}

/// Blocks of `N` samples of which `POINTS` count: those behind them are written too, and the next block writes over them.
#[inline(always)]
fn put_blocks<const N: usize, const POINTS: usize>(blocks: &[u8], out: &mut [u8]) {
    let (blocks, out) = (blocks.as_chunks::<N>().0, &mut out[..POINTS * LANES]);
    for (lane, block) in blocks.iter().enumerate().take(LANES - 1) {
        out[POINTS * lane..][..N].copy_from_slice(block);
    }
    out[POINTS * (LANES - 1)..].copy_from_slice(&blocks[LANES - 1][..POINTS]);
}

/// As `put_row`, for more points than that has a way for. A function of its own: inlined, what it prepares would be prepared for few points too.
#[inline(never)]
fn put_many(row: &[[u8; LANES]], out: &mut [u8]) {
    for (lane, out) in out.chunks_exact_mut(row.len()).take(LANES).enumerate() {
        for (out, samples) in out.iter_mut().zip(row) {
            *out = samples[lane];
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A block, in reading order, among others that are zero.
    pub(in super::super) fn batch(block: &[i16; 64], lane: usize) -> Batch {
        let mut batch = Batch::new();
        batch.put(lane, block);
        batch.last = 0;
        let last = ZIGZAG.iter().rposition(|place| block[usize::from(*place)] != 0);
        batch.reach(last.unwrap_or(0));
        batch
    }

    #[test]
    fn the_waves_are_those_of_the_furthest_coefficient() {
        for last in 0..64 {
            let mut batch = Batch::new();
            batch.reach(last);
            let highest = ZIGZAG[..=last].iter().map(|place| (place % 8).max(place / 8)).max();
            assert_eq!(Some(batch.waves() as u8 - 1), highest, "{last}");
        }
    }

    #[test]
    fn nothing_is_left_behind() {
        let mut batch = batch(&[7; 64], 5);
        batch.clear();
        assert!(batch.coefficients == [[0; LANES]; 64] && batch.waves() == 1);
    }

    #[test]
    fn rows_come_block_by_block() {
        for points in 1..=28 {
            let row: Vec<[u8; LANES]> = (0..points).map(|x| std::array::from_fn(|lane| (lane * points + x) as u8)).collect();
            let mut out = vec![0; LANES * points];
            dispatch!(fearless_simd::Level::new(), simd => put_row(simd, &row, &mut out));
            assert!(out.iter().enumerate().all(|(at, sample)| *sample == at as u8), "{points}");
        }
    }
}
