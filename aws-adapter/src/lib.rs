//! The imgcore pipeline: an event in, renditions and one record out; on AWS Lambda or on a laptop.
//!
//! ```text
//! event -> Job -> claim, get, convert, put, record -> Outcome
//!                    |      |                |
//!                 catalog  store (input)    store (output)
//! ```
//!
//! [`job::Flow`] is the only business flow. It knows two ports, [`store::Objects`] and [`catalog::Records`]; a folder and an SQLite file
//! implement them on a laptop.
#![forbid(unsafe_code)]

/// The examples of the project's front page compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct FrontPage;

// What goes in and comes out.
pub mod event;
pub mod identity;
pub mod record;
pub mod api;

// On one machine: a folder of pictures, all cores, and what was missed.
pub mod local;
pub mod pipeline;
pub mod reconcile;
pub mod serve;

// In the cloud: the functions, and what they speak to.
#[cfg(feature = "aws")]
pub mod lambda;
#[cfg(feature = "aws")]
pub mod cloud;
pub mod cost;

// The flow, and what it is given.
pub mod job;
pub mod batch;
pub mod analysis;
pub mod config;
pub mod budget;
pub mod memory;
pub mod workers;

// The two ports.
pub mod store;
pub mod catalog;

#[cfg(feature = "aws")]
mod sdk;

// What all speak in.
pub mod error;
pub mod time;
