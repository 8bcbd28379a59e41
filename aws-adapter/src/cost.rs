//! What a load of pictures costs in AWS: counts requests as the code makes them, and multiplies by `prices.json`.
//!
//! ```text
//! Load --> units of each service --> lines: what, how many, at which price, dollars
//! ```
//!
//! Counted where nothing goes wrong: no event comes twice, no picture is tried again, and every start is warm. A quiet queue is assumed,
//! so that each message, each change of the table and each trace is a batch of its own; a busy one costs less.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

/// A JPEG of 12 megapixels, its three default renditions, and how long the warm function took for them: `benches/README.md`, measured
/// through HTTPS on one core of a server, not in Lambda.
const MEASURED: Measured =
    Measured { bytes: 2_800_000, megapixels: 12.0, milliseconds: 62.4, tiny_milliseconds: 11.5, rendition_bytes: 115_470 };

/// How many megapixels that picture has.
pub const MEGAPIXELS: f64 = MEASURED.megapixels;

struct Measured {
    bytes: u64,
    megapixels: f64,
    milliseconds: f64,
    /// The same with a picture of 64 x 48 pixels: what is left is requests.
    tiny_milliseconds: f64,
    /// On average: 7,152, 73,360 and 265,897 bytes.
    rendition_bytes: u64,
}

/// Write units of a picture that nobody offered: a claim of less than 1 KB with its entry of `by-state`, and 1.8 KB whose entry moves to
/// another state. As DynamoDB Local counts them, and `examples/million-records.rs` for one write.
const WRITES: f64 = 2.0 + 4.0;

/// What an offer adds: a record of its own, one entry more in `by-state` that moves, and all of `by-owner`.
const WRITES_OF_AN_OFFER: f64 = 3.0 + 2.0 + 2.0;

/// Findings lie beside all else in a record of 2 to 3 KB, and move no entry.
const WRITES_OF_FINDINGS: f64 = 3.0;

/// A record with its entries in both indexes, and the 100 bytes that DynamoDB adds to each item.
const RECORD_BYTES: f64 = 1_814.0 + 3.0 * 100.0 + 2.0 * 150.0;

/// Send, receive and delete.
const REQUESTS_A_MESSAGE: f64 = 3.0;

/// Bytes of log of an invocation: two lines of the service's own, one of ours, for `process` the metrics, for `api` the access log.
const LOG_OF_PROCESS: f64 = 2_400.0;
const LOG_OF_PUBLISH: f64 = 800.0;
const LOG_OF_API: f64 = 1_600.0;
const LOG_OF_ANALYSE: f64 = 1_100.0;

/// Assumed, not measured: milliseconds of the functions that wait for one answer, with the template's memory in MB.
const PUBLISH: (f64, f64) = (30.0, 256.0);
const API: (f64, f64) = (50.0, 512.0);

/// Assumed: how long Rekognition takes to answer. What it is sent is made as a rendition is.
const ANALYSE_MS: f64 = 1_000.0;

/// Lambda traces the first call of a second and one in twenty of the others; of a backfill nearly all are others.
const TRACED_OF_MANY: f64 = 0.05;

/// What stands in the template whether it is used or not: alarms, metrics of `process`, and six for each of the API's six routes.
const ALARMS: f64 = 7.0;
const METRICS: f64 = 19.0 + 6.0 * 6.0;

/// Five readers ask an empty queue, and wait 20 seconds each time.
const EMPTY_RECEIVES_A_MONTH: f64 = 5.0 * 3.0 * 60.0 * 24.0 * 30.0;

const GB: f64 = (1 << 30) as f64;

/// What is to be paid for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Load {
    /// How many pictures.
    pub images: f64,
    /// Bytes of one.
    pub bytes: f64,
    /// How long the function works on one.
    pub milliseconds: f64,
    /// Megabytes of the function.
    pub memory: f64,
    /// What it was built for: `arm64` or `x86_64`.
    pub architecture: Architecture,
    /// How many renditions each gets.
    pub renditions: f64,
    /// Bytes of one rendition.
    pub rendition_bytes: f64,
    /// For how many months everything is kept.
    pub months: f64,
    /// The part of the pictures that was offered through the API before it was uploaded.
    pub offers: f64,
    /// How often each record is read through the API.
    pub reads: f64,
    /// How often a rendition of each picture is asked of the API and fetched.
    pub downloads: f64,
    /// Whether renditions are fetched through CloudFront, by signed links.
    pub cdn: bool,
    /// How many of faces, text and moderation are asked of Rekognition.
    pub analyses: f64,
    /// Whether the pictures are there already, and go through the state machine `BackfillMachine` rather than the queue.
    pub backfill: bool,
}

/// What the functions run on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub enum Architecture {
    /// A fifth cheaper.
    #[default]
    #[serde(rename = "arm64")]
    Arm64,
    /// Intel and AMD.
    #[serde(rename = "x86_64")]
    X86,
}

impl Default for Load {
    /// A million pictures as they were measured, kept for a month, each looked up once and fetched once.
    fn default() -> Self {
        Self {
            images: 1e6,
            bytes: MEASURED.bytes as f64,
            milliseconds: MEASURED.milliseconds,
            memory: 1769.0,
            architecture: Architecture::Arm64,
            renditions: 3.0,
            rendition_bytes: MEASURED.rendition_bytes as f64,
            months: 1.0,
            offers: 0.0,
            reads: 1.0,
            downloads: 1.0,
            cdn: false,
            analyses: 0.0,
            backfill: false,
        }
    }
}

/// A line of the bill.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// What is paid for.
    pub what: &'static str,
    /// How many units of the price.
    pub units: f64,
    /// The price's name in `prices.json`.
    pub price: &'static str,
    /// What it comes to.
    pub dollars: f64,
}

impl Line {
    fn new(what: &'static str, price: &'static str, units: f64) -> Self {
        let Price { dollars, per, .. } = &PRICES.prices[price];
        Self { what, units, price, dollars: units * dollars / per }
    }
}

/// Prices as they were read.
#[derive(Debug, Deserialize)]
pub struct Prices {
    /// Where they hold.
    pub region: String,
    /// When they were read.
    pub read: String,
    /// What they are.
    pub terms: String,
    /// Each by its name.
    pub prices: BTreeMap<String, Price>,
}

/// A price.
#[derive(Debug, Deserialize)]
pub struct Price {
    /// What so many units cost.
    pub dollars: f64,
    /// How many units that is for.
    pub per: f64,
    /// What is counted.
    pub unit: String,
    /// Where the figure was read.
    pub source: String,
    /// AWS's own page of it.
    pub list: String,
}

/// The prices of `prices.json`.
pub static PRICES: LazyLock<Prices> =
    LazyLock::new(|| serde_json::from_str(include_str!("../prices.json")).expect("a test reads prices.json"));

/// What these pictures cost. Twice as many cost twice as much.
pub fn lines(load: &Load) -> Vec<Line> {
    let each = |count: f64| load.images * count;
    let is_analysed = f64::from(u8::from(load.analyses > 0.0));
    let uploaded = f64::from(u8::from(!load.backfill));
    let backfilled = 1.0 - uploaded;
    let calls = load.offers + load.reads + load.downloads;
    let seconds = |milliseconds: f64, memory: f64| milliseconds / 1000.0 * memory / 1024.0;
    let lambda = match load.architecture {
        Architecture::Arm64 => "lambda-arm64",
        Architecture::X86 => "lambda-x86_64",
    };
    let stored = load.renditions * load.rendition_bytes + uploaded * load.bytes;
    let logs = LOG_OF_PROCESS + LOG_OF_PUBLISH + calls * LOG_OF_API + is_analysed * LOG_OF_ANALYSE;
    let traces = if load.backfill { TRACED_OF_MANY } else { 1.0 } * (2.0 + is_analysed) + calls;
    let (fetch, transfer) = if load.cdn { ("cloudfront-request", "cloudfront-transfer") } else { ("s3-get", "transfer-out") };
    let child_seconds = (load.milliseconds / 100.0).ceil() * 0.1;
    let all = [
        Line::new("render: Lambda", lambda, each(seconds(load.milliseconds, load.memory))),
        Line::new("tell: Lambda", lambda, each(seconds(PUBLISH.0, PUBLISH.1))),
        Line::new("answer: Lambda", lambda, each(calls * seconds(API.0, API.1))),
        Line::new("analyse: Lambda", lambda, each(is_analysed * seconds(load.milliseconds + ANALYSE_MS, load.memory))),
        Line::new("calls of functions: Lambda", "lambda-request", each(2.0 + calls + is_analysed)),
        // The upload itself, each rendition, and a list that looks for leftovers; a backfill lists a thousand originals at once.
        Line::new("write: S3", "s3-put", each(uploaded + load.renditions + 1.0 + backfilled / 1000.0)),
        // An event says which version it is about; without one S3 is asked.
        Line::new("read: S3", "s3-get", each(1.0 + backfilled + is_analysed)),
        Line::new("keep pictures: S3", "s3-storage", each(stored) * load.months / GB),
        Line::new(
            "write records: DynamoDB",
            "dynamodb-write",
            each(WRITES + load.offers * WRITES_OF_AN_OFFER + is_analysed * WRITES_OF_FINDINGS),
        ),
        // Every read of one record is consistent. The analysis looks at what is to be done, and at what it writes to.
        Line::new("read records: DynamoDB", "dynamodb-read", each(1.0 + load.reads + load.downloads + 2.0 * is_analysed)),
        Line::new("keep records: DynamoDB", "dynamodb-storage", each(RECORD_BYTES) * load.months / GB),
        Line::new("keep 35 days of them: DynamoDB", "dynamodb-backup", each(RECORD_BYTES) * load.months / GB),
        Line::new("wait in line: SQS", "sqs-request", each(REQUESTS_A_MESSAGE * (uploaded + is_analysed))),
        Line::new("start each: Step Functions", "state-transition", each(backfilled)),
        Line::new("step by step: Step Functions", "express-request", each(backfilled)),
        Line::new("time of steps: Step Functions", "express-duration", each(backfilled * child_seconds * 64.0 / 1024.0)),
        Line::new("tell others: EventBridge", "eventbridge-event", each(1.0)),
        Line::new("look at pictures: Rekognition", "rekognition-image", each(load.analyses)),
        Line::new("answer: API Gateway", "http-api-request", each(calls)),
        Line::new(if load.cdn { "fetch: CloudFront" } else { "fetch: S3" }, fetch, each(load.downloads)),
        Line::new("bytes out to the internet", transfer, each(load.downloads * load.rendition_bytes) / GB),
        Line::new("logs: CloudWatch", "log-ingestion", each(logs) / GB),
        Line::new("traces: X-Ray", "trace", each(traces)),
    ];
    all.into_iter().filter(|line| line.units > 0.0).collect()
}

/// What the stack costs in these months, also without any picture.
pub fn standing(load: &Load) -> Vec<Line> {
    let mut all = vec![
        Line::new("metrics: CloudWatch", "metric", METRICS * load.months),
        Line::new("alarms: CloudWatch", "alarm", ALARMS * load.months),
        Line::new("dashboard: CloudWatch", "dashboard", load.months),
        Line::new("an empty queue: SQS", "sqs-request", EMPTY_RECEIVES_A_MONTH * load.months),
    ];
    if load.cdn {
        all.push(Line::new("the key of signed links: Secrets Manager", "secret", load.months));
    }
    all
}

/// The sum of lines.
pub fn total(lines: &[Line]) -> f64 {
    lines.iter().map(|line| line.dollars).sum()
}

/// How long the function works on a picture of so many megapixels, in milliseconds.
pub fn milliseconds(megapixels: f64) -> f64 {
    MEASURED.tiny_milliseconds + (MEASURED.milliseconds - MEASURED.tiny_milliseconds) * megapixels / MEASURED.megapixels
}

/// What it takes to render what is there already.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backfill {
    /// What the stack's functions and `BackfillMachine` cost, and nothing that is kept afterwards.
    pub dollars: f64,
    /// How long it takes.
    pub hours: f64,
}

/// The plan of rendering so many objects, `concurrency` at once. A picture's work is taken to grow with its bytes.
pub fn backfill(objects: u64, bytes: u64, renditions: usize, concurrency: usize) -> Backfill {
    let images = objects as f64;
    let size = if objects == 0 { 0.0 } else { bytes as f64 / images };
    let load = Load {
        images,
        bytes: size,
        milliseconds: milliseconds(MEASURED.megapixels * size / MEASURED.bytes as f64),
        renditions: renditions as f64,
        months: 0.0,
        reads: 0.0,
        downloads: 0.0,
        backfill: true,
        ..Load::default()
    };
    Backfill { dollars: total(&lines(&load)), hours: images * load.milliseconds / concurrency.max(1) as f64 / 3_600_000.0 }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every service at once.
    fn everything() -> [Load; 2] {
        let load = Load { offers: 0.5, analyses: 3.0, cdn: true, ..Load::default() };
        let other = Load { backfill: true, cdn: false, architecture: Architecture::X86, ..load.clone() };
        [load, other]
    }

    fn dollars(lines: &[Line], what: &str) -> f64 {
        lines.iter().find(|line| line.what == what).unwrap_or_else(|| panic!("{what}")).dollars
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
    }

    #[test]
    fn every_price_says_where_it_comes_from_and_is_used() {
        let used: BTreeSet<&str> =
            everything().iter().flat_map(|load| [lines(load), standing(load)].concat()).map(|line| line.price).collect();
        assert_eq!(used, PRICES.prices.keys().map(String::as_str).collect());
        for (name, price) in &PRICES.prices {
            assert!(price.dollars > 0.0 && price.per >= 1.0 && !price.unit.is_empty(), "{name}");
            assert!(price.source.starts_with("https://") && price.list.starts_with("https://aws.amazon.com/"), "{name}");
        }
        assert_eq!((PRICES.region.as_str(), PRICES.read.len()), ("us-east-1", "2026-01-01".len()));
    }

    #[test]
    fn a_sum_is_the_sum_of_units_at_their_prices() {
        for load in everything() {
            let lines = lines(&load);
            let by_hand: f64 =
                lines.iter().map(|line| line.units * PRICES.prices[line.price].dollars / PRICES.prices[line.price].per).sum();
            assert!(near(total(&lines), by_hand) && by_hand > 0.0);
        }
    }

    #[test]
    fn twice_the_images_cost_twice_as_much() {
        for load in everything() {
            let twice = Load { images: 2.0 * load.images, ..load.clone() };
            assert!(near(total(&lines(&twice)), 2.0 * total(&lines(&load))));
            assert!(near(total(&standing(&twice)), total(&standing(&load))), "the stack stands once");
        }
    }

    #[test]
    fn a_million_pictures_by_hand() {
        let bill = lines(&Load { milliseconds: 100.0, ..Load::default() });
        // 0.1 s of 1,769 of 1,024 MB.
        assert!(near(dollars(&bill, "render: Lambda"), 1e6 * 0.1 * 1769.0 / 1024.0 * 0.000_013_333_4));
        // An upload, three renditions and a list.
        assert!(near(dollars(&bill, "write: S3"), 25.0));
        assert!(near(dollars(&bill, "read: S3"), 0.4));
        assert!(near(dollars(&bill, "write records: DynamoDB"), 6.0 * 0.625));
        assert!(near(dollars(&bill, "wait in line: SQS"), 3.0 * 0.4));
        assert!(near(dollars(&bill, "tell others: EventBridge"), 1.0));
        assert!(near(dollars(&bill, "answer: API Gateway"), 2.0));
        assert!(bill.iter().all(|line| !line.what.contains("Step Functions") && !line.what.contains("Rekognition")), "{bill:?}");
    }

    #[test]
    fn what_stands_is_what_the_template_makes() {
        let template = include_str!("../template.yaml");
        let alarms = template.lines().filter(|line| line.trim() == "Type: AWS::CloudWatch::Alarm").count();
        assert_eq!(alarms as f64, ALARMS);
        let routes = template.lines().filter(|line| line.trim() == "Type: AWS::ApiGatewayV2::Route").count();
        assert_eq!(19.0 + 6.0 * routes as f64, METRICS);
    }

    #[test]
    fn a_backfill_takes_as_long_as_its_pictures_and_half_as_long_with_twice_as_many_at_once() {
        let plan = backfill(1_000_000, 2_800_000_000_000, 3, 20);
        assert!(near(plan.hours, 1e3 * MEASURED.milliseconds / 20.0 / 3600.0), "{plan:?}");
        // A child's start, the renditions and their list, and the work.
        assert!(plan.dollars > 25.0 + 20.0 + 1.5 && plan.dollars < 80.0, "{plan:?}");
        let faster = backfill(1_000_000, 2_800_000_000_000, 3, 40);
        assert!(near(faster.hours * 2.0, plan.hours) && near(faster.dollars, plan.dollars));
        assert_eq!(backfill(0, 0, 3, 20), Backfill { dollars: 0.0, hours: 0.0 });
    }

    #[test]
    fn a_picture_takes_what_was_measured() {
        assert!(near(milliseconds(12.0), MEASURED.milliseconds) && near(milliseconds(0.0), MEASURED.tiny_milliseconds));
    }
}
