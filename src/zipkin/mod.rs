//! Zipkin, and what speaks its language: [`ZipkinReporter`] sends spans to it.
//!
//! ```
//! use tower_b3::{Tracer, zipkin::ZipkinReporter};
//!
//! let zipkin = ZipkinReporter::builder("http://127.0.0.1:9411/api/v2/spans").build()?;
//! let _guard = zipkin.guard();
//! let tracer = Tracer::builder("orders").reporter(zipkin.clone()).build()?;
//! drop(tracer.span("reconcile"));
//! assert_eq!(zipkin.stats().finished, 1);
//! # drop(tracer);
//! # zipkin.shutdown(std::time::Duration::ZERO);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It is a [`BatchReporter`](crate::report::BatchReporter) of [`JsonEncoder`] and
//! [`HttpSender`](crate::report::HttpSender);
//! put one together yourself to encode or to send in another way.

mod escape;
mod json;
#[cfg(feature = "kafka")]
mod kafka;
mod proto3;
mod reporter;

pub use json::JsonEncoder;
#[cfg(feature = "kafka")]
#[cfg_attr(docsrs, doc(cfg(feature = "kafka")))]
pub use kafka::{KafkaReporter, KafkaReporterBuilder, KafkaSender};
pub use proto3::Proto3Encoder;
pub use reporter::{Encoding, ZipkinReporter, ZipkinReporterBuilder};
