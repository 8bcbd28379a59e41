//! What decoding and a whole conversion cost, in milliseconds of CPU time. Reads lines of `file<TAB>recipe`, with a third field where the result is
//! to be kept, does each once, and answers each with a line `decode<TAB>all<TAB>bytes<TAB>sha256`, so that a script can let several programs take
//! turns. Linux only.

#![expect(clippy::print_stdout, reason = "a program that answers")]

use std::io::BufRead;
use std::sync::{Arc, Mutex};

use imgcore::{Context, Recipe, Stage, convert};

/// The CPU time of this thread, in nanoseconds.
fn cpu() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells of its threads");
    text.split(' ').next().and_then(|first| first.parse().ok()).expect("a number of nanoseconds")
}

fn main() {
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("a line");
        let mut fields = line.split('\t');
        let (Some(file), Some(recipe), kept) = (fields.next(), fields.next(), fields.next()) else { panic!("a file and a recipe") };
        let input = std::fs::read(file).expect("a readable file");
        let recipe = Recipe::from_json(recipe).expect("a recipe");
        let marks = Arc::new(Mutex::new(Vec::<(Stage, u64)>::new()));
        let ear = marks.clone();
        let ctx = Context::default().with_control(move |stage: Stage| {
            let mut marks = ear.lock().expect("one thread");
            if marks.last().is_none_or(|(last, _)| *last != stage) {
                marks.push((stage, cpu()));
            }
            true
        });
        let begin = cpu();
        let output = convert(&input, &recipe, &ctx).expect("a result");
        let all = cpu() - begin;
        if let Some(kept) = kept {
            std::fs::write(kept, &output.data).expect("room for the result");
        }
        let marks = marks.lock().expect("one thread");
        let first = |wanted: Stage| marks.iter().find(|(stage, _)| *stage == wanted).map_or(0, |(_, at)| *at);
        let decode = first(Stage::Render) - first(Stage::Decode);
        let ms = |ns: u64| ns as f64 / 1e6;
        println!("{:.3}\t{:.3}\t{}\t{}", ms(decode), ms(all), output.data.len(), output.report.sha256);
    }
}
