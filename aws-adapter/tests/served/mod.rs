//! What the tests of the API share: a flow in memory, requests without a socket, and the schemas of `openapi.yaml`.
#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]

pub mod folder;

use std::path::PathBuf;
use std::sync::Arc;

use aws_adapter::api;
use aws_adapter::catalog::{MemoryRecords, Records, Write};
use aws_adapter::config::Config;
use aws_adapter::job::Flow;
use aws_adapter::pipeline;
use aws_adapter::record::{Entry, Record, Status};
use aws_adapter::store::{MemoryObjects, Objects, PutOptions, Signer};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt;

pub type MemoryFlow = Flow<MemoryObjects, MemoryObjects, MemoryRecords>;

pub struct World {
    pub flow: Arc<MemoryFlow>,
    pub router: Router,
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The status and the code of a problem.
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), "application/problem+json");
        let json = self.json();
        assert_eq!(json["status"], self.status.as_u16());
        assert!(json["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
        (self.status.as_u16(), json["code"].as_str().unwrap().to_owned())
    }
}

/// Sends a request to a router, as a server would.
pub async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.unwrap();
    let (parts, body) = response.into_parts();
    Answer { status: parts.status, headers: parts.headers, body: to_bytes(body, 64 << 20).await.unwrap().to_vec() }
}

/// A file of the core's test data.
pub fn data(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../imgcore/tests/data").join(name);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

impl World {
    pub fn new() -> Self {
        let objects = |name| MemoryObjects::new(name, Signer::new("http://127.0.0.1:1", "secret"));
        let flow = Arc::new(Flow::new(objects("in"), objects("out"), MemoryRecords::default(), Config::default()));
        Self { router: api::router(Arc::clone(&flow)), flow }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, Body::empty()).await
    }

    pub async fn send(&self, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        let request = Request::builder().method(method).uri(path).header("content-type", "application/json").body(body.into()).unwrap();
        send(&self.router, request).await
    }

    /// Puts a picture through the pipeline; gives its `imageId`.
    pub async fn picture(&self, key: &str, bytes: &[u8]) -> String {
        self.flow.input.put(key, bytes, &PutOptions::default()).await.unwrap();
        pipeline::submit(&self.flow, key).await.record.unwrap().image_id
    }

    /// Writes a record in this state, as a worker elsewhere would.
    pub async fn record(&self, bucket: &str, key: &str, status: Status) -> String {
        let mut entry = Entry::new(Record::new(bucket, key, self.flow.clock.now()));
        entry.record.status = status;
        if status == Status::Running {
            entry.claim = Some("somebody".to_owned());
            entry.lease_until = Some(self.flow.clock.now().plus_millis(600_000));
        }
        assert_eq!(self.flow.records.write(&mut entry).await.unwrap(), Write::Done);
        entry.record.image_id
    }
}
