//! A finished span: the model of Zipkin's API v2.

mod buffer;
mod builder;
#[cfg(feature = "zipkin")]
mod log;
mod model;
mod reporter;
mod sink;
mod span_record;
mod standard_tag;

pub(crate) use buffer::{MAX_NAME, Record, says_failed};
pub use builder::SpanRecordBuilder;
#[cfg(feature = "zipkin")]
pub(crate) use log::{SpanLog, SpanReader};
pub use model::{Endpoint, EndpointRef, Kind, TagValue};
pub use reporter::Reporter;
pub(crate) use sink::{SpanSettings, SpanSink, SpanSinks};
pub use span_record::SpanRecord;
pub(crate) use standard_tag::{COMMON_NAMES, StandardNames, StandardTag};
