//! Pictures whose height is told by a DNL segment behind their first scan: read as if the frame header had told it.

use std::ops::ControlFlow;

use super::encode::tests::{picture, plans, restarted, written};
use super::segments::{SOF0, SOF2, SOS};
use super::{decode, probe};
use crate::decode::{DecodePlan, Row, Shape, Sink, Want};
use crate::error::Error;
use crate::limits::{Context, Limits};
use crate::pixels::Layout;
use crate::recipe::{ChromaSubsampling, Effort, Recipe};
use crate::report::Warning;

/// Where the height lies in the frame header, and where the first scan ends.
fn places(file: &[u8]) -> (usize, usize) {
    let frame = file.windows(2).position(|pair| pair == [0xFF, SOF0] || pair == [0xFF, SOF2]).expect("a frame header");
    let scan = file.windows(2).position(|pair| pair == [0xFF, SOS]).expect("a scan");
    let is_end = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xD0..=0xD7);
    (frame + 5, scan + 2 + file[scan + 2..].windows(2).position(is_end).expect("an end of the scan"))
}

/// The file with `segments` behind its first scan.
fn with_behind_scan(file: &[u8], segments: &[u8]) -> Vec<u8> {
    let (_, end) = places(file);
    [&file[..end], segments, &file[end..]].concat()
}

/// The file without a height in its frame header, and with `segments` behind its first scan.
fn without_height(file: &[u8], segments: &[u8]) -> Vec<u8> {
    let mut file = with_behind_scan(file, segments);
    let (height, _) = places(&file);
    file[height..height + 2].fill(0);
    file
}

fn dnl(height: u16) -> Vec<u8> {
    [&b"\xFF\xDC\x00\x04"[..], &height.to_be_bytes()].concat()
}

/// A file whose height is told behind its first scan; some hundred bytes long.
pub(super) fn small_file(progressive: bool) -> Vec<u8> {
    without_height(&restarted(&picture(17, 9, Layout::Rgb), Some(ChromaSubsampling::Cs420), progressive, 1), &dnl(9))
}

/// Files of every kind, with and without restarts.
fn files(width: u32, height: u32) -> Vec<(String, Layout, Vec<u8>)> {
    let mut files = Vec::new();
    for layout in [Layout::Rgb, Layout::Gray] {
        let picture = picture(width, height, layout);
        let plans =
            plans(layout).into_iter().filter(|(name, plan)| name.contains("Cs420") || layout == Layout::Rgb && plan.effort == Effort::Fast);
        files.extend(plans.map(|(name, plan)| (format!("{width}x{height} {layout:?} {name}"), layout, written(&picture, &plan))));
        let chroma = (layout == Layout::Rgb).then_some(ChromaSubsampling::Cs420);
        for (progressive, interval) in [(false, 1), (false, 4), (true, 3)] {
            let name = format!("{width}x{height} {layout:?}, restarts after {interval}, progressive: {progressive}");
            files.push((name, layout, restarted(&picture, chroma, progressive, interval)));
        }
    }
    files
}

/// What comes of a file: rows of pixels, or of planes.
#[derive(Debug, Default)]
struct First {
    pixels: [Vec<u8>; 3],
    warnings: Vec<Warning>,
}

impl Sink for First {
    fn frame(&mut self, _: &Shape, _: u32) -> Result<(), Error> {
        Ok(())
    }

    fn row(&mut self, plane: usize, row: Row<'_>) -> ControlFlow<()> {
        let Row::U8(row) = row else { panic!("rows of 16 bits") };
        self.pixels[plane].extend_from_slice(row);
        ControlFlow::Continue(())
    }
}

fn decoded(file: &[u8], (eighths, chroma_eighths): (u8, Option<u8>), partial: bool) -> Result<First, Error> {
    let plan = DecodePlan { eighths, chroma_eighths, deep: false, frames: 0..1, partial };
    let mut first = First::default();
    first.warnings = decode(file, &mut [Want { plan, sink: &mut first }], &Context::default())?.warnings;
    Ok(first)
}

fn bytes(first: &First) -> &[u8] {
    &first.pixels[0]
}

/// Rows at each N/8, and planes at some.
fn scales(layout: Layout) -> Vec<(u8, Option<u8>)> {
    let planes = [(8, Some(8)), (3, Some(6)), (1, Some(2))];
    (1..=8).map(|n| (n, None)).chain(planes.into_iter().filter(|_| layout == Layout::Rgb)).collect()
}

#[test]
fn a_height_behind_the_first_scan_is_as_good_as_one_before_it() {
    for (width, height) in [(1, 1), (17, 9), (97, 61)] {
        for (name, layout, file) in files(width, height) {
            let other = without_height(&file, &dnl(height as u16));
            let limits = Limits::default();
            assert_eq!(probe(&other, &limits).expect(&name), probe(&file, &limits).expect(&name), "{name}");
            for scale in scales(layout) {
                let (expected, got) = (decoded(&file, scale, false).expect(&name), decoded(&other, scale, false).expect(&name));
                assert!(got.pixels == expected.pixels && got.warnings.is_empty(), "{name} at {scale:?}");
            }
        }
    }
}

#[test]
fn a_height_that_nothing_tells_is_malformed() {
    let cases: [(&str, &[u8]); 7] = [
        ("none", b""),
        ("of 0", b"\xFF\xDC\x00\x04\x00\x00"),
        ("of length 0", b"\xFF\xDC\x00\x00"),
        ("of length 3", b"\xFF\xDC\x00\x03\x09"),
        ("of length 5", b"\xFF\xDC\x00\x05\x00\x09\x00"),
        ("behind a comment", b"\xFF\xFE\x00\x02\xFF\xDC\x00\x04\x00\x09"),
        ("behind the end", b"\xFF\xD9\xFF\xDC\x00\x04\x00\x09"),
    ];
    for (name, _, file) in files(17, 9) {
        for (case, segments) in cases {
            let other = without_height(&file, segments);
            for error in [probe(&other, &Limits::default()).expect_err(case), decoded(&other, (8, None), true).expect_err(case)] {
                let expected =
                    "the JPEG file is damaged: the picture is 17x0 pixels, and no DNL segment behind the first scan says otherwise";
                assert_eq!((error.code(), error.to_string().as_str()), ("malformed", expected), "{name}, {case}");
            }
        }
        let before = [b"\xFF\xD8", &dnl(9)[..], &without_height(&file, b"")[2..]].concat();
        assert_eq!(probe(&before, &Limits::default()).expect_err("not behind the scan").code(), "malformed", "{name}");
    }
}

/// As in libjpeg, whatever it says.
#[test]
fn beside_a_height_in_the_frame_header_a_dnl_segment_is_nothing() {
    for (name, _, file) in files(17, 9) {
        let expected = decoded(&file, (8, None), false).expect(&name);
        for segment in [&dnl(9)[..], &dnl(3), &dnl(u16::MAX), &dnl(0), b"\xFF\xDC\x00\x00", b"\xFF\xDC\x00\x02", b"\xFF\xDC\x00\x05abc"] {
            let other = with_behind_scan(&file, segment);
            let found = |file: &[u8]| probe(file, &Limits::default()).expect(&name);
            assert_eq!(found(&other), found(&file), "{name}, {segment:02X?}");
            assert!(decoded(&other, (8, None), false).expect(&name).pixels == expected.pixels, "{name}, {segment:02X?}");
        }
    }
}

#[test]
fn a_height_that_is_too_great_is_that_of_a_truncated_file() {
    for (name, layout, file) in files(97, 61) {
        let other = without_height(&file, &dnl(400));
        for scale in scales(layout) {
            assert_eq!(decoded(&other, scale, false).expect_err(&name).code(), "truncated", "{name} at {scale:?}");
        }
        for eighths in 1..=8 {
            let scale = (eighths, None);
            let (expected, got) = (decoded(&file, scale, false).expect(&name), decoded(&other, scale, true).expect(&name));
            assert_eq!((got.warnings.len(), got.warnings[0].code), (1, "truncated"), "{name} at {eighths}/8");
            let stride = (97 * usize::from(eighths)).div_ceil(8) * layout.channels();
            assert_eq!(bytes(&got).len(), stride * 50 * usize::from(eighths), "{name} at {eighths}/8");
            // 48 lines are in units that are whole.
            let there = stride * 6 * usize::from(eighths);
            assert!(bytes(&got)[..there] == bytes(&expected)[..there], "{name} at {eighths}/8");
        }
    }
}

#[test]
fn a_height_behind_the_first_scan_is_held_against_the_limits() {
    let ctx = Context::with_limits(Limits { max_decoded_pixels: 97 * 61, ..Limits::default() });
    for (name, _, file) in files(97, 61) {
        let code = |height: u16| {
            crate::convert(&without_height(&file, &dnl(height)), &Recipe::default(), &ctx).map_or_else(|e| e.code(), |_| "ok")
        };
        assert_eq!([61, 62, u16::MAX].map(code), ["ok", "limit_exceeded", "limit_exceeded"], "{name}");
    }
}

#[test]
fn no_beginning_of_such_a_file_is_taken_for_the_whole() {
    for progressive in [false, true] {
        let file = small_file(progressive);
        let all = decoded(&file, (8, None), false).expect("a whole file");
        let (_, end) = places(&file);
        for cut in 2..file.len() {
            assert_eq!(decoded(&file[..cut], (8, None), false).expect_err("cut").code(), "truncated", "cut at {cut}");
            // Without its height there is no picture, not even a part of it.
            let part = decoded(&file[..cut], (8, None), true);
            match part {
                Ok(part) => assert!(cut >= end + 6 && bytes(&part).len() == bytes(&all).len() && part.warnings.len() == 1, "cut at {cut}"),
                Err(error) => assert!(cut < end + 6 && error.code() == "truncated", "cut at {cut}: {error}"),
            }
        }
    }
}
