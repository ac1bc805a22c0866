//! Spans that are under way: recording or silent.

mod context;
mod exchange_facts;
mod handle;
mod inherited;
mod local;
#[cfg(feature = "log-ids")]
mod log;
mod open;

pub use context::{Context, InContext};
pub(crate) use exchange_facts::{ExchangeFacts, Grpc, Side};
pub use handle::SpanHandle;
pub(crate) use inherited::{Inherited, Outgoing};
pub use local::{Instrumented, Span};
pub(crate) use open::{OpenSpan, Serving};
