//! From a file to rows: collects tables, reads scans, gives blocks to the rows.

use std::ops::ControlFlow;

use fearless_simd::Level;

use super::super::Space;
use super::batch::{Batch, LANES};
use super::coefficients::Coefficients;
use super::frame::{Colors, Frame};
use super::huffman::{Bits, Table};
use super::metadata::Metadata;
use super::rows::{Rows, finish_units};
use super::scale::Scale;
use super::scan::{Damage, Part, Reader, Scan, Tables, ZIGZAG};
use super::segments::{DHT, DQT, DRI, SOS, Segments};
use super::{malformed, truncated};
use crate::decode::{Decoded, Fan, Sink, Want};
use crate::error::Error;
use crate::limits::{Context, Stage, check};
use crate::report::Warning;

/// A quantization table, in reading order.
pub(super) type Quantization = [u16; 64];

/// A scan, the frame that it belongs to, and its data.
type NextScan<'a> = (Frame, Scan, &'a [u8]);

pub(in super::super) fn decode(input: &[u8], wants: &mut [Want<'_>], ctx: &Context) -> Result<Decoded, Error> {
    let partial = !wants.is_empty() && wants.iter().all(|want| want.plan.partial);
    let sinks = by_scale(wants);
    let mut segments = Segments::new(input);
    let mut state = State::default();
    let Some((frame, scan, data)) = state.next_scan(&mut segments, ctx)? else { return Err(malformed("there is no scan")) };
    let last = last_wanted(&frame, sinks.iter().map(|(scale, _)| *scale));
    // Tables that are not there tell more than an end that is not there.
    let reader = Reader::new(data, &scan, &state.tables, &last)?;
    // Before anything of the picture's size is allocated.
    if !partial {
        segments.clone().pass_to_end()?;
        require_data(&scan, data)?;
    }

    let mut work = Work { ctx, partial, is_cut: false };
    if !frame.progressive && scan.parts.len() == frame.components.len() {
        let rows = state.rows(&frame, sinks, ctx)?;
        let mut stream = Stream::new(rows, &frame, &state.quantization);
        work.read(&scan, reader, &mut stream)?;
        work.is_cut |= segments.pass_to_end().is_err();
    } else {
        let read = last_read(&frame, &last, &scan, segments.clone());
        let mut picture = Coefficients::new(&frame, &last);
        let mut next = Some((scan, data));
        while let Some((scan, data)) = next {
            if !partial {
                require_data(&scan, data)?;
            }
            let reader = Reader::new(data, &scan, &state.tables, &last)?;
            // What lies above the band, and helps nothing in it, is not even looked at.
            if scan.parts.iter().any(|part| scan.first <= read[part.component]) {
                work.read(&scan, reader, &mut picture)?;
            }
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
        picture.push(&frame, &state.quantization, state.rows(&frame, sinks, ctx)?, ctx)?;
    }
    let warning = || Warning::new("truncated", "the file ends too early; what is missing is grey or coarse");
    Ok(Decoded { warnings: if work.is_cut { vec![warning()] } else { Vec::new() } })
}

/// The sinks, those of one scale together.
fn by_scale<'w>(wants: &'w mut [Want<'_>]) -> Vec<(Scale, Fan<'w>)> {
    let mut sinks: Vec<(Scale, Vec<&'w mut dyn Sink>)> = Vec::new();
    for want in wants {
        let scale = Scale::of(&want.plan);
        match sinks.iter_mut().find(|(other, _)| *other == scale) {
            Some((_, sinks)) => sinks.push(&mut *want.sink),
            None => sinks.push((scale, vec![&mut *want.sink])),
        }
    }
    sinks.into_iter().map(|(scale, sinks)| (scale, Fan::new(sinks))).collect()
}

/// By component, the last coefficient that any of the scales needs.
fn last_wanted(frame: &Frame, scales: impl Iterator<Item = Scale> + Clone) -> Vec<usize> {
    frame.components.iter().map(|c| scales.clone().map(|scale| scale.last(frame, c)).max().unwrap_or(0)).collect()
}

/// By component, the last coefficient that scans are read for: a scan that refines cannot be followed without what was there before it.
fn last_read(frame: &Frame, wanted: &[usize], first: &Scan, mut segments: Segments<'_>) -> Vec<usize> {
    let mut last = wanted.to_vec();
    if !frame.progressive || last.iter().all(|last| matches!(last, 0 | 63)) {
        return last;
    }
    let mut scans = vec![first.clone()];
    while let Ok(Some(segment)) = segments.next() {
        // More than any limit would allow are not worth a look.
        if segment.marker == SOS && scans.len() < 1 << 10 {
            scans.extend(Scan::parse(segment.body, frame));
        }
    }
    loop {
        let before = last.clone();
        for scan in scans.iter().filter(|scan| scan.refines && scan.first > 0) {
            for part in scan.parts.iter().filter(|part| scan.first <= before[part.component]) {
                last[part.component] = last[part.component].max(scan.last);
            }
        }
        if last == before {
            return last;
        }
    }
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
                    let frame = Frame::parse(&segment, segments)?;
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

    fn rows<'s>(&self, frame: &Frame, sinks: Vec<(Scale, Fan<'s>)>, ctx: &Context) -> Result<Vec<Rows<'s>>, Error> {
        let space = self.colors.space(frame);
        let icc = match space {
            Space::Cmyk | Space::Ycck => self.metadata.icc(&ctx.limits),
            _ => None,
        };
        let rows = |(scale, sink)| Rows::new((frame, scale), space, self.colors.is_inverted(), icc.as_deref(), sink);
        sinks.into_iter().map(rows).collect()
    }
}

/// Where the blocks of a scan go.
trait Target {
    /// Reads a block of the scan's part `slot`, which has this place in the picture.
    fn block(&mut self, place: Place, slot: usize, reader: &mut Reader<'_>, bits: &mut Bits<'_>) -> Result<(), Damage>;
    /// Comes after each block, also where the data has ended and none was read.
    fn end_block(&mut self, place: Place);
    /// Comes after each row of units. `Break`: enough.
    fn end_row(&mut self, y: usize) -> ControlFlow<()>;
}

/// A block's place: its component, its row in the unit, and how many blocks lie left of it and above it.
#[derive(Clone, Copy)]
struct Place {
    component: usize,
    row: usize,
    x: usize,
    y: usize,
}

/// Reading scans, whole or as far as they go.
struct Work<'a> {
    ctx: &'a Context,
    partial: bool,
    is_cut: bool,
}

impl Work<'_> {
    fn read(&mut self, scan: &Scan, mut reader: Reader<'_>, target: &mut impl Target) -> Result<(), Error> {
        let blocks = |(slot, part): (usize, &Part)| {
            let (component, h, v) = (part.component, part.h, part.v);
            (0..h * v).map(move |at| (slot, (h, v), Place { component, row: at / h, x: at % h, y: at / h }))
        };
        let mut unit: Vec<_> = scan.parts.iter().enumerate().flat_map(blocks).collect();
        let (level, mut has_ended) = (Level::new(), false);
        for y in 0..scan.down {
            self.ctx.go_on(Stage::Decode)?;
            // Not for vectors: the newer instructions on single bits make this loop a tenth faster.
            dispatch!(level, _ => self.read_row(scan.across, &mut unit, &mut reader, target, &mut has_ended))?;
            if target.end_row(y).is_break() {
                break;
            }
        }
        self.is_cut |= has_ended;
        Ok(())
    }

    /// A row of units, whose blocks know where they lie: the first time in the first unit. Once the data has ended, blocks stay as they are.
    #[inline(always)]
    fn read_row(
        &self,
        across: usize,
        unit: &mut [(usize, (usize, usize), Place)],
        reader: &mut Reader<'_>,
        target: &mut impl Target,
        has_ended: &mut bool,
    ) -> Result<(), Error> {
        // A copy stays in registers.
        let mut bits = reader.bits;
        for _ in 0..across {
            if !*has_ended && let Err(damage) = reader.begin_unit(&mut bits) {
                *has_ended = self.judge(damage, bits.is_ending())?;
            }
            for (slot, (h, _), place) in unit.iter_mut() {
                if !*has_ended && let Err(damage) = target.block(*place, *slot, reader, &mut bits) {
                    *has_ended = self.judge(damage, bits.is_ending())?;
                }
                target.end_block(*place);
                place.x += *h;
            }
            if !*has_ended && bits.is_overrun() {
                *has_ended = self.judge(Damage::Missing, true)?;
            }
        }
        for (_, (h, v), place) in unit {
            place.x -= across * *h;
            place.y += *v;
        }
        reader.bits = bits;
        Ok(())
    }

    /// Whether damage is only that data is missing, and may be.
    #[cold]
    fn judge(&self, damage: Damage, is_ending: bool) -> Result<bool, Error> {
        match damage {
            // What is read at the end and past it may be anything.
            Damage::Wrong(what) if !is_ending => Err(malformed(what)),
            _ if self.partial => Ok(true),
            _ => Err(truncated("a scan ends before its last block")),
        }
    }
}

/// Blocks that become samples at once.
struct Stream<'a, 's> {
    /// At each scale.
    rows: Vec<Rows<'s>>,
    tables: &'a [Option<Quantization>],
    /// The blocks of a unit's rows, each as many as lie side by side; and by component the first of its rows, and how many blocks it has across.
    batches: Vec<Batch>,
    first: Vec<(usize, usize)>,
}

impl<'a, 's> Stream<'a, 's> {
    fn new(rows: Vec<Rows<'s>>, frame: &Frame, tables: &'a [Option<Quantization>]) -> Stream<'a, 's> {
        let mut batches = Vec::new();
        let mut first = Vec::new();
        for component in &frame.components {
            first.push((batches.len(), component.blocks_across));
            batches.extend((0..component.v).map(|_| Batch::new()));
        }
        Stream { rows, tables, batches, first }
    }
}

impl Stream<'_, '_> {
    /// Makes the blocks of a batch, of which this is the place of the first, into samples. A function of its own, so that what reads blocks keeps its
    /// registers.
    #[inline(never)]
    fn make_samples(&mut self, Place { component, row, x, y }: Place) {
        let batch = &mut self.batches[self.first[component].0 + row];
        if let Some(table) = &self.tables[component] {
            self.rows.iter_mut().for_each(|rows| rows.blocks(component, x, y, batch, table));
        }
        batch.clear();
    }
}

impl Target for Stream<'_, '_> {
    #[inline(always)]
    fn block(&mut self, place: Place, slot: usize, reader: &mut Reader<'_>, bits: &mut Bits<'_>) -> Result<(), Damage> {
        // No closure: what is in one is not compiled for the instructions that the loop around it may use.
        let batch = &mut self.batches[self.first[place.component].0 + place.row];
        reader.block(bits, slot, batch, place.x % LANES)
    }

    #[inline(always)]
    fn end_block(&mut self, place: Place) {
        let lane = place.x % LANES;
        if lane + 1 == LANES || place.x + 1 == self.first[place.component].1 {
            self.make_samples(Place { x: place.x - lane, ..place });
        }
    }

    fn end_row(&mut self, y: usize) -> ControlFlow<()> {
        finish_units(&mut self.rows, y)
    }
}

/// The coefficients of a whole file that is ours.
#[cfg(test)]
pub(super) fn coefficients(input: &[u8]) -> Result<(Frame, Coefficients), Error> {
    all_of(input).map(|(frame, picture, _)| (frame, picture))
}

/// The coefficients of a whole file, and by component the steps that they are counted in.
#[cfg(test)]
pub(super) fn all_of(input: &[u8]) -> Result<(Frame, Coefficients, Vec<Option<Quantization>>), Error> {
    let ctx = Context::default();
    let mut segments = Segments::new(input);
    let mut state = State::default();
    let mut work = Work { ctx: &ctx, partial: false, is_cut: false };
    let mut found: Option<(Frame, Coefficients)> = None;
    while let Some((frame, scan, data)) = state.next_scan(&mut segments, &ctx)? {
        let (_, picture) = found.get_or_insert_with(|| {
            let picture = Coefficients::new(&frame, &[63; 4]);
            (frame, picture)
        });
        work.read(&scan, Reader::new(data, &scan, &state.tables, &[63; 4])?, picture)?;
    }
    let (frame, picture) = found.ok_or_else(|| malformed("there is no scan"))?;
    Ok((frame, picture, state.quantization))
}

impl Target for Coefficients {
    #[inline(always)]
    fn block(&mut self, place: Place, slot: usize, reader: &mut Reader<'_>, bits: &mut Bits<'_>) -> Result<(), Damage> {
        reader.held(bits, slot, self.held(place.component, place.x, place.y))
    }

    fn end_block(&mut self, _place: Place) {}

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
    use crate::recipe::Effort;

    fn decoded(file: &[u8], partial: bool) -> Result<(Vec<u8>, Vec<Warning>), Error> {
        decoded_at(8, file, partial)
    }

    fn decoded_at(eighths: u8, file: &[u8], partial: bool) -> Result<(Vec<u8>, Vec<Warning>), Error> {
        let mut sink = Collect::new(false);
        let plan = DecodePlan { eighths, chroma_eighths: None, deep: false, frames: 0..1, partial };
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
            // A small file has coefficients of its own.
            let plans = plans(Layout::Rgb).into_iter().filter(|(_, plan)| plan.effort != Effort::Small);
            let files: Vec<Vec<u8>> = plans.map(|(_, plan)| written(&picture(width, height, Layout::Rgb), &plan)).collect();
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
                for eighths in [1, 4, 8] {
                    let code = decoded_at(eighths, &file[..cut], false).expect_err(&name).code();
                    assert_eq!(code, "truncated", "{name}, cut at {cut}, {eighths}/8");
                }
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
            for eighths in 1..8 {
                let (scaled, warnings) = decoded_at(eighths, &file[..scan + 20], true).expect(&name);
                assert_eq!((scaled.is_empty(), warnings[0].code), (false, "truncated"), "{name} at {eighths}/8");
            }
            let (nearly, _) = decoded(&file[..file.len() - 2], true).expect(&name);
            assert!(nearly == all, "{name}: only the end of image is missing");
        }
    }

    #[test]
    fn missing_data_in_a_file_with_an_end_is_noticed() {
        for (name, file) in small_files() {
            let short = [&file[..file.len() - 4], b"\xFF\xD9"].concat();
            // Of a progressive file the last scan may hold nothing that a smaller picture needs, and is not read then.
            for eighths in if name.contains("progressive") { 8..=8 } else { 1..=8 } {
                assert_eq!(decoded_at(eighths, &short, false).expect_err(&name).code(), "truncated", "{name} at {eighths}/8");
            }
        }
    }

    #[test]
    fn bytes_behind_the_end_are_nothing() {
        let (_, file) = small_files().remove(0);
        assert_eq!(whole(&[&file[..], b"\xFF\xD8<html>"].concat()), whole(&file));
    }

    #[test]
    fn no_flipped_bit_breaks_the_decoder() {
        let refined = super::super::scaled_tests::REFINED.to_vec();
        let others = [refined, super::super::lines_tests::small_file(false), super::super::lines_tests::small_file(true)];
        for mut file in small_files().into_iter().step_by(4).map(|(_, file)| file).chain(others) {
            for bit in 16..file.len() * 8 {
                file[bit / 8] ^= 1 << (bit % 8);
                // Flipped sizes may be as large as the format allows; plans refuse those.
                let size = super::super::probe(&file, &Context::default().limits).map_or(0, |found| found.size.pixels());
                if size < 1 << 16 {
                    for (eighths, partial) in [(8, false), (8, true), (1, false), (3, true)] {
                        if let Err(error) = decoded_at(eighths, &file, partial) {
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
        let plan = DecodePlan { eighths: 8, chroma_eighths: None, deep: false, frames: 0..1, partial: false };
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
