//! A profile made of tables, as all for four inks and many of scanners are: a grid of sRGB colors, which is read in integers.
//!
//! The kinds of tables are ICC.1:2022's `lut8Type`, `lut16Type` and `lutAToBType` (10.10 to 10.12). A color of the grid is reckoned with the four
//! operations in `f64` and the powers of `libm`, which are the same on every CPU.

use std::cell::Cell;

use moxcms::{ColorProfile, DataColorSpace, LutDataType, LutMultidimensionalType, LutStore, LutType, LutWarehouse, ToneReprCurve};

/// The weights of the nodes around a color sum up to this.
const ONE: u32 = 1 << 15;

/// What a node holds for a sample of 1; 255 steps of `NODE / 255`.
const NODE: f64 = 255.0 * 256.0;

/// White of the profile connection space.
const D50: [f64; 3] = [0.9642, 1.0, 0.8249];

/// Parts of D50 white to linear sRGB: <http://www.brucelindbloom.com/Eqn_RGB_XYZ_Matrix.html>, adapted after Bradford, each column times white.
const TO_LINEAR: [[f64; 3]; 3] =
    [[3.021_727, -1.616_867, -0.404_860], [-0.943_748, 1.916_141, 0.027_607], [0.069_371, -0.228_991, 1.159_620]];

/// What no node holds that is reckoned.
const UNKNOWN: u16 = u16::MAX;

/// Colors of `inputs` samples a pixel, one, three or four, to sRGB. Few pictures come near all nodes, so that each is reckoned where it is first met.
pub(super) struct Grid {
    inputs: usize,
    tables: Tables,
    /// How many points there are along each input, and how far from a node to the next.
    points: [usize; 4],
    strides: [usize; 4],
    /// For each input and each of its values.
    places: Vec<[Place; 256]>,
    nodes: Vec<Cell<[u16; 3]>>,
}

/// Where a value lies along its input: after which node, and how far towards the next.
#[derive(Clone, Copy)]
struct Place {
    node: u32,
    /// The way towards the next node, 0 to `ONE`, above the distance of the two among the nodes: in one number, so that ways can be sorted.
    way: u32,
}

impl Grid {
    /// None where the profile has no tables from its colors, or none that can be read.
    pub(super) fn new(profile: &ColorProfile) -> Option<Grid> {
        let tables = [&profile.lut_a_to_b_perceptual, &profile.lut_a_to_b_colorimetric, &profile.lut_a_to_b_saturation];
        let tables = Tables::new(tables.into_iter().flatten().next()?, profile.pcs)?;
        let inputs = match profile.color_space {
            DataColorSpace::Gray => 1,
            DataColorSpace::Rgb => 3,
            DataColorSpace::Cmyk => 4,
            _ => return None,
        };
        if tables.first.len() != inputs {
            return None;
        }

        let most = match inputs {
            1 => 4097,
            3 => 33,
            _ => 17,
        };
        let mut points = [1; 4];
        for (axis, points) in points.iter_mut().enumerate().take(inputs) {
            *points = tables.clut.as_ref().map_or(most, |clut| finer(clut.points[axis], most));
        }
        let mut strides = [0; 4];
        let mut count = 1;
        for axis in (0..inputs).rev() {
            strides[axis] = count;
            count *= points[axis];
        }

        let places = (0..inputs)
            .map(|axis| {
                std::array::from_fn(|value| {
                    let at = tables.first[axis].at(value as f64 / 255.0) * (points[axis] - 1) as f64;
                    let before = (at as usize).min(points[axis] - 2);
                    let part = ((at - before as f64) * f64::from(ONE) + 0.5) as u32;
                    Place { node: (before * strides[axis]) as u32, way: part << 16 | strides[axis] as u32 }
                })
            })
            .collect();
        Some(Grid { inputs, tables, points, strides, places, nodes: vec![Cell::new([UNKNOWN; 3]); count] })
    }

    pub(super) fn inputs(&self) -> usize {
        self.inputs
    }

    /// Pixels of `inputs` samples, and of what else they have, to pixels of three and of the same.
    pub(super) fn map(&self, from: &[u8], to: &mut [u8], others: usize) {
        match self.inputs {
            1 => self.map_all::<1>(from, to, others),
            3 => self.map_all::<3>(from, to, others),
            _ => self.map_all::<4>(from, to, others),
        }
    }

    fn map_all<const N: usize>(&self, from: &[u8], to: &mut [u8], others: usize) {
        for (from, to) in from.chunks_exact(N + others).zip(to.chunks_exact_mut(3 + others)) {
            let color = self.color(std::array::from_fn::<u8, N, _>(|axis| from[axis]));
            to[..3].copy_from_slice(&color);
            to[3..].copy_from_slice(&from[N..]);
        }
    }

    /// Between the corners of the simplex that the color lies in, of three inputs a tetrahedron: from the node below it along the inputs in the order
    /// of how far it lies along each.
    #[inline]
    fn color<const N: usize>(&self, inputs: [u8; N]) -> [u8; 3] {
        let mut node = 0;
        let mut ways = [0; N];
        for axis in 0..N {
            let place = self.places[axis][usize::from(inputs[axis])];
            node += place.node;
            ways[axis] = place.way;
        }
        // The longest first, by a network without branches.
        for pass in 0..N {
            for i in (pass % 2..N - 1).step_by(2) {
                (ways[i], ways[i + 1]) = (ways[i].max(ways[i + 1]), ways[i].min(ways[i + 1]));
            }
        }

        let mut sums = [1 << 22; 3];
        let mut add = |node: u32, weight: u32| {
            for (sum, sample) in sums.iter_mut().zip(self.node(node as usize)) {
                *sum += weight * u32::from(sample);
            }
        };
        let mut left = ONE;
        for way in ways {
            add(node, left - (way >> 16));
            left = way >> 16;
            node += way & 0xFFFF;
        }
        add(node, left);
        sums.map(|sum| (sum >> 23) as u8)
    }

    #[inline(always)]
    fn node(&self, node: usize) -> [u16; 3] {
        let known = self.nodes[node].get();
        if known[0] == UNKNOWN { self.reckon(node) } else { known }
    }

    #[cold]
    fn reckon(&self, node: usize) -> [u16; 3] {
        let at = std::array::from_fn(|axis| match self.strides[axis] {
            0 => 0.0,
            stride => (node / stride % self.points[axis]) as f64 / (self.points[axis] - 1) as f64,
        });
        let color = self.tables.srgb(at).map(|sample| (sample * NODE + 0.5) as u16);
        self.nodes[node].set(color);
        color
    }
}

/// As many points as cut each step of the profile's own grid into equal parts and are no more than `most`.
fn finer(points: usize, most: usize) -> usize {
    match points {
        0 | 1 => 2,
        points if points > most => most,
        points => (points - 1) * ((most - 1) / (points - 1)) + 1,
    }
}

/// What the kinds of tables have in common, in the order in which a color passes it.
struct Tables {
    first: Vec<Curve>,
    clut: Option<Clut>,
    middle: Option<[Curve; 3]>,
    matrix: Option<([[f64; 3]; 3], [f64; 3])>,
    last: [Curve; 3],
    connection: Connection,
}

/// What the results of the tables mean.
#[derive(Clone, Copy)]
enum Connection {
    Xyz,
    /// Sample times factor is L*, a* + 128, b* + 128.
    Lab([f64; 3]),
}

/// A table of many dimensions; the last input moves fastest.
struct Clut {
    points: [usize; 4],
    inputs: usize,
    samples: LutStore,
}

enum Curve {
    Straight,
    Power(f64),
    /// Samples at equal distances.
    Table(Vec<f64>),
    /// g, a, b, c, d, e and f of 10.18.
    Parametric([f64; 7]),
}

impl Tables {
    fn new(tables: &LutWarehouse, connection: DataColorSpace) -> Option<Tables> {
        let lab = match connection {
            DataColorSpace::Lab => true,
            DataColorSpace::Xyz => false,
            _ => return None,
        };
        match tables {
            LutWarehouse::Lut(lut) => Tables::uniform(lut, lab),
            LutWarehouse::Multidimensional(lut) => Tables::staged(lut, lab),
        }
    }

    /// `lut8Type` and `lut16Type`. Their matrix is for colors in XYZ alone.
    fn uniform(lut: &LutDataType, lab: bool) -> Option<Tables> {
        let inputs = usize::from(lut.num_input_channels);
        if lut.num_output_channels != 3 || !(1..=4).contains(&inputs) {
            return None;
        }
        let (entries, results) = (usize::from(lut.num_input_table_entries), usize::from(lut.num_output_table_entries));
        let clut = Clut::new([usize::from(lut.num_clut_grid_points); 4], inputs, &lut.clut_table)?;
        let curves = |store: &LutStore, entries: usize, count: usize| {
            let curve = |i| Curve::Table((0..entries).map(|entry| sample(store, i * entries + entry)).collect());
            (len(store) >= entries * count && entries >= 2).then(|| (0..count).map(curve).collect::<Vec<_>>())
        };
        // The one of 16 bits keeps the encoding of version 2: 100 is FF00h, and so is 127 + 255 / 256.
        let lab_steps = if lut.lut_type == LutType::Lut16 { 65535.0 / 65280.0 } else { 1.0 };
        Some(Tables {
            first: curves(&lut.input_table, entries, inputs)?,
            clut: Some(clut),
            middle: None,
            matrix: None,
            last: curves(&lut.output_table, results, 3)?.try_into().ok()?,
            connection: if lab { Connection::Lab([100.0, 255.0, 255.0].map(|v| v * lab_steps)) } else { Connection::Xyz },
        })
    }

    /// `lutAToBType`.
    fn staged(lut: &LutMultidimensionalType, lab: bool) -> Option<Tables> {
        let inputs = usize::from(lut.num_input_channels);
        if lut.num_output_channels != 3 || !(1..=4).contains(&inputs) || (lut.clut.is_none() && inputs != 3) {
            return None;
        }
        let three = |curves: &[ToneReprCurve]| -> Option<[Curve; 3]> {
            let curves = curves.iter().map(Curve::new).collect::<Option<Vec<_>>>()?;
            if curves.is_empty() { Some([const { Curve::Straight }; 3]) } else { curves.try_into().ok() }
        };
        let first = match (&lut.clut, &lut.a_curves[..]) {
            // Without a table in between there is nothing that these curves would go before.
            (None, _) | (_, []) => (0..inputs).map(|_| Curve::Straight).collect(),
            (_, curves) => curves.iter().map(Curve::new).collect::<Option<Vec<_>>>()?,
        };
        let points = std::array::from_fn(|axis| usize::from(lut.grid_points[axis]));
        let bias = lut.bias.v;
        Some(Tables {
            first,
            clut: lut.clut.as_ref().map(|samples| Clut::new(points, inputs, samples).ok_or(())).transpose().ok()?,
            middle: Some(three(&lut.m_curves)?),
            matrix: Some((lut.matrix.v, bias)),
            last: three(&lut.b_curves)?,
            connection: if lab { Connection::Lab([100.0, 255.0, 255.0]) } else { Connection::Xyz },
        })
    }

    /// The sRGB samples, 0 to 1, of a color that has passed the first curves.
    fn srgb(&self, inputs: [f64; 4]) -> [f64; 3] {
        let mut color = match &self.clut {
            Some(clut) => clut.at(inputs),
            None => [inputs[0], inputs[1], inputs[2]],
        };
        if let Some(curves) = &self.middle {
            color = std::array::from_fn(|i| curves[i].at(color[i]));
        }
        if let Some((rows, bias)) = &self.matrix {
            color = std::array::from_fn(|i| unit(dot(rows[i], color) + bias[i]));
        }
        color = std::array::from_fn(|i| self.last[i].at(color[i]));

        let white = match self.connection {
            Connection::Xyz => std::array::from_fn(|i| color[i] * (1.0 + 32767.0 / 32768.0) / D50[i]),
            Connection::Lab(factors) => {
                let y = (color[0] * factors[0] + 16.0) / 116.0;
                [y + (color[1] * factors[1] - 128.0) / 500.0, y, y - (color[2] * factors[2] - 128.0) / 200.0].map(cubed)
            }
        };
        TO_LINEAR.map(|row| encoded(unit(dot(row, white))))
    }
}

impl Clut {
    fn new(points: [usize; 4], inputs: usize, samples: &LutStore) -> Option<Clut> {
        let count = points[..inputs].iter().try_fold(3_usize, |count, points| count.checked_mul(*points))?;
        (count > 0 && len(samples) >= count).then(|| Clut { points, inputs, samples: samples.clone() })
    }

    /// Between the nodes around the place, along each input in turn.
    fn at(&self, inputs: [f64; 4]) -> [f64; 3] {
        let mut weights = [1.0; 16];
        let mut nodes = [0; 16];
        let mut count = 1;
        for (points, input) in self.points.iter().zip(inputs).take(self.inputs) {
            let at = input * (points - 1) as f64;
            let before = at as usize;
            let part = at - before as f64;
            for node in &mut nodes[..count] {
                *node = *node * points + before;
            }
            if part > 0.0 {
                for i in 0..count {
                    (nodes[count + i], weights[count + i]) = (nodes[i] + 1, weights[i] * part);
                    weights[i] *= 1.0 - part;
                }
                count *= 2;
            }
        }
        std::array::from_fn(|channel| (0..count).map(|i| weights[i] * sample(&self.samples, 3 * nodes[i] + channel)).sum())
    }
}

impl Curve {
    fn new(curve: &ToneReprCurve) -> Option<Curve> {
        Some(match curve {
            ToneReprCurve::Lut(values) => match &values[..] {
                [] => Curve::Straight,
                [power] => Curve::Power(f64::from(*power) / 256.0),
                values => Curve::Table(values.iter().map(|v| f64::from(*v) / 65535.0).collect()),
            },
            ToneReprCurve::Parametric(parameters) => {
                let parameters: Vec<f64> = parameters.iter().map(|p| f64::from(*p)).collect();
                Curve::Parametric(match parameters[..] {
                    [g] => [g, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0],
                    [g, a, b] => [g, a, b, 0.0, -b / a, 0.0, 0.0],
                    [g, a, b, c] => [g, a, b, 0.0, -b / a, c, c],
                    [g, a, b, c, d] => [g, a, b, c, d, 0.0, 0.0],
                    [g, a, b, c, d, e, f] => [g, a, b, c, d, e, f],
                    _ => return None,
                })
            }
        })
    }

    /// 0 to 1 of what is 0 to 1.
    fn at(&self, x: f64) -> f64 {
        unit(match self {
            Curve::Straight => x,
            Curve::Power(power) => libm::pow(x, *power),
            Curve::Table(samples) => {
                let at = x * (samples.len() - 1) as f64;
                let before = (at as usize).min(samples.len() - 2);
                let part = at - before as f64;
                samples[before] * (1.0 - part) + samples[before + 1] * part
            }
            Curve::Parametric([g, a, b, c, d, e, f]) => {
                if x >= *d {
                    libm::pow(a * x + b, *g) + e
                } else {
                    c * x + f
                }
            }
        })
    }
}

fn len(store: &LutStore) -> usize {
    match store {
        LutStore::Store8(samples) => samples.len(),
        LutStore::Store16(samples) => samples.len(),
    }
}

fn sample(store: &LutStore, index: usize) -> f64 {
    match store {
        LutStore::Store8(samples) => f64::from(samples[index]) / 255.0,
        LutStore::Store16(samples) => f64::from(samples[index]) / 65535.0,
    }
}

/// Within 0 and 1; what is no number is 0.
fn unit(x: f64) -> f64 {
    if x >= 1.0 {
        1.0
    } else if x > 0.0 {
        x
    } else {
        0.0
    }
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

/// From L*a*b* to a part of white: CIE 15, with its straight part near black.
fn cubed(t: f64) -> f64 {
    const KNEE: f64 = 6.0 / 29.0;
    if t > KNEE { t * t * t } else { 3.0 * KNEE * KNEE * (t - 4.0 / 29.0) }
}

/// The curve of IEC 61966-2-1. Its power, 1 / 2.4, is five twelfths.
fn encoded(linear: f64) -> f64 {
    if linear <= 0.003_130_8 {
        return 12.92 * linear;
    }
    let twelfth = libm::cbrt(linear.sqrt().sqrt());
    let square = twelfth * twelfth;
    1.055 * (square * square * twelfth) - 0.055
}

#[cfg(test)]
mod tests {
    use super::*;
    use moxcms::{Matrix3d, Vector3d};

    /// A profile for these colors, to be filled.
    fn profile(color_space: DataColorSpace, pcs: DataColorSpace, tables: LutWarehouse) -> ColorProfile {
        let mut profile = ColorProfile::default();
        (profile.color_space, profile.pcs, profile.lut_a_to_b_perceptual) = (color_space, pcs, Some(tables));
        profile
    }

    fn uniform(inputs: u8, points: u8, samples: Vec<u16>) -> LutDataType {
        LutDataType {
            num_input_channels: inputs,
            num_output_channels: 3,
            num_clut_grid_points: points,
            matrix: Matrix3d::IDENTITY,
            num_input_table_entries: 2,
            num_output_table_entries: 2,
            input_table: LutStore::Store16([0, 0xFFFF].repeat(usize::from(inputs))),
            clut_table: LutStore::Store16(samples),
            output_table: LutStore::Store16([0, 0xFFFF].repeat(3)),
            lut_type: LutType::Lut16,
        }
    }

    fn staged(curve: &ToneReprCurve, matrix: [[f64; 3]; 3]) -> LutMultidimensionalType {
        LutMultidimensionalType {
            num_input_channels: 3,
            num_output_channels: 3,
            grid_points: [0; 16],
            clut: None,
            a_curves: Vec::new(),
            b_curves: vec![ToneReprCurve::Lut(Vec::new()); 3],
            m_curves: vec![curve.clone(); 3],
            matrix: Matrix3d { v: matrix },
            bias: Vector3d { v: [0.0; 3] },
        }
    }

    #[test]
    fn srgb_by_curves_and_a_matrix_stays_as_it_is() {
        // Its colorants in D50, halved: in the connection space 1 is 8000h.
        let matrix = [[0.436_07, 0.385_15, 0.143_07], [0.222_49, 0.716_87, 0.060_61], [0.013_92, 0.097_08, 0.714_10]];
        let matrix = matrix.map(|row| row.map(|v| v * 32768.0 / 65535.0));
        let curve = ToneReprCurve::Parametric(vec![2.4, 1.0 / 1.055, 0.055 / 1.055, 1.0 / 12.92, 0.040_45]);
        let profile = profile(DataColorSpace::Rgb, DataColorSpace::Xyz, LutWarehouse::Multidimensional(staged(&curve, matrix)));
        let grid = Grid::new(&profile).expect("usable tables");
        let from: Vec<u8> = (0..=255_u8).flat_map(|v| [v, v.wrapping_mul(7), 255 - v, v / 2]).collect();
        let mut to = vec![0; from.len()];
        grid.map(&from, &mut to, 1);
        let worst = from.iter().zip(&to).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(1), "{worst:?}");
        assert!(from.iter().zip(&to).skip(3).step_by(4).all(|(a, b)| a == b), "alpha passes");
    }

    #[test]
    fn black_ink_alone_is_gray_by_its_lightness() {
        // Two points an input: white without ink, black with black ink, whatever the others say.
        let samples = (0..16).flat_map(|node| [if node % 2 == 0 { 0xFF00 } else { 0 }, 0x8000, 0x8000]).collect();
        let profile = profile(DataColorSpace::Cmyk, DataColorSpace::Lab, LutWarehouse::Lut(uniform(4, 2, samples)));
        let grid = Grid::new(&profile).expect("usable tables");
        for ink in 0..=255_u8 {
            let lightness = 100.0 * f64::from(255 - ink) / 255.0;
            let expected = encoded(cubed((lightness + 16.0) / 116.0)) * 255.0;
            let mut rgb = [0; 3];
            grid.map(&[ink / 3, 255 - ink, 77, ink], &mut rgb, 0);
            assert!(rgb.iter().all(|v| (f64::from(*v) - expected).abs() < 2.0), "{ink}: {rgb:?}, expected {expected}");
        }
    }

    #[test]
    fn a_table_with_a_point_for_each_gray_is_taken_point_by_point() {
        // White up to 100, then black: nothing in between.
        let samples = (0..255).flat_map(|gray| [if gray <= 100 { 0xFF00 } else { 0 }, 0x8000, 0x8000]).collect();
        let lut = uniform(1, 255, samples);
        let grid = Grid::new(&profile(DataColorSpace::Gray, DataColorSpace::Lab, LutWarehouse::Lut(lut))).expect("usable tables");
        let mut rgb = [0; 3 * 256];
        grid.map(&(0..=255).collect::<Vec<u8>>(), &mut rgb, 0);
        let between = rgb.iter().filter(|v| (1..=254).contains(*v)).count();
        assert!(rgb[..300] == [255; 300] && rgb[306..] == [0; 462] && between <= 3, "{rgb:?}");
    }

    #[test]
    fn the_grid_is_near_what_it_was_baked_from() {
        // Five points an input of a smooth color: (inks, black) to L*a*b*.
        let samples = (0..625)
            .flat_map(|node| {
                let [c, m, y, k] = [125, 25, 5, 1].map(|stride| f64::from(node / stride % 5) / 4.0);
                let left = 1.0 - 0.9 * k;
                let lab = [100.0 * (1.0 - 0.3 * c - 0.4 * m - 0.1 * y) * left, 60.0 * (m - c) * left, 60.0 * (y - c) * left];
                [lab[0] * 652.8, (lab[1] + 128.0) * 256.0, (lab[2] + 128.0) * 256.0].map(|v| v as u16)
            })
            .collect();
        let warehouse = LutWarehouse::Lut(uniform(4, 5, samples));
        let tables = Tables::new(&warehouse, DataColorSpace::Lab).expect("usable tables");
        let grid = Grid::new(&profile(DataColorSpace::Cmyk, DataColorSpace::Lab, warehouse.clone())).expect("usable tables");
        let (mut worst, mut sum) = (0.0_f64, 0.0);
        for i in 0..4096_u32 {
            let inks = [i, i * 7, i * 31, i * 113].map(|v| (v % 256) as u8);
            let exact = tables.srgb(inks.map(|ink| f64::from(ink) / 255.0));
            let mut rgb = [0; 3];
            grid.map(&inks, &mut rgb, 0);
            for (found, exact) in rgb.into_iter().zip(exact) {
                let off = (f64::from(found) - 255.0 * exact).abs();
                (worst, sum) = (worst.max(off), sum + off);
            }
        }
        assert!(worst < 6.0 && sum / 12288.0 < 0.5, "worst {worst}, mean {}", sum / 12288.0);
    }

    #[test]
    fn curves_are_as_their_forms_say() {
        let at = |curve: ToneReprCurve, x: f64| Curve::new(&curve).map(|curve| curve.at(x));
        let near =
            |found: Option<f64>, expected: f64| assert!(found.is_some_and(|found| (found - expected).abs() < 1e-6), "{found:?} {expected}");
        near(at(ToneReprCurve::Lut(vec![]), 0.3), 0.3);
        near(at(ToneReprCurve::Lut(vec![512]), 0.5), 0.25);
        near(at(ToneReprCurve::Lut(vec![0, 0, 65535]), 0.75), 0.5);
        near(at(ToneReprCurve::Parametric(vec![2.0]), 0.5), 0.25);
        near(at(ToneReprCurve::Parametric(vec![2.0, 1.0, -0.25]), 0.5), 0.0625);
        near(at(ToneReprCurve::Parametric(vec![2.0, 1.0, -0.25]), 0.2), 0.0);
        near(at(ToneReprCurve::Parametric(vec![2.0, 1.0, -0.25, 0.5]), 0.2), 0.5);
        near(at(ToneReprCurve::Parametric(vec![1.0, 0.5, 0.0, 0.25, 0.5]), 0.4), 0.1);
        near(at(ToneReprCurve::Parametric(vec![1.0, 0.5, 0.0, 0.25, 0.5, 0.25, 0.125]), 0.4), 0.225);
        near(at(ToneReprCurve::Parametric(vec![1.0, 0.5, 0.0, 0.25, 0.5, 0.25, 0.125]), 0.6), 0.55);
        assert_eq!(at(ToneReprCurve::Parametric(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), 0.5), None);
        assert_eq!(at(ToneReprCurve::Parametric(vec![f32::NAN]), 0.5), Some(0.0));
    }

    #[test]
    fn tables_that_are_short_or_for_other_colors_are_refused() {
        let usable =
            |color_space, lut: LutDataType| Grid::new(&profile(color_space, DataColorSpace::Lab, LutWarehouse::Lut(lut))).is_some();
        assert!(usable(DataColorSpace::Rgb, uniform(3, 2, vec![0; 24])));
        assert!(usable(DataColorSpace::Rgb, uniform(3, 1, vec![0; 3])));
        assert!(!usable(DataColorSpace::Rgb, uniform(3, 2, vec![0; 23])));
        assert!(!usable(DataColorSpace::Rgb, uniform(3, 0, vec![])));
        assert!(!usable(DataColorSpace::Cmyk, uniform(3, 2, vec![0; 24])));
        assert!(!usable(DataColorSpace::Rgb, LutDataType { num_output_channels: 4, ..uniform(3, 2, vec![0; 32]) }));
        assert!(!usable(DataColorSpace::Rgb, LutDataType { input_table: LutStore::Store16(vec![0; 5]), ..uniform(3, 2, vec![0; 24]) }));
        let identity = staged(&ToneReprCurve::Lut(Vec::new()), Matrix3d::IDENTITY.v);
        let without = LutMultidimensionalType { num_input_channels: 4, ..identity };
        assert!(Grid::new(&profile(DataColorSpace::Cmyk, DataColorSpace::Lab, LutWarehouse::Multidimensional(without))).is_none());
    }
}
