//! What is known of a picture: one record per object key, in the form that the API answers and that stays readable for ever.
//!
//! `record.schema.json` describes it. The private fields that the flow needs beside it are in [`Entry`] and are never answered.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Error;
use crate::identity::{Sequencer, image_id};
use crate::time::Timestamp;

/// The version of the record's form.
pub const SCHEMA_VERSION: u32 = 1;

/// Where a picture stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// An upload was offered, or an event was seen.
    Pending,
    /// Claimed until the lease ends.
    Running,
    /// All renditions are there.
    Succeeded,
    /// The file or its recipe is at fault; never tried again.
    Rejected,
    /// May pass later; never final.
    Failed,
    /// The object is gone; a tombstone.
    Deleted,
}

impl Status {
    /// All states.
    pub const ALL: [Status; 6] = [Self::Pending, Self::Running, Self::Succeeded, Self::Rejected, Self::Failed, Self::Deleted];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Rejected => "REJECTED",
            Self::Failed => "FAILED",
            Self::Deleted => "DELETED",
        }
    }

    /// The state that this word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }

    /// Whether nothing more happens without a new event.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Rejected | Self::Deleted)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The record of one picture. Sizes are upright; what is not known is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    /// The record's key, made of bucket and key.
    pub image_id: String,
    /// The bucket; locally the input folder's canonical path.
    pub bucket: String,
    /// The object's key, decoded.
    pub key: String,
    /// The last part of the key.
    pub filename: String,
    /// The object's size in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// When the object was uploaded; before that, when the upload was offered.
    pub timestamp: Timestamp,
    /// Where the picture stands.
    pub status: Status,
    /// The subject of the caller who offered the upload.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The media type that the upload declared, else the one that was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The format that the bytes have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Width as its viewer sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height as its viewer sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Width as in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored_width: Option<u32>,
    /// Height as in the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored_height: Option<u32>,
    /// The EXIF orientation, 1 to 8.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orientation: Option<u8>,
    /// What the camera wrote, as typed values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exif: Option<Value>,
    /// The version of the object that the record describes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_version: Option<String>,
    /// The newest event that was heard of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequencer: Option<Sequencer>,
    /// SHA-256 of the object's bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_sha256: Option<String>,
    /// What was made of it, in the order of the configuration.
    #[serde(default)]
    pub renditions: Vec<Rendition>,
    /// What services found in the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis: Option<Value>,
    /// Why it was rejected or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Failure>,
    /// How long each step took, in milliseconds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub duration_ms: BTreeMap<String, u64>,
    /// The core's output revision.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_revision: Option<u32>,
    /// SHA-256 of the configured renditions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_hash: Option<String>,
    /// The version of this form.
    pub schema_version: u32,
    /// When the record was last written.
    pub updated_at: Timestamp,
}

/// One file made of a picture.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rendition {
    /// Its name in the configuration.
    pub name: String,
    /// Where it lies.
    pub key: String,
    /// Its width.
    pub width: u32,
    /// Its height.
    pub height: u32,
    /// Its format.
    pub format: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Its entity tag in the output store.
    pub etag: String,
    /// The hash of its recipe.
    pub recipe_hash: String,
}

/// Why a picture was rejected or failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Failure {
    /// The fixed word.
    pub code: String,
    /// One lowercase phrase for people.
    pub message: String,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self { code: error.code().to_owned(), message: error.message.clone() }
    }
}

impl Record {
    /// A record that knows no more than its object's name.
    pub fn new(bucket: &str, key: &str, now: Timestamp) -> Self {
        Self {
            image_id: image_id(bucket, key),
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            filename: key.rsplit('/').next().unwrap_or(key).to_owned(),
            size: None,
            timestamp: now,
            status: Status::Pending,
            owner: None,
            content_type: None,
            format: None,
            width: None,
            height: None,
            stored_width: None,
            stored_height: None,
            orientation: None,
            exif: None,
            source_version: None,
            sequencer: None,
            source_sha256: None,
            renditions: Vec::new(),
            analysis: None,
            error: None,
            duration_ms: BTreeMap::new(),
            output_revision: None,
            config_hash: None,
            schema_version: SCHEMA_VERSION,
            updated_at: now,
        }
    }

    /// The same object's record without anything that was found in a version of it.
    pub fn forgotten(&self, now: Timestamp) -> Self {
        Self {
            size: self.size,
            timestamp: self.timestamp,
            owner: self.owner.clone(),
            content_type: self.content_type.clone(),
            source_version: self.source_version.clone(),
            sequencer: self.sequencer.clone(),
            ..Self::new(&self.bucket, &self.key, now)
        }
    }

    /// Its rendition of this name.
    pub fn rendition(&self, name: &str) -> Option<&Rendition> {
        self.renditions.iter().find(|r| r.name == name)
    }
}

/// A record and what is stored beside it, never answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// What is answered.
    pub record: Record,
    /// The random name of the worker's claim.
    pub claim: Option<String>,
    /// Until when the claim holds.
    pub lease_until: Option<Timestamp>,
    /// How often the entry was written; as read, it is the condition of the next write. 0: not stored yet.
    pub revision: u64,
    /// When an upload that never came is forgotten.
    pub expires_at: Option<Timestamp>,
}

impl Entry {
    /// An entry that is not stored yet.
    pub fn new(record: Record) -> Self {
        Self { record, claim: None, lease_until: None, revision: 0, expires_at: None }
    }

    /// Whether somebody works on it now.
    pub fn is_leased(&self, now: Timestamp) -> bool {
        self.claim.is_some() && self.lease_until.is_some_and(|until| until > now)
    }

    /// Ends the claim.
    pub fn release(&mut self) {
        self.claim = None;
        self.lease_until = None;
    }
}
