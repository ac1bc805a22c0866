//! Where finished spans go: the [`Reporter`] trait, reporters that need no collector, and the parts
//! of those that send.
//!
//! | for | see | feature |
//! |---|---|---|
//! | the console, as trees | [`ConsoleReporter`], [`TraceTree`] | |
//! | tests | [`InMemoryReporter`] | |
//! | nowhere | [`NoopReporter`] | |
//! | Zipkin, a file | `zipkin::ZipkinReporter`, `zipkin::JsonLinesReporter` | `zipkin`, `batch` |
//! | OpenTelemetry Collector, Jaeger | `otlp::OtlpReporter` | `otlp` |
//! | only what failed, was slow or is wanted otherwise, to one of these | `TailSampler` | `batch` |
//! | Kafka | `zipkin::KafkaReporter` | `kafka` |
//! | a format or a transport of your own | `BatchReporter`, `Encoder`, `Sender` | `batch` |
//! | an HTTP client of your own | `TowerSender` | `http` |
//!
//! # A reporter of your own
//!
//! A reporter is called on the thread that served the request, so it must neither block nor panic:
//! it hands the span to a queue, or counts it, and returns.
//!
//! ```
//! use tower_b3::{Tracer, record::SpanRecord, report::Reporter};
//! use std::sync::mpsc::SyncSender;
//!
//! struct ToChannel(SyncSender<SpanRecord>);
//!
//! impl Reporter for ToChannel {
//!     fn report(&self, span: SpanRecord) {
//!         // `try_send` never blocks. A real reporter would count the spans that do not fit.
//!         let _ = self.0.try_send(span);
//!     }
//! }
//!
//! let (sender, spans) = std::sync::mpsc::sync_channel(100);
//! let tracer = Tracer::builder("orders").reporter(ToChannel(sender)).build()?;
//! drop(tracer.span("reconcile"));
//! assert_eq!(spans.recv().unwrap().name(), "reconcile");
//! # Ok::<(), tower_b3::BuildError>(())
//! ```
//!
//! # Batching reporters
//!
//! Those that send are handles on a `BatchReporter`: a bounded queue, and a thread that encodes,
//! sends and retries. `BatchOptions` has its limits and times, `HttpOptions` the collector's URL,
//! headers and certificates, and `Stats` accounts for every span.
//!
//! ```
//! # #[cfg(feature = "zipkin")] {
//! use std::time::Duration;
//! use tower_b3::{
//!     Tracer,
//!     report::{BatchOptions, HttpOptions},
//!     zipkin::ZipkinReporter,
//! };
//!
//! let zipkin = ZipkinReporter::builder(HttpOptions::new("http://zipkin:9411").bearer("3ae4"))
//!     .options(BatchOptions::new().queue_limit(20_000).retry_for(Duration::from_secs(10)))
//!     .build()?;
//! let _guard = zipkin.guard(); // sends what is left when `main` returns
//! let tracer = Tracer::builder("orders").reporter(zipkin.clone()).build()?;
//! println!("{}", zipkin.stats());
//! # drop(tracer);
//! # zipkin.shutdown(Duration::ZERO); }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "batch")]
mod batch;
mod console;
#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "http")]
mod http;
mod memory;
mod noop;
#[cfg(feature = "batch")]
mod tail;
mod tree;

#[cfg(feature = "batch")]
pub(crate) use batch::batch_handle;
#[cfg(feature = "batch")]
#[cfg_attr(docsrs, doc(cfg(feature = "batch")))]
pub use batch::{
    BatchOptions, BatchReporter, BatchReporterBuilder, Dropped, EncodeError, Encoded, Encoder,
    Guard, LastError, Message, Outcome, ReporterError, Sender, ShutdownReport, Stats,
};
pub use console::ConsoleReporter;
#[cfg(feature = "gzip")]
#[cfg_attr(docsrs, doc(cfg(feature = "gzip")))]
pub use gzip::Gzip;
#[cfg(feature = "zipkin")]
pub(crate) use http::{CANNOT_CHANGE, PlainPost};
#[cfg(feature = "otlp")]
pub(crate) use http::{CollectorResponse, Dialect};
#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
pub use http::{HttpOptions, HttpSender, MessageBody, TowerSender};
#[cfg(any(feature = "otlp", feature = "zipkin"))]
pub(crate) use http::{Redirect, start_redirectable};
pub use memory::InMemoryReporter;
pub use noop::NoopReporter;
#[cfg(feature = "batch")]
#[cfg_attr(docsrs, doc(cfg(feature = "batch")))]
pub use tail::{TailSampler, TailSamplerBuilder, TailStats};
pub use tree::TraceTree;
#[cfg(feature = "test")]
pub(crate) use tree::{HIDDEN_TAGS, escaped};

pub use crate::record::Reporter;
