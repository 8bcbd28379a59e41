//! `imgcore cost`: what pictures cost in AWS, line by line.

use aws_adapter::cost::{self, Architecture, Line, Load, PRICES};
use serde_json::{Value, json};

use super::table::{self, Alignment};
use super::{Failure, print, words};

/// The arguments of `cost`. Defaults that were measured are those of a 12-megapixel JPEG to three renditions in benches/README.md.
#[derive(clap::Args)]
pub(crate) struct Cost {
    /// How many pictures.
    #[arg(long, default_value_t = Load::default().images as u64)]
    images: u64,
    /// The size of one, in millions of bytes.
    #[arg(long, default_value_t = Load::default().bytes / 1e6, value_parser = amount)]
    megabytes: f64,
    /// The size of one, in millions of pixels, from which the time is reckoned.
    #[arg(long, default_value_t = cost::MEGAPIXELS, value_parser = amount, conflicts_with = "milliseconds")]
    megapixels: f64,
    /// How long the function works on one, where you have measured it: the durations are in the function's metrics.
    #[arg(long, value_parser = amount)]
    milliseconds: Option<f64>,
    /// The function's memory in MB.
    #[arg(long, default_value_t = Load::default().memory, value_parser = amount)]
    memory: f64,
    /// What the functions run on.
    #[arg(long, default_value = "arm64", value_parser = architecture)]
    architecture: Architecture,
    /// How many renditions each gets.
    #[arg(long, default_value_t = Load::default().renditions as u32)]
    renditions: u32,
    /// Bytes of one rendition.
    #[arg(long, default_value_t = Load::default().rendition_bytes, value_parser = amount)]
    rendition_bytes: f64,
    /// For how many months everything is kept.
    #[arg(long, default_value_t = Load::default().months, value_parser = amount)]
    months: f64,
    /// The part of them that is offered through the API before it is uploaded, 0 to 1.
    #[arg(long, default_value_t = Load::default().offers, value_parser = amount)]
    offers: f64,
    /// How often each record is read through the API.
    #[arg(long, default_value_t = Load::default().reads, value_parser = amount)]
    reads: f64,
    /// How often a rendition of each is fetched.
    #[arg(long, default_value_t = Load::default().downloads, value_parser = amount)]
    downloads: f64,
    /// Renditions are fetched through CloudFront.
    #[arg(long)]
    cdn: bool,
    /// How many analyses each picture gets: faces, text, moderation.
    #[arg(long, default_value_t = Load::default().analyses as u8, value_parser = clap::value_parser!(u8).range(0..=3))]
    analyses: u8,
    /// The pictures are there already, and go through the state machine that fills up.
    #[arg(long)]
    backfill: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn amount(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|amount: &f64| amount.is_finite() && *amount >= 0.0).ok_or_else(|| "must be a number from 0".into())
}

fn architecture(text: &str) -> Result<Architecture, String> {
    match text {
        "arm64" => Ok(Architecture::Arm64),
        "x86_64" => Ok(Architecture::X86),
        _ => Err("must be arm64 or x86_64".into()),
    }
}

impl Cost {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let load = self.load();
        let (lines, standing) = (cost::lines(&load), cost::standing(&load));
        if self.json {
            return print(format_args!("{}\n", told(&load, &lines, &standing)));
        }
        print(text(&load, &lines, &standing))
    }

    fn load(&self) -> Load {
        Load {
            images: self.images as f64,
            bytes: self.megabytes * 1e6,
            milliseconds: self.milliseconds.unwrap_or_else(|| cost::milliseconds(self.megapixels)),
            memory: self.memory,
            architecture: self.architecture,
            renditions: f64::from(self.renditions),
            rendition_bytes: self.rendition_bytes,
            months: self.months,
            offers: self.offers,
            reads: self.reads,
            downloads: self.downloads,
            cdn: self.cdn,
            analyses: f64::from(self.analyses),
            backfill: self.backfill,
        }
    }
}

fn told(load: &Load, lines: &[Line], standing: &[Line]) -> Value {
    json!({
        "region": PRICES.region,
        "pricesRead": PRICES.read,
        "load": load,
        "lines": lines,
        "dollars": cost::total(lines),
        "standing": standing,
        "standingDollars": cost::total(standing),
    })
}

fn text(load: &Load, lines: &[Line], standing: &[Line]) -> String {
    let head = [("what", Alignment::Left), ("units", Alignment::Right), ("price", Alignment::Left), ("dollars", Alignment::Right)];
    let months = if load.months == 1.0 { "in a month".to_owned() } else { format!("in {} months", load.months) };
    let images = words::count(load.images as u64, "image").replacen(&(load.images as u64).to_string(), &thousands(load.images), 1);
    let mut rows: Vec<Vec<String>> = lines.iter().map(row).collect();
    rows.push(sum(&images, cost::total(lines)));
    if load.months > 0.0 {
        rows.extend(standing.iter().map(row));
        rows.push(sum(&format!("the stack, used or not, {months}"), cost::total(standing)));
    }
    format!("{}prices of {}, read on {}: prices.json\n", table::columns(&head, &rows, table::has_color()), PRICES.region, PRICES.read)
}

fn row(line: &Line) -> Vec<String> {
    let price = &PRICES.prices[line.price];
    let per = match price.per {
        1.0 => price.unit.clone(),
        1e6 => format!("million {}s", price.unit),
        many => format!("{} {}s", thousands(many), price.unit),
    };
    let digits = price.dollars.to_string();
    let decimals = digits.split_once('.').map_or(0, |(_, decimals)| decimals.len()).max(2);
    vec![line.what.to_owned(), units(line.units), format!("${:.decimals$} per {per}", price.dollars), dollars(line.dollars)]
}

fn sum(what: &str, sum: f64) -> Vec<String> {
    vec![what.to_owned(), String::new(), String::new(), dollars(sum)]
}

fn units(count: f64) -> String {
    if count < 99.95 && count.fract() != 0.0 { format!("{count:.1}") } else { thousands(count) }
}

fn thousands(count: f64) -> String {
    words::thousands(count.round() as u64)
}

/// An amount of money: `$12.30`, `$1,234.50`.
pub(crate) fn dollars(amount: f64) -> String {
    let cents = (amount * 100.0).round() as u64;
    format!("${}.{:02}", words::thousands(cents / 100), cents % 100)
}
