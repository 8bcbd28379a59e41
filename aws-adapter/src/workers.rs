//! Who holds a claim, and whether it still lives.
//!
//! In the cloud nobody can tell, and a lease has to run out. On one machine a worker holds a lock on a file, which the operating system
//! takes back when it dies: whoever comes next need not wait for the lease of a process that was killed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use crate::error::{Code, Error};
use crate::time::Random;

/// Names claims, and knows which of them are void.
pub trait Workers: Send + Sync + 'static {
    /// The name of a claim of this worker's, made of a random token.
    fn claim(&self, token: String) -> String;

    /// Whether the holder of this claim is known to be dead.
    fn is_gone(&self, claim: &str) -> bool;
}

/// Workers of whom nothing is known: a lease ends when its time is up.
#[derive(Debug, Clone, Copy, Default)]
pub struct RemoteWorkers;

impl Workers for RemoteWorkers {
    fn claim(&self, token: String) -> String {
        token
    }

    fn is_gone(&self, _: &str) -> bool {
        false
    }
}

/// The workers on this machine that share a folder; this one's lock is held until the value is dropped.
#[derive(Debug)]
pub struct LocalWorkers {
    folder: PathBuf,
    name: String,
    lock: File,
}

impl LocalWorkers {
    /// Joins the workers of a folder, which is made where there is none.
    ///
    /// # Errors
    /// `storage_unavailable` where files cannot be made or locked there.
    pub fn join(folder: &Path, random: &impl Random) -> Result<Self, Error> {
        let name = random.token();
        let join = || {
            fs::create_dir_all(folder)?;
            let lock = OpenOptions::new().write(true).create_new(true).open(folder.join(&name))?;
            lock.lock()?;
            Ok(lock)
        };
        let lock = join().map_err(|e: std::io::Error| {
            Error::caused(Code::StorageUnavailable, format!("cannot lock a file in `{}`", folder.display()), e)
        })?;
        Ok(Self { folder: folder.to_owned(), name, lock })
    }

    /// Whether no other worker lives; forgets those that were killed.
    pub fn is_alone(&self) -> bool {
        let Ok(files) = fs::read_dir(&self.folder) else { return false };
        let names = files.flatten().map(|file| file.file_name());
        // All are looked at, so that all the dead are forgotten.
        names.filter(|name| name.to_str() != Some(&self.name)).fold(true, |alone, name| alone & self.is_dead(&self.folder.join(name)))
    }

    /// Whether nobody holds the lock on this worker's file, which is removed then.
    fn is_dead(&self, path: &Path) -> bool {
        let Ok(file) = File::open(path) else {
            return !path.exists();
        };
        match file.try_lock() {
            Ok(()) => {
                // Best effort: an empty file that stays is no harm.
                let _ = fs::remove_file(path);
                true
            }
            Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
        }
    }
}

impl Workers for LocalWorkers {
    fn claim(&self, token: String) -> String {
        format!("{}.{token}", self.name)
    }

    fn is_gone(&self, claim: &str) -> bool {
        let Some((name, _)) = claim.split_once('.') else {
            return false;
        };
        if name == self.name || name.contains(['/', '\\']) {
            return false;
        }
        self.is_dead(&self.folder.join(name))
    }
}

impl Drop for LocalWorkers {
    fn drop(&mut self) {
        // Best effort, as above.
        let _ = fs::remove_file(self.folder.join(&self.name));
        let _ = self.lock.unlock();
    }
}
