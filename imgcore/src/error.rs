//! What went wrong, and who can act on it: the sender of the file, the author of the recipe, the operator, or us.
//!
//! The code is a promise and the same in every language; the prose is not.

use std::error::Error as StdError;
use std::sync::Arc;

use crate::codec::Format;

/// The cause beneath an error: a foreign decoder's own error, kept for logs.
pub type Cause = Arc<dyn StdError + Send + Sync>;

/// Why there is no result.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The bytes begin like no format that is known here; so do no bytes at all.
    #[error("{}", if *.empty { "no bytes were given" } else { "the bytes are no image format that is known here" })]
    UnknownFormat {
        /// True when there were no bytes.
        empty: bool,
    },
    /// A legal wish or file that this version cannot serve.
    #[error("{what} is not supported")]
    Unsupported {
        /// What is not supported, as a noun phrase.
        what: String,
    },
    /// The recipe contradicts itself or says what no picture can do.
    #[error("recipe field `{path}`: {reason}")]
    InvalidRecipe {
        /// The path of the key, as in `resize.width`.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A limit of the operator's was in the way.
    #[error("limit `{limit}`: {value} exceeds {max}")]
    LimitExceeded {
        /// The JSON key of the limit.
        limit: &'static str,
        /// What the picture or recipe asks for.
        value: u64,
        /// What the limit allows.
        max: u64,
    },
    /// The file ends before its picture does.
    #[error("the {format} file ends too early: {what}")]
    Truncated {
        /// The format of the file.
        format: Format,
        /// What is missing.
        what: String,
    },
    /// The file breaks its format's rules.
    #[error("the {format} file is damaged: {what}")]
    Malformed {
        /// The format of the file.
        format: Format,
        /// What is wrong.
        what: String,
        /// The decoder's own error.
        #[source]
        cause: Option<Cause>,
    },
    /// The encoder gave up.
    #[error("encoding to {format} failed: {what}")]
    EncodeFailed {
        /// The format that was to be written.
        format: Format,
        /// What the encoder said.
        what: String,
        /// The encoder's own error.
        #[source]
        cause: Option<Cause>,
    },
    /// The caller's control said stop.
    #[error("the caller cancelled the work")]
    Cancelled,
    /// A fault of ours: a foreign decoder panicked, and was contained.
    #[error("internal error: {what}")]
    Internal {
        /// What happened.
        what: String,
    },
}

impl Error {
    /// The stable code, the same in Rust, Python, JavaScript, HTTP, logs and records.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Error::UnknownFormat { .. } => "unknown_format",
            Error::Unsupported { .. } => "unsupported",
            Error::InvalidRecipe { .. } => "invalid_recipe",
            Error::LimitExceeded { .. } => "limit_exceeded",
            Error::Truncated { .. } => "truncated",
            Error::Malformed { .. } => "malformed",
            Error::EncodeFailed { .. } => "encode_failed",
            Error::Cancelled => "cancelled",
            Error::Internal { .. } => "internal",
        }
    }

    /// `{"code":...,"message":...}`, the wire form of an error.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::json!({ "code": self.code(), "message": self.to_string() }).to_string()
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Error {
        Error::Unsupported { what: what.into() }
    }

    pub(crate) fn recipe(path: impl Into<String>, reason: impl Into<String>) -> Error {
        Error::InvalidRecipe { path: path.into(), reason: reason.into() }
    }

    pub(crate) fn truncated(format: Format, what: impl Into<String>) -> Error {
        Error::Truncated { format, what: what.into() }
    }

    pub(crate) fn malformed(format: Format, what: impl Into<String>) -> Error {
        Error::Malformed { format, what: what.into(), cause: None }
    }

    /// A foreign decoder's error as ours, its text kept and its value beneath.
    pub(crate) fn malformed_by(format: Format, cause: impl StdError + Send + Sync + 'static) -> Error {
        Error::Malformed { format, what: cause.to_string(), cause: Some(Arc::new(cause)) }
    }

    pub(crate) fn encode_failed(format: Format, cause: impl StdError + Send + Sync + 'static) -> Error {
        Error::EncodeFailed { format, what: cause.to_string(), cause: Some(Arc::new(cause)) }
    }

    pub(crate) fn internal(what: impl Into<String>) -> Error {
        Error::Internal { what: what.into() }
    }
}
