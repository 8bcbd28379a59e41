//! Which scans a progressive file has: libjpeg's usual ones, or those of many that take the fewest bits.

use super::grid::Grid;
use super::progressive::Picture;

/// Which bits of which coefficients a scan brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Step {
    /// The first and the last component. Several are in units; one is in rows of blocks.
    pub(super) components: (usize, usize),
    /// The first and the last coefficient, in zigzag order.
    pub(super) band: (usize, usize),
    /// The bit that earlier scans ended with, 0 for a first scan, and the bit that this one ends with.
    pub(super) bits: (u32, u32),
}

impl Step {
    /// Whether it brings the first coefficient of each block.
    pub(super) fn has_dc(&self) -> bool {
        self.band.0 == 0
    }

    /// Whether it brings others.
    pub(super) fn has_ac(&self) -> bool {
        self.band.1 > 0
    }

    /// Whether it brings both, and so everything: each block has an end of its own then.
    pub(super) fn is_sequential(&self) -> bool {
        self.has_dc() && self.has_ac()
    }
}

/// A scan of one component.
const fn one(component: usize, band: (usize, usize), bits: (u32, u32)) -> Step {
    Step { components: (component, component), band, bits }
}

/// A scan of the first coefficients.
const fn dc(components: (usize, usize), bits: (u32, u32)) -> Step {
    Step { components, band: (0, 0), bits }
}

const GRAY: &[Step] = &[
    dc((0, 0), (0, 1)),
    one(0, (1, 5), (0, 2)),
    one(0, (6, 63), (0, 2)),
    one(0, (1, 63), (2, 1)),
    dc((0, 0), (1, 0)),
    one(0, (1, 63), (1, 0)),
];

const COLOR: &[Step] = &[
    dc((0, 2), (0, 1)),
    one(0, (1, 5), (0, 2)),
    one(2, (1, 63), (0, 1)),
    one(1, (1, 63), (0, 1)),
    one(0, (6, 63), (0, 2)),
    one(0, (1, 63), (2, 1)),
    dc((0, 2), (1, 0)),
    one(2, (1, 63), (1, 0)),
    one(1, (1, 63), (1, 0)),
    one(0, (1, 63), (1, 0)),
];

/// The script that libjpeg writes.
pub(super) fn usual(grid: &Grid) -> &'static [Step] {
    if grid.components.len() == 1 { GRAY } else { COLOR }
}

/// All there is in one scan, which a file that is not progressive has.
pub(super) fn sequential(grid: &Grid) -> Step {
    Step { components: (0, grid.components.len() - 1), band: (0, 63), bits: (0, 0) }
}

/// All first coefficients of a component.
pub(super) fn levels(component: usize) -> Step {
    dc((component, component), (0, 0))
}

/// All other coefficients of a component.
pub(super) fn whole(component: usize) -> Step {
    one(component, (1, 63), (0, 0))
}

/// Places at which mozjpeg tries to split a band.
const SPLITS: [usize; 5] = [2, 5, 8, 12, 18];

/// The most bits of coefficients that come in later scans.
const MOST_LATE: u32 = 2;

/// How the coefficients of a component are dealt out to scans, but for the first one.
#[derive(Debug, Clone, Copy)]
struct Deal {
    /// The last coefficient of the first band; 63 where there is one band only.
    split: usize,
    /// Bits that come later.
    late: u32,
    cost: u64,
}

/// The script with the fewest bits of a good many: those that mozjpeg tries, but for a third late bit of luma, and one scan where the file
/// need not be progressive.
pub(super) fn smallest(picture: &Picture<'_>, progressive: bool) -> Vec<Step> {
    let many = smallest_of_many(picture);
    let one = sequential(picture.grid);
    if !progressive && cost(picture, one) <= many.iter().map(|step| cost(picture, *step)).sum() { vec![one] } else { many }
}

fn smallest_of_many(picture: &Picture<'_>) -> Vec<Step> {
    let components = picture.grid.components.len();
    let first = cheapest_dc(picture);
    let has_late = first.iter().any(|step| step.bits.1 > 0);
    let deals: Vec<Deal> = (0..components).map(|at| cheapest_deal(picture, at)).collect();
    let mut script = first;
    // What is coarse comes first, and luma before chroma.
    script.extend((0..).zip(&deals).map(|(at, deal)| one(at, (1, deal.split), (0, deal.late))));
    script.extend((0..).zip(&deals).filter(|(_, deal)| deal.split < 63).map(|(at, deal)| one(at, (deal.split + 1, 63), (0, deal.late))));
    for late in (0..MOST_LATE).rev() {
        if late == 0 && has_late {
            script.push(dc((0, components - 1), (1, 0)));
        }
        script.extend((0..).zip(&deals).filter(|(_, deal)| deal.late > late).map(|(at, _)| one(at, (1, 63), (late + 1, late))));
    }
    script
}

/// The first scans of the first coefficients: of all components together, luma apart, or each apart; and the last bit later or not.
fn cheapest_dc(picture: &Picture<'_>) -> Vec<Step> {
    let ways: &[&[(usize, usize)]] =
        if picture.grid.components.len() == 1 { &[&[(0, 0)]] } else { &[&[(0, 2)], &[(0, 0), (1, 2)], &[(0, 0), (1, 1), (2, 2)]] };
    let all = ways[0][0];
    let ways =
        ways.iter().flat_map(|way| [0, 1].map(|late| way.iter().map(|components| dc(*components, (0, late))).collect::<Vec<Step>>()));
    let cost = |way: &Vec<Step>| {
        let later = if way[0].bits.1 > 0 { cost(picture, dc(all, (1, 0))) } else { 0 };
        later + way.iter().map(|step| cost(picture, *step)).sum::<u64>()
    };
    ways.min_by_key(cost).expect("there is a way")
}

fn cheapest_deal(picture: &Picture<'_>, at: usize) -> Deal {
    let first = |late| cost(picture, one(at, (1, 63), (0, late)));
    let mut best = Deal { split: 63, late: 0, cost: first(0) };
    let (mut whole, mut later) = (best.cost, 0);
    for late in 1..=MOST_LATE {
        later += cost(picture, one(at, (1, 63), (late, late - 1)));
        let first = first(late);
        if first + later < best.cost {
            (best, whole) = (Deal { late, cost: first + later, ..best }, first);
        }
    }
    let (late, later) = (best.late, best.cost - whole);
    for split in SPLITS {
        let parts = cost(picture, one(at, (1, split), (0, late))) + cost(picture, one(at, (split + 1, 63), (0, late)));
        if parts + later < best.cost {
            best = Deal { split, late, cost: parts + later };
        }
    }
    best
}

/// All bits of a scan, with those of its header.
fn cost(picture: &Picture<'_>, step: Step) -> u64 {
    picture.count(&step, 0).cost() + SCAN
}

/// The bits of a scan's header.
const SCAN: u64 = 80;

#[cfg(test)]
mod tests {
    use super::super::kernels::Engine;
    use super::super::strip::{Source, Strip};
    use super::super::tables;
    use super::*;
    use crate::recipe::ChromaSubsampling;

    /// A picture of noise that is as strong as `strength`, with a gradient under it.
    fn with_picture<T>(strength: u32, quality: u8, chroma: Option<ChromaSubsampling>, look: impl FnOnce(&Picture<'_>) -> T) -> T {
        let grid = Grid::new(99, 83, chroma);
        let count = 99 * 83 * grid.components.len() as u32;
        let pixels: Vec<u8> = (0..count).map(|at| (at / 97 % 200 + (at.wrapping_mul(2_654_435_761) >> 16) % strength) as u8).collect();
        let source = if grid.components.len() == 1 { Source::Gray(&pixels) } else { Source::Rgb(&pixels) };
        look(&Picture::of(&mut Strip::new(Engine::new(), source, &grid, &tables::steps(quality))))
    }

    /// All scripts that some picture has.
    fn scripts() -> Vec<(usize, Vec<Step>)> {
        let mut all = Vec::new();
        for chroma in [None, Some(ChromaSubsampling::Cs420), Some(ChromaSubsampling::Cs444)] {
            for strength in [1, 4, 30, 56] {
                for quality in [5, 50, 90, 100] {
                    let components = if chroma.is_none() { 1 } else { 3 };
                    all.push((components, with_picture(strength, quality, chroma, |picture| smallest(picture, true))));
                }
            }
        }
        all
    }

    /// By ISO/IEC 10918-1, G.1.1.1: a coefficient comes once, then bit by bit, and its first one before all others of its component.
    #[test]
    fn every_bit_comes_once_and_in_order() {
        let usual = [(1, GRAY.to_vec()), (3, COLOR.to_vec())];
        for (components, script) in scripts().into_iter().chain(usual) {
            let mut known = vec![[None; 64]; components];
            for Step { components: (from, to), band: (first, last), bits: (high, low) } in &script {
                assert!((*first > 0 || *last == 0) && (*first == 0 || from == to) && last < &64 && (*high == 0 || *high == low + 1));
                for known in &mut known[*from..=*to] {
                    assert!(*first == 0 || known[0].is_some(), "{script:?}");
                    for known in &mut known[*first..=*last] {
                        assert_eq!(*known, (*high > 0).then_some(*high), "{script:?}");
                        *known = Some(*low);
                    }
                }
            }
            assert!(known.iter().flatten().all(|known| *known == Some(0)), "{script:?}");
        }
    }

    #[test]
    fn pictures_have_scripts_of_their_own() {
        let scripts: std::collections::HashSet<Vec<Step>> = scripts().into_iter().map(|(_, script)| script).collect();
        assert!(scripts.len() > 5, "{scripts:?}");
    }

    #[test]
    fn a_cost_is_what_is_written_and_the_smallest_has_the_least() {
        for (strength, quality) in [(1, 80), (20, 30), (56, 95)] {
            with_picture(strength, quality, Some(ChromaSubsampling::Cs420), |picture| {
                let written = |script: &[Step]| {
                    let mut out = Vec::new();
                    picture.write(script, 0, &mut out);
                    out.len() as u64
                };
                for script in [COLOR.to_vec(), smallest(picture, true), vec![sequential(picture.grid)]] {
                    let cost: u64 = script.iter().map(|step| cost(picture, *step)).sum();
                    // Beside them are the bytes behind FF, at most one in a hundred, and those that a scan's end fills up.
                    let (written, least) = (written(&script), cost / 8);
                    assert!(
                        written + 40 * script.len() as u64 >= least && written <= least + written / 100 + 40 * script.len() as u64,
                        "{written} {least}"
                    );
                }
                assert!(written(&smallest(picture, true)) <= written(COLOR));
                assert!(written(&smallest(picture, false)) <= written(&[sequential(picture.grid)]));
            });
        }
    }
}
