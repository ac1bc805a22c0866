//! Spans of the `tracing` crate as spans of the trace.
#![cfg(feature = "tracing-layer")]

#[path = "../common/mod.rs"]
mod common;

mod model;
mod world;
