//! Allocations in the steady state on the threads that serve requests.
//!
//! In a process of its own: the allocator counts, and there is no subscriber for log lines.

#[path = "../common/mod.rs"]
mod common;

mod layers;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "zipkin")]
mod reporter;
