//! Events in, jobs out: S3 notifications, EventBridge events, either inside the messages of an SQS batch, and direct calls.
//!
//! ```json
//! { "bucket": "photos", "key": "cat.jpg", "versionId": "3HL4kqtJ", "stage": "validate" }
//! { "bucket": "photos", "urlEncodedKey": "two+cats.jpg" }
//! ```
//!
//! Keys are decoded here and nowhere else. The local pipeline sends itself the same notifications ([`object_created`]), so that it is the same parser that reads them.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{Code, Error};
use crate::identity::Sequencer;
use crate::time::Timestamp;

/// What is to be done for one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The bucket.
    pub bucket: String,
    /// The key, decoded.
    pub key: String,
    /// What is said to have happened to the object.
    pub kind: Kind,
    /// The version that was made: its version id, else its entity tag without quotes.
    pub version: Option<String>,
    /// The place in the order of the key's events; without one the object is asked for.
    pub sequencer: Option<Sequencer>,
    /// The object's size in bytes.
    pub size: Option<u64>,
    /// How much of the work is wanted.
    pub stage: Stage,
}

/// How much of the work is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// All of it: renditions and a record.
    #[default]
    Render,
    /// Whether the picture could be rendered; nothing is written.
    Validate,
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It was made or overwritten, or somebody asks to look at it.
    Created,
    /// It was deleted.
    Deleted,
}

impl Job {
    /// A job for the object as it is now: for backfill, reconciliation and direct calls.
    pub fn check(bucket: &str, key: &str) -> Self {
        Self {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            kind: Kind::Created,
            version: None,
            sequencer: None,
            size: None,
            stage: Stage::Render,
        }
    }
}

/// The jobs of one message, or of an event that came without one.
#[derive(Debug)]
pub struct Delivery {
    /// The SQS message, to be returned alone if its work fails.
    pub message_id: Option<String>,
    /// Its jobs; a message that cannot be read spoils none of its neighbours.
    pub jobs: Result<Vec<Job>, Error>,
}

/// The deliveries in an event.
///
/// # Errors
/// `invalid_request` for what is no event at all.
pub fn deliveries(event: &str) -> Result<Vec<Delivery>, Error> {
    let event = parse(event)?;
    if !is_sqs(&event) {
        return Ok(vec![Delivery { message_id: None, jobs: Ok(event_jobs(event)?) }]);
    }
    let batch: Records<SqsMessage> = read(event)?;
    Ok(batch
        .records
        .into_iter()
        .map(|message| Delivery { message_id: Some(message.message_id), jobs: parse(&message.body).and_then(event_jobs) })
        .collect())
}

/// All jobs in an event.
///
/// # Errors
/// `invalid_request` if any part of it cannot be read.
pub fn jobs(event: &str) -> Result<Vec<Job>, Error> {
    let mut all = Vec::new();
    for delivery in deliveries(event)? {
        all.extend(delivery.jobs?);
    }
    Ok(all)
}

/// The notification that S3 would send for a new object: how local work begins.
pub fn object_created(bucket: &str, key: &str, version: &str, size: u64, sequencer: &Sequencer, time: Timestamp) -> String {
    let object = json!({
        "key": form_encode(key),
        "size": size,
        "eTag": version,
        "sequencer": sequencer,
    });
    notification("ObjectCreated:Put", bucket, object, time)
}

/// The notification that S3 would send for a deleted object.
pub fn object_removed(bucket: &str, key: &str, sequencer: &Sequencer, time: Timestamp) -> String {
    let object = json!({ "key": form_encode(key), "sequencer": sequencer });
    notification("ObjectRemoved:Delete", bucket, object, time)
}

fn notification(name: &str, bucket: &str, object: Value, time: Timestamp) -> String {
    json!({ "Records": [{
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventTime": time,
        "eventName": name,
        "s3": { "s3SchemaVersion": "1.0", "bucket": { "name": bucket }, "object": object },
    }]})
    .to_string()
}

#[derive(Deserialize)]
struct Records<T> {
    #[serde(rename = "Records")]
    records: Vec<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SqsMessage {
    message_id: String,
    body: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct S3Record {
    event_version: Option<String>,
    event_source: Option<String>,
    event_name: String,
    s3: S3Entity,
}

#[derive(Deserialize)]
struct S3Entity {
    bucket: Bucket,
    object: S3Object,
}

#[derive(Deserialize)]
struct Bucket {
    name: String,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct S3Object {
    key: String,
    size: Option<u64>,
    #[serde(rename = "eTag")]
    e_tag: Option<String>,
    version_id: Option<String>,
    sequencer: Option<String>,
}

#[derive(Deserialize)]
struct EventBridge {
    #[serde(rename = "detail-type")]
    detail_type: String,
    detail: Detail,
}

#[derive(Deserialize)]
struct Detail {
    bucket: Bucket,
    object: EventBridgeObject,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct EventBridgeObject {
    key: String,
    size: Option<u64>,
    etag: Option<String>,
    version_id: Option<String>,
    sequencer: Option<String>,
}

/// A call by a state machine, or by hand.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Direct {
    bucket: String,
    key: Option<String>,
    /// The key as an S3 Inventory writes it.
    url_encoded_key: Option<String>,
    version_id: Option<String>,
    #[serde(default)]
    stage: Stage,
}

impl Direct {
    fn job(self) -> Result<Job, Error> {
        let key = match (self.key, self.url_encoded_key) {
            (Some(key), None) => key,
            (None, Some(key)) => form_decode(&key)?,
            _ => return Err(Error::new(Code::InvalidRequest, "the event names either `key` or `urlEncodedKey`")),
        };
        Ok(Job { version: self.version_id, stage: self.stage, ..Job::check(&self.bucket, &key) })
    }
}

fn parse(text: &str) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|e| Error::caused(Code::InvalidRequest, "the event is not JSON", e))
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|e| Error::caused(Code::InvalidRequest, "the event has an unknown form", e))
}

fn is_sqs(event: &Value) -> bool {
    event["Records"][0]["eventSource"] == "aws:sqs"
}

fn event_jobs(event: Value) -> Result<Vec<Job>, Error> {
    // S3 sends it once, when the notification is configured.
    if event["Event"] == "s3:TestEvent" {
        return Ok(Vec::new());
    }
    if event.get("detail-type").is_some() {
        let source = event["source"].as_str().unwrap_or_default();
        if source != "aws.s3" {
            return Err(foreign(source));
        }
        return Ok(event_bridge_job(read(event)?).into_iter().collect());
    }
    if event.get("bucket").is_some() {
        return Ok(vec![read::<Direct>(event)?.job()?]);
    }
    let notification: Records<S3Record> = read(event)?;
    let jobs = notification.records.into_iter().map(s3_job);
    Ok(jobs.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

fn foreign(source: &str) -> Error {
    Error::new(Code::InvalidRequest, format!("an event of `{}` is not one of S3's", source.escape_debug()))
}

fn s3_job(record: S3Record) -> Result<Option<Job>, Error> {
    let source = record.event_source.as_deref().unwrap_or("aws:s3");
    if source != "aws:s3" {
        return Err(foreign(source));
    }
    // Minor versions only add.
    let form = record.event_version.as_deref().unwrap_or("2");
    if form.split('.').next() != Some("2") {
        let message = format!("an S3 event of version `{}` is not understood: known is 2", form.escape_debug());
        return Err(Error::new(Code::InvalidRequest, message));
    }
    // The prefix `s3:` stands in configurations only, but costs nothing to take.
    let name = record.event_name.trim_start_matches("s3:");
    let kind = if name.starts_with("ObjectCreated:") {
        Kind::Created
    } else if name.starts_with("ObjectRemoved:") || name.starts_with("LifecycleExpiration:") {
        Kind::Deleted
    } else {
        return Ok(None);
    };
    let object = record.s3.object;
    Ok(Some(Job {
        key: form_decode(&object.key)?,
        bucket: record.s3.bucket.name,
        kind,
        version: version(kind, object.version_id, object.e_tag),
        sequencer: object.sequencer.as_deref().map(Sequencer::new),
        size: object.size,
        stage: Stage::Render,
    }))
}

fn event_bridge_job(event: EventBridge) -> Option<Job> {
    let kind = match event.detail_type.as_str() {
        "Object Created" => Kind::Created,
        "Object Deleted" => Kind::Deleted,
        _ => return None,
    };
    let object = event.detail.object;
    Some(Job {
        bucket: event.detail.bucket.name,
        key: object.key,
        kind,
        version: version(kind, object.version_id, object.etag),
        sequencer: object.sequencer.as_deref().map(Sequencer::new),
        size: object.size,
        stage: Stage::Render,
    })
}

/// The version of a new object. A delete event's is that of the marker, not of any content.
fn version(kind: Kind, version_id: Option<String>, etag: Option<String>) -> Option<String> {
    let etag = || Some(etag?.trim_matches('"').to_owned());
    match kind {
        Kind::Created => version_id.filter(|id| !id.is_empty() && id != "null").or_else(etag).filter(|version| !version.is_empty()),
        Kind::Deleted => None,
    }
}

/// Reads a key as S3 writes it: `+` is a space, then `%xx` are bytes of UTF-8.
fn form_decode(text: &str) -> Result<String, Error> {
    let wrong = || {
        let message = format!("key `{}` is not form-url-encoded UTF-8", text.escape_debug());
        Error::new(Code::InvalidRequest, message)
    };
    percent_decode(&text.replace('+', " ")).ok_or_else(wrong)
}

/// Reads `%xx` as bytes of UTF-8; a sign without two hex digits stands for itself.
pub fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let digits = tail.get(..2).filter(|_| *first == b'%').and_then(|digits| data_encoding::HEXLOWER_PERMISSIVE.decode(digits).ok());
        match digits.as_deref() {
            Some([byte]) => {
                bytes.push(*byte);
                rest = &tail[2..];
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8(bytes).ok()
}

/// Writes all but unreserved characters, and those in `keep`, as `%XX`.
pub fn percent_encode(text: &str, keep: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ if keep.as_bytes().contains(&byte) => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn form_encode(key: &str) -> String {
    percent_encode(key, "/").replace("%20", "+")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(event: &str) -> Job {
        let mut jobs = jobs(event).unwrap();
        assert_eq!(jobs.len(), 1);
        jobs.remove(0)
    }

    fn s3(name: &str, object: &Value) -> String {
        json!({ "Records": [{
            "eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "eu-central-1",
            "eventTime": "2026-01-01T00:00:00.000Z", "eventName": name,
            "s3": {
                "s3SchemaVersion": "1.0", "configurationId": "x",
                "bucket": { "name": "photos", "ownerIdentity": { "principalId": "A" }, "arn": "arn:aws:s3:::photos" },
                "object": object,
            },
        }]})
        .to_string()
    }

    fn event_bridge(detail_type: &str, object: &Value) -> String {
        json!({
            "version": "0", "source": "aws.s3", "detail-type": detail_type, "account": "1",
            "detail": { "version": "0", "bucket": { "name": "photos" }, "object": object, "reason": "PutObject" },
        })
        .to_string()
    }

    #[test]
    fn an_s3_notification_is_a_job() {
        let object = json!({ "key": "a.jpg", "size": 1024, "eTag": "d41d8cd9", "sequencer": "0055AED6DCD90281E5" });
        let expected = Job {
            bucket: "photos".into(),
            key: "a.jpg".into(),
            kind: Kind::Created,
            version: Some("d41d8cd9".into()),
            sequencer: Some(Sequencer::new("0055aed6dcd90281e5")),
            size: Some(1024),
            stage: Stage::Render,
        };
        for name in ["ObjectCreated:Put", "s3:ObjectCreated:CompleteMultipartUpload"] {
            assert_eq!(job(&s3(name, &object)), expected, "{name}");
        }
    }

    #[test]
    fn a_version_id_comes_before_the_entity_tag() {
        let version = |object: Value| job(&s3("ObjectCreated:Put", &object)).version;
        let id = json!({ "key": "a", "eTag": "e", "versionId": "3HL4kqtJ" });
        assert_eq!(version(id).as_deref(), Some("3HL4kqtJ"));
        let null = json!({ "key": "a", "eTag": "\"e\"", "versionId": "null" });
        assert_eq!(version(null).as_deref(), Some("e"));
        assert_eq!(version(json!({ "key": "a" })), None);
    }

    #[test]
    fn s3_keys_are_decoded_once_plus_first() {
        for (encoded, key) in [
            ("a+b%2Bc.jpg", "a b+c.jpg"),
            ("a+b%252B.jpg", "a b%2B.jpg"),
            ("Z%C3%BCrich/%F0%9F%8C%8D.png", "Zürich/🌍.png"),
            ("100%.png", "100%.png"),
            ("line%0Abreak", "line\nbreak"),
            ("..%2Fx.jpg", "../x.jpg"),
        ] {
            let event = s3("ObjectCreated:Put", &json!({ "key": encoded }));
            assert_eq!(job(&event).key, key);
        }
        let wrong = s3("ObjectCreated:Put", &json!({ "key": "%FF.png" }));
        assert_eq!(jobs(&wrong).unwrap_err().code(), "invalid_request");
    }

    #[test]
    fn event_bridge_sends_keys_raw() {
        let object = json!({ "key": "a+b%20c.jpg", "size": 5, "etag": "e", "version-id": "v1", "sequencer": "AB" });
        let job = job(&event_bridge("Object Created", &object));
        assert_eq!(job.key, "a+b%20c.jpg");
        assert_eq!(job.version.as_deref(), Some("v1"));
        assert_eq!(job.sequencer, Some(Sequencer::new("ab")));
        assert_eq!(job.size, Some(5));
    }

    #[test]
    fn a_deletion_names_no_version() {
        let object = json!({ "key": "a", "eTag": "e", "versionId": "marker", "sequencer": "1" });
        let removed = job(&s3("ObjectRemoved:DeleteMarkerCreated", &object));
        assert_eq!((removed.kind, removed.version), (Kind::Deleted, None));
        let object = json!({ "key": "a", "version-id": "marker" });
        let deleted = job(&event_bridge("Object Deleted", &object));
        assert_eq!((deleted.kind, deleted.version), (Kind::Deleted, None));
    }

    #[test]
    fn what_is_no_creation_or_deletion_is_ignored() {
        let test = r#"{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"photos"}"#;
        assert_eq!(jobs(test).unwrap(), []);
        let object = json!({ "key": "a" });
        assert_eq!(jobs(&s3("ObjectTagging:Put", &object)).unwrap(), []);
        let tags = event_bridge("Object Tags Added", &object);
        assert_eq!(jobs(&tags).unwrap(), []);
    }

    #[test]
    fn a_bad_message_spoils_no_neighbour() {
        let good = s3("ObjectCreated:Put", &json!({ "key": "a" }));
        let raw = event_bridge("Object Created", &json!({ "key": "b" }));
        let message = |id: &str, body: &str| json!({ "messageId": id, "body": body, "eventSource": "aws:sqs" });
        let batch = json!({ "Records": [message("1", &good), message("2", "sorry"), message("3", &raw)] });
        let deliveries = deliveries(&batch.to_string()).unwrap();
        let seen: Vec<_> = deliveries
            .iter()
            .map(|d| {
                let keys = d.jobs.as_ref().ok().map(|jobs| jobs[0].key.as_str());
                (d.message_id.as_deref(), keys)
            })
            .collect();
        let expected = [(Some("1"), Some("a")), (Some("2"), None), (Some("3"), Some("b"))];
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_direct_call_names_its_object_raw() {
        let direct = job(r#"{"bucket":"photos","key":"a+b%20c.jpg","versionId":"v1"}"#);
        let expected = Job { version: Some("v1".into()), ..Job::check("photos", "a+b%20c.jpg") };
        assert_eq!(direct, expected);
        assert_eq!(job(r#"{"bucket":"photos","key":"a","stage":"validate"}"#).stage, Stage::Validate);
    }

    #[test]
    fn what_is_no_event_is_refused_by_name() {
        let object = json!({ "key": "a" });
        let s3 = s3("ObjectCreated:Put", &object);
        let bridge = event_bridge("Object Created", &object);
        for (event, word) in [
            ("", "JSON"),
            ("[]", "form"),
            ("{}", "form"),
            (r#"{"Records":[{}]}"#, "form"),
            (r#"{"bucket":"b","key":"k","stage":"paint"}"#, "`paint`"),
            (r#"{"bucket":"b","key":"k","version":"v"}"#, "`version`"),
            (&s3.replace("aws:s3", "aws:dynamodb"), "`aws:dynamodb`"),
            (&s3.replace("\"2.1\"", "\"3.0\""), "`3.0`"),
            (&bridge.replace("aws.s3", "aws.ec2"), "`aws.ec2`"),
        ] {
            let error = jobs(event).unwrap_err();
            assert_eq!(error.code(), "invalid_request", "{event}");
            assert!(error.message.contains(word), "{event}: {}", error.message);
        }
    }

    #[test]
    fn our_own_events_are_read_like_any_other() {
        let (sequencer, now) = (Sequencer::from_counter(7), Timestamp::from_millis(0));
        for key in ["a b+c%2B/ü\n.jpg", "../x", "%", " ", "+"] {
            let created = job(&object_created("/tmp/in", key, "v", 9, &sequencer, now));
            let expected = Job {
                bucket: "/tmp/in".into(),
                key: key.into(),
                kind: Kind::Created,
                version: Some("v".into()),
                sequencer: Some(sequencer.clone()),
                size: Some(9),
                stage: Stage::Render,
            };
            assert_eq!(created, expected);
            let removed = job(&object_removed("/tmp/in", key, &sequencer, now));
            assert_eq!((removed.key.as_str(), removed.kind), (key, Kind::Deleted));
        }
    }
}
