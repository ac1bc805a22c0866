use super::{Dropped, LastError, Stats, queue::Queue};
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
/// Every span passes four counts in this order: offered (the queue's), taken, and one of sent
/// and dropped, or else offered and one of full and closed (the queue's). Counts only grow. A
/// reader goes against the order, so that a later count is never ahead of an earlier one, and
/// derives what is queued and in flight: whatever moves meanwhile, the sum holds.
#[derive(Debug, Default)]
pub(super) struct Counters {
    taken: AtomicU64,
    sent: AtomicU64,
    dropped: [AtomicU64; 5],
    pub(super) batches: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) retries: AtomicU64,
    /// Written by the worker alone. Not under a lock: a process that is forked while the worker
    /// holds one could never read it.
    last_error: ArcSwapOption<LastError>,
}

/// Why a span that was in the queue is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    TooLarge,
    Encode,
    Refused,
    RetriesExhausted,
    Closed,
}

impl Counters {
    pub(super) fn take(&self) {
        self.taken.fetch_add(1, Release);
    }

    pub(super) fn send(&self, spans: usize) {
        self.sent.fetch_add(spans as u64, Release);
    }

    pub(super) fn lose(&self, cause: Cause, spans: usize) {
        self.dropped[cause as usize].fetch_add(spans as u64, Release);
    }

    /// Loses all that was taken and not yet dealt with. Only once the worker is gone.
    pub(super) fn lose_the_rest(&self) {
        let settled = self.settled();
        let rest = self.taken.load(Acquire) - settled;
        self.dropped[Cause::Closed as usize].fetch_add(rest, Release);
    }

    /// Spans that have been dealt with, one way or the other.
    fn settled(&self) -> u64 {
        self.sent.load(Acquire) + self.lost()
    }

    /// Spans that were in the queue and are lost.
    pub(super) fn lost(&self) -> u64 {
        self.dropped.iter().map(|count| count.load(Acquire)).sum()
    }

    pub(super) fn lost_to(&self, cause: Cause) -> u64 {
        self.dropped[cause as usize].load(Acquire)
    }

    fn sent(&self) -> u64 {
        self.sent.load(Acquire)
    }

    pub(super) fn fail(&self, message: &str, since: SystemTime, ongoing: bool) {
        let error = LastError {
            message: message.to_owned(),
            since,
            ongoing,
        };
        self.last_error.store(Some(Arc::new(error)));
    }

    pub(super) fn recover(&self) {
        if let Some(error) = self.last_error.load_full() {
            self.fail(&error.message, error.since, false);
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
        let left = arrivals.full + arrivals.closed + taken;
        // While this was read, spans may have come for those that went. They are counted next
        // time, as more never are in the queue.
        let queued = (arrivals.offered - left).min(queue.limit() as u64);
        Stats {
            finished: left + queued,
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
