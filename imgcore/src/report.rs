//! What came out, told: the result's format, size, bytes and hashes, beside the header and the plan.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::OUTPUT_REVISION;
use crate::codec::Format;
use crate::plan::Plan;
use crate::probe::Header;
use crate::recipe::hex;

/// The result of a conversion.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The encoded file.
    pub data: Vec<u8>,
    /// What is to be said of it.
    pub report: Report,
}

/// What was found, what was decided, and what came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Report {
    /// What the input claims.
    pub header: Header,
    /// What was decided.
    pub plan: Plan,
    /// The result's format.
    pub format: Format,
    /// The result's width in pixels, upright.
    pub width: u32,
    /// The result's height in pixels, upright.
    pub height: u32,
    /// The result's size in bytes.
    pub bytes: u64,
    /// SHA-256 of the result, in hex.
    pub sha256: String,
    /// The recipe's hash, in hex.
    pub recipe_hash: String,
    /// The output revision that made the bytes.
    pub output_revision: u32,
    /// What was odd but harmless.
    pub warnings: Vec<Warning>,
}

impl Report {
    /// The report as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a report is plain data with string keys")
    }
}

/// Something odd but harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    /// A stable code: `profile_ignored`, `metadata_dropped`, `truncated`, `orientation_ignored`, ...
    pub code: &'static str,
    /// One lowercase phrase.
    pub message: String,
}

impl Warning {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Warning {
        Warning { code, message: message.into() }
    }
}

impl Output {
    /// A file, with what is to be said of it.
    pub(crate) fn new(data: Vec<u8>, header: &Header, plan: Plan, recipe_hash: String, warnings: Vec<Warning>) -> Output {
        let report = Report {
            header: header.clone(),
            format: plan.encode.format,
            width: plan.width,
            height: plan.height,
            plan,
            bytes: data.len() as u64,
            sha256: hex(&Sha256::digest(&data)),
            recipe_hash,
            output_revision: OUTPUT_REVISION,
            warnings,
        };
        Output { data, report }
    }
}
