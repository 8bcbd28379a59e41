//! The imgcore pipeline: an event in, renditions and one record out; on AWS Lambda or on a laptop.
#![forbid(unsafe_code)]

pub mod event;
pub mod identity;
pub mod record;

pub mod catalog;
pub mod store;

pub mod error;
pub mod time;
