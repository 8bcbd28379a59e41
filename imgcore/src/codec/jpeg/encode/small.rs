//! The smallest file: coefficients that are worth their bits, in the scans that take the fewest.
//!
//! What a coefficient costs is learned from a first look at some of the picture, in which the example tables say it.

use super::file;
use super::grid::Grid;
use super::kernels::Engine;
use super::progressive::{self, Picture};
use super::script;
use super::strip::{Blocks, Strip};
use super::trellis::{Levels, Rates, Trellis};

/// What is held of such a picture, in bytes.
pub(super) fn bytes(grid: &Grid) -> u64 {
    progressive::bytes(grid) + Levels::bytes(grid)
}

/// From the frame to the last scan, of which there are many where that is smaller, and in every case if `progressive`. The strip makes
/// coefficients that are not divided.
pub(super) fn write(strip: &mut Strip<'_>, steps: &[[u8; 64]; 2], progressive: bool, restart_interval: u16, out: &mut Vec<u8>) {
    let picture = worthwhile(strip, steps);
    let script = script::smallest(&picture, progressive);
    file::put_frame(out, strip.grid, steps, script != [script::sequential(strip.grid)]);
    file::put_restart_interval(out, restart_interval);
    picture.write(&script, restart_interval, out);
}

fn worthwhile<'a>(strip: &mut Strip<'a>, steps: &[[u8; 64]; 2]) -> Picture<'a> {
    // A quarter of a large picture tells enough.
    let every = (strip.grid.units_down() / 8).clamp(1, 4);
    let rates = rates(&chosen(strip, &Trellis::both(steps, Rates::examples()), every));
    chosen(strip, &Trellis::both(steps, rates), 1)
}

/// The coefficients of every row of units, or of every second and so on.
fn chosen<'a>(strip: &mut Strip<'a>, trellises: &[Trellis; 2], every: usize) -> Picture<'a> {
    let grid = strip.grid;
    let mut picture = Picture::new(grid, strip.engine);
    let mut levels: Vec<Levels> = grid.components.iter().map(|component| Levels::new(grid.held_across(component))).collect();
    for unit in (0..grid.units_down()).step_by(every) {
        strip.make(unit);
        for (at, (component, levels)) in grid.components.iter().zip(&mut levels).enumerate() {
            let blocks = &mut strip.blocks[at];
            choose(strip.engine, &trellises[component.table], blocks, grid.held_across(component), levels);
            picture.add(at, blocks);
        }
    }
    picture
}

/// With the instructions for counting bits that the CPU has.
fn choose(engine: Engine, trellis: &Trellis, blocks: &mut Blocks, held: usize, levels: &mut Levels) {
    match engine {
        Engine::Plain => trellis.choose(blocks, held, levels),
        Engine::Vectors(level) => dispatch!(level, _ => trellis.choose(blocks, held, levels)),
    }
}

/// What symbols of luma and of chroma cost.
fn rates(picture: &Picture<'_>) -> [Rates; 2] {
    let mut uses = [[[0; 256]; 2]; 2];
    for (at, component) in picture.grid.components.iter().enumerate() {
        let [dc, ac] = &mut uses[component.table];
        let (levels, others) = (picture.count(&script::levels(at), 0), picture.count(&script::whole(at), 0));
        dc.iter_mut().zip(&levels.uses[component.table * 2]).for_each(|(all, uses)| *all += uses);
        ac.iter_mut().zip(&others.uses[component.table * 2 + 1]).for_each(|(all, uses)| *all += uses);
    }
    uses.each_ref().map(|[dc, ac]| Rates::counted(dc, ac))
}

#[cfg(test)]
mod tests {
    use super::super::strip::Source;
    use super::super::{Coding, kernels, put_picture, tables};
    use super::*;
    use crate::codec::jpeg::segments::{SOF0, SOF2};
    use crate::codec::jpeg::{decode, encode};
    use crate::pixels::{Layout, Pixels};
    use crate::recipe::ChromaSubsampling;

    fn source<'a>(grid: &Grid, pixels: &'a [u8]) -> Source<'a> {
        if grid.components.len() == 1 { Source::Gray(pixels) } else { Source::Rgb(pixels) }
    }

    fn file(engine: Engine, grid: &Grid, pixels: &[u8], how: &Coding) -> Vec<u8> {
        let mut out = vec![0xFF, 0xD8];
        put_picture(&mut out, engine, source(grid, pixels), grid, how);
        out
    }

    /// Flat, noisy and drawn pictures.
    fn pictures() -> Vec<(Grid, Vec<u8>)> {
        let mut all = Vec::new();
        for (width, height) in [(1, 1), (2, 9), (17, 16), (33, 70), (150, 141)] {
            for chroma in [None, Some(ChromaSubsampling::Cs420), Some(ChromaSubsampling::Cs422), Some(ChromaSubsampling::Cs444)] {
                let layout = if chroma.is_none() { Layout::Gray } else { Layout::Rgb };
                let grid = Grid::new(width, height, chroma);
                let drawn = encode::tests::picture(width as u32, height as u32, layout);
                let Pixels::Raster(raster) = &drawn.frames[0].pixels else { panic!("no raster") };
                let noise = (1..=raster.bytes().len() as u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8);
                all.push((grid.clone(), noise.collect()));
                all.push((grid.clone(), vec![77; raster.bytes().len()]));
                all.push((grid, raster.bytes().to_vec()));
            }
        }
        all
    }

    #[test]
    fn a_file_holds_the_coefficients_that_were_chosen() {
        for (grid, pixels) in pictures() {
            for quality in [1, 35, 80, 100] {
                let steps = tables::small_steps(quality, (grid.h, grid.v));
                let picture = worthwhile(&mut Strip::undivided(Engine::new(), source(&grid, &pixels), &grid), &steps);
                let how = Coding { quality, smallest: true, ..Coding::FAST };
                let (_, found) = decode::coefficients(&file(Engine::new(), &grid, &pixels, &how)).expect("a file");
                for (at, component) in grid.components.iter().enumerate() {
                    for (y, x) in (0..component.down()).flat_map(|y| (0..component.across()).map(move |x| (y, x))) {
                        assert_eq!(found.block(at, x, y), *picture.coefficients(at, x, y), "{grid:?}, quality {quality}");
                    }
                }
            }
        }
    }

    #[test]
    fn every_engine_chooses_alike() {
        for (grid, pixels) in pictures() {
            for quality in [10, 70, 95, 100] {
                let how = Coding { quality, smallest: true, ..Coding::FAST };
                let mut files = kernels::tests::engines().into_iter().map(|engine| file(engine, &grid, &pixels, &how));
                let plain = files.next().expect("the plain one");
                assert!(files.all(|file| file == plain), "{grid:?}, quality {quality}");
            }
        }
    }

    #[test]
    fn a_small_file_is_smaller() {
        for (grid, pixels) in pictures() {
            for quality in [5, 50, 80, 98] {
                // With the steps of the others, so that only the choice and the scans differ.
                let steps = tables::steps(quality);
                let mut small = vec![0xFF, 0xD8];
                write(&mut Strip::undivided(Engine::new(), source(&grid, &pixels), &grid), &steps, false, 0, &mut small);
                let small = small.len() + 2;
                for how in [Coding { best_tables: true, ..Coding::FAST }, Coding { progressive: true, ..Coding::FAST }] {
                    let usual = file(Engine::new(), &grid, &pixels, &Coding { quality, ..how }).len();
                    // Where symbols are few, one that the choice brings in may cost its place in a table.
                    assert!(small <= usual + 4, "{small} bytes rather than {usual}, {grid:?}, {how:?}, quality {quality}");
                    let is_large = grid.width > 100 && quality <= 80 && pixels.iter().any(|value| *value != pixels[0]);
                    assert!(!is_large || small < usual * 97 / 100, "{small} bytes rather than {usual}, {grid:?}, quality {quality}");
                }
            }
        }
    }

    #[test]
    fn tiny_files_are_progressive_only_where_they_must_be() {
        let is_progressive = |side: usize, progressive: bool| {
            let grid = Grid::new(side, side, Some(ChromaSubsampling::Cs420));
            let pixels: Vec<u8> = (0..side * side * 3).map(|at| (at / 3 % side * 2 + at / 900) as u8).collect();
            let how = Coding { smallest: true, progressive, ..Coding::FAST };
            let file = file(Engine::new(), &grid, &pixels, &how);
            let [sequential, many] = [SOF0, SOF2].map(|marker| file.windows(2).any(|pair| pair == [0xFF, marker]));
            assert!(sequential != many);
            many
        };
        assert_eq!(
            [(1, false), (1, true), (150, false), (150, true)].map(|(side, progressive)| is_progressive(side, progressive)),
            [false, true, true, true]
        );
    }
}
