//! What the handles of a reporter and its worker share: queue, counts, requests, and the signals
//! by which they wake each other.
//!
//! The requests' threads call [`report`](ReporterState::report); `flush` and `shutdown` make
//! requests; the worker sleeps here, takes requests, and accounts for the rest when it ends. What
//! happens to a span that has left the queue is decided in `delivery`.

use super::{
    counters::{Counters, DropCause},
    panics::log_guarded,
    queue::{PushOutcome, Queue},
    stats::Stats,
    waiter::Waiter,
};
use crate::{printable::one_line, record::SpanRecord};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{
            AtomicBool,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::{Instant, SystemTime},
};
use tokio::sync::Notify;

pub(super) struct ReporterState {
    /// The name of the thread, for log lines.
    name: String,
    pub(super) queue: Queue,
    pub(super) counters: Counters,
    requests: Mutex<Requests>,
    /// Wakes the worker. Only the worker waits on it.
    wake: Notify,
    /// Whether the worker sleeps and has not been woken yet.
    asleep: AtomicBool,
    /// Whether new spans are refused.
    closed: AtomicBool,
    /// Whether the next span that is refused is logged.
    warn_of_refusal: AtomicBool,
    /// Whether the worker has ended.
    ended: AtomicBool,
}

/// What the handles want from the worker.
#[derive(Default)]
struct Requests {
    waiters: Vec<Arc<Waiter>>,
    /// The number of requests so far.
    count: u64,
    /// How often the destination was changed.
    redirects: u64,
    /// When the worker must end, once it is to end.
    end_by: Option<Instant>,
    /// The number of spans dropped before the end was first requested.
    dropped_before_end: Option<u64>,
    ended: bool,
}

/// Requests that the worker has taken. Their waiters complete when it is dropped.
pub(super) struct TakenRequests {
    waiters: Vec<Arc<Waiter>>,
    pub(super) closing: bool,
}

impl TakenRequests {
    pub(super) fn is_urgent(&self) -> bool {
        self.closing || !self.waiters.is_empty()
    }
}

impl Drop for TakenRequests {
    fn drop(&mut self) {
        complete(&self.waiters);
    }
}

fn complete(waiters: &[Arc<Waiter>]) {
    waiters.iter().for_each(|waiter| waiter.complete(true));
}

impl ReporterState {
    pub(super) fn new(name: &str, queue: Queue) -> ReporterState {
        ReporterState {
            name: one_line(name),
            queue,
            counters: Counters::default(),
            requests: Mutex::default(),
            wake: Notify::new(),
            asleep: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            warn_of_refusal: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        // No code under this lock can panic halfway through a change.
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a span. Called on the request's thread.
    pub(super) fn report(&self, span: &SpanRecord) {
        if self.closed.load(Relaxed) {
            self.refuse();
            return;
        }
        if self.queue.push(span) == PushOutcome::QueuedEnough
            && self.asleep.load(Relaxed)
            && self.asleep.swap(false, Relaxed)
        {
            self.wake.notify_one();
        }
        // The worker sets this before it empties the queue for the last time. So either it saw the
        // span, or this thread sees the flag, or both.
        if self.ended.load(SeqCst) {
            self.drop_queue();
        }
    }

    /// Counts a span that finished too late, and logs the first one after a shutdown.
    #[cold]
    fn refuse(&self) {
        self.queue.refuse();
        if self.warn_of_refusal.swap(false, Relaxed) {
            log_guarded(|| {
                tracing::warn!(
                    "{}: a span finished after the reporter was shut down; it is dropped, and so is \
                     every later one. If nothing called `shutdown`, a guard was dropped too early: \
                     `let _ = reporter.guard()` drops it at once",
                    self.name
                );
            });
        }
    }

    /// Refuses spans from now on. Returns whether they were accepted until now.
    pub(super) fn close(&self) -> bool {
        !self.closed.swap(true, SeqCst)
    }

    fn drop_queue(&self) {
        for shard in 0..self.queue.shards() {
            while self.queue.pop(shard, |_| ()).is_some() {
                self.counters.count_taken();
                self.counters.count_dropped(DropCause::Closed, 1);
            }
        }
    }

    pub(super) fn stats(&self) -> Stats {
        self.counters.stats(&self.queue)
    }

    /// Asks the worker to deliver everything that is queued.
    pub(super) fn request_flush(&self) -> Arc<Waiter> {
        let waiter = Arc::new(Waiter::default());
        self.request(|requests| requests.waiters.push(Arc::clone(&waiter)));
        waiter
    }

    /// Does what [`request_end`](Self::request_end) does, and logs if a span finishes after that.
    pub(super) fn shut_down(&self, deadline: Instant) -> Arc<Waiter> {
        if self.close() {
            self.warn_of_refusal.store(true, Relaxed);
        }
        self.request_end(deadline)
    }

    /// Refuses spans from now on, and asks the worker to deliver what is queued and to end by the
    /// deadline, or by an earlier one that was requested before.
    pub(super) fn request_end(&self, deadline: Instant) -> Arc<Waiter> {
        self.close();
        let waiter = Arc::new(Waiter::default());
        self.request(|requests| {
            requests.waiters.push(Arc::clone(&waiter));
            let earlier = requests.end_by.map_or(deadline, |by| by.min(deadline));
            requests.end_by = Some(earlier);
            let dropped = self.counters.dropped();
            requests.dropped_before_end.get_or_insert(dropped);
        });
        waiter
    }

    /// Tells the worker that the sender uses another destination from the next attempt on.
    #[cfg(any(feature = "otlp", feature = "zipkin"))]
    pub(super) fn redirected(&self) {
        self.request(|requests| requests.redirects += 1);
    }

    fn request(&self, change: impl FnOnce(&mut Requests)) {
        let mut requests = self.requests();
        change(&mut requests);
        requests.count += 1;
        if requests.ended {
            let waiters = std::mem::take(&mut requests.waiters);
            drop(requests);
            complete(&waiters);
        } else {
            drop(requests);
            self.wake.notify_one();
        }
    }

    /// How often the destination was changed. After a change, what was learnt about the previous
    /// one no longer applies.
    pub(super) fn redirects(&self) -> u64 {
        self.requests().redirects
    }

    /// The number of requests so far. After a change, a flush or a shutdown is waiting.
    pub(super) fn request_count(&self) -> u64 {
        self.requests().count
    }

    pub(super) fn take_requests(&self) -> TakenRequests {
        let mut requests = self.requests();
        // Those who wait for the end are completed by `end`.
        let closing = requests.end_by.is_some();
        TakenRequests {
            waiters: if closing {
                Vec::new()
            } else {
                std::mem::take(&mut requests.waiters)
            },
            closing,
        }
    }

    /// When the worker must end, once it is to end.
    pub(super) fn end_by(&self) -> Option<Instant> {
        self.requests().end_by
    }

    fn has_requests(&self) -> bool {
        let requests = self.requests();
        requests.end_by.is_some() || !requests.waiters.is_empty()
    }

    /// Sleeps until this moment, until there is enough to send, or until there is a request.
    pub(super) async fn sleep_until(&self, until: Instant) {
        self.asleep.store(true, SeqCst);
        // Checked after the flag is set: what was pushed before that has not woken the worker.
        if !self.queue.has_enough() && !self.has_requests() {
            let _ = tokio::time::timeout_at(until.into(), self.wake.notified()).await;
        }
        self.asleep.store(false, SeqCst);
    }

    /// Waits for a request made since the last call. It may return without one.
    pub(super) async fn requested(&self) {
        self.wake.notified().await;
    }

    /// Counts all spans that are left as dropped. Called when the worker has ended.
    pub(super) fn drop_rest(&self) {
        self.closed.store(true, SeqCst);
        self.counters.drop_in_flight();
        self.ended.store(true, SeqCst);
        self.drop_queue();
    }

    /// Logs that the worker has panicked. Called when all spans are counted.
    pub(super) fn panicked(&self, panic: &str) {
        let stats = self.stats();
        let message = format!("the reporter's thread panicked and has ended: {panic}");
        self.counters.set_error(&message, SystemTime::now(), true);
        log_guarded(|| tracing::error!("{message}; no more spans are sent: {stats}"));
    }

    /// Completes all waiters, and every later one at once. Called when all spans are counted.
    pub(super) fn end(&self) {
        let mut requests = self.requests();
        requests.ended = true;
        let waiters = std::mem::take(&mut requests.waiters);
        drop(requests);
        complete(&waiters);
    }

    /// How many of the spans that existed when the end was first requested were dropped since, or
    /// are still undelivered.
    pub(super) fn lost_at_end(&self) -> u64 {
        let before = self.requests().dropped_before_end.unwrap_or(0);
        let stats = self.stats();
        self.counters.dropped() - before + stats.queued + stats.in_flight
    }
}
