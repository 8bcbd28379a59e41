//! Which scans a progressive file has: libjpeg's usual ones, or those of many that take the fewest bits.

use super::grid::Grid;
use super::progressive::Picture;

/// Which bits of which coefficients a scan brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Step {
    /// None: all, in units.
    pub(super) component: Option<usize>,
    /// The first and the last coefficient, in zigzag order.
    pub(super) band: (usize, usize),
    /// The bit that earlier scans ended with, 0 for a first scan, and the bit that this one ends with.
    pub(super) bits: (u32, u32),
}

const fn step(component: Option<usize>, band: (usize, usize), bits: (u32, u32)) -> Step {
    Step { component, band, bits }
}

const GRAY: &[Step] = &[
    step(None, (0, 0), (0, 1)),
    step(Some(0), (1, 5), (0, 2)),
    step(Some(0), (6, 63), (0, 2)),
    step(Some(0), (1, 63), (2, 1)),
    step(None, (0, 0), (1, 0)),
    step(Some(0), (1, 63), (1, 0)),
];

const COLOR: &[Step] = &[
    step(None, (0, 0), (0, 1)),
    step(Some(0), (1, 5), (0, 2)),
    step(Some(2), (1, 63), (0, 1)),
    step(Some(1), (1, 63), (0, 1)),
    step(Some(0), (6, 63), (0, 2)),
    step(Some(0), (1, 63), (2, 1)),
    step(None, (0, 0), (1, 0)),
    step(Some(2), (1, 63), (1, 0)),
    step(Some(1), (1, 63), (1, 0)),
    step(Some(0), (1, 63), (1, 0)),
];

/// The script that libjpeg writes.
pub(super) fn usual(grid: &Grid) -> &'static [Step] {
    if grid.components.len() == 1 { GRAY } else { COLOR }
}

/// All of a component's coefficients but the first of each block.
pub(super) fn whole(component: usize) -> Step {
    step(Some(component), (1, 63), (0, 0))
}

/// How the coefficients of a component are dealt out to scans, but for the first one.
#[derive(Debug, Clone, Copy)]
struct Deal {
    /// The last coefficient of the first band; none where there is one band only.
    split: Option<usize>,
    /// Bits that come later.
    low: u32,
    cost: u64,
}

/// Places at which mozjpeg tries to split a band.
const SPLITS: [usize; 5] = [2, 5, 8, 12, 18];

/// The script with the fewest bits among those with up to two late bits and up to two bands for each component.
pub(super) fn smallest(picture: &Picture<'_>) -> Vec<Step> {
    let cost = |component: Option<usize>, band, bits| picture.count(&step(component, band, bits), 0).cost();
    let dc = [(0, cost(None, (0, 0), (0, 0))), (1, cost(None, (0, 0), (0, 1)) + cost(None, (0, 0), (1, 0)))];
    let mut script = vec![step(None, (0, 0), (0, u32::from(dc[1].1 < dc[0].1)))];
    let deals: Vec<Deal> = (0..picture.grid.components.len()).map(|at| best_deal(at, &cost)).collect();
    // What is coarse comes first, and luma before chroma.
    for (at, deal) in deals.iter().enumerate() {
        script.push(step(Some(at), (1, deal.split.unwrap_or(63)), (0, deal.low)));
    }
    for (at, deal) in deals.iter().enumerate() {
        script.extend(deal.split.map(|split| step(Some(at), (split + 1, 63), (0, deal.low))));
    }
    for low in (0..2).rev() {
        if low == 0 && script[0].bits.1 == 1 {
            script.push(step(None, (0, 0), (1, 0)));
        }
        script.extend(deals.iter().enumerate().filter(|(_, deal)| deal.low > low).map(|(at, _)| step(Some(at), (1, 63), (low + 1, low))));
    }
    script
}

fn best_deal(at: usize, cost: &impl Fn(Option<usize>, (usize, usize), (u32, u32)) -> u64) -> Deal {
    let mut best: Option<Deal> = None;
    let mut later = 0;
    for low in 0..3 {
        if low > 0 {
            later += cost(Some(at), (1, 63), (low, low - 1));
        }
        let deal = Deal { split: None, low, cost: later + cost(Some(at), (1, 63), (0, low)) };
        if best.is_none_or(|best| deal.cost < best.cost) {
            best = Some(deal);
        }
    }
    let one_band = best.expect("three were tried");
    let first = cost(Some(at), (1, 63), (0, one_band.low));
    let split = |split| Deal {
        split: Some(split),
        cost: one_band.cost - first
            + cost(Some(at), (1, split), (0, one_band.low))
            + cost(Some(at), (split + 1, 63), (0, one_band.low))
            + SCAN,
        ..one_band
    };
    SPLITS.map(split).into_iter().fold(one_band, |best, deal| if deal.cost < best.cost { deal } else { best })
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
        let mut strip = Strip::new(Engine::new(), source, &grid, &tables::steps(quality));
        let mut picture = Picture::new(&grid, Engine::new());
        for unit in 0..grid.units_down() {
            strip.make(unit);
            strip.blocks.iter().enumerate().for_each(|(at, blocks)| picture.add(at, blocks));
        }
        look(&picture)
    }

    /// All scripts that some picture has.
    fn scripts() -> Vec<(usize, Vec<Step>)> {
        let mut all = Vec::new();
        for chroma in [None, Some(ChromaSubsampling::Cs420), Some(ChromaSubsampling::Cs444)] {
            for strength in [1, 4, 30, 56] {
                for quality in [5, 50, 90, 100] {
                    let components = if chroma.is_none() { 1 } else { 3 };
                    all.push((components, with_picture(strength, quality, chroma, smallest)));
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
            for Step { component, band: (first, last), bits: (high, low) } in &script {
                assert!(
                    (*first == 0) == component.is_none() && (*first > 0 || *last == 0) && last < &64 && (*high == 0 || *high == low + 1)
                );
                let range = component.map_or(0..components, |at| at..at + 1);
                for known in &mut known[range] {
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
                for script in [COLOR.to_vec(), smallest(picture)] {
                    let cost: u64 = script.iter().map(|step| picture.count(step, 0).cost() + SCAN).sum();
                    // Beside them are the bytes behind FF, at most one in a hundred, and those that a scan's end fills up.
                    let (written, least) = (written(&script), cost / 8);
                    assert!(
                        written + 40 * script.len() as u64 >= least && written <= least + written / 100 + 40 * script.len() as u64,
                        "{written} {least}"
                    );
                }
                assert!(written(&smallest(picture)) <= written(COLOR));
            });
        }
    }
}
