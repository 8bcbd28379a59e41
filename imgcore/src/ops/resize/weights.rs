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
    /// For each output sample: its first pair, and where its weights end in `weights`.
    spans: Vec<(u32, u32)>,
    /// For each pair the two weights, that of the even sample in the lower half.
    weights: Vec<i32>,
}

impl Weights {
    /// For an axis that lies within a source of `side` samples.
    pub(super) fn new(axis: &Axis, side: u32, kernel: Kernel) -> Weights {
        // Kernels that blur even at a scale of 1 leave an axis alone along which nothing changes.
        if kernel == Kernel::Nearest || axis.is_copy() {
            let place = |at: u32| axis.from.plus(axis.scale.times(Ratio::new(2 * i64::from(at) + 1, 2))).floor();
            let starts: Vec<u32> = (0..axis.count).map(|at| place(at).clamp(0, i64::from(side) - 1) as u32).collect();
            return Weights::rounded(&starts, &vec![1.0; starts.len()], 1);
        }
        let (from, length) = window(axis, side);
        let (function, support) = function(kernel);
        // What is in between grows with the picture where that is made smaller.
        let scale = ((from + length) - from) / f64::from(axis.count);
        let filter_scale = scale.max(1.0);
        let radius = support * filter_scale;
        let per = radius.ceil() as usize * 2 + 1;
        let (mut starts, mut values) = (Vec::with_capacity(axis.count as usize), Vec::with_capacity(axis.count as usize * per));
        for at in 0..axis.count {
            let center = from + (f64::from(at) + 0.5) * scale;
            let start = (center - radius).floor().max(0.0) as u32;
            let end = (center + radius).ceil().min(f64::from(side)) as u32;
            let first = values.len();
            let recip = 1.0 / filter_scale;
            values.extend((start..end).map(|x| function((f64::from(x) - (center - 0.5)) * recip)));
            let sum: f64 = values[first..].iter().sum();
            if sum != 0.0 {
                values[first..].iter_mut().for_each(|weight| *weight /= sum);
            }
            values.resize(first + per, 0.0);
            starts.push(start);
        }
        Weights::rounded(&starts, &values, per)
    }

    /// From `per` weights for each output sample, the first for the source sample at its start.
    fn rounded(starts: &[u32], values: &[f64], per: usize) -> Weights {
        let largest = values.iter().copied().fold(0.0, f64::max);
        // Two bits are for sums below 0 and above 1.
        let bits = (0..32 - 8 - 2).find(|bits| (largest * f64::from(2 << bits)).round() >= 32_768.0).unwrap_or(32 - 8 - 3);
        let scale = f64::from(1 << bits);
        let rounded: Vec<i16> = values.iter().map(|weight| (weight * scale).round() as i16).collect();
        // The samples whose weight is not 0.
        let spans = || {
            starts.iter().zip(rounded.chunks_exact(per)).map(|(start, weights)| {
                let first = weights.iter().position(|weight| *weight != 0).unwrap_or(0);
                let last = weights.iter().rposition(|weight| *weight != 0).unwrap_or(0);
                (*start as usize + first, &weights[first..=last])
            })
        };
        let origin = spans().map(|(start, _)| start).min().unwrap_or(0) & !1;
        let end = spans().map(|(start, weights)| start + weights.len()).max().unwrap_or(1);
        let mut pairs = Vec::with_capacity(spans().map(|(_, weights)| weights.len() / 2 + 1).sum());
        let mut all = Vec::with_capacity(starts.len());
        for (start, weights) in spans() {
            let mut pair = |even: i16, odd: i16| pairs.push(i32::from(even) & 0xFFFF | i32::from(odd) << 16);
            let rest = if start % 2 == 0 {
                weights
            } else {
                pair(0, weights[0]);
                &weights[1..]
            };
            rest.chunks(2).for_each(|two| pair(two[0], two.get(1).copied().unwrap_or(0)));
            all.push((((start - origin) / 2) as u32, pairs.len() as u32));
        }
        Weights { origin, end, bits, spans: all, weights: pairs }
    }

    /// The bytes of the tables.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        size_of_val(&self.spans[..]) + size_of_val(&self.weights[..])
    }

    /// How many output samples there are.
    pub(super) fn count(&self) -> usize {
        self.spans.len()
    }

    /// The first pair of source samples that an output sample is made of, and the weights of the pairs from there on.
    #[inline(always)]
    pub(super) fn of(&self, at: usize) -> (usize, &[i32]) {
        let (first, end) = self.spans[at];
        let start = if at == 0 { 0 } else { self.spans[at - 1].1 };
        (first as usize, &self.weights[start as usize..end as usize])
    }

    /// How many pairs must be at hand together, where output samples are made in order and each pair comes once.
    pub(super) fn depth(&self) -> usize {
        let mut least = usize::MAX;
        let mut starts: Vec<usize> = (0..self.count())
            .rev()
            .map(|at| {
                least = least.min(self.of(at).0);
                least
            })
            .collect();
        starts.reverse();
        let mut end = 0;
        let depths = starts.into_iter().enumerate().map(|(at, start)| {
            let (first, weights) = self.of(at);
            end = end.max(first + weights.len());
            end - start
        });
        depths.max().unwrap_or(1)
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
