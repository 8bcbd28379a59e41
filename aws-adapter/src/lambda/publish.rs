//! The role `publish`: the table's stream in, one EventBridge event `ImageProcessed` out for each picture that reached a final state or failed.
//!
//! ```json
//! { "source": "imgcore", "detail-type": "ImageProcessed",
//!   "detail": { "imageId": "..", "bucket": "..", "key": "..", "status": "SUCCEEDED", "sourceVersion": "..", "renditions": [], "updatedAt": ".." } }
//! ```
//!
//! The stream delivers at least once, and so does this: `imageId` and `updatedAt` tell a repetition.

use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::types::PutEventsRequestEntry;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Deserialize;
use serde_dynamo::Item;
use serde_json::{Value, json};

use super::telemetry::{self, Level};
use crate::catalog::read_item;
use crate::record::{Record, Status};
use crate::sdk::phrase;

/// The most events that one request takes.
const EVENTS_A_REQUEST: usize = 10;

/// Serves batches of the stream until the service ends the process.
///
/// # Errors
/// Where the runtime's own interface fails.
pub async fn serve(client: Client, bus: String) -> Result<(), lambda_runtime::Error> {
    let handler = |event: LambdaEvent<Stream>| {
        let (client, bus) = (client.clone(), bus.clone());
        async move { Ok::<_, Diagnostic>(handle(&client, &bus, event).await) }
    };
    lambda_runtime::run(service_fn(handler)).await
}

/// A batch of changes of the table.
#[derive(Debug, Deserialize)]
struct Stream {
    #[serde(rename = "Records", default)]
    records: Vec<Value>,
}

#[derive(Debug, Deserialize)]
struct Change {
    dynamodb: Images,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Images {
    new_image: Option<Item>,
    old_image: Option<Item>,
}

/// Tells what is to be told; from the first change that could not be, the stream delivers again.
async fn handle(client: &Client, bus: &str, event: LambdaEvent<Stream>) -> Value {
    let request_id = event.context.request_id;
    let mut told = Vec::new();
    for record in event.payload.records {
        let number = record["dynamodb"]["SequenceNumber"].as_str().unwrap_or_default().to_owned();
        match news(record) {
            Ok(Some(record)) => told.push((number, record)),
            Ok(None) => {}
            // It would stop the stream for ever if it were delivered again.
            Err(error) => telemetry::log(
                Level::Error,
                "a change of the table cannot be read",
                json!({ "requestId": request_id, "cause": error.to_string() }),
            ),
        }
    }
    for part in told.chunks(EVENTS_A_REQUEST) {
        if let Some(number) = put(client, bus, part, &request_id).await {
            return json!({ "batchItemFailures": [{ "itemIdentifier": number }] });
        }
    }
    json!({ "batchItemFailures": [] })
}

/// The record that is news: it has just come to a final state, or failed.
fn news(record: Value) -> Result<Option<Record>, serde_dynamo::Error> {
    let Ok(Change { dynamodb: Images { new_image: Some(new), old_image } }) = serde_json::from_value(record) else {
        return Ok(None);
    };
    let record = read_item(new)?;
    let is_told = record.status.is_final() || record.status == Status::Failed;
    // A final record is written again when its event is repeated or its leftovers are gone: that is no news.
    let before = old_image.and_then(|old| read_item(old).ok()).map(|old| old.status);
    Ok(Some(record).filter(|record| is_told && before != Some(record.status)))
}

/// Puts the events on the bus; gives the first change that was not taken.
async fn put<'a>(client: &Client, bus: &str, part: &'a [(String, Record)], request_id: &str) -> Option<&'a str> {
    let entries = part.iter().map(|(_, record)| {
        let entry = PutEventsRequestEntry::builder().event_bus_name(bus).source("imgcore").detail_type("ImageProcessed");
        entry.detail(detail(record).to_string()).build()
    });
    let failed =
        |cause: String| telemetry::log(Level::Error, "the bus did not take an event", json!({ "requestId": request_id, "cause": cause }));
    match client.put_events().set_entries(Some(entries.collect())).send().await {
        Err(error) => {
            failed(phrase(&error));
            part.first().map(|(number, _)| number.as_str())
        }
        Ok(answer) => {
            let refused = answer.entries().iter().position(|entry| entry.error_code().is_some())?;
            failed(answer.entries()[refused].error_code().unwrap_or_default().to_owned());
            part.get(refused).map(|(number, _)| number.as_str())
        }
    }
}

fn detail(record: &Record) -> Value {
    json!({
        "imageId": record.image_id,
        "bucket": record.bucket,
        "key": record.key,
        "status": record.status,
        "code": record.error.as_ref().map(|failure| &failure.code),
        "sourceVersion": record.source_version,
        "renditions": record.renditions,
        "updatedAt": record.updated_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(status: &str) -> Value {
        json!({
            "imageId": { "S": "id" }, "bucket": { "S": "in" }, "key": { "S": "a.jpg" }, "filename": { "S": "a.jpg" },
            "timestamp": { "S": "2026-01-01T00:00:00.000Z" }, "updatedAt": { "S": "2026-01-01T00:00:01.000Z" },
            "status": { "S": status }, "renditions": { "L": [] }, "schemaVersion": { "N": "1" }, "revision": { "N": "3" },
            "listShard": { "S": "x" }, "listOrder": { "S": "y" },
        })
    }

    #[test]
    fn a_final_state_and_a_failure_are_news_once() {
        let told = |old: Option<&str>, new: &str| {
            let change = json!({ "dynamodb": { "SequenceNumber": "1", "NewImage": image(new), "OldImage": old.map(image) } });
            news(change).unwrap().map(|record| record.status)
        };
        assert_eq!(told(Some("RUNNING"), "SUCCEEDED"), Some(Status::Succeeded));
        assert_eq!(told(Some("RUNNING"), "FAILED"), Some(Status::Failed));
        assert_eq!(told(None, "REJECTED"), Some(Status::Rejected));
        for (old, new) in [(Some("SUCCEEDED"), "SUCCEEDED"), (None, "PENDING"), (Some("SUCCEEDED"), "RUNNING")] {
            assert_eq!(told(old, new), None, "{old:?} {new}");
        }
    }

    #[test]
    fn a_removal_is_no_news_and_what_cannot_be_read_is_an_error() {
        assert_eq!(news(json!({ "eventName": "REMOVE", "dynamodb": { "OldImage": image("PENDING") } })).unwrap(), None);
        assert!(news(json!({ "dynamodb": { "NewImage": { "imageId": { "S": "id" } } } })).is_err());
    }
}
