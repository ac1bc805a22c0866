use crate::{record::SpanRecord, stripe};
use crossbeam_queue::ArrayQueue;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Release},
};

/// A shard with so many is emptied at once, however large it is: the fewer buffers go round, the
/// more of them are still in the cache of the thread that fills them.
const ENOUGH: usize = 256;

/// How many spans a shard takes at most between two looks at its length.
const MOST_UNSEEN: usize = 64;

/// A bounded queue in shards: a thread pushes to its own, and to the others once that is full.
///
/// Each shard counts what was offered to it, what did not fit, and what came after the close.
/// Counts only grow; see [`Counters`](super::counters::Counters) for how they are read.
pub(super) struct Queue {
    shards: Box<[Shard]>,
    limit: usize,
    /// A shard of this length is worth waking the worker for.
    threshold: usize,
    /// Every so many spans a shard's length is looked at: a power of two, less one.
    unseen: u64,
}

/// Aligned so that no two shards share a cache line, nor a pair of them that is fetched together.
#[repr(align(128))]
struct Shard {
    spans: ArrayQueue<SpanRecord>,
    offered: AtomicU64,
    full: AtomicU64,
    closed: AtomicU64,
}

/// What came of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    In,
    /// In, and there is enough to be sent.
    Enough,
    Full,
}

/// What was counted on arrival.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Arrivals {
    pub(super) offered: u64,
    pub(super) full: u64,
    pub(super) closed: u64,
}

impl Queue {
    /// A queue of at most `limit` spans, which is at least one.
    pub(super) fn new(limit: usize) -> Queue {
        Queue::with_shards(limit, stripe::count())
    }

    fn with_shards(limit: usize, shards: usize) -> Queue {
        let shards = shards.min(limit);
        let shard = |at| Shard {
            spans: ArrayQueue::new(limit / shards + usize::from(at < limit % shards)),
            offered: AtomicU64::new(0),
            full: AtomicU64::new(0),
            closed: AtomicU64::new(0),
        };
        let threshold = (limit / shards / 4).clamp(1, ENOUGH);
        let unseen = (threshold / 4).next_power_of_two().min(MOST_UNSEEN);
        Queue {
            shards: (0..shards).map(shard).collect(),
            limit,
            threshold,
            unseen: unseen as u64 - 1,
        }
    }

    fn own(&self) -> usize {
        stripe::number() % self.shards.len()
    }

    pub(super) fn push(&self, span: SpanRecord) -> Pushed {
        let own = self.own();
        let shard = &self.shards[own];
        // Counted before it is in, so that nothing can leave the queue uncounted.
        let before = shard.offered.fetch_add(1, Release);
        let Err(mut span) = shard.spans.push(span) else {
            let look = before & self.unseen == 0;
            return if look && shard.spans.len() >= self.threshold {
                Pushed::Enough
            } else {
                Pushed::In
            };
        };
        let (before, after) = self.shards.split_at(own);
        for other in after[1..].iter().chain(before) {
            match other.spans.push(span) {
                Ok(()) => return Pushed::Enough,
                Err(back) => span = back,
            }
        }
        shard.full.fetch_add(1, Release);
        Pushed::Full
    }

    /// Counts a span that came after the close.
    pub(super) fn refuse(&self) {
        let shard = &self.shards[self.own()];
        shard.offered.fetch_add(1, Release);
        shard.closed.fetch_add(1, Release);
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn shards(&self) -> usize {
        self.shards.len()
    }

    pub(super) fn len(&self, shard: usize) -> usize {
        self.shards[shard].spans.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| shard.spans.is_empty())
    }

    pub(super) fn pop(&self, shard: usize) -> Option<SpanRecord> {
        self.shards[shard].spans.pop()
    }

    /// Whether some shard has enough to be sent.
    pub(super) fn has_enough(&self) -> bool {
        let mut shards = self.shards.iter();
        shards.any(|shard| shard.spans.len() >= self.threshold)
    }

    /// The counts. `offered` is read last and so covers the others.
    pub(super) fn arrivals(&self) -> Arrivals {
        let sum = |count: fn(&Shard) -> &AtomicU64| {
            let shards = self.shards.iter();
            shards.map(|shard| count(shard).load(Acquire)).sum()
        };
        let full = sum(|shard| &shard.full);
        let closed = sum(|shard| &shard.closed);
        Arrivals {
            full,
            closed,
            offered: sum(|shard| &shard.offered),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{Sampling, TraceContext};

    fn span() -> SpanRecord {
        SpanRecord::builder(TraceContext::root(Sampling::Accept)).build()
    }

    #[test]
    fn holds_what_it_was_told_to_and_not_one_more() {
        for limit in [1, 2, 3, 7, 8, 100] {
            for shards in [1, 2, 3, 8, 32] {
                let queue = Queue::with_shards(limit, shards);
                for _ in 0..limit {
                    assert_ne!(queue.push(span()), Pushed::Full);
                }
                assert_eq!(queue.push(span()), Pushed::Full);
                queue.refuse();
                let held: usize = (0..queue.shards()).map(|shard| queue.len(shard)).sum();
                assert_eq!(held, limit);
                let arrivals = queue.arrivals();
                assert_eq!(arrivals.offered, limit as u64 + 2);
                assert_eq!((arrivals.full, arrivals.closed), (1, 1));
            }
        }
    }

    #[test]
    fn says_when_there_is_enough() {
        let queue = Queue::with_shards(4000, 2);
        let pushed: Vec<_> = (0..1000).map(|_| queue.push(span())).collect();
        let first = pushed.iter().position(|pushed| *pushed == Pushed::Enough);
        let first = first.expect("256 are enough");
        let least = ENOUGH - 1;
        assert!((least..least + MOST_UNSEEN).contains(&first), "{first}");
        assert!(queue.has_enough());
    }
}
