//! What the tests over many files share: where the files lie, the tables that say what to expect, random numbers from a seed, and what is done to files.
#![allow(dead_code, reason = "each test crate uses a part of it")]

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, io};

use imgcore::{Context, Pixels, Raster, Recipe};

/// The folder (or program) that an environment variable names. Without it the test is skipped, aloud; with `CI` set that is a failure unless
/// `.ci/may-skip` names the test.
pub(crate) fn folder(variable: &str, test: &str) -> Option<PathBuf> {
    if let Some(folder) = env::var_os(variable).filter(|folder| !folder.is_empty()) {
        return Some(PathBuf::from(folder));
    }
    // Past the harness, which swallows what a passing test prints.
    writeln!(io::stderr(), "skipped: {test}: {variable} is not set").expect("standard error takes a line");
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/may-skip");
    let may_skip = || fs::read_to_string(&list).is_ok_and(|list| list.lines().any(|line| line.split('\t').next() == Some(test)));
    assert!(env::var_os("CI").is_none() || may_skip(), "{test} was skipped, and {} does not name it", list.display());
    None
}

/// The small files beside the tests.
pub(crate) fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// A row of a table, its cells by the names of their columns.
pub(crate) struct Row(HashMap<String, String>);

impl Row {
    pub(crate) fn get(&self, column: &str) -> &str {
        self.0.get(column).unwrap_or_else(|| panic!("the table has a column `{column}`"))
    }

    pub(crate) fn number<T: std::str::FromStr>(&self, column: &str) -> T {
        let text = self.get(column);
        text.parse().unwrap_or_else(|_| panic!("`{column}` is a number, not `{text}`"))
    }
}

/// Reads a table of tab-separated values whose first line names the columns; lines that begin with `#` are comments.
pub(crate) fn table(path: &Path) -> Vec<Row> {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(|line| line.split('\t').map(str::to_owned));
    let columns: Vec<String> = lines.next().expect("a table has a first line").collect();
    lines.map(|cells| Row(columns.iter().cloned().zip(cells).collect())).collect()
}

/// Does the work for each item, on all cores; the results come in the order of the items.
pub(crate) fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((index, item)) =
                    Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|index| Some((index, items.get(index)?)))
                {
                    let result = work(item);
                    results.lock().expect("no thread panicked").push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no thread panicked");
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// SplitMix64: the same numbers from the same seed, everywhere.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// One to eight wounds: bytes set, bits flipped, spans doubled, dropped or blanked, the end cut off.
pub(crate) fn damage(file: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = file.to_vec();
    for _ in 0..=random.below(8) {
        let at = random.below(bytes.len());
        let end = (at + 1 + random.below(32)).min(bytes.len());
        match random.below(8) {
            _ if bytes.is_empty() => {}
            0 | 1 => bytes[at] = random.next() as u8,
            2 | 3 => bytes[at] ^= 1 << random.below(8),
            4 => bytes[at..end].fill(if random.below(2) == 0 { 0 } else { 0xFF }),
            5 => drop(bytes.drain(at..end)),
            6 => bytes.splice(at..at, file[at.min(file.len())..end.min(file.len())].to_vec()).for_each(drop),
            _ if random.below(4) == 0 => bytes.truncate(at),
            _ => {}
        }
    }
    bytes
}

/// The JPEG with an EXIF block that says this orientation, straight after its start.
pub(crate) fn with_orientation_in_jpeg(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let block = [b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".as_slice(), &[orientation, 0, 0, 0, 0, 0, 0, 0]].concat();
    [&jpeg[..2], b"\xFF\xE1", &(block.len() as u16 + 2).to_be_bytes(), &block, &jpeg[2..]].concat()
}

/// The pixels of a file of our own, upright.
pub(crate) fn decoded(file: &[u8]) -> Raster {
    let picture = imgcore::decode(file, &Recipe::default(), &Context::default()).expect("a file of our own");
    match picture.frames.into_iter().next().expect("a frame").pixels {
        Pixels::Raster(raster) => raster,
        _ => panic!("rows were asked for"),
    }
}
