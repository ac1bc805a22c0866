use crate::{record::SpanRecord, stripe};
use crossbeam_queue::ArrayQueue;
use std::sync::atomic::{
    AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

/// A shard with so many is emptied at once, however large it is: the fewer buffers go round, the
/// more of them are still in the cache of the thread that fills them.
const ENOUGH: usize = 256;

/// How many spans a shard takes at most between two looks at its length.
const MOST_UNSEEN: usize = 64;

/// A bounded queue in shards: a thread pushes to its own, and to the others once that is full.
///
/// Each shard counts what was offered to it, what did not fit, and what came after the close.
/// These counts only grow; see [`Counters`](super::counters::Counters) for how they are read.
///
/// Each shard has its share of the bytes, and never holds more, but for one span that is larger
/// than the share: that is let in when there is no other.
pub(super) struct Queue {
    shards: Box<[Shard]>,
    limit: usize,
    /// The bytes that a shard's spans may take.
    share: usize,
    /// A shard of this length is worth waking the worker for, as is one that is a quarter full by
    /// bytes.
    threshold: usize,
    /// Every so many spans a shard's length is looked at: a power of two, less one.
    unseen: u64,
}

/// Aligned so that no two shards share a cache line, nor a pair of them that is fetched together.
#[repr(align(128))]
struct Shard {
    spans: ArrayQueue<SpanRecord>,
    /// What the spans take, and what those take that are being pushed. Grows before a push and
    /// shrinks after a pop, so it is never less than it should be.
    bytes: AtomicUsize,
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

impl Shard {
    /// Takes a span of this size, unless that makes it more than the share; gives the bytes held.
    fn push(&self, span: SpanRecord, size: usize, share: usize) -> Result<usize, SpanRecord> {
        // Taken in advance, so that threads that push at the same time do not exceed it together.
        let before = self.bytes.fetch_add(size, Relaxed);
        let held = before.saturating_add(size);
        let pushed = if held <= share || before == 0 {
            self.spans.push(span)
        } else {
            Err(span)
        };
        if pushed.is_err() {
            self.bytes.fetch_sub(size, Relaxed);
        }
        pushed.map(|()| held)
    }

    /// The same of a shard that is another thread's: if it is full, nothing is written to it.
    fn help(&self, span: SpanRecord, size: usize, share: usize) -> Result<usize, SpanRecord> {
        let before = self.bytes.load(Relaxed);
        let too_much = before > 0 && before.saturating_add(size) > share;
        if too_much || self.spans.is_full() {
            return Err(span);
        }
        self.push(span, size, share)
    }

    fn pop(&self) -> Option<SpanRecord> {
        let span = self.spans.pop()?;
        self.bytes.fetch_sub(span.size(), Relaxed);
        Some(span)
    }
}

impl Queue {
    /// A queue of at most `limit` spans, which is at least one, of at most so many bytes.
    pub(super) fn new(limit: usize, bytes: usize) -> Queue {
        Queue::with_shards(limit, bytes, stripe::count())
    }

    fn with_shards(limit: usize, bytes: usize, shards: usize) -> Queue {
        let shards = shards.min(limit);
        let shard = |at| Shard {
            spans: ArrayQueue::new(limit / shards + usize::from(at < limit % shards)),
            bytes: AtomicUsize::new(0),
            offered: AtomicU64::new(0),
            full: AtomicU64::new(0),
            closed: AtomicU64::new(0),
        };
        let threshold = (limit / shards / 4).clamp(1, ENOUGH);
        let unseen = (threshold / 4).next_power_of_two().min(MOST_UNSEEN);
        Queue {
            shards: (0..shards).map(shard).collect(),
            limit,
            share: bytes / shards,
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
        let size = span.size();
        let mut span = match shard.push(span, size, self.share) {
            Ok(held) => {
                let look = before & self.unseen == 0;
                let many = look && shard.spans.len() >= self.threshold;
                return if many || self.is_much(held) {
                    Pushed::Enough
                } else {
                    Pushed::In
                };
            }
            Err(back) => back,
        };
        let (before, after) = self.shards.split_at(own);
        for other in after[1..].iter().chain(before) {
            match other.help(span, size, self.share) {
                Ok(_) => return Pushed::Enough,
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
        self.shards[shard].pop()
    }

    /// Whether some shard has enough to be sent.
    pub(super) fn has_enough(&self) -> bool {
        let mut shards = self.shards.iter();
        shards.any(|shard| {
            shard.spans.len() >= self.threshold || self.is_much(shard.bytes.load(Relaxed))
        })
    }

    /// Whether so many bytes of a shard are worth waking the worker for.
    fn is_much(&self, bytes: usize) -> bool {
        bytes >= (self.share / 4).max(1)
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
                let queue = Queue::with_shards(limit, usize::MAX, shards);
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
        let queue = Queue::with_shards(4000, usize::MAX, 2);
        let pushed: Vec<_> = (0..1000).map(|_| queue.push(span())).collect();
        let first = pushed.iter().position(|pushed| *pushed == Pushed::Enough);
        let first = first.expect("256 are enough");
        let least = ENOUGH - 1;
        assert!((least..least + MOST_UNSEEN).contains(&first), "{first}");
        assert!(queue.has_enough());
    }

    fn large(bytes: usize) -> SpanRecord {
        let context = TraceContext::root(Sampling::Accept);
        SpanRecord::builder(context)
            .tag("text", &"x".repeat(bytes))
            .build()
    }

    fn bytes(queue: &Queue) -> usize {
        let shards = queue.shards.iter();
        shards.map(|shard| shard.bytes.load(Relaxed)).sum()
    }

    #[test]
    fn holds_the_bytes_it_was_told_to_and_not_one_more() {
        const SIZE: usize = 64 * 1024;
        let size = large(SIZE).size();
        assert!((SIZE..SIZE + 4096).contains(&size), "{size}");
        for shards in [1, 2, 8] {
            let queue = Queue::with_shards(1000, shards * 3 * size, shards);
            for _ in 0..shards * 3 {
                assert_ne!(queue.push(large(SIZE)), Pushed::Full);
            }
            assert_eq!(bytes(&queue), shards * 3 * size);
            assert_eq!(queue.push(large(SIZE)), Pushed::Full);
            assert_eq!(queue.push(span()), Pushed::Full);
            assert!(queue.has_enough());
            assert_eq!(queue.arrivals().full, 2);
            (0..shards).for_each(|shard| while queue.pop(shard).is_some() {});
            assert_eq!(bytes(&queue), 0);
        }
    }

    #[test]
    fn takes_one_that_is_larger_than_all() {
        let queue = Queue::with_shards(1000, 10_000, 1);
        assert_eq!(queue.push(large(20_000)), Pushed::Enough);
        assert_eq!(queue.push(span()), Pushed::Full);
        assert!(queue.pop(0).is_some());
        assert_eq!(queue.push(span()), Pushed::In);
    }

    #[test]
    fn threads_do_not_exceed_the_bytes_together() {
        const SIZE: usize = 1000;
        let limit = 50 * large(SIZE).size();
        let queue = Queue::with_shards(1000, limit, 2);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        queue.push(large(SIZE));
                        assert!((0..2).map(|shard| queue.len(shard)).sum::<usize>() <= 50);
                    }
                });
            }
        });
        // Two that came at once may each have been refused on the other's account.
        while queue.push(large(SIZE)) != Pushed::Full {}
        assert_eq!((0..2).map(|shard| queue.len(shard)).sum::<usize>(), 50);
        assert_eq!(bytes(&queue), limit);
        let arrivals = queue.arrivals();
        assert_eq!(arrivals.full, arrivals.offered - 50);
    }
}
