//! The guide: how the crate is built, why it does what it does, what it reads and writes.

#[doc = include_str!("architecture.md")]
pub mod architecture {}

#[doc = include_str!("headers.md")]
pub mod headers {}

#[doc = include_str!("sidecar.md")]
pub mod sidecar {}

#[doc = include_str!("no_sidecar.md")]
pub mod no_sidecar {}

#[doc = include_str!("edge.md")]
pub mod edge {}

#[doc = include_str!("grpc.md")]
pub mod grpc {}

#[doc = include_str!("retries.md")]
pub mod retries {}

#[cfg(feature = "zipkin")]
#[doc = include_str!("opentelemetry.md")]
pub mod opentelemetry {}

#[cfg(feature = "zipkin")]
#[doc = include_str!("reporting.md")]
pub mod reporting {}

#[cfg(feature = "test")]
#[doc = include_str!("testing.md")]
pub mod testing {}

#[doc = include_str!("parity.md")]
pub mod parity {}

#[doc = include_str!("rationale.md")]
pub mod rationale {}
