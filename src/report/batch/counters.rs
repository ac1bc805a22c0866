//! The counts that the worker keeps, and how [`Stats`] are read without a lock.
//!
//! What the requests' threads count is in the queue's shards.

use super::{
    queue::Queue,
    stats::{Dropped, LastError, Stats},
};
use arc_swap::ArcSwapOption;
use std::{
    sync::{
        Arc,
        atomic::{
            AtomicU64,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    time::SystemTime,
};

/// What the worker counts.
///
/// Every span is counted in this order: offered (by the queue), taken, then sent or dropped; or
/// offered, then full or closed (both by the queue). Counts only grow. Readers load them in the
/// reverse order, so a later count is never ahead of an earlier one, and derive the numbers of
/// queued spans and of those in flight. So the sum holds while spans move.
#[derive(Debug, Default)]
pub(super) struct Counters {
    taken: AtomicU64,
    sent: AtomicU64,
    dropped: [AtomicU64; 5],
    pub(super) batches: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) retries: AtomicU64,
    /// Written by the worker only. Not behind a lock, which would stay locked forever in a process
    /// that is forked while the worker holds it.
    last_error: ArcSwapOption<LastError>,
}

/// Why a span that was in the queue is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DropCause {
    TooLarge,
    Encode,
    Refused,
    RetriesExhausted,
    Closed,
}

impl Counters {
    pub(super) fn count_taken(&self) {
        self.taken.fetch_add(1, Release);
    }

    pub(super) fn count_sent(&self, spans: usize) {
        self.sent.fetch_add(spans as u64, Release);
    }

    pub(super) fn count_dropped(&self, cause: DropCause, spans: usize) {
        self.dropped[cause as usize].fetch_add(spans as u64, Release);
    }

    /// Drops the spans that were taken but neither sent nor dropped. Only after the worker has ended.
    pub(super) fn drop_in_flight(&self) {
        let settled = self.settled();
        let rest = self.taken.load(Acquire) - settled;
        self.dropped[DropCause::Closed as usize].fetch_add(rest, Release);
    }

    /// Taken spans that were sent or dropped.
    fn settled(&self) -> u64 {
        self.sent.load(Acquire) + self.dropped()
    }

    /// Spans that were in the queue and were dropped.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.iter().map(|count| count.load(Acquire)).sum()
    }

    pub(super) fn dropped_by(&self, cause: DropCause) -> u64 {
        self.dropped[cause as usize].load(Acquire)
    }

    fn sent(&self) -> u64 {
        self.sent.load(Acquire)
    }

    pub(super) fn set_error(&self, message: &str, since: SystemTime, ongoing: bool) {
        let error = LastError {
            message: message.to_owned(),
            since,
            ongoing,
        };
        self.last_error.store(Some(Arc::new(error)));
    }

    pub(super) fn end_outage(&self) {
        if let Some(error) = self.last_error.load_full() {
            self.set_error(&error.message, error.since, false);
        }
    }

    pub(super) fn stats(&self, queue: &Queue) -> Stats {
        let last_error = self.last_error.load().as_deref().cloned();
        let sent = self.sent();
        let [too_large, encode, refused, retries_exhausted, closed] =
            [0, 1, 2, 3, 4].map(|cause: usize| self.dropped[cause].load(Acquire));
        let settled = sent + too_large + encode + refused + retries_exhausted + closed;
        let taken = self.taken.load(Acquire);
        let arrivals = queue.arrivals();
        let departed = arrivals.full + arrivals.closed + taken;
        // Between the loads, new spans may have replaced spans that were taken. They are counted
        // next time: there are never more than the limit in the queue.
        let queued = (arrivals.offered - departed).min(queue.limit() as u64);
        Stats {
            finished: departed + queued,
            queued,
            in_flight: taken - settled,
            sent,
            dropped: Dropped {
                queue_full: arrivals.full,
                too_large,
                encode,
                refused,
                retries_exhausted,
                closed: closed + arrivals.closed,
            },
            batches: self.batches.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            retries: self.retries.load(Relaxed),
            last_error,
        }
    }
}
