//! The pipeline's parts on one machine: a folder of pictures, and a data folder with all that is made of them.
//!
//! ```text
//! data/renditions/{imageId}/{name}.{fingerprint}.{ext}
//! data/records.db      one record a picture, for the sqlite3 program too
//! data/workers/        locks that say which processes live
//! ```

use std::path::Path;
use std::sync::Arc;

use crate::catalog::SqliteRecords;
use crate::config::{Config, check_places};
use crate::error::Error;
use crate::job::Flow;
use crate::store::{FsObjects, Signer};
use crate::time::SystemRandom;
use crate::workers::LocalWorkers;

/// The flow between two folders.
pub type LocalFlow = Flow<FsObjects, FsObjects, SqliteRecords>;

/// The records' file in the data folder.
pub const RECORDS: &str = "records.db";

/// Opens an input folder that exists and a data folder, which is made where there is none.
///
/// # Errors
/// `not_found` without an input folder, `invalid_request` where the data folder lies within it, `storage_unavailable` where it cannot be used.
pub fn open(input: &Path, data: &Path, config: Config, signer: Signer) -> Result<LocalFlow, Error> {
    let input = FsObjects::open(input, signer.clone())?;
    // Before the folder is made: a wrong wish should leave nothing behind.
    let wished = absolute(data);
    if let Some(wished) = wished.to_str() {
        check_places(crate::store::Objects::bucket(&input), wished)?;
    }
    let output = FsObjects::create(data, signer)?;
    check_places(crate::store::Objects::bucket(&input), crate::store::Objects::bucket(&output))?;
    let records = SqliteRecords::open(&output.folder().join(RECORDS))?;
    let workers = LocalWorkers::join(&output.folder().join("workers"), &SystemRandom)?;
    if workers.is_alone() {
        output.remove_unfinished();
    }
    let mut flow = Flow::new(input, output, records, config);
    flow.workers = Arc::new(workers);
    Ok(flow)
}

/// The path that a folder will have: the part that exists made canonical, and the rest after it.
fn absolute(path: &Path) -> std::path::PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let existing = path.ancestors().find_map(|part| Some((part, part.canonicalize().ok()?)));
    match existing {
        Some((part, canonical)) => path.strip_prefix(part).map_or(path.clone(), |rest| canonical.join(rest)),
        None => path,
    }
}
