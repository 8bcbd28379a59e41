//! What may go wrong, by code: the same word in the record, the log, the API's answer and the command line's message.
//!
//! HTTP status and what is worth a second try are decided here and nowhere else; the core knows neither.

use std::fmt;

/// An error with its fixed code, one lowercase phrase and, where there is one, its cause.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// The fixed word for what went wrong.
    pub code: Code,
    /// One lowercase phrase with the value that was wrong.
    pub message: String,
    /// What the storage, the database or the operating system said.
    #[source]
    pub source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of this code.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), source: None }
    }

    /// An error of this code with its cause.
    pub fn caused(code: Code, message: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let source = source.into();
        Self { code, message: format!("{}: {source}", message.into()), source: Some(source) }
    }

    /// The fixed word, as it stands in records and answers.
    pub fn code(&self) -> &'static str {
        self.code.as_str()
    }
}

impl From<imgcore::Error> for Error {
    fn from(error: imgcore::Error) -> Self {
        let code = Code::parse(error.code()).unwrap_or(Code::Internal);
        Self { code, message: error.to_string(), source: Some(Box::new(error)) }
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)*) => {
        /// Every error code of the project. The words never change.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// All codes, in the order of the documentation.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The word on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $word,)* }
            }
        }
    };
}

codes! {
    /// The bytes are in no format that is known, or empty.
    UnknownFormat = "unknown_format",
    /// Understood, and not offered.
    Unsupported = "unsupported",
    /// The recipe says what cannot be meant.
    InvalidRecipe = "invalid_recipe",
    /// The operator's limits refuse the work.
    LimitExceeded = "limit_exceeded",
    /// The file ends too early.
    Truncated = "truncated",
    /// The file contradicts its format.
    Malformed = "malformed",
    /// The result could not be encoded.
    EncodeFailed = "encode_failed",
    /// The caller, or the deadline, stopped the work.
    Cancelled = "cancelled",
    /// A fault of ours or of a foreign decoder, contained.
    Internal = "internal",
    /// The object is gone.
    SourceMissing = "source_missing",
    /// The object is another version than the event named.
    SourceChanged = "source_changed",
    /// The object may not be read.
    SourceForbidden = "source_forbidden",
    /// The object must be restored from an archive first.
    SourceArchived = "source_archived",
    /// The object is larger than the limit on input bytes.
    SourceTooLarge = "source_too_large",
    /// The storage or the database does not answer.
    StorageUnavailable = "storage_unavailable",
    /// Nothing is known by this name.
    NotFound = "not_found",
    /// The caller has not said who it is.
    Unauthorized = "unauthorized",
    /// The caller may not do this.
    Forbidden = "forbidden",
    /// The request, an event or the configuration says what cannot be meant.
    InvalidRequest = "invalid_request",
    /// The picture is not through the pipeline yet.
    NotReady = "not_ready",
}

impl Code {
    /// The code that this word names.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == word)
    }

    /// The HTTP status that answers this code.
    pub fn http_status(self) -> u16 {
        match self {
            Self::InvalidRequest | Self::InvalidRecipe => 400,
            Self::Unauthorized => 401,
            Self::Forbidden | Self::SourceForbidden => 403,
            Self::NotFound | Self::SourceMissing => 404,
            Self::NotReady | Self::SourceChanged | Self::SourceArchived => 409,
            Self::SourceTooLarge => 413,
            Self::UnknownFormat | Self::Unsupported => 415,
            Self::LimitExceeded | Self::Truncated | Self::Malformed => 422,
            Self::StorageUnavailable | Self::Cancelled => 503,
            Self::EncodeFailed | Self::Internal => 500,
        }
    }

    /// Whether the file or its recipe is at fault: recorded as `REJECTED` and never tried again.
    pub fn is_rejection(self) -> bool {
        matches!(
            self,
            Self::UnknownFormat
                | Self::Unsupported
                | Self::InvalidRecipe
                | Self::LimitExceeded
                | Self::Truncated
                | Self::Malformed
                | Self::EncodeFailed
                | Self::SourceTooLarge
        )
    }

    /// Whether a second try may pass, so that the job goes back to the queue.
    pub fn is_retryable(self) -> bool {
        matches!(self, Self::SourceForbidden | Self::StorageUnavailable | Self::Internal | Self::Cancelled)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_names_its_code_and_no_other() {
        for code in Code::ALL {
            assert_eq!(Code::parse(code.as_str()), Some(*code));
        }
        assert_eq!(Code::parse("sorry"), None);
    }

    #[test]
    fn nothing_is_both_rejected_and_tried_again() {
        for code in Code::ALL {
            assert!(!(code.is_rejection() && code.is_retryable()), "{code}");
        }
    }
}
