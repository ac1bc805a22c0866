//! Spans as Zipkin's API v2 has them: whatever came in, it is stored in this form.

mod budget;
mod endpoint;
mod id;
mod number;
mod read_json;
mod span;
mod text;
mod write_json;

pub use endpoint::Endpoint;
pub use id::{IdError, SpanId, TraceId};
pub use span::{Annotation, Kind, Span};

pub(crate) use budget::Budget;
pub(crate) use number::WholeNumber;
pub(crate) use read_json::{read_list, read_nested_lists, read_one};
pub(crate) use text::Text;
