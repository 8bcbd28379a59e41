//! The segments of a file, in libjpeg's order.

use std::ops::Range;

use super::grid::Grid;
use super::huffman::Table;
use crate::codec::Format;
use crate::codec::jpeg::scan::ZIGZAG;
use crate::codec::jpeg::segments::{APP0, APP1, APP2, DHT, DQT, DRI, SOF0, SOF2, SOI, SOS};
use crate::error::Error;

/// What a segment holds at most.
const MOST: usize = 65_533;

/// A block of metadata that does not fit.
#[derive(Debug, thiserror::Error)]
#[error("{what} of {bytes} bytes does not fit a JPEG")]
struct TooLarge {
    what: &'static str,
    bytes: usize,
}

fn put(out: &mut Vec<u8>, marker: u8, body: &[&[u8]]) {
    let length: usize = body.iter().map(|part| part.len()).sum();
    out.extend([0xFF, marker]);
    out.extend((length as u16 + 2).to_be_bytes());
    body.iter().for_each(|part| out.extend_from_slice(part));
}

/// The start: JFIF 1.01, square pixels.
pub(super) fn put_start(out: &mut Vec<u8>) {
    out.extend([0xFF, SOI]);
    put(out, APP0, &[b"JFIF\0", &[1, 1, 0, 0, 1, 0, 1, 0, 0]]);
}

/// # Errors
/// `encode_failed` where the block is too large.
pub(super) fn put_exif(out: &mut Vec<u8>, exif: &[u8]) -> Result<(), Error> {
    let name = b"Exif\0\0";
    if name.len() + exif.len() > MOST {
        return Err(Error::encode_failed(Format::Jpeg, TooLarge { what: "an EXIF block", bytes: exif.len() }));
    }
    put(out, APP1, &[name, exif]);
    Ok(())
}

/// In as many segments as it takes.
///
/// # Errors
/// `encode_failed` where these are more than 255.
pub(super) fn put_profile(out: &mut Vec<u8>, icc: &[u8]) -> Result<(), Error> {
    let name = b"ICC_PROFILE\0";
    let parts = icc.chunks(MOST - name.len() - 2);
    let Ok(count) = u8::try_from(parts.len()) else {
        return Err(Error::encode_failed(Format::Jpeg, TooLarge { what: "an ICC profile", bytes: icc.len() }));
    };
    for (number, part) in (1..=count).zip(parts) {
        put(out, APP2, &[name, &[number, count], part]);
    }
    Ok(())
}

/// Quantization tables, and the frame.
pub(super) fn put_frame(out: &mut Vec<u8>, grid: &Grid, steps: &[[u8; 64]; 2], progressive: bool) {
    for (id, steps) in (0..).zip(&steps[..grid.components.len().min(2)]) {
        put(out, DQT, &[&[id], &ZIGZAG.map(|place| steps[usize::from(place)])]);
    }
    let [height, width] = [grid.height, grid.width].map(|side| (side as u16).to_be_bytes());
    let components: Vec<[u8; 3]> =
        (1..).zip(&grid.components).map(|(id, component)| [id, (component.h << 4 | component.v) as u8, component.table as u8]).collect();
    let marker = if progressive { SOF2 } else { SOF0 };
    put(out, marker, &[&[8], &height, &width, &[components.len() as u8], components.as_flattened()]);
}

/// A Huffman table; AC tables have 16 added to their number.
pub(super) fn put_table(out: &mut Vec<u8>, id: u8, table: &Table) {
    put(out, DHT, &[&[id], &table.counts, &table.symbols]);
}

/// Units between restarts, where there are any.
pub(super) fn put_restart_interval(out: &mut Vec<u8>, interval: u16) {
    if interval > 0 {
        put(out, DRI, &[&interval.to_be_bytes()]);
    }
}

/// What a scan holds.
pub(super) struct ScanHeader {
    pub(super) components: Range<usize>,
    /// Whether it has tables for DC, and for AC.
    pub(super) dc: bool,
    pub(super) ac: bool,
    /// The first and the last coefficient.
    pub(super) band: (usize, usize),
    /// The bit that earlier scans ended with, and the bit that this one ends with.
    pub(super) bits: (u32, u32),
}

pub(super) fn put_scan(out: &mut Vec<u8>, grid: &Grid, scan: &ScanHeader) {
    let part = |at: usize| {
        let table = grid.components[at].table as u8;
        [at as u8 + 1, if scan.dc { table << 4 } else { 0 } | if scan.ac { table } else { 0 }]
    };
    let parts: Vec<[u8; 2]> = scan.components.clone().map(part).collect();
    let end = [scan.band.0 as u8, scan.band.1 as u8, (scan.bits.0 << 4 | scan.bits.1) as u8];
    put(out, SOS, &[&[parts.len() as u8], parts.as_flattened(), &end]);
}
