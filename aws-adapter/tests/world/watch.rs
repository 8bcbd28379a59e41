//! What must hold at every step, and what should be true at the end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_adapter::catalog::{MemoryRecords, Records};
use aws_adapter::identity::{Sequencer, image_id_of, sha256};
use aws_adapter::record::{Entry, Record};
use aws_adapter::store::{MemoryObjects, Objects};

/// The last that happened to an object.
#[derive(Debug, Clone)]
pub(crate) struct Newest {
    /// Its place in the order.
    pub(crate) sequencer: Sequencer,
    /// What lies there now; nothing if it was deleted.
    pub(crate) content: Option<Vec<u8>>,
}

/// Sees all calls of all workers, and stops the test at the first that breaks a promise.
#[derive(Debug)]
pub(crate) struct Watch {
    output: Arc<MemoryObjects>,
    records: Arc<MemoryRecords>,
    /// The hash of every content that was ever put, by key.
    seen: Mutex<BTreeMap<String, String>>,
    newest: Mutex<BTreeMap<String, Newest>>,
    finals: AtomicUsize,
    /// The first promise that was not kept: a job's panic ends that job alone, and the test would go on.
    broken: Mutex<Option<String>>,
}

impl Watch {
    pub(crate) fn new(output: &Arc<MemoryObjects>, records: &Arc<MemoryRecords>) -> Self {
        let (output, records) = (Arc::clone(output), Arc::clone(records));
        Self { output, records, seen: Mutex::default(), newest: Mutex::default(), finals: AtomicUsize::new(0), broken: Mutex::default() }
    }

    /// What happened to each object last, by key.
    pub(crate) fn newest(&self) -> BTreeMap<String, Newest> {
        self.newest.lock().unwrap().clone()
    }

    /// How many records are final now.
    pub(crate) fn finals(&self) -> usize {
        self.finals.load(Ordering::SeqCst)
    }

    /// Something happened to an object.
    pub(crate) fn told(&self, key: &str, newest: Newest) {
        self.newest.lock().unwrap().insert(key.to_owned(), newest);
    }

    /// Stops the test if a promise was broken.
    pub(crate) fn assert_kept(&self) {
        let broken = self.broken.lock().unwrap().clone();
        assert_eq!(broken, None, "a promise was broken");
    }

    fn promise(&self, is_kept: bool, what: impl FnOnce() -> String) {
        if !is_kept {
            let what = what();
            self.broken.lock().unwrap().get_or_insert_with(|| what.clone());
            panic!("{what}");
        }
    }

    /// A key of the output has one content for ever.
    pub(crate) fn putting(&self, key: &str, data: &[u8]) {
        let hash = sha256(data);
        let before = self.seen.lock().unwrap().insert(key.to_owned(), hash.clone());
        self.promise(before.is_none_or(|before| before == hash), || format!("{key} changed its content"));
    }

    /// Nothing is deleted that a record names.
    pub(crate) async fn deleting(&self, key: &str) {
        let Some(id) = image_id_of(key) else { return };
        let entry = self.records.get(id).await.unwrap();
        let is_named = entry.is_some_and(|entry| entry.record.renditions.iter().any(|named| named.key == key));
        self.promise(!is_named, || format!("{key} is deleted while a record names it"));
    }

    /// An older sequencer never follows a newer one, and whoever reads a record finds all that it names.
    pub(crate) async fn written(&self, before: Option<&Entry>, after: &Entry) {
        let was_final = before.is_some_and(|entry| entry.record.status.is_final());
        match (was_final, after.record.status.is_final()) {
            (false, true) => self.finals.fetch_add(1, Ordering::SeqCst),
            (true, false) => self.finals.fetch_sub(1, Ordering::SeqCst),
            _ => 0,
        };
        let sequencer = before.and_then(|entry| entry.record.sequencer.as_ref());
        let is_newer = after.record.sequencer.as_ref() >= sequencer;
        self.promise(is_newer, || format!("an older event overwrote `{}`", after.record.key));
        self.look_at_renditions(&after.record).await;
    }

    async fn look_at_renditions(&self, record: &Record) {
        for named in &record.renditions {
            let found = self.output.get(&named.key, None, u64::MAX).await;
            let is_whole = found.is_ok_and(|object| sha256(&object.data) == named.sha256 && object.head.size == named.bytes);
            self.promise(is_whole, || format!("`{}` names {}, which is not there or not whole", record.key, named.key));
        }
    }
}
