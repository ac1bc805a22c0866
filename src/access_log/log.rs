//! [`AccessLog`]: the observer that writes a line for each exchange.

use super::{
    builder::AccessLogBuilder, line::LineState, plan::Plan, stats::AccessLogStats, writer::Writer,
};
#[cfg(feature = "config")]
use super::{error::AccessLogError, output::Output, plan::LogSettings};
use crate::{
    direction::Direction,
    head::RequestHead,
    observe::{EndedExchange, ExchangeObserver, ResponseHead},
};
use arc_swap::ArcSwap;
use http::HeaderMap;
use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// Writes a line for each exchange; a handle, cheap to clone. Add it with
/// [`TracerBuilder::observer`](crate::TracerBuilder::observer).
///
/// When its last handle is dropped, also those of tracers and layers, what is queued is written, for a
/// second at most. `main` usually returns earlier than that: keep a [`guard`](Self::guard) there, or call
/// [`flush`](Self::flush).
#[derive(Clone)]
pub struct AccessLog {
    shared: Arc<Shared>,
}

struct Shared {
    plan: ArcSwap<Plan>,
    /// Whether the plan has lines at all.
    active: AtomicBool,
    writers: Mutex<Vec<NamedWriter>>,
}

/// A thread that writes, with its output, if that may be used again by another configuration.
pub(super) struct NamedWriter {
    #[cfg(feature = "config")]
    pub(super) output: Option<Output>,
    pub(super) writer: Writer,
}

impl AccessLog {
    /// A builder for a log with Envoy's default format, on standard output, of servers and clients.
    pub fn builder() -> AccessLogBuilder {
        AccessLogBuilder::new()
    }

    pub(super) fn of(plan: Plan, writers: Vec<NamedWriter>) -> AccessLog {
        AccessLog {
            shared: Arc::new(Shared {
                active: AtomicBool::new(!plan.is_empty()),
                plan: ArcSwap::from_pointee(plan),
                writers: Mutex::new(writers),
            }),
        }
    }

    /// Waits until the lines of the exchanges that have ended are written, at most for `timeout`.
    /// Returns whether they are. Blocks: inside an async runtime, use `spawn_blocking`.
    pub fn flush(&self, timeout: Duration) -> bool {
        let queues: Vec<_> = {
            let writers = self.writers();
            let queues = writers.iter().map(|named| Arc::clone(named.writer.queue()));
            queues.collect()
        };
        let started = Instant::now();
        let mut all = true;
        for queue in queues {
            all &= queue.flush(timeout.saturating_sub(started.elapsed()));
        }
        all
    }

    /// What has become of the lines so far.
    pub fn stats(&self) -> AccessLogStats {
        let writers = self.writers();
        let all = writers.iter().map(|named| named.writer.queue().stats());
        all.fold(AccessLogStats::default(), |sum, one| AccessLogStats {
            written: sum.written + one.written,
            dropped: sum.dropped + one.dropped,
            failed: sum.failed + one.failed,
        })
    }

    fn writers(&self) -> MutexGuard<'_, Vec<NamedWriter>> {
        let writers = self.shared.writers.lock();
        writers.unwrap_or_else(PoisonError::into_inner)
    }
}

/// For a log that follows a configuration.
#[cfg(feature = "config")]
impl AccessLog {
    /// A log without lines.
    pub(crate) fn empty() -> AccessLog {
        AccessLog::of(Plan::default(), Vec::new())
    }

    /// Writes these logs from now on. Outputs that stay the same stay open.
    ///
    /// # Errors
    ///
    /// A format cannot be used, or a file cannot be opened; then nothing changes.
    pub(crate) fn replace(&self, logs: &[LogSettings]) -> Result<(), AccessLogError> {
        let mut writers = self.writers();
        let mut started: Vec<NamedWriter> = Vec::new();
        for log in logs {
            let has_output = |named: &NamedWriter| named.output.as_ref() == Some(&log.output);
            if !writers.iter().chain(&started).any(has_output) {
                started.push(NamedWriter::start(&log.output)?);
            }
        }
        let queue_of = |log: &LogSettings| {
            let mut all = writers.iter().chain(&started);
            let named = all.find(|named| named.output.as_ref() == Some(&log.output));
            named.map(|named| named.writer.queue())
        };
        let with_queues = logs.iter().filter_map(|log| Some((log, queue_of(log)?)));
        let plan = Plan::new(with_queues)?;
        let active = !plan.is_empty();
        self.shared.plan.store(Arc::new(plan));
        self.shared.active.store(active, Relaxed);
        let is_used = |named: &NamedWriter| {
            let mut outputs = logs.iter().map(|log| &log.output);
            outputs.any(|output| named.output.as_ref() == Some(output))
        };
        writers.append(&mut started);
        let (used, unused) = std::mem::take(&mut *writers).into_iter().partition(is_used);
        *writers = used;
        drop(writers);
        // Ending a thread takes a moment.
        let unused: Vec<NamedWriter> = unused;
        drop(unused);
        Ok(())
    }
}

impl ExchangeObserver for AccessLog {
    type State = LineState;

    fn request(&self, state: &mut LineState, direction: Direction, request: &RequestHead<'_>) {
        state.begin(&self.shared.plan.load(), direction);
        if let Some((plan, captured)) = state.capturing() {
            plan.captures.request(request, captured);
        }
    }

    fn response(&self, state: &mut LineState, response: &ResponseHead<'_>) {
        if let Some((plan, captured)) = state.capturing() {
            plan.captures.response(response, captured);
        }
    }

    fn trailers(&self, state: &mut LineState, trailers: &HeaderMap) {
        if let Some((plan, captured)) = state.capturing() {
            plan.captures.trailers(trailers, captured);
        }
    }

    fn ended(&self, state: &mut LineState, exchange: &EndedExchange<'_>) {
        state.end(exchange);
    }

    fn is_active(&self) -> bool {
        self.shared.active.load(Relaxed)
    }

    fn flush(&self, timeout: Duration) -> bool {
        AccessLog::flush(self, timeout)
    }

    fn reset(&self, state: &mut LineState) {
        state.reset();
    }
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog")
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
