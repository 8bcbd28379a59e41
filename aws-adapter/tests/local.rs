//! The pipeline between two folders: a second run does nothing, a killed one is made up for, and a bad picture spoils no good one.

#![expect(clippy::unwrap_used, reason = "a helper of a test may panic like the test")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_adapter::catalog::{Records, Write};
use aws_adapter::config::Config;
use aws_adapter::identity::{image_id, sha256};
use aws_adapter::local::{self, LocalFlow};
use aws_adapter::pipeline::{self, Finished};
use aws_adapter::reconcile;
use aws_adapter::record::{Record, Status};
use aws_adapter::store::{Objects, Signer};
use aws_adapter::time::{Random, SystemRandom};
use imgcore::{Context, Encode, Layout, Picture, Raster, Recipe, convert_pixels};

/// A folder with the input and the data, that goes with the test.
struct Place(PathBuf);

impl Place {
    /// Eight pictures in two folders, one damaged file, and things that are no pictures.
    fn new() -> Self {
        let place = Self(std::env::temp_dir().join(format!("imgcore-local-{}", SystemRandom.token())));
        for i in 0..8 {
            place.put(&format!("{}/picture {i}.png", i % 2), &png(i));
        }
        place.put("broken.png", &png(9)[..60]);
        place.put("README.md", b"no picture");
        place.put(".hidden/x.png", b"no picture");
        place
    }

    fn input(&self) -> PathBuf {
        self.0.join("in")
    }

    fn put(&self, key: &str, data: &[u8]) {
        let path = self.input().join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, data).unwrap();
    }

    fn open(&self) -> Arc<LocalFlow> {
        Arc::new(self.try_open(&self.0.join("data")).unwrap())
    }

    fn try_open(&self, data: &Path) -> Result<LocalFlow, aws_adapter::error::Error> {
        local::open(&self.input(), data, Config::default(), Signer::new("", "secret"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn png(color: u8) -> Vec<u8> {
    let samples = [color, 77, 255 - color].repeat(40 * 30);
    let raster = Raster::from_u8(40, 30, Layout::Rgb, samples).unwrap();
    convert_pixels(Picture::still(raster), &Recipe::default().encode(Encode::png()), &Context::default()).unwrap().data
}

async fn run(flow: &Arc<LocalFlow>) -> Vec<Finished> {
    let listing = pipeline::pictures(&flow.input).await.unwrap();
    let keys = listing.pictures.into_iter().map(|picture| picture.key).collect();
    let mut told = 0;
    let finished = pipeline::run(flow, keys, 3, |_| told += 1).await;
    assert_eq!(told, finished.len());
    finished
}

async fn records(flow: &LocalFlow) -> Vec<Record> {
    flow.records.list(&Default::default()).await.unwrap().items
}

async fn assert_whole(flow: &LocalFlow) {
    let records = records(flow).await;
    assert_eq!(records.len(), 9);
    for record in &records {
        let is_broken = record.key == "broken.png";
        assert_eq!(record.status, if is_broken { Status::Rejected } else { Status::Succeeded }, "{}", record.key);
        assert_eq!(record.error.as_ref().map(|e| e.code.as_str()), is_broken.then_some("truncated"));
        assert_eq!(record.renditions.len(), if is_broken { 0 } else { 3 });
        for rendition in &record.renditions {
            let data = std::fs::read(flow.output.folder().join(&rendition.key)).unwrap();
            assert_eq!(sha256(&data), rendition.sha256);
            assert_eq!((rendition.width, rendition.height), (40, 30), "nothing is enlarged");
        }
    }
    assert!(reconcile::find(flow).await.unwrap().is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_folder_goes_through_and_a_second_run_does_nothing() {
    let place = Place::new();
    let flow = place.open();
    let listing = pipeline::pictures(&flow.input).await.unwrap();
    assert_eq!(listing.skipped, [".hidden/x.png", "README.md"]);
    let first = run(&flow).await;
    assert_eq!(first.len(), 9);
    assert!(first.iter().all(|picture| !picture.is_failure() && !picture.is_unchanged() && picture.record.is_some()));
    assert_whole(&flow).await;
    let before = records(&flow).await;
    drop(flow);

    let flow = place.open();
    let second = run(&flow).await;
    assert!(second.iter().all(Finished::is_unchanged));
    let forget = |record: Record| Record { sequencer: None, updated_at: record.timestamp, ..record };
    let after: Vec<_> = records(&flow).await.into_iter().map(forget).collect();
    assert_eq!(after, before.into_iter().map(forget).collect::<Vec<_>>());
    assert_whole(&flow).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn two_runs_at_once_share_the_work() {
    let place = Place::new();
    let flows = [place.open(), place.open()];
    let (one, two) = tokio::join!(run(&flows[0]), run(&flows[1]));
    assert!(one.iter().chain(&two).all(|picture| !picture.is_failure()));
    for (one, two) in one.iter().zip(&two) {
        assert_eq!(usize::from(!one.is_unchanged()) + usize::from(!two.is_unchanged()), 1, "{} is worked on once", one.key);
    }
    assert_whole(&flows[0]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn the_lease_of_a_dead_process_holds_nobody_up() {
    let place = Place::new();
    let flow = place.open();
    run(&flow).await;
    // As if a process had died in the middle of its work, with most of its lease left.
    let id = image_id(flow.input.bucket(), "0/picture 0.png");
    let mut entry = flow.records.get(&id).await.unwrap().unwrap();
    entry.record = Record { status: Status::Running, ..entry.record.forgotten(entry.record.updated_at) };
    entry.lease_until = Some(flow.clock.now().plus_millis(300_000));
    let dead = place.open();
    entry.claim = Some(dead.workers.claim("token".into()));
    assert_eq!(flow.records.write(&mut entry).await.unwrap(), Write::Done);
    let job = aws_adapter::event::Job::check(flow.input.bucket(), "0/picture 0.png");
    assert_eq!(flow.run(&job).await.unwrap(), aws_adapter::job::Outcome::Busy);
    drop(dead);
    let begun = std::time::Instant::now();
    assert!(run(&flow).await.iter().all(|picture| !picture.is_failure()));
    assert!(begun.elapsed().as_secs() < 60);
    assert_whole(&flow).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn what_changes_in_the_folder_is_followed() {
    let place = Place::new();
    let flow = place.open();
    run(&flow).await;
    place.put("0/picture 0.png", &png(100));
    std::fs::remove_file(place.input().join("0/picture 2.png")).unwrap();
    let changed = pipeline::submit(&flow, "0/picture 0.png").await;
    assert_eq!(changed.record.unwrap().source_sha256, Some(sha256(&png(100))));
    let removed = pipeline::remove(&flow, "0/picture 2.png").await;
    assert_eq!(removed.record.unwrap().status, Status::Deleted);
    let findings = reconcile::find(&flow).await.unwrap();
    assert!(findings.is_clean(), "{findings:?}");
    // Renditions of the old version and of the removed picture are gone: three for each of seven pictures are left.
    let left = aws_adapter::store::list_all(&flow.output, "renditions/").await.unwrap().objects;
    assert_eq!(left.len(), 21);
}

#[test]
fn data_within_the_input_is_refused_before_anything_is_made() {
    let place = Place::new();
    for data in [place.input(), place.input().join("data"), place.input().join("a/b/../data")] {
        let refused = place.try_open(&data).map(drop).unwrap_err();
        assert_eq!(refused.code(), "invalid_request", "{}", data.display());
    }
    assert!(!place.input().join("data").exists());
    assert!(!place.input().join(local::RECORDS).exists());
}
