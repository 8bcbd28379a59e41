//! Buckets that keep versions: what the record names, what an erasure takes, and that the newest state wins in every order of events.
#![cfg(feature = "aws")]
#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod cloud;

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use aws_adapter::catalog::Records;
use aws_adapter::cloud::CloudFlow;
use aws_adapter::config::Config;
use aws_adapter::event::{self, Job, Kind};
use aws_adapter::identity::{Sequencer, fingerprint, image_id, sha256};
use aws_adapter::job::{Flow, Outcome};
use aws_adapter::record::{Record, Status};
use aws_adapter::store::{Objects, PutOptions, S3Objects, UploadOffer, list_all};
use aws_adapter::time::Timestamp;
use aws_sdk_s3::types::{BucketVersioningStatus, Event, NotificationConfiguration, QueueConfiguration, VersioningConfiguration};
use axum::extract::RawQuery;
use axum::http::Method;
use cloud::runtime::Function;
use cloud::{Cloud, EMULATOR_KEYS, KEYS, REGION};
use imgcore::{Context, Encode, Layout, Picture, Raster, Recipe, convert_pixels};
use serde_json::{Value, json};

async fn cloud(test: &str) -> Option<Cloud> {
    Some(Cloud::with_versions(cloud::server("IMGCORE_MINISTACK", test)?).await)
}

fn flow(cloud: &Cloud) -> CloudFlow {
    Flow::new(cloud.input(), cloud.output(), cloud.records(), Config::default())
}

fn png(color: u8) -> Vec<u8> {
    let samples = [color, 99, 255 - color].repeat(40 * 30);
    let raster = Raster::from_u8(40, 30, Layout::Rgb, samples).unwrap();
    convert_pixels(Picture::still(raster), &Recipe::default().encode(Encode::png()), &Context::default()).unwrap().data
}

/// Puts an object and gives its version id.
async fn put(cloud: &Cloud, key: &str, data: &[u8]) -> String {
    let put = cloud.s3.put_object().bucket(&cloud.buckets[0]).key(key).content_type("image/png").body(data.to_vec().into());
    put.send().await.unwrap().version_id.unwrap()
}

/// Deletes an object and gives the id of the marker that now stands for it.
async fn mark_deleted(cloud: &Cloud, key: &str) -> String {
    let deleted = cloud.s3.delete_object().bucket(&cloud.buckets[0]).key(key).send().await.unwrap();
    assert_eq!(deleted.delete_marker(), Some(true));
    deleted.version_id.unwrap()
}

/// Deletes one version, or one marker, for good.
async fn delete_version(cloud: &Cloud, key: &str, id: &str) {
    cloud.s3.delete_object().bucket(&cloud.buckets[0]).key(key).version_id(id).send().await.unwrap();
}

/// The job for the event that S3 would send from a bucket with versions.
fn job(cloud: &Cloud, name: &str, key: &str, version: &str, sequencer: u64) -> Job {
    let sequencer = Sequencer::from_counter(sequencer);
    let event = event::object_created(&cloud.buckets[0], key, "an-etag", 0, &sequencer, Timestamp::from_millis(0));
    let mut event: Value = serde_json::from_str(&event).unwrap();
    event["Records"][0]["eventName"] = name.into();
    let object = event["Records"][0]["s3"]["object"].as_object_mut().unwrap();
    object.insert("versionId".to_owned(), version.into());
    object.remove("size");
    event::jobs(&event.to_string()).unwrap().remove(0)
}

const PUT: &str = "ObjectCreated:Put";
const MARKED: &str = "ObjectRemoved:DeleteMarkerCreated";
const REMOVED: &str = "ObjectRemoved:Delete";

async fn record(cloud: &Cloud, key: &str) -> Record {
    cloud.records().get(&image_id(&cloud.buckets[0], key)).await.unwrap().expect("there is a record").record
}

/// The record describes this version, and exactly its renditions are there.
async fn assert_describes(cloud: &Cloud, key: &str, version: &str, data: &[u8]) {
    let record = record(cloud, key).await;
    assert_eq!(record.status, Status::Succeeded, "{key}: {:?}", record.error);
    assert_eq!((record.source_version.as_deref(), record.source_sha256), (Some(version), Some(sha256(data))), "{key}");
    for rendition in &record.renditions {
        let fingerprint = fingerprint(version, &rendition.recipe_hash, imgcore::OUTPUT_REVISION);
        assert!(rendition.key.contains(&fingerprint), "{}", rendition.key);
    }
    let mut named: Vec<String> = record.renditions.into_iter().map(|rendition| rendition.key).collect();
    named.sort();
    assert_eq!(rendition_keys(cloud, key).await, named);
}

async fn assert_deleted(cloud: &Cloud, key: &str) {
    let record = record(cloud, key).await;
    assert_eq!((record.status, record.renditions.len()), (Status::Deleted, 0), "{key}");
    assert_eq!(rendition_keys(cloud, key).await, [""; 0], "{key}");
}

/// The renditions that there are.
async fn rendition_keys(cloud: &Cloud, key: &str) -> Vec<String> {
    let prefix = format!("renditions/{}/", image_id(&cloud.buckets[0], key));
    list_all(&cloud.output(), &prefix).await.unwrap().objects.into_iter().map(|object| object.key).collect()
}

/// All versions and markers of all keys that begin so: few enough for one answer.
async fn history(cloud: &Cloud, prefix: &str) -> BTreeMap<String, Vec<String>> {
    let all = cloud.s3.list_object_versions().bucket(&cloud.buckets[0]).prefix(prefix).send().await.unwrap();
    assert_ne!(all.is_truncated(), Some(true));
    let versions = all.versions().iter().map(|version| (version.key(), version.version_id()));
    let markers = all.delete_markers().iter().map(|marker| (marker.key(), marker.version_id()));
    let mut history: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, id) in versions.chain(markers) {
        history.entry(key.unwrap().to_owned()).or_default().push(id.unwrap().to_owned());
    }
    history
}

async fn set_versioning(cloud: &Cloud, status: BucketVersioningStatus) {
    let versioning = VersioningConfiguration::builder().status(status).build();
    cloud.s3.put_bucket_versioning().bucket(&cloud.buckets[0]).versioning_configuration(versioning).send().await.unwrap();
}

// ---- what a version is -----------------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_record_of_a_bucket_with_versions_names_the_version_id() {
    let Some(cloud) = cloud("a_record_of_a_bucket_with_versions_names_the_version_id").await else { return };
    let flow = flow(&cloud);
    // The same bytes have the same entity tag, and are two versions.
    let first = put(&cloud, "a.png", &png(1)).await;
    flow.run(&job(&cloud, PUT, "a.png", &first, 1)).await.unwrap();
    assert_describes(&cloud, "a.png", &first, &png(1)).await;
    assert_eq!(cloud.input().head("a.png").await.unwrap().version, first);
    let second = put(&cloud, "a.png", &png(1)).await;
    assert_ne!(first, second);
    flow.run(&job(&cloud, PUT, "a.png", &second, 2)).await.unwrap();
    assert_describes(&cloud, "a.png", &second, &png(1)).await;

    // Without an event it is the object that says which.
    let unheard = put(&cloud, "unheard.png", &png(2)).await;
    flow.run(&Job::check(&cloud.buckets[0], "unheard.png")).await.unwrap();
    assert_describes(&cloud, "unheard.png", &unheard, &png(2)).await;
}

#[tokio::test]
async fn an_older_version_is_changed_while_a_newer_one_is_there_and_missing_under_a_marker() {
    let name = "an_older_version_is_changed_while_a_newer_one_is_there_and_missing_under_a_marker";
    let Some(cloud) = cloud(name).await else { return };
    let input = cloud.input();
    let older = put(&cloud, "a.png", b"older").await;
    let newer = put(&cloud, "a.png", b"newer").await;
    let code = async |version: &str| input.get("a.png", Some(version), 9).await.map(drop).unwrap_err().code();
    assert_eq!(code(&older).await, "source_changed");
    assert_eq!(input.get("a.png", Some(&newer), 9).await.unwrap().data, b"newer");
    assert_eq!(input.get_version("a.png", &older, 9).await.unwrap().data, b"older");

    mark_deleted(&cloud, "a.png").await;
    for version in [&older, &newer] {
        assert_eq!(code(version).await, "source_missing");
    }
    assert_eq!(input.head("a.png").await.unwrap_err().code(), "source_missing");
    assert_eq!(list_all(&input, "").await.unwrap().objects, []);
    assert_eq!(input.get_version("a.png", &newer, 9).await.unwrap().data, b"newer");
}

#[tokio::test]
async fn a_version_from_before_versioning_is_its_entity_tag() {
    let Some(cloud) = cloud("a_version_from_before_versioning_is_its_entity_tag").await else { return };
    set_versioning(&cloud, BucketVersioningStatus::Suspended).await;
    let etag = cloud.input().put("a.png", &png(1), &PutOptions::default()).await.unwrap();
    assert_eq!(cloud.input().head("a.png").await.unwrap().version, etag);
    set_versioning(&cloud, BucketVersioningStatus::Enabled).await;
    let flow = flow(&cloud);
    flow.run(&Job { version: Some(etag.clone()), ..job(&cloud, PUT, "a.png", "null", 1) }).await.unwrap();
    assert_describes(&cloud, "a.png", &etag, &png(1)).await;
    let id = put(&cloud, "a.png", &png(2)).await;
    flow.run(&job(&cloud, PUT, "a.png", &id, 2)).await.unwrap();
    assert_describes(&cloud, "a.png", &id, &png(2)).await;
}

// ---- erasing ---------------------------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn an_erasure_takes_every_version_and_marker_of_exactly_its_key() {
    let Some(cloud) = cloud("an_erasure_takes_every_version_and_marker_of_exactly_its_key").await else { return };
    let cloud = Arc::new(cloud);
    let neighbours = ["a.pn", "a.png ", "a.png.old", "a.png/b", "a.pnh"];
    for key in neighbours {
        put(&cloud, key, b"1").await;
        mark_deleted(&cloud, key).await;
        put(&cloud, key, b"2").await;
    }
    let before = history(&cloud, "").await;
    set_versioning(&cloud, BucketVersioningStatus::Suspended).await;
    put_null(&cloud, "a.png").await;
    set_versioning(&cloud, BucketVersioningStatus::Enabled).await;
    // More than the thousand of one answer.
    let writers = (0..8).map(|_| {
        let cloud = Arc::clone(&cloud);
        tokio::spawn(async move {
            for i in 0..150 {
                if i % 5 == 4 {
                    mark_deleted(&cloud, "a.png").await
                } else {
                    put(&cloud, "a.png", b"x").await
                };
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let page = cloud.s3.list_object_versions().bucket(&cloud.buckets[0]).prefix("a.png").send().await.unwrap();
    assert_eq!((page.is_truncated(), page.next_key_marker()), (Some(true), Some("a.png")));

    cloud.input().erase("a.png").await.unwrap();
    assert_eq!(history(&cloud, "").await, before);
    assert_eq!(cloud.input().head("a.png").await.unwrap_err().code(), "source_missing");
    for key in neighbours {
        assert_eq!(cloud.input().get(key, None, 9).await.unwrap().data, b"2", "{key}");
    }
    cloud.input().erase("a.png").await.unwrap();
    assert_eq!(history(&cloud, "").await, before);
}

/// Puts an object into a bucket that makes no versions.
async fn put_null(cloud: &Cloud, key: &str) {
    cloud.input().put(key, b"x", &PutOptions::default()).await.unwrap();
}

#[tokio::test]
async fn no_older_version_comes_to_light_during_an_erasure() {
    let Some(cloud) = cloud("no_older_version_comes_to_light_during_an_erasure").await else { return };
    for is_marked in [false, true] {
        let mut newest = String::new();
        for i in 0..12 {
            newest = put(&cloud, "a.png", b"x").await;
            if i % 4 == 1 {
                mark_deleted(&cloud, "a.png").await;
            }
        }
        if is_marked {
            mark_deleted(&cloud, "a.png").await;
        }
        let is_over = Arc::new(AtomicBool::new(false));
        let watcher = {
            let (input, is_over) = (cloud.input(), Arc::clone(&is_over));
            tokio::spawn(async move {
                let mut seen = Vec::new();
                while !is_over.load(Ordering::Relaxed) {
                    seen.extend(input.head("a.png").await.ok().map(|head| head.version));
                }
                seen
            })
        };
        cloud.input().erase("a.png").await.unwrap();
        is_over.store(true, Ordering::Relaxed);
        let seen = watcher.await.unwrap();
        assert!(seen.iter().all(|version| !is_marked && *version == newest), "{seen:?} are not {newest}");
        assert_eq!(history(&cloud, "").await, BTreeMap::new());
    }
}

/// A bucket whose list of versions is written as S3 writes it, and which remembers what was deleted.
async fn bucket_of_encoded_keys(deleted: Arc<std::sync::Mutex<Vec<String>>>) -> S3Objects {
    let version = |key: &str, id: &str, is_latest: bool| {
        format!("<Version><Key>{key}</Key><VersionId>{id}</VersionId><IsLatest>{is_latest}</IsLatest><Size>1</Size></Version>")
    };
    let page = |rest: String| {
        let head = "<Name>photos</Name><MaxKeys>2</MaxKeys><EncodingType>url</EncodingType>";
        format!("<ListVersionsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{head}{rest}</ListVersionsResult>")
    };
    let key = "a+b%2B%01.png";
    let truncated = format!(
        "<IsTruncated>true</IsTruncated><NextKeyMarker>{key}</NextKeyMarker><NextVersionIdMarker>v2</NextVersionIdMarker>{}{}",
        version(key, "v3", true),
        version(key, "v2", false),
    );
    let last = format!("<IsTruncated>false</IsTruncated>{}{}", version(key, "v1", false), version("a+b%2B%01.png2", "other", true));
    let (first, last) = (page(truncated), page(last));
    let answer = move |method: Method, RawQuery(query): RawQuery| async move {
        let query = query.unwrap_or_default();
        if method == Method::DELETE {
            let id = query.split('&').find_map(|part| part.strip_prefix("versionId=")).unwrap_or("none");
            deleted.lock().unwrap().push(id.to_owned());
            return (axum::http::StatusCode::NO_CONTENT, String::new());
        }
        assert!(query.contains("encoding-type=url"), "{query}");
        let is_second = query.contains("version-id-marker=v2") && query.contains("key-marker=a%20b%2B%01.png");
        (axum::http::StatusCode::OK, if is_second { last } else { first })
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
    S3Objects::new(cloud::s3_client(&url, KEYS), "photos")
}

#[tokio::test]
async fn an_erasure_takes_a_key_that_xml_cannot_say() {
    let deleted = Arc::default();
    let objects = bucket_of_encoded_keys(Arc::clone(&deleted)).await;
    objects.erase("a b+\u{1}.png").await.unwrap();
    assert_eq!(*deleted.lock().unwrap(), ["v2", "v1", "v3"], "all of the key's own, the top last");
}

// ---- deletions and order ---------------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_marker_ends_in_deleted_and_its_removal_brings_the_picture_back() {
    let Some(cloud) = cloud("a_marker_ends_in_deleted_and_its_removal_brings_the_picture_back").await else { return };
    let flow = flow(&cloud);
    let version = put(&cloud, "a.png", &png(1)).await;
    flow.run(&job(&cloud, PUT, "a.png", &version, 1)).await.unwrap();
    assert_describes(&cloud, "a.png", &version, &png(1)).await;

    let marker = mark_deleted(&cloud, "a.png").await;
    let marked = job(&cloud, MARKED, "a.png", &marker, 2);
    assert_eq!((marked.kind, marked.version.as_deref()), (Kind::Deleted, None));
    assert!(matches!(flow.run(&marked).await.unwrap(), Outcome::Written(record) if record.status == Status::Deleted));
    assert_deleted(&cloud, "a.png").await;

    delete_version(&cloud, "a.png", &marker).await;
    flow.run(&job(&cloud, REMOVED, "a.png", &marker, 3)).await.unwrap();
    assert_describes(&cloud, "a.png", &version, &png(1)).await;
}

#[tokio::test]
async fn the_removal_of_one_version_leaves_the_record_with_the_newest_that_is_left() {
    let Some(cloud) = cloud("the_removal_of_one_version_leaves_the_record_with_the_newest_that_is_left").await else { return };
    let flow = flow(&cloud);
    let mut versions = Vec::new();
    for i in 1..=3 {
        versions.push(put(&cloud, "a.png", &png(i)).await);
    }
    flow.run(&job(&cloud, PUT, "a.png", &versions[2], 3)).await.unwrap();
    // One that is not on top is not missed.
    delete_version(&cloud, "a.png", &versions[0]).await;
    let outcome = flow.run(&job(&cloud, REMOVED, "a.png", &versions[0], 4)).await.unwrap();
    assert!(matches!(outcome, Outcome::Unchanged(_)), "{outcome:?}");
    assert_describes(&cloud, "a.png", &versions[2], &png(3)).await;
    // Below the top there is another, then none.
    delete_version(&cloud, "a.png", &versions[2]).await;
    flow.run(&job(&cloud, REMOVED, "a.png", &versions[2], 5)).await.unwrap();
    assert_describes(&cloud, "a.png", &versions[1], &png(2)).await;
    delete_version(&cloud, "a.png", &versions[1]).await;
    flow.run(&job(&cloud, REMOVED, "a.png", &versions[1], 6)).await.unwrap();
    assert_deleted(&cloud, "a.png").await;
}

/// All orders of so many things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let shorter = orders(count - 1);
    let longer = shorter.iter().flat_map(|order| {
        (0..count).map(move |place| {
            let mut order = order.clone();
            order.insert(place, count - 1);
            order
        })
    });
    longer.collect()
}

/// Lets these things happen to an object, tells of them in every order, each once more at the end, and looks at what is left.
async fn every_order_ends_in_the_newest_state(cloud: &Cloud, story: &[&str]) {
    let flow = flow(cloud);
    for order in orders(story.len()) {
        let key = format!("{}-{order:?}.png", story.join("-"));
        let (mut jobs, mut newest) = (Vec::new(), None);
        for (i, what) in (1..).zip(story) {
            if *what == "put" {
                let data = png(i);
                let version = put(cloud, &key, &data).await;
                jobs.push(job(cloud, PUT, &key, &version, i.into()));
                newest = Some((version, data));
            } else {
                jobs.push(job(cloud, MARKED, &key, &mark_deleted(cloud, &key).await, i.into()));
                newest = None;
            }
        }
        for which in order.iter().chain(&order) {
            let outcome = flow.run(&jobs[*which]).await.unwrap();
            assert!(!outcome.is_retryable(), "{key}: {outcome:?}");
        }
        match newest {
            Some((version, data)) => assert_describes(cloud, &key, &version, &data).await,
            None => assert_deleted(cloud, &key).await,
        }
        let last = Sequencer::from_counter(story.len() as u64);
        assert_eq!(record(cloud, &key).await.sequencer, Some(last), "{key}");
    }
}

#[tokio::test]
async fn put_put_delete_in_every_order_ends_in_the_newest_state() {
    let Some(cloud) = cloud("put_put_delete_in_every_order_ends_in_the_newest_state").await else { return };
    every_order_ends_in_the_newest_state(&cloud, &["put", "put", "delete"]).await;
    every_order_ends_in_the_newest_state(&cloud, &["put", "delete", "put"]).await;
    every_order_ends_in_the_newest_state(&cloud, &["put", "put", "put"]).await;
}

// ---- keys ------------------------------------------------------------------------------------------------------------------------------

/// The SDK itself refuses one more kind, a key of spaces alone.
fn odd_keys() -> Vec<String> {
    let keys = [
        "plus+and space.png",
        "+",
        " + ",
        "100%.png",
        "%2B%25.png",
        "%zz",
        "é.png",
        "e\u{301}.png",
        "🌍👩‍🚀.png",
        "a/../b.png",
        "../up.png",
        "..",
        "./here.png",
        "/leading.png",
        "//two.png",
        "a//b.png",
        "folder/",
        "line\nbreak.png",
        "quote\"'<&>.png",
        "?query=#part;x:y@z$,!*().png",
        "back\\slash|{}^~[]`.png",
    ];
    let long = ["é".repeat(256), "+".repeat(256), " %".repeat(128)].concat();
    assert_eq!(long.len(), 1024);
    keys.into_iter().map(str::to_owned).chain([long]).collect()
}

#[tokio::test]
async fn odd_keys_go_through_lists_events_and_signed_urls() {
    let Some(cloud) = cloud("odd_keys_go_through_lists_events_and_signed_urls").await else { return };
    let input = cloud.input();
    let queue = Queue::of(&cloud).await;
    let soon = Timestamp::from(std::time::SystemTime::now()).plus_millis(300_000);
    for key in odd_keys() {
        let data = format!("content of {key}").into_bytes();
        let version = put(&cloud, &key, &data).await;
        assert_eq!(input.head(&key).await.unwrap().version, version, "{key:?}");
        assert_eq!(input.get(&key, Some(&version), 4096).await.unwrap().data, data, "{key:?}");
        let listed = list_all(&input, "").await.unwrap();
        assert_eq!(listed.objects.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), [&key]);

        let heard = queue.next_job().await;
        assert_eq!((&heard.key, &heard.bucket, heard.kind), (&key, &cloud.buckets[0], Kind::Created));
        assert_eq!((heard.version.as_deref(), heard.size), (Some(version.as_str()), Some(data.len() as u64)), "{key:?}");

        let url = input.download_url(&key, soon).await.unwrap();
        let (status, got) = curl(&[&url]).await;
        assert_eq!((status, String::from_utf8_lossy(&got)), (200, String::from_utf8_lossy(&data)), "{key:?} at {url}");
        let offer = UploadOffer { key: key.clone(), content_type: "image/png".into(), size: 3, expires_at: soon };
        let upload = input.upload_url(&offer).await.unwrap();
        assert_eq!(curl(&["-X", "PUT", "-H", "content-type: image/png", "-d", "new", &upload.url]).await.0, 200, "{key:?}");
        assert_eq!(input.get(&key, None, 3).await.unwrap().data, b"new", "{key:?}");
        assert_eq!(queue.next_job().await.key, key);

        mark_deleted(&cloud, &key).await;
        let heard = queue.next_job().await;
        assert_eq!((&heard.key, heard.kind, heard.version), (&key, Kind::Deleted, None));
        input.erase(&key).await.unwrap();
        assert_eq!(history(&cloud, "").await, BTreeMap::new(), "{key:?}");
        for _ in 0..3 {
            assert_eq!(queue.next_job().await.kind, Kind::Deleted, "{key:?}");
        }
    }
}

// ---- the program -----------------------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn the_program_follows_a_picture_through_its_versions_by_the_events_of_its_bucket() {
    let Some(cloud) = cloud("the_program_follows_a_picture_through_its_versions_by_the_events_of_its_bucket").await else { return };
    let queue = Queue::of(&cloud).await;
    let mut process = Function::start(&cloud, "process", &[]).await;
    let key = "uploads/Zürich 1+2%.png";
    let done = json!({ "batchItemFailures": [] });
    let first = put(&cloud, key, &png(1)).await;
    let first_event = queue.next_message().await;
    assert_eq!(process.invoke(batch(&[&first_event])).await.unwrap(), done);
    assert_describes(&cloud, key, &first, &png(1)).await;

    let second = put(&cloud, key, &png(2)).await;
    let second_event = queue.next_message().await;
    assert_eq!(process.invoke(batch(&[&second_event, &first_event])).await.unwrap(), done);
    assert_describes(&cloud, key, &second, &png(2)).await;

    mark_deleted(&cloud, key).await;
    assert_eq!(process.invoke(batch(&[&queue.next_message().await, &second_event])).await.unwrap(), done);
    assert_deleted(&cloud, key).await;

    // A caller who deletes it wants no version kept.
    let third = put(&cloud, key, &png(3)).await;
    assert_eq!(process.invoke(batch(&[&queue.next_message().await])).await.unwrap(), done);
    assert_describes(&cloud, key, &third, &png(3)).await;
    let mut api = Function::start(&cloud, "api", &[]).await;
    let answer = api.invoke(deletion(&image_id(&cloud.buckets[0], key))).await.unwrap();
    assert_eq!(answer["statusCode"], 204, "{answer}");
    assert_eq!(history(&cloud, "").await, BTreeMap::new());
    assert_deleted(&cloud, key).await;
    // What the bucket tells of the erasure changes nothing.
    for _ in 0..4 {
        assert_eq!(process.invoke(batch(&[&queue.next_message().await])).await.unwrap(), done);
    }
    assert_deleted(&cloud, key).await;
}

fn batch(messages: &[&String]) -> Value {
    let message = |(i, body)| json!({ "messageId": format!("m{i}"), "receiptHandle": "r", "body": body, "eventSource": "aws:sqs" });
    json!({ "Records": messages.iter().enumerate().map(message).collect::<Vec<_>>() })
}

/// An administrator's request as API Gateway's HTTP API hands it on.
fn deletion(image_id: &str) -> Value {
    let path = format!("/images/{image_id}");
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": "", "headers": { "host": "api.example.com" },
        "requestContext": {
            "accountId": "1", "apiId": "a", "domainName": "api.example.com", "requestId": "r", "routeKey": "$default", "stage": "$default",
            "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 0,
            "authorizer": { "jwt": { "claims": { "sub": "root", "cognito:groups": "[admin]" }, "scopes": null } },
            "http": { "method": "DELETE", "path": path, "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1", "userAgent": "test" },
        },
        "isBase64Encoded": false,
    })
}

/// The queue that a bucket tells of all that happens in it.
struct Queue {
    server: String,
    url: String,
}

impl Queue {
    async fn of(cloud: &Cloud) -> Self {
        let mut queue = Self { server: cloud.s3_url.clone(), url: String::new() };
        let made = queue.ask("CreateQueue", json!({ "QueueName": cloud.buckets[0] })).await;
        made["QueueUrl"].as_str().unwrap().clone_into(&mut queue.url);
        let asked = json!({ "QueueUrl": queue.url, "AttributeNames": ["QueueArn"] });
        let arn = queue.ask("GetQueueAttributes", asked).await["Attributes"]["QueueArn"].as_str().unwrap().to_owned();
        let events = [Event::from("s3:ObjectCreated:*"), Event::from("s3:ObjectRemoved:*")];
        let told = QueueConfiguration::builder().queue_arn(arn).set_events(Some(events.to_vec())).build().unwrap();
        let told = NotificationConfiguration::builder().queue_configurations(told).build();
        let configure = cloud.s3.put_bucket_notification_configuration().bucket(&cloud.buckets[0]);
        configure.notification_configuration(told).send().await.unwrap();
        queue
    }

    async fn ask(&self, what: &str, body: Value) -> Value {
        let (target, body) = (format!("X-Amz-Target: AmazonSQS.{what}"), body.to_string());
        let (user, scope) = (EMULATOR_KEYS.join(":"), format!("aws:amz:{REGION}:sqs"));
        let signed = ["--aws-sigv4", &scope, "--user", &user, "-H", &target, "-H", "Content-Type: application/x-amz-json-1.0"];
        let (status, answer) = curl(&[&signed[..], &["-d", &body, &self.server]].concat()).await;
        assert_eq!(status, 200, "{what}: {}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).unwrap_or(Value::Null)
    }

    /// The next event, taken off the queue.
    async fn next_message(&self) -> String {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(20) {
            let asked = json!({ "QueueUrl": self.url, "MaxNumberOfMessages": 1, "WaitTimeSeconds": 2 });
            let message = self.ask("ReceiveMessage", asked).await["Messages"][0].take();
            let Some(body) = message["Body"].as_str() else { continue };
            self.ask("DeleteMessage", json!({ "QueueUrl": self.url, "ReceiptHandle": message["ReceiptHandle"] })).await;
            // Sent once, when the bucket was told of the queue.
            if !event::jobs(body).unwrap().is_empty() {
                return body.to_owned();
            }
        }
        panic!("the bucket tells what happened in it");
    }

    async fn next_job(&self) -> Job {
        event::jobs(&self.next_message().await).unwrap().remove(0)
    }
}

/// The status and body that curl gets; the path goes out as it is.
async fn curl(arguments: &[&str]) -> (u16, Vec<u8>) {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--path-as-is", "--globoff", "--write-out", "%{stderr}%{http_code}"]).args(arguments);
    let output = tokio::task::spawn_blocking(move || curl.output().unwrap()).await.unwrap();
    let status = String::from_utf8(output.stderr).unwrap();
    (status.trim().parse().unwrap_or_else(|_| panic!("{status}")), output.stdout)
}
