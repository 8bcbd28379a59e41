//! What a service finds in a picture: faces, text, what not everybody should see. Off unless an operator wants it.
//!
//! The service is behind [`Analyst`] and is sent a small JPEG of our own making, upright and without metadata, never the original. What it
//! finds is one value of the record, and goes with the version of the object that it was found in.
//!
//! ```json
//! { "faces": [ { "box": { "left": 0.42, "top": 0.1, "width": 0.2, "height": 0.3 }, "confidence": 99.8 } ],
//!   "text": [ { "text": "EXIT", "box": { "left": 0.1, "top": 0.1, "width": 0.1, "height": 0.05 }, "confidence": 98.1 } ],
//!   "moderation": [ { "name": "Alcohol", "parent": "", "confidence": 91.0 } ] }
//! ```
//!
//! Boxes are parts of the upright picture's width and height, from its upper left corner; confidences are percent.

use std::future::Future;

use imgcore::{Encode, Recipe, Resize};
use serde::{Deserialize, Serialize};

use crate::catalog::{Records, Write};
use crate::error::{Code, Error};
use crate::identity::image_id;
use crate::job::Flow;
use crate::record::{Record, Status};
use crate::store::Objects;
use crate::time::Timestamp;

/// The longest side of what a service is sent, in pixels: faces of a fiftieth of it are still found.
const SIDE: u32 = 1600;

/// How often findings are written again when somebody else wrote the record in between.
const ATTEMPTS: u32 = 8;

/// What is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Analyses {
    /// Where faces are.
    pub faces: bool,
    /// What is written in the picture.
    pub text: bool,
    /// What not everybody should see.
    pub moderation: bool,
}

impl Analyses {
    /// Reads words with commas between them.
    ///
    /// # Errors
    /// `invalid_request` for another word, and for none.
    pub fn parse(words: &str) -> Result<Self, Error> {
        let mut wanted = Self::default();
        for word in words.split(',').map(str::trim) {
            match word {
                "faces" => wanted.faces = true,
                "text" => wanted.text = true,
                "moderation" => wanted.moderation = true,
                other => {
                    let message = format!("analysis `{}` is none of faces, text, moderation", other.escape_debug());
                    return Err(Error::new(Code::InvalidRequest, message));
                }
            }
        }
        Ok(wanted)
    }
}

/// Looks at a picture.
pub trait Analyst: Send + Sync + 'static {
    /// What it finds in a JPEG.
    ///
    /// # Errors
    /// `storage_unavailable` where the service does not answer or asks to come again; `internal` where it refuses what it was sent.
    fn look(&self, jpeg: Vec<u8>) -> impl Future<Output = Result<Findings, Error>> + Send;
}

/// What was found. What was not asked for is absent; what was not there is an empty list.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Findings {
    /// Faces, for a crop that keeps them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub faces: Option<Vec<Face>>,
    /// Lines of text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Vec<Line>>,
    /// Labels of what not everybody should see.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moderation: Option<Vec<Label>>,
}

/// A part of the picture.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// Its left edge, as a part of the picture's width.
    pub left: f64,
    /// Its upper edge, as a part of the picture's height.
    pub top: f64,
    /// Its width, as a part of the picture's.
    pub width: f64,
    /// Its height, as a part of the picture's.
    pub height: f64,
}

/// A face.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Face {
    /// Where it is; it may reach over the picture's edge.
    #[serde(rename = "box")]
    pub area: Area,
    /// How sure the service is, in percent.
    pub confidence: f64,
}

/// A line of text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// What it says.
    pub text: String,
    /// Where it is.
    #[serde(rename = "box")]
    pub area: Area,
    /// How sure the service is, in percent.
    pub confidence: f64,
}

/// A label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// The service's word.
    pub name: String,
    /// The wider label that it belongs to; empty for the widest.
    pub parent: String,
    /// How sure the service is, in percent.
    pub confidence: f64,
}

/// What was found in which bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Analysis {
    /// The picture.
    pub image_id: String,
    /// SHA-256 of the bytes that were looked at.
    pub source_sha256: String,
    /// What was found.
    pub analysis: Findings,
}

/// What became of findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// The record says them.
    Recorded,
    /// The record describes other bytes by now.
    Outdated,
    /// The record said what was found before anybody looked.
    Unchanged,
}

impl Recorded {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Outdated => "outdated",
            Self::Unchanged => "unchanged",
        }
    }
}

/// What a service is sent: the whole picture, upright, small, and nothing but its pixels.
fn whole() -> Recipe {
    Recipe::default().resize(Resize::inside(SIDE, SIDE).without_enlargement()).encode(Encode::jpeg())
}

impl<I: Objects, O: Objects, R: Records> Flow<I, O, R> {
    /// Lets a service look at a picture that has been rendered; nothing where the record is not `SUCCEEDED` or its object was replaced.
    ///
    /// # Errors
    /// Those of the storage, the records and the service; a picture's own faults where it cannot be made into a JPEG.
    pub async fn analyse(&self, bucket: &str, key: &str, analyst: &impl Analyst, deadline: Timestamp) -> Result<Option<Analysis>, Error> {
        match self.rendered_record(bucket, key).await? {
            Some(record) => self.look_at(record, analyst, deadline).await,
            None => Ok(None),
        }
    }

    /// The same, and what is found goes into the record; nobody looks where it says so already.
    ///
    /// # Errors
    /// Those of [`Flow::analyse`] and [`Flow::record_analysis`].
    pub async fn analyse_once(
        &self,
        bucket: &str,
        key: &str,
        analyst: &impl Analyst,
        deadline: Timestamp,
    ) -> Result<Option<Recorded>, Error> {
        let Some(record) = self.rendered_record(bucket, key).await? else { return Ok(None) };
        if record.analysis.is_some() {
            return Ok(Some(Recorded::Unchanged));
        }
        match self.look_at(record, analyst, deadline).await? {
            Some(found) => self.record_analysis(&found).await.map(Some),
            None => Ok(None),
        }
    }

    /// The record of a picture of this bucket, if it is `SUCCEEDED`.
    async fn rendered_record(&self, bucket: &str, key: &str) -> Result<Option<Record>, Error> {
        if bucket != self.input.bucket() {
            let message = format!("bucket `{bucket}` is not the one that is worked on");
            return Err(Error::new(Code::InvalidRequest, message));
        }
        let entry = self.records.get(&image_id(bucket, key)).await?;
        Ok(entry.map(|entry| entry.record).filter(|record| record.status == Status::Succeeded))
    }

    async fn look_at(&self, record: Record, analyst: &impl Analyst, deadline: Timestamp) -> Result<Option<Analysis>, Error> {
        let Record { image_id, key, source_version: Some(version), source_sha256: Some(source_sha256), .. } = record else {
            return Ok(None);
        };
        match self.rendered(&key, &version, record.size.unwrap_or(0), whole(), deadline).await {
            Ok(jpeg) => Ok(Some(Analysis { image_id, source_sha256, analysis: analyst.look(jpeg).await? })),
            // Its own event says so, and what comes after it is looked at then.
            Err(error) if matches!(error.code, Code::SourceMissing | Code::SourceChanged) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes findings to the record that still describes the same bytes.
    ///
    /// # Errors
    /// `not_ready` where somebody works on the picture; those of the records.
    pub async fn record_analysis(&self, found: &Analysis) -> Result<Recorded, Error> {
        let findings = serde_json::to_value(&found.analysis).map_err(|e| Error::caused(Code::Internal, "findings are no JSON", e))?;
        for _ in 0..ATTEMPTS {
            let Some(mut entry) = self.records.get(&found.image_id).await? else { return Ok(Recorded::Outdated) };
            if self.is_held(&entry) {
                break;
            }
            let record = &mut entry.record;
            if record.status != Status::Succeeded || record.source_sha256.as_ref() != Some(&found.source_sha256) {
                return Ok(Recorded::Outdated);
            }
            // Compared as findings, since a database gives 91.0 back as 91.
            let known = record.analysis.as_ref().and_then(|known| Findings::deserialize(known).ok());
            if known.as_ref() == Some(&found.analysis) {
                return Ok(Recorded::Recorded);
            }
            record.analysis = Some(findings.clone());
            record.updated_at = self.clock.now();
            if self.records.write(&mut entry).await? == Write::Done {
                return Ok(Recorded::Recorded);
            }
        }
        Err(Error::new(Code::NotReady, "somebody else works on the picture"))
    }
}
