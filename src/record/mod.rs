//! A finished span: the model of Zipkin's API v2.

mod buffer;
mod builder;
mod model;
#[cfg(feature = "zipkin")]
mod recycler;
mod span_record;

pub(crate) use buffer::{Home, MOST_NAME, Record, cut, is_blank, says_failed};
pub use builder::SpanRecordBuilder;
pub use model::{Endpoint, EndpointRef, Kind, TagValue};
#[cfg(feature = "zipkin")]
pub(crate) use recycler::Recycler;
pub use span_record::SpanRecord;
