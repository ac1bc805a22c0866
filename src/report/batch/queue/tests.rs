//! The queue: limits, order, and spans that several threads push.

use super::{
    shard::{PushOutcome, Shard, lock},
    sharded::{MAX_WAKE_LEN, Queue},
};
use crate::{
    context::{Sampling, TraceContext},
    record::{Endpoint, Kind, SpanLog, SpanRecord},
};
use std::{collections::HashSet, thread};

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
fn holds_exactly_as_many_spans_as_its_limit() {
    for limit in [1, 2, 3, 7, 8, 100] {
        for shards in [1, 2, 3, 8, 32] {
            let queue = Queue::with_shards(limit, usize::MAX, shards);
            for _ in 0..limit {
                assert_ne!(queue.push(&span()), PushOutcome::Full);
            }
            assert_eq!(queue.push(&span()), PushOutcome::Full);
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
fn reports_when_there_is_enough_to_wake_the_worker() {
    let queue = Queue::with_shards(4000, usize::MAX, 2);
    let pushed: Vec<_> = (0..1000).map(|_| queue.push(&span())).collect();
    let first = pushed
        .iter()
        .position(|pushed| *pushed == PushOutcome::QueuedEnough);
    assert_eq!(first, Some(MAX_WAKE_LEN - 1));
    assert!(queue.has_enough());
}

#[test]
fn spans_come_out_in_order_while_others_are_pushed() {
    let queue = Queue::with_shards(10, usize::MAX, 1);
    for _ in 0..1000 {
        let pushed = span();
        assert_ne!(queue.push(&pushed), PushOutcome::Full);
        assert_eq!(queue.pop(0, SpanRecord::id), Some(pushed.id()));
    }
    assert!(queue.pop(0, |_| ()).is_none());
}

#[test]
fn a_span_comes_out_unchanged() {
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
fn holds_exactly_as_many_bytes_as_its_limit() {
    const SIZE: usize = 64 * 1024;
    let size = SpanLog::size_of(&large(SIZE));
    assert!((SIZE..SIZE + 4096).contains(&size), "{size}");
    for shards in [1, 2, 8] {
        let queue = Queue::with_shards(1000, shards * 3 * size, shards);
        for _ in 0..shards * 3 {
            assert_ne!(queue.push(&large(SIZE)), PushOutcome::Full);
        }
        assert_eq!(bytes(&queue), shards * 3 * size);
        assert_eq!(queue.push(&large(SIZE)), PushOutcome::Full);
        assert_eq!(queue.push(&span()), PushOutcome::Full);
        assert!(queue.has_enough());
        assert_eq!(queue.arrivals().full, 2);
        assert_eq!(pop_all(&queue).len(), shards * 3);
        assert_eq!(bytes(&queue), 0);
    }
}

#[test]
fn bytes_count_until_their_memory_is_freed() {
    const SIZE: usize = 1000;
    let size = SpanLog::size_of(&large(SIZE));
    let queue = Queue::with_shards(100, 32 * size, 1);
    let push = || queue.push(&large(SIZE)) != PushOutcome::Full;
    let pop = || assert!(queue.pop(0, |_| ()).is_some());
    assert_eq!((0..40).filter(|_| push()).count(), 32);
    // A log holds four of them.
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
fn an_empty_shard_accepts_a_span_larger_than_the_limit() {
    let queue = Queue::with_shards(1000, 10_000, 1);
    assert_eq!(queue.push(&large(20_000)), PushOutcome::QueuedEnough);
    assert_eq!(queue.push(&span()), PushOutcome::Full);
    assert!(queue.pop(0, |_| ()).is_some());
    assert_eq!(queue.push(&span()), PushOutcome::Queued);
}

#[test]
fn an_empty_shard_accepts_one_span_whatever_its_limit() {
    let queue = Queue::with_shards(1000, 1, 1);
    for _ in 0..3 {
        assert_eq!(queue.push(&span()), PushOutcome::QueuedEnough);
        assert_eq!(queue.push(&span()), PushOutcome::Full);
        assert_eq!(pop_all(&queue).len(), 1);
    }
}

#[test]
fn concurrent_threads_do_not_exceed_the_limit_in_bytes() {
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
    while queue.push(&large(SIZE)) != PushOutcome::Full {}
    assert_eq!(lengths(&queue), 50);
    assert_eq!(bytes(&queue), limit);
    let arrivals = queue.arrivals();
    assert_eq!(arrivals.full, arrivals.offered - 50);
}

#[test]
fn a_locked_shard_is_skipped() {
    let queue = Queue::with_shards(100, usize::MAX, 2);
    let held = lock(&queue.shards[queue.own()].writers.logs);
    assert_eq!(queue.push(&span()), PushOutcome::Queued);
    let both: Vec<_> = queue
        .shards
        .iter()
        .map(|shard| shard.writers.logs.try_lock())
        .collect();
    // A push does not wait for locks that are never released.
    assert_eq!(queue.push(&span()), PushOutcome::Full);
    drop((held, both));
    assert_eq!(queue.push(&span()), PushOutcome::Queued);
    assert_eq!((lengths(&queue), queue.arrivals().full), (2, 1));
}

#[test]
fn no_span_is_lost_between_threads() {
    const EACH: usize = 5_000;
    let queue = Queue::with_shards(usize::MAX, usize::MAX, 2);
    let mut seen = HashSet::new();
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                (0..EACH).for_each(|_| {
                    let span = span();
                    // It is refused if all shards stay locked.
                    while queue.push(&span) == PushOutcome::Full {}
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
