//! Bytes into rows: a decoder pushes, a sink keeps.
//!
//! One call, no resumable state; foreign panics end here. Comes in: bytes, what is wanted of them, limits.
//! Goes out: rows into sinks. It must not know what is done with the pixels.

use std::ops::{ControlFlow, Range};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::codec::{self, Format};
use crate::error::Error;
use crate::geometry::Ratio;
use crate::limits::{Context, Stage};
use crate::pixels::{Layout, Raster, Samples, to_8_bits};
use crate::report::Warning;

/// A row of one plane.
#[derive(Debug, Clone, Copy)]
pub enum Row<'a> {
    /// Samples of 8 bits.
    U8(&'a [u8]),
    /// Samples of 16 bits.
    U16(&'a [u16]),
}

/// The size of a plane and how many of its samples fall on a picture pixel, across and down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaneShape {
    /// Samples in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Samples a picture pixel, across and down.
    pub per_pixel: [Ratio; 2],
}

/// What a frame's rows will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// The canvas, in pixels.
    pub width: u32,
    /// The canvas, in rows.
    pub height: u32,
    /// Whether rows hold 16 bits a sample.
    pub deep: bool,
    /// The channels of interleaved rows. None: three planes, YCbCr.
    pub layout: Option<Layout>,
    /// The planes, where there are any.
    pub planes: Vec<PlaneShape>,
}

impl Shape {
    /// Interleaved rows of 8 or 16 bits.
    #[must_use]
    pub fn rows(width: u32, height: u32, layout: Layout, deep: bool) -> Shape {
        Shape { width, height, deep, layout: Some(layout), planes: Vec::new() }
    }
}

/// Takes the rows of a decoder and owns the buffers that they go to.
pub trait Sink {
    /// Comes before a frame's rows: makes the buffers.
    ///
    /// # Errors
    /// `limit_exceeded` where the frame is larger than was planned.
    fn frame(&mut self, shape: &Shape, delay_ms: u32) -> Result<(), Error>;

    /// The next row of a plane, top down (plane 0 where rows are interleaved). `Break`: enough.
    fn row(&mut self, plane: usize, row: Row<'_>) -> ControlFlow<()>;
}

/// How a file is to be decoded; renditions with equal ones share a pass.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DecodePlan {
    /// N of the scale N/8; 8 decodes every pixel.
    pub eighths: u8,
    /// N of the scale N/8 of chroma, where YCbCr planes are pushed, each at its own size. None: rows of pixels.
    pub chroma_eighths: Option<u8>,
    /// 16-bit rows where the file has them.
    pub deep: bool,
    /// Which frames.
    pub frames: Range<u32>,
    /// A truncated file gives what there is.
    pub partial: bool,
}

/// One way of decoding, and the sink for it.
pub struct Want<'a> {
    /// How.
    pub plan: DecodePlan,
    /// Where to.
    pub sink: &'a mut dyn Sink,
}

/// What a decoder answers: warnings, and whether the file ended early (only where `partial` allowed it).
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Decoded {
    pub(crate) warnings: Vec<Warning>,
}

/// Decodes the file once for all wants.
pub(crate) fn decode(input: &[u8], format: Format, wants: &mut [Want<'_>], ctx: &Context) -> Result<Decoded, Error> {
    ctx.go_on(Stage::Decode)?;
    contain(|| codec::decode(format, input, wants, ctx))
}

/// Decodes the first frame into memory, whole.
pub(crate) fn collect(input: &[u8], format: Format, plan: DecodePlan, ctx: &Context) -> Result<Raster, Error> {
    let mut sink = Collect::new(plan.deep);
    decode(input, format, &mut [Want { plan, sink: &mut sink }], ctx)?;
    sink.first()
}

/// Runs foreign code; its panic becomes `internal`. In WebAssembly nothing can be caught, so nothing here relies on it.
pub(crate) fn contain<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, Error> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => result,
        Err(panic) => {
            let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
            Err(Error::internal(format!("a decoder panicked: {}", text.unwrap_or_default())))
        }
    }
}

/// The sink that keeps all: one raster a frame.
#[derive(Debug, Default)]
pub(crate) struct Collect {
    /// Keep 16 bits; else they are rounded to 8 on entry.
    pub(crate) deep: bool,
    pub(crate) frames: Vec<(Raster, u32)>,
}

impl Collect {
    pub(crate) fn new(deep: bool) -> Collect {
        Collect { deep, frames: Vec::new() }
    }

    /// The first frame.
    pub(crate) fn first(self) -> Result<Raster, Error> {
        self.finish().into_iter().next().map(|(raster, _)| raster).ok_or_else(|| Error::internal("a decoder gave no frame"))
    }

    /// Pads the last frame with transparent or black rows when the file ended early.
    pub(crate) fn finish(mut self) -> Vec<(Raster, u32)> {
        for (raster, _) in &mut self.frames {
            let full = raster.stride() * raster.height as usize;
            match &mut raster.samples {
                Samples::U8(samples) => samples.resize(full, 0),
                Samples::U16(samples) => samples.resize(full, 0),
            }
        }
        self.frames
    }
}

impl Sink for Collect {
    fn frame(&mut self, shape: &Shape, delay_ms: u32) -> Result<(), Error> {
        let layout = shape.layout.ok_or_else(|| Error::internal("planes were pushed where rows were asked for"))?;
        let len = shape.width as usize * shape.height as usize * layout.channels();
        let samples = if shape.deep && self.deep { Samples::U16(Vec::with_capacity(len)) } else { Samples::U8(Vec::with_capacity(len)) };
        self.frames.push((Raster { width: shape.width, height: shape.height, layout, samples }, delay_ms));
        Ok(())
    }

    fn row(&mut self, _plane: usize, row: Row<'_>) -> ControlFlow<()> {
        let Some((raster, _)) = self.frames.last_mut() else { return ControlFlow::Break(()) };
        let room = raster.stride() * raster.height as usize - raster.samples.len();
        match (&mut raster.samples, row) {
            (Samples::U8(samples), Row::U8(row)) => samples.extend_from_slice(&row[..row.len().min(room)]),
            (Samples::U8(samples), Row::U16(row)) => samples.extend(row.iter().take(room).map(|&v| to_8_bits(v))),
            (Samples::U16(samples), Row::U16(row)) => samples.extend_from_slice(&row[..row.len().min(room)]),
            (Samples::U16(samples), Row::U8(row)) => samples.extend(row.iter().take(room).map(|&v| u16::from(v) * 257)),
        }
        ControlFlow::Continue(())
    }
}

/// The sink that joins renditions which share a decode plan: each row goes to all that still want it.
pub(crate) struct Fan<'a> {
    sinks: Vec<(&'a mut dyn Sink, bool)>,
}

impl<'a> Fan<'a> {
    pub(crate) fn new(sinks: Vec<&'a mut dyn Sink>) -> Fan<'a> {
        Fan { sinks: sinks.into_iter().map(|sink| (sink, true)).collect() }
    }
}

impl Sink for Fan<'_> {
    fn frame(&mut self, shape: &Shape, delay_ms: u32) -> Result<(), Error> {
        self.sinks.iter_mut().try_for_each(|(sink, wants)| {
            *wants = true;
            sink.frame(shape, delay_ms)
        })
    }

    fn row(&mut self, plane: usize, row: Row<'_>) -> ControlFlow<()> {
        for (sink, wants) in &mut self.sinks {
            *wants = *wants && sink.row(plane, row).is_continue();
        }
        if self.sinks.iter().any(|(_, wants)| *wants) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_panic_is_an_internal_error() {
        let result: Result<(), Error> = contain(|| panic!("index out of bounds"));
        let error = result.expect_err("a panic is no result");
        assert_eq!((error.code(), error.to_string().as_str()), ("internal", "internal error: a decoder panicked: index out of bounds"));
    }

    #[test]
    fn what_a_truncated_file_lacks_is_padded() {
        let mut sink = Collect::new(false);
        sink.frame(&Shape::rows(2, 3, Layout::Gray, false), 0).expect("a frame");
        assert!(sink.row(0, Row::U8(&[1, 2])).is_continue());
        assert_eq!(sink.finish()[0].0.bytes(), [1, 2, 0, 0, 0, 0]);
    }

    #[test]
    fn deep_rows_are_rounded_on_entry_unless_depth_is_wanted() {
        for (deep, expected) in [(false, Samples::U8(vec![0, 255])), (true, Samples::U16(vec![127, 65_535]))] {
            let mut sink = Collect::new(deep);
            sink.frame(&Shape::rows(2, 1, Layout::Gray, true), 0).expect("a frame");
            assert!(sink.row(0, Row::U16(&[127, 65_535])).is_continue());
            assert_eq!(sink.finish()[0].0.samples, expected);
        }
    }

    #[test]
    fn a_fan_goes_on_while_anyone_wants_rows() {
        struct First(Vec<u8>);
        impl Sink for First {
            fn frame(&mut self, _: &Shape, _: u32) -> Result<(), Error> {
                Ok(())
            }
            fn row(&mut self, _: usize, row: Row<'_>) -> ControlFlow<()> {
                if let Row::U8(row) = row {
                    self.0.extend_from_slice(row);
                }
                ControlFlow::Break(())
            }
        }
        let (mut first, mut all) = (First(Vec::new()), Collect::new(false));
        let mut fan = Fan::new(vec![&mut first, &mut all]);
        fan.frame(&Shape::rows(1, 2, Layout::Gray, false), 0).expect("a frame");
        assert!(fan.row(0, Row::U8(&[7])).is_continue());
        assert!(fan.row(0, Row::U8(&[8])).is_continue());
        assert_eq!((first.0, all.finish()[0].0.bytes()), (vec![7], &[7, 8][..]));
    }
}
