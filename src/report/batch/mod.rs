//! Batching: a bounded queue, the thread that empties it, and the traits for encoding and sending.
//!
//! The modules, in the order in which they build on each other:
//!
//! | module | holds |
//! |---|---|
//! | `options`, `error` | [`BatchOptions`], [`ReporterError`] |
//! | `encoder`, `sender` | the traits that a format and a transport implement |
//! | `stats`, `queue`, `counters` | the queue and the counts of every span |
//! | `waiter`, `state` | what the handles and the thread share |
//! | `panics`, `backoff`, `outage_log` | helpers of the delivery |
//! | `message_buffer`, `delivery`, `worker` | the thread: encode, send, retry |
//! | `shutdown`, `reporter`, `builder`, `guard`, `handle` | the public handle, and what wraps it |
//!
//! Formats live in `zipkin` and `otlp`, the HTTP transport in `report::http`.

mod backoff;
mod builder;
mod counters;
mod delivery;
mod encoder;
mod error;
mod guard;
mod handle;
mod message_buffer;
mod options;
mod outage_log;
mod panics;
mod queue;
mod reporter;
mod sender;
mod shutdown;
mod state;
mod stats;
mod waiter;
mod worker;

pub use builder::BatchReporterBuilder;
pub use encoder::{EncodeError, Encoded, Encoder};
pub use error::ReporterError;
pub use guard::Guard;
pub(crate) use handle::batch_handle;
pub use options::BatchOptions;
pub use reporter::BatchReporter;
pub use sender::{Message, Outcome, Sender};
pub use shutdown::ShutdownReport;
pub use stats::{Dropped, LastError, Stats};
