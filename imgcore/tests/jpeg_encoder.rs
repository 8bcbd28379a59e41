//! Our JPEG encoder before libjpeg-turbo: the same pixels must give the same bytes, whatever the size, the sampling and the scans; and the
//! smallest files, which are our own, must be read, look alike and be smaller.
//!
//! Needs a Python with Pillow, named by `IMGCORE_JUDGE`.

mod common;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use imgcore::{ChromaSubsampling, Context, Effort, Encode, Layout, Picture, Raster, Recipe, convert_pixels};
use serde_json::json;

/// How a picture is written, and what Pillow calls it.
#[derive(Debug, Clone, Copy)]
struct Way {
    chroma: (ChromaSubsampling, u8),
    effort: Effort,
    progressive: bool,
}

fn ways() -> Vec<Way> {
    let chromas = [(ChromaSubsampling::Cs444, 0), (ChromaSubsampling::Cs422, 1), (ChromaSubsampling::Cs420, 2)];
    let codings = [(Effort::Fast, false), (Effort::Balanced, false), (Effort::Balanced, true)];
    let way = |chroma| codings.map(move |(effort, progressive)| Way { chroma, effort, progressive });
    chromas.into_iter().flat_map(way).collect()
}

/// Noise over a gradient with edges, the noise as strong as `noise`.
fn pixels(width: usize, height: usize, layout: Layout, noise: u64, random: &mut common::Random) -> Vec<u8> {
    let mut pixels = Vec::with_capacity(width * height * layout.channels());
    for (y, x) in (0..height).flat_map(|y| (0..width).map(move |x| (y, x))) {
        let edge = if (x / 7 + y / 5).is_multiple_of(2) { 0 } else { 90 };
        for channel in 0..layout.channels() {
            let base = (x * (channel + 1) + y * 2 + edge) as u64 % 256;
            pixels.push((base * (256 - noise) / 256 + random.next() % (noise + 1) * 255 / 256) as u8);
        }
    }
    pixels
}

fn encoded(pixels: &[u8], (width, height): (usize, usize), layout: Layout, quality: u8, way: Way) -> Vec<u8> {
    let raster = Raster::from_u8(width as u32, height as u32, layout, pixels.to_vec()).expect("as many samples as there are");
    let mut encode = Encode::jpeg();
    (encode.quality, encode.effort, encode.progressive) = (Some(quality), way.effort, way.progressive);
    encode.chroma_subsampling = way.chroma.0;
    let mut context = Context::default();
    context.limits.max_output_side = 65_500;
    convert_pixels(Picture::still(raster), &Recipe::default().encode(encode), &context).expect("a file").data
}

#[test]
fn every_file_is_libjpeg_turbos_byte_for_byte() {
    let Some(python) = common::folder("IMGCORE_JUDGE", "every_file_is_libjpeg_turbos_byte_for_byte") else { return };
    let mut random = common::Random(7);
    let small = (1..=33).flat_map(|height| (1..=33).map(move |width| (width, height)));
    let large = [(65_500, 1), (1, 65_500), (2000, 3), (250, 190), (640, 481)];
    let mut cases = Vec::new();
    for (width, height) in small.chain(large) {
        let quality = [1, 10, 35, 50, 70, 80, 85, 92, 95, 100][random.below(10)];
        let noise = [0, 40, 128, 255][random.below(4)];
        for layout in [Layout::Rgb, Layout::Gray] {
            let input = pixels(width, height, layout, noise, &mut random);
            let ways = ways().into_iter().take(if layout == Layout::Gray { 3 } else { 9 });
            cases.extend(ways.map(|way| (input.clone(), (width, height), layout, quality, way)));
        }
    }
    judge(python, "jpeg_encoder.bin", &cases);
}

#[test]
fn small_files_are_read_by_libjpeg_turbo_and_smaller_than_its_own() {
    let Some(python) = common::folder("IMGCORE_JUDGE", "small_files_are_read_by_libjpeg_turbo_and_smaller_than_its_own") else { return };
    let mut random = common::Random(11);
    let small = (1..=33).flat_map(|height| (1 + height % 3..=33).step_by(3).map(move |width| (width, height)));
    let large = [(65_500, 1), (1, 65_500), (2000, 3), (250, 190), (640, 481)];
    let mut cases = Vec::new();
    for (width, height) in small.chain(large) {
        let quality = [1, 10, 35, 50, 70, 80, 85, 92, 95, 100][random.below(10)];
        let noise = [0, 10, 40, 128][random.below(4)];
        for (layout, chromas) in [(Layout::Rgb, 3), (Layout::Gray, 1)] {
            let input = pixels(width, height, layout, noise, &mut random);
            let ways = ways().into_iter().step_by(3).take(chromas).map(|way| Way { effort: Effort::Small, ..way });
            let both = ways.flat_map(|way| [way, Way { progressive: true, ..way }]);
            cases.extend(both.map(|way| (input.clone(), (width, height), layout, quality, way)));
        }
    }
    judge(python, "jpeg_encoder_small.bin", &cases);
}

/// Pixels, their size and layout, and how they are written.
type Case = (Vec<u8>, (usize, usize), Layout, u8, Way);

fn judge(python: PathBuf, name: &str, cases: &[Case]) {
    let (mut blob, mut lines) = (Vec::new(), String::new());
    let files = common::in_parallel(cases, |(input, size, layout, quality, way)| encoded(input, *size, *layout, *quality, *way));
    for ((input, (width, height), layout, quality, way), file) in cases.iter().zip(&files) {
        let at = blob.len();
        blob.extend(input);
        blob.extend(file);
        let mode = if *layout == Layout::Gray { "L" } else { "RGB" };
        let line = json!({ "mode": mode, "width": width, "height": height, "quality": quality, "subsampling": way.chroma.1,
            "optimize": way.effort != Effort::Fast, "small": way.effort == Effort::Small, "progressive": way.progressive, "at": at, "file": at + input.len(), "end": blob.len() });
        lines.push_str(&format!("{line}\n"));
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, &blob).expect("room");
    let mut judge = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/jpeg_encoder.py"))
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("IMGCORE_JUDGE names a Python");
    let mut stdin = judge.stdin.take().expect("a pipe");
    let feeder = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let verdict = judge.wait_with_output().expect("a verdict");
    // A judge that has seen enough does not listen to the end.
    let heard = feeder.join().expect("no panic");
    let text = String::from_utf8_lossy(&verdict.stdout);
    assert!(heard.is_ok() && verdict.status.success() && text.contains(&format!("judged {}\n", cases.len())), "{text}");
}
