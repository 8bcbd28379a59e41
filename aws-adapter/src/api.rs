//! The API: one router over the ports, behind API Gateway and on a laptop. `openapi.yaml` describes it, and a test holds both together.
//!
//! Bytes of pictures never pass through here: uploads and renditions go by signed URLs.

mod caller;
mod problem;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{DefaultBodyLimit, Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use crate::catalog::{ListQuery, Records, Write};
use crate::error::{Code, Error};
use crate::event::Job;
use crate::identity::is_image_id;
use crate::job::{Flow, Outcome};
use crate::record::{Entry, Record, Status};
use crate::store::{Objects, UploadOffer};
use crate::time::Timestamp;

pub use caller::{Caller, guarded};
pub use problem::Problem;

use caller::{Asking, scope};

/// How long a signed URL works, in milliseconds.
pub const URL_MS: i64 = 5 * 60 * 1000;

/// How long an upload may be awaited, in milliseconds.
const OFFER_MS: i64 = 24 * 60 * 60 * 1000;

/// An offer is three short fields.
const MAX_BODY_BYTES: usize = 16 << 10;

/// How long a deletion waits for whoever works on the picture.
const DELETE_ATTEMPTS: u32 = 20;
const DELETE_PAUSE: Duration = Duration::from_millis(250);

type Shared<I, O, R> = State<Arc<Flow<I, O, R>>>;
type Answer<T> = Result<T, Problem>;

/// The API over a flow.
pub fn router<I: Objects, O: Objects, R: Records>(flow: Arc<Flow<I, O, R>>) -> Router {
    let table = table::<I, O, R>().into_iter();
    table
        .fold(Router::new(), |router, (_, path, handler)| router.route(path, handler))
        .fallback(problem::no_such_path)
        .method_not_allowed_fallback(problem::no_such_method)
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .with_state(flow)
}

/// The method and path of every route.
pub fn routes<I: Objects, O: Objects, R: Records>() -> Vec<(&'static str, &'static str)> {
    table::<I, O, R>().into_iter().map(|(method, path, _)| (method, path)).collect()
}

type Handler<I, O, R> = MethodRouter<Arc<Flow<I, O, R>>>;

fn table<I: Objects, O: Objects, R: Records>() -> [(&'static str, &'static str, Handler<I, O, R>); 6] {
    [
        ("POST", "/images", post(offer)),
        ("GET", "/images", get(list)),
        ("GET", "/images/{imageId}", get(record)),
        ("GET", "/images/{imageId}/renditions/{name}", get(rendition)),
        ("DELETE", "/images/{imageId}", delete(remove)),
        ("GET", "/livez", get(async || "ok\n")),
    ]
}

/// What somebody wants to upload.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Offer {
    filename: String,
    content_type: String,
    size: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Offered {
    image_id: String,
    upload: Upload,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Upload {
    method: &'static str,
    url: String,
    headers: BTreeMap<String, String>,
    expires_at: Timestamp,
}

async fn offer<I: Objects, O: Objects, R: Records>(
    State(flow): Shared<I, O, R>,
    caller: Asking,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Answer<Response> {
    let offer = read_offer(&headers, body, flow.config.limits.max_input_bytes)?;
    let now = flow.clock.now();
    let expires_at = now.plus_millis(URL_MS);
    let key = format!("uploads/{}/{}", flow.random.token(), offer.filename);
    let mut entry = Entry::new(Record::new(flow.input.bucket(), &key, now));
    entry.record.size = Some(offer.size);
    entry.record.content_type = Some(offer.content_type.clone());
    entry.record.owner = caller.map(|caller| caller.0.subject);
    entry.expires_at = Some(now.plus_millis(OFFER_MS));
    if flow.records.write(&mut entry).await? == Write::Lost {
        return Err(Error::new(Code::Internal, format!("key `{key}` was random and is taken")).into());
    }
    let signed = flow.input.upload_url(&UploadOffer { key, content_type: offer.content_type, size: offer.size, expires_at }).await?;
    let upload = Upload { method: signed.method, url: signed.url, headers: signed.headers.into_iter().collect(), expires_at };
    Ok((StatusCode::CREATED, Json(Offered { image_id: entry.record.image_id, upload })).into_response())
}

fn read_offer(headers: &HeaderMap, body: Result<Bytes, BytesRejection>, max_bytes: u64) -> Result<Offer, Error> {
    // Also what keeps a form on a foreign page from posting here unasked.
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.split(';').next().map(str::trim) != Some("application/json") {
        return Err(invalid("the content type must be application/json"));
    }
    let body = body.map_err(|e| invalid(format!("the body cannot be read: {}", e.body_text())))?;
    let offer: Offer = serde_json::from_slice(&body).map_err(|e| invalid(format!("the body: {e}")))?;
    let Offer { filename, content_type, size } = &offer;
    let is_plain = !filename.is_empty() && filename.len() <= 200 && !filename.starts_with('.') && !filename.contains(['/', '\\']);
    if !is_plain || filename.chars().any(char::is_control) {
        return Err(invalid("`filename`: must be 1 to 200 bytes without slashes, control characters and a dot in front"));
    }
    if !is_media_type(content_type) {
        return Err(invalid("`contentType`: must be a media type such as image/jpeg, without parameters"));
    }
    if *size == 0 {
        return Err(invalid("`size`: must be at least 1"));
    }
    if *size > max_bytes {
        return Err(Error::new(Code::SourceTooLarge, format!("`size`: {size} bytes exceed {max_bytes}")));
    }
    Ok(offer)
}

fn is_media_type(text: &str) -> bool {
    let is_token = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b));
    text.len() <= 100 && text.split_once('/').is_some_and(|(kind, form)| is_token(kind) && is_token(form))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    items: Vec<Record>,
    next_cursor: Option<String>,
}

async fn list<I: Objects, O: Objects, R: Records>(
    State(flow): Shared<I, O, R>,
    caller: Asking,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Answer<Response> {
    let Query(pairs) = query.map_err(|e| invalid(format!("the query: {}", e.body_text())))?;
    let query = ListQuery { owner: scope(&caller).map(str::to_owned), ..read_query(pairs)? };
    let page = flow.records.list(&query).await?;
    let page = Page { items: page.items, next_cursor: page.next_cursor };
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(page)).into_response())
}

fn read_query(pairs: Vec<(String, String)>) -> Result<ListQuery, Error> {
    let mut query = ListQuery::default();
    let mut seen: Vec<String> = Vec::new();
    for (key, value) in pairs {
        match key.as_str() {
            "status" => {
                let status = Status::parse(&value);
                query.status = Some(status.ok_or_else(|| invalid(format!("`status`: `{value}` is none of {}", words(&Status::ALL))))?);
            }
            "limit" => {
                let limit = value.parse().ok().filter(|limit| (1..=100).contains(limit));
                query.limit = limit.ok_or_else(|| invalid(format!("`limit`: `{value}` is not within 1 to 100")))?;
            }
            "cursor" => query.cursor = Some(value),
            _ => return Err(invalid(format!("query key `{key}` is unknown; known are status, limit, cursor"))),
        }
        if seen.contains(&key) {
            return Err(invalid(format!("query key `{key}` is there twice")));
        }
        seen.push(key);
    }
    Ok(query)
}

fn words(states: &[Status]) -> String {
    states.iter().map(|status| status.as_str()).collect::<Vec<_>>().join(", ")
}

async fn record<I: Objects, O: Objects, R: Records>(
    State(flow): Shared<I, O, R>,
    caller: Asking,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Answer<Response> {
    let entry = find(&flow, &id, &caller).await?;
    // A record changes as often as it is written, and no answer may be older than that.
    let tag = format!("\"{}\"", entry.revision);
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_known = known == "*" || known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag);
    let caching = [(header::ETAG, tag), (header::CACHE_CONTROL, "private, no-cache".to_owned())];
    Ok(if is_known { (StatusCode::NOT_MODIFIED, caching).into_response() } else { (caching, Json(entry.record)).into_response() })
}

async fn rendition<I: Objects, O: Objects, R: Records>(
    State(flow): Shared<I, O, R>,
    caller: Asking,
    Path((id, name)): Path<(String, String)>,
) -> Answer<Response> {
    let record = find(&flow, &id, &caller).await?.record;
    match record.status {
        Status::Succeeded => {}
        Status::Rejected | Status::Deleted => {
            return Err(Error::new(Code::NotFound, format!("image `{id}` is {} and has no renditions", record.status)).into());
        }
        _ => return Err(Error::new(Code::NotReady, format!("image `{id}` is {} and not through the pipeline yet", record.status)).into()),
    }
    let missing = || Error::new(Code::NotFound, format!("image `{id}` has no rendition `{name}`"));
    let rendition = record.rendition(&name).ok_or_else(missing)?;
    // The same URL for some minutes, so that a browser finds the picture in its cache.
    let period = flow.clock.now().as_millis() / URL_MS;
    let url = flow.output.download_url(&rendition.key, Timestamp::from_millis((period + 2) * URL_MS)).await?;
    Ok((StatusCode::FOUND, [(header::LOCATION, url), (header::CACHE_CONTROL, "no-store".to_owned())]).into_response())
}

async fn remove<I: Objects, O: Objects, R: Records>(
    State(flow): Shared<I, O, R>,
    caller: Asking,
    Path(id): Path<String>,
) -> Answer<StatusCode> {
    let Record { bucket, key, .. } = find(&flow, &id, &caller).await?.record;
    if bucket != flow.input.bucket() {
        return Err(Error::new(Code::Forbidden, format!("image `{id}` comes from `{bucket}`, which is not worked on here")).into());
    }
    for _ in 0..DELETE_ATTEMPTS {
        let entry = find(&flow, &id, &caller).await?;
        // The object goes first: as long as it is there, any event would bring the picture back. And every time, since a tombstone
        // alone does not say that no older version lies under a deletion.
        flow.input.erase(&key).await?;
        if entry.record.status == Status::Deleted {
            return Ok(StatusCode::NO_CONTENT);
        }
        match flow.run(&Job::check(&bucket, &key)).await? {
            Outcome::Written(record) | Outcome::Unchanged(record) if record.status == Status::Deleted => return Ok(StatusCode::NO_CONTENT),
            // An upload that was offered and never came: there is nothing that the flow could find gone.
            Outcome::Dropped if entry.expires_at.is_some() => withdraw(&flow, entry).await?,
            _ => tokio::time::sleep(DELETE_PAUSE).await,
        }
    }
    Err(Error::new(Code::NotReady, format!("image `{id}` is being worked on: delete it again later")).into())
}

/// Turns an offer into a tombstone; if somebody else wrote first, the caller looks again.
async fn withdraw<I: Objects, O: Objects, R: Records>(flow: &Flow<I, O, R>, mut entry: Entry) -> Result<(), Error> {
    let now = flow.clock.now();
    entry.record.status = Status::Deleted;
    entry.record.updated_at = now;
    entry.expires_at = None;
    let _ = flow.records.write(&mut entry).await?;
    Ok(())
}

/// The record of this name, if the caller may see it: of another's, not even that it is there is told.
async fn find<I: Objects, O: Objects, R: Records>(flow: &Flow<I, O, R>, id: &str, caller: &Asking) -> Result<Entry, Error> {
    let entry = if is_image_id(id) { flow.records.get(id).await? } else { None };
    let entry = entry.filter(|entry| scope(caller).is_none_or(|subject| entry.record.owner.as_deref() == Some(subject)));
    entry.ok_or_else(|| Error::new(Code::NotFound, format!("there is no image `{}`", id.escape_debug())))
}

fn invalid(sentence: impl Into<String>) -> Error {
    Error::new(Code::InvalidRequest, sentence)
}
