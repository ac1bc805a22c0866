//! Spans that are under way: recording or silent.

mod context;
mod handle;
mod local;
#[cfg(feature = "tracing")]
mod log;
mod open;

pub use context::{Context, InContext};
pub use handle::SpanHandle;
pub use local::{Instrumented, Span};
#[cfg(feature = "tracing")]
pub(crate) use log::LogSpan;
pub(crate) use open::{Below, Open};
