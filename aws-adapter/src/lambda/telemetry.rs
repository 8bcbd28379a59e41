//! What operators see: a JSON line for each thing that happened, and metrics as CloudWatch's embedded metric format.
//!
//! No line names a picture but by its `imageId`: keys and filenames may say more than a log should.

use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Map, Value, json};

use crate::batch::{Batch, Done};
use crate::error::Error;
use crate::identity::image_id;
use crate::job::Outcome;
use crate::memory;
use crate::record::Record;
use crate::time::{Clock, SystemClock};

/// Where all metrics are found.
pub const NAMESPACE: &str = "imgcore";

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// What is as it should be.
    Info,
    /// What an operator may have to look at.
    Warn,
    /// What failed here.
    Error,
}

/// Whether this is the process's first invocation.
pub fn is_cold_start() -> bool {
    static WARM: AtomicBool = AtomicBool::new(false);
    !WARM.swap(true, Ordering::Relaxed)
}

/// Prints one line.
pub fn log(level: Level, message: &str, fields: Value) {
    let level = match level {
        Level::Info => "INFO",
        Level::Warn => "WARN",
        Level::Error => "ERROR",
    };
    let mut line = Map::from_iter([
        ("timestamp".to_owned(), json!(SystemClock.now())),
        ("level".to_owned(), json!(level)),
        ("message".to_owned(), json!(message)),
    ]);
    if let Value::Object(fields) = fields {
        line.extend(fields.into_iter().filter(|(_, value)| !value.is_null()));
    }
    print(&Value::Object(line));
}

/// Prints that the function itself failed.
pub fn log_error(error: &Error, request_id: Option<&str>) {
    log(Level::Error, &error.message, json!({ "code": error.code(), "requestId": request_id }));
}

/// Prints what became of a picture.
pub fn log_done(done: &Done, request_id: &str) {
    let mut fields = json!({
        "requestId": request_id,
        "messageId": done.message_id,
        "imageId": done.job.as_ref().map(|job| image_id(&job.bucket, &job.key)),
        "outcome": outcome(done),
        "elapsedMs": u64::try_from(done.elapsed.as_millis()).unwrap_or(u64::MAX),
        "goesBack": done.goes_back(),
    });
    let record = done.result.as_ref().ok().and_then(Outcome::record);
    let failure = record.and_then(|record| record.error.as_ref());
    let (level, message) = match (&done.result, failure) {
        (Err(error), _) => {
            fields["code"] = json!(error.code());
            // What cannot be read may hold anything: its first fault is told, and not its text.
            let message = match &done.job {
                Some(job) => error.message.replace(&job.key, ".."),
                None => "the message is none that is worked on here".to_owned(),
            };
            (Level::Error, message)
        }
        (Ok(_), Some(failure)) => {
            fields["code"] = json!(failure.code);
            (if done.goes_back() { Level::Warn } else { Level::Info }, "the picture was not rendered".to_owned())
        }
        (Ok(_), None) => (Level::Info, "the job is done".to_owned()),
    };
    if let Some(record) = record {
        fields["status"] = json!(record.status);
    }
    log(level, &message, fields);
}

/// A word for each way in which a job can end.
pub(crate) fn outcome(done: &Done) -> &'static str {
    match &done.result {
        Ok(Outcome::Written(_)) => "written",
        Ok(Outcome::Unchanged(_)) => "unchanged",
        Ok(Outcome::Dropped) => "dropped",
        Ok(Outcome::Busy) => "busy",
        Ok(Outcome::Valid(_)) => "valid",
        Err(_) => "failed",
    }
}

/// Prints an invocation's metrics: pictures by status, durations by stage, bytes in and out, peak memory, cold starts.
pub fn measure(batch: &Batch, request_id: &str, cold_start: bool) {
    print(&metrics(batch, request_id, cold_start));
}

fn metrics(batch: &Batch, request_id: &str, cold_start: bool) -> Value {
    let mut values: Map<String, Value> = Map::new();
    let mut units: Vec<Value> = Vec::new();
    let mut metric = |name: &str, unit: &str, value: Value| {
        units.push(json!({ "Name": name, "Unit": unit }));
        values.insert(name.to_owned(), value);
    };
    let written: Vec<&Record> = batch
        .done
        .iter()
        .filter_map(|done| match &done.result {
            Ok(Outcome::Written(record)) => Some(&**record),
            _ => None,
        })
        .collect();
    for status in ["SUCCEEDED", "REJECTED", "FAILED", "DELETED", "PENDING"] {
        let count = written.iter().filter(|record| record.status.as_str() == status).count();
        metric(&capitalized(status), "Count", json!(count));
    }
    let count = |word| batch.done.iter().filter(|done| outcome(done) == word).count();
    for word in ["unchanged", "dropped", "busy", "failed"] {
        let name = if word == "failed" { "Unread".to_owned() } else { capitalized(word) };
        metric(&name, "Count", json!(count(word)));
    }
    for stage in ["wait", "get", "plan", "convert", "put", "total"] {
        let durations: Vec<u64> = written.iter().filter_map(|record| record.duration_ms.get(stage).copied()).collect();
        // The format takes at most 100 values at once; a batch holds fewer.
        if !durations.is_empty() && durations.len() <= 100 {
            metric(&format!("Duration{}", capitalized(stage)), "Milliseconds", json!(durations));
        }
    }
    let bytes_in: u64 = written.iter().filter_map(|record| record.size).sum();
    let bytes_out: u64 = written.iter().flat_map(|record| &record.renditions).map(|rendition| rendition.bytes).sum();
    metric("BytesIn", "Bytes", json!(bytes_in));
    metric("BytesOut", "Bytes", json!(bytes_out));
    metric("PeakMemory", "Bytes", json!(memory::peak().unwrap_or(0)));
    metric("ColdStart", "Count", json!(u8::from(cold_start)));
    values.insert("requestId".to_owned(), json!(request_id));
    // Two stacks in one account are told apart by their functions' names.
    values.insert("FunctionName".to_owned(), json!(std::env::var("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default()));
    values.insert(
        "_aws".to_owned(),
        json!({
            "Timestamp": SystemClock.now().as_millis(),
            "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": [["FunctionName"]], "Metrics": units }],
        }),
    );
    Value::Object(values)
}

fn capitalized(word: &str) -> String {
    let lower = word.to_ascii_lowercase();
    lower[..1].to_ascii_uppercase() + &lower[1..]
}

fn print(line: &Value) {
    // A line is written whole; nobody is left to be told that the log is closed.
    let _ = writeln!(io::stdout().lock(), "{line}");
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::event::Job;
    use crate::record::Status;
    use crate::time::Timestamp;

    #[test]
    fn metrics_are_an_embedded_metric_format_document() {
        let mut record = Record::new("in", "a.jpg", Timestamp::from_millis(0));
        record.status = Status::Succeeded;
        record.size = Some(7);
        record.duration_ms.insert("convert".into(), 12);
        let job = Job::check("in", "a.jpg");
        let done = |result| Done { message_id: None, job: Some(job.clone()), result, elapsed: Duration::ZERO };
        let batch = Batch { is_queue: true, done: vec![done(Ok(Outcome::Written(Box::new(record)))), done(Ok(Outcome::Busy))] };
        let line = metrics(&batch, "r-1", true);
        assert_eq!((&line["Succeeded"], &line["Rejected"], &line["Busy"]), (&json!(1), &json!(0), &json!(1)));
        assert_eq!((&line["DurationConvert"], &line["BytesIn"], &line["ColdStart"]), (&json!([12]), &json!(7), &json!(1)));
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!((&directive["Namespace"], &directive["Dimensions"]), (&json!("imgcore"), &json!([["FunctionName"]])));
        for metric in directive["Metrics"].as_array().unwrap() {
            assert!(line.get(metric["Name"].as_str().unwrap()).is_some(), "{metric}");
        }
        assert!(!line.to_string().contains("a.jpg"), "a filename is nobody's business");
    }
}
