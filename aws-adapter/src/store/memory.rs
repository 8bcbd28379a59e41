//! Objects in a map: for tests, and for whoever wants no disk.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use super::{Head, Listed, Object, ObjectPage, Objects, PutOptions, SignedUpload, Signer, UploadOffer};
use crate::error::Error;
use crate::identity::sha256;
use crate::time::Timestamp;

/// Small, so that tests see more than one.
const PAGE: usize = 10;

/// Objects that are gone with the process.
#[derive(Debug)]
pub struct MemoryObjects {
    bucket: String,
    signer: Signer,
    objects: Mutex<BTreeMap<String, Object>>,
}

impl MemoryObjects {
    /// An empty bucket.
    pub fn new(bucket: &str, signer: Signer) -> Self {
        Self { bucket: bucket.to_owned(), signer, objects: Mutex::default() }
    }

    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Object>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Objects for MemoryObjects {
    fn bucket(&self) -> &str {
        &self.bucket
    }

    async fn head(&self, key: &str) -> Result<Head, Error> {
        let objects = self.objects();
        let object = objects.get(key).ok_or_else(|| super::missing(key))?;
        Ok(object.head.clone())
    }

    async fn get(&self, key: &str, version: Option<&str>, max: u64) -> Result<Object, Error> {
        let objects = self.objects();
        let object = objects.get(key).ok_or_else(|| super::missing(key))?;
        if object.head.size > max {
            return Err(super::too_large(key, object.head.size, max));
        }
        match version {
            Some(version) if version != object.head.version => Err(super::changed(key, version)),
            _ => Ok(object.clone()),
        }
    }

    async fn put(&self, key: &str, data: &[u8], options: &PutOptions) -> Result<String, Error> {
        let version = sha256(data);
        let head = Head {
            size: data.len() as u64,
            version: version.clone(),
            modified: SystemTime::now().into(),
            content_type: options.content_type.clone(),
        };
        let data = data.to_vec();
        self.objects().insert(key.to_owned(), Object { head, data });
        Ok(version)
    }

    async fn list(&self, prefix: &str, cursor: Option<&str>) -> Result<ObjectPage, Error> {
        let objects = self.objects();
        // From the cursor on, so that all pages together cost no more than what they hold.
        let start = match cursor {
            Some(cursor) if cursor >= prefix => Bound::Excluded(cursor),
            _ => Bound::Included(prefix),
        };
        let mut found = objects
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|(key, _)| key.starts_with(prefix))
            .map(|(key, object)| Listed { key: key.clone(), size: object.head.size, modified: object.head.modified });
        let page: Vec<_> = found.by_ref().take(PAGE).collect();
        let more = found.next().is_some();
        Ok(ObjectPage { next_cursor: page.last().filter(|_| more).map(|last| last.key.clone()), objects: page, skipped: Vec::new() })
    }

    async fn delete(&self, key: &str) -> Result<(), Error> {
        self.objects().remove(key);
        Ok(())
    }

    async fn download_url(&self, key: &str, expires_at: Timestamp) -> Result<String, Error> {
        Ok(self.signer.download_url(&self.bucket, key, expires_at))
    }

    async fn upload_url(&self, offer: &UploadOffer) -> Result<SignedUpload, Error> {
        Ok(self.signer.upload_url(&self.bucket, offer))
    }
}
