//! The role `process`: an event in, pictures through the flow, and what goes back to the queue out.
//!
//! | event | answer |
//! | --- | --- |
//! | a batch of SQS messages | `{"batchItemFailures": [{"itemIdentifier": ..}]}`; never an error for one bad message |
//! | an S3 or EventBridge event, or a direct call | `{"images": [{"imageId", "status", "outcome", "code"}]}`; an error named by its code if anything must be tried again |

use std::sync::Arc;

use lambda_runtime::{Context, Diagnostic, LambdaEvent, service_fn};
use serde_json::{Value, json};

use super::telemetry;
use crate::batch::{self, Batch, Done};
use crate::cloud::CloudFlow;
use crate::error::{Code, Error};
use crate::identity::image_id;
use crate::job::Outcome;
use crate::pipeline::cores;
use crate::time::Timestamp;

/// What is kept of an invocation's time to write how it ended, in milliseconds.
const MARGIN_MS: i64 = 3000;

/// Serves events until the service ends the process.
///
/// # Errors
/// Where the runtime's own interface fails.
pub async fn serve(flow: Arc<CloudFlow>) -> Result<(), lambda_runtime::Error> {
    let handler = |event: LambdaEvent<Value>| {
        let flow = Arc::clone(&flow);
        async move { handle(&flow, event).await }
    };
    lambda_runtime::run(service_fn(handler)).await
}

async fn handle(flow: &Arc<CloudFlow>, event: LambdaEvent<Value>) -> Result<Value, Diagnostic> {
    let request_id = event.context.request_id.as_str();
    let cold_start = telemetry::is_cold_start();
    let batch = batch::handle(flow, &event.payload.to_string(), deadline(&event.context), cores()).await.map_err(|error| {
        telemetry::log_error(&error, Some(request_id));
        diagnostic(error)
    })?;
    for done in &batch.done {
        telemetry::log_done(done, request_id);
    }
    telemetry::measure(&batch, request_id, cold_start);
    answer(batch)
}

/// When an invocation's work must end.
pub(super) fn deadline(context: &Context) -> Timestamp {
    Timestamp::from_millis(i64::try_from(context.deadline).unwrap_or(i64::MAX)).plus_millis(-MARGIN_MS)
}

fn answer(batch: Batch) -> Result<Value, Diagnostic> {
    if batch.is_queue {
        let failures: Vec<Value> = batch.failures().into_iter().map(|id| json!({ "itemIdentifier": id })).collect();
        return Ok(json!({ "batchItemFailures": failures }));
    }
    let images: Vec<Value> = batch.done.iter().map(image).collect();
    match batch.done.into_iter().find(Done::goes_back) {
        None => Ok(json!({ "images": images })),
        Some(Done { result: Err(error), .. }) => Err(diagnostic(error)),
        Some(Done { result: Ok(outcome), .. }) => Err(match outcome.record().and_then(|record| record.error.clone()) {
            Some(failure) => Diagnostic { error_type: failure.code, error_message: failure.message },
            None => diagnostic(Error::new(Code::NotReady, "somebody else works on the picture")),
        }),
    }
}

/// What became of one picture.
fn image(done: &Done) -> Value {
    let id = done.job.as_ref().map(|job| image_id(&job.bucket, &job.key));
    let record = done.result.as_ref().ok().and_then(Outcome::record);
    json!({
        "imageId": id,
        "outcome": telemetry::outcome(done),
        "status": record.map(|record| record.status),
        "code": record.and_then(|record| record.error.as_ref()).map(|failure| &failure.code),
        "width": record.and_then(|record| record.width),
        "height": record.and_then(|record| record.height),
        "format": record.and_then(|record| record.format.as_ref()),
    })
}

/// An error's code is its type, for whoever catches it by name.
pub(super) fn diagnostic(error: Error) -> Diagnostic {
    Diagnostic { error_type: error.code().to_owned(), error_message: error.message }
}
