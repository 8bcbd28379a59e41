//! The first frame, as rows of the canvas. What the frame leaves free, or its data lacks, is transparent, or black where there is no alpha.

use super::blocks::Survey;
use super::lzw::{Lzw, Stop};
use crate::codec::Format;
use crate::decode::{Fan, Row, Shape, Sink};
use crate::error::Error;
use crate::limits::{Context, Stage};

/// Row by row; an interlaced frame as a whole. The answer is whether all pixels were there.
pub(super) fn push(survey: &Survey<'_>, sink: &mut Fan<'_>, partial: bool, ctx: &Context) -> Result<bool, Error> {
    let (canvas, top, visible) = (survey.canvas, survey.first.place.top, survey.visible());
    sink.frame(&Shape::rows(canvas.width, canvas.height, survey.layout(), false), 0)?;
    let mut indices = Indices::new(survey)?;
    let held = if survey.first.is_interlaced { Some(deinterlace(&mut indices, survey, ctx)?) } else { None };
    let mut row = CanvasRow::new(survey);
    for y in 0..canvas.height {
        if y % 64 == 0 {
            ctx.go_on(Stage::Decode)?;
        }
        let at = y.checked_sub(top).filter(|&y| y < visible.height);
        if at.is_some() && held.is_none() {
            indices.advance();
        }
        if let Some(error) = indices.error(partial) {
            return Err(error);
        }
        let inside = match (at, &held) {
            (None, _) => &[],
            (Some(y), Some(held)) => held.row(y),
            (Some(_), None) => indices.row(),
        };
        if sink.row(0, Row::U8(row.compose(&inside[..inside.len().min(visible.width as usize)]))).is_break() {
            return Ok(true);
        }
    }
    Ok(indices.stop.is_none())
}

/// The frame's indices, row by row in the order of the file.
struct Indices<'a> {
    lzw: Option<Lzw<'a>>,
    row: Vec<u8>,
    filled: usize,
    count: u64,
    /// Why the data ended, and whether there were any pixels before that.
    stop: Option<(Stop, bool)>,
}

impl<'a> Indices<'a> {
    fn new(survey: &Survey<'a>) -> Result<Indices<'a>, Error> {
        let visible = survey.visible();
        let is_empty = visible.width == 0 || visible.height == 0;
        let lzw = if is_empty {
            None
        } else {
            Some(Lzw::new(survey.first.data).ok_or_else(|| Error::malformed(Format::Gif, "its code size is none"))?)
        };
        Ok(Indices { lzw, row: vec![0; survey.first.place.width as usize], filled: 0, count: 0, stop: None })
    }

    /// Reads the next row.
    fn advance(&mut self) {
        self.filled = 0;
        let Some(lzw) = self.lzw.as_mut().filter(|_| self.stop.is_none()) else { return };
        match lzw.fill(&mut self.row) {
            Ok(()) => self.filled = self.row.len(),
            Err((filled, stop)) => {
                self.filled = filled;
                self.stop = Some((stop, self.count + filled as u64 > 0));
            }
        }
        self.count += self.filled as u64;
    }

    /// Shorter than the frame where the data ends.
    fn row(&self) -> &[u8] {
        &self.row[..self.filled]
    }

    /// Data that ends in order but too early is let pass, as other decoders do; a file that ends early only where `partial` allows it.
    fn error(&self, partial: bool) -> Option<Error> {
        match self.stop? {
            (Stop::Bad, _) => Some(Error::malformed(Format::Gif, "its data holds a code that stands for nothing")),
            (Stop::End, true) => None,
            (Stop::Cut, true) if partial => None,
            _ => Some(Error::truncated(Format::Gif, "pixels of the first frame are missing")),
        }
    }
}

/// An interlaced frame's visible indices.
struct Held {
    stride: usize,
    indices: Vec<u8>,
    lengths: Vec<u32>,
}

impl Held {
    fn row(&self, y: u32) -> &[u8] {
        let length = self.lengths.get(y as usize).copied().unwrap_or_default() as usize;
        self.indices.get(y as usize * self.stride..).and_then(|rest| rest.get(..length)).unwrap_or_default()
    }
}

fn deinterlace(indices: &mut Indices<'_>, survey: &Survey<'_>, ctx: &Context) -> Result<Held, Error> {
    let visible = survey.visible();
    let stride = visible.width as usize;
    let mut held = Held { stride, indices: vec![0; stride * visible.height as usize], lengths: vec![0; visible.height as usize] };
    let height = survey.first.place.height as usize;
    let order = [(0, 8), (4, 8), (2, 4), (1, 2)].into_iter().flat_map(|(start, step)| (start..height).step_by(step));
    for (count, y) in order.enumerate() {
        if count % 64 == 0 {
            ctx.go_on(Stage::Decode)?;
        }
        indices.advance();
        let row = indices.row();
        if let Some(length) = held.lengths.get_mut(y) {
            let shown = row.len().min(stride);
            *length = shown as u32;
            held.indices[y * stride..][..shown].copy_from_slice(&row[..shown]);
        }
        if indices.stop.is_some() {
            break;
        }
    }
    Ok(held)
}

/// A row of the canvas, made anew for each.
struct CanvasRow {
    colors: [[u8; 4]; 256],
    channels: usize,
    left: usize,
    bytes: Vec<u8>,
}

impl CanvasRow {
    fn new(survey: &Survey<'_>) -> CanvasRow {
        let mut colors = [[0, 0, 0, 255]; 256];
        for (color, entry) in colors.iter_mut().zip(survey.first.palette.chunks_exact(3)) {
            color[..3].copy_from_slice(entry);
        }
        if let Some(index) = survey.first.transparent {
            colors[usize::from(index)] = [0; 4];
        }
        let channels = survey.layout().channels();
        let bytes = vec![0; survey.canvas.width as usize * channels];
        CanvasRow { colors, channels, left: survey.first.place.left as usize * channels, bytes }
    }

    fn compose(&mut self, indices: &[u8]) -> &[u8] {
        self.bytes.fill(0);
        let target = self.bytes.get_mut(self.left..).unwrap_or_default();
        for (to, &index) in target.chunks_exact_mut(self.channels).zip(indices) {
            to.copy_from_slice(&self.colors[usize::from(index)][..self.channels]);
        }
        &self.bytes
    }
}
