//! What every implementation of a port promises: one suite a port, run over each of its implementations.

#![expect(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]

#[cfg(feature = "aws")]
mod cloud;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_adapter::catalog::{Counter, ListQuery, MemoryRecords, Records, SqliteRecords, Write};
use aws_adapter::identity::{Sequencer, sha256};
use aws_adapter::record::{Entry, Record, Status};
use aws_adapter::store::{FsObjects, MemoryObjects, Objects, PutOptions, Signer, UploadOffer, list_all};
use aws_adapter::time::{Random, SystemRandom, Timestamp};

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("imgcore-contract-{}", SystemRandom.token()));
        std::fs::create_dir_all(&folder).expect("the temporary folder can be written");
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(feature = "aws")]
const FORGETFUL: &str = cloud::INPUT;
#[cfg(not(feature = "aws"))]
const FORGETFUL: &str = "";

fn png() -> PutOptions {
    PutOptions { content_type: Some("image/png".into()), cache_control: Some("no-store".into()) }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

// ---- objects -------------------------------------------------------------------------------------------------------------------------

async fn objects_keep_their_promises(objects: &impl Objects) {
    what_is_put_is_got(objects).await;
    a_get_is_of_the_version_and_size_that_were_asked_for(objects).await;
    what_is_not_there_is_missing_and_deleted_already(objects).await;
    odd_keys_make_the_round_trip(objects).await;
    lists_are_by_prefix_and_in_key_order(objects).await;
    signed_urls_name_the_object(objects).await;
}

async fn what_is_put_is_got(objects: &impl Objects) {
    let etag = objects.put("a/one.png", b"one", &png()).await.unwrap();
    let object = objects.get("a/one.png", None, 3).await.unwrap();
    assert_eq!(object.data, b"one");
    assert_eq!(object.head, objects.head("a/one.png").await.unwrap());
    assert_eq!((object.head.size, object.head.content_type.as_deref()), (3, Some("image/png")));
    assert!(!etag.is_empty() && !etag.contains('"'));
    let day = 24 * 60 * 60 * 1000;
    assert!(object.head.modified > Timestamp::from(std::time::SystemTime::now()).plus_millis(-day));

    objects.put("a/one.png", b"other", &png()).await.unwrap();
    let other = objects.get("a/one.png", None, 5).await.unwrap();
    assert_eq!(other.data, b"other");
    assert_ne!(other.head.version, object.head.version);
}

async fn a_get_is_of_the_version_and_size_that_were_asked_for(objects: &impl Objects) {
    objects.put("v.png", b"old", &png()).await.unwrap();
    let old = objects.head("v.png").await.unwrap().version;
    assert_eq!(objects.get("v.png", Some(&old), 3).await.unwrap().data, b"old");
    let code = |result: Result<_, aws_adapter::error::Error>| result.map(drop).unwrap_err().code();
    assert_eq!(code(objects.get("v.png", None, 2).await), "source_too_large");
    objects.put("v.png", b"new", &png()).await.unwrap();
    assert_eq!(code(objects.get("v.png", Some(&old), 3).await), "source_changed");
}

async fn what_is_not_there_is_missing_and_deleted_already(objects: &impl Objects) {
    let code = |result: Result<_, aws_adapter::error::Error>| result.unwrap_err().code();
    objects.put("gone/deep/x.png", b"x", &png()).await.unwrap();
    objects.delete("gone/deep/x.png").await.unwrap();
    objects.delete("gone/deep/x.png").await.unwrap();
    assert_eq!(code(objects.head("gone/deep/x.png").await.map(drop)), "source_missing");
    assert_eq!(code(objects.get("gone/deep/x.png", None, 9).await.map(drop)), "source_missing");
    assert_eq!(code(objects.head("../gone").await.map(drop)), "source_missing");
}

/// A server over a file system need not promise it.
async fn a_folder_is_no_object_and_no_obstacle(objects: &impl Objects) {
    objects.put("gone/deep/x.png", b"x", &png()).await.unwrap();
    assert_eq!(objects.head("gone").await.unwrap_err().code(), "source_missing");
    objects.delete("gone/deep/x.png").await.unwrap();
    assert_eq!(objects.head("gone").await.unwrap_err().code(), "source_missing");
    objects.put("gone", b"y", &png()).await.unwrap();
    objects.delete("gone").await.unwrap();
}

async fn odd_keys_make_the_round_trip(objects: &impl Objects) {
    // A server that forgets to encode a list's keys as it was asked to would turn `+` and `%` into something else.
    let is_forgetful = objects.bucket() == FORGETFUL;
    let keys = ["odd/Zürich 🌍.png", "odd/line\nbreak", "odd/'quoted\"", "odd/..x", "odd/a b+c%2B.jpg"];
    let keys = &keys[..keys.len() - usize::from(is_forgetful)];
    for &key in keys {
        objects.put(key, key.as_bytes(), &PutOptions::default()).await.unwrap();
    }
    let listed = list_all(objects, "odd/").await.unwrap();
    assert_eq!(listed.objects.len(), keys.len());
    for &key in keys {
        assert_eq!(objects.get(key, None, 1000).await.unwrap().data, key.as_bytes());
        assert!(listed.objects.iter().any(|object| object.key == key && object.size == key.len() as u64));
    }
}

async fn lists_are_by_prefix_and_in_key_order(objects: &impl Objects) {
    // More than a page of every implementation but the folder's, whose page is larger.
    for i in 0..25 {
        let key = format!("list/{}/{i:02}", i % 3);
        objects.put(&key, b"", &PutOptions::default()).await.unwrap();
    }
    objects.put("list-beside", b"", &PutOptions::default()).await.unwrap();
    let keys = async |prefix| {
        let objects = list_all(objects, prefix).await.unwrap().objects;
        objects.into_iter().map(|object| object.key).collect::<Vec<_>>()
    };
    let all = keys("list/").await;
    assert_eq!(all.len(), 25);
    assert!(all.is_sorted());
    assert_eq!(keys("list/1/").await.len(), 8);
    assert_eq!(keys("list/1/1").await, ["list/1/10", "list/1/13", "list/1/16", "list/1/19"]);
    assert_eq!(keys("list").await.len(), 26);
    assert_eq!(keys("nothing/").await.len(), 0);
    assert_eq!(keys("list/1/10/").await.len(), 0);
    // From where another page ended.
    let rest = objects.list("list/", Some("list/2/20")).await.unwrap();
    assert_eq!(rest.objects.iter().map(|o| o.key.as_str()).collect::<Vec<_>>(), ["list/2/23"]);
}

async fn signed_urls_name_the_object(objects: &impl Objects) {
    let soon = Timestamp::from(std::time::SystemTime::now()).plus_millis(300_000);
    let url = objects.download_url("a b/ü.png", soon).await.unwrap();
    assert!(url.contains("a%20b/%C3%BC.png?"), "{url}");
    let offer = UploadOffer { key: "new.png".into(), content_type: "image/png".into(), size: 7, expires_at: soon };
    let upload = objects.upload_url(&offer).await.unwrap();
    assert_eq!(upload.method, "PUT");
    assert!(upload.url.contains("new.png?"), "{}", upload.url);
    assert!(upload.headers.contains(&("content-type".to_owned(), "image/png".to_owned())));
    assert_ne!(upload.url, objects.upload_url(&UploadOffer { size: 8, ..offer }).await.unwrap().url);
}

#[tokio::test]
async fn a_map_keeps_the_promises_of_objects() {
    let objects = MemoryObjects::new("bucket", Signer::new("", "secret"));
    objects_keep_their_promises(&objects).await;
    a_folder_is_no_object_and_no_obstacle(&objects).await;
}

#[tokio::test]
async fn a_folder_keeps_the_promises_of_objects() {
    let folder = Folder::new();
    let objects = FsObjects::open(&folder.0, Signer::new("", "secret")).unwrap();
    objects_keep_their_promises(&objects).await;
    a_folder_is_no_object_and_no_obstacle(&objects).await;
}

#[tokio::test]
async fn a_folder_is_a_bucket_with_its_canonical_path_and_content_hashes() {
    let folder = Folder::new();
    let objects = FsObjects::open(&folder.0.join("."), Signer::new("", "secret")).unwrap();
    assert_eq!(Path::new(objects.bucket()), folder.0.canonicalize().unwrap());
    let etag = objects.put("x", b"content", &PutOptions::default()).await.unwrap();
    assert_eq!(etag, sha256(b"content"));
    assert_eq!(objects.head("x").await.unwrap().version, sha256(b"content"));
    assert!(FsObjects::open(&folder.0.join("nowhere"), Signer::new("", "")).is_err());
    assert!(FsObjects::open(&folder.0.join("x"), Signer::new("", "")).is_err());
}

#[tokio::test]
async fn no_key_leaves_its_folder() {
    let outside = Folder::new();
    let inside = outside.0.join("in");
    let objects = FsObjects::create(&inside, Signer::new("", "secret")).unwrap();
    std::fs::write(outside.0.join("secret"), "s").unwrap();
    let absolute = outside.0.join("secret").display().to_string();
    for key in ["../secret", "a/../../secret", "", ".", "a//b", "/a", "a/", "a\\..\\b", "nul\0", absolute.as_str()] {
        let put = objects.put(key, b"x", &PutOptions::default()).await;
        assert_eq!(put.unwrap_err().code(), "invalid_request", "{key:?}");
        assert_eq!(objects.get(key, None, 9).await.unwrap_err().code(), "source_missing", "{key:?}");
        objects.delete(key).await.unwrap();
    }
    assert_eq!(std::fs::read(outside.0.join("secret")).unwrap(), b"s");
    assert_eq!(list_all(&objects, "").await.unwrap().objects, []);
}

#[cfg(unix)]
#[tokio::test]
async fn links_out_of_the_folder_are_neither_read_nor_written_through() {
    let outside = Folder::new();
    let objects = FsObjects::create(&outside.0.join("in"), Signer::new("", "secret")).unwrap();
    std::fs::write(outside.0.join("secret"), "s").unwrap();
    std::os::unix::fs::symlink(outside.0.join("secret"), outside.0.join("in/link")).unwrap();
    std::os::unix::fs::symlink(&outside.0, outside.0.join("in/folder")).unwrap();
    for key in ["link", "folder/secret"] {
        assert_eq!(objects.get(key, None, 9).await.unwrap_err().code(), "source_forbidden", "{key}");
    }
    assert!(objects.put("folder/secret", b"x", &PutOptions::default()).await.is_err());
    assert_eq!(std::fs::read(outside.0.join("secret")).unwrap(), b"s");
    let listed = list_all(&objects, "").await.unwrap();
    assert_eq!((listed.objects.len(), listed.skipped.len()), (0, 2));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_name_that_is_not_utf_8_is_told_and_skipped() {
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new();
    let objects = FsObjects::open(&folder.0, Signer::new("", "secret")).unwrap();
    std::fs::write(folder.0.join(std::ffi::OsStr::from_bytes(b"bad-\xFF.png")), "x").unwrap();
    std::fs::write(folder.0.join("good.png"), "x").unwrap();
    let listed = list_all(&objects, "").await.unwrap();
    assert_eq!(listed.objects.len(), 1);
    assert_eq!(listed.skipped, ["bad-\u{FFFD}.png"]);
}

#[tokio::test]
async fn a_reader_never_sees_half_of_a_write() {
    let folder = Folder::new();
    let objects = FsObjects::open(&folder.0, Signer::new("", "secret")).unwrap();
    let contents = [vec![1; 300_000], vec![2; 200_000]];
    objects.put("x", &contents[0], &PutOptions::default()).await.unwrap();
    let writer = {
        let (objects, contents) = (objects.clone(), contents.clone());
        tokio::spawn(async move {
            for i in 0..60 {
                objects.put("x", &contents[i % 2], &PutOptions::default()).await.unwrap();
            }
        })
    };
    let mut seen = 0;
    while !writer.is_finished() {
        let data = objects.get("x", None, 1 << 20).await.unwrap().data;
        assert!(contents.contains(&data));
        seen += 1;
    }
    writer.await.unwrap();
    assert!(seen > 0);
    assert_eq!(std::fs::read_dir(&folder.0).unwrap().count(), 1);
}

// ---- records -------------------------------------------------------------------------------------------------------------------------

async fn records_keep_their_promises(records: &impl Records) {
    an_entry_comes_back_as_it_was_written(records).await;
    a_write_needs_the_entry_as_it_was_read(records).await;
    lists_are_newest_first_then_by_id(records).await;
    an_owner_sees_its_own_records(records).await;
    bad_questions_are_refused(records).await;
}

fn record(key: &str, millis: i64, status: Status) -> Record {
    Record { status, ..Record::new("bucket", key, at(millis)) }
}

async fn an_entry_comes_back_as_it_was_written(records: &impl Records) {
    let mut full = Entry::new(record("full", 5, Status::Running));
    full.record.exif = Some(serde_json::json!({ "make": "Åke", "iso": 100, "exposureBias": -0.999_999_999_534_338_8 }));
    full.record.sequencer = Some(Sequencer::new("AB"));
    full.claim = Some("claim".into());
    full.lease_until = Some(at(77));
    full.expires_at = Some(at(88_000));
    let id = full.record.image_id.clone();
    assert_eq!(records.get(&id).await.unwrap(), None);
    assert_eq!(records.write(&mut full).await.unwrap(), Write::Done);
    assert_eq!(full.revision, 1);
    assert_eq!(records.get(&id).await.unwrap(), Some(full.clone()));
    full.release();
    full.expires_at = None;
    full.record.status = Status::Deleted;
    assert_eq!(records.write(&mut full).await.unwrap(), Write::Done);
    assert_eq!(records.get(&id).await.unwrap(), Some(full));
}

async fn a_write_needs_the_entry_as_it_was_read(records: &impl Records) {
    let mut first = Entry::new(record("contested", 5, Status::Pending));
    let mut second = first.clone();
    let id = first.record.image_id.clone();
    assert_eq!(records.write(&mut first).await.unwrap(), Write::Done);
    assert_eq!(records.write(&mut second).await.unwrap(), Write::Lost);
    assert_eq!(second.revision, 0);
    let mut stale = records.get(&id).await.unwrap().unwrap();
    first.record.status = Status::Failed;
    assert_eq!(records.write(&mut first).await.unwrap(), Write::Done);
    assert_eq!(records.write(&mut stale).await.unwrap(), Write::Lost);
    assert_eq!(records.remove(&id, 1).await.unwrap(), Write::Lost);
    assert_eq!(records.get(&id).await.unwrap(), Some(first.clone()));
    assert_eq!(records.remove(&id, 2).await.unwrap(), Write::Done);
    assert_eq!(records.get(&id).await.unwrap(), None);
    // What is gone cannot be changed, only made anew.
    assert_eq!(records.write(&mut first).await.unwrap(), Write::Lost);
}

async fn lists_are_newest_first_then_by_id(records: &impl Records) {
    for i in 0..12 {
        let status = [Status::Succeeded, Status::Rejected, Status::Deleted][i % 3];
        let millis = 1_000_000 + (i / 4) as i64;
        let mut entry = Entry::new(record(&format!("list{i}"), millis, status));
        assert_eq!(records.write(&mut entry).await.unwrap(), Write::Done);
    }
    for (status, limit, expected) in [
        (Some(Status::Succeeded), 100, 4),
        (Some(Status::Succeeded), 3, 4),
        (Some(Status::Succeeded), 2, 4),
        (None, 1, 8),
        (None, 3, 8),
        (None, 8, 8),
        (Some(Status::Running), 5, 0),
    ] {
        let mut query = ListQuery { status, limit, ..ListQuery::default() };
        let mut found = Vec::new();
        loop {
            let page = records.list(&query).await.unwrap();
            assert!(page.items.len() <= limit as usize);
            assert!(page.next_cursor.is_none() || page.items.len() == limit as usize);
            found.extend(page.items);
            query.cursor = page.next_cursor;
            if query.cursor.is_none() {
                break;
            }
        }
        assert_eq!(found.len(), expected, "{status:?} by {limit}");
        assert!(found.iter().all(|r| status.map_or(r.status != Status::Deleted, |status| r.status == status)));
        assert!(found.is_sorted_by_key(|r| (std::cmp::Reverse(r.timestamp), r.image_id.clone())));
        found.dedup_by_key(|r| r.image_id.clone());
        assert_eq!(found.len(), expected, "nothing comes twice");
    }
}

async fn an_owner_sees_its_own_records(records: &impl Records) {
    let mut expected = Vec::new();
    for i in 0..9 {
        let status = [Status::Succeeded, Status::Failed, Status::Deleted][i % 3];
        let mut entry = Entry::new(record(&format!("owned{i}"), 2_000_000 + i as i64, status));
        entry.record.owner = Some(["ada", "bob"][i % 2].to_owned());
        assert_eq!(records.write(&mut entry).await.unwrap(), Write::Done);
        if i % 2 == 0 && status != Status::Deleted {
            expected.insert(0, entry.record.image_id);
        }
    }
    let mut query = ListQuery { owner: Some("ada".into()), limit: 2, ..ListQuery::default() };
    let mut seen = Vec::new();
    loop {
        let page = records.list(&query).await.unwrap();
        assert!(page.items.len() <= 2);
        seen.extend(page.items.into_iter().map(|record| record.image_id));
        query.cursor = page.next_cursor;
        if query.cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, expected);
    let deleted = ListQuery { status: Some(Status::Deleted), cursor: None, ..query };
    let deleted = records.list(&deleted).await.unwrap().items;
    assert!(deleted.iter().all(|record| record.owner.as_deref() == Some("ada")) && deleted.len() == 2, "{}", deleted.len());
    let nobody = ListQuery { owner: Some("eve".into()), ..ListQuery::default() };
    assert_eq!(records.list(&nobody).await.unwrap().items, []);
}

async fn bad_questions_are_refused(records: &impl Records) {
    for (limit, cursor) in [(0, None), (101, None), (50, Some("?")), (50, Some("AAAA"))] {
        let query = ListQuery { limit, cursor: cursor.map(str::to_owned), ..ListQuery::default() };
        assert_eq!(records.list(&query).await.unwrap_err().code(), "invalid_request");
    }
}

async fn sequencers_only_rise(records: &impl Counter) {
    let mut last = records.next_sequencer().await.unwrap();
    for _ in 0..20 {
        let next = records.next_sequencer().await.unwrap();
        assert!(next > last);
        last = next;
    }
}

/// Many writers who each read, add one and write: no addition is lost.
async fn concurrent_writers_lose_nothing<R: Records>(handles: Vec<Arc<R>>) {
    let wrote = Arc::new(AtomicU32::new(0));
    let id = Record::new("bucket", "counter", at(0)).image_id;
    let writers = handles.into_iter().map(|records| {
        let (wrote, id) = (Arc::clone(&wrote), id.clone());
        tokio::spawn(async move {
            let mut own = 0;
            while own < 10 {
                let stored = records.get(&id).await.unwrap();
                let mut entry = stored.unwrap_or_else(|| Entry::new(record("counter", 0, Status::Pending)));
                entry.record.size = Some(entry.record.size.unwrap_or(0) + 1);
                if records.write(&mut entry).await.unwrap() == Write::Done {
                    own += 1;
                    wrote.fetch_add(1, Ordering::Relaxed);
                }
            }
            records
        })
    });
    let writers: Vec<_> = writers.collect();
    let mut last = None;
    for writer in writers {
        last = Some(writer.await.unwrap());
    }
    let entry = last.unwrap().get(&id).await.unwrap().unwrap();
    let wrote = u64::from(wrote.load(Ordering::Relaxed));
    assert_eq!((entry.record.size, entry.revision), (Some(wrote), wrote));
}

#[tokio::test]
async fn a_map_keeps_the_promises_of_records() {
    let records = MemoryRecords::default();
    records_keep_their_promises(&records).await;
    sequencers_only_rise(&records).await;
}

#[tokio::test]
async fn sqlite_keeps_the_promises_of_records() {
    let folder = Folder::new();
    let records = SqliteRecords::open(&folder.0.join("data/records.db")).unwrap();
    records_keep_their_promises(&records).await;
    sequencers_only_rise(&records).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_writers_of_a_map_lose_nothing() {
    let records = Arc::new(MemoryRecords::default());
    concurrent_writers_lose_nothing((0..4).map(|_| Arc::clone(&records)).collect()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_writers_of_a_database_lose_nothing() {
    // A connection each, as several processes have.
    let folder = Folder::new();
    let open = |_| Arc::new(SqliteRecords::open(&folder.0.join("records.db")).unwrap());
    concurrent_writers_lose_nothing((0..4).map(open).collect()).await;
}

#[tokio::test]
async fn a_database_is_the_same_after_it_was_opened_again() {
    let folder = Folder::new();
    let file = folder.0.join("records.db");
    let mut entry = Entry::new(record("kept", 5, Status::Succeeded));
    let before = SqliteRecords::open(&file).unwrap();
    assert_eq!(before.write(&mut entry).await.unwrap(), Write::Done);
    let last = before.next_sequencer().await.unwrap();
    drop(before);
    let after = SqliteRecords::open(&file).unwrap();
    assert_eq!(after.get(&entry.record.image_id).await.unwrap(), Some(entry));
    assert!(after.next_sequencer().await.unwrap() > last);
}

#[test]
fn what_is_no_database_is_refused() {
    let folder = Folder::new();
    let file = folder.0.join("records.db");
    std::fs::write(&file, "this is no database, though it is long enough to be one").unwrap();
    assert_eq!(SqliteRecords::open(&file).map(drop).unwrap_err().code(), "storage_unavailable");
}

#[test]
fn a_list_reads_an_index_and_sorts_nothing() {
    let folder = Folder::new();
    let file = folder.0.join("records.db");
    drop(SqliteRecords::open(&file).unwrap());
    let connection = rusqlite::Connection::open(&file).unwrap();
    for filter in ["status = 'FAILED' AND ?1 IS NULL", "status <> 'DELETED' AND ?1 IS NULL", "json_extract(record, '$.owner') = ?1"] {
        let sql = format!(
            "EXPLAIN QUERY PLAN SELECT record FROM image_metadata WHERE {filter}
             AND timestamp <= 'x' AND (timestamp < 'x' OR image_id > 'y') ORDER BY timestamp DESC, image_id LIMIT 3"
        );
        let mut statement = connection.prepare(&sql).unwrap();
        let steps = statement.query_map([None::<String>], |row| row.get::<_, String>(3)).unwrap();
        let steps = steps.collect::<Result<Vec<_>, _>>().unwrap().join("; ");
        assert!(steps.contains("USING INDEX") && !steps.contains("TEMP B-TREE"), "{steps}");
    }
}

#[cfg(feature = "aws")]
#[tokio::test]
async fn s3_keeps_the_promises_of_objects() {
    let cloud = cloud::Cloud::start().await;
    objects_keep_their_promises(&cloud.input()).await;
}

#[cfg(feature = "aws")]
#[tokio::test]
async fn s3_with_versions_keeps_the_promises_of_objects() {
    let Some(url) = cloud::server("IMGCORE_MINISTACK", "s3_with_versions_keeps_the_promises_of_objects") else { return };
    let cloud = cloud::Cloud::with_versions(url).await;
    objects_keep_their_promises(&cloud.input()).await;
}

#[cfg(feature = "aws")]
#[tokio::test]
async fn dynamodb_keeps_the_promises_of_records() {
    let cloud = cloud::Cloud::start().await;
    records_keep_their_promises(&cloud.records()).await;
}

#[cfg(feature = "aws")]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_writers_of_a_table_lose_nothing() {
    let cloud = cloud::Cloud::start().await;
    concurrent_writers_lose_nothing((0..4).map(|_| Arc::new(cloud.records())).collect()).await;
}

// ---- records, by AWS's own engine ----------------------------------------------------------------------------------------------------

#[cfg(feature = "aws")]
mod dynamodb_local {
    use std::sync::atomic::AtomicBool;

    use aws_adapter::catalog::{DynamoRecords, SHARDS};
    use aws_sdk_dynamodb::config::http::HttpResponse;
    use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextMut;
    use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
    use aws_sdk_dynamodb::error::BoxError;
    use aws_sdk_dynamodb::types::{GlobalSecondaryIndexDescription, KeySchemaElement, ScalarAttributeType};

    use super::*;
    use crate::cloud::meter::{Cost, Meter};

    /// A table of its own on the server that all tests share.
    async fn table(url: &str, adapt: impl FnOnce(aws_sdk_dynamodb::config::Builder) -> aws_sdk_dynamodb::config::Builder) -> Table {
        let client = aws_sdk_dynamodb::Client::from_conf(adapt(cloud::dynamodb_config(url)).build());
        let name = format!("ImageMetadata-{}", SystemRandom.token());
        let records = DynamoRecords::new(client.clone(), &name);
        records.create_table().await.unwrap();
        Table { client, name, records }
    }

    struct Table {
        client: aws_sdk_dynamodb::Client,
        name: String,
        records: DynamoRecords,
    }

    fn server(test: &str) -> Option<String> {
        cloud::server("IMGCORE_DYNAMODB_LOCAL", test)
    }

    #[tokio::test]
    async fn dynamodb_local_keeps_the_promises_of_records() {
        let Some(url) = server("dynamodb_local_keeps_the_promises_of_records") else { return };
        records_keep_their_promises(&table(&url, |config| config).await.records).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn concurrent_writers_of_dynamodb_local_lose_nothing() {
        let Some(url) = server("concurrent_writers_of_dynamodb_local_lose_nothing") else { return };
        let Table { name, .. } = table(&url, |config| config).await;
        // A client each, as several functions have.
        let open = |_| Arc::new(DynamoRecords::new(cloud::dynamodb_client(&url), &name));
        concurrent_writers_lose_nothing((0..4).map(open).collect()).await;
    }

    /// Turns the first answer into a fault of the server's, when what was asked for is done already.
    #[derive(Debug, Default)]
    struct LosesAnAnswer(AtomicBool);

    impl Intercept for LosesAnAnswer {
        fn name(&self) -> &'static str {
            "LosesAnAnswer"
        }

        fn modify_before_deserialization(
            &self,
            context: &mut BeforeDeserializationInterceptorContextMut<'_>,
            _: &RuntimeComponents,
            _: &mut ConfigBag,
        ) -> Result<(), BoxError> {
            if !self.0.swap(true, Ordering::Relaxed) {
                *context.response_mut() = HttpResponse::new(500.try_into()?, "".into());
            }
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_write_whose_answer_was_lost_is_done_all_the_same() {
        let Some(url) = server("a_write_whose_answer_was_lost_is_done_all_the_same") else { return };
        let Table { name, records, .. } = table(&url, |config| config).await;
        let id = Record::new("bucket", "lost", at(5)).image_id;
        for revision in 1..=2 {
            let config = cloud::dynamodb_config(&url).interceptor(LosesAnAnswer::default());
            let forgetful = DynamoRecords::new(aws_sdk_dynamodb::Client::from_conf(config.build()), &name);
            let stored = records.get(&id).await.unwrap();
            let mut entry = stored.unwrap_or_else(|| Entry::new(record("lost", 5, Status::Pending)));
            let mut stale = entry.clone();
            assert_eq!(forgetful.write(&mut entry).await.unwrap(), Write::Done);
            assert_eq!(entry.revision, revision);
            assert_eq!(records.get(&id).await.unwrap(), Some(entry));
            assert_eq!(records.write(&mut stale).await.unwrap(), Write::Lost, "the same entry by somebody else is another write");
        }
    }

    #[tokio::test]
    async fn the_table_is_keyed_by_id_and_its_two_indexes_hold_keys_and_little_else() {
        let Some(url) = server("the_table_is_keyed_by_id_and_its_two_indexes_hold_keys_and_little_else") else { return };
        let Table { client, name, .. } = table(&url, |config| config).await;
        let table = client.describe_table().table_name(name).send().await.unwrap().table.unwrap();
        let keys =
            |schema: &[KeySchemaElement]| schema.iter().map(|k| format!("{} {}", k.attribute_name(), k.key_type())).collect::<Vec<_>>();
        assert_eq!(keys(table.key_schema()), ["imageId HASH"]);
        assert_eq!(table.billing_mode_summary().unwrap().billing_mode().unwrap().as_str(), "PAY_PER_REQUEST");
        let mut attributes: Vec<_> = table.attribute_definitions().iter().map(|a| (a.attribute_name(), a.attribute_type())).collect();
        attributes.sort_unstable_by_key(|(name, _)| *name);
        assert_eq!(attributes, ["imageId", "listOrder", "listShard", "owner"].map(|name| (name, &ScalarAttributeType::S)));
        let shape = |index: &GlobalSecondaryIndexDescription| {
            let projection = index.projection().unwrap();
            let more = projection.non_key_attributes().join(" ");
            (
                index.index_name().unwrap().to_owned(),
                keys(index.key_schema()).join(", "),
                projection.projection_type().unwrap().to_string(),
                more,
            )
        };
        let mut indexes: Vec<_> = table.global_secondary_indexes().iter().map(shape).collect();
        indexes.sort_unstable();
        let expected = [
            ("by-owner", "owner HASH, listOrder RANGE", "INCLUDE", "status"),
            ("by-state", "listShard HASH, listOrder RANGE", "KEYS_ONLY", ""),
        ];
        assert_eq!(indexes, expected.map(|(name, keys, kind, more)| (name.to_owned(), keys.to_owned(), kind.to_owned(), more.to_owned())));
        assert_eq!(table.local_secondary_indexes(), []);
    }

    fn requests(cost: &Cost) -> Vec<(&str, u32)> {
        cost.requests.iter().rev().map(|(name, count)| (name.as_str(), *count)).collect()
    }

    #[tokio::test]
    async fn a_list_reads_keys_of_each_state_but_deleted_and_whole_records_of_its_page_alone() {
        let Some(url) = server("a_list_reads_keys_of_each_state_but_deleted_and_whole_records_of_its_page_alone") else { return };
        let meter = Meter::default();
        let Table { records, .. } = table(&url, |config| config.interceptor(meter.clone())).await;
        for i in 0..120 {
            let status = if i % 4 == 0 { Status::Deleted } else { Status::Succeeded };
            let mut entry = Entry::new(record(&format!("{i}.png"), 1_000_000 + i, status));
            entry.record.owner = Some(if i < 40 { "ada" } else { "bob" }.to_owned());
            assert_eq!(records.write(&mut entry).await.unwrap(), Write::Done);
        }
        let asked = async |query: ListQuery, limit: u32| {
            let page = records.list(&ListQuery { limit, ..query }).await.unwrap();
            (page.items.len(), meter.take())
        };
        let by_state = |shards: u32, batches: u32| [("query of by-state", shards), ("batch of reads", batches)];
        let shards = u32::from(SHARDS);
        meter.take();

        // Half a unit each: a look into a shard, and a record of up to 4 KB.
        let (found, cost) = asked(ListQuery::default(), 10).await;
        assert_eq!((found, requests(&cost)), (10, by_state(5 * shards, 1).to_vec()));
        assert!(cost.units <= 0.5 * f64::from(5 * shards) + 0.5 * 10.0, "{cost:?}");
        let succeeded = ListQuery { status: Some(Status::Succeeded), ..ListQuery::default() };
        let (found, cost) = asked(succeeded, 10).await;
        assert_eq!((found, requests(&cost)), (10, by_state(shards, 1).to_vec()));
        assert!(cost.units <= 0.5 * f64::from(shards) + 0.5 * 10.0, "{cost:?}");
        let (found, cost) = asked(ListQuery { status: Some(Status::Running), ..ListQuery::default() }, 10).await;
        assert_eq!((found, requests(&cost)), (0, [("query of by-state", shards)].to_vec()));
        let (found, cost) = asked(ListQuery { owner: Some("ada".into()), ..ListQuery::default() }, 10).await;
        assert_eq!((found, requests(&cost)), (10, [("query of by-owner", 1), ("batch of reads", 1)].to_vec()));
        // 30 of her 40 are not deleted: the filter lets no other through, and nobody else's is looked at.
        let (found, cost) = asked(ListQuery { owner: Some("ada".into()), ..ListQuery::default() }, 100).await;
        assert_eq!((found, cost.items), (30, 60));
    }
}
