//! Spans that are under way: recording or silent.

mod context;
mod handle;
mod local;
mod open;

pub use context::{Context, InContext};
pub use handle::SpanHandle;
pub use local::{Instrumented, Span};
#[cfg(feature = "tracing")]
pub(crate) use open::log_span;
pub(crate) use open::{Below, Open};
