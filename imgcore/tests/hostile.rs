//! Files made to hurt end as their table says, and cost no more heap than the plan forecast.
//!
//! `IMGCORE_HOSTILE` names the folder. One test, so that nothing else allocates while the heap is counted.

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use imgcore::{Context, Encode, Error, Frames, Output, Recipe, Resize, convert, plan, probe};

const FILES: usize = 65;
const MIB: u64 = 1 << 20;

/// What a legal file of this set may cost, in units of the plan: two seconds' worth.
const MAX_WORK: u64 = 1_000_000_000;

#[test]
fn hostile_files_end_as_expected_and_within_the_heap() {
    let Some(folder) = common::folder("IMGCORE_HOSTILE", "hostile_files_end_as_expected_and_within_the_heap") else { return };
    let rows = common::table(&folder.join("EXPECT.tsv"));
    assert_eq!(rows.len(), FILES, "rows in the table");
    let mut faults = Vec::new();
    for row in &rows {
        let file = row.get("file");
        let input = fs::read(folder.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        for (frames, verdict) in verdicts(row.get("expect")) {
            if let Err(fault) = check(&input, frames, &verdict) {
                faults.push(format!("{file} ({frames:?}: {verdict}): {fault}"));
            }
        }
        if let Some(orientations) = row.get("expect").split(' ').find_map(|word| word.strip_prefix("o=")) {
            let found = probe(&input, &Context::default()).map(|header| header.orientation.to_string());
            if !found.as_ref().is_ok_and(|found| orientations.split('|').any(|one| one == found)) {
                faults.push(format!("{file}: orientation {found:?}, not {orientations}"));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// `first:ok all:limit` names a verdict for each; any other text is one for the first frame.
fn verdicts(expect: &str) -> Vec<(Frames, String)> {
    let named = |prefix| expect.split(' ').find_map(|word: &str| word.strip_prefix(prefix)).map(str::to_owned);
    match (named("first:"), named("all:")) {
        (Some(first), Some(all)) => vec![(Frames::First, first), (Frames::All, all)],
        _ => vec![(Frames::First, expect.split(" o=").next().unwrap_or_default().to_owned())],
    }
}

fn check(input: &[u8], frames: Frames, verdict: &str) -> Result<(), String> {
    let recipe = Recipe::default().frames(frames).resize(Resize::inside(64, 64)).encode(Encode::png());
    let ctx = Context::default();
    let (result, peak) = heap_peak(|| convert(input, &recipe, &ctx));
    if !is_as_expected(&result, verdict) {
        return Err(match result {
            Ok(output) => format!("ok, {} x {}", output.report.width, output.report.height),
            Err(error) => format!("{}: {error}", error.code()),
        });
    }
    match result {
        Err(error) if error.code() == "limit_exceeded" => at_most("bytes of heap for a refusal", peak, MIB),
        Err(_) => at_most("bytes of heap", peak, ctx.limits.max_memory_bytes + MIB),
        Ok(output) => {
            let plan = probe(input, &ctx).and_then(|header| plan(&recipe, &header, &ctx)).map_err(|e| e.to_string())?;
            at_most("bytes of heap", peak, ctx.limits.max_memory_bytes + MIB)?;
            at_most("bytes of heap by the plan's forecast", peak, plan.peak_bytes() + MIB)?;
            at_most("units of work", plan.work(), MAX_WORK)?;
            carries_nothing(&output.data)
        }
    }
}

/// `ok`, `error`, `error CODE`, `limit`, or several of them with `|` between: `error` is any code but `limit_exceeded`, and never `internal`.
fn is_as_expected(result: &Result<Output, Error>, verdict: &str) -> bool {
    verdict.split('|').any(|one| match (one.trim(), result) {
        ("ok", Ok(_)) => true,
        ("limit", Err(error)) => error.code() == "limit_exceeded",
        ("error", Err(error)) => !matches!(error.code(), "limit_exceeded" | "internal"),
        (named, Err(error)) => named.strip_prefix("error ") == Some(error.code()),
        _ => false,
    })
}

/// What else a file was, its picture is not.
fn carries_nothing(output: &[u8]) -> Result<(), String> {
    for foreign in [&b"<script"[..], b"<html", b"PK\x03\x04"] {
        if output.windows(foreign.len()).any(|bytes| bytes.eq_ignore_ascii_case(foreign)) {
            return Err(format!("the output carries `{}`", foreign.escape_ascii()));
        }
    }
    Ok(())
}

fn at_most(what: &str, value: u64, max: u64) -> Result<(), String> {
    if value <= max { Ok(()) } else { Err(format!("{value} {what}, more than {max}")) }
}

/// The heap that some work holds at its peak, in bytes, beyond what was held before it.
fn heap_peak<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = HELD.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    let result = work();
    (result, (PEAK.load(Ordering::Relaxed) - before) as u64)
}

/// The system's allocator, counted.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;
static HELD: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

fn took(bytes: usize) {
    let held = HELD.fetch_add(bytes, Ordering::Relaxed) + bytes;
    PEAK.fetch_max(held, Ordering::Relaxed);
}

fn gave(bytes: usize) {
    HELD.fetch_sub(bytes, Ordering::Relaxed);
}

// SAFETY: every call goes to the system's allocator as it came; counting touches no memory of the caller's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: the caller's promises are the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        gave(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // Large blocks are moved by remapping: the old one and the new are never held both.
        took(size.saturating_sub(layout.size()));
        gave(layout.size().saturating_sub(size));
        // SAFETY: as above.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
