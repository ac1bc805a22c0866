//! Helpers shared by the tests of several packages.
//!
//! - [`Process`] runs a program as a child process, and [`http`] talks to it without a runtime.
//! - [`ZipkinStub`] accepts spans and remembers them.
//! - [`log`] keeps log lines.
//! - [`backends`] starts the real Zipkin, Jaeger, Kafka, Envoy and Prometheus.

pub mod backends;
pub mod http;
pub mod log;
mod process;
mod zipkin_stub;

pub use process::{Process, command, eventually, refusal};
pub use zipkin_stub::ZipkinStub;
