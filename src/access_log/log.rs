//! [`AccessLog`]: the observer that writes a line for each exchange.

use super::{
    builder::AccessLogBuilder,
    line::LineState,
    plan::Plan,
    stats::{AccessLogStats, Totals},
    writer::Writer,
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
/// second at most for each output. `main` usually returns earlier than that: keep a [`guard`](Self::guard) there, or call
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
    totals: Arc<Totals>,
}

/// A thread that writes, with its output, if that may be used again by another configuration.
pub(super) struct NamedWriter {
    #[cfg(feature = "config")]
    pub(super) output: Option<Output>,
    /// Whether only exchanges that began with the previous configuration have lines for it.
    #[cfg(feature = "config")]
    pub(super) retired: bool,
    pub(super) writer: Writer,
}

impl AccessLog {
    /// A builder for a log with Envoy's default format, on standard output, of servers and clients.
    pub fn builder() -> AccessLogBuilder {
        AccessLogBuilder::new()
    }

    pub(super) fn of(plan: Plan, writers: Vec<NamedWriter>, totals: Arc<Totals>) -> AccessLog {
        AccessLog {
            shared: Arc::new(Shared {
                active: AtomicBool::new(!plan.is_empty()),
                plan: ArcSwap::from_pointee(plan),
                writers: Mutex::new(writers),
                totals,
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
        self.shared.totals.stats()
    }

    /// How many lines wait, or are being written.
    pub(crate) fn queued(&self) -> u64 {
        let writers = self.writers();
        let queued = writers.iter().map(|named| named.writer.queue().queued());
        queued.sum()
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
        AccessLog::of(Plan::default(), Vec::new(), Arc::default())
    }

    /// Opens the outputs of these logs, which [`Replacement::apply`] then has written. Outputs that stay
    /// the same stay open.
    ///
    /// A log whose output cannot be opened is left out.
    ///
    /// # Errors
    ///
    /// A format cannot be used.
    pub(crate) fn replace(&self, logs: &[LogSettings]) -> Result<Replacement<'_>, AccessLogError> {
        let writers = self.writers();
        let mut started: Vec<NamedWriter> = Vec::new();
        let mut failed: Vec<(&Output, AccessLogError)> = Vec::new();
        for log in logs {
            let mut open = writers.iter().chain(&started);
            let is_open = open.any(|named| named.output.as_ref() == Some(&log.output));
            if is_open || failed.iter().any(|(output, _)| **output == log.output) {
                continue;
            }
            match NamedWriter::start(&log.output, &self.shared.totals) {
                Ok(writer) => started.push(writer),
                Err(error) => failed.push((&log.output, error)),
            }
        }
        let with_queues = logs.iter().filter_map(|log| {
            let mut open = writers.iter().chain(&started);
            let named = open.find(|named| named.output.as_ref() == Some(&log.output));
            Some((log, named?.writer.queue()))
        });
        Ok(Replacement {
            plan: Plan::new(with_queues)?,
            outputs: logs.iter().map(|log| log.output.clone()).collect(),
            failed: failed.into_iter().map(|(_, error)| error).collect(),
            log: self,
            writers,
            started,
        })
    }
}

/// Logs that are ready to be written.
#[cfg(feature = "config")]
pub(crate) struct Replacement<'a> {
    log: &'a AccessLog,
    writers: MutexGuard<'a, Vec<NamedWriter>>,
    started: Vec<NamedWriter>,
    outputs: Vec<Output>,
    /// Why outputs cannot be opened.
    failed: Vec<AccessLogError>,
    plan: Plan,
}

#[cfg(feature = "config")]
impl Replacement<'_> {
    /// Why logs are left out.
    pub(crate) fn failed(&self) -> impl Iterator<Item = String> + use<'_> {
        self.failed.iter().map(ToString::to_string)
    }

    /// Writes these logs from now on. An output that is no longer used stays open until the next change,
    /// for the exchanges that have begun.
    pub(crate) fn apply(mut self) {
        let shared = &self.log.shared;
        let active = !self.plan.is_empty();
        shared.plan.store(Arc::new(self.plan));
        shared.active.store(active, Relaxed);
        let mut all = std::mem::take(&mut *self.writers);
        all.append(&mut self.started);
        let mut ended = Vec::new();
        for mut named in all {
            let output = named.output.as_ref();
            let used = self.outputs.iter().any(|other| output == Some(other));
            if !used && named.retired {
                ended.push(named);
            } else {
                named.retired = !used;
                self.writers.push(named);
            }
        }
        // Ending a thread takes a moment, in which others may want to flush.
        drop(self.writers);
        drop(ended);
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
