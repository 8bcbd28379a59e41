//! The objects port: S3 in the cloud, a folder on a laptop, a map in tests; one contract suite holds them alike.
//!
//! An implementation is one bucket, so that an event can never name a place that was not configured.

mod fs;
mod memory;
#[cfg(feature = "aws")]
mod s3;
mod sign;

use std::future::Future;

use crate::error::{Code, Error};
use crate::time::Timestamp;

pub use fs::FsObjects;
pub use memory::MemoryObjects;
#[cfg(feature = "aws")]
pub use s3::S3Objects;
pub use sign::{Access, Signer};

/// The objects of one bucket.
pub trait Objects: Send + Sync + 'static {
    /// The bucket's name; locally the folder's canonical path.
    fn bucket(&self) -> &str;

    /// What is known of an object without its content.
    ///
    /// # Errors
    /// `source_missing`, `source_forbidden`, `storage_unavailable`.
    fn head(&self, key: &str) -> impl Future<Output = Result<Head, Error>> + Send;

    /// An object with its content, of this version if one is named, of at most `max_bytes`.
    ///
    /// # Errors
    /// Those of `head`, and `source_changed`, `source_archived`, `source_too_large` (told before the content is read).
    fn get(&self, key: &str, version: Option<&str>, max_bytes: u64) -> impl Future<Output = Result<Object, Error>> + Send;

    /// Stores an object whole: readers see the old content or the new, never a part. Gives its entity tag.
    fn put(&self, key: &str, data: &[u8], options: &PutOptions) -> impl Future<Output = Result<String, Error>> + Send;

    /// A page of the objects whose keys begin with `prefix`, in key order.
    fn list(&self, prefix: &str, cursor: Option<&str>) -> impl Future<Output = Result<ObjectPage, Error>> + Send;

    /// Deletes an object; one that is not there is deleted already.
    fn delete(&self, key: &str) -> impl Future<Output = Result<(), Error>> + Send;

    /// Deletes an object and every older version of it, where the store keeps them: for whoever wants it gone for good.
    fn erase(&self, key: &str) -> impl Future<Output = Result<(), Error>> + Send {
        self.delete(key)
    }

    /// Where anybody who has the URL may get this object until it expires.
    fn download_url(&self, key: &str, expires_at: Timestamp) -> impl Future<Output = Result<String, Error>> + Send;

    /// How anybody who has the URL may put exactly this object until it expires.
    fn upload_url(&self, offer: &UploadOffer) -> impl Future<Output = Result<SignedUpload, Error>> + Send;
}

/// What is known of an object without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its size in bytes.
    pub size: u64,
    /// The version id, else the entity tag without quotes; locally the content's SHA-256.
    pub version: String,
    /// When it was uploaded.
    pub modified: Timestamp,
    /// The media type that it was stored with.
    pub content_type: Option<String>,
}

/// An object with its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What is known of it.
    pub head: Head,
    /// Its content.
    pub data: Vec<u8>,
}

/// How an object is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PutOptions {
    /// Its media type.
    pub content_type: Option<String>,
    /// The `Cache-Control` that its readers are told.
    pub cache_control: Option<String>,
}

/// A page of a bucket's objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectPage {
    /// The objects, in key order.
    pub objects: Vec<Listed>,
    /// Names that cannot be keys, and are skipped: as far as they can be shown.
    pub skipped: Vec<String>,
    /// Where the next page begins; absent on the last one.
    pub next_cursor: Option<String>,
}

/// An object in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was uploaded.
    pub modified: Timestamp,
}

/// An upload that is to be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadOffer {
    /// The key to be written.
    pub key: String,
    /// The only media type that is taken.
    pub content_type: String,
    /// The only size that is taken.
    pub size: u64,
    /// When the offer ends.
    pub expires_at: Timestamp,
}

/// A request that anybody may send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedUpload {
    /// `PUT`.
    pub method: &'static str,
    /// Where to.
    pub url: String,
    /// Headers that must be sent, since they are signed.
    pub headers: Vec<(String, String)>,
}

/// All objects under a prefix, over all pages.
///
/// # Errors
/// Those of [`Objects::list`].
pub async fn list_all(objects: &impl Objects, prefix: &str) -> Result<ObjectPage, Error> {
    let mut all = ObjectPage::default();
    loop {
        let page = objects.list(prefix, all.next_cursor.as_deref()).await?;
        all.objects.extend(page.objects);
        all.skipped.extend(page.skipped);
        all.next_cursor = page.next_cursor;
        if all.next_cursor.is_none() {
            return Ok(all);
        }
    }
}

/// The media type that a key's extension stands for, among those that the pipeline reads or writes.
pub fn media_type(key: &str) -> Option<&'static str> {
    let (_, extension) = key.rsplit_once('.')?;
    Some(match extension.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "avif" => "image/avif",
        "tif" | "tiff" => "image/tiff",
        "bmp" => "image/bmp",
        _ => return None,
    })
}

fn missing(key: &str) -> Error {
    Error::new(Code::SourceMissing, format!("there is no object `{key}`"))
}

fn changed(key: &str, version: &str) -> Error {
    let message = format!("object `{key}` is no longer version `{version}`");
    Error::new(Code::SourceChanged, message)
}

fn too_large(key: &str, size: u64, max_bytes: u64) -> Error {
    let message = format!("object `{key}`: {size} bytes exceed {max_bytes}");
    Error::new(Code::SourceTooLarge, message)
}
