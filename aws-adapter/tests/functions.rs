//! The real program of the Lambda functions, in a runtime loop, between real protocols: all event shapes in, answers out.
#![cfg(feature = "aws")]
#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod cloud;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_adapter::catalog::Records;
use aws_adapter::event::{object_created, object_removed};
use aws_adapter::identity::{Sequencer, image_id};
use aws_adapter::record::{Record, Status};
use aws_adapter::store::{Objects, PutOptions, list_all};
use aws_adapter::time::Timestamp;
use axum::http::{HeaderMap, StatusCode};
use cloud::runtime::{Function, command};
use cloud::{Cloud, INPUT, OUTPUT};
use imgcore::{Context, Encode, Layout, Picture, Raster, Recipe, convert_pixels};
use serde_json::{Value, json};

fn png(color: u8) -> Vec<u8> {
    let samples = [color, 99, 255 - color].repeat(40 * 30);
    let raster = Raster::from_u8(40, 30, Layout::Rgb, samples).unwrap();
    convert_pixels(Picture::still(raster), &Recipe::default().encode(Encode::png()), &Context::default()).unwrap().data
}

/// Puts an object and gives the event that S3 would send.
async fn put(cloud: &Cloud, key: &str, data: &[u8], sequencer: u64) -> String {
    let options = PutOptions { content_type: Some("image/png".into()), cache_control: None };
    let etag = cloud.input().put(key, data, &options).await.unwrap();
    created(key, &etag, data.len() as u64, sequencer)
}

fn created(key: &str, etag: &str, size: u64, sequencer: u64) -> String {
    object_created(INPUT, key, etag, size, &Sequencer::from_counter(sequencer), Timestamp::from_millis(0))
}

fn message(id: &str, body: &str) -> Value {
    json!({ "messageId": id, "receiptHandle": "r", "body": body, "attributes": {}, "eventSource": "aws:sqs", "awsRegion": "eu-central-1" })
}

fn sqs(messages: &[Value]) -> Value {
    json!({ "Records": messages })
}

async fn record(cloud: &Cloud, key: &str) -> Record {
    cloud.records().get(&image_id(INPUT, key)).await.unwrap().expect("there is a record").record
}

/// What a service answers to a request: a document, or an error by its name.
type Said = Result<Value, &'static str>;

/// One of AWS's services that speak JSON, as its documentation says that it answers.
async fn service(name: &'static str, answer: impl Fn(&str, &Value) -> Said + Send + Sync + 'static) -> String {
    let answer = Arc::new(answer);
    let handler = move |headers: HeaderMap, body: String| {
        let answer = Arc::clone(&answer);
        async move {
            let target = headers["x-amz-target"].to_str().unwrap();
            let (service, action) = target.split_once('.').unwrap();
            assert_eq!(service.to_lowercase().trim_end_matches("service"), name);
            let content_type = [("content-type", "application/x-amz-json-1.1")];
            match answer(action, &serde_json::from_str(&body).unwrap()) {
                Ok(document) => (StatusCode::OK, content_type, document.to_string()),
                Err(error) => (StatusCode::BAD_REQUEST, content_type, json!({ "__type": error, "message": "as documented" }).to_string()),
            }
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(handler).layer(axum::extract::DefaultBodyLimit::disable());
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}

/// The record says so, and what it names is there.
async fn assert_rendered(cloud: &Cloud, key: &str) {
    let record = record(cloud, key).await;
    assert_eq!(record.status, Status::Succeeded, "{key}: {:?}", record.error);
    assert_eq!(record.renditions.len(), 3);
    for rendition in &record.renditions {
        let object = cloud.output().get(&rendition.key, None, 1 << 20).await.unwrap();
        assert_eq!(aws_adapter::identity::sha256(&object.data), rendition.sha256);
        assert_eq!((object.head.content_type.as_deref(), object.head.version.as_str()), (Some("image/png"), rendition.etag.as_str()));
    }
}

#[tokio::test]
async fn every_shape_of_event_becomes_renditions_and_a_record() {
    let cloud = Cloud::start().await;
    let mut function = Function::start(&cloud, "process", &[]).await;

    let s3 = put(&cloud, "a b+é.png", &png(1), 1).await;
    let answer = function.invoke(&s3).await.unwrap();
    assert_eq!(answer["images"][0]["status"], "SUCCEEDED", "{answer}");
    assert_eq!(answer["images"][0]["imageId"], image_id(INPUT, "a b+é.png"));
    assert_rendered(&cloud, "a b+é.png").await;

    let bridge = |key: &str, version: &str| {
        json!({ "version": "0", "id": "x", "source": "aws.s3", "detail-type": "Object Created", "detail": {
            "version": "0", "bucket": { "name": INPUT }, "object": { "key": key, "size": 9, "etag": version, "sequencer": "01" },
            "reason": "PutObject" } })
    };
    let inside = put(&cloud, "sqs.png", &png(2), 1).await;
    let etag = cloud.input().put("bridge+%41.png", &png(3), &PutOptions::default()).await.unwrap();
    let in_queue = cloud.input().put("queued.png", &png(4), &PutOptions::default()).await.unwrap();
    assert_eq!(function.invoke(bridge("bridge+%41.png", &etag)).await.unwrap()["images"][0]["outcome"], "written");
    let batch = sqs(&[message("m1", &inside), message("m2", &bridge("queued.png", &in_queue).to_string())]);
    assert_eq!(function.invoke(batch).await.unwrap(), json!({ "batchItemFailures": [] }));
    put(&cloud, "direct.png", &png(5), 1).await;
    let direct = function.invoke(json!({ "bucket": INPUT, "key": "direct.png", "versionId": "v" })).await.unwrap();
    assert_eq!(direct["images"][0]["status"], "SUCCEEDED", "{direct}");
    let encoded = function.invoke(json!({ "bucket": INPUT, "urlEncodedKey": "a+b%2B%C3%A9.png" })).await.unwrap();
    assert_eq!(
        (&encoded["images"][0]["imageId"], &encoded["images"][0]["outcome"]),
        (&json!(image_id(INPUT, "a b+é.png")), &json!("unchanged"))
    );
    for event in [json!({ "bucket": INPUT }), json!({ "bucket": INPUT, "key": "a", "urlEncodedKey": "a" })] {
        assert_eq!(function.invoke(event).await.unwrap_err()["errorType"], "invalid_request");
    }
    for key in ["sqs.png", "bridge+%41.png", "queued.png", "direct.png"] {
        assert_rendered(&cloud, key).await;
    }

    let test = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-01-01T00:00:00.000Z","Bucket":"photos"}"#;
    assert_eq!(function.invoke(sqs(&[message("m", test)])).await.unwrap(), json!({ "batchItemFailures": [] }));

    cloud.input().delete("sqs.png").await.unwrap();
    let removed = object_removed(INPUT, "sqs.png", &Sequencer::from_counter(2), Timestamp::from_millis(0));
    assert_eq!(function.invoke(&removed).await.unwrap()["images"][0]["status"], "DELETED");
    let gone = record(&cloud, "sqs.png").await;
    assert_eq!((gone.status, gone.renditions.len()), (Status::Deleted, 0));
    assert_eq!(list_all(&cloud.output(), "renditions/").await.unwrap().objects.len(), 4 * 3);
}

#[tokio::test]
async fn a_picture_is_validated_without_a_trace() {
    let cloud = Cloud::start().await;
    let mut function = Function::start(&cloud, "process", &[]).await;
    put(&cloud, "good.png", &png(1), 1).await;
    put(&cloud, "bad.png", b"no picture", 1).await;
    let call = |key: &str| json!({ "bucket": INPUT, "key": key, "stage": "validate" });
    let good = function.invoke(call("good.png")).await.unwrap();
    assert_eq!((&good["images"][0]["outcome"], &good["images"][0]["width"]), (&json!("valid"), &json!(40)), "{good}");
    for (key, code) in [("bad.png", "unknown_format"), ("nowhere.png", "source_missing")] {
        let error = function.invoke(call(key)).await.unwrap_err();
        assert_eq!(error["errorType"], code, "{error}");
    }
    assert_eq!(cloud.records().list(&aws_adapter::catalog::ListQuery::default()).await.unwrap().items, []);
    assert_eq!(list_all(&cloud.output(), "").await.unwrap().objects, []);
}

#[tokio::test]
async fn only_what_may_pass_later_or_is_poison_goes_back_to_the_queue() {
    let cloud = Cloud::start().await;
    let mut function = Function::start(&cloud, "process", &[]).await;
    let good = put(&cloud, "good.png", &png(1), 1).await;
    let bad = put(&cloud, "bad.png", &png(1)[..100], 1).await;
    let vanished = created("vanished.png", "e", 9, 1);
    put(&cloud, "changed.png", &png(2), 2).await;
    let changed = created("changed.png", "what was there before", 9, 1);
    let replaced = created("good.png", "another", 9, 0);
    let elsewhere = good.replace(INPUT, OUTPUT);
    let later = good.replace("\"2.1\"", "\"3.0\"");
    let foreign = good.replace("aws:s3", "aws:kinesis");
    let batch = sqs(&[
        message("good", &good),
        message("bad", &bad),
        message("vanished", &vanished),
        message("changed", &changed),
        message("replaced", &replaced),
        message("not json", "sorry"),
        message("elsewhere", &elsewhere),
        message("later", &later),
        message("foreign", &foreign),
        message("again", &good),
    ]);
    let answer = function.invoke(&batch).await.unwrap();
    let mut back: Vec<_> = answer["batchItemFailures"].as_array().unwrap().iter().map(|f| f["itemIdentifier"].as_str().unwrap()).collect();
    back.sort_unstable();
    assert_eq!(back, ["elsewhere", "foreign", "later", "not json"]);
    assert_rendered(&cloud, "good.png").await;
    let bad = record(&cloud, "bad.png").await;
    assert_eq!((bad.status, bad.error.unwrap().code.as_str()), (Status::Rejected, "truncated"));
    assert_eq!(record(&cloud, "vanished.png").await.status, Status::Deleted);
    assert_eq!(record(&cloud, "changed.png").await.status, Status::Pending, "the newer event follows");

    // By name, and by a direct call as an error whose type is the code.
    for (event, word) in [("{\"x\":1}", "form"), (foreign.as_str(), "aws:kinesis"), (later.as_str(), "3.0"), (elsewhere.as_str(), OUTPUT)] {
        let error = function.invoke(event).await.unwrap_err();
        assert_eq!(error["errorType"], "invalid_request", "{error}");
        assert!(error["errorMessage"].as_str().unwrap().contains(word), "{error}");
    }
    assert_rendered(&cloud, "good.png").await;
}

#[tokio::test]
async fn what_is_empty_or_far_too_large_is_rejected_and_the_latter_never_read() {
    let cloud = Cloud::start().await;
    let mut function = Function::start(&cloud, "process", &[]).await;
    let empty = put(&cloud, "empty.png", b"", 1).await;
    put(&cloud, "huge.png", b"x", 1).await;
    // A file with nothing in it takes no room, whatever its length.
    let size = 5 << 30;
    let huge = std::fs::OpenOptions::new().write(true).open(cloud.files(INPUT).join("huge.png")).unwrap();
    huge.set_len(size).unwrap();
    let etag = cloud.input().head("huge.png").await.unwrap().version;
    for (event, key, code) in [
        (empty, "empty.png", "unknown_format"),
        (created("huge.png", &etag, size, 2), "huge.png", "source_too_large"),
        (json!({ "bucket": INPUT, "key": "huge.png" }).to_string(), "huge.png", "source_too_large"),
    ] {
        let answer = function.invoke(&event).await.unwrap();
        assert_eq!((&answer["images"][0]["status"], &answer["images"][0]["code"]), (&json!("REJECTED"), &json!(code)), "{answer}");
        let failure = record(&cloud, key).await.error.unwrap();
        assert_eq!(failure.code, code);
        assert!(failure.message.contains(' '), "{}", failure.message);
    }
    let peak = function.lines().iter().filter_map(|line| line["PeakMemory"].as_u64()).max().unwrap();
    assert!(peak > 1 << 20 && peak < 150 << 20, "{peak}");
}

/// A server that answers every request for an object as S3 does when it will not give it.
async fn refusing(status: StatusCode, code: &'static str) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let body = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{code}</Code><Message>no</Message></Error>");
    let answer = move || async move { (status, [("content-type", "application/xml")], body) };
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
    url
}

#[tokio::test]
async fn what_s3_refuses_is_an_outcome_that_an_operator_understands() {
    for (status, word, code, goes_back, sentence) in [
        (StatusCode::FORBIDDEN, "InvalidObjectState", "source_archived", false, "object `x.png` is archived and must be restored first"),
        (StatusCode::FORBIDDEN, "AccessDenied", "source_forbidden", true, "object `x.png` may not be accessed"),
        (StatusCode::NOT_FOUND, "NoSuchBucket", "storage_unavailable", true, "the bucket does not exist"),
        (StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "storage_unavailable", true, "S3 did not answer for `x.png`: SlowDown: no"),
    ] {
        let cloud = Cloud::start().await;
        let url = refusing(status, word).await;
        let mut function = Function::start(&cloud, "process", &[("AWS_ENDPOINT_URL_S3", &url), ("AWS_MAX_ATTEMPTS", "2")]).await;
        let answer = function.invoke(sqs(&[message("m", &created("x.png", "e", 9, 1))])).await.unwrap();
        assert_eq!(answer["batchItemFailures"].as_array().unwrap().len(), usize::from(goes_back), "{word}");
        let record = record(&cloud, "x.png").await;
        let failure = record.error.unwrap();
        assert_eq!((record.status, failure.code.as_str(), failure.message.as_str()), (Status::Failed, code, sentence), "{word}");
        let line = function.line(|line| line["imageId"].is_string()).await;
        assert_eq!((&line["code"], &line["requestId"]), (&json!(code), &json!("request-1")), "the log's code is the record's");
    }
}

#[tokio::test]
async fn a_job_that_has_no_time_left_goes_back_unbegun() {
    let cloud = Cloud::start().await;
    let event = put(&cloud, "a.png", &png(1), 1).await;
    let mut function = Function::start_with_time(&cloud, "process", &[], Duration::from_secs(2)).await;
    let answer = function.invoke(sqs(&[message("m", &event)])).await.unwrap();
    assert_eq!(answer["batchItemFailures"], json!([{ "itemIdentifier": "m" }]));
    assert!(cloud.records().get(&image_id(INPUT, "a.png")).await.unwrap().is_none());
}

#[tokio::test]
async fn logs_and_metrics_are_json_and_name_nobody() {
    let cloud = Cloud::start().await;
    let mut function = Function::start(&cloud, "process", &[]).await;
    let good = put(&cloud, "uploads/private-name.png", &png(1), 1).await;
    let bad = put(&cloud, "uploads/private-bad.png", b"x", 1).await;
    for event in [&good, &bad] {
        function.invoke(event).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let lines = function.lines();
    assert!(lines.iter().all(|line| !line.to_string().contains("private")), "{lines:?}");
    let metrics: Vec<&Value> = lines.iter().filter(|line| line["_aws"].is_object()).collect();
    assert_eq!(metrics.len(), 2);
    assert_eq!((&metrics[0]["Succeeded"], &metrics[0]["ColdStart"]), (&json!(1), &json!(1)));
    assert_eq!((&metrics[1]["Rejected"], &metrics[1]["ColdStart"]), (&json!(1), &json!(0)));
    assert!(metrics[0]["BytesOut"].as_u64().unwrap() > 0 && metrics[0]["PeakMemory"].as_u64().unwrap() > 1 << 20);
    let log = lines.iter().find(|line| line["code"] == "unknown_format").unwrap();
    assert_eq!((&log["level"], &log["requestId"], &log["status"]), (&json!("INFO"), &json!("request-2"), &json!("REJECTED")));
}

#[tokio::test]
async fn the_config_is_an_object_and_a_broken_one_fails_the_start_with_a_sentence() {
    let cloud = Cloud::start().await;
    let config = br#"{"renditions":[{"name":"tiny","recipe":{"resize":{"width":4}}}]}"#;
    cloud.output().put("config.json", config, &PutOptions::default()).await.unwrap();
    let place = format!("s3://{OUTPUT}/config.json");
    let mut function = Function::start(&cloud, "process", &[("IMGCORE_CONFIG", &place)]).await;
    function.invoke(put(&cloud, "a.png", &png(1), 1).await).await.unwrap();
    let renditions = record(&cloud, "a.png").await.renditions;
    assert_eq!((renditions.len(), renditions[0].name.as_str(), renditions[0].width), (1, "tiny", 4));

    cloud.output().put("broken.json", br#"{"renditions":[{"name":"TINY"}]}"#, &PutOptions::default()).await.unwrap();
    for (name, value, sentence) in [
        (
            "IMGCORE_CONFIG",
            format!("s3://{OUTPUT}/broken.json"),
            "config field `renditions[0].name`: `TINY` is not 1 to 64 of a-z, 0-9 and -",
        ),
        ("IMGCORE_CONFIG", format!("s3://{OUTPUT}/none.json"), "the config at s3://renditions-of-photos/none.json: there is no object"),
        ("IMGCORE_CONFIG", "config.json".to_owned(), "the config at config.json: is not s3://bucket/key"),
        ("IMGCORE_OUTPUT_BUCKET", INPUT.to_owned(), "the output `photos` must not be the input `photos`"),
        ("IMGCORE_ROLE", "paint".to_owned(), "IMGCORE_ROLE: `paint` is none of process, api, publish"),
        ("IMGCORE_INPUT_BUCKET", String::new(), "IMGCORE_INPUT_BUCKET must be set"),
    ] {
        let mut command = command(&cloud, "process");
        command.env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1").env(name, value);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert!(!output.status.success());
        let line: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(line["level"], "ERROR");
        assert!(line["message"].as_str().unwrap().contains(sentence), "{line}");
    }
}

/// Runs the command line against the cloud.
async fn imgcore(cloud: &Cloud, arguments: &[&str]) -> (Option<i32>, String) {
    let mut imgcore = std::process::Command::new(env!("CARGO_BIN_EXE_imgcore"));
    imgcore.args(arguments).env_clear().envs([
        ("AWS_REGION", cloud::REGION),
        ("AWS_ACCESS_KEY_ID", cloud::KEYS[0]),
        ("AWS_SECRET_ACCESS_KEY", cloud::KEYS[1]),
        ("AWS_ENDPOINT_URL_S3", &cloud.s3_url),
        ("AWS_ENDPOINT_URL_DYNAMODB", &cloud.dynamodb_url),
    ]);
    let output = tokio::task::spawn_blocking(move || imgcore.output().unwrap()).await.unwrap();
    (output.status.code(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
}

#[tokio::test]
async fn reconcile_finds_in_a_bucket_or_its_inventory_what_events_have_missed() {
    use std::io::Write;
    let cloud = Cloud::start().await;
    let mut function = Function::start(&cloud, "process", &[]).await;
    function.invoke(put(&cloud, "seen.png", &png(1), 1).await).await.unwrap();
    put(&cloud, "missed 1.png", &png(2), 1).await;
    put(&cloud, "missed 2.png", &png(3), 1).await;
    let orphan = "renditions/aaaaaaaaaaaaaaaaaaaaaaaaaa/x.0000000000000000.png";
    cloud.output().put(orphan, b"12345", &PutOptions::default()).await.unwrap();

    let rows = "\"photos\",\"missed+1.png\",\"7\"\n\"photos\",\"seen.png\",\"5\"\n";
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(rows.as_bytes()).unwrap();
    cloud.output().put("inventory/data/1.csv.gz", &gzip.finish().unwrap(), &PutOptions::default()).await.unwrap();
    let manifest = json!({ "sourceBucket": INPUT, "destinationBucket": format!("arn:aws:s3:::{OUTPUT}"), "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size", "files": [{ "key": "inventory/data/1.csv.gz", "size": 1, "MD5checksum": "" }] });
    cloud.output().put("inventory/manifest.json", manifest.to_string().as_bytes(), &PutOptions::default()).await.unwrap();

    let bucket = format!("s3://{INPUT}");
    let manifest = format!("s3://{OUTPUT}/inventory/manifest.json");
    let says = |text: &str, name: &str, value: &str| {
        assert!(text.lines().any(|line| line.starts_with(name) && line.trim_end().ends_with(value)), "{name} {value}: {text}");
    };
    let (status, text) = imgcore(&cloud, &["reconcile", &bucket, "--output", OUTPUT, "--inventory", &manifest]).await;
    assert_eq!(status, Some(0), "{text}");
    says(&text, "pictures", " 2");
    says(&text, "without a true record", " 1 (7 B)");
    let (_, text) = imgcore(&cloud, &["reconcile", &bucket, "--output", OUTPUT, "--after", "missed 1.png"]).await;
    says(&text, "pictures", " 2");
    let (_, text) = imgcore(&cloud, &["reconcile", &bucket, "--output", OUTPUT]).await;
    says(&text, "pictures", " 3");
    says(&text, "renditions that no record names", " 1 (5 B)");
    assert!(text.ends_with("nothing was changed; --apply mends it\n"), "{text}");
    let (status, text) = imgcore(&cloud, &["reconcile", &bucket, "--output", OUTPUT, "--apply"]).await;
    assert_eq!(status, Some(0), "{text}");
    assert!(text.ends_with("looked again at 2 pictures, deleted 1 rendition (5 B), forgot 0 uploads\n"), "{text}");
    for key in ["seen.png", "missed 1.png", "missed 2.png"] {
        assert_rendered(&cloud, key).await;
    }
    assert!(imgcore(&cloud, &["reconcile", &bucket, "--output", OUTPUT]).await.1.ends_with("nothing to mend\n"));
    let (status, text) = imgcore(&cloud, &["reconcile", &bucket, "--output", INPUT]).await;
    assert_eq!(
        (status, text.as_str()),
        (Some(1), "imgcore: the output `photos` must not be the input `photos` or lie within it [invalid_request]\n")
    );
}

// ---- the API ---------------------------------------------------------------------------------------------------------------------------

/// A request as API Gateway's HTTP API hands it on.
fn request(method: &str, path: &str, body: &str, authorizer: Value) -> Value {
    let (raw_path, query) = path.split_once('?').unwrap_or((path, ""));
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": raw_path, "rawQueryString": query,
        "headers": { "content-type": "application/json", "host": "api.example.com" },
        "requestContext": {
            "accountId": "1", "apiId": "a", "domainName": "api.example.com", "requestId": "r", "routeKey": "$default", "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 0, "authorizer": authorizer,
            "http": { "method": method, "path": raw_path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test" },
        },
        "body": body, "isBase64Encoded": false,
    })
}

struct Api(Function);

impl Api {
    async fn send(&mut self, subject: &str, method: &str, path: &str, body: &str) -> (u64, Value, Value) {
        let token = |claims: Value| json!({ "jwt": { "claims": claims, "scopes": null } });
        let authorizer = match (subject, subject.split_once(':')) {
            ("", _) => Value::Null,
            ("root", _) => token(json!({ "sub": "root", "cognito:groups": "[staff admin]" })),
            (session, Some((role, name))) => {
                let arn = format!("arn:aws:sts::123456789012:assumed-role/{role}/{name}");
                json!({ "iam": { "accountId": "123456789012", "userArn": arn, "userId": session } })
            }
            (subject, None) => token(json!({ "sub": subject })),
        };
        let answer = self.0.invoke(request(method, path, body, authorizer)).await.unwrap();
        let body = answer["body"].as_str().unwrap_or_default();
        (answer["statusCode"].as_u64().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null), answer["headers"].clone())
    }
}

#[tokio::test]
async fn nobody_is_answered_who_does_not_say_who_it_is() {
    let cloud = Cloud::start().await;
    let mut api = Api(Function::start(&cloud, "api", &[]).await);
    for (method, path) in [("GET", "/images"), ("POST", "/images"), ("GET", "/images/x"), ("DELETE", "/images/x"), ("GET", "/nowhere")] {
        let (status, body, headers) = api.send("", method, path, "").await;
        assert_eq!((status, &body["code"]), (401, &json!("unauthorized")), "{method} {path}");
        assert_eq!(headers["content-type"], "application/problem+json");
    }
    assert_eq!(api.send("", "GET", "/livez", "").await.0, 200);
    assert_eq!(api.send("ada", "GET", "/images", "").await.0, 200);
    assert_eq!(api.send("ada", "GET", "/nowhere", "").await.0, 404);
}

#[tokio::test]
async fn a_signed_upload_binds_type_and_length_and_its_owner_alone_sees_it() {
    let cloud = Cloud::start().await;
    let mut api = Api(Function::start(&cloud, "api", &[]).await);
    let mut process = Function::start(&cloud, "process", &[]).await;
    let data = png(7);
    let offer = json!({ "filename": "Zürich 1.png", "contentType": "image/png", "size": data.len() }).to_string();
    let (status, offered, _) = api.send("ada", "POST", "/images", &offer).await;
    assert_eq!(status, 201, "{offered}");
    let id = offered["imageId"].as_str().unwrap().to_owned();
    let path = format!("/images/{id}");

    let url = offered["upload"]["url"].as_str().unwrap().to_owned();
    let send = |data: Vec<u8>, content_type: &'static str| http_put(url.clone(), data, content_type);
    assert_eq!(send(data.clone(), "text/html").await, 403, "another type");
    assert_eq!(send([&data[..], b"x"].concat(), "image/png").await, 403, "a longer body");
    assert_eq!(send(data.clone(), "image/png").await, 200);

    let (_, record, headers) = api.send("ada", "GET", &path, "").await;
    assert_eq!((&record["status"], &record["owner"]), (&json!("PENDING"), &json!("ada")));
    assert_eq!((&headers["etag"], &headers["cache-control"]), (&json!("\"1\""), &json!("private, no-cache")));
    assert_eq!(api.send("ada", "GET", &format!("{path}/renditions/thumb"), "").await.1["code"], "not_ready");

    let key = record["key"].as_str().unwrap().to_owned();
    let etag = cloud.input().head(&key).await.unwrap().version;
    process.invoke(created(&key, &etag, data.len() as u64, 1)).await.unwrap();
    let (_, record, _) = api.send("ada", "GET", &path, "").await;
    assert_eq!((&record["status"], &record["owner"]), (&json!("SUCCEEDED"), &json!("ada")));
    let (status, _, headers) = api.send("ada", "GET", &format!("{path}/renditions/thumb"), "").await;
    assert_eq!(status, 302);
    let (status, body, caching) = http_get(headers["location"].as_str().unwrap().to_owned()).await;
    assert_eq!((status, caching.as_str()), (200, "public, max-age=31536000, immutable"));
    assert_eq!(aws_adapter::identity::sha256(&body), record["renditions"][0]["sha256"].as_str().unwrap());

    let ids =
        |page: &Value| page["items"].as_array().unwrap().iter().map(|r| r["imageId"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    for (subject, sees) in [("ada", true), ("bob", false), ("root", true)] {
        assert_eq!(ids(&api.send(subject, "GET", "/images", "").await.1) == [id.clone()], sees, "{subject}");
        let expected = if sees { 200 } else { 404 };
        assert_eq!(api.send(subject, "GET", &path, "").await.0, expected, "{subject}");
        assert_eq!(api.send(subject, "GET", &format!("{path}/renditions/thumb"), "").await.0, if sees { 302 } else { 404 }, "{subject}");
    }
    assert_eq!(api.send("bob", "DELETE", &path, "").await.0, 404);
    assert_eq!(cloud.input().head(&key).await.unwrap().size, data.len() as u64);
    for _ in 0..2 {
        assert_eq!(api.send("ada", "DELETE", &path, "").await.0, 204);
    }
    assert_eq!(cloud.input().head(&key).await.unwrap_err().code(), "source_missing");
    assert_eq!(list_all(&cloud.output(), "").await.unwrap().objects, []);
    assert_eq!(api.send("ada", "GET", &path, "").await.1["status"], "DELETED");
    assert_eq!(api.send("ada", "GET", &format!("{path}/renditions/thumb"), "").await.0, 404);
    assert_eq!(ids(&api.send("root", "GET", "/images", "").await.1), [""; 0]);
}

#[tokio::test]
async fn a_fault_within_is_told_to_the_log_and_not_to_the_caller() {
    let cloud = Cloud::start().await;
    let mut api = Api(Function::start(&cloud, "api", &[("IMGCORE_TABLE", "NoSuchTable")]).await);
    let (status, body, _) = api.send("ada", "GET", "/images", "").await;
    assert_eq!((status, &body["code"], &body["detail"]), (503, &json!("storage_unavailable"), &json!("the storage does not answer")));
    tokio::time::sleep(Duration::from_millis(100)).await;
    let line = api.0.lines().into_iter().find(|line| line["status"] == 503).unwrap();
    assert_eq!((&line["level"], &line["code"]), (&json!("ERROR"), &json!("storage_unavailable")));
    assert!(line["cause"].as_str().unwrap().contains("ResourceNotFoundException"), "{line}");
}

/// What curl would send.
async fn http_put(url: String, data: Vec<u8>, content_type: &'static str) -> u16 {
    curl(move |curl| {
        curl.args(["-X", "PUT", "-H", &format!("content-type: {content_type}"), "--data-binary", "@-", &url]);
        data
    })
    .await
    .0
}

async fn http_get(url: String) -> (u16, Vec<u8>, String) {
    curl(move |curl| {
        curl.arg(&url);
        Vec::new()
    })
    .await
}

/// The status, the body and `Cache-Control` of an answer.
async fn curl(prepare: impl FnOnce(&mut std::process::Command) -> Vec<u8> + Send + 'static) -> (u16, Vec<u8>, String) {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let run = move || {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "-D", "/dev/stderr", "-o", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let data = prepare(&mut curl);
        let mut child = curl.spawn().unwrap();
        child.stdin.take().unwrap().write_all(&data).unwrap();
        let output = child.wait_with_output().unwrap();
        let head = String::from_utf8(output.stderr).unwrap();
        let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok()).unwrap_or_else(|| panic!("{head}"));
        let caching = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("cache-control: ").map(str::to_owned));
        (status, output.stdout, caching.unwrap_or_default())
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test]
async fn with_iam_the_sessions_of_a_role_are_one_caller() {
    let cloud = Cloud::start().await;
    let mut api = Api(Function::start(&cloud, "api", &[("IMGCORE_ADMIN_ROLE", "Auditor")]).await);
    let offer = json!({ "filename": "a.png", "contentType": "image/png", "size": 9 }).to_string();
    let (status, offered, _) = api.send("Backend:one", "POST", "/images", &offer).await;
    assert_eq!(status, 201, "{offered}");
    let path = format!("/images/{}", offered["imageId"].as_str().unwrap());
    for (session, expected) in [("Backend:two", 200), ("Auditor:x", 200), ("Other:Auditor", 404), ("", 401)] {
        assert_eq!(api.send(session, "GET", &path, "").await.0, expected, "{session}");
    }
}

#[tokio::test]
async fn a_reader_is_sent_to_the_distribution_where_there_is_one() {
    let cloud = Cloud::start().await;
    let mut process = Function::start(&cloud, "process", &[]).await;
    process.invoke(put(&cloud, "a.png", &png(3), 1).await).await.unwrap();
    let key = record(&cloud, "a.png").await.renditions[0].key.clone();
    let path = format!("/images/{}/renditions/thumb", image_id(INPUT, "a.png"));
    let made = std::process::Command::new("openssl").args(["genpkey", "-algorithm", "RSA"]).output().unwrap();
    let pem = String::from_utf8(made.stdout).unwrap();
    let secrets = service("secretsmanager", move |action, request| {
        assert_eq!((action, &request["SecretId"]), ("GetSecretValue", &json!("arn:secret")));
        Ok(json!({ "ARN": "arn:secret", "Name": "key", "SecretString": pem }))
    });
    let secrets = secrets.await;
    let (cdn, pair) = (("IMGCORE_CDN", "https://d1.example"), ("IMGCORE_CDN_KEY_PAIR", "K2JCJMDEHXQW5F"));
    let secret = [("IMGCORE_CDN_SECRET", "arn:secret"), ("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets.as_str())];

    let mut api = Api(Function::start(&cloud, "api", &[cdn]).await);
    assert_eq!(api.send("root", "GET", &path, "").await.2["location"], format!("https://d1.example/{key}"));
    let mut api = Api(Function::start(&cloud, "api", &[cdn, pair, secret[0], secret[1]]).await);
    let (status, _, headers) = api.send("root", "GET", &path, "").await;
    let location = headers["location"].as_str().unwrap();
    assert_eq!(status, 302);
    assert!(location.starts_with(&format!("https://d1.example/{key}?Expires=")), "{location}");
    assert!(location.ends_with("&Key-Pair-Id=K2JCJMDEHXQW5F&Hash-Algorithm=SHA256"), "{location}");
    assert_eq!(api.send("root", "GET", &path, "").await.2["location"], location, "a browser's cache knows it");
    // An upload still goes to the bucket.
    let offer = json!({ "filename": "a.png", "contentType": "image/png", "size": 9 }).to_string();
    let (_, offered, _) = api.send("ada", "POST", "/images", &offer).await;
    assert!(offered["upload"]["url"].as_str().unwrap().starts_with(&cloud.s3_url), "{offered}");
}

// ---- analysis --------------------------------------------------------------------------------------------------------------------------

/// Rekognition; the pictures that it is sent; and the name of the error that it answers, if any.
async fn rekognition() -> (String, Arc<Mutex<Vec<Vec<u8>>>>, Arc<Mutex<Option<&'static str>>>) {
    let (sent, failing) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(None)));
    let (kept, error) = (Arc::clone(&sent), Arc::clone(&failing));
    let area = json!({ "Left": 0.25, "Top": 0.1, "Width": 0.2, "Height": 0.3 });
    let url = service("rekognition", move |action, request| {
        if let Some(error) = *error.lock().unwrap() {
            return Err(error);
        }
        let image = request["Image"]["Bytes"].as_str().unwrap();
        kept.lock().unwrap().push(data_encoding::BASE64.decode(image.as_bytes()).unwrap());
        Ok(match action {
            "DetectFaces" => json!({ "FaceDetails": [{ "BoundingBox": area, "Confidence": 99.987_654 }] }),
            "DetectText" => json!({ "TextModelVersion": "3.0", "TextDetections": [
                { "DetectedText": "WAY OUT", "Type": "LINE", "Id": 0, "Confidence": 98.5, "Geometry": { "BoundingBox": area } },
                { "DetectedText": "WAY", "Type": "WORD", "Id": 1, "ParentId": 0, "Confidence": 98.5, "Geometry": { "BoundingBox": area } },
            ] }),
            "DetectModerationLabels" => json!({ "ModerationModelVersion": "7.0", "ModerationLabels": [
                { "Name": "Alcohol", "ParentName": "", "Confidence": 91.5, "TaxonomyLevel": 1 },
            ] }),
            other => panic!("{other} was not expected"),
        })
    });
    (url.await, sent, failing)
}

fn processed(key: &str) -> String {
    let detail = json!({ "imageId": image_id(INPUT, key), "bucket": INPUT, "key": key, "status": "SUCCEEDED", "renditions": [] });
    json!({ "version": "0", "source": "imgcore", "detail-type": "ImageProcessed", "detail": detail }).to_string()
}

#[tokio::test]
async fn what_a_service_finds_is_written_once_to_the_record_of_the_same_bytes() {
    let cloud = Cloud::start().await;
    let (url, sent, failing) = rekognition().await;
    let environment = [("IMGCORE_ANALYSES", "faces,text,moderation"), ("AWS_ENDPOINT_URL_REKOGNITION", url.as_str())];
    let mut process = Function::start(&cloud, "process", &[]).await;
    let mut analyse = Function::start(&cloud, "analyse", &environment).await;
    process.invoke(put(&cloud, "a b+é.png", &png(3), 1).await).await.unwrap();
    process.invoke(put(&cloud, "bad.png", b"no picture", 1).await).await.unwrap();

    // A service that asks to come again, and one message that is nobody's.
    *failing.lock().unwrap() = Some("ThrottlingException");
    let batch =
        |ids: [&str; 3]| sqs(&[message(ids[0], &processed("a b+é.png")), message(ids[1], &processed("bad.png")), message(ids[2], "{}")]);
    let failed = |ids: &[&str]| json!({ "batchItemFailures": ids.iter().map(|id| json!({ "itemIdentifier": id })).collect::<Vec<_>>() });
    assert_eq!(analyse.invoke(batch(["1", "2", "3"])).await.unwrap(), failed(&["1", "3"]));
    assert_eq!(record(&cloud, "a b+é.png").await.analysis, None);
    let line = analyse.line(|line| line["messageId"] == "1").await;
    assert_eq!((&line["code"], &line["imageId"]), (&json!("storage_unavailable"), &json!(image_id(INPUT, "a b+é.png"))));

    *failing.lock().unwrap() = None;
    for _ in 0..2 {
        assert_eq!(analyse.invoke(batch(["1", "2", "3"])).await.unwrap(), failed(&["3"]));
    }
    let area = json!({ "left": 0.25, "top": 0.1, "width": 0.2, "height": 0.3 });
    let found = json!({
        "faces": [{ "box": area, "confidence": 99.99 }],
        "text": [{ "text": "WAY OUT", "box": area, "confidence": 98.5 }],
        "moderation": [{ "name": "Alcohol", "parent": "", "confidence": 91.5 }],
    });
    let written = record(&cloud, "a b+é.png").await;
    assert_eq!((written.status, written.analysis.as_ref()), (Status::Succeeded, Some(&found)));
    assert_eq!(record(&cloud, "bad.png").await.analysis, None);
    let pictures = sent.lock().unwrap().clone();
    assert_eq!(pictures.len(), 3, "each analysis asked once");
    for picture in pictures {
        let header = imgcore::probe(&picture, &Context::default()).unwrap();
        assert_eq!((header.format, header.width, header.height), (imgcore::Format::Jpeg, 40, 30));
    }

    // Step by step, as a state machine does it; another version forgets what was found.
    let place = |stage: &str, key: &str| json!({ "bucket": INPUT, "key": key, "stage": stage });
    process.invoke(put(&cloud, "a b+é.png", &png(4), 2).await).await.unwrap();
    assert_eq!(record(&cloud, "a b+é.png").await.analysis, None);
    let mut step = analyse.invoke(place("analyse", "a b+é.png")).await.unwrap();
    assert_eq!((&step["analysis"], record(&cloud, "a b+é.png").await.analysis), (&found, None));
    step["stage"] = json!("record");
    assert_eq!(analyse.invoke(&step).await.unwrap()["outcome"], "recorded");
    assert_eq!(record(&cloud, "a b+é.png").await.analysis, Some(found));
    step["sourceSha256"] = json!(written.source_sha256);
    assert_eq!(analyse.invoke(&step).await.unwrap()["outcome"], "outdated");
    assert_eq!(analyse.invoke(place("analyse", "bad.png")).await.unwrap()["analysis"], Value::Null);
    *failing.lock().unwrap() = Some("InvalidImageFormatException");
    for (call, code) in [(place("analyse", "a b+é.png"), "internal"), (place("render", "a b+é.png"), "invalid_request")] {
        assert_eq!(analyse.invoke(&call).await.unwrap_err()["errorType"], code, "{call}");
    }
    let text = serde_json::to_string(&analyse.lines()).unwrap();
    assert!(!text.contains("é.png") && !text.contains("WAY OUT"), "{text}");
}

#[tokio::test]
async fn only_what_is_wanted_is_asked_of_a_service() {
    let cloud = Cloud::start().await;
    let (url, sent, _) = rekognition().await;
    let mut process = Function::start(&cloud, "process", &[]).await;
    process.invoke(put(&cloud, "a.png", &png(3), 1).await).await.unwrap();
    let mut analyse = Function::start(&cloud, "analyse", &[("IMGCORE_ANALYSES", "text"), ("AWS_ENDPOINT_URL_REKOGNITION", &url)]).await;
    analyse.invoke(sqs(&[message("1", &processed("a.png"))])).await.unwrap();
    let analysis = record(&cloud, "a.png").await.analysis.unwrap();
    assert_eq!((analysis.as_object().unwrap().len(), &analysis["text"][0]["text"]), (1, &json!("WAY OUT")));
    assert_eq!(sent.lock().unwrap().len(), 1);
}

// ---- the stream ------------------------------------------------------------------------------------------------------------------------

type Told = Arc<Mutex<Vec<Value>>>;

/// A bus that keeps what it is told, and refuses whatever names a key with `refused` in it.
async fn bus() -> (String, Told) {
    let told: Told = Arc::default();
    let kept = Arc::clone(&told);
    let url = service("awsevents", move |action, request| {
        assert_eq!(action, "PutEvents");
        let entries = request["Entries"].as_array().unwrap();
        assert!((1..=10).contains(&entries.len()));
        let answers: Vec<Value> = entries
            .iter()
            .map(|entry| {
                if entry["Detail"].as_str().unwrap().contains("refused") {
                    return json!({ "ErrorCode": "ThrottlingException", "ErrorMessage": "later" });
                }
                kept.lock().unwrap().push(entry.clone());
                json!({ "EventId": "e" })
            })
            .collect();
        let failed = answers.iter().filter(|answer| answer["ErrorCode"].is_string()).count();
        Ok(json!({ "FailedEntryCount": failed, "Entries": answers }))
    });
    (url.await, told)
}

#[tokio::test]
async fn each_final_state_and_each_failure_is_one_event_on_the_bus() {
    let cloud = Cloud::start().await;
    let (url, told) = bus().await;
    let mut publish =
        Function::start(&cloud, "publish", &[("AWS_ENDPOINT_URL_EVENTBRIDGE", &url), ("IMGCORE_EVENT_BUS", "pictures")]).await;
    let image = |key: &str, status: &str| {
        json!({ "imageId": { "S": image_id(INPUT, key) }, "bucket": { "S": INPUT }, "key": { "S": key }, "filename": { "S": key },
            "timestamp": { "S": "2026-01-01T00:00:00.000Z" }, "updatedAt": { "S": "2026-01-01T00:00:01.000Z" }, "status": { "S": status },
            "renditions": { "L": [] }, "schemaVersion": { "N": "1" }, "revision": { "N": "3" }, "writeToken": { "S": "t" } })
    };
    let change = |number: u32, key: &str, old: &str, new: &str| {
        json!({ "eventName": "MODIFY", "eventSource": "aws:dynamodb",
            "dynamodb": { "SequenceNumber": number.to_string(), "OldImage": image(key, old), "NewImage": image(key, new) } })
    };
    let mut changes: Vec<Value> = (0..12).map(|i| change(i, &format!("{i}.png"), "RUNNING", "SUCCEEDED")).collect();
    changes.push(change(12, "busy.png", "PENDING", "RUNNING"));
    changes.push(change(13, "bad.png", "RUNNING", "REJECTED"));
    changes.push(json!({ "eventName": "MODIFY", "dynamodb": { "SequenceNumber": "14", "NewImage": { "imageId": { "S": "poison" } } } }));
    changes.push(change(15, "same.png", "SUCCEEDED", "SUCCEEDED"));
    changes.push(change(16, "late.png", "RUNNING", "FAILED"));
    let answer = publish.invoke(json!({ "Records": changes })).await.unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    let events = told.lock().unwrap().clone();
    assert_eq!(events.len(), 14);
    assert!(
        events
            .iter()
            .all(|event| event["Source"] == "imgcore" && event["EventBusName"] == "pictures" && event["DetailType"] == "ImageProcessed")
    );
    let details: Vec<Value> = events.iter().map(|event| serde_json::from_str(event["Detail"].as_str().unwrap()).unwrap()).collect();
    assert_eq!((&details[0]["key"], &details[0]["status"]), (&json!("0.png"), &json!("SUCCEEDED")));
    assert_eq!(details[13]["status"], "FAILED");

    let again = json!({ "Records": [change(20, "a.png", "RUNNING", "SUCCEEDED"), change(21, "refused.png", "RUNNING", "SUCCEEDED")] });
    assert_eq!(publish.invoke(again).await.unwrap(), json!({ "batchItemFailures": [{ "itemIdentifier": "21" }] }));
}
