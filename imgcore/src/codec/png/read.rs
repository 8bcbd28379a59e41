//! Picture data into rows. The decoder sees a stream of its own: IHDR, PLTE and tRNS as probe took them, the IDAT chunks, and an end;
//! so no text, profile or animation chunk of the file costs anything or is an error here.

use std::io::{self, BufRead, Seek, SeekFrom};
use std::ops::ControlFlow;

use png::{Decoder, DecodingError, Transformations};

use super::chunks::{Chunks, Head};
use crate::codec::Format;
use crate::decode::{Fan, Row, Shape, Sink};
use crate::error::Error;
use crate::limits::{Context, Stage};
use crate::pixels::Layout;

type Reader<'a> = png::Reader<Stream<'a>>;

const END: [u8; 12] = [0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xAE, 0x42, 0x60, 0x82];

/// Pushes the default image; stops when it is complete, whatever the data would still inflate to.
///
/// Where the file ends early and `partial` allows it, what there is is pushed, and the answer is false.
pub(super) fn push(input: &[u8], head: &Head<'_>, sink: &mut Fan<'_>, partial: bool, ctx: &Context) -> Result<bool, Error> {
    let mut decoder = Decoder::new_with_limits(Stream::new(input, head), png::Limits { bytes: head.scratch() as usize });
    decoder.set_transformations(Transformations::EXPAND);
    let mut reader = decoder.read_info().map_err(failed)?;

    let shape = Shape::rows(head.size.width, head.size.height, head.layout(), head.is_deep());
    let expected = match head.layout() {
        Layout::Gray => png::ColorType::Grayscale,
        Layout::GrayAlpha => png::ColorType::GrayscaleAlpha,
        Layout::Rgb => png::ColorType::Rgb,
        Layout::Rgba => png::ColorType::Rgba,
    };
    let (color, depth) = reader.output_color_type();
    if color != expected || (depth == png::BitDepth::Sixteen) != shape.deep {
        return Err(Error::internal("the PNG decoder's rows are not those of the header"));
    }
    let mut rows = Rows { deep: Vec::new(), is_deep: shape.deep };
    let read = if head.is_interlaced {
        let (picture, read) = deinterlace(&mut reader, head, partial, ctx)?;
        sink.frame(&shape, 0)?;
        for row in picture.chunks_exact(head.decoded_row() as usize) {
            if rows.push(sink, row).is_break() {
                return Ok(true);
            }
        }
        read
    } else {
        sink.frame(&shape, 0)?;
        push_rows(&mut reader, head.size.height, &mut rows, sink, ctx)?
    };
    match read {
        Read::Enough => Ok(true),
        // The rest of the data is not inflated; its checksums are looked at.
        Read::All => match reader.next_row().map_err(failed) {
            Err(Error::Truncated { .. }) if partial => Ok(false),
            result => result.map(|_| true),
        },
        Read::Some(Error::Truncated { .. }) if partial => Ok(false),
        Read::Some(error) => Err(error),
    }
}

/// How far reading came: an error after the first row leaves something to show.
enum Read {
    All,
    Enough,
    Some(Error),
}

fn push_rows(reader: &mut Reader<'_>, height: u32, rows: &mut Rows, sink: &mut Fan<'_>, ctx: &Context) -> Result<Read, Error> {
    for y in 0..height {
        if y % 64 == 0 {
            ctx.go_on(Stage::Decode)?;
        }
        match reader.next_row().map_err(failed).and_then(|row| row.ok_or_else(missing)) {
            Ok(row) if rows.push(sink, row.data()).is_break() => return Ok(Read::Enough),
            Ok(_) => {}
            Err(error) if y > 0 => return Ok(Read::Some(error)),
            Err(error) => return Err(error),
        }
    }
    Ok(Read::All)
}

fn deinterlace(reader: &mut Reader<'_>, head: &Head<'_>, partial: bool, ctx: &Context) -> Result<(Vec<u8>, Read), Error> {
    let stride = head.decoded_row() as usize;
    let bits = (stride / head.size.width as usize * 8) as u8;
    let mut picture = vec![0; stride * head.size.height as usize];
    for count in 0_u64.. {
        if count % 64 == 0 {
            ctx.go_on(Stage::Decode)?;
        }
        match reader.next_interlaced_row().map_err(failed) {
            Ok(Some(row)) => {
                let png::InterlaceInfo::Adam7(info) = row.interlace() else { break };
                // What a truncated file has of the picture is spread over the pixels that it lacks.
                let expand = if partial { png::splat_interlaced_row } else { png::expand_interlaced_row };
                expand(&mut picture, stride, row.data(), info, bits);
            }
            Ok(None) => break,
            Err(error) if count > 0 => return Ok((picture, Read::Some(error))),
            Err(error) => return Err(error),
        }
    }
    Ok((picture, Read::Enough))
}

/// Rows of bytes, or of big-endian words.
struct Rows {
    deep: Vec<u16>,
    is_deep: bool,
}

impl Rows {
    fn push(&mut self, sink: &mut Fan<'_>, bytes: &[u8]) -> ControlFlow<()> {
        if !self.is_deep {
            return sink.row(0, Row::U8(bytes));
        }
        self.deep.clear();
        self.deep.extend(bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])));
        sink.row(0, Row::U16(&self.deep))
    }
}

fn missing() -> Error {
    Error::truncated(Format::Png, "rows of the picture are missing")
}

/// The decoder's error as ours. Its kinds are private, so that data which ends early in a whole file is told by the words.
fn failed(error: DecodingError) -> Error {
    match &error {
        DecodingError::IoError(e) if e.kind() == io::ErrorKind::UnexpectedEof => missing(),
        DecodingError::Format(e) if ["enough data", "InsufficientInput"].iter().any(|words| e.to_string().contains(words)) => missing(),
        _ => Error::malformed_by(Format::Png, error),
    }
}

/// The stream that the decoder reads: pieces of the file, one after the other.
struct Stream<'a> {
    pieces: std::vec::IntoIter<&'a [u8]>,
    data: Chunks<'a>,
    piece: &'a [u8],
    is_at_end: bool,
}

impl<'a> Stream<'a> {
    fn new(input: &'a [u8], head: &Head<'a>) -> Stream<'a> {
        let signature = input.get(..8).unwrap_or_default();
        Stream { pieces: head.needed.clone().into_iter(), data: Chunks::new(input, head.data_at), piece: signature, is_at_end: false }
    }

    /// After the last whole IDAT comes an end, unless the file ends there.
    fn next_piece(&mut self) -> Option<&'a [u8]> {
        if let Some(piece) = self.pieces.next() {
            return Some(piece);
        }
        if self.is_at_end {
            return None;
        }
        let chunk = self.data.next()?;
        if chunk.kind == *b"IDAT" {
            return Some(chunk.whole);
        }
        self.is_at_end = true;
        Some(&END)
    }
}

impl BufRead for Stream<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.piece.is_empty()
            && let Some(piece) = self.next_piece()
        {
            self.piece = piece;
        }
        Ok(self.piece)
    }

    fn consume(&mut self, amount: usize) {
        self.piece = self.piece.get(amount..).unwrap_or_default();
    }
}

impl io::Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let piece = self.fill_buf()?;
        let amount = piece.len().min(buffer.len());
        buffer[..amount].copy_from_slice(&piece[..amount]);
        self.consume(amount);
        Ok(amount)
    }
}

/// Asked for by the decoder's type, never used by it.
impl Seek for Stream<'_> {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
