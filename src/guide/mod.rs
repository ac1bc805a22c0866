//! The guide: how the crate is built, why it does what it does, what it reads and writes.

#[doc = include_str!("architecture.md")]
pub mod architecture {}

#[doc = include_str!("headers.md")]
pub mod headers {}

#[cfg(feature = "zipkin")]
#[doc = include_str!("reporting.md")]
pub mod reporting {}

#[doc = include_str!("rationale.md")]
pub mod rationale {}
