//! The queue as a whole: which shard a thread pushes to, and what all shards count together.

use super::shard::{PushOutcome, Shard, ShardLimits, WriterHalf};
use crate::{
    record::{SpanLog, SpanRecord},
    shard,
};
use std::{
    sync::atomic::{
        AtomicU64,
        Ordering::{Acquire, Release},
    },
    thread,
};

/// The worker is woken for this many spans in a shard, however large the shard is: the fewer
/// buffers are in use, the more of them stay in the cache of the thread that fills them.
pub(super) const MAX_WAKE_LEN: usize = 256;

/// The maximum number of shards: each has its part of the limits, which must not be too small.
const MAX_SHARDS: usize = 32;

/// How often a thread goes through the shards that other threads are pushing to before it drops
/// the span: a request must not wait for a thread that is descheduled.
const MAX_PASSES: usize = 100;

/// A bounded queue in shards. A thread pushes to its own shard, and to the others if that is full
/// or another thread is pushing to it.
///
/// Each shard counts the spans offered to it, those that did not fit, and those that came after
/// the close. These counts only grow; `Counters` says in which order they are read.
///
/// Each shard has its part of the limit in bytes. It exceeds that only for a span that is larger
/// than the part, which is let in when the shard is empty.
pub(in crate::report::batch) struct Queue {
    pub(super) shards: Box<[Shard]>,
    limit: usize,
    limits: ShardLimits,
}

/// What the shards have counted, in total.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::report::batch) struct Arrivals {
    pub(in crate::report::batch) offered: u64,
    pub(in crate::report::batch) full: u64,
    pub(in crate::report::batch) closed: u64,
}

impl Queue {
    /// A queue of at most `limit` spans, which is at least one, and at most `bytes` bytes.
    pub(in crate::report::batch) fn new(limit: usize, bytes: usize) -> Queue {
        // More than there are threads running, so that hardly ever all of them are being written.
        let shards = (4 * shard::count()).min(MAX_SHARDS);
        Queue::with_shards(limit, bytes, shards)
    }

    pub(super) fn with_shards(limit: usize, bytes: usize, shards: usize) -> Queue {
        let shards = shards.min(limit);
        let max_spans = |index| limit / shards + usize::from(index < limit % shards);
        Queue {
            shards: (0..shards)
                .map(|index| Shard::new(max_spans(index)))
                .collect(),
            limit,
            limits: ShardLimits {
                bytes: bytes / shards,
                wake_len: (limit / shards / 4).clamp(1, MAX_WAKE_LEN),
            },
        }
    }

    /// The index of the calling thread's shard.
    pub(super) fn own(&self) -> usize {
        shard::thread_number() % self.shards.len()
    }

    pub(in crate::report::batch) fn push(&self, span: &SpanRecord) -> PushOutcome {
        let own = self.own();
        // Counted before it is queued, so that no span leaves the queue uncounted.
        self.shards[own].writers.offered.fetch_add(1, Release);
        let size = SpanLog::size_of(span);
        for _ in 0..MAX_PASSES {
            let mut busy = false;
            let (before, from_own) = self.shards.split_at(own);
            for shard in from_own.iter().chain(before) {
                match shard.push(span, size, &self.limits) {
                    Some(PushOutcome::Full) => {}
                    Some(queued) => return queued,
                    None => busy = true,
                }
            }
            if !busy {
                break;
            }
            thread::yield_now();
        }
        self.shards[own].writers.full.fetch_add(1, Release);
        PushOutcome::Full
    }

    /// Counts a span that came after the close.
    pub(in crate::report::batch) fn refuse(&self) {
        let writers = &self.shards[self.own()].writers;
        writers.offered.fetch_add(1, Release);
        writers.closed.fetch_add(1, Release);
    }

    pub(in crate::report::batch) fn limit(&self) -> usize {
        self.limit
    }

    pub(in crate::report::batch) fn shards(&self) -> usize {
        self.shards.len()
    }

    pub(in crate::report::batch) fn len(&self, shard: usize) -> usize {
        self.shards[shard].len()
    }

    pub(in crate::report::batch) fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| shard.len() == 0)
    }

    /// Takes the next span of a shard, if there is one, and calls `look` with it.
    pub(in crate::report::batch) fn pop<R>(
        &self,
        shard: usize,
        look: impl FnOnce(&SpanRecord) -> R,
    ) -> Option<R> {
        self.shards[shard].pop(2 * self.limits.log_bytes(), look)
    }

    /// Whether some shard has enough to wake the worker for.
    pub(in crate::report::batch) fn has_enough(&self) -> bool {
        let enough = |shard: &Shard| {
            shard.len() >= self.limits.wake_len || self.limits.is_wake_size(shard.bytes())
        };
        self.shards.iter().any(enough)
    }

    /// The counts. `offered` is loaded last, and so is never behind the others.
    pub(in crate::report::batch) fn arrivals(&self) -> Arrivals {
        let sum = |count: fn(&WriterHalf) -> &AtomicU64| {
            let shards = self.shards.iter();
            shards
                .map(|shard| count(&shard.writers).load(Acquire))
                .sum()
        };
        let full = sum(|writers| &writers.full);
        let closed = sum(|writers| &writers.closed);
        Arrivals {
            full,
            closed,
            offered: sum(|writers| &writers.offered),
        }
    }
}
