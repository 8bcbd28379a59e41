//! A small world for the flow: two buckets, the records and a clock, all of which can stop or fail at any step.
//!
//! Whatever happens in it, some things are watched at every step: a key of the output has one content for ever, an older sequencer never
//! follows a newer one, and all that a record names is there, whole.
#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod truth;
pub(crate) mod turns;
mod watch;

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use turns::{Call, Turn};
use watch::{Newest, Watch};

use aws_adapter::catalog::{ListQuery, MemoryRecords, RecordPage, Records, Write};
use aws_adapter::config::{Config, Wanted};
use aws_adapter::error::{Code, Error};
use aws_adapter::event::{self, Job};
use aws_adapter::identity::{Sequencer, image_id, sha256};
use aws_adapter::job::{Flow, Outcome};
use aws_adapter::record::{Entry, Record, Status};
use aws_adapter::store::{Head, MemoryObjects, Object, ObjectPage, Objects, PutOptions, SignedUpload, Signer, UploadOffer, list_all};
use aws_adapter::time::{Clock, Random, Timestamp};
use imgcore::{Context, Encode, Layout, Picture, Raster, Recipe, Resize, convert_pixels};
use tokio::sync::Notify;

pub(crate) const BUCKET: &str = "in";
pub(crate) const OUTPUT: &str = "out";
pub(crate) const KEY: &str = "a b/picture.png";

/// Above the lease of every job.
pub(crate) const LONG: i64 = 6 * 60 * 1000;

/// A small PNG of one color: each color is a version.
pub(crate) fn png(color: u8) -> Vec<u8> {
    static MADE: Mutex<BTreeMap<u8, Vec<u8>>> = Mutex::new(BTreeMap::new());
    MADE.lock().unwrap().entry(color).or_insert_with(|| make_png(color)).clone()
}

fn make_png(color: u8) -> Vec<u8> {
    let samples = [color, 128, 255 - color].repeat(12 * 8);
    let raster = Raster::from_u8(12, 8, Layout::Rgb, samples).unwrap();
    convert_pixels(Picture::still(raster), &Recipe::default().encode(Encode::png()), &Context::default()).unwrap().data
}

/// What happens to the step that the count reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    DieBefore,
    DieAfter,
    FailBefore,
    FailAfter,
    /// Stands still until the test wakes it: a worker that outlives its lease.
    Sleep,
}

pub(crate) const STOPS: [Stop; 4] = [Stop::DieBefore, Stop::DieAfter, Stop::FailBefore, Stop::FailAfter];

/// Counts steps, and stops at one of them.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    taken: AtomicUsize,
    stop: Mutex<Option<(usize, Stop)>>,
    pub(crate) died: Notify,
    pub(crate) wake: Notify,
    /// A seed for how often each step gives way to others; 0 for never.
    seed: AtomicU64,
    /// Where each step waits for its turn, and is told how it ends; otherwise `stop` tells.
    turn: Option<Turn>,
}

impl Steps {
    pub(crate) fn in_turn(turn: Turn) -> Self {
        Self { turn: Some(turn), ..Self::default() }
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }

    pub(crate) fn stop_at(&self, step: usize, stop: Stop) {
        self.taken.store(0, Ordering::SeqCst);
        *self.stop.lock().unwrap() = Some((step, stop));
    }

    pub(crate) fn go_on(&self) {
        *self.stop.lock().unwrap() = None;
    }

    async fn step<T>(&self, call: Call, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let step = self.taken.fetch_add(1, Ordering::SeqCst);
        self.give_way(step).await;
        let stop = match &self.turn {
            Some(turn) => turn.wait(call).await,
            None => self.stop.lock().unwrap().filter(|(at, _)| *at == step).map(|(_, stop)| stop),
        };
        let failed = || Error::new(Code::StorageUnavailable, "failed for the test");
        match stop {
            None => work.await,
            Some(Stop::DieBefore) => self.die().await,
            Some(Stop::DieAfter) => {
                let _ = work.await;
                self.die().await
            }
            Some(Stop::Sleep) => {
                self.died.notify_one();
                self.wake.notified().await;
                work.await
            }
            Some(Stop::FailBefore) => Err(failed()),
            Some(Stop::FailAfter) => {
                let _ = work.await;
                Err(failed())
            }
        }
    }

    async fn give_way(&self, step: usize) {
        let seed = self.seed.load(Ordering::SeqCst);
        if seed > 0 {
            let digest = sha256(format!("{seed} {step}").as_bytes());
            for _ in 0..digest.as_bytes()[0] % 8 {
                tokio::task::yield_now().await;
            }
        }
    }

    async fn die<T>(&self) -> T {
        self.died.notify_one();
        std::future::pending().await
    }
}

/// A port whose every call is a step.
#[derive(Debug)]
pub(crate) struct Stepped<T> {
    pub(crate) inner: Arc<T>,
    steps: Arc<Steps>,
    watch: Arc<Watch>,
}

impl<T> Clone for Stepped<T> {
    fn clone(&self) -> Self {
        self.under(&self.steps)
    }
}

impl<T> Stepped<T> {
    /// The same store, whose calls are another worker's steps.
    fn under(&self, steps: &Arc<Steps>) -> Self {
        Self { inner: Arc::clone(&self.inner), steps: Arc::clone(steps), watch: Arc::clone(&self.watch) }
    }
}

impl Objects for Stepped<MemoryObjects> {
    fn bucket(&self) -> &str {
        self.inner.bucket()
    }

    async fn head(&self, key: &str) -> Result<Head, Error> {
        self.steps.step(Call::Head, self.inner.head(key)).await
    }

    async fn get(&self, key: &str, version: Option<&str>, max_bytes: u64) -> Result<Object, Error> {
        self.steps.step(Call::Get, self.inner.get(key, version, max_bytes)).await
    }

    async fn put(&self, key: &str, data: &[u8], options: &PutOptions) -> Result<String, Error> {
        self.watch.putting(key, data);
        self.steps.step(Call::Put, self.inner.put(key, data, options)).await
    }

    async fn list(&self, prefix: &str, cursor: Option<&str>) -> Result<ObjectPage, Error> {
        self.steps.step(Call::List, self.inner.list(prefix, cursor)).await
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        let delete = async {
            self.watch.deleting(key).await;
            self.inner.delete(key).await
        };
        self.steps.step(Call::Delete, delete).await
    }

    async fn download_url(&self, key: &str, expires_at: Timestamp) -> Result<String, Error> {
        self.inner.download_url(key, expires_at).await
    }

    async fn upload_url(&self, offer: &UploadOffer) -> Result<SignedUpload, Error> {
        self.inner.upload_url(offer).await
    }
}

impl Records for Stepped<MemoryRecords> {
    async fn get(&self, image_id: &str) -> Result<Option<Entry>, Error> {
        self.steps.step(Call::ReadRecord, self.inner.get(image_id)).await
    }

    async fn write(&self, entry: &mut Entry) -> Result<Write, Error> {
        let write = async {
            let before = self.inner.get(&entry.record.image_id).await?;
            let written = self.inner.write(entry).await?;
            if written == Write::Done {
                self.watch.written(before.as_ref(), entry).await;
            }
            Ok(written)
        };
        self.steps.step(Call::WriteRecord, write).await
    }

    async fn list(&self, query: &ListQuery) -> Result<RecordPage, Error> {
        self.steps.step(Call::ListRecords, self.inner.list(query)).await
    }

    async fn remove(&self, image_id: &str, revision: u64) -> Result<Write, Error> {
        self.steps.step(Call::RemoveRecord, self.inner.remove(image_id, revision)).await
    }
}

/// In capitals and without zeros at the end, so that sequencers are of unequal length.
fn as_s3_writes_it(event: String, sequencer: &Sequencer) -> String {
    let short = sequencer.as_str().trim_end_matches('0').to_ascii_uppercase();
    event.replace(sequencer.as_str(), &short)
}

/// A clock that only the test moves.
#[derive(Debug)]
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

#[derive(Debug, Default)]
struct TestRandom(AtomicU64);

impl Random for TestRandom {
    fn token(&self) -> String {
        format!("{:032x}", self.0.fetch_add(1, Ordering::SeqCst))
    }
}

pub(crate) type TestFlow = Flow<Stepped<MemoryObjects>, Stepped<MemoryObjects>, Stepped<MemoryRecords>>;

/// Everything that outlives a worker, and a worker.
pub(crate) struct World {
    pub(crate) flow: Arc<TestFlow>,
    pub(crate) steps: Arc<Steps>,
    pub(crate) watch: Arc<Watch>,
    clock: Arc<TestClock>,
}

impl World {
    /// An empty world in which pictures get two renditions.
    pub(crate) fn new() -> Self {
        let wanted = |name: &str, width| Wanted { name: name.into(), recipe: Recipe::default().resize(Resize::width(width)) };
        Self::with(Config::new(vec![wanted("small", 3), wanted("large", 6)], BTreeMap::new()).unwrap())
    }

    /// An empty world in which pictures get one small rendition, so that pixels cost little.
    pub(crate) fn small() -> Self {
        const TEXT: &str = r#"{"renditions":[{"name":"one","recipe":{"resize":{"width":3}}}]}"#;
        static CONFIG: LazyLock<Config> = LazyLock::new(|| Config::from_json(TEXT).unwrap());
        Self::with(CONFIG.clone())
    }

    pub(crate) fn with(config: Config) -> Self {
        let steps = Arc::new(Steps::default());
        let bucket = |name| Arc::new(MemoryObjects::new(name, Signer::new("", "secret")));
        let (input, output, records) = (bucket(BUCKET), bucket(OUTPUT), Arc::default());
        let watch = Arc::new(Watch::new(&output, &records));
        let input = Stepped { inner: input, steps: Arc::clone(&steps), watch: Arc::clone(&watch) };
        let output = Stepped { inner: output, steps: Arc::clone(&steps), watch: Arc::clone(&watch) };
        let records = Stepped { inner: records, steps: Arc::clone(&steps), watch: Arc::clone(&watch) };
        let clock = Arc::new(TestClock(AtomicI64::new(1_767_225_600_000)));
        let mut flow = Flow::new(input, output, records, config);
        flow.clock = Arc::clone(&clock) as Arc<dyn Clock>;
        flow.random = Arc::new(TestRandom::default());
        Self { flow: Arc::new(flow), steps, watch, clock }
    }

    /// The same stores under another configuration.
    pub(crate) fn reconfigured(&self, config: Config) -> Self {
        self.worker(&self.steps, config)
    }

    /// The same stores for another worker, with its own steps and its own memory.
    pub(crate) fn another(&self, steps: Steps) -> Self {
        self.worker(&Arc::new(steps), self.flow.config.clone())
    }

    fn worker(&self, steps: &Arc<Steps>, config: Config) -> Self {
        let stores = &self.flow;
        let mut flow = Flow::new(stores.input.under(steps), stores.output.under(steps), stores.records.under(steps), config);
        flow.clock = Arc::clone(&stores.clock);
        flow.random = Arc::clone(&stores.random);
        Self { flow: Arc::new(flow), steps: Arc::clone(steps), watch: Arc::clone(&self.watch), clock: Arc::clone(&self.clock) }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn pass(&self, millis: i64) {
        self.clock.0.fetch_add(millis, Ordering::SeqCst);
    }

    pub(crate) fn shuffle(&self, seed: u64) {
        self.steps.seed.store(seed, Ordering::SeqCst);
    }

    /// Puts a picture and gives the event that S3 sends for it.
    pub(crate) async fn put(&self, data: &[u8], sequencer: u64) -> Job {
        self.put_at(KEY, data, sequencer).await
    }

    pub(crate) async fn put_at(&self, key: &str, data: &[u8], sequencer: u64) -> Job {
        event::jobs(&self.put_event(key, data, sequencer).await).unwrap().remove(0)
    }

    /// Deletes the picture and gives the event that S3 sends for that.
    pub(crate) async fn delete(&self, sequencer: u64) -> Job {
        event::jobs(&self.delete_event(KEY, sequencer).await).unwrap().remove(0)
    }

    /// Puts a picture and gives what S3 says of it, as text.
    pub(crate) async fn put_event(&self, key: &str, data: &[u8], sequencer: u64) -> String {
        let version = self.flow.input.inner.put(key, data, &PutOptions::default()).await.unwrap();
        let sequencer = Sequencer::from_counter(sequencer);
        self.watch.told(key, Newest { sequencer: sequencer.clone(), content: Some(data.to_vec()) });
        as_s3_writes_it(event::object_created(BUCKET, key, &version, data.len() as u64, &sequencer, self.clock.now()), &sequencer)
    }

    /// Deletes a picture and gives what S3 says of it, as text.
    pub(crate) async fn delete_event(&self, key: &str, sequencer: u64) -> String {
        self.flow.input.inner.delete(key).await.unwrap();
        let sequencer = Sequencer::from_counter(sequencer);
        self.watch.told(key, Newest { sequencer: sequencer.clone(), content: None });
        as_s3_writes_it(event::object_removed(BUCKET, key, &sequencer, self.clock.now()), &sequencer)
    }

    pub(crate) async fn run(&self, job: &Job) -> Outcome {
        self.flow.run(job).await.unwrap()
    }

    /// Runs a job until it is done or the worker dies.
    pub(crate) async fn run_or_die(&self, job: &Job) -> Option<Result<Outcome, Error>> {
        tokio::select! {
            result = self.flow.run(job) => Some(result),
            () = self.steps.died.notified() => None,
        }
    }

    /// Delivers as a queue does: again, after the lease, until the job is acknowledged.
    pub(crate) async fn deliver(&self, job: &Job) -> Outcome {
        for _ in 0..5 {
            match self.run_or_die(job).await {
                Some(Ok(outcome)) if !outcome.is_retryable() => return outcome,
                _ => self.pass(LONG),
            }
        }
        panic!("the job would go to the dead letters");
    }

    pub(crate) async fn entry(&self, key: &str) -> Option<Entry> {
        self.flow.records.inner.get(&image_id(BUCKET, key)).await.unwrap()
    }

    pub(crate) async fn record(&self) -> Record {
        self.entry(KEY).await.expect("there is a record").record
    }

    pub(crate) async fn outputs(&self) -> Vec<String> {
        let listed = list_all(&*self.flow.output.inner, "").await.unwrap();
        listed.objects.into_iter().map(|object| object.key).collect()
    }

    /// The record is true of the object; all that it names is there, whole; nothing else is; nobody holds it.
    pub(crate) async fn assert_true(&self, why: &str) {
        let entry = self.entry(KEY).await.unwrap_or_else(|| panic!("{why}: there is no record"));
        let is_held = self.flow.is_held(&entry);
        let record = entry.record;
        match self.flow.input.inner.head(KEY).await {
            Ok(head) => {
                assert_eq!(record.status, Status::Succeeded, "{why}");
                assert_eq!(record.source_version, Some(head.version.clone()), "{why}");
                assert_eq!(record.source_sha256, Some(head.version), "{why}");
                assert_eq!(record.renditions.len(), self.flow.config.renditions.len(), "{why}");
            }
            Err(_) => {
                assert_eq!(record.status, Status::Deleted, "{why}");
                assert_eq!(record.renditions, [], "{why}");
            }
        }
        for rendition in &record.renditions {
            let object = self.flow.output.inner.get(&rendition.key, None, 1 << 20).await.unwrap();
            assert_eq!(sha256(&object.data), rendition.sha256, "{why}");
            assert_eq!(object.data.len() as u64, rendition.bytes, "{why}");
        }
        let mut named: Vec<_> = record.renditions.iter().map(|r| r.key.clone()).collect();
        named.sort();
        assert_eq!(self.outputs().await, named, "{why}");
        assert!(!is_held, "{why}");
    }
}
