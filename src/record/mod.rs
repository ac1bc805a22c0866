//! Finished spans, in the model of Zipkin's API v2, and the trait that receives them.
//!
//! [`SpanRecord`] is what a [`Reporter`] receives. Inside, a span is recorded in a `SpanBuffer`, goes
//! to the reporter through the `SpanSink` of its tracer, and is copied to a `SpanLog` if the reporter
//! sends in batches. When a span starts and ends is decided in `span`; encodings are in
//! [`zipkin`](crate::zipkin) and [`otlp`](crate::otlp).

mod buffer;
mod builder;
mod endpoint;
mod kind;
mod reporter;
mod sink;
#[cfg(feature = "batch")]
mod span_log;
mod span_record;
mod standard_tag;
mod tag_value;

#[cfg(feature = "tracing-layer")]
pub(crate) use buffer::RemoteNameSource;
pub(crate) use buffer::{MAX_NAME_BYTES, SpanBuffer, is_error_tag};
pub use builder::SpanRecordBuilder;
pub use endpoint::{Endpoint, EndpointRef};
pub use kind::Kind;
pub use reporter::Reporter;
pub(crate) use sink::{SpanSettings, SpanSink, SpanSinks};
#[cfg(feature = "batch")]
pub(crate) use span_log::{SpanLog, SpanReader};
pub use span_record::SpanRecord;
pub(crate) use standard_tag::{COMMON_NAMES, StandardTag, StandardTagNames};
pub use tag_value::TagValue;
