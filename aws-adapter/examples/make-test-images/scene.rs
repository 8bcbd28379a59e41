//! The pictures themselves, each a function from a place to the light that is there.

pub(crate) mod land;
pub(crate) mod objects;
pub(crate) mod poster;
pub(crate) mod sky;
pub(crate) mod water;
