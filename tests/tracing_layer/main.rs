//! Spans of the `tracing` crate as spans of the trace.
#![cfg(feature = "tracing-layer")]

#[path = "../common/mod.rs"]
mod common;

mod allocations;
mod bad_input;
mod events;
mod fields;
mod filters;
mod model;
mod nesting;
mod parents;
mod peers;
mod roots;
mod scene;
mod threads;
mod world;
