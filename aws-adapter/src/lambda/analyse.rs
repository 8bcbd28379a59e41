//! The role `analyse`: pictures that were rendered in, what a service finds in them out, into their records.
//!
//! | event | answer |
//! | --- | --- |
//! | a batch of SQS messages, each an EventBridge event `ImageProcessed` | `{"batchItemFailures": [{"itemIdentifier": ..}]}` |
//! | `{"bucket", "key", "stage": "analyse"}` | `{"imageId", "sourceSha256", "analysis"}` and nothing written; `analysis` is null where there is no rendered picture |
//! | `{"imageId", "sourceSha256", "analysis", "stage": "record"}` | `{"imageId", "outcome"}`: `recorded`, or `outdated` where the record describes other bytes by now |
//!
//! An event that comes twice asks the service once: what is in the record is not asked for again.

use std::sync::Arc;

use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::Deserialize;
use serde_json::{Value, json};

use super::process::{deadline, diagnostic};
use super::telemetry::{self, Level};
use crate::analysis::{Analysis, Analyst, Findings, Recorded};
use crate::cloud::CloudFlow;
use crate::error::{Code, Error};
use crate::identity::image_id;
use crate::time::Timestamp;

/// Serves events until the service ends the process.
///
/// # Errors
/// Where the runtime's own interface fails.
pub async fn serve(flow: Arc<CloudFlow>, analyst: Arc<impl Analyst>) -> Result<(), lambda_runtime::Error> {
    let handler = |event: LambdaEvent<Value>| {
        let (flow, analyst) = (Arc::clone(&flow), Arc::clone(&analyst));
        async move { handle(&flow, &*analyst, event).await }
    };
    lambda_runtime::run(service_fn(handler)).await
}

/// A call by a state machine, or by hand.
#[derive(Deserialize)]
#[serde(tag = "stage", rename_all = "lowercase")]
enum Call {
    Analyse(Place),
    #[serde(rename_all = "camelCase")]
    Record {
        image_id: String,
        source_sha256: String,
        analysis: Findings,
    },
}

/// Where a picture lies.
#[derive(Deserialize)]
struct Place {
    bucket: String,
    key: String,
}

/// An event `ImageProcessed`.
#[derive(Deserialize)]
struct Processed {
    source: String,
    #[serde(rename = "detail-type")]
    kind: String,
    detail: Place,
}

async fn handle(flow: &CloudFlow, analyst: &impl Analyst, event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let request_id = event.context.request_id.as_str();
    let deadline = deadline(&event.context);
    if let Some(messages) = event.payload["Records"].as_array() {
        let mut failures = Vec::new();
        for message in messages {
            let id = message["messageId"].as_str().unwrap_or_default();
            let place = place(message["body"].as_str().unwrap_or_default());
            let image_id = place.as_ref().ok().map(|place| image_id(&place.bucket, &place.key));
            let result = match place {
                Ok(Place { bucket, key }) => flow.analyse_once(&bucket, &key, analyst, deadline).await,
                Err(error) => Err(error),
            };
            let mut fields = json!({ "requestId": request_id, "messageId": id, "imageId": image_id });
            match result {
                Ok(outcome) => {
                    fields["outcome"] = json!(outcome.map_or("skipped", Recorded::as_str));
                    telemetry::log(Level::Info, "a picture was analysed", fields);
                }
                Err(error) => {
                    fields["code"] = json!(error.code());
                    telemetry::log(Level::Error, "a picture was not analysed", fields);
                    failures.push(json!({ "itemIdentifier": id }));
                }
            }
        }
        return Ok(json!({ "batchItemFailures": failures }));
    }
    let answer = called(flow, analyst, event.payload, deadline).await;
    answer.map_err(|error| {
        telemetry::log(Level::Error, "a call failed", json!({ "requestId": request_id, "code": error.code() }));
        diagnostic(error)
    })
}

/// The picture that an event is about.
fn place(body: &str) -> Result<Place, Error> {
    let unread = |e| Error::caused(Code::InvalidRequest, "the message is no event of a processed picture", e);
    let Processed { source, kind, detail } = serde_json::from_str(body).map_err(unread)?;
    if (source.as_str(), kind.as_str()) != ("imgcore", "ImageProcessed") {
        return Err(Error::new(Code::InvalidRequest, "the message is no event of a processed picture"));
    }
    Ok(detail)
}

async fn called(flow: &CloudFlow, analyst: &impl Analyst, event: Value, deadline: Timestamp) -> Result<Value, Error> {
    let unread = |e| Error::caused(Code::InvalidRequest, "the event has an unknown form", e);
    match serde_json::from_value(event).map_err(unread)? {
        Call::Analyse(Place { bucket, key }) => Ok(match flow.analyse(&bucket, &key, analyst, deadline).await? {
            Some(found) => json!(found),
            None => json!({ "imageId": image_id(&bucket, &key), "sourceSha256": null, "analysis": null }),
        }),
        Call::Record { image_id, source_sha256, analysis } => {
            let found = Analysis { image_id, source_sha256, analysis };
            let outcome = flow.record_analysis(&found).await?;
            Ok(json!({ "imageId": found.image_id, "outcome": outcome.as_str() }))
        }
    }
}
