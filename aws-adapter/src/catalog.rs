//! The records port: DynamoDB in the cloud, SQLite on a laptop, a map in tests; one contract suite holds them alike.
//!
//! Every write is conditional on the entry still being as it was read, so that two workers never overwrite each other.

#[cfg(feature = "aws")]
mod dynamodb;
mod memory;
mod sqlite;

use std::future::Future;

use crate::error::{Code, Error};
use crate::identity::Sequencer;
use crate::record::{Entry, Record, Status};
use crate::time::Timestamp;

#[cfg(feature = "aws")]
pub use dynamodb::{DynamoRecords, SHARDS, item, read_item};
pub use memory::MemoryRecords;
pub use sqlite::SqliteRecords;

/// Whether a conditional write took place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Write {
    /// It is stored, and the entry in hand carries its new revision.
    Done,
    /// Somebody else wrote first; nothing was changed.
    Lost,
}

/// One record per object key.
pub trait Records: Send + Sync + 'static {
    /// The entry as it is now, strongly consistent.
    fn get(&self, image_id: &str) -> impl Future<Output = Result<Option<Entry>, Error>> + Send;

    /// Stores the entry if the stored one still has `entry.revision` (0: if there is none), and raises that revision by one.
    fn write(&self, entry: &mut Entry) -> impl Future<Output = Result<Write, Error>> + Send;

    /// Records, newest `timestamp` first, then by `imageId`.
    fn list(&self, query: &ListQuery) -> impl Future<Output = Result<RecordPage, Error>> + Send;

    /// Removes an entry altogether if it still has this revision: for offers that nobody took up.
    fn remove(&self, image_id: &str, revision: u64) -> impl Future<Output = Result<Write, Error>> + Send;
}

/// Gives local events their order; in the cloud the storage does.
pub trait Counter: Send + Sync + 'static {
    /// A sequencer above every one that was given before.
    fn next_sequencer(&self) -> impl Future<Output = Result<Sequencer, Error>> + Send;
}

/// Which records are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListQuery {
    /// Only this state. Default: all but `DELETED`.
    pub status: Option<Status>,
    /// Only what this caller has offered. Default: everybody's.
    pub owner: Option<String>,
    /// At most so many, 1 to 100. Default: 50.
    pub limit: u32,
    /// Where the page before ended.
    pub cursor: Option<String>,
}

impl Default for ListQuery {
    fn default() -> Self {
        Self { status: None, owner: None, limit: 50, cursor: None }
    }
}

/// A page of records.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordPage {
    /// The records.
    pub items: Vec<Record>,
    /// Where the next page begins; absent on the last one.
    pub next_cursor: Option<String>,
}

/// The place of a record in the list: opaque for callers.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cursor {
    timestamp: Timestamp,
    image_id: String,
}

impl Cursor {
    fn of(record: &Record) -> Self {
        Self { timestamp: record.timestamp, image_id: record.image_id.clone() }
    }

    fn to_text(&self) -> String {
        let plain = format!("{} {}", self.timestamp, self.image_id);
        data_encoding::BASE64URL_NOPAD.encode(plain.as_bytes())
    }

    fn parse(text: &str) -> Result<Self, Error> {
        let read = || {
            let plain = data_encoding::BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
            let plain = String::from_utf8(plain).ok()?;
            let (timestamp, image_id) = plain.split_once(' ')?;
            Some(Self { timestamp: timestamp.parse().ok()?, image_id: image_id.to_owned() })
        };
        read().ok_or_else(|| Error::new(Code::InvalidRequest, "the cursor is not one of ours"))
    }
}

impl ListQuery {
    fn checked_limit(&self) -> Result<usize, Error> {
        if !(1..=100).contains(&self.limit) {
            let message = format!("limit {} is not within 1 to 100", self.limit);
            return Err(Error::new(Code::InvalidRequest, message));
        }
        Ok(self.limit as usize)
    }

    fn checked_cursor(&self) -> Result<Option<Cursor>, Error> {
        self.cursor.as_deref().map(Cursor::parse).transpose()
    }
}

impl RecordPage {
    /// A page of `limit` records from a list that was asked for one more.
    fn cut(mut items: Vec<Record>, limit: usize) -> Self {
        let more = items.len() > limit;
        items.truncate(limit);
        let next_cursor = items.last().filter(|_| more).map(|last| Cursor::of(last).to_text());
        Self { items, next_cursor }
    }
}
