//! Records in a map: for tests, and for whoever wants no file.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Counter, ListQuery, RecordPage, Records, Write};
use crate::error::Error;
use crate::identity::Sequencer;
use crate::record::{Entry, Record, Status};
use crate::time::Timestamp;

/// Records that are gone with the process.
#[derive(Debug, Default)]
pub struct MemoryRecords {
    entries: Mutex<BTreeMap<String, Entry>>,
    counter: AtomicU64,
}

impl MemoryRecords {
    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        // Each change is one assignment, so that a panic elsewhere leaves nothing half done.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records for MemoryRecords {
    async fn get(&self, image_id: &str) -> Result<Option<Entry>, Error> {
        Ok(self.entries().get(image_id).cloned())
    }

    async fn write(&self, entry: &mut Entry) -> Result<Write, Error> {
        let mut entries = self.entries();
        let stored = entries.get(&entry.record.image_id);
        if stored.map_or(0, |stored| stored.revision) != entry.revision {
            return Ok(Write::Lost);
        }
        entry.revision += 1;
        entries.insert(entry.record.image_id.clone(), entry.clone());
        Ok(Write::Done)
    }

    async fn list(&self, query: &ListQuery) -> Result<RecordPage, Error> {
        let limit = query.checked_limit()?;
        let cursor = query.checked_cursor()?;
        let entries = self.entries();
        let wanted = |status| match query.status {
            Some(only) => status == only,
            None => status != Status::Deleted,
        };
        let mut found: Vec<_> = entries
            .values()
            .map(|entry| &entry.record)
            .filter(|record| wanted(record.status) && (query.owner.is_none() || record.owner == query.owner))
            .filter(|record| cursor.as_ref().is_none_or(|cursor| place(record) > (Reverse(cursor.timestamp), &cursor.image_id)))
            .collect();
        // One page of many is cut out before it is sorted.
        if found.len() > limit + 1 {
            found.select_nth_unstable_by(limit, |a, b| place(a).cmp(&place(b)));
            found.truncate(limit + 1);
        }
        found.sort_by(|a, b| place(a).cmp(&place(b)));
        let found = found.into_iter().cloned().collect();
        Ok(RecordPage::cut(found, limit))
    }

    async fn remove(&self, image_id: &str, revision: u64) -> Result<Write, Error> {
        let mut entries = self.entries();
        match entries.get(image_id) {
            Some(entry) if entry.revision == revision => {
                entries.remove(image_id);
                Ok(Write::Done)
            }
            _ => Ok(Write::Lost),
        }
    }
}

/// The record's place in the list.
fn place(record: &Record) -> (Reverse<Timestamp>, &str) {
    (Reverse(record.timestamp), &record.image_id)
}

impl Counter for MemoryRecords {
    async fn next_sequencer(&self) -> Result<Sequencer, Error> {
        let next = self.counter.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Sequencer::from_counter(next))
    }
}
