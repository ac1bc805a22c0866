//! From finished span to wherever it goes: the [`Reporter`] and those that need no collector.
//!
//! A reporter is called on the thread that served the request, so it must neither block nor
//! panic: hand the span to a queue, count, return. A reporter of your own is a few lines:
//!
//! ```
//! use tower_b3::{Tracer, record::SpanRecord, report::Reporter};
//! use std::sync::mpsc::SyncSender;
//!
//! struct ToChannel(SyncSender<SpanRecord>);
//!
//! impl Reporter for ToChannel {
//!     fn report(&self, span: SpanRecord) {
//!         // `try_send` never blocks; what does not fit should be counted.
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

#[cfg(feature = "zipkin")]
mod batch;
mod console;
#[cfg(feature = "gzip")]
mod gzip;
#[cfg(feature = "zipkin")]
mod http;
#[cfg(feature = "zipkin")]
mod json_lines;
mod memory;
mod tree;

#[cfg(feature = "zipkin")]
#[cfg_attr(docsrs, doc(cfg(feature = "zipkin")))]
pub use batch::{
    BatchReporter, BatchReporterBuilder, Dropped, EncodeError, Encoded, Encoder, Guard, LastError,
    Message, Outcome, ReporterError, Sender, ShutdownReport, Stats,
};
#[cfg(feature = "zipkin")]
pub(crate) use batch::{Settings, handle_methods, settings_methods};
pub use console::ConsoleReporter;
#[cfg(feature = "gzip")]
#[cfg_attr(docsrs, doc(cfg(feature = "gzip")))]
pub use gzip::Gzip;
#[cfg(feature = "otlp")]
pub(crate) use http::{Answer, Dialect};
#[cfg(feature = "zipkin")]
pub(crate) use http::{FIXED, HttpHeader, HttpOptions, Posted, Redirect, http_methods};
#[cfg(feature = "zipkin")]
#[cfg_attr(docsrs, doc(cfg(feature = "zipkin")))]
pub use http::{HttpSender, TowerSender};
#[cfg(feature = "zipkin")]
#[cfg_attr(docsrs, doc(cfg(feature = "zipkin")))]
pub use json_lines::{JsonLinesReporter, JsonLinesReporterBuilder};
pub use memory::InMemoryReporter;
pub use tree::TraceTree;
#[cfg(feature = "test")]
pub(crate) use tree::{HIDDEN_TAGS, visible};

pub use crate::record::Reporter;

use crate::record::SpanRecord;

/// Drops every span: for services that only propagate.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoopReporter;

impl Reporter for NoopReporter {
    fn report(&self, _span: SpanRecord) {}

    fn report_ref(&self, _span: &SpanRecord) -> bool {
        true
    }
}
