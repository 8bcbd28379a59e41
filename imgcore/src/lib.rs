//! Bytes and a recipe in, bytes and a report out.
#![forbid(unsafe_code)]

pub mod codec;
pub mod decode;
pub mod error;
pub mod geometry;
pub mod limits;
pub mod pixels;
pub mod plan;
pub mod probe;
pub mod recipe;
pub mod report;

pub use codec::Format;
pub use error::Error;
pub use limits::{Context, Limits};
pub use recipe::{Encode, Recipe, Resize};
