//! From rows to the first buffer of a rendition: the whole picture, or what a resize leaves of it.
//!
//! Comes in: rows from a decoder, or pixels that are at hand. Goes out: pixels of 8 bits. Renditions that are fed alike share a buffer.

use std::mem;
use std::ops::ControlFlow;

use crate::codec::Format;
use crate::decode::{self, Collect, DecodePlan, Row, Shape, Sink, Want};
use crate::error::Error;
use crate::geometry::Size;
use crate::limits::Context;
use crate::ops::resize::Resizer;
use crate::pixels::{Layout, Pixels, Planes, Raster, Samples, to_8_bits};
use crate::plan::{Feed, Plan, ResizeSpec};
use crate::report::Warning;

/// How a picture is decoded and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) decode: DecodePlan,
    pub(crate) feed: Feed,
}

impl Way {
    pub(crate) fn of(plan: &Plan) -> Way {
        Way { decode: plan.decode.clone(), feed: plan.feed.clone() }
    }

    /// Whether a plan goes this way.
    pub(crate) fn serves(&self, plan: &Plan) -> bool {
        self.decode == plan.decode && self.feed == plan.feed
    }
}

/// A first buffer, and what the decoder warned of.
#[derive(Debug, Clone)]
pub(crate) struct First {
    pub(crate) pixels: Pixels,
    pub(crate) warnings: Vec<Warning>,
}

impl First {
    /// The pixels, for the time until they are given back.
    pub(crate) fn lend(&mut self) -> Pixels {
        let none = Raster { width: 0, height: 0, layout: Layout::Gray, samples: Samples::U8(Vec::new()) };
        mem::replace(&mut self.pixels, none.into())
    }
}

/// Decodes a file once, for all ways.
pub(crate) fn collect(input: &[u8], format: Format, ways: &[Way], ctx: &Context) -> Result<Vec<First>, Error> {
    let mut buffers: Vec<Buffer> = ways.iter().map(|way| Buffer::new(&way.feed)).collect();
    let mut wants: Vec<Want<'_>> = ways.iter().zip(&mut buffers).map(|(way, sink)| Want { plan: way.decode.clone(), sink }).collect();
    let decoded = decode::decode(input, format, &mut wants, ctx)?;
    drop(wants);
    let first = |buffer: Buffer| Ok(First { pixels: buffer.finish()?, warnings: decoded.warnings.clone() });
    buffers.into_iter().map(first).collect()
}

/// The first buffer of pixels that are at hand.
pub(crate) fn of_raster(raster: Raster, feed: &Feed) -> Result<First, Error> {
    let pixels = match feed {
        Feed::Raster { .. } => raster.into(),
        feed => {
            let mut buffer = Buffer::new(feed);
            buffer.frame(&Shape::rows(raster.width, raster.height, raster.layout, false), 0)?;
            let rows = raster.bytes().chunks_exact(raster.stride());
            let _ = rows.map(Row::U8).try_for_each(|row| buffer.row(0, row));
            buffer.finish()?
        }
    };
    Ok(First { pixels, warnings: Vec::new() })
}

/// The sink for a feed.
enum Buffer<'f> {
    Whole(Collect),
    Resized(Resized<'f>),
}

/// Resizes at work: one of rows, or one for each of three planes.
struct Resized<'f> {
    specs: Vec<&'f ResizeSpec>,
    resizers: Vec<Resizer>,
    /// A row of 16 bits, in 8.
    line: Vec<u8>,
}

impl Buffer<'_> {
    fn new(feed: &Feed) -> Buffer<'_> {
        let resized = |specs| Buffer::Resized(Resized { specs, resizers: Vec::new(), line: Vec::new() });
        match feed {
            Feed::Raster { .. } => Buffer::Whole(Collect::new(false)),
            Feed::Stream(spec) => resized(vec![spec]),
            Feed::Planes { luma, chroma } => resized(vec![luma, chroma, chroma]),
        }
    }

    fn finish(self) -> Result<Pixels, Error> {
        let resized = match self {
            Buffer::Whole(sink) => return Ok(sink.first()?.into()),
            Buffer::Resized(resized) => resized,
        };
        let rasters: Vec<Raster> = resized.resizers.into_iter().map(Resizer::finish).collect::<Result<_, _>>()?;
        match <[Raster; 3]>::try_from(rasters) {
            Ok(planes) => {
                let shape = Shape { width: planes[0].width, height: planes[0].height, deep: false, layout: None, planes: Vec::new() };
                Ok(Planes { shape, planes: planes.map(|plane| plane.samples.into_u8()) }.into())
            }
            Err(rasters) => Ok(rasters.into_iter().next().ok_or_else(|| Error::internal("a decoder gave no frame"))?.into()),
        }
    }
}

impl Sink for Buffer<'_> {
    fn frame(&mut self, shape: &Shape, delay_ms: u32) -> Result<(), Error> {
        let resized = match self {
            Buffer::Whole(sink) => return sink.frame(shape, delay_ms),
            Buffer::Resized(resized) => resized,
        };
        let sources: Vec<(Size, Layout)> = match shape.layout {
            Some(layout) => vec![(Size::new(shape.width, shape.height), layout)],
            None => shape.planes.iter().map(|plane| (Size::new(plane.width, plane.height), Layout::Gray)).collect(),
        };
        if sources.len() != resized.specs.len() {
            return Err(Error::internal("planes were pushed where rows were asked for, or rows for planes"));
        }
        let Resized { specs, resizers, .. } = resized;
        resizers.clear();
        for (at, (spec, source)) in specs.iter().zip(&sources).enumerate() {
            // The planes of chroma are alike.
            let resizer = match resizers.last() {
                Some(other) if (*spec, source) == (specs[at - 1], &sources[at - 1]) => other.another(spec),
                _ => Resizer::new(spec, source.0, source.1),
            };
            resizers.push(resizer);
        }
        Ok(())
    }

    fn row(&mut self, plane: usize, row: Row<'_>) -> ControlFlow<()> {
        let Resized { resizers, line, .. } = match self {
            Buffer::Whole(sink) => return sink.row(plane, row),
            Buffer::Resized(resized) => resized,
        };
        match (resizers.get_mut(plane), row) {
            (Some(resizer), Row::U8(row)) => resizer.push(row),
            (Some(resizer), Row::U16(row)) => {
                line.clear();
                line.extend(row.iter().map(|&sample| to_8_bits(sample)));
                resizer.push(line);
            }
            (None, _) => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }
}
