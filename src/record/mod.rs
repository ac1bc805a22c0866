//! A finished span: the model of Zipkin's API v2.

mod buffer;
mod builder;
mod model;
mod span_record;

pub(crate) use buffer::{Home, Record, cut};
pub use builder::SpanRecordBuilder;
pub use model::{Endpoint, EndpointRef, Kind, TagValue};
#[cfg(feature = "zipkin")]
pub(crate) use span_record::Recycler;
pub use span_record::SpanRecord;
