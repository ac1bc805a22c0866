//! Reporting in batches: a bounded queue, a thread that empties it, and the seams between them.

mod counters;
mod deliver;
mod encode;
mod error;
mod handle;
mod outage;
mod panics;
mod pending;
mod queue;
mod send;
mod settings;
mod shared;
mod stats;
mod ticket;
mod worker;

pub use encode::{EncodeError, Encoded, Encoder};
pub use error::ReporterError;
pub(crate) use handle::handle_methods;
pub use handle::{BatchReporter, BatchReporterBuilder, Guard, ShutdownReport};
pub use send::{Message, Outcome, Sender};
pub(crate) use settings::{Settings, settings_methods};
pub use stats::{Dropped, LastError, Stats};
