//! The server layer: decides about the trace of each incoming request, and runs the inner service in a
//! SERVER span.
//!
//! [`layer`] is what users configure, and [`service`] is what runs. A request passes through [`begin`],
//! which calls [`receive`] (whether the peer is trusted), [`decide`] (context and sampling) and
//! [`start`] (tags and name), or [`forward`] if no span is made. What happens from then on is in
//! [`exchange`](crate::exchange).

mod begin;
mod decide;
mod forward;
mod layer;
mod receive;
mod service;
mod settings;
mod start;

pub use layer::ServerLayer;
pub use service::TracedServer;
