//! Files made to hurt end as their table says, and cost no more heap than the plan forecast.
//!
//! `IMGCORE_HOSTILE` names the folder. One test, so that nothing else allocates while the heap is counted.

mod common;
#[path = "common/heap.rs"]
mod heap;

use std::fs;

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
    let (result, peak) = heap::peak(|| convert(input, &recipe, &ctx));
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
