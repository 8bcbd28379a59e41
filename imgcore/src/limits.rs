//! What the operator allows, and the caller's hold on running work.
//!
//! A recipe may come from a URL, a bucket or a table row; limits never do, so they travel separately, in the [`Context`].

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::Error;

const MIB: u64 = 1 << 20;

/// Bounds on the work planned, trusted, and the same on every platform.
///
/// Asked in probe, plan and decode, always before the allocation that they guard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// The file's size in bytes. Default: 64 MiB.
    pub max_input_bytes: u64,
    /// The declared canvas in pixels. Default: 268,402,689 (16,383 squared).
    pub max_input_pixels: u64,
    /// The canvas as decoded, once for each frame decoded, in pixels. Default: 100,000,000.
    pub max_decoded_pixels: u64,
    /// Frames, when all are asked for. Default: 10,000.
    pub max_frames: u64,
    /// Scans of a JPEG. Default: 100.
    pub max_scans: u64,
    /// JPEG segments or PNG chunks. Default: 65,536.
    pub max_segments: u64,
    /// One block of metadata, in bytes; a larger one is left unread, with a warning. Default: 8 MiB.
    pub max_metadata_block_bytes: u64,
    /// All metadata of a file, in bytes. Default: 16 MiB.
    pub max_metadata_bytes: u64,
    /// Heap at the peak, in bytes, beside the input. Default: 1 GiB.
    pub max_memory_bytes: u64,
    /// Either side of the result, in pixels. Default: 16,384.
    pub max_output_side: u64,
    /// The result, in pixels. Default: 100,000,000.
    pub max_output_pixels: u64,
    /// Operations in a plan. Default: 64.
    pub max_operations: u64,
    /// Work in units of one sample decoded, resized or encoded. Default: 10,000,000,000.
    pub max_work: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            max_input_bytes: 64 * MIB,
            max_input_pixels: 268_402_689,
            max_decoded_pixels: 100_000_000,
            max_frames: 10_000,
            max_scans: 100,
            max_segments: 65_536,
            max_metadata_block_bytes: 8 * MIB,
            max_metadata_bytes: 16 * MIB,
            max_memory_bytes: 1024 * MIB,
            max_output_side: 16_384,
            max_output_pixels: 100_000_000,
            max_operations: 64,
            max_work: 10_000_000_000,
        }
    }
}

impl Limits {
    /// The preset of a pipeline that works on many pictures at once: 384 MiB of memory a picture.
    #[must_use]
    pub fn pipeline() -> Limits {
        Limits { max_memory_bytes: 384 * MIB, ..Limits::default() }
    }

    /// Reads limits from JSON; what is absent has its default.
    ///
    /// # Errors
    /// `invalid_recipe` for what is not JSON, an unknown key, or a value that is no whole number.
    pub fn from_json(text: &str) -> Result<Limits, Error> {
        serde_json::from_str(text).map_err(|e| Error::recipe("limits", e.to_string()))
    }

    /// The limits as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("limits are plain numbers")
    }
}

/// `value` must not exceed `max`; the error names the limit by its JSON key.
pub(crate) fn check(limit: &'static str, value: u64, max: u64) -> Result<(), Error> {
    if value > max { Err(Error::LimitExceeded { limit, value, max }) } else { Ok(()) }
}

/// What surrounds a piece of work: limits, named bytes, and a hold on it. The default allows what [`Limits`] allow.
#[derive(Clone, Default)]
pub struct Context {
    /// The operator's limits.
    pub limits: Limits,
    /// Bytes that a recipe refers to by name: a logo, a font.
    pub assets: BTreeMap<String, Vec<u8>>,
    /// Hears the stage and answers whether to go on. Default: none, and the work goes on.
    pub control: Option<Arc<dyn Control>>,
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("limits", &self.limits)
            .field("assets", &self.assets.keys())
            .field("control", &self.control.is_some())
            .finish()
    }
}

impl Context {
    /// A context with these limits and nothing else.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Context {
        Context { limits, ..Context::default() }
    }

    /// The same context with a control.
    #[must_use]
    pub fn with_control(self, control: impl Control + 'static) -> Context {
        Context { control: Some(Arc::new(control)), ..self }
    }

    /// Tells the control where the work stands.
    pub(crate) fn go_on(&self, stage: Stage) -> Result<(), Error> {
        match &self.control {
            Some(control) if !control.go_on(stage) => Err(Error::Cancelled),
            _ => Ok(()),
        }
    }
}

/// The caller's hold on running work: progress out, cancellation in.
pub trait Control: Send + Sync {
    /// Hears the stage that is about to run, in `Decode` again every few rows; `false` ends the work with `cancelled`.
    fn go_on(&self, stage: Stage) -> bool;
}

impl<F: Fn(Stage) -> bool + Send + Sync> Control for F {
    fn go_on(&self, stage: Stage) -> bool {
        self(stage)
    }
}

/// Where the work stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Reading the header.
    Probe,
    /// Deciding.
    Plan,
    /// Decoding pixels.
    Decode,
    /// Resizing and all other operations on pixels.
    Render,
    /// Writing the result.
    Encode,
}
