//! The program `imgcore`, run as people run it.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod served;

use std::collections::BTreeSet;
use std::process::{Command, Output};

use serde_json::{Value, json};
use served::folder::Folder;

fn imgcore(folder: &Folder, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_imgcore")).args(arguments).current_dir(folder.path()).output().unwrap()
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn err(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

/// A folder with two good pictures, a bad one, and a document.
fn pictures() -> Folder {
    let folder = Folder::new();
    folder.copy("jpeg-gps.jpg", "in/photo.jpg");
    folder.copy("png-rgba.png", "in/deep/er/写真.png");
    folder.copy("jpeg-truncated.jpg", "in/short.jpg");
    folder.copy("README.md", "in/README.md");
    folder
}

#[test]
fn run_shows_a_table_and_a_second_run_has_nothing_to_do() {
    let folder = pictures();
    let first = imgcore(&folder, &["run", "in"]);
    assert_eq!(first.status.code(), Some(0), "{}", err(&first));
    assert_eq!(err(&first), "");
    let lines: Vec<&str> = out(&first).lines().collect();
    assert!(lines[0].starts_with("picture"), "{}", out(&first));
    assert!(lines[1].starts_with("deep/er/写真.png  succeeded"), "{}", out(&first));
    assert!(lines[2].starts_with("photo.jpg         succeeded"), "{}", out(&first));
    assert!(lines[3].starts_with("short.jpg         rejected") && lines[3].ends_with("[truncated]"), "{}", out(&first));
    assert!(out(&first).contains("3 pictures: 2 succeeded, 1 rejected, in "));
    assert!(out(&first).contains("README.md"));
    assert!(out(&first).contains("imgcore-data/renditions"));
    assert!(!out(&first).contains('\x1b'), "no colors into a pipe");
    assert!(folder.path().join("imgcore-data/records.db").is_file());

    let second = imgcore(&folder, &["run", "in"]);
    assert_eq!(second.status.code(), Some(0));
    assert!(out(&second).contains("3 pictures: 3 unchanged; nothing had to be done"), "{}", out(&second));
    assert!(out(&second).lines().nth(3).unwrap().ends_with("[truncated]"), "the reason is still told");
}

/// Every record without what depends on the hour, and every rendition.
fn state(folder: &Folder, data: &str) -> (Vec<Value>, BTreeSet<String>) {
    let run = imgcore(folder, &["run", "in", "--data", data, "--json"]);
    assert_eq!(run.status.code(), Some(0), "{}", err(&run));
    let mut records: Vec<Value> = out(&run).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    records.sort_by_key(|record| record["key"].to_string());
    for record in &mut records {
        for key in ["durationMs", "sequencer", "updatedAt"] {
            record.as_object_mut().unwrap().remove(key);
        }
    }
    let mut files = BTreeSet::new();
    let mut folders = vec![folder.path().join(data)];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => drop(files.insert(entry.path().strip_prefix(folder.path().join(data)).unwrap().display().to_string())),
            }
        }
    }
    (records, files)
}

#[test]
fn a_run_that_was_killed_any_number_of_times_ends_as_one_that_was_not() {
    let folder = pictures();
    for i in 0..6 {
        folder.copy("orientation-6.jpg", &format!("in/{i}.jpg"));
    }
    let whole = state(&folder, "whole");
    for round in 0..3 {
        let data = format!("killed{round}");
        for pause in [20, 60, 35, 90, 50] {
            let mut run = Command::new(env!("CARGO_BIN_EXE_imgcore"))
                .args(["run", "in", "--json", "--data", &data])
                .current_dir(folder.path())
                .stdout(std::process::Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(std::time::Duration::from_millis(pause + 7 * round));
            run.kill().unwrap();
            run.wait().unwrap();
        }
        let (records, files) = state(&folder, &data);
        assert_eq!(records, whole.0);
        assert_eq!(files, whole.1);
    }
}

/// What the process has had at most, in bytes; asked until it ends.
#[cfg(target_os = "linux")]
fn watch_peak(run: &mut std::process::Child) -> u64 {
    let status = format!("/proc/{}/status", run.id());
    let mut peak = 0;
    while run.try_wait().unwrap().is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0) * 1024);
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    peak
}

#[test]
#[cfg(target_os = "linux")]
fn any_number_of_large_pictures_stays_within_the_memory_that_was_given() {
    use imgcore::{Context, Encode, Layout, Picture, Raster, Recipe, convert_pixels};
    let folder = Folder::new();
    std::fs::create_dir(folder.path().join("in")).unwrap();
    let (width, height) = (3000_u32, 2000_u32);
    let samples = (0..width * height * 3).map(|i| ((i / 3 % width / 16 + i / 3 / width / 16) % 16 * 16) as u8).collect();
    let raster = Raster::from_u8(width, height, Layout::Rgb, samples).unwrap();
    let jpeg = convert_pixels(Picture::still(raster), &Recipe::default().encode(Encode::jpeg()), &Context::default()).unwrap().data;
    for i in 0..10 {
        std::fs::write(folder.path().join(format!("in/{i}.jpg")), &jpeg).unwrap();
    }
    std::fs::write(
        folder.path().join("config.json"),
        // What is not resized is held whole; 96 MiB are enough for one.
        r#"{"renditions":[{"name":"a","recipe":{}}]}"#,
    )
    .unwrap();
    let mut run = Command::new(env!("CARGO_BIN_EXE_imgcore"))
        .args(["run", "in", "--json", "--memory", "96", "--config", "config.json"])
        .current_dir(folder.path())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let peak = watch_peak(&mut run);
    assert_eq!(run.wait().unwrap().code(), Some(0));
    let again = imgcore(&folder, &["run", "in", "--config", "config.json"]);
    assert!(out(&again).contains("10 pictures: 10 unchanged") && !out(&again).contains("rejected"), "{}", out(&again));
    // One at a time is 38 MB, two at once are 58.
    assert!(peak > 30 << 20 && peak < 48 << 20, "{peak}");
}

#[test]
fn run_prints_records_and_nothing_else_as_json() {
    let folder = pictures();
    let schema: Value =
        serde_json::from_str(&std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/record.schema.json")).unwrap()).unwrap();
    for _ in 0..2 {
        let output = imgcore(&folder, &["run", "in", "--json", "--data", "results"]);
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        let records: Vec<Value> = out(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let states: BTreeSet<_> = records.iter().map(|r| (r["key"].as_str().unwrap(), r["status"].as_str().unwrap())).collect();
        assert_eq!(states, BTreeSet::from([("photo.jpg", "SUCCEEDED"), ("deep/er/写真.png", "SUCCEEDED"), ("short.jpg", "REJECTED")]));
        for record in &records {
            for key in schema["required"].as_array().unwrap() {
                assert!(record.get(key.as_str().unwrap()).is_some(), "{key} in {record}");
            }
            for key in record.as_object().unwrap().keys() {
                assert!(schema["properties"].get(key).is_some(), "{key}");
            }
            for rendition in record["renditions"].as_array().unwrap() {
                let file = folder.path().join("results").join(rendition["key"].as_str().unwrap());
                assert_eq!(std::fs::metadata(file).unwrap().len(), rendition["bytes"].as_u64().unwrap());
            }
        }
    }
}

#[test]
fn run_makes_what_the_config_says() {
    let folder = pictures();
    let config =
        json!({ "renditions": [{ "name": "tiny", "recipe": { "resize": { "width": 8, "height": 8 }, "encode": { "format": "png" } } }] });
    std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
    let output = imgcore(&folder, &["run", "in", "--json", "--config", "config.json", "--memory", "64"]);
    let record: Value = serde_json::from_str(out(&output).lines().find(|line| line.contains("photo.jpg")).unwrap()).unwrap();
    let rendition = &record["renditions"][0];
    assert_eq!((&rendition["name"], &rendition["format"], &rendition["width"]), (&json!("tiny"), &json!("png"), &json!(8)));

    std::fs::write(folder.path().join("config.json"), r#"{"renditions":[{"name":"a","recipe":{"resize":{"widht":8}}}]}"#).unwrap();
    let wrong = imgcore(&folder, &["run", "in", "--config", "config.json"]);
    assert_eq!((wrong.status.code(), out(&wrong)), (Some(1), ""));
    assert!(err(&wrong).starts_with("imgcore: config.json: config field `renditions[0].recipe.resize.widht`"), "{}", err(&wrong));
    assert!(err(&wrong).ends_with("[invalid_recipe]\n"), "{}", err(&wrong));
}

#[test]
fn reconcile_tells_before_it_mends() {
    let folder = pictures();
    let before = imgcore(&folder, &["reconcile", "in"]);
    assert_eq!(before.status.code(), Some(0), "{}", err(&before));
    assert!(
        out(&before).lines().any(|line| line.starts_with("without a true record") && line.ends_with(" 3 (5.7 kB)")),
        "{}",
        out(&before)
    );
    assert!(out(&before).ends_with("nothing was changed; --apply mends it\n"));
    // A folder takes time and no money.
    let plan = |arguments: &[&str]| {
        let output = imgcore(&folder, arguments);
        let line = out(&output).lines().find_map(|line| line.strip_prefix("to render them")).map(|line| line.trim().to_owned());
        line.unwrap_or_else(|| panic!("{}{}", out(&output), err(&output)))
    };
    assert_eq!(plan(&["reconcile", "in", "--concurrency", "7"]), "about 1 second with 7 at once");
    assert_eq!(imgcore(&folder, &["reconcile", "in", "--concurrency", "0"]).status.code(), Some(2));
    let rest = imgcore(&folder, &["reconcile", "in", "--after", "photo.jpg"]);
    assert!(out(&rest).lines().any(|line| line.starts_with("without a true record") && line.contains(" 1 (")), "{}", out(&rest));
    let mended = imgcore(&folder, &["reconcile", "in", "--apply"]);
    assert!(out(&mended).ends_with("looked again at 3 pictures, deleted 0 renditions (0 B), forgot 0 uploads\n"), "{}", out(&mended));
    let clean = imgcore(&folder, &["reconcile", "in"]);
    assert!(out(&clean).ends_with("nothing to mend\n") && !out(&clean).contains("to render them"), "{}", out(&clean));
    assert!(out(&imgcore(&folder, &["run", "in"])).contains("nothing had to be done"));
}

#[test]
fn inspect_tells_the_header_and_marks_what_is_private() {
    let folder = pictures();
    let output = imgcore(&folder, &["inspect", "in/photo.jpg"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(out(&output).starts_with("file        photo.jpg\nformat      jpeg"), "{}", out(&output));
    assert!(out(&output).lines().any(|line| line.starts_with("location") && line.ends_with("(private)")), "{}", out(&output));

    let json = imgcore(&folder, &["inspect", "in/photo.jpg", "--json"]);
    let header: Value = serde_json::from_str(out(&json)).unwrap();
    assert_eq!(header["format"], "jpeg");
    assert!(header["exif"]["gps"]["latitude"].is_number());
}

#[test]
fn convert_takes_options_or_a_recipe() {
    let folder = pictures();
    let output = imgcore(&folder, &["convert", "in/photo.jpg", "out.png", "--width", "10", "--height", "10"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(out(&output).contains("-> out.png: png 10x10, "), "{}", out(&output));
    let header = |file| serde_json::from_str::<Value>(out(&imgcore(&folder, &["inspect", "--json", file]))).unwrap();
    assert_eq!((&header("out.png")["width"], &header("out.png")["exif"]), (&json!(10), &Value::Null));

    std::fs::write(folder.path().join("recipe.json"), r##"{"resize":{"width":6},"flatten":"#102030"}"##).unwrap();
    let by_file = imgcore(&folder, &["convert", "in/deep/er/写真.png", "a.jpg", "--recipe", "recipe.json", "--height", "4"]);
    assert_eq!(by_file.status.code(), Some(0), "{}", err(&by_file));
    assert_eq!((&header("a.jpg")["format"], &header("a.jpg")["width"], &header("a.jpg")["height"]), (&json!("jpeg"), &json!(6), &json!(4)));
    let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().contains("tmp")), "{names:?}");
}

#[test]
fn without_a_command_the_test_images_are_run() {
    let folder = Folder::new();
    let output = imgcore(&folder, &[]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(out(&output).contains("30 pictures: 28 succeeded, 2 rejected, in "), "{}", out(&output));
    assert!(folder.path().join("imgcore-data/renditions").is_dir());
}

#[test]
fn what_goes_wrong_is_one_sentence_with_its_code() {
    let folder = pictures();
    for (arguments, start, code) in [
        (&["inspect", "in/nothing.jpg"][..], "imgcore: in/nothing.jpg: ", "source_missing"),
        (&["inspect", "in/README.md"][..], "imgcore: in/README.md: ", "unknown_format"),
        (&["convert", "in/short.jpg", "a.png"][..], "imgcore: in/short.jpg: the JPEG file ends too early", "truncated"),
        (&["convert", "in/photo.jpg", "a.txt"][..], "imgcore: a.txt: ", "unsupported"),
        (&["convert", "in/photo.jpg", "a.jpg", "--quality", "101"][..], "imgcore: recipe field `encode.quality`", "invalid_recipe"),
        (
            &["convert", "in/photo.jpg", "a.jpg", "--recipe", r#"{"resize":{"widht":1}}"#][..],
            "imgcore: recipe field `resize.widht`",
            "invalid_recipe",
        ),
        (&["convert", "in/photo.jpg", "no/where.jpg"][..], "imgcore: no/where.jpg: ", "storage_unavailable"),
        (&["run", "nothing"][..], "imgcore: cannot open folder `nothing`", "not_found"),
        (&["run", ".", "--data", "results"][..], "imgcore: the output ", "invalid_request"),
    ] {
        let output = imgcore(&folder, arguments);
        assert_eq!((output.status.code(), out(&output)), (Some(1), ""), "{arguments:?}");
        assert!(err(&output).to_lowercase().starts_with(&start.to_lowercase()), "{arguments:?}: {}", err(&output));
        assert!(err(&output).ends_with(&format!("[{code}]\n")), "{arguments:?}: {}", err(&output));
        assert_eq!(err(&output).lines().count(), 1, "{arguments:?}: {}", err(&output));
    }
    for arguments in [&["paint"][..], &["run", "--memory", "0"], &["convert", "in/photo.jpg"]] {
        assert_eq!(imgcore(&folder, arguments).status.code(), Some(2), "{arguments:?}");
    }
}

/// The last cell of a line, in cents.
fn cents(line: &str) -> u64 {
    let (_, dollars) = line.rsplit_once('$').unwrap();
    dollars.replace([',', '.'], "").parse().unwrap()
}

#[test]
fn cost_prints_a_bill_whose_lines_add_up() {
    let folder = Folder::new();
    let output = imgcore(&folder, &["cost", "--analyses", "3", "--offers", "1", "--cdn"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let (bill, rest) = out(&output).split_once("\n1,000,000 images ").unwrap();
    let lines: Vec<&str> = bill.lines().skip(1).collect();
    let sum: u64 = lines.iter().map(|line| cents(line)).sum();
    // Each line is rounded to a cent.
    assert!(sum.abs_diff(cents(rest.lines().next().unwrap())) <= lines.len() as u64, "{}", out(&output));
    assert!(
        lines.iter().any(|line| line.starts_with("look at pictures: Rekognition  ") && line.ends_with("$3,000.00")),
        "{}",
        out(&output)
    );
    assert!(out(&output).ends_with("prices of us-east-1, read on 2026-11-25: prices.json\n"), "{}", out(&output));
}

#[test]
fn cost_as_data_doubles_with_the_images() {
    let folder = Folder::new();
    let told = |arguments: &[&str]| {
        let output = imgcore(&folder, &[&["cost", "--json"], arguments].concat());
        serde_json::from_str::<Value>(out(&output)).unwrap_or_else(|_| panic!("{}", err(&output)))
    };
    let (once, twice) = (told(&["--images", "5000"]), told(&["--images", "10000"]));
    let dollars = |told: &Value| told["dollars"].as_f64().unwrap();
    assert!(dollars(&once) > 0.1 && (dollars(&twice) - 2.0 * dollars(&once)).abs() < 1e-9, "{once} {twice}");
    assert_eq!(once["standingDollars"], twice["standingDollars"]);
    let sum: f64 = once["lines"].as_array().unwrap().iter().map(|line| line["dollars"].as_f64().unwrap()).sum();
    assert!((sum - dollars(&once)).abs() < 1e-9);
    let milliseconds = |megapixels| told(&["--megapixels", megapixels])["load"]["milliseconds"].as_f64().unwrap();
    let [least, small, large] = ["0", "12", "24"].map(milliseconds);
    assert!(0.0 < least && least < small && (large - small - (small - least)).abs() < 1e-9, "{least} {small} {large}");
    assert!(dollars(&told(&["--architecture", "x86_64"])) > dollars(&told(&[])));
    for arguments in [&["cost", "--months", "-1"][..], &["cost", "--analyses", "4"], &["cost", "--megapixels", "1", "--milliseconds", "1"]]
    {
        assert_eq!(imgcore(&folder, arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn the_front_page_shows_what_cost_prints() {
    let readme = include_str!("../../README.md");
    let (_, after) = readme.split_once("cargo run -- cost ").unwrap();
    let table = after.split("```text\n").nth(1).and_then(|block| block.split("```").next()).unwrap();
    assert_eq!(table, out(&imgcore(&Folder::new(), &["cost"])));
}
