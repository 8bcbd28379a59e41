//! Records in one SQLite file, readable with the `sqlite3` program:
//!
//! ```text
//! sqlite3 records.db "select image_id, status, json_extract(record, '$.width') from image_metadata"
//! ```
//!
//! The record is a JSON document; the private fields and the list's order stand in columns beside it.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Counter, ListQuery, RecordPage, Records, Write};
use crate::error::{Code, Error};
use crate::identity::Sequencer;
use crate::record::{Entry, Record};
use crate::time::Timestamp;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS image_metadata (
    image_id    TEXT PRIMARY KEY,
    status      TEXT NOT NULL,
    timestamp   TEXT NOT NULL,
    record      TEXT NOT NULL CHECK (json_valid(record)),
    revision    INTEGER NOT NULL,
    claim       TEXT,
    lease_until TEXT,
    expires_at  TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS image_metadata_by_status ON image_metadata (status, timestamp DESC, image_id);
CREATE INDEX IF NOT EXISTS image_metadata_by_time ON image_metadata (timestamp DESC, image_id) WHERE status <> 'DELETED';
CREATE INDEX IF NOT EXISTS image_metadata_by_owner ON image_metadata (json_extract(record, '$.owner'), timestamp DESC, image_id);
CREATE TABLE IF NOT EXISTS sequencer (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    counter INTEGER NOT NULL
) STRICT;
INSERT OR IGNORE INTO sequencer VALUES (1, 0);
";

/// How long a writer waits for another process.
const BUSY: Duration = Duration::from_secs(30);

/// Records in an SQLite file; several threads and processes may use it at once.
#[derive(Debug, Clone)]
pub struct SqliteRecords {
    connection: Arc<Mutex<Connection>>,
}

impl SqliteRecords {
    /// Opens the file, and makes it and its folder where there is none.
    ///
    /// # Errors
    /// `storage_unavailable` where that is not possible or the file is no SQLite database.
    pub fn open(file: &Path) -> Result<Self, Error> {
        let doing = |what| format!("cannot {what} the records in `{}`", file.display());
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(|e| Error::caused(Code::StorageUnavailable, doing("make"), e))?;
        }
        let open = || {
            let connection = Connection::open(file)?;
            connection.busy_timeout(BUSY)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            connection.execute_batch(&format!("BEGIN IMMEDIATE; {SCHEMA} COMMIT;"))?;
            Ok(connection)
        };
        let connection = open().map_err(|e: rusqlite::Error| Error::caused(Code::StorageUnavailable, doing("open"), e))?;
        Ok(Self { connection: Arc::new(Mutex::new(connection)) })
    }

    /// Runs `work` on a thread that may wait for the disk and for other processes.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let connection = Arc::clone(&self.connection);
        let work = move || {
            // Each statement is a transaction of its own, so that a panic leaves nothing half done.
            let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
            work(&connection)
        };
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|e| Error::caused(Code::Internal, "the records' thread stopped", e))?
            .map_err(|e| Error::caused(Code::StorageUnavailable, "the records cannot be used", e))
    }
}

impl Records for SqliteRecords {
    async fn get(&self, image_id: &str) -> Result<Option<Entry>, Error> {
        let image_id = image_id.to_owned();
        self.with(move |connection| {
            connection
                .prepare_cached(
                    "SELECT record, claim, lease_until, revision, expires_at
                     FROM image_metadata WHERE image_id = ?1",
                )?
                .query_row([image_id], entry)
                .optional()
        })
        .await
    }

    async fn write(&self, entry: &mut Entry) -> Result<Write, Error> {
        let next = Entry { revision: entry.revision + 1, ..entry.clone() };
        let document = serde_json::to_string(&next.record).map_err(|e| Error::caused(Code::Internal, "the record cannot be written", e))?;
        let is_new = entry.revision == 0;
        let wrote = self
            .with(move |connection| {
                let sql = if is_new {
                    "INSERT INTO image_metadata
                     (image_id, status, timestamp, record, revision, claim, lease_until, expires_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING"
                } else {
                    "UPDATE image_metadata SET status = ?2, timestamp = ?3, record = ?4,
                     revision = ?5, claim = ?6, lease_until = ?7, expires_at = ?8
                     WHERE image_id = ?1 AND revision = ?5 - 1"
                };
                connection.prepare_cached(sql)?.execute(params![
                    next.record.image_id,
                    next.record.status.as_str(),
                    next.record.timestamp.to_string(),
                    document,
                    i64::try_from(next.revision).unwrap_or(i64::MAX),
                    next.claim,
                    next.lease_until.map(|t| t.to_string()),
                    next.expires_at.map(|t| t.to_string()),
                ])
            })
            .await?;
        if wrote == 0 {
            return Ok(Write::Lost);
        }
        entry.revision += 1;
        Ok(Write::Done)
    }

    async fn list(&self, query: &ListQuery) -> Result<RecordPage, Error> {
        let limit = query.checked_limit()?;
        // Without a cursor the list begins after a moment that is later than all.
        let (timestamp, image_id) = match query.checked_cursor()? {
            Some(cursor) => (cursor.timestamp.to_string(), cursor.image_id),
            None => ("~".to_owned(), String::new()),
        };
        let (status, owner) = (query.status, query.owner.clone());
        let rows = limit + 1;
        let found = self
            .with(move |connection| {
                let filter = match status {
                    Some(status) => format!("status = '{status}'"),
                    None => "status <> 'DELETED'".to_owned(),
                };
                let owned = if owner.is_some() { "json_extract(record, '$.owner') = ?3" } else { "?3 IS NULL" };
                let sql = format!(
                    "SELECT record FROM image_metadata WHERE {filter} AND {owned}
                     AND timestamp <= ?1 AND (timestamp < ?1 OR image_id > ?2)
                     ORDER BY timestamp DESC, image_id LIMIT {rows}"
                );
                connection.prepare_cached(&sql)?.query_map(params![timestamp, image_id, owner], record)?.collect()
            })
            .await?;
        Ok(RecordPage::cut(found, limit))
    }

    async fn remove(&self, image_id: &str, revision: u64) -> Result<Write, Error> {
        let image_id = image_id.to_owned();
        let revision = i64::try_from(revision).unwrap_or(i64::MAX);
        let removed = self
            .with(move |connection| {
                connection.execute("DELETE FROM image_metadata WHERE image_id = ?1 AND revision = ?2", params![image_id, revision])
            })
            .await?;
        Ok(if removed == 0 { Write::Lost } else { Write::Done })
    }
}

impl Counter for SqliteRecords {
    async fn next_sequencer(&self) -> Result<Sequencer, Error> {
        let counter: i64 = self
            .with(|connection| {
                connection.prepare_cached("UPDATE sequencer SET counter = counter + 1 RETURNING counter")?.query_row([], |row| row.get(0))
            })
            .await?;
        Ok(Sequencer::from_counter(counter.unsigned_abs()))
    }
}

fn record(row: &Row<'_>) -> Result<Record, rusqlite::Error> {
    let document: String = row.get(0)?;
    serde_json::from_str(&document).map_err(|e| unreadable(0, e))
}

fn entry(row: &Row<'_>) -> Result<Entry, rusqlite::Error> {
    Ok(Entry {
        record: record(row)?,
        claim: row.get(1)?,
        lease_until: moment(row, 2)?,
        revision: row.get::<_, i64>(3)?.unsigned_abs(),
        expires_at: moment(row, 4)?,
    })
}

fn moment(row: &Row<'_>, column: usize) -> Result<Option<Timestamp>, rusqlite::Error> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| text.parse().map_err(|e| unreadable(column, e))).transpose()
}

fn unreadable(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}
