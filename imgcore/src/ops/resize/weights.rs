//! The kernels, and how much of each source sample an output sample is made of.
//!
//! Places are floats here, and each step is one that every CPU takes alike; the standard library's sine is not, so `libm` has its place. Weights
//! are rounded to 16 bits once, with as many bits of fraction as the largest of an axis leaves room for.

use crate::geometry::{Axis, Ratio};
use crate::recipe::Kernel;

/// The weights of an axis. Source samples come in pairs, an even one and the one after it, counted from [`Weights::origin`].
pub(super) struct Weights {
    /// The first source sample that any output sample needs, or the one before it: an even one.
    pub(super) origin: usize,
    /// Where the source samples end that any output sample needs.
    pub(super) end: usize,
    /// Bits of fraction.
    pub(super) bits: u32,
    spans: Vec<Span>,
    /// For each pair the two weights, that of the even sample in the lower half.
    weights: Vec<i32>,
}

/// What an output sample is made of.
#[derive(Clone, Copy)]
struct Span {
    /// Its first pair.
    pair: u32,
    /// Where the weights of its pairs lie: output samples that lie alike between source samples share them.
    first: u32,
    end: u32,
}

impl Span {
    /// Where its pairs end.
    fn end_pair(self) -> u32 {
        self.pair + self.end - self.first
    }
}

/// Weights as they are reckoned: for the source samples from `start` on.
struct Reckoned {
    start: u32,
    first: usize,
    end: usize,
}

/// The weights of an output sample, or where there are the same: how many output samples before, and how many source samples.
enum Sum {
    New(Reckoned),
    Same(usize, usize),
}

impl Weights {
    /// For an axis that lies within a source of `side` samples.
    pub(super) fn new(axis: &Axis, side: u32, kernel: Kernel) -> Weights {
        // Kernels that blur even at a scale of 1 leave an axis alone along which nothing changes.
        if kernel == Kernel::Nearest || axis.is_copy() {
            let place = |at: u32| axis.from.plus(axis.scale.times(Ratio::new(2 * i64::from(at) + 1, 2))).floor();
            let start = |at: u32| place(at).clamp(0, i64::from(side) - 1) as u32;
            let sums = (0..axis.count).map(|at| Sum::New(Reckoned { start: start(at), first: 0, end: 1 })).collect();
            return Weights::rounded(sums, &[1.0]);
        }
        let (from, length) = window(axis, side);
        let (function, support) = function(kernel);
        let scale = ((from + length) - from) / f64::from(axis.count);
        // Where the picture becomes smaller the kernel grows.
        let filter_scale = scale.max(1.0);
        let (radius, recip) = (support * filter_scale, 1.0 / filter_scale);
        let reach = |at: u32| {
            let center = from + (f64::from(at) + 0.5) * scale;
            (center, (center - radius).floor(), (center + radius).ceil())
        };
        let is_inside = |at: u32| reach(at).1 >= 0.0 && reach(at).2 <= f64::from(side);
        // After so many output samples, and so many source samples, an even number, everything is alike.
        let twice = if axis.scale.num % 2 == 0 { 1 } else { 2 };
        let [period, shift] = [axis.scale.den, axis.scale.num].map(|n| n.saturating_mul(twice));
        // At both ends the kernel reaches beyond the source, and at the first ones of a period nothing has come before.
        let news = u64::from(axis.count).min(period as u64 + 2 * (radius / scale) as u64 + 4) as usize;
        let mut values = Vec::with_capacity(news * (2 * radius.ceil() as usize + 1));
        let sum = |at: u32| {
            let before = u32::try_from(i64::from(at) - period).ok();
            if before.is_some_and(|before| is_inside(before) && is_inside(at)) {
                return Sum::Same(period as usize, shift as usize);
            }
            let (center, start, end) = reach(at);
            let (start, end) = (start.max(0.0) as u32, end.min(f64::from(side)) as u32);
            let first = values.len();
            values.extend((start..end).map(|x| function((f64::from(x) - (center - 0.5)) * recip)));
            let sum: f64 = values[first..].iter().sum();
            if sum != 0.0 {
                values[first..].iter_mut().for_each(|weight| *weight /= sum);
            }
            Sum::New(Reckoned { start, first, end: values.len() })
        };
        let sums = (0..axis.count).map(sum).collect();
        Weights::rounded(sums, &values)
    }

    /// With weights in integers, and those left out that are 0.
    fn rounded(sums: Vec<Sum>, values: &[f64]) -> Weights {
        let largest = values.iter().copied().fold(0.0, f64::max);
        // Two bits are for sums below 0 and above 1.
        let bits = (0..32 - 8 - 2).find(|bits| largest * f64::from(2 << bits) >= 32_767.5).unwrap_or(32 - 8 - 3);
        let scale = f64::from(1 << bits);
        // To the nearest, as far from 0 as from there.
        let round = |weight: f64| (weight * scale + 0.5_f64.copysign(weight)) as i16;
        let (spans, pairs) = (Vec::with_capacity(sums.len()), Vec::with_capacity(values.len() / 2 + 2 * sums.len()));
        let mut weights = Weights { origin: usize::MAX, end: 0, bits, spans, weights: pairs };
        let mut line: Vec<i16> = Vec::new();
        for sum in sums {
            let span = match sum {
                Sum::Same(before, samples) => {
                    let span = weights.spans[weights.spans.len() - before];
                    Span { pair: span.pair + (samples / 2) as u32, ..span }
                }
                Sum::New(Reckoned { start, first, end }) => {
                    line.clear();
                    // From an even sample on.
                    line.extend((start % 2 == 1).then_some(0));
                    line.extend(values[first..end].iter().map(|weight| round(*weight)));
                    line.extend((line.len() % 2 == 1).then_some(0));
                    let pairs = line.as_chunks::<2>().0;
                    let from = pairs.iter().position(|pair| *pair != [0; 2]).unwrap_or(0);
                    let to = pairs.iter().rposition(|pair| *pair != [0; 2]).unwrap_or(0);
                    let first = weights.weights.len() as u32;
                    weights.weights.extend(pairs[from..=to].iter().map(|[even, odd]| i32::from(*even) & 0xFFFF | i32::from(*odd) << 16));
                    Span { pair: start / 2 + from as u32, first, end: weights.weights.len() as u32 }
                }
            };
            let last = weights.weights[span.end as usize - 1];
            let end = 2 * span.end_pair() as usize - usize::from(last >> 16 == 0);
            (weights.origin, weights.end) = (weights.origin.min(2 * span.pair as usize), weights.end.max(end));
            weights.spans.push(span);
        }
        let origin = (weights.origin / 2) as u32;
        weights.spans.iter_mut().for_each(|span| span.pair -= origin);
        weights
    }

    /// The bytes of the tables.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        size_of_val(&self.spans[..]) + size_of_val(&self.weights[..])
    }

    /// The most bytes that tables of so many output samples take, each of at most so many source samples, and what they are made from.
    pub(super) const fn bytes(count: u64, samples: u64) -> u64 {
        count * (samples * 8 + (samples / 2 + 2) * 4 + (size_of::<Sum>() + size_of::<Span>()) as u64)
    }

    /// How many output samples there are.
    pub(super) fn count(&self) -> usize {
        self.spans.len()
    }

    /// The first pair of source samples that an output sample is made of, and the weights of the pairs from there on.
    #[inline(always)]
    pub(super) fn of(&self, at: usize) -> (usize, &[i32]) {
        let Span { pair, first, end } = self.spans[at];
        (pair as usize, &self.weights[first as usize..end as usize])
    }

    /// How many pairs must be at hand together, where output samples are made in order and each pair comes once.
    pub(super) fn depth(&self) -> usize {
        let mut end = 0;
        let depth = |(span, first): (&Span, u32)| {
            end = end.max(span.end_pair());
            end - first
        };
        self.spans.iter().zip(self.firsts()).map(depth).max().unwrap_or(1) as usize
    }

    /// How many output samples are begun and not done at most, where that is asked after every so many pairs.
    pub(super) fn overlap(&self, pairs: usize) -> usize {
        let (firsts, count) = (self.firsts(), self.count());
        let (mut begun, mut done, mut most, mut at_hand) = (0, 0, 0, 0);
        while done < count {
            at_hand += pairs as u32;
            begun += firsts[begun..].iter().take_while(|first| **first < at_hand).count();
            most = most.max(begun - done);
            done += self.spans[done..begun].iter().take_while(|span| span.end_pair() <= at_hand).count();
        }
        most
    }

    /// For each output sample the first pair that it or any later one needs.
    fn firsts(&self) -> Vec<u32> {
        let mut least = u32::MAX;
        let first_from = |span: &Span| {
            least = least.min(span.pair);
            least
        };
        let mut firsts: Vec<u32> = self.spans.iter().rev().map(first_from).collect();
        firsts.reverse();
        firsts
    }
}

/// Where an axis begins and how long it is, as floats that stay inside the picture.
pub(super) fn window(axis: &Axis, side: u32) -> (f64, f64) {
    let side = f64::from(side);
    let from = axis.from.to_f64().clamp(0.0, side);
    let mut length = axis.length().to_f64();
    // The two roundings may add up to a step over the edge.
    while from + length > side {
        length = length.next_down();
    }
    (from, length)
}

/// How many samples away a kernel looks, at a scale of 1.
pub(super) fn support(kernel: Kernel) -> f64 {
    match kernel {
        Kernel::Nearest | Kernel::Box => 0.5,
        Kernel::Linear | Kernel::Hamming => 1.0,
        Kernel::Cubic | Kernel::Mitchell | Kernel::Lanczos2 => 2.0,
        Kernel::Lanczos3 => 3.0,
    }
}

pub(super) fn function(kernel: Kernel) -> (fn(f64) -> f64, f64) {
    let function: fn(f64) -> f64 = match kernel {
        Kernel::Nearest | Kernel::Box => square,
        Kernel::Linear => triangle,
        Kernel::Hamming => hamming,
        Kernel::Cubic => catmull_rom,
        Kernel::Mitchell => mitchell,
        Kernel::Lanczos2 => lanczos2,
        Kernel::Lanczos3 => lanczos3,
    };
    (function, support(kernel))
}

fn square(x: f64) -> f64 {
    if x > -0.5 && x <= 0.5 { 1.0 } else { 0.0 }
}

fn triangle(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    let a = x * std::f64::consts::PI;
    libm::sin(a) / a
}

fn hamming(x: f64) -> f64 {
    let x = x.abs();
    if x >= 1.0 { 0.0 } else { sinc(x) * (0.54 + 0.46 * libm::cos(std::f64::consts::PI * x)) }
}

fn lanczos2(x: f64) -> f64 {
    if x.abs() < 2.0 { sinc(x) * sinc(x / 2.0) } else { 0.0 }
}

/// Half the sines of the definition: the one of three times an angle is made from that of the angle.
fn lanczos3(x: f64) -> f64 {
    if x == 0.0 {
        return 1.0;
    }
    if x.abs() >= 3.0 {
        return 0.0;
    }
    let a = x * (std::f64::consts::PI / 3.0);
    let sine = libm::sin(a);
    let square = sine * sine;
    square * (3.0 - 4.0 * square) / (3.0 * a * a)
}

fn catmull_rom(x: f64) -> f64 {
    cubic(x, 0.0, 0.5)
}

fn mitchell(x: f64) -> f64 {
    cubic(x, 1.0 / 3.0, 1.0 / 3.0)
}

/// The family of cubic filters of Mitchell and Netravali, "Reconstruction Filters in Computer Graphics", 1988.
fn cubic(x: f64, b: f64, c: f64) -> f64 {
    let x = x.abs();
    let (x2, x3) = (x * x, x * x * x);
    let sixth = if x < 1.0 {
        (12.0 - 9.0 * b - 6.0 * c) * x3 + (-18.0 + 12.0 * b + 6.0 * c) * x2 + (6.0 - 2.0 * b)
    } else if x < 2.0 {
        (-b - 6.0 * c) * x3 + (6.0 * b + 30.0 * c) * x2 + (-12.0 * b - 48.0 * c) * x + (8.0 * b + 24.0 * c)
    } else {
        0.0
    };
    sixth / 6.0
}
