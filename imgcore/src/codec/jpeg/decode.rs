//! From a file to rows: collects tables, reads scans, gives blocks to the rows.

use std::ops::ControlFlow;

use super::super::Space;
use super::frame::{Colors, Frame};
use super::huffman::Table;
use super::metadata::Metadata;
use super::rows::Rows;
use super::scan::{Block, Damage, Reader, Scan, Tables, ZIGZAG};
use super::segments::{DHT, DQT, DRI, SOS, Segments};
use super::smooth::Missing;
use super::{malformed, truncated};
use crate::decode::{Decoded, Fan, Sink, Want};
use crate::error::Error;
use crate::limits::{Context, Stage, check};
use crate::report::Warning;

/// A quantization table, in reading order.
type Quantization = [u16; 64];

/// A scan, the frame that it belongs to, and its data.
type NextScan<'a> = (Frame, Scan, &'a [u8]);

pub(in super::super) fn decode(input: &[u8], wants: &mut [Want<'_>], ctx: &Context) -> Result<Decoded, Error> {
    let partial = !wants.is_empty() && wants.iter().all(|want| want.plan.partial);
    let sink = Fan::new(wants.iter_mut().map(|want| &mut *want.sink as &mut dyn Sink).collect());
    let mut segments = Segments::new(input);
    let mut state = State::default();
    let Some((frame, scan, data)) = state.next_scan(&mut segments, ctx)? else { return Err(malformed("there is no scan")) };
    // Tables that are not there tell more than an end that is not there.
    let reader = Reader::new(data, &scan, &state.tables)?;
    // Before anything of the picture's size is allocated.
    if !partial {
        segments.clone().pass_to_end()?;
        require_data(&scan, data)?;
    }

    let mut work = Work { ctx, partial, is_cut: false };
    if !frame.progressive && scan.parts.len() == frame.components.len() {
        let mut stream = Stream { rows: state.rows(&frame, sink, ctx)?, tables: &state.quantization, block: [0; 64] };
        work.read(&scan, reader, &mut stream)?;
        work.is_cut |= segments.pass_to_end().is_err();
    } else {
        let mut picture = Coefficients::new(&frame);
        let mut next = Some((scan, data));
        while let Some((scan, data)) = next {
            if !partial {
                require_data(&scan, data)?;
            }
            work.read(&scan, Reader::new(data, &scan, &state.tables)?, &mut picture)?;
            picture.note(&scan);
            next = match state.next_scan(&mut segments, ctx) {
                Ok(next) => next.map(|(_, scan, data)| (scan, data)),
                Err(Error::Truncated { .. }) if partial => {
                    work.is_cut = true;
                    None
                }
                Err(error) => return Err(error),
            };
        }
        if let (false, Some(at)) = (partial, state.quantization.iter().position(Option::is_none)) {
            return Err(malformed(format!("component {at} is in no scan")));
        }
        picture.push(&frame, &state.quantization, state.rows(&frame, sink, ctx)?, ctx)?;
    }
    let warning = || Warning::new("truncated", "the file ends too early; what is missing is grey or coarse");
    Ok(Decoded { warnings: if work.is_cut { vec![warning()] } else { Vec::new() } })
}

fn require_data(scan: &Scan, data: &[u8]) -> Result<(), Error> {
    if scan.least_bits() > data.len() as u64 * 8 { Err(truncated("a scan has too little data for its blocks")) } else { Ok(()) }
}

/// What segments have said so far.
#[derive(Default)]
struct State<'a> {
    frame: Option<Frame>,
    colors: Colors,
    metadata: Metadata<'a>,
    tables: Tables,
    quantization_tables: [Option<Quantization>; 4],
    /// By component, as they were when its first scan began.
    quantization: Vec<Option<Quantization>>,
    scans: u64,
}

impl<'a> State<'a> {
    /// Reads on to the next scan; None at the end of the image.
    fn next_scan(&mut self, segments: &mut Segments<'a>, ctx: &Context) -> Result<Option<NextScan<'a>>, Error> {
        while let Some(segment) = segments.next()? {
            match segment.marker {
                DQT => self.read_quantization(segment.body)?,
                DHT => self.read_huffman(segment.body)?,
                DRI => match segment.body {
                    [high, low] => self.tables.restart = usize::from(u16::from_be_bytes([*high, *low])),
                    _ => return Err(malformed("a restart interval has the wrong length")),
                },
                SOS => {
                    self.scans += 1;
                    check("maxScans", self.scans, ctx.limits.max_scans)?;
                    let frame = self.frame.clone().ok_or_else(|| malformed("a scan before the frame header"))?;
                    let scan = Scan::parse(segment.body, &frame)?;
                    for part in &scan.parts {
                        let table = frame.components[part.component].table;
                        let now = self.quantization_tables.get(table).copied().flatten();
                        let kept = &mut self.quantization[part.component];
                        *kept = Some(kept.or(now).ok_or_else(|| malformed("a component names a quantization table that is not there"))?);
                    }
                    return Ok(Some((frame, scan, segment.data)));
                }
                marker if Frame::is_begun_by(marker) => {
                    if self.frame.is_some() {
                        return Err(malformed("a second frame header"));
                    }
                    let frame = Frame::parse(&segment)?;
                    self.quantization = vec![None; frame.components.len()];
                    self.frame = Some(frame);
                }
                _ if self.scans == 0 => {
                    self.colors.hear(&segment);
                    self.metadata.hear(&segment);
                }
                _ => {}
            }
        }
        Ok(None)
    }

    fn read_quantization(&mut self, mut body: &[u8]) -> Result<(), Error> {
        while let Some((head, rest)) = body.split_first() {
            let (wide, id) = (head >> 4, usize::from(head & 15));
            let bytes = if wide == 0 { 64 } else { 128 };
            let Some((values, rest)) = rest.split_at_checked(bytes).filter(|_| wide < 2 && id < 4) else {
                return Err(malformed("a quantization table is too short or has a wrong number"));
            };
            let mut table = [0; 64];
            for (at, place) in ZIGZAG.into_iter().enumerate() {
                table[usize::from(place)] = match wide {
                    0 => u16::from(values[at]),
                    _ => u16::from_be_bytes([values[2 * at], values[2 * at + 1]]),
                };
            }
            self.quantization_tables[id] = Some(table);
            body = rest;
        }
        Ok(())
    }

    fn read_huffman(&mut self, mut body: &[u8]) -> Result<(), Error> {
        while let Some((head, rest)) = body.split_first() {
            let wrong = || malformed("a Huffman table is too short or has a wrong number");
            let (counts, rest) = rest.split_first_chunk::<16>().ok_or_else(wrong)?;
            let (symbols, rest) = rest.split_at_checked(counts.iter().map(|count| usize::from(*count)).sum()).ok_or_else(wrong)?;
            let is_dc = head >> 4 == 0;
            let tables = if is_dc { &mut self.tables.dc } else { &mut self.tables.ac };
            let place = tables.get_mut(usize::from(head & 15)).filter(|_| head >> 4 < 2).ok_or_else(wrong)?;
            // A table that is wrong does no harm until a scan names it.
            *place = Table::new(counts, symbols, is_dc).map(Box::new);
            body = rest;
        }
        Ok(())
    }

    fn rows<'s>(&self, frame: &Frame, sink: Fan<'s>, ctx: &Context) -> Result<Rows<'s>, Error> {
        let space = self.colors.space(frame);
        let icc = match space {
            Space::Cmyk | Space::Ycck => self.metadata.icc(&ctx.limits),
            _ => None,
        };
        Rows::new(frame, space, self.colors.is_inverted(), icc.as_deref(), sink)
    }
}

/// Where the blocks of a scan go.
trait Target {
    /// Has a block of a component read, at its place in the picture.
    fn block(&mut self, component: usize, x: usize, y: usize, read: impl FnOnce(&mut Block) -> Result<(), Damage>) -> Result<(), Damage>;
    /// Comes after each row of units. `Break`: enough.
    fn end_row(&mut self, y: usize) -> ControlFlow<()>;
}

/// Reading scans, whole or as far as they go.
struct Work<'a> {
    ctx: &'a Context,
    partial: bool,
    is_cut: bool,
}

impl Work<'_> {
    fn read(&mut self, scan: &Scan, mut reader: Reader<'_>, target: &mut impl Target) -> Result<(), Error> {
        // Once the data has ended, blocks stay as they are.
        let mut has_ended = false;
        for y in 0..scan.down {
            self.ctx.go_on(Stage::Decode)?;
            for x in 0..scan.across {
                if !has_ended && let Err(damage) = reader.begin_unit() {
                    has_ended = self.judge(damage, &reader)?;
                }
                for (slot, part) in scan.parts.iter().enumerate() {
                    for (v, h) in (0..part.v).flat_map(|v| (0..part.h).map(move |h| (v, h))) {
                        let read = |block: &mut Block| if has_ended { Ok(()) } else { reader.block(slot, block) };
                        if let Err(damage) = target.block(part.component, x * part.h + h, y * part.v + v, read) {
                            has_ended = self.judge(damage, &reader)?;
                        }
                    }
                }
                if !has_ended && reader.is_overrun() {
                    has_ended = self.judge(Damage::Missing, &reader)?;
                }
            }
            if target.end_row(y).is_break() {
                break;
            }
        }
        self.is_cut |= has_ended;
        Ok(())
    }

    /// Whether damage is only that data is missing, and may be.
    fn judge(&self, damage: Damage, reader: &Reader<'_>) -> Result<bool, Error> {
        match damage {
            // What is read past the end may be anything.
            Damage::Wrong(what) if !reader.is_overrun() => Err(malformed(what)),
            _ if self.partial => Ok(true),
            _ => Err(truncated("a scan ends before its last block")),
        }
    }
}

/// Blocks that become samples at once.
struct Stream<'a, 's> {
    rows: Rows<'s>,
    tables: &'a [Option<Quantization>],
    block: Block,
}

impl Target for Stream<'_, '_> {
    #[inline]
    fn block(&mut self, component: usize, x: usize, y: usize, read: impl FnOnce(&mut Block) -> Result<(), Damage>) -> Result<(), Damage> {
        self.block = [0; 64];
        let result = read(&mut self.block);
        if let Some(table) = &self.tables[component] {
            self.rows.block(component, x, y, &self.block, table);
        }
        result
    }

    fn end_row(&mut self, y: usize) -> ControlFlow<()> {
        self.rows.finish_units(y)
    }
}

/// The coefficients of a whole file that is ours.
#[cfg(test)]
pub(super) fn coefficients(input: &[u8]) -> Result<(Frame, Coefficients), Error> {
    let ctx = Context::default();
    let mut segments = Segments::new(input);
    let mut state = State::default();
    let mut work = Work { ctx: &ctx, partial: false, is_cut: false };
    let mut found: Option<(Frame, Coefficients)> = None;
    while let Some((frame, scan, data)) = state.next_scan(&mut segments, &ctx)? {
        let (_, picture) = found.get_or_insert_with(|| {
            let picture = Coefficients::new(&frame);
            (frame, picture)
        });
        work.read(&scan, Reader::new(data, &scan, &state.tables)?, picture)?;
    }
    found.ok_or_else(|| malformed("there is no scan"))
}

/// All blocks of all components, until the last scan is in.
pub(super) struct Coefficients {
    /// By component: the blocks, and how many there are in a row.
    components: Vec<(Vec<Block>, usize)>,
    missing: Vec<Missing>,
}

impl Coefficients {
    fn new(frame: &Frame) -> Coefficients {
        let components = frame.components.iter().map(|c| (vec![[0; 64]; c.blocks_across * c.blocks_down], c.blocks_across)).collect();
        Coefficients { components, missing: vec![Missing::default(); frame.components.len()] }
    }

    /// A block of a component, at its place in the picture.
    pub(super) fn at(&self, component: usize, x: usize, y: usize) -> &Block {
        let (blocks, across) = &self.components[component];
        &blocks[y * across + x]
    }

    /// A scan has been read.
    fn note(&mut self, scan: &Scan) {
        scan.parts.iter().for_each(|part| self.missing[part.component].note(scan));
    }

    fn push(&self, frame: &Frame, tables: &[Option<Quantization>], mut rows: Rows<'_>, ctx: &Context) -> Result<(), Error> {
        let is_coarse = frame.progressive && self.missing.iter().any(Missing::can_be_guessed);
        for unit in 0..frame.units_down {
            ctx.go_on(Stage::Decode)?;
            for (at, ((blocks, across), component)) in self.components.iter().zip(&frame.components).enumerate() {
                // A component that no scan was there for is grey, whatever its table.
                let table = tables[at].unwrap_or([0; 64]);
                for (y, x) in (unit * component.v..(unit + 1) * component.v).flat_map(|y| (0..*across).map(move |x| (y, x))) {
                    if is_coarse {
                        let guessed = self.missing[at].guessed(self, (at, component), (x, y), &table);
                        rows.block(at, x, y, &guessed, &table);
                    } else {
                        rows.block(at, x, y, &blocks[y * across + x], &table);
                    }
                }
            }
            if rows.finish_units(unit).is_break() {
                break;
            }
        }
        Ok(())
    }
}

impl Target for Coefficients {
    #[inline]
    fn block(&mut self, component: usize, x: usize, y: usize, read: impl FnOnce(&mut Block) -> Result<(), Damage>) -> Result<(), Damage> {
        let (blocks, across) = &mut self.components[component];
        read(&mut blocks[y * *across + x])
    }

    fn end_row(&mut self, _y: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::encode::tests::{picture, plans, written};
    use super::*;
    use crate::decode::{Collect, DecodePlan};
    use crate::pixels::{Layout, Picture, Pixels};
    use crate::plan::EncodePlan;

    fn decoded(file: &[u8], partial: bool) -> Result<(Vec<u8>, Vec<Warning>), Error> {
        let mut sink = Collect::new(false);
        let plan = DecodePlan { eighths: 8, planes: false, deep: false, frames: 0..1, partial };
        let decoded = decode(file, &mut [Want { plan, sink: &mut sink }], &Context::default())?;
        let (raster, _) = sink.finish().remove(0);
        Ok((raster.samples.into_u8(), decoded.warnings))
    }

    fn whole(file: &[u8]) -> Vec<u8> {
        let (samples, warnings) = decoded(file, false).expect("a picture");
        assert_eq!(warnings, []);
        samples
    }

    fn samples(picture: &Picture) -> &[u8] {
        let Pixels::Raster(raster) = &picture.frames[0].pixels else { panic!("no raster") };
        raster.bytes()
    }

    /// A file of each kind, some hundred bytes long.
    fn small_files() -> Vec<(String, Vec<u8>)> {
        let files = |layout| plans(layout).into_iter().map(move |(name, plan)| (name, written(&picture(17, 9, layout), &plan)));
        files(Layout::Rgb).chain(files(Layout::Gray).step_by(3)).collect()
    }

    #[test]
    fn pictures_come_back_nearly_as_they_went() {
        for (width, height) in [(1, 1), (2, 3), (17, 9), (97, 61)] {
            for layout in [Layout::Gray, Layout::Rgb] {
                let picture = picture(width, height, layout);
                for (name, plan) in plans(layout) {
                    let got = whole(&written(&picture, &EncodePlan { quality: 100, ..plan.clone() }));
                    assert_eq!(got.len(), samples(&picture).len());
                    let sum: u32 = got.iter().zip(samples(&picture)).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
                    // Without subsampling only rounding is lost; with it the edges of the blue squares blur.
                    let most = if layout == Layout::Gray || name.contains("444") { 1.5 } else { 20.0 };
                    let mean = f64::from(sum) / got.len() as f64;
                    assert!(mean < most, "{width}x{height} {layout:?} {name}: {mean}");
                }
            }
        }
    }

    #[test]
    fn the_same_coefficients_give_the_same_pixels_whatever_the_scans() {
        for (width, height) in [(1, 1), (17, 9), (97, 61)] {
            let files: Vec<Vec<u8>> =
                plans(Layout::Rgb).iter().map(|(_, plan)| written(&picture(width, height, Layout::Rgb), plan)).collect();
            for (at, file) in files.iter().enumerate().skip(3) {
                assert!(whole(file) == whole(&files[at % 3]), "{width}x{height}, plan {at}");
            }
        }
    }

    #[test]
    fn a_scan_for_all_components_is_written_in_every_case() {
        for (name, file) in small_files() {
            let scans = file.windows(2).filter(|pair| *pair == [0xFF, SOS]).count();
            assert_eq!(scans > 1, name.contains("progressive"), "{name}");
        }
    }

    #[test]
    fn no_beginning_of_a_file_is_taken_for_the_whole() {
        for (name, file) in small_files() {
            for cut in 2..file.len() {
                assert_eq!(decoded(&file[..cut], false).expect_err(&name).code(), "truncated", "{name}, cut at {cut}");
            }
        }
    }

    #[test]
    fn a_beginning_gives_what_there_is_when_asked_for() {
        for (name, file) in small_files() {
            let all = whole(&file);
            let scan = file.windows(2).position(|pair| pair == [0xFF, SOS]).expect("a scan");
            for cut in scan + 14..file.len() {
                let (samples, warnings) = decoded(&file[..cut], true).expect(&name);
                assert_eq!((samples.len(), warnings[0].code), (all.len(), "truncated"), "{name}, cut at {cut}");
            }
            let (nearly, _) = decoded(&file[..file.len() - 2], true).expect(&name);
            assert!(nearly == all, "{name}: only the end of image is missing");
        }
    }

    #[test]
    fn missing_data_in_a_file_with_an_end_is_noticed() {
        for (name, file) in small_files() {
            let short = [&file[..file.len() - 4], b"\xFF\xD9"].concat();
            assert_eq!(decoded(&short, false).expect_err(&name).code(), "truncated", "{name}");
        }
    }

    #[test]
    fn bytes_behind_the_end_are_nothing() {
        let (_, file) = small_files().remove(0);
        assert_eq!(whole(&[&file[..], b"\xFF\xD8<html>"].concat()), whole(&file));
    }

    #[test]
    fn no_flipped_bit_breaks_the_decoder() {
        for (_, mut file) in small_files().into_iter().step_by(4) {
            for bit in 16..file.len() * 8 {
                file[bit / 8] ^= 1 << (bit % 8);
                // Flipped sizes may be as large as the format allows; plans refuse those.
                let size = super::super::probe(&file, &Context::default().limits).map_or(0, |found| found.size.pixels());
                if size < 1 << 16 {
                    for partial in [false, true] {
                        if let Err(error) = decoded(&file, partial) {
                            assert!(matches!(error.code(), "malformed" | "truncated" | "unsupported"), "bit {bit}: {error}");
                        }
                    }
                }
                file[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }

    #[test]
    fn all_wants_are_served_in_one_pass_and_may_be_cancelled() {
        let (_, file) = small_files().remove(0);
        let plan = DecodePlan { eighths: 8, planes: false, deep: false, frames: 0..1, partial: false };
        let (mut one, mut two) = (Collect::new(false), Collect::new(false));
        let mut wants = [Want { plan: plan.clone(), sink: &mut one }, Want { plan, sink: &mut two }];
        decode(&file, &mut wants, &Context::default()).expect("a picture");
        let stop = Context::default().with_control(|_: Stage| false);
        assert_eq!(decode(&file, &mut wants, &stop).expect_err("stopped").code(), "cancelled");
        let (one, two) = (one.finish().remove(0), two.finish().remove(0));
        assert_eq!(one.0.bytes(), whole(&file));
        assert_eq!(one, two);
    }
}
