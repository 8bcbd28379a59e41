//! Every file of the corpus ends as its manifest says.
//!
//! The corpus is a folder of 817 pictures of other people's making, judged by other people's programs; `IMGCORE_CORPUS` names it.

#![expect(clippy::print_stdout, reason = "tells the counts")]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use imgcore::{Context, Error, Header, Layout, OnTruncated, Pixels, Raster, Recipe, Samples, convert, decode, probe};
use sha2::{Digest, Sha256};

use common::Row;

const ROWS: usize = 817;

#[test]
fn every_file_ends_as_the_manifest_says() {
    let Some(corpus) = common::folder("IMGCORE_CORPUS", "every_file_ends_as_the_manifest_says") else { return };
    let rows = common::table(&corpus.join("MANIFEST.tsv"));
    assert_eq!(rows.len(), ROWS, "rows in the manifest");
    let known = known();

    let verdicts = common::in_parallel(&rows, |row| verdict(&corpus, row));
    let (mut counts, mut faults) = (BTreeMap::<String, usize>::new(), Vec::new());
    for (row, verdict) in rows.iter().zip(verdicts) {
        let path = row.get("path");
        let what = match (&verdict, known.contains_key(path)) {
            (Ok(what), false) => what,
            (Err(_), true) => "known to fail",
            (Ok(_), true) => {
                faults.push(format!("{path}: is listed as failing, and passes"));
                "fails"
            }
            (Err(fault), false) => {
                faults.push(format!("{path} ({}, {}): {fault}", row.get("expect"), row.get("features")));
                "fails"
            }
        };
        *counts.entry(format!("{:5} {:18} {what}", row.get("format"), row.get("expect"))).or_default() += 1;
    }
    for path in known.keys().filter(|&path| !rows.iter().any(|row| row.get("path") == path)) {
        faults.push(format!("{path}: is listed as failing, and is not in the manifest"));
    }
    let table = counts.iter().map(|(what, count)| format!("{count:4} {what}\n")).collect::<String>();
    println!("{table}");
    assert!(faults.is_empty(), "{} of {ROWS} rows fail:\n{}\n\n{table}", faults.len(), faults.join("\n"));
}

/// The rows that are known to fail, and why: few, and never a refuge for more.
fn known() -> BTreeMap<String, String> {
    let rows = common::table(&common::data().join("corpus-known.tsv"));
    let tiff = rows.iter().filter(|row| row.get("path").starts_with("tiff/")).count();
    assert!(tiff <= 12, "{tiff} TIFF rows are listed as failing");
    assert!(rows.len() - tiff <= 5, "{} rows outside TIFF are listed as failing", rows.len() - tiff);
    rows.iter().map(|row| (row.get("path").to_owned(), row.get("reason").to_owned())).collect()
}

/// What came of a file, in a word; or what is wrong with that.
fn verdict(corpus: &Path, row: &Row) -> Result<&'static str, String> {
    let input = fs::read(corpus.join(row.get("path"))).map_err(|e| e.to_string())?;
    if hex(&Sha256::digest(&input)) != row.get("sha256") {
        return Err("is not the file that the manifest means".into());
    }
    let found = probe(&input, &Context::default());
    let decoded =
        decode(&input, &Recipe::default(), &Context::default()).map(|picture| picture.frames.into_iter().next().map(|f| f.pixels));
    let picture = match (found, decoded) {
        (Ok(header), Ok(Some(Pixels::Raster(raster)))) => Ok((header, raster)),
        (Ok(_), Ok(other)) => return Err(format!("decoded to {other:?}")),
        (_, Err(error)) => Err(error),
        (Err(error), Ok(_)) => return Err(format!("probe says `{error}`, and decode gives a picture")),
    };
    no_panic(&picture, &input)?;

    let is_later = row.get("expect") == "later-format" || row.get("format") == "avif";
    match (if is_later { "later-format" } else { row.get("expect") }, picture) {
        ("ok" | "ok-or-unsupported", Ok((header, raster))) => as_described(row, &input, &header, &raster),
        ("either", Ok((header, _))) => sizes(row, &header).map(|()| "decoded"),
        ("limit", Err(error)) if matches!(error.code(), "limit_exceeded" | "malformed") => Ok("refused"),
        ("later-format", Err(error)) if matches!(error.code(), "unsupported" | "unknown_format") => Ok("refused"),
        ("ok-or-unsupported", Err(error)) if error.code() == "unsupported" => Ok("unsupported"),
        ("either" | "error-or-partial", Err(_)) => Ok("refused"),
        ("error", Err(error)) if error.code() == code(row.get("kind")) => Ok("refused"),
        ("error", Err(error)) => Err(format!("is {}, not {}: {error}", error.code(), code(row.get("kind")))),
        (_, Err(error)) => Err(format!("{}: {error}", error.code())),
        (_, Ok((header, _))) => Err(format!("decodes, as {} x {}", header.width, header.height)),
    }
}

/// The code of an error that the manifest names by its kind.
fn code(kind: &str) -> &str {
    match kind {
        "unrecognised" | "empty" => "unknown_format",
        other => other,
    }
}

/// No door panics, contained or not: neither decoding, nor decoding what there is of a damaged file, nor a whole conversion.
fn no_panic(picture: &Result<(Header, Raster), Error>, input: &[u8]) -> Result<(), String> {
    let partial = Recipe::default().on_truncated(OnTruncated::Partial);
    let errors = [
        picture.as_ref().err().cloned(),
        picture.is_err().then(|| decode(input, &partial, &Context::default()).err()).flatten(),
        convert(input, &Recipe::default().resize(imgcore::Resize::inside(16, 16)), &Context::default()).err(),
    ];
    match errors.into_iter().flatten().find(|error| error.code() == "internal") {
        Some(error) => Err(error.to_string()),
        None => Ok(()),
    }
}

fn sizes(row: &Row, header: &Header) -> Result<(), String> {
    let found = (header.stored_width, header.stored_height, header.width, header.height);
    let expected = (row.number("width"), row.number("height"), row.number("width_o"), row.number("height_o"));
    equal("stored and upright sizes", found, expected)
}

/// A picture that must be right: its header, its metadata, and its pixels.
fn as_described(row: &Row, input: &[u8], header: &Header, raster: &Raster) -> Result<&'static str, String> {
    sizes(row, header)?;
    equal("orientation", header.orientation, row.number("orientation"))?;
    equal("frames", header.frames, row.number("frames"))?;
    equal("decoded size", (raster.width, raster.height), (header.width, header.height))?;
    metadata(row, input, header)?;

    let pixels = rgba(raster);
    let agreed = row.get("px_agree");
    if is_lossless(row, input) && agreed == "agree" {
        return equal("pixel hash", hash(raster, pixels), row.get("pixels_sha256").to_owned()).map(|()| "equal pixels");
    }
    if is_lossless(row, input) && agreed == "agree-rgb(ffmpeg)" {
        let opaque = pixels.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
        return equal("pixel hash", hash(raster, opaque), row.get("pixels_sha256").to_owned()).map(|()| "equal colors");
    }
    if !is_lossless(row, input) && !row.get("fp4").is_empty() {
        let (found, expected) = (fingerprint(raster, &pixels), unhex(row.get("fp4")));
        let worst = found.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max().unwrap_or(0);
        return if worst <= 4 {
            Ok("close")
        } else {
            Err(format!("the fingerprint is {worst} off: {} for {}", hex(&found), row.get("fp4")))
        };
    }
    Ok("equal sizes")
}

/// EXIF, where the format holds it in a block of its own: compressed texts of a PNG are not read.
fn metadata(row: &Row, input: &[u8], header: &Header) -> Result<(), String> {
    let has_block = row.get("has_exif") == "1"
        && match row.get("format") {
            "jpeg" | "webp" => true,
            "png" => input.windows(4).any(|bytes| bytes == b"eXIf"),
            _ => false,
        };
    if has_block && !row.get("orientation_raw").is_empty() {
        let tag = header.exif.as_ref().and_then(|exif| exif.orientation);
        equal("orientation tag", tag, Some(row.number("orientation_raw")))?;
    }
    if has_block && row.get("format") == "jpeg" {
        equal("EXIF read", header.exif.is_some(), true)?;
    }
    let place = header.exif.as_ref().and_then(|exif| exif.gps.as_ref());
    if row.get("has_gps") == "0" { equal("place", place, None) } else { Ok(()) }
}

fn equal<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: {found:?}, not {expected:?}")) }
}

fn is_lossless(row: &Row, input: &[u8]) -> bool {
    let has = |chunk: &[u8; 4]| input.windows(4).any(|bytes| bytes == chunk);
    match row.get("format") {
        "png" | "gif" | "bmp" => true,
        "webp" => has(b"VP8L") && !has(b"VP8 "),
        "tiff" => !row.get("features").split(' ').any(|feature| matches!(feature, "c=6" | "c=7")),
        _ => false,
    }
}

/// RGBA of 8 bits; of 16 the upper half, as the judges took them.
fn rgba(raster: &Raster) -> Vec<u8> {
    let samples: Vec<u8> = match &raster.samples {
        Samples::U8(samples) => samples.clone(),
        Samples::U16(samples) => samples.iter().map(|&v| (v >> 8) as u8).collect(),
    };
    match raster.layout {
        Layout::Gray => samples.iter().flat_map(|&v| [v, v, v, 255]).collect(),
        Layout::GrayAlpha => samples.chunks_exact(2).flat_map(|p| [p[0], p[0], p[0], p[1]]).collect(),
        Layout::Rgb => samples.chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect(),
        Layout::Rgba => samples,
    }
}

/// SHA-256 of width, height and pixels, colors zero where nothing is seen.
fn hash(raster: &Raster, mut pixels: Vec<u8>) -> String {
    for pixel in pixels.chunks_exact_mut(4).filter(|pixel| pixel[3] == 0) {
        pixel.fill(0);
    }
    let digest = Sha256::new().chain_update(raster.width.to_be_bytes()).chain_update(raster.height.to_be_bytes()).chain_update(&pixels);
    hex(&digest.finalize())
}

/// The mean colors of four by four cells, on grey.
fn fingerprint(raster: &Raster, pixels: &[u8]) -> Vec<u8> {
    let (width, height) = (raster.width as usize, raster.height as usize);
    let cell = |index: usize, side: usize| {
        let start = (index * side / 4).min(side - 1);
        start..((index + 1) * side / 4).max(start + 1)
    };
    let mut means = Vec::new();
    for (i, j) in (0..16).map(|n| (n % 4, n / 4)) {
        let (columns, rows) = (cell(i, width), cell(j, height));
        let count = (columns.len() * rows.len() * 255) as u64;
        for channel in 0..3 {
            let seen = |x: usize, y: usize| {
                let pixel = &pixels[(y * width + x) * 4..][..4];
                u64::from(pixel[channel]) * u64::from(pixel[3]) + 128 * u64::from(255 - pixel[3])
            };
            let sum: u64 = rows.clone().flat_map(|y| columns.clone().map(move |x| (x, y))).map(|(x, y)| seen(x, y)).sum();
            means.push(((sum + count / 2) / count) as u8);
        }
    }
    means
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).expect("two hex digits")).collect()
}
