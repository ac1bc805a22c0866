//! [`TracingLayer`]: spans of the `tracing` crate as spans of the trace.
//!
//! What is current where is up to [`span::guards`](crate::span::guards). Here is what a subscriber
//! tells: which span is made, entered, exited and closed, and what its fields and events say.

mod event;
mod fields;
mod layer;
mod peer;
mod table;
mod tags;

pub use layer::TracingLayer;
