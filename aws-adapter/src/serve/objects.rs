//! `/objects/{bucket}/{key}`: what S3's signed URLs are in the cloud. Renditions go out, uploads come in, and nothing without a signature.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use super::{Local, Task};
use crate::api::Problem;
use crate::error::{Code, Error};
use crate::store::{Access, Objects, PutOptions, media_type};

/// An object that may be shown, and never run.
const POLICY: &str = "default-src 'none'; sandbox";

/// How long an upload may take on one machine.
const UPLOAD_TIME: Duration = Duration::from_secs(60);

/// The end of a signed URL. Absent parts are wrong ones.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Signed {
    expires: String,
    signature: String,
}

pub(super) fn router(local: Arc<Local>) -> Router {
    Router::new().route("/objects/{bucket}/{*key}", get(download).put(upload)).with_state(local)
}

async fn download(
    State(local): State<Arc<Local>>,
    Path((bucket, key)): Path<(String, String)>,
    Query(signed): Query<Signed>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    local.signer.verify(&bucket, &key, &Access::Download, &signed.expires, &signed.signature, local.flow.clock.now())?;
    if bucket != local.flow.output.bucket() {
        return Err(Error::new(Code::NotFound, "only renditions are served").into());
    }
    let object = local.flow.output.get(&key, None, u64::MAX).await.map_err(|error| match error.code {
        Code::SourceMissing => Error::new(Code::NotFound, "there is no such object"),
        _ => error,
    })?;
    let etag = format!("\"{}\"", object.head.version);
    let about = [
        (header::CONTENT_TYPE, media_type(&key).unwrap_or("application/octet-stream").to_owned()),
        (header::CACHE_CONTROL, "private, max-age=31536000, immutable".to_owned()),
        (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
        (header::ETAG, etag.clone()),
    ];
    let has_it = headers.get(header::IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == etag.as_bytes());
    Ok(if has_it { (StatusCode::NOT_MODIFIED, about).into_response() } else { (about, object.data).into_response() })
}

async fn upload(
    State(local): State<Arc<Local>>,
    Path((bucket, key)): Path<(String, String)>,
    Query(signed): Query<Signed>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, Problem> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let content_type = text(header::CONTENT_TYPE);
    let size: u64 = text(header::CONTENT_LENGTH).parse().map_err(|_| invalid("the content length is not given"))?;
    let access = Access::Upload { content_type, size };
    local.signer.verify(&bucket, &key, &access, &signed.expires, &signed.signature, local.flow.clock.now())?;
    if bucket != local.flow.input.bucket() {
        return Err(Error::new(Code::NotFound, "nothing is taken here").into());
    }
    // The bytes count as those of a picture that is worked on.
    let mut entering = local.flow.budget.enter().await;
    entering.take(size).await?;
    let share = entering.start();
    let most = usize::try_from(size).map_err(|_| invalid("the body is too large"))?;
    // Whoever stops in between must not keep the memory.
    let data = tokio::time::timeout(UPLOAD_TIME, to_bytes(body, most)).await.map_err(|_| invalid("the body takes too long"))?;
    let data = data.map_err(|_| invalid("the body is not as long as it said"))?;
    if data.len() != most {
        return Err(invalid("the body is not as long as it said").into());
    }
    let options = PutOptions { content_type: Some(content_type.to_owned()), ..PutOptions::default() };
    local.flow.input.put(&key, &data, &options).await?;
    drop(share);
    // Without a worker the server is about to end; the next start finds the file.
    let _ = local.tasks.send(Task::Submit(key));
    Ok(StatusCode::NO_CONTENT)
}

fn invalid(sentence: &str) -> Error {
    Error::new(Code::InvalidRequest, sentence)
}
