//! What a list costs in a table of a million records: loads the table with the items that the store writes, then asks and tells.
//!
//! ```text
//! export AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:8000 AWS_REGION=eu-central-1 AWS_ACCESS_KEY_ID=x AWS_SECRET_ACCESS_KEY=x
//! cargo run --release --package aws-adapter --features aws --example million-records -- 1000000
//! ```
//!
//! A table of this name that is there already is asked as it is.
//!
//! Measured with 600,000 records of 1,814 bytes in DynamoDB Local 3.3.0, in memory, on 2026-11-25. The counts can be relied on; the
//! times are of a client in the dev profile beside other work, and far too long:
//!
//! | list | requests | keys read | read units | ms |
//! | --- | --- | --- | --- | --- |
//! | the first page of 50 | 40 queries, 1 batch | 600 | 37 | 854 |
//! | the first page of `SUCCEEDED` | 8 queries, 1 batch | 200 | 29 | 346 |
//! | the first page of `FAILED` | 8 queries, 1 batch | 200 | 29 | 234 |
//! | the first page of `RUNNING`, of which there are none | 8 queries | 0 | 0 | 123 |
//! | one caller's first page | 1 query, 1 batch | 51 | 26 | 185 |
//! | page 1000 | 40 queries, 1 batch | 600 | 37 | 574 |
//! | page 1000 of `SUCCEEDED` | 8 queries, 1 batch | 200 | 29 | 230 |
//!
//! A late page costs what the first does, and 600,000 records cost what 20,000 do. Loading took 22 minutes, 464 records a second, and 3.1
//! write units a record: two for 1.8 KB, and one for each index that it is in. This engine counts nothing for a query that finds nothing;
//! where half a unit is counted for each, the first page costs 45.
#![expect(clippy::print_stdout, reason = "the table is what it is for")]

#[path = "../tests/cloud/meter.rs"]
mod meter;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use aws_adapter::catalog::{DynamoRecords, ListQuery, RecordPage, Records, item};
use aws_adapter::cloud::Clients;
use aws_adapter::identity::{Sequencer, fingerprint, rendition_key, sha256};
use aws_adapter::record::{Entry, Failure, Record, Rendition, Status};
use aws_adapter::time::Timestamp;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use meter::{Cost, Meter};
use serde_json::json;

type Error = Box<dyn std::error::Error + Send + Sync>;

const TABLE: &str = "MillionRecords";

/// How many requests are on their way at once, and the most that one may write.
const WRITERS: usize = 8;
const BATCH: u64 = 25;

/// How often each question is asked; the time told is the one in the middle.
const ASKED: usize = 7;

/// The late page that is asked for.
const PAGE: u32 = 1000;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let count = std::env::args().nth(1).map_or(Ok(1_000_000), |text| text.parse::<u64>())?;
    let meter = Meter::default();
    let plain = Clients::from_environment().await.dynamodb();
    let client = Client::from_conf(plain.config().to_builder().interceptor(meter.clone()).build());
    let records = DynamoRecords::new(client.clone(), TABLE);
    if client.describe_table().table_name(TABLE).send().await.is_ok() {
        println!("the table `{TABLE}` is there already and is not loaded again");
    } else {
        records.create_table().await?;
        load(&client, &meter, count).await?;
    }

    println!("{:<34} {:>7} {:>8} {:>9} {:>6} {:>8}  requests", "list", "records", "requests", "keys read", "units", "ms");
    let by_status = |status| ListQuery { status: Some(status), ..ListQuery::default() };
    let owner = ListQuery { owner: Some(caller(7)), ..ListQuery::default() };
    ask(&records, &meter, "the first page", &ListQuery::default()).await?;
    ask(&records, &meter, "the first page of SUCCEEDED", &by_status(Status::Succeeded)).await?;
    ask(&records, &meter, "the first page of FAILED", &by_status(Status::Failed)).await?;
    ask(&records, &meter, "the first page of RUNNING: none", &by_status(Status::Running)).await?;
    ask(&records, &meter, "one caller's first page", &owner).await?;
    let late = walk(&records, ListQuery::default()).await?;
    ask(&records, &meter, &format!("page {PAGE}"), &late).await?;
    let late = walk(&records, by_status(Status::Succeeded)).await?;
    ask(&records, &meter, &format!("page {PAGE} of SUCCEEDED"), &late).await?;
    Ok(())
}

// ---- loading -------------------------------------------------------------------------------------------------------------------------

async fn load(client: &Client, meter: &Meter, count: u64) -> Result<(), Error> {
    let begun = Instant::now();
    let (next, done, bytes) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..WRITERS {
        let (client, next, done, bytes) = (client.clone(), Arc::clone(&next), Arc::clone(&done), Arc::clone(&bytes));
        writers.spawn(async move {
            loop {
                let first = next.fetch_add(BATCH, Ordering::Relaxed);
                if first >= count {
                    return Ok::<(), Error>(());
                }
                let last = (first + BATCH).min(count);
                let items: Vec<_> =
                    (first..last).map(|i| item(&Entry { revision: 3, ..Entry::new(record(i)) })).collect::<Result<_, _>>()?;
                bytes.fetch_add(items.iter().map(size).sum(), Ordering::Relaxed);
                write(&client, items).await?;
                let (before, after) = (done.fetch_add(last - first, Ordering::Relaxed), last - first);
                tell(before, before + after, count, begun);
            }
        });
    }
    while let Some(writer) = writers.join_next().await {
        writer??;
    }
    let (seconds, cost) = (begun.elapsed().as_secs_f64(), meter.take());
    let average = bytes.load(Ordering::Relaxed) / count.max(1);
    println!("{count} records of {average} bytes in {seconds:.0} s: {:.0} a second, {:.0} write units", count as f64 / seconds, cost.units);
    Ok(())
}

/// A line for each fiftieth of the work.
fn tell(before: u64, after: u64, count: u64, begun: Instant) {
    let step = (count / 50).max(1);
    if before / step != after / step {
        let rate = after as f64 / begun.elapsed().as_secs_f64();
        eprintln!("loaded {after} of {count}, {rate:.0} a second, {:.0} s left", (count - after) as f64 / rate);
    }
}

async fn write(client: &Client, items: Vec<HashMap<String, AttributeValue>>) -> Result<(), Error> {
    let put =
        |item| WriteRequest::builder().put_request(PutRequest::builder().set_item(Some(item)).build().expect("the item is given")).build();
    let mut left: Vec<WriteRequest> = items.into_iter().map(put).collect();
    let mut pause = Duration::from_millis(50);
    while !left.is_empty() {
        let answer = client.batch_write_item().request_items(TABLE, left).send().await?;
        left = answer.unprocessed_items.unwrap_or_default().remove(TABLE).unwrap_or_default();
        if !left.is_empty() {
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }
    Ok(())
}

/// What an item counts for, near enough: the bytes of its names and values, and a few for each that is a list or map.
fn size(item: &HashMap<String, AttributeValue>) -> u64 {
    fn value(of: &AttributeValue) -> usize {
        match of {
            AttributeValue::S(text) => text.len(),
            AttributeValue::N(digits) => digits.len() / 2 + 1,
            AttributeValue::L(values) => 3 + values.iter().map(|v| 1 + value(v)).sum::<usize>(),
            AttributeValue::M(values) => 3 + values.iter().map(|(name, v)| 1 + name.len() + value(v)).sum::<usize>(),
            _ => 1,
        }
    }
    item.iter().map(|(name, v)| (name.len() + value(v)) as u64).sum()
}

// ---- records that might be ---------------------------------------------------------------------------------------------------------------

fn caller(number: u64) -> String {
    format!("7f3c9a52-0000-4000-8000-{number:012}")
}

/// One picture each half minute: of a hundred 95 are done, three rejected, one failed, one deleted. A seventh comes from a thousand callers.
fn record(i: u64) -> Record {
    let key = format!("uploads/2026/album-{:03}/IMG_{i:07}.jpg", i % 365);
    let now = Timestamp::from_millis(1_767_225_600_000 + i64::try_from(i).unwrap_or(0) * 30_000);
    let status = match i % 100 {
        13 => Status::Deleted,
        37 => Status::Failed,
        11 | 53 | 89 => Status::Rejected,
        _ => Status::Succeeded,
    };
    let version = sha256(&i.to_le_bytes());
    let bare = Record {
        status,
        size: Some(2_000_000 + i % 3_000_000),
        owner: i.is_multiple_of(7).then(|| caller(i / 7 % 1000)),
        content_type: Some("image/jpeg".into()),
        source_version: Some(version[..32].to_owned()),
        sequencer: Some(Sequencer::new(&format!("0065{i:014x}"))),
        ..Record::new("photos-of-a-company", &key, now)
    };
    if status == Status::Deleted {
        return bare;
    }
    let known = Record {
        duration_ms: [("wait", 1), ("get", 40), ("plan", 1), ("convert", 160), ("put", 70), ("total", 280)]
            .map(|(k, v)| (k.to_owned(), v))
            .into(),
        output_revision: Some(1),
        config_hash: Some(sha256(b"config")),
        ..bare
    };
    if status != Status::Succeeded {
        let (code, message) = match status {
            Status::Failed => ("source_archived", format!("object `{key}` is archived and must be restored first")),
            _ => ("truncated", "the file ends within the data of its picture".to_owned()),
        };
        return Record { error: Some(Failure { code: code.into(), message }), ..known };
    }
    let renditions = [("large", 1600, 1200, 210_000), ("medium", 800, 600, 70_000), ("thumb", 320, 240, 14_000)];
    let rendition = |(name, width, height, bytes): (&str, u32, u32, u64)| {
        let recipe_hash = sha256(name.as_bytes());
        let content = sha256(format!("{name} of {version}").as_bytes());
        Rendition {
            name: name.into(),
            key: rendition_key(&known.image_id, name, &fingerprint(&version, &recipe_hash, 1), "jpg"),
            width,
            height,
            format: "jpeg".into(),
            bytes: bytes + i % 5000,
            etag: content[32..].to_owned(),
            sha256: content,
            recipe_hash,
        }
    };
    Record {
        format: Some("jpeg".into()),
        width: Some(4000),
        height: Some(3000),
        stored_width: Some(4000),
        stored_height: Some(3000),
        orientation: Some(1),
        exif: Some(json!({
            "make": "FUJIFILM", "model": "X-T5", "lens": "XF18-55mmF2.8-4 R LM OIS", "software": "Digital Camera X-T5 Ver4.00",
            "takenAt": "2026-01-01T12:00:00", "exposureTime": 0.004, "fNumber": 5.6, "iso": 125 + i % 6400, "focalLength": 23.5,
        })),
        source_sha256: Some(version.clone()),
        renditions: renditions.map(rendition).into(),
        ..known
    }
}

// ---- asking --------------------------------------------------------------------------------------------------------------------------

async fn ask(records: &DynamoRecords, meter: &Meter, name: &str, query: &ListQuery) -> Result<(), Error> {
    let (mut found, mut cost, mut times) = (RecordPage { items: Vec::new(), next_cursor: None }, Cost::default(), Vec::new());
    for _ in 0..ASKED {
        meter.take();
        let begun = Instant::now();
        found = records.list(query).await?;
        times.push(begun.elapsed());
        cost = meter.take();
    }
    times.sort();
    let (count, requests) = (found.items.len(), cost.requests.values().sum::<u32>());
    let keys = cost.items.saturating_sub(count);
    let kinds: Vec<String> = cost.requests.iter().map(|(name, count)| format!("{count} x {name}")).collect();
    let millis = times[ASKED / 2].as_secs_f64() * 1000.0;
    println!("{name:<34} {count:>7} {requests:>8} {keys:>9} {:>6.1} {millis:>8.1}  {}", cost.units, kinds.join(", "));
    Ok(())
}

/// The query for a late page, found as a reader would: by turning the pages.
async fn walk(records: &DynamoRecords, query: ListQuery) -> Result<ListQuery, Error> {
    let begun = Instant::now();
    let mut late = query.clone();
    let (mut left, mut turned) = ((PAGE - 1) * query.limit, 0);
    while left > 0 {
        late.limit = left.min(100);
        let Some(cursor) = records.list(&late).await?.next_cursor else {
            eprintln!("the list ends {left} records before page {PAGE}");
            break;
        };
        late.cursor = Some(cursor);
        left -= late.limit;
        turned += 1;
        if turned % 50 == 0 {
            eprintln!("{left} records before page {PAGE}, after {:.0} s", begun.elapsed().as_secs_f64());
        }
    }
    Ok(ListQuery { limit: query.limit, ..late })
}
