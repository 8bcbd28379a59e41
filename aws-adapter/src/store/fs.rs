//! Objects in a folder: keys are paths below it, versions are the contents' SHA-256.
//!
//! A put writes a temporary name and renames it. A key that would leave the folder is refused, and links that lead out of it are not followed.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Head, Listed, Object, ObjectPage, Objects, PutOptions, SignedUpload, Signer, UploadOffer};
use crate::error::{Code, Error};
use crate::identity::sha256;
use crate::time::Timestamp;

/// Names of files that are being written; they are no objects. They stand in the folder itself, so that a rename is all it takes.
const TEMPORARY: &str = ".imgcore-tmp-";

/// How many objects a page of the list holds.
const PAGE: usize = 1000;

/// The objects of one folder.
#[derive(Debug, Clone)]
pub struct FsObjects {
    folder: Arc<Path>,
    bucket: String,
    signer: Signer,
}

impl FsObjects {
    /// Opens a folder that exists. The bucket's name is its canonical path.
    ///
    /// # Errors
    /// `not_found` without such a folder, `invalid_request` where its path is not UTF-8.
    pub fn open(folder: &Path, signer: Signer) -> Result<Self, Error> {
        let canonical =
            folder.canonicalize().map_err(|e| Error::caused(Code::NotFound, format!("cannot open folder `{}`", folder.display()), e))?;
        if !canonical.is_dir() {
            let message = format!("`{}` is not a folder", folder.display());
            return Err(Error::new(Code::NotFound, message));
        }
        let Some(bucket) = canonical.to_str().map(str::to_owned) else {
            let message = format!("the path of `{}` is not UTF-8", folder.display());
            return Err(Error::new(Code::InvalidRequest, message));
        };
        Ok(Self { folder: canonical.into(), bucket, signer })
    }

    /// Opens a folder, and makes it where there is none.
    ///
    /// # Errors
    /// Those of `open`, and `storage_unavailable` where it cannot be made.
    pub fn create(folder: &Path, signer: Signer) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(|e| {
            let message = format!("cannot make folder `{}`", folder.display());
            Error::caused(Code::StorageUnavailable, message, e)
        })?;
        Self::open(folder, signer)
    }

    /// The folder's canonical path.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Removes what writers that were killed have left. Only for whoever knows that nobody writes here now.
    pub fn remove_unfinished(&self) {
        let names = fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
        for name in names.filter(|name| name.to_str().is_some_and(|name| name.starts_with(TEMPORARY))) {
            // Best effort: it is no object, and only takes room.
            let _ = fs::remove_file(self.folder.join(name));
        }
    }

    /// Where an object lies.
    ///
    /// # Errors
    /// `invalid_request` for a key that is no plain path below the folder.
    pub fn path(&self, key: &str) -> Result<PathBuf, Error> {
        let is_plain = !key.is_empty()
            && !key.contains(['\0', '\\'])
            && key.split('/').all(|part| !matches!(part, "" | "." | "..") && !part.starts_with(TEMPORARY))
            && Path::new(key).components().all(|part| matches!(part, Component::Normal(_)));
        if is_plain {
            Ok(self.folder.join(key))
        } else {
            let message = format!("key `{}` is no path below a folder", key.escape_debug());
            Err(Error::new(Code::InvalidRequest, message))
        }
    }

    /// The path of a file that is there and, with all links followed, within the folder.
    fn existing(&self, key: &str) -> Result<PathBuf, Error> {
        // A key that cannot be a path here names nothing.
        let path = self.path(key).map_err(|_| super::missing(key))?;
        let path = path.canonicalize().map_err(|e| reading(key, e))?;
        if path.starts_with(&self.folder) {
            Ok(path)
        } else {
            let message = format!("object `{key}` links out of its folder");
            Err(Error::new(Code::SourceForbidden, message))
        }
    }

    fn read(&self, key: &str, max_bytes: u64) -> Result<Object, Error> {
        let path = self.existing(key)?;
        let file = File::open(path).map_err(|e| reading(key, e))?;
        let metadata = file.metadata().map_err(|e| reading(key, e))?;
        if !metadata.is_file() {
            return Err(super::missing(key));
        }
        if metadata.len() > max_bytes {
            return Err(super::too_large(key, metadata.len(), max_bytes));
        }
        let mut data = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0));
        // One byte more tells a file that grows while it is read.
        file.take(max_bytes.saturating_add(1)).read_to_end(&mut data).map_err(|e| reading(key, e))?;
        let size = data.len() as u64;
        if size > max_bytes {
            return Err(super::too_large(key, size, max_bytes));
        }
        let head =
            Head { size, version: sha256(&data), modified: modified(&metadata), content_type: super::media_type(key).map(str::to_owned) };
        Ok(Object { head, data })
    }

    fn write(&self, key: &str, data: &[u8]) -> Result<String, Error> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let path = self.path(key)?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let temporary = format!("{TEMPORARY}{}-{number}", std::process::id());
        let temporary = self.folder.join(temporary);
        let write = || {
            let parent = path.parent().unwrap_or(&self.folder);
            fs::create_dir_all(parent)?;
            if !parent.canonicalize()?.starts_with(&self.folder) {
                return Err(io::Error::other("the key links out of its folder"));
            }
            let mut file = File::create(&temporary)?;
            file.write_all(data)?;
            // The record names this object next: its bytes must not be lost behind it.
            file.sync_data()?;
            fs::rename(&temporary, &path)
        };
        write().map_err(|e| {
            // Best effort: what stays behind is no object, and the next cleaning finds it.
            let _ = fs::remove_file(&temporary);
            Error::caused(Code::StorageUnavailable, format!("cannot write object `{key}`"), e)
        })?;
        Ok(sha256(data))
    }

    fn remove(&self, key: &str) -> Result<(), Error> {
        let Ok(path) = self.path(key) else {
            return Ok(());
        };
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => {
                let message = format!("cannot delete object `{key}`");
                return Err(Error::caused(Code::StorageUnavailable, message, e));
            }
        }
        // Folders mean nothing in a bucket: empty ones go with their last object.
        for folder in path.ancestors().skip(1) {
            if folder == &*self.folder || fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }

    fn walk(&self, prefix: &str, cursor: Option<&str>) -> Result<ObjectPage, Error> {
        let mut found = Walk::default();
        // Only the folder that the prefix names is walked.
        let (base, _) = prefix.rsplit_once('/').unwrap_or(("", ""));
        let start = if base.is_empty() { Some(self.folder.to_path_buf()) } else { self.path(base).ok() };
        if let Some(start) = start {
            let base = if base.is_empty() { String::new() } else { format!("{base}/") };
            found.folder(&start, &base).map_err(|e| {
                let message = format!("cannot list `{}`", start.display());
                Error::caused(Code::StorageUnavailable, message, e)
            })?;
        }
        let mut objects = found.objects;
        objects.retain(|o| o.key.starts_with(prefix) && cursor.is_none_or(|c| o.key.as_str() > c));
        objects.sort_by(|a, b| a.key.cmp(&b.key));
        let more = objects.len() > PAGE;
        objects.truncate(PAGE);
        Ok(ObjectPage {
            next_cursor: objects.last().filter(|_| more).map(|last| last.key.clone()),
            objects,
            // Told once, with the first page.
            skipped: if cursor.is_none() { found.skipped } else { Vec::new() },
        })
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static) -> Result<T, Error> {
        let this = self.clone();
        tokio::task::spawn_blocking(move || work(&this))
            .await
            .map_err(|e| Error::caused(Code::Internal, "the storage's thread stopped", e))?
    }
}

impl Objects for FsObjects {
    fn bucket(&self) -> &str {
        &self.bucket
    }

    async fn head(&self, key: &str) -> Result<Head, Error> {
        let key = key.to_owned();
        self.blocking(move |this| {
            let path = this.existing(&key)?;
            let mut file = File::open(path).map_err(|e| reading(&key, e))?;
            let metadata = file.metadata().map_err(|e| reading(&key, e))?;
            if !metadata.is_file() {
                return Err(super::missing(&key));
            }
            let (size, version) = hash_file(&mut file).map_err(|e| reading(&key, e))?;
            Ok(Head { size, version, modified: modified(&metadata), content_type: super::media_type(&key).map(str::to_owned) })
        })
        .await
    }

    async fn get(&self, key: &str, version: Option<&str>, max: u64) -> Result<Object, Error> {
        let name = key.to_owned();
        let object = self.blocking(move |this| this.read(&name, max)).await?;
        match version {
            Some(version) if version != object.head.version => Err(super::changed(key, version)),
            _ => Ok(object),
        }
    }

    async fn put(&self, key: &str, data: &[u8], _: &PutOptions) -> Result<String, Error> {
        let (key, data) = (key.to_owned(), data.to_vec());
        self.blocking(move |this| this.write(&key, &data)).await
    }

    async fn list(&self, prefix: &str, cursor: Option<&str>) -> Result<ObjectPage, Error> {
        let (prefix, cursor) = (prefix.to_owned(), cursor.map(str::to_owned));
        self.blocking(move |this| this.walk(&prefix, cursor.as_deref())).await
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        let key = key.to_owned();
        self.blocking(move |this| this.remove(&key)).await
    }

    async fn download_url(&self, key: &str, expires_at: Timestamp) -> Result<String, Error> {
        Ok(self.signer.download_url(&self.bucket, key, expires_at))
    }

    async fn upload_url(&self, offer: &UploadOffer) -> Result<SignedUpload, Error> {
        self.path(&offer.key)?;
        Ok(self.signer.upload_url(&self.bucket, offer))
    }
}

/// What a walk through a folder finds.
#[derive(Default)]
struct Walk {
    objects: Vec<Listed>,
    skipped: Vec<String>,
}

impl Walk {
    fn folder(&mut self, folder: &Path, prefix: &str) -> io::Result<()> {
        let entries = match fs::read_dir(folder) {
            // Gone since it was seen, never there, or a file: no objects below it.
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(()),
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                let shown = format!("{prefix}{}", name.to_string_lossy());
                self.skipped.push(shown);
                continue;
            };
            if name.starts_with(TEMPORARY) {
                continue;
            }
            let key = format!("{prefix}{name}");
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.folder(&entry.path(), &format!("{key}/"))?;
            } else if kind.is_file() {
                match entry.metadata() {
                    Ok(metadata) => self.objects.push(Listed { key, size: metadata.len(), modified: modified(&metadata) }),
                    Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                    Err(e) => return Err(e),
                }
            } else {
                // Links and devices are no objects.
                self.skipped.push(key);
            }
        }
        Ok(())
    }
}

fn hash_file(file: &mut File) -> io::Result<(u64, String)> {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut size = 0;
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            let version = data_encoding::HEXLOWER.encode(&hasher.finalize());
            return Ok((size, version));
        }
        hasher.update(&buffer[..read]);
        size += read as u64;
    }
}

fn modified(metadata: &fs::Metadata) -> Timestamp {
    metadata.modified().map_or(Timestamp::from_millis(0), Timestamp::from)
}

fn reading(key: &str, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => super::missing(key),
        io::ErrorKind::PermissionDenied => {
            let message = format!("object `{key}` may not be read");
            Error::caused(Code::SourceForbidden, message, error)
        }
        _ => {
            let message = format!("object `{key}` cannot be read");
            Error::caused(Code::StorageUnavailable, message, error)
        }
    }
}
