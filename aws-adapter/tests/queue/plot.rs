//! A story as a picture: four curves over the steps, each with its own scale, as SVG.

use std::fmt::Write;

use super::story::{Plan, Sample, Tally};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 24.0;
const RIGHT: f64 = 150.0;
const TOP: f64 = 88.0;
const PANEL: f64 = 120.0;
const GAP: f64 = 36.0;

/// No more points than pixels.
const POINTS: usize = 780;

struct Curve {
    title: &'static str,
    color: &'static str,
    of: fn(&Sample) -> usize,
}

const CURVES: [Curve; 4] = [
    Curve { title: "records final", color: "#1b7837", of: |sample| sample.finals },
    Curve { title: "messages in flight", color: "#2166ac", of: |sample| sample.in_flight },
    Curve { title: "kills so far", color: "#b2182b", of: |sample| sample.kills },
    Curve { title: "dead letters", color: "#762a83", of: |sample| sample.dead },
];

pub(crate) fn svg(plan: &Plan, tally: &Tally) -> String {
    let height = TOP + CURVES.len() as f64 * (PANEL + GAP) + 12.0;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" font-family="sans-serif" font-size="13" fill="#333">
<rect width="100%" height="100%" fill="#fff"/>
"##
    );
    let title = format!(
        "{} objects, {} messages, {} batches, {} kills, seed {}",
        grouped(plan.objects),
        grouped(tally.messages),
        grouped(tally.batches),
        grouped(tally.deaths()),
        plan.seed
    );
    text(&mut svg, LEFT, 30.0, "start", r#" font-size="17" font-weight="bold""#, &title);
    text(&mut svg, LEFT, 50.0, "start", r##" fill="#666""##, "Each curve has its own scale, from 0 to its most.");
    for (number, curve) in CURVES.iter().enumerate() {
        panel(&mut svg, curve, &tally.samples, TOP + number as f64 * (PANEL + GAP));
    }
    let (right, bottom) = (WIDTH - RIGHT, TOP + CURVES.len() as f64 * (PANEL + GAP) - GAP);
    for step in ticks(tally.samples.len()) {
        let x = LEFT + (right - LEFT) * step as f64 / tally.samples.len().max(1) as f64;
        let _ = writeln!(svg, r##"<line x1="{x:.1}" x2="{x:.1}" y1="{bottom}" y2="{}" stroke="#999"/>"##, bottom + 5.0);
        text(&mut svg, x, bottom + 19.0, if step == 0 { "start" } else { "middle" }, "", &grouped(step));
    }
    text(&mut svg, right + 8.0, bottom + 19.0, "start", "", "steps");
    svg + "</svg>\n"
}

fn panel(svg: &mut String, curve: &Curve, samples: &[Sample], top: f64) {
    let (right, bottom) = (WIDTH - RIGHT, top + PANEL);
    let most = samples.iter().map(curve.of).max().unwrap_or(0);
    let last = samples.last().map_or(0, curve.of);
    let place = |index: usize, value: usize| {
        let x = LEFT + (right - LEFT) * index as f64 / samples.len().max(2) as f64;
        (x, bottom - PANEL * value as f64 / most.max(1) as f64)
    };
    for y in [top, bottom] {
        let _ = writeln!(svg, r##"<line x1="{LEFT}" x2="{right}" y1="{y}" y2="{y}" stroke="#ccc"/>"##);
    }
    let stride = samples.len().div_ceil(POINTS).max(1);
    let shown = samples.iter().enumerate().step_by(stride).chain(samples.iter().enumerate().next_back());
    let points: Vec<_> = shown
        .map(|(index, sample)| {
            let (x, y) = place(index, (curve.of)(sample));
            format!("{x:.1},{y:.1}")
        })
        .collect();
    let color = curve.color;
    let _ = writeln!(svg, r#"<polyline points="{}" fill="none" stroke="{color}" stroke-width="1.5"/>"#, points.join(" "));
    text(svg, LEFT, top - 6.0, "start", &format!(r#" fill="{color}" font-weight="bold""#), curve.title);
    text(svg, right + 8.0, top + 5.0, "start", "", &format!("most {}", grouped(most)));
    let (_, end) = place(samples.len(), last);
    // Below the label of the top line, where the curve ends near it.
    text(svg, right + 8.0, end.max(top + 17.0) + 5.0, "start", &format!(r#" fill="{color}""#), &format!("at the end {}", grouped(last)));
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, style: &str, words: &str) {
    let _ = writeln!(svg, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}"{style}>{words}</text>"#);
}

/// Round numbers up to this one: one, two or five of a power of ten apart.
fn ticks(most: usize) -> impl Iterator<Item = usize> {
    let steps = (0..).flat_map(|power| [1, 2, 5].map(|first| first * 10_usize.pow(power)));
    let step = steps.into_iter().find(|step| most / step <= 7).unwrap_or(1);
    (0..=most).step_by(step)
}

/// A number with a comma between its thousands.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group)).collect();
    groups.join(",")
}
