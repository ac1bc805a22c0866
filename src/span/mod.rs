//! Spans that have not finished, recorded or not, and the thread's slot for the current one.
//!
//! A finished span is a [`SpanRecord`](crate::record::SpanRecord). The functions that users call on
//! the current span are in [`scope`](crate::scope).

mod context;
#[cfg(feature = "tracing-layer")]
pub(crate) mod guards;
mod handle;
mod inherited;
mod local;
#[cfg(feature = "log-ids")]
mod log_span;
mod open;
mod route_from_below;
#[cfg(feature = "tracing-layer")]
mod shared;
pub(crate) mod slot;

pub use context::{InContext, RequestContext};
pub use handle::SpanHandle;
pub(crate) use inherited::{Inherited, OutgoingRequests};
pub use local::{Instrumented, Span};
pub(crate) use open::{OpenSpan, ServedRequest};
#[cfg(feature = "tracing-layer")]
pub(crate) use shared::SharedSpan;
