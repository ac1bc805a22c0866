use crate::{
    record::{SpanLog, SpanReader, SpanRecord},
    shard,
};
// Unlike std's, this one is let go of by a plain store: a span that has been appended to lines of
// memory that the other core has read need not be there before the request goes on.
use spin::mutex::{SpinMutex, SpinMutexGuard};
use std::{
    collections::VecDeque,
    mem,
    sync::atomic::{
        AtomicU64, AtomicUsize,
        Ordering::{Acquire, Relaxed, Release},
    },
    thread,
};

/// A shard with so many is emptied at once, however large it is: the fewer buffers go round, the
/// more of them are still in the cache of the thread that fills them.
const ENOUGH: usize = 256;

/// The most shards: each has its share of the limits, which must not be too small.
const MAX_SHARDS: usize = 32;

/// How often a thread looks for a shard that no other thread is writing to, before it gives up: a
/// request must not wait for a thread that is not running.
const MAX_ROUNDS: usize = 100;

/// A bounded queue in shards: a thread pushes to its own, and to the others once that is full or
/// another thread writes to it.
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
}

struct Shard {
    /// The most spans that it holds.
    capacity: usize,
    input: Input,
    output: Output,
}

/// What the requests' threads write. Aligned so that no two shards share a cache line, nor a pair
/// of them that is fetched together.
#[repr(align(128))]
#[derive(Default)]
struct Input {
    log: SpinMutex<Filling>,
    /// Spans and bytes that have gone in. They change under the lock alone.
    spans: AtomicUsize,
    bytes: AtomicUsize,
    offered: AtomicU64,
    full: AtomicU64,
    closed: AtomicU64,
}

#[derive(Default)]
struct Filling {
    /// Those that are long enough, the oldest first.
    full: VecDeque<SpanLog>,
    log: SpanLog,
    /// What had come out of the shard when somebody looked last.
    spans_out: usize,
    bytes_out: usize,
}

/// What the reporter's thread writes.
#[repr(align(128))]
#[derive(Default)]
struct Output {
    reader: SpinMutex<SpanReader>,
    /// Spans that have come out.
    spans: AtomicUsize,
    /// Bytes whose memory has been freed: those of a log at once, when all of it has been read.
    bytes: AtomicUsize,
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
    fn len(&self) -> usize {
        // Read first, so that it is not ahead of what has gone in.
        let out = self.output.spans.load(Acquire);
        self.input.spans.load(Acquire) - out
    }

    fn bytes(&self) -> usize {
        let out = self.output.bytes.load(Acquire);
        self.input.bytes.load(Acquire) - out
    }

    /// Takes a span of this size, unless that makes it more than the limits; `None` where another
    /// thread writes to the shard.
    fn push(&self, span: &SpanRecord, size: usize, queue: &Queue) -> Option<Pushed> {
        let mut filling = self.input.log.try_lock()?;
        let spans = self.input.spans.load(Relaxed) + 1;
        let bytes = self.input.bytes.load(Relaxed).saturating_add(size);
        let (held, held_bytes) = (spans - filling.spans_out, bytes - filling.bytes_out);
        let mut pushed = Pushed::In;
        if held >= queue.threshold || queue.is_much(held_bytes) {
            // Only now is it worth looking at what the other thread writes.
            filling.bytes_out = self.output.bytes.load(Acquire);
            filling.spans_out = self.output.spans.load(Acquire);
            let (held, held_bytes) = (spans - filling.spans_out, bytes - filling.bytes_out);
            if held > self.capacity || held > 1 && held_bytes > queue.share {
                return Some(Pushed::Full);
            }
            if held >= queue.threshold || queue.is_much(held_bytes) {
                pushed = Pushed::Enough;
            }
        }
        if filling.log.bytes() >= queue.piece() {
            let full = mem::take(&mut filling.log);
            filling.full.push_back(full);
        }
        filling.log.push(span, size);
        self.input.bytes.store(bytes, Release);
        self.input.spans.store(spans, Release);
        Some(pushed)
    }

    /// Takes the next span, if there is one, and has it looked at.
    fn pop<R>(&self, keep: usize, look: impl FnOnce(&SpanRecord) -> R) -> Option<R> {
        let mut reader = lock(&self.output.reader);
        if reader.is_done() {
            let filling = &mut *lock(&self.input.log);
            let mut full = filling.full.pop_front();
            reader.take(full.as_mut().unwrap_or(&mut filling.log));
        }
        let span = reader.next()?;
        // They change under the lock alone.
        let add = |count: &AtomicUsize, more| count.store(count.load(Relaxed) + more, Release);
        add(&self.output.spans, 1);
        let looked = look(span);
        if reader.is_done() {
            add(&self.output.bytes, reader.clear(keep));
        }
        Some(looked)
    }
}

/// For the reporter's thread, which can wait.
fn lock<T>(mutex: &SpinMutex<T>) -> SpinMutexGuard<'_, T> {
    loop {
        if let Some(guard) = mutex.try_lock() {
            return guard;
        }
        thread::yield_now();
    }
}

impl Queue {
    /// A queue of at most `limit` spans, which is at least one, of at most so many bytes.
    pub(super) fn new(limit: usize, bytes: usize) -> Queue {
        // More than threads run at a time, so that hardly ever all of them are being written to.
        let shards = (4 * shard::count()).min(MAX_SHARDS);
        Queue::with_shards(limit, bytes, shards)
    }

    fn with_shards(limit: usize, bytes: usize, shards: usize) -> Queue {
        let shards = shards.min(limit);
        let shard = |at| Shard {
            capacity: limit / shards + usize::from(at < limit % shards),
            input: Input::default(),
            output: Output::default(),
        };
        Queue {
            shards: (0..shards).map(shard).collect(),
            limit,
            share: bytes / shards,
            threshold: (limit / shards / 4).clamp(1, ENOUGH),
        }
    }

    fn own(&self) -> usize {
        shard::thread_number() % self.shards.len()
    }

    pub(super) fn push(&self, span: &SpanRecord) -> Pushed {
        let own = self.own();
        // Counted before it is in, so that nothing can leave the queue uncounted.
        self.shards[own].input.offered.fetch_add(1, Release);
        let size = SpanLog::size_of(span);
        for _ in 0..MAX_ROUNDS {
            let mut busy = false;
            let (before, from_own) = self.shards.split_at(own);
            for shard in from_own.iter().chain(before) {
                match shard.push(span, size, self) {
                    Some(Pushed::Full) => {}
                    Some(pushed) => return pushed,
                    None => busy = true,
                }
            }
            if !busy {
                break;
            }
            thread::yield_now();
        }
        self.shards[own].input.full.fetch_add(1, Release);
        Pushed::Full
    }

    /// Counts a span that came after the close.
    pub(super) fn refuse(&self) {
        let input = &self.shards[self.own()].input;
        input.offered.fetch_add(1, Release);
        input.closed.fetch_add(1, Release);
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn shards(&self) -> usize {
        self.shards.len()
    }

    pub(super) fn len(&self, shard: usize) -> usize {
        self.shards[shard].len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.shards.iter().all(|shard| shard.len() == 0)
    }

    /// Takes the next span of a shard, if there is one, and has it looked at.
    pub(super) fn pop<R>(&self, shard: usize, look: impl FnOnce(&SpanRecord) -> R) -> Option<R> {
        self.shards[shard].pop(2 * self.piece(), look)
    }

    /// A log of so many bytes is not added to: its memory is freed as a whole.
    fn piece(&self) -> usize {
        (self.share / 8).max(1)
    }

    /// Whether some shard has enough to be sent.
    pub(super) fn has_enough(&self) -> bool {
        let mut shards = self.shards.iter();
        shards.any(|shard| shard.len() >= self.threshold || self.is_much(shard.bytes()))
    }

    /// Whether so many bytes of a shard are worth waking the worker for.
    fn is_much(&self, bytes: usize) -> bool {
        bytes >= (self.share / 4).max(1)
    }

    /// The counts. `offered` is read last and so covers the others.
    pub(super) fn arrivals(&self) -> Arrivals {
        let sum = |count: fn(&Input) -> &AtomicU64| {
            let shards = self.shards.iter();
            shards.map(|shard| count(&shard.input).load(Acquire)).sum()
        };
        let full = sum(|input| &input.full);
        let closed = sum(|input| &input.closed);
        Arrivals {
            full,
            closed,
            offered: sum(|input| &input.offered),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::{Sampling, TraceContext};
    use std::collections::HashSet;

    fn span() -> SpanRecord {
        SpanRecord::builder(TraceContext::root(Sampling::Accept)).build()
    }

    fn lengths(queue: &Queue) -> usize {
        (0..queue.shards()).map(|shard| queue.len(shard)).sum()
    }

    fn pop_all(queue: &Queue) -> Vec<SpanRecord> {
        let mut spans = Vec::new();
        for shard in 0..queue.shards() {
            while let Some(span) = queue.pop(shard, SpanRecord::clone) {
                spans.push(span);
            }
        }
        spans
    }

    #[test]
    fn holds_what_it_was_told_to_and_not_one_more() {
        for limit in [1, 2, 3, 7, 8, 100] {
            for shards in [1, 2, 3, 8, 32] {
                let queue = Queue::with_shards(limit, usize::MAX, shards);
                for _ in 0..limit {
                    assert_ne!(queue.push(&span()), Pushed::Full);
                }
                assert_eq!(queue.push(&span()), Pushed::Full);
                queue.refuse();
                assert_eq!(lengths(&queue), limit);
                let arrivals = queue.arrivals();
                assert_eq!(arrivals.offered, limit as u64 + 2);
                assert_eq!((arrivals.full, arrivals.closed), (1, 1));
                assert_eq!(pop_all(&queue).len(), limit);
                assert!(queue.is_empty());
            }
        }
    }

    #[test]
    fn says_when_there_is_enough() {
        let queue = Queue::with_shards(4000, usize::MAX, 2);
        let pushed: Vec<_> = (0..1000).map(|_| queue.push(&span())).collect();
        let first = pushed.iter().position(|pushed| *pushed == Pushed::Enough);
        assert_eq!(first, Some(ENOUGH - 1));
        assert!(queue.has_enough());
    }

    #[test]
    fn says_what_comes_out_while_more_goes_in() {
        let queue = Queue::with_shards(10, usize::MAX, 1);
        for _ in 0..1000 {
            let pushed = span();
            assert_ne!(queue.push(&pushed), Pushed::Full);
            assert_eq!(queue.pop(0, SpanRecord::id), Some(pushed.id()));
        }
        assert!(queue.pop(0, |_| ()).is_none());
    }

    #[test]
    fn a_span_comes_out_as_it_went_in() {
        use crate::record::{Endpoint, Kind};
        let queue = Queue::with_shards(100, usize::MAX, 1);
        let spans: Vec<SpanRecord> = (0..20_u64)
            .map(|at| {
                let context = TraceContext::root(Sampling::Debug).child();
                let endpoint = Endpoint::service(["cart", "shop"][at as usize / 3 % 2]);
                let mut span = SpanRecord::builder(context)
                    .name(&format!("span {at}"))
                    .kind(Kind::Client)
                    .timestamp(at)
                    .remote_endpoint(Endpoint::service("catalog").with_port(80))
                    .shared(at % 2 == 0)
                    .annotation(at, "event");
                if at % 5 != 0 {
                    span = span.local_endpoint(endpoint);
                }
                (0..at)
                    .fold(span, |span, at| span.tag(&at.to_string(), "v"))
                    .build()
            })
            .collect();
        spans.iter().for_each(|span| {
            queue.push(span);
        });
        let debug = |spans: &[SpanRecord]| format!("{spans:#?}");
        assert_eq!(debug(&pop_all(&queue)), debug(&spans));
    }

    fn large(bytes: usize) -> SpanRecord {
        let context = TraceContext::root(Sampling::Accept);
        SpanRecord::builder(context)
            .tag("text", &"x".repeat(bytes))
            .build()
    }

    fn bytes(queue: &Queue) -> usize {
        queue.shards.iter().map(Shard::bytes).sum()
    }

    #[test]
    fn holds_the_bytes_it_was_told_to_and_not_one_more() {
        const SIZE: usize = 64 * 1024;
        let size = SpanLog::size_of(&large(SIZE));
        assert!((SIZE..SIZE + 4096).contains(&size), "{size}");
        for shards in [1, 2, 8] {
            let queue = Queue::with_shards(1000, shards * 3 * size, shards);
            for _ in 0..shards * 3 {
                assert_ne!(queue.push(&large(SIZE)), Pushed::Full);
            }
            assert_eq!(bytes(&queue), shards * 3 * size);
            assert_eq!(queue.push(&large(SIZE)), Pushed::Full);
            assert_eq!(queue.push(&span()), Pushed::Full);
            assert!(queue.has_enough());
            assert_eq!(queue.arrivals().full, 2);
            assert_eq!(pop_all(&queue).len(), shards * 3);
            assert_eq!(bytes(&queue), 0);
        }
    }

    #[test]
    fn bytes_count_until_their_memory_is_free() {
        const SIZE: usize = 1000;
        let size = SpanLog::size_of(&large(SIZE));
        let queue = Queue::with_shards(100, 32 * size, 1);
        let push = || queue.push(&large(SIZE)) != Pushed::Full;
        let pop = || assert!(queue.pop(0, |_| ()).is_some());
        assert_eq!((0..40).filter(|_| push()).count(), 32);
        // Four of them are in one log.
        (0..3).for_each(|_| pop());
        assert_eq!((queue.len(0), bytes(&queue)), (29, 32 * size));
        assert!(!push());
        pop();
        assert_eq!((queue.len(0), bytes(&queue)), (28, 28 * size));
        assert_eq!((0..40).filter(|_| push()).count(), 4);
        assert_eq!(pop_all(&queue).len(), 32);
        assert_eq!(bytes(&queue), 0);
    }

    #[test]
    fn takes_one_that_is_larger_than_all() {
        let queue = Queue::with_shards(1000, 10_000, 1);
        assert_eq!(queue.push(&large(20_000)), Pushed::Enough);
        assert_eq!(queue.push(&span()), Pushed::Full);
        assert!(queue.pop(0, |_| ()).is_some());
        assert_eq!(queue.push(&span()), Pushed::In);
    }

    #[test]
    fn holds_one_where_there_is_room_for_none() {
        let queue = Queue::with_shards(1000, 1, 1);
        for _ in 0..3 {
            assert_eq!(queue.push(&span()), Pushed::Enough);
            assert_eq!(queue.push(&span()), Pushed::Full);
            assert_eq!(pop_all(&queue).len(), 1);
        }
    }

    #[test]
    fn threads_do_not_exceed_the_bytes_together() {
        const SIZE: usize = 1000;
        let limit = 50 * SpanLog::size_of(&large(SIZE));
        let queue = Queue::with_shards(1000, limit, 2);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..500 {
                        queue.push(&large(SIZE));
                        assert!(lengths(&queue) <= 50);
                    }
                });
            }
        });
        while queue.push(&large(SIZE)) != Pushed::Full {}
        assert_eq!(lengths(&queue), 50);
        assert_eq!(bytes(&queue), limit);
        let arrivals = queue.arrivals();
        assert_eq!(arrivals.full, arrivals.offered - 50);
    }

    #[test]
    fn a_shard_that_another_thread_writes_to_is_passed_over() {
        let queue = Queue::with_shards(100, usize::MAX, 2);
        let held = lock(&queue.shards[queue.own()].input.log);
        assert_eq!(queue.push(&span()), Pushed::In);
        let both: Vec<_> = queue
            .shards
            .iter()
            .map(|shard| shard.input.log.try_lock())
            .collect();
        // Nobody waits for locks that are never let go of.
        assert_eq!(queue.push(&span()), Pushed::Full);
        drop((held, both));
        assert_eq!(queue.push(&span()), Pushed::In);
        assert_eq!((lengths(&queue), queue.arrivals().full), (2, 1));
    }

    #[test]
    fn nothing_is_lost_between_threads() {
        const EACH: usize = 5_000;
        let queue = Queue::with_shards(usize::MAX, usize::MAX, 2);
        let mut seen = HashSet::new();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    (0..EACH).for_each(|_| {
                        let span = span();
                        // It is refused where all shards stay busy.
                        while queue.push(&span) == Pushed::Full {}
                    })
                });
            }
            while seen.len() < 4 * EACH {
                for shard in 0..queue.shards() {
                    while let Some(trace) = queue.pop(shard, SpanRecord::trace_id) {
                        assert!(seen.insert(trace));
                    }
                }
            }
        });
        assert!(queue.is_empty());
        let arrivals = queue.arrivals();
        assert_eq!(arrivals.offered, 4 * EACH as u64 + arrivals.full);
    }
}
