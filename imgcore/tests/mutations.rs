//! Damaged files never panic, and a file cut short is never taken for a whole one.

#![expect(clippy::print_stdout, reason = "tells how much was tried")]

mod common;

use std::fs;

use imgcore::{Context, Error, Limits, Picture, Recipe, decode};

use common::{Random, damage};

/// Damage can enlarge a picture; what it then costs is other tests' business.
fn small() -> Context {
    let mut limits = Limits::default();
    limits.max_decoded_pixels = 1 << 20;
    limits.max_memory_bytes = 64 << 20;
    Context::with_limits(limits)
}

fn small_files() -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(common::data())
        .expect("the inputs")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    let is_input = |path: &std::path::Path| !matches!(path.extension().and_then(|e| e.to_str()), Some("md" | "json" | "tsv"));
    let files = files.into_iter().filter(|path| is_input(path));
    files
        .map(|path| {
            (path.file_name().expect("a file has a name").to_string_lossy().into_owned(), fs::read(path).expect("a readable input"))
        })
        .collect()
}

/// A contained panic is a panic.
fn no_panic(what: &str, result: &Result<Picture, Error>) {
    if let Err(error) = result {
        assert_ne!(error.code(), "internal", "{what}: {error}");
    }
}

#[test]
fn a_prefix_is_an_error_or_the_whole_picture() {
    let (recipe, ctx) = (Recipe::default(), small());
    let files = small_files();
    assert!(files.len() > 40, "{} small files", files.len());
    let prefixes = common::in_parallel(&files, |(name, file)| {
        let whole = decode(file, &recipe, &ctx);
        no_panic(name, &whole);
        for end in 0..file.len() {
            let part = decode(&file[..end], &recipe, &ctx);
            no_panic(&format!("the first {end} bytes of {name}"), &part);
            if let Ok(part) = part {
                assert!(
                    whole.as_ref().is_ok_and(|whole| *whole == part),
                    "the first {end} of {} bytes of {name} give another picture",
                    file.len()
                );
            }
        }
        file.len()
    });
    println!("{} prefixes", prefixes.iter().sum::<usize>());
}

#[test]
fn no_flipped_bit_panics() {
    let (recipe, ctx) = (Recipe::default(), small());
    let flips = common::in_parallel(&small_files(), |(name, file)| {
        let mut bent = file.clone();
        for bit in 0..file.len() * 8 {
            bent[bit / 8] ^= 1 << (bit % 8);
            no_panic(&format!("bit {bit} of {name}"), &decode(&bent, &recipe, &ctx));
            bent[bit / 8] = file[bit / 8];
        }
        file.len() * 8
    });
    println!("{} flipped bits", flips.iter().sum::<usize>());
}

#[test]
fn no_random_damage_panics() {
    let Some(corpus) = common::folder("IMGCORE_CORPUS", "no_random_damage_panics") else { return };
    let rows = common::table(&corpus.join("MANIFEST.tsv"));
    let files = rows.iter().filter(|row| row.get("tier") == "core" && row.number::<u64>("bytes") <= 16 << 10).map(|row| row.get("path"));
    let files: Vec<(&str, Vec<u8>)> = files.map(|path| (path, fs::read(corpus.join(path)).unwrap())).collect();
    assert!(files.len() > 100, "{} files of the core tier are small", files.len());

    let seeds: Vec<u64> = (0..2_000).collect();
    common::in_parallel(&seeds, |&seed| {
        let mut random = Random(seed);
        let (path, file) = &files[random.below(files.len())];
        let damaged = damage(file, &mut random);
        no_panic(&format!("seed {seed}, {path}"), &decode(&damaged, &Recipe::default(), &small()));
    });
}
