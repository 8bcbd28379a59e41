//! The files of the golden vectors before judges that are not ours: a hash alone proves only that nothing moved.
//!
//! Needs a Python with Pillow, numpy and pyvips, named by `IMGCORE_JUDGE`; ExifTool is asked where it is installed.

mod common;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use imgcore::{Context, Limits, Pixels, Recipe};
use serde_json::{Value, json};

/// Four channels, 8 bits, as the judges see a file.
fn rgba(file: &[u8]) -> Vec<u8> {
    let picture = imgcore::decode(file, &Recipe::default(), &Context::default()).expect("a file of our own");
    let Pixels::Raster(raster) = picture.frames.into_iter().next().expect("a frame").pixels else { panic!("rows were asked for") };
    let raster = raster.into_8_bits();
    let expand = |p: &[u8]| match *p {
        [v] => [v, v, v, 255],
        [v, a] => [v, v, v, a],
        [r, g, b] => [r, g, b, 255],
        [r, g, b, a] => [r, g, b, a],
        _ => unreachable!("a pixel has one to four samples"),
    };
    raster.bytes().chunks_exact(raster.layout.channels()).flat_map(expand).collect()
}

#[test]
fn judges_that_are_not_ours_accept_every_vector() {
    let Some(python) = common::folder("IMGCORE_JUDGE", "judges_that_are_not_ours_accept_every_vector") else { return };
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("judge");
    fs::create_dir_all(&folder).expect("a folder for the files");
    let vectors: Value = serde_json::from_str(&fs::read_to_string(data.join("conformance.json")).expect("the vectors")).expect("JSON");
    let mut lines = String::new();
    let mut count = 0;
    for (i, case) in vectors["cases"].as_array().expect("cases").iter().enumerate() {
        let Some(format) = case["expect"]["format"].as_str() else { continue };
        let input = data.join(case["input"].as_str().expect("an input"));
        let recipe = Recipe::from_json(&case["recipe"].to_string()).expect("a recipe with a result");
        let limits = case.get("limits").map(|l| Limits::from_json(&l.to_string()).expect("limits")).unwrap_or_default();
        let output = imgcore::convert(&fs::read(&input).expect("an input"), &recipe, &Context::with_limits(limits)).expect("a result");
        let (file, pixels) = (folder.join(format!("{i}.{}", output.report.format.extension())), folder.join(format!("{i}.rgba")));
        fs::write(&file, &output.data).expect("room");
        fs::write(&pixels, rgba(&output.data)).expect("room");
        let line = json!({ "name": case["name"], "file": file, "input": input, "recipe": case["recipe"], "format": format,
            "width": output.report.width, "height": output.report.height, "rgba": pixels });
        lines.push_str(&format!("{line}\n"));
        count += 1;
    }
    let mut judge = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("IMGCORE_JUDGE names a Python");
    let mut stdin = judge.stdin.take().expect("a pipe");
    stdin.write_all(lines.as_bytes()).expect("the judge listens");
    drop(stdin);
    let verdict = judge.wait_with_output().expect("a verdict");
    let text = String::from_utf8_lossy(&verdict.stdout);
    assert!(verdict.status.success() && text.contains(&format!("judged {count}\n")), "{text}");
    assert!(text.matches("from LittleCMS").count() >= 3, "colors were not judged: {text}");
}
