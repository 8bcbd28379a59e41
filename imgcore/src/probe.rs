//! FOUND: what the bytes claim, without decoding pixels.
use crate::codec::Format;

/// What a file claims.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Header {
    /// The format.
    pub format: Format,
}
