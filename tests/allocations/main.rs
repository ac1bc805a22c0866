//! What tracing allocates in the steady state: on the threads that serve requests, counted.
//!
//! In a process of its own: nobody subscribes to log lines here, and the allocator counts.

#[path = "../common/mod.rs"]
mod common;

mod layers;
#[cfg(feature = "zipkin")]
mod reporter;
