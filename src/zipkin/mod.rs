//! Zipkin's formats, and the reporters that use them.
//!
//! `ZipkinReporter` sends spans to Zipkin, or to anything else that accepts its format:
//!
//! ```
//! # #[cfg(feature = "zipkin")] {
//! use tower_b3::{Tracer, zipkin::ZipkinReporter};
//!
//! let zipkin = ZipkinReporter::builder("http://127.0.0.1:9411/api/v2/spans").build()?;
//! let _guard = zipkin.guard();
//! let tracer = Tracer::builder("orders").reporter(zipkin.clone()).build()?;
//! drop(tracer.span("reconcile"));
//! assert_eq!(zipkin.stats().finished, 1);
//! # drop(tracer);
//! # zipkin.shutdown(std::time::Duration::ZERO); }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | reporter | sends | feature |
//! |---|---|---|
//! | `ZipkinReporter` | JSON or protocol buffers over HTTP | `zipkin` |
//! | `KafkaReporter` | JSON or protocol buffers through Kafka | `kafka` |
//! | [`JsonLinesReporter`] | lines of JSON to a file or another writer | `batch` |
//!
//! They are [`BatchReporter`](crate::report::BatchReporter)s with [`JsonEncoder`] or
//! [`Proto3Encoder`]. To send the formats in another way, give an encoder and a
//! [`Sender`](crate::report::Sender) of your own to a `BatchReporter`.

#[cfg(any(feature = "kafka", feature = "zipkin"))]
mod encoding;
mod escape;
mod json;
mod json_lines;
#[cfg(feature = "kafka")]
mod kafka;
mod proto3;
#[cfg(feature = "zipkin")]
mod reporter;

#[cfg(any(feature = "kafka", feature = "zipkin"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "kafka", feature = "zipkin"))))]
pub use encoding::Encoding;
pub use json::JsonEncoder;
pub use json_lines::{JsonLinesReporter, JsonLinesReporterBuilder};
#[cfg(feature = "kafka")]
#[cfg_attr(docsrs, doc(cfg(feature = "kafka")))]
pub use kafka::{KafkaReporter, KafkaReporterBuilder, KafkaSender};
pub use proto3::Proto3Encoder;
#[cfg(feature = "zipkin")]
#[cfg_attr(docsrs, doc(cfg(feature = "zipkin")))]
pub use reporter::{ZipkinReporter, ZipkinReporterBuilder};
