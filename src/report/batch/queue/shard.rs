//! One shard of the queue: spans, their bytes, and the counts of what was offered to it.
//!
//! The requests' threads write one half of it, the reporter's thread the other, so that neither
//! takes a cache line from the other span by span. Which shard a thread uses is decided in
//! `sharded`.

use crate::record::{SpanLog, SpanReader, SpanRecord};
// Unlike std's lock, this one is released by a plain store. So the request goes on before the
// appended span has reached cache lines that the other core has read.
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

/// The limits of every shard of a queue.
pub(super) struct ShardLimits {
    /// The bytes that a shard's spans may take.
    pub(super) bytes: usize,
    /// A shard with this many spans is worth waking the worker for, as is one that is a quarter
    /// full by bytes.
    pub(super) wake_len: usize,
}

impl ShardLimits {
    /// Whether this many bytes in a shard are worth waking the worker for.
    pub(super) fn is_wake_size(&self, bytes: usize) -> bool {
        bytes >= (self.bytes / 4).max(1)
    }

    /// A log of this size is closed, and a new one begun: a log's memory is freed as a whole.
    pub(super) fn log_bytes(&self) -> usize {
        (self.bytes / 8).max(1)
    }
}

pub(super) struct Shard {
    max_spans: usize,
    pub(super) writers: WriterHalf,
    reader: ReaderHalf,
}

/// What the requests' threads write. Aligned so that no two shards share a cache line, nor the
/// pair of lines that is prefetched together.
#[repr(align(128))]
#[derive(Default)]
pub(super) struct WriterHalf {
    pub(super) logs: SpinMutex<Logs>,
    /// Spans and bytes pushed in total. Changed only under the lock.
    spans: AtomicUsize,
    bytes: AtomicUsize,
    pub(super) offered: AtomicU64,
    pub(super) full: AtomicU64,
    pub(super) closed: AtomicU64,
}

#[derive(Default)]
pub(super) struct Logs {
    /// Logs that are large enough, the oldest first.
    closed: VecDeque<SpanLog>,
    current: SpanLog,
    /// The reader's totals when a writer last loaded them.
    spans_read: usize,
    bytes_freed: usize,
}

/// What the reporter's thread writes.
#[repr(align(128))]
#[derive(Default)]
struct ReaderHalf {
    reader: SpinMutex<SpanReader>,
    /// Spans read in total.
    spans: AtomicUsize,
    /// Bytes freed in total. A log's bytes are freed when its last span has been read.
    bytes: AtomicUsize,
}

/// The result of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report::batch) enum PushOutcome {
    Queued,
    /// Queued, and there is enough to wake the worker for.
    QueuedEnough,
    Full,
}

impl Shard {
    pub(super) fn new(max_spans: usize) -> Shard {
        Shard {
            max_spans,
            writers: WriterHalf::default(),
            reader: ReaderHalf::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        // Loaded first, so that it is never ahead of what was pushed.
        let read = self.reader.spans.load(Acquire);
        self.writers.spans.load(Acquire) - read
    }

    pub(super) fn bytes(&self) -> usize {
        let freed = self.reader.bytes.load(Acquire);
        self.writers.bytes.load(Acquire) - freed
    }

    /// Pushes a span of this size, unless the shard would exceed its limits. `None` while another
    /// thread pushes to the shard.
    pub(super) fn push(
        &self,
        span: &SpanRecord,
        size: usize,
        limits: &ShardLimits,
    ) -> Option<PushOutcome> {
        let mut logs = self.writers.logs.try_lock()?;
        let spans = self.writers.spans.load(Relaxed) + 1;
        let bytes = self.writers.bytes.load(Relaxed).saturating_add(size);
        let (held, held_bytes) = (spans - logs.spans_read, bytes - logs.bytes_freed);
        let mut outcome = PushOutcome::Queued;
        if held >= limits.wake_len || limits.is_wake_size(held_bytes) {
            // Only now is it worth loading a cache line that the other thread writes.
            logs.bytes_freed = self.reader.bytes.load(Acquire);
            logs.spans_read = self.reader.spans.load(Acquire);
            let (held, held_bytes) = (spans - logs.spans_read, bytes - logs.bytes_freed);
            if held > self.max_spans || held > 1 && held_bytes > limits.bytes {
                return Some(PushOutcome::Full);
            }
            if held >= limits.wake_len || limits.is_wake_size(held_bytes) {
                outcome = PushOutcome::QueuedEnough;
            }
        }
        if logs.current.bytes() >= limits.log_bytes() {
            let closed = mem::take(&mut logs.current);
            logs.closed.push_back(closed);
        }
        logs.current.push(span, size);
        self.writers.bytes.store(bytes, Release);
        self.writers.spans.store(spans, Release);
        Some(outcome)
    }

    /// Takes the next span, if there is one, and calls `look` with it. A log whose buffers are
    /// larger than `keep` bytes is freed once it has been read.
    pub(super) fn pop<R>(&self, keep: usize, look: impl FnOnce(&SpanRecord) -> R) -> Option<R> {
        let mut reader = lock(&self.reader.reader);
        if reader.is_done() {
            let logs = &mut *lock(&self.writers.logs);
            let mut closed = logs.closed.pop_front();
            reader.take(closed.as_mut().unwrap_or(&mut logs.current));
        }
        let span = reader.next()?;
        // No other thread changes them: the lock is held.
        let add = |count: &AtomicUsize, more| count.store(count.load(Relaxed) + more, Release);
        add(&self.reader.spans, 1);
        let looked = look(span);
        if reader.is_done() {
            add(&self.reader.bytes, reader.clear(keep));
        }
        Some(looked)
    }
}

/// Waits for the lock: for the reporter's thread, which may wait.
pub(super) fn lock<T>(mutex: &SpinMutex<T>) -> SpinMutexGuard<'_, T> {
    loop {
        if let Some(guard) = mutex.try_lock() {
            return guard;
        }
        thread::yield_now();
    }
}
