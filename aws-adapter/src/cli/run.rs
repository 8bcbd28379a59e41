//! `imgcore run [FOLDER]`: every picture of a folder through the pipeline, and a table of what became of them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use aws_adapter::pipeline::{self, Finished};
use aws_adapter::record::{Record, Rendition, Status};
use aws_adapter::store::Signer;
use aws_adapter::time::SystemRandom;
use console::{Color, Style};
use indicatif::{ProgressBar, ProgressStyle};

use super::place::{self, Place};
use super::table::{self, Alignment};
use super::{Failure, complain, print, words};

/// The arguments of `run`.
#[derive(clap::Parser)]
pub(crate) struct Run {
    /// The folder that holds the pictures. Default: the project's own test images.
    folder: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// Print the record of each picture, one a line, and nothing else.
    #[arg(long)]
    json: bool,
}

impl Run {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let folder = place::input(self.folder.as_ref())?;
        let flow = self.place.open(&folder, Signer::ephemeral("", &SystemRandom))?;
        place::wait(async {
            let listing = pipeline::pictures(&flow.input).await?;
            let skipped = place::skipped(&listing.skipped);
            let keys: Vec<String> = listing.pictures.into_iter().map(|picture| picture.key).collect();
            let begun = Instant::now();
            let bar = progress(keys.len());
            let mut printed = Ok(());
            let finished = pipeline::run(&flow, keys, pipeline::cores(), |finished| {
                bar.set_message(table::clip(&finished.key, 40));
                bar.inc(1);
                if self.json && printed.is_ok() {
                    printed = bar.suspend(|| print_record(finished));
                }
            })
            .await;
            bar.finish_and_clear();
            printed?;
            if self.json {
                tell_failures(&finished);
            } else {
                print(self.report(&finished, skipped, begun.elapsed()))?;
            }
            match finished.iter().filter(|finished| finished.is_failure()).count() {
                0 => Ok(()),
                n => Err(Failure::new(
                    "internal",
                    format!("{} could not be carried through; run again to retry", words::count(n as u64, "picture")),
                )),
            }
        })
    }

    fn report(&self, finished: &[Finished], skipped: Option<String>, elapsed: Duration) -> String {
        let mut text = String::new();
        if !finished.is_empty() {
            text.push_str(&table(finished));
            text.push('\n');
        }
        text.push_str(&summary(finished, elapsed));
        text.extend(skipped.map(|line| format!("{line}\n")));
        text.push('\n');
        text.push_str(&self.place.results());
        text
    }
}

/// A bar on standard error, if that is a terminal.
pub(super) fn progress(count: usize) -> ProgressBar {
    let bar = ProgressBar::new(count as u64);
    let style = ProgressStyle::with_template("{bar:30.cyan/dim} {pos}/{len}  {msg:.dim}").expect("the template is a constant");
    bar.set_style(style.progress_chars("━━╌"));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn print_record(finished: &Finished) -> Result<(), Failure> {
    let Some(record) = &finished.record else { return Ok(()) };
    let line = serde_json::to_string(record).map_err(|e| Failure::new("internal", e.to_string()))?;
    print(format_args!("{line}\n"))
}

/// Says what the records do not: why the pipeline itself failed.
fn tell_failures(finished: &[Finished]) {
    for finished in finished.iter().filter(|finished| finished.is_failure()) {
        if let Some((code, message)) = fault(finished) {
            complain(format_args!("{}: {message} [{code}]", table::plain(&finished.key)));
        }
    }
}

/// Why there are no renditions.
pub(super) fn fault(finished: &Finished) -> Option<(String, String)> {
    if let Err(error) = &finished.result {
        return Some((error.code().to_owned(), error.to_string()));
    }
    let error = finished.record.as_ref()?.error.as_ref()?;
    Some((error.code.clone(), error.message.clone()))
}

fn table(finished: &[Finished]) -> String {
    let color = table::has_color();
    let head = [
        ("picture", Alignment::Left),
        ("status", Alignment::Left),
        ("size", Alignment::Right),
        ("renditions", Alignment::Left),
        ("in", Alignment::Right),
        ("", Alignment::Left),
        ("largest", Alignment::Right),
        ("saved", Alignment::Right),
        ("time", Alignment::Right),
    ];
    let rows: Vec<Vec<String>> = finished.iter().map(|finished| row(finished, color)).collect();
    table::columns(&head, &rows, color)
}

/// A row; why a picture was refused takes the place of what was made of it.
fn row(finished: &Finished, color: bool) -> Vec<String> {
    let record = finished.record.as_ref();
    let size = record.and_then(|r| r.width.zip(r.height)).map(|(width, height)| format!("{width}x{height}"));
    let mut cells = vec![table::clip(&finished.key, 48), status(finished, color), size.unwrap_or_default()];
    if let Some((code, message)) = fault(finished) {
        cells.push(format!("{} [{}]", table::plain(&message), paint(&code, Color::Yellow, color)));
        return cells;
    }
    let Some(record) = record else { return cells };
    let (before, after) = (record.size.unwrap_or(0), largest(record));
    let sizes: Vec<String> = record.renditions.iter().map(|r| format!("{}x{}", r.width, r.height)).collect();
    let time = if finished.is_unchanged() { String::new() } else { words::duration(finished.elapsed.as_millis() as u64) };
    cells.extend([sizes.join(" "), words::bytes(before), "->".to_owned(), words::bytes(after), words::saved_short(before, after), time]);
    cells
}

fn paint(text: &str, color: Color, is_on: bool) -> String {
    table::paint(text, &Style::new().fg(color), is_on)
}

pub(super) fn status(finished: &Finished, color: bool) -> String {
    let status = match &finished.record {
        _ if finished.result.is_err() => Status::Failed,
        Some(record) => record.status,
        None => return "dropped".to_owned(),
    };
    let word = status.as_str().to_ascii_lowercase();
    match status {
        Status::Succeeded if finished.is_unchanged() => table::paint("unchanged", &Style::new().dim(), color),
        Status::Succeeded => paint(&word, Color::Green, color),
        Status::Rejected => paint(&word, Color::Yellow, color),
        Status::Failed => paint(&word, Color::Red, color),
        _ => word,
    }
}

/// The bytes of the rendition that stands in for the original: what a reader of the whole picture gets instead.
fn largest(record: &Record) -> u64 {
    let area = |r: &&Rendition| u64::from(r.width) * u64::from(r.height);
    record.renditions.iter().max_by_key(area).map_or(0, |rendition| rendition.bytes)
}

fn summary(finished: &[Finished], elapsed: Duration) -> String {
    if finished.is_empty() {
        return "no pictures found\n".to_owned();
    }
    let is = |finished: &&Finished, status| finished.record.as_ref().is_some_and(|record| record.status == status);
    let worked = |status| finished.iter().filter(|f| !f.is_unchanged() && !f.is_failure() && is(f, status)).count();
    let unchanged = finished.iter().filter(|finished| finished.is_unchanged()).count();
    let failed = finished.iter().filter(|finished| finished.is_failure()).count();
    let counts = [
        (worked(Status::Succeeded), "succeeded"),
        (worked(Status::Rejected), "rejected"),
        (unchanged, "unchanged"),
        (failed, "failed"),
        (worked(Status::Deleted), "gone"),
    ];
    let counts: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
    let mut text = format!("{}: {}", words::count(finished.len() as u64, "picture"), counts.join(", "));
    if unchanged == finished.len() {
        text.push_str("; nothing had to be done\n");
        return text;
    }
    text.push_str(&format!(", in {}\n", words::duration(elapsed.as_millis() as u64)));
    let new: Vec<&Record> =
        finished.iter().filter(|f| !f.is_unchanged() && is(f, Status::Succeeded)).filter_map(|f| f.record.as_ref()).collect();
    let sum = |bytes: fn(&Record) -> u64| new.iter().map(|record| bytes(record)).sum::<u64>();
    let renditions: usize = new.iter().map(|record| record.renditions.len()).sum();
    if renditions > 0 {
        let (before, all) = (sum(|r| r.size.unwrap_or(0)), sum(|r| r.renditions.iter().map(|rendition| rendition.bytes).sum()));
        let (renditions, saved) = (words::count(renditions as u64, "rendition"), words::saved(before, sum(largest)));
        text.push_str(&format!("{} in, {renditions} of {} out; the largest of each: {saved}\n", words::bytes(before), words::bytes(all)));
    }
    text
}
