//! `SpanBuffer`: what one span recorded, in buffers that are reused for the next span.
//!
//! All text of a span is in one string, and its tags and annotations refer to ranges of it, so that
//! a request in the steady state allocates nothing for its span. [`SpanRecord`](super::SpanRecord)
//! is the public view of a buffer. Spans, exchanges and tags write to it; [`SpanLog`](super::SpanLog)
//! copies it.

mod annotations;
mod error_tag;
mod lifecycle;
mod parts;
mod read;
mod span_buffer;
mod tags;
mod text;

pub(crate) use error_tag::is_error_tag;
#[cfg(feature = "tracing-layer")]
pub(crate) use parts::RemoteNameSource;
#[cfg(feature = "batch")]
pub(super) use parts::{BufferedTag, SpanFields, TextRange, Window};
pub(crate) use span_buffer::{MAX_NAME_BYTES, SpanBuffer};

#[cfg(test)]
mod tests;
