//! Weighted sums of samples, many at a time, the same for rows and for columns: of each two source samples under the kernel an instruction
//! makes one sum.

use fearless_simd::prelude::*;
use fearless_simd::{i16x8, i16x16, i32x8, u8x16, u16x8};

use super::weights::Weights;

/// Eight times a sample and the next one under the kernel.
pub(super) type Pairs = [i16; 16];

/// Blocks that are summed up together.
pub(super) const GROUP: usize = 4;

/// How many rows are resized across at once.
pub(super) const ROWS: usize = 8;

/// Puts two rows of samples, the first the upper one, into a slot of the ring: group by group, each with all its slots.
#[inline(always)]
pub(super) fn put_rows<S: Simd>(simd: S, even: &[u8], odd: &[u8], ring: &mut [[Pairs; GROUP]], slot: usize, slots: usize) {
    let rows = even.as_chunks::<32>().0.iter().zip(odd.as_chunks::<32>().0);
    for ((even, odd), group) in rows.zip(ring.chunks_exact_mut(slots)) {
        for (at, [left, right]) in group[slot].as_chunks_mut::<2>().0.iter_mut().enumerate() {
            let even = u8x16::from_slice(simd, &even[at * 16..][..16]);
            let odd = u8x16::from_slice(simd, &odd[at * 16..][..16]);
            put(even.zip_low(odd), left);
            put(even.zip_high(odd), right);
        }
    }
}

#[inline(always)]
fn put<S: Simd>(bytes: u8x16<S>, pairs: &mut Pairs) {
    let (low, high) = bytes.widen();
    let (low, high): (i16x8<S>, i16x8<S>) = (low.bitcast(), high.bitcast());
    low.store_slice(&mut pairs[..8]);
    high.store_slice(&mut pairs[8..]);
}

/// Adds the products of pairs and their weights to `N` sums.
#[inline(always)]
fn add_all<S: Simd, const N: usize>(simd: S, sums: &mut [i32x8<S>; N], pairs: &[[Pairs; N]], weights: &[i32]) {
    for (pairs, weights) in pairs.iter().zip(weights) {
        let weights: i16x16<S> = i32x8::splat(simd, *weights).bitcast();
        for (sum, pairs) in sums.iter_mut().zip(pairs) {
            *sum += i16x16::from_slice(simd, pairs).pairwise_dot_product(weights);
        }
    }
}

/// Sums to samples.
#[inline(always)]
fn samples<S: Simd>(sum: i32x8<S>, bits: u32) -> u16x8<S> {
    let (low, high) = (sum >> bits).split();
    low.saturating_narrow(high).max(0).min(255).bitcast()
}

/// A row of output samples from the ring.
#[inline(always)]
pub(super) fn down<S: Simd>(simd: S, ring: &[[Pairs; GROUP]], slots: usize, weights: &Weights, at: usize, out: &mut [u8]) {
    let (first, row) = weights.of(at);
    let first = first % slots;
    // What lies before and behind the place where the ring begins anew.
    let (before, behind) = row.split_at(row.len().min(slots - first));
    let half = i32x8::splat(simd, 1 << (weights.bits - 1));
    for (group, out) in ring.chunks_exact(slots).zip(out.as_chunks_mut::<32>().0) {
        let mut sums = [half; GROUP];
        add_all(simd, &mut sums, &group[first..], before);
        add_all(simd, &mut sums, group, behind);
        put_group(sums, weights.bits, out);
    }
}

/// Adds to the sums of output row `at` what the pairs of the ring give, of which `first` is the first.
#[inline(always)]
pub(super) fn add_down<S: Simd>(
    simd: S,
    ring: &[[Pairs; GROUP]],
    (first, slots): (usize, usize),
    weights: &Weights,
    at: usize,
    sums: &mut [[[i32; 8]; GROUP]],
) {
    let (begin, row) = weights.of(at);
    let (slot, known) = (begin.saturating_sub(first), first.saturating_sub(begin));
    let row = &row[known..];
    for (group, kept) in ring.chunks_exact(slots).zip(sums) {
        let mut sums = [i32x8::splat(simd, 1 << (weights.bits - 1)); GROUP];
        if known > 0 {
            for (sum, kept) in sums.iter_mut().zip(&*kept) {
                *sum = i32x8::from_slice(simd, kept);
            }
        }
        add_all(simd, &mut sums, &group[slot..], row);
        for (sum, kept) in sums.iter().zip(kept) {
            sum.store_slice(kept);
        }
    }
}

/// A row of output samples from its sums.
#[inline(always)]
pub(super) fn put_down<S: Simd>(simd: S, sums: &[[[i32; 8]; GROUP]], bits: u32, out: &mut [u8]) {
    for (sums, out) in sums.iter().zip(out.as_chunks_mut::<32>().0) {
        let [a, b, c, d] = sums;
        let load = |sums: &[i32; 8]| i32x8::from_slice(simd, sums);
        put_group([load(a), load(b), load(c), load(d)], bits, out);
    }
}

#[inline(always)]
fn put_group<S: Simd>([a, b, c, d]: [i32x8<S>; GROUP], bits: u32, out: &mut [u8; 32]) {
    samples(a, bits).relaxed_narrow(samples(b, bits)).store_slice(&mut out[..16]);
    samples(c, bits).relaxed_narrow(samples(d, bits)).store_slice(&mut out[16..]);
}

/// Interleaves the upper half of the vectors with the lower one, `N` times: what the number of a sample in all of them begins with comes to its end.
#[inline(always)]
fn turned<S: Simd, V: SimdBase<S>, const N: usize>(mut v: [V; 8]) -> [V; 8] {
    for _ in 0..N {
        let [a, b, c, d, e, f, g, h] = v;
        v = [a.zip_low(e), a.zip_high(e), b.zip_low(f), b.zip_high(f), c.zip_low(g), c.zip_high(g), d.zip_low(h), d.zip_high(h)];
    }
    v
}

/// Which bytes of sixteen make pairs of neighbors, channel by channel.
fn neighbors<const CHANNELS: usize>() -> [u8; 16] {
    std::array::from_fn(|at| {
        let (pair, channel) = (at / 2 / CHANNELS, at / 2 % CHANNELS);
        ((pair * 2 + at % 2) * CHANNELS + channel).min(15) as u8
    })
}

/// Eight rows of `stride` samples to columns: pairs of neighbors, each of eight rows, channel by channel. Rows have sixteen samples more than they need.
#[inline(always)]
pub(super) fn put_columns<S: Simd, const CHANNELS: usize>(simd: S, rows: &[u8], stride: usize, pairs: &mut [Pairs]) {
    // Of three channels sixteen bytes hold two pairs and a part of the third.
    let units = 8 / CHANNELS * CHANNELS;
    let order = u8x16::simd_from(simd, neighbors::<CHANNELS>());
    let mut at = 0;
    for pairs in pairs.chunks_mut(units) {
        let mut v = [u16x8::splat(simd, 0); 8];
        for (y, v) in v.iter_mut().enumerate() {
            let bytes = u8x16::from_slice(simd, &rows[y * stride + at..][..16]);
            *v = if CHANNELS == 1 { bytes } else { bytes.swizzle_dyn_precise(order) }.bitcast();
        }
        for (v, pairs) in turned::<S, _, 3>(v).into_iter().zip(pairs) {
            put(v.bitcast(), pairs);
        }
        at += units * 2;
    }
}

/// Output samples of eight rows, column by column.
#[inline(always)]
pub(super) fn across<S: Simd, const CHANNELS: usize>(simd: S, pairs: &[Pairs], weights: &Weights, columns: &mut [u8]) {
    let half = i32x8::splat(simd, 1 << (weights.bits - 1));
    let pairs = pairs.as_chunks::<CHANNELS>().0;
    for at in 0..weights.count() {
        let (first, row) = weights.of(at);
        let mut sums = [half; CHANNELS];
        add_all(simd, &mut sums, &pairs[first..], row);
        for (channel, sum) in sums.into_iter().enumerate() {
            let samples = samples(sum, weights.bits);
            // The next ones lie over the second half.
            samples.relaxed_narrow(samples).store_slice(&mut columns[(at * CHANNELS + channel) * ROWS..][..16]);
        }
    }
}

/// Columns of eight samples to as many of the rows as there are in `out`, each of `stride` samples.
#[inline(always)]
pub(super) fn put_out<S: Simd>(simd: S, columns: &[u8], stride: usize, out: &mut [u8]) {
    for (at, columns) in columns.as_chunks::<128>().0.iter().enumerate() {
        let mut v = [u8x16::splat(simd, 0); 8];
        for (v, bytes) in v.iter_mut().zip(columns.as_chunks::<16>().0) {
            *v = u8x16::from_slice(simd, bytes);
        }
        for (v, row) in turned::<S, _, 4>(v).into_iter().zip(out.chunks_exact_mut(stride)) {
            let row = &mut row[at * 16..];
            match row.first_chunk_mut::<16>() {
                Some(row) => v.store_slice(row),
                None => row.copy_from_slice(&v.as_slice()[..row.len()]),
            }
        }
    }
}
