//! From pixels to a file: JFIF, greyscale or YCbCr, byte for byte what libjpeg writes of the same pixels with its accurate DCT.
//!
//! A row of units at a time goes through `strip`: samples, means of chroma, coefficients. What comes out is coded at once
//! (`effort: fast`), kept as symbols until the best tables are known, or kept as coefficients for many scans. `effort: small` has
//! tables and scans of its own, and drops coefficients that cost more bits than they are worth.

mod tables;
mod grid;
mod kernels;
mod strip;
mod huffman;
mod bits;
mod file;
mod restarts;
mod sequential;
mod progressive;
mod script;
mod trellis;
mod small;

use self::file::ScanHeader;
use self::grid::Grid;
use self::kernels::Engine;
use self::sequential::Symbols;
use self::strip::{Source, Strip};
use super::super::Blocks;
use super::segments::EOI;
use crate::error::Error;
use crate::geometry::Size;
use crate::pixels::{Layout, Picture, Pixels, Planes};
use crate::plan::EncodePlan;
use crate::recipe::Effort;

pub(in super::super) fn encode(picture: &Picture, blocks: &Blocks, plan: &EncodePlan) -> Result<Vec<u8>, Error> {
    let pixels = &picture.frames.first().ok_or_else(|| Error::internal("a picture has a frame"))?.pixels;
    let (width, height, chroma) = match pixels {
        Pixels::Raster(raster) => (raster.width, raster.height, (raster.layout != Layout::Gray).then_some(plan.chroma_subsampling)),
        Pixels::Planes(planes) => (planes.shape.width, planes.shape.height, Some(plan.chroma_subsampling)),
    };
    let side = |side: u32| u16::try_from(side).map(usize::from).map_err(|_| Error::unsupported(format!("a JPEG side of {side} pixels")));
    let grid = Grid::new(side(width)?, side(height)?, chroma);
    let source = match pixels {
        Pixels::Raster(raster) => match raster.layout {
            Layout::Gray => Source::Gray(raster.bytes()),
            Layout::Rgb => Source::Rgb(raster.bytes()),
            other => return Err(Error::internal(format!("a JPEG is encoded from grey or RGB, not {other:?}"))),
        },
        Pixels::Planes(planes) => planes_for(&grid, planes)?,
    };

    // About what a photograph takes; more is made room for where it is needed.
    let mut file = Vec::with_capacity(width as usize * height as usize / 4 + 4096);
    file::put_start(&mut file);
    if let (true, Some(exif)) = (plan.exif, &blocks.exif) {
        file::put_exif(&mut file, exif)?;
    }
    if let (true, Some(icc)) = (plan.icc, &blocks.icc) {
        file::put_profile(&mut file, icc)?;
    }
    let how = Coding {
        quality: plan.quality,
        progressive: plan.progressive,
        best_tables: plan.effort == Effort::Balanced,
        smallest: plan.effort == Effort::Small,
        ..Coding::FAST
    };
    put_picture(&mut file, Engine::new(), source, &grid, &how);
    Ok(file)
}

/// How coefficients are made and coded.
#[derive(Debug, Clone, Copy)]
struct Coding {
    quality: u8,
    progressive: bool,
    /// Rather than the example tables; progressive files have the best ones always.
    best_tables: bool,
    /// With tables, scans and coefficients that libjpeg does not have; progressive where that is smaller.
    smallest: bool,
    /// Units between restarts; 0: there are none.
    restart_interval: u16,
    /// The symbols that are kept between two looks, in bytes.
    most_symbols: u64,
}

impl Coding {
    const FAST: Coding = Coding {
        quality: 80,
        progressive: false,
        best_tables: false,
        smallest: false,
        restart_interval: 0,
        most_symbols: sequential::MOST_SYMBOLS,
    };
}

/// From the quantization tables to the end.
fn put_picture(out: &mut Vec<u8>, engine: Engine, source: Source<'_>, grid: &Grid, how: &Coding) {
    if how.smallest {
        let steps = tables::small_steps(how.quality, (grid.h, grid.v));
        small::write(&mut Strip::undivided(engine, source, grid), &steps, how.progressive, how.restart_interval, out);
        out.extend([0xFF, EOI]);
        return;
    }
    let steps = tables::steps(how.quality);
    let mut strip = Strip::new(engine, source, grid, &steps);
    file::put_frame(out, grid, &steps, how.progressive);
    if how.progressive {
        file::put_restart_interval(out, how.restart_interval);
        progressive::write(&mut strip, how.restart_interval, out);
    } else {
        let symbols = how.best_tables.then(|| Symbols::count(&mut strip, how.restart_interval, how.most_symbols));
        let tables = symbols.as_ref().map_or_else(huffman::Table::examples, |symbols| symbols.tables.clone());
        let used = if grid.components.len() == 1 { 2 } else { 4 };
        tables[..used].iter().zip([0x00, 0x10, 0x01, 0x11]).for_each(|(table, id)| file::put_table(out, id, table));
        file::put_restart_interval(out, how.restart_interval);
        let components = 0..grid.components.len();
        file::put_scan(out, grid, &ScanHeader { components, dc: true, ac: true, band: (0, 63), bits: (0, 0) });
        match symbols {
            Some(symbols) => symbols.write(&mut strip, out),
            None => sequential::write(&mut strip, how.restart_interval, out),
        }
    }
    out.extend([0xFF, EOI]);
}

fn planes_for<'a>(grid: &Grid, planes: &'a Planes) -> Result<Source<'a>, Error> {
    let fits = grid.components.iter().zip(&planes.planes).all(|(component, plane)| plane.len() == component.width * component.height);
    if fits {
        Ok(Source::Planes(planes.planes.each_ref().map(Vec::as_slice)))
    } else {
        Err(Error::internal("planes of another subsampling"))
    }
}

/// The most that `encode` holds beside the pixels and a file of nine bits a sample, in bytes.
pub(in super::super) fn scratch(plan: &EncodePlan, size: Size) -> u64 {
    let chroma = (!plan.layout.is_gray()).then_some(plan.chroma_subsampling);
    let grid = Grid::new(size.width as usize, size.height as usize, chroma);
    let has_best_tables = plan.progressive || plan.effort != Effort::Fast;
    let coding = if plan.effort == Effort::Small {
        small::bytes(&grid)
    } else if plan.progressive {
        progressive::bytes(&grid)
    } else if has_best_tables {
        Symbols::bytes(&grid)
    } else {
        0
    };
    // Noise of the finest quality takes 16 bits a sample with the example tables, and ten with the best ones; the file has a quarter more room.
    let samples = size.pixels().saturating_mul(plan.layout.channels() as u64);
    let more_file = if has_best_tables { samples / 2 } else { samples.saturating_mul(3) / 2 };
    Strip::bytes(&grid).saturating_add(coding).saturating_add(more_file)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::codec::Format;
    use crate::pixels::Raster;
    use crate::recipe::ChromaSubsampling;

    /// A picture with edges, a gradient and colors.
    pub(in super::super) fn picture(width: u32, height: u32, layout: Layout) -> Picture {
        let pixel =
            |x: u32, y: u32| [x * 5 + y, 1023 - y * 3, if (x / 8 + y / 8).is_multiple_of(2) { 40 } else { 200 }].map(|v| (v % 256) as u8);
        let channels = layout.channels();
        let samples = (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y).into_iter().take(channels))).collect();
        Picture::still(Raster::from_u8(width, height, layout, samples).expect("as many samples as there are"))
    }

    /// Every way of writing a picture, each with a name.
    pub(in super::super) fn plans(layout: Layout) -> Vec<(String, EncodePlan)> {
        let mut plans = Vec::new();
        let ways =
            [(Effort::Fast, false), (Effort::Balanced, false), (Effort::Fast, true), (Effort::Balanced, true), (Effort::Small, true)];
        for (effort, progressive) in ways {
            for chroma_subsampling in [ChromaSubsampling::Cs420, ChromaSubsampling::Cs422, ChromaSubsampling::Cs444] {
                let format = Format::Jpeg;
                let plan = EncodePlan {
                    format,
                    layout,
                    quality: 90,
                    effort,
                    progressive,
                    chroma_subsampling,
                    lossless: false,
                    icc: false,
                    exif: false,
                };
                plans.push((format!("{effort:?} {chroma_subsampling:?} {}", if progressive { "progressive" } else { "sequential" }), plan));
            }
        }
        plans
    }

    pub(in super::super) fn written(picture: &Picture, plan: &EncodePlan) -> Vec<u8> {
        encode(picture, &Blocks::default(), plan).expect("a file")
    }

    /// A file with restarts.
    pub(in super::super) fn restarted(
        picture: &Picture,
        chroma: Option<ChromaSubsampling>,
        progressive: bool,
        restart_interval: u16,
    ) -> Vec<u8> {
        let Pixels::Raster(raster) = &picture.frames[0].pixels else { panic!("no raster") };
        let grid = Grid::new(raster.width as usize, raster.height as usize, chroma);
        file(Engine::new(), &grid, raster.bytes(), &Coding { progressive, restart_interval, ..Coding::FAST })
    }

    #[test]
    fn a_file_says_what_was_asked_for() {
        for layout in [Layout::Gray, Layout::Rgb] {
            for (name, plan) in plans(layout) {
                let file = written(&picture(33, 18, layout), &plan);
                let found = super::super::probe(&file, &crate::limits::Limits::default()).expect("a header");
                assert_eq!(
                    (found.size.width, found.size.height, found.layout, found.progressive),
                    (33, 18, layout, plan.progressive),
                    "{name}"
                );
                let chroma = match plan.chroma_subsampling {
                    _ if layout == Layout::Gray => None,
                    ChromaSubsampling::Cs420 => Some("4:2:0"),
                    ChromaSubsampling::Cs422 => Some("4:2:2"),
                    ChromaSubsampling::Cs444 => Some("4:4:4"),
                };
                assert_eq!(found.chroma_subsampling, chroma, "{name}");
                assert_eq!((found.blocks, found.warnings), (Blocks::default(), vec![]), "{name}");
            }
        }
    }

    #[test]
    fn the_profile_goes_along_in_parts_when_planned() {
        let icc: Vec<u8> = (0..150_000u32).map(|v| (v % 251) as u8).collect();
        let blocks = Blocks { icc: Some(icc), exif: Some(b"II*\0".to_vec()), ..Blocks::default() };
        let (_, plan) = plans(Layout::Rgb).remove(0);
        let with = encode(&picture(3, 2, Layout::Rgb), &blocks, &EncodePlan { icc: true, ..plan.clone() }).expect("a file");
        let found = super::super::probe(&with, &crate::limits::Limits::default()).expect("a header");
        assert_eq!((found.blocks.icc, found.blocks.exif), (blocks.icc.clone(), None));
        assert_eq!(encode(&picture(3, 2, Layout::Rgb), &blocks, &plan).expect("a file"), written(&picture(3, 2, Layout::Rgb), &plan));
    }

    /// A picture whose chroma and edges fill no unit, in every sampling.
    fn grids() -> Vec<(Grid, Vec<u8>)> {
        let chromas = [None, Some(ChromaSubsampling::Cs420), Some(ChromaSubsampling::Cs422), Some(ChromaSubsampling::Cs444)];
        let sizes = [(1, 1), (8, 8), (17, 9), (35, 41), (100, 70)];
        let mut all = Vec::new();
        for ((width, height), chroma) in sizes.into_iter().flat_map(|size| chromas.map(|chroma| (size, chroma))) {
            let layout = if chroma.is_none() { Layout::Gray } else { Layout::Rgb };
            let picture = picture(width, height, layout);
            let Pixels::Raster(raster) = &picture.frames[0].pixels else { panic!("no raster") };
            all.push((Grid::new(width as usize, height as usize, chroma), raster.bytes().to_vec()));
        }
        all
    }

    fn file(engine: Engine, grid: &Grid, pixels: &[u8], how: &Coding) -> Vec<u8> {
        let source = if grid.components.len() == 1 { Source::Gray(pixels) } else { Source::Rgb(pixels) };
        let mut out = Vec::new();
        file::put_start(&mut out);
        put_picture(&mut out, engine, source, grid, how);
        out
    }

    fn codings() -> [Coding; 4] {
        let others = [
            Coding { best_tables: true, ..Coding::FAST },
            Coding { progressive: true, ..Coding::FAST },
            Coding { smallest: true, ..Coding::FAST },
        ];
        [Coding::FAST, others[0], others[1], others[2]]
    }

    #[test]
    fn every_engine_writes_the_same_file() {
        for (grid, pixels) in grids() {
            for how in codings() {
                let files: Vec<Vec<u8>> = kernels::tests::engines().into_iter().map(|engine| file(engine, &grid, &pixels, &how)).collect();
                assert!(files.iter().all(|file| *file == files[0]), "{grid:?} {how:?}");
            }
        }
    }

    #[test]
    fn what_is_not_kept_is_made_again() {
        for (grid, pixels) in grids() {
            for restart_interval in [0, 3] {
                let how = Coding { best_tables: true, restart_interval, ..Coding::FAST };
                let all = file(Engine::new(), &grid, &pixels, &how);
                for most_symbols in [0, 300, 1000] {
                    assert!(all == file(Engine::new(), &grid, &pixels, &Coding { most_symbols, ..how }), "{grid:?} {most_symbols}");
                }
            }
        }
    }

    #[test]
    fn restarts_leave_the_coefficients_as_they_are() {
        for (grid, pixels) in grids() {
            for how in codings() {
                let coefficients = |restart_interval: u16| {
                    let file = file(Engine::new(), &grid, &pixels, &Coding { restart_interval, ..how });
                    let count = file.windows(2).filter(|pair| pair[0] == 0xFF && (0xD0..0xD8).contains(&pair[1])).count();
                    let (frame, found) = super::super::decode::coefficients(&file).expect("a file");
                    let mut all = Vec::new();
                    for (at, component) in frame.components.iter().enumerate() {
                        let places = (0..component.height.div_ceil(8)).flat_map(|y| (0..component.width.div_ceil(8)).map(move |x| (x, y)));
                        all.extend(places.map(|(x, y)| found.block(at, x, y)));
                    }
                    (all, count)
                };
                let (without, none) = coefficients(0);
                let (with, some) = coefficients(2);
                assert!(without == with, "{grid:?} {how:?}");
                assert!(none == 0 && some >= (grid.units_across() * grid.units_down() - 1) / 2, "{some} restarts in {grid:?} {how:?}");
            }
        }
    }

    #[test]
    fn planes_give_the_file_of_the_pixels_that_they_come_from() {
        use crate::decode::Shape;

        for (name, plan) in plans(Layout::Rgb) {
            // Beyond the right edge libjpeg averages pixels that repeat, and rounds by turns; planes repeat the mean. So no chroma block ends there.
            for (width, height) in [(1, 1), (15, 9), (16, 1), (48, 33)] {
                let picture = picture(width, height, Layout::Rgb);
                let Pixels::Raster(raster) = &picture.frames[0].pixels else { panic!("no raster") };
                let grid = Grid::new(width as usize, height as usize, Some(plan.chroma_subsampling));
                let mut strip = Strip::new(Engine::new(), Source::Rgb(raster.bytes()), &grid, &tables::steps(90));
                let planes = strip.planes();
                let shape = Shape { width, height, deep: false, layout: None, planes: vec![] };
                let planar = Picture::still(Planes { shape, planes });
                assert!(written(&planar, &plan) == written(&picture, &plan), "{name}, {width}x{height}");
            }
        }
        let (_, plan) = plans(Layout::Rgb).remove(0);
        let shape = Shape { width: 9, height: 9, deep: false, layout: None, planes: vec![] };
        let planar = Picture::still(Planes { shape, planes: [vec![0; 81], vec![0; 81], vec![0; 81]] });
        assert_eq!(encode(&planar, &Blocks::default(), &plan).expect_err("4:4:4 is not 4:2:0").code(), "internal");
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let (_, plan) = plans(Layout::Gray).remove(0);
        let code = |picture: &Picture, plan: &EncodePlan| encode(picture, &Blocks::default(), plan).expect_err("refused").code();
        assert_eq!(code(&picture(65_536, 1, Layout::Gray), &plan), "unsupported");
    }
}
