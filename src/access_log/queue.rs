//! `Queue`: the lines between the threads that serve requests and the thread that writes.
//!
//! Each thread appends to a shard of its own, or to another one if that is locked. Only if all are
//! locked does it wait for its own, for as long as it takes to copy a line or to swap two buffers. So lines
//! may be written in another order than they were made.
//!
//! What the shards hold comes out of one budget, which is given back when the lines are written. They take
//! it in advance, some lines at a time, so that threads do not contend for it.

use super::stats::Totals;
use crate::shard;
use std::{
    mem,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    thread::Thread,
    time::{Duration, Instant},
};

/// What a shard allocates at the start, so that usual load allocates nothing later.
const FIRST_CAPACITY: usize = 256 * 1024;
/// The writer is woken when a shard has this many bytes, as in Envoy.
const ENOUGH_TO_WRITE: usize = 64 * 1024;
/// What a shard takes of the budget at once.
const ADVANCE: usize = 16 * 1024;
/// With fewer shards, threads on a machine of few cores would often find all of them locked.
const MIN_SHARDS: usize = 4;

pub(super) struct Queue {
    shards: Vec<Shard>,
    /// How many bytes the shards may still take.
    budget: AtomicUsize,
    advance: usize,
    enough_to_write: usize,
    /// The thread that writes, to be woken.
    writer: OnceLock<Thread>,
    /// Whether that thread sleeps until a line arrives.
    idle: AtomicBool,
    /// Of this queue alone.
    dropped: AtomicU64,
    /// Lines that are taken out, and not written yet.
    writing: AtomicU64,
    /// Of all queues of the log.
    totals: Arc<Totals>,
    progress: Mutex<Progress>,
    progressed: Condvar,
}

/// On a cache line of its own, so that threads do not slow each other down.
#[repr(align(128))]
struct Shard(Mutex<Lines>);

#[derive(Default)]
pub(super) struct Lines {
    pub(super) bytes: Vec<u8>,
    pub(super) count: u64,
    /// What is taken of the budget: the length of `bytes`, or more.
    reserved: usize,
    /// No more lines are taken.
    closed: bool,
}

/// What flushes wait for.
#[derive(Default)]
struct Progress {
    /// The number of the last flush that was asked for.
    asked: u64,
    /// The number of the last flush whose lines are written.
    done: u64,
    ending: bool,
    ended: bool,
}

impl Queue {
    pub(super) fn new(max_bytes: usize, totals: Arc<Totals>) -> Queue {
        let count = shard::count().max(MIN_SHARDS);
        let part = max_bytes / count;
        let lines = |_| {
            Shard(Mutex::new(Lines {
                bytes: Vec::with_capacity(part.min(FIRST_CAPACITY)),
                ..Lines::default()
            }))
        };
        Queue {
            shards: (0..count).map(lines).collect(),
            budget: AtomicUsize::new(max_bytes),
            advance: (part / 4).min(ADVANCE),
            enough_to_write: (part / 2).min(ENOUGH_TO_WRITE),
            writer: OnceLock::new(),
            idle: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            writing: AtomicU64::new(0),
            totals,
            progress: Mutex::default(),
            progressed: Condvar::new(),
        }
    }

    /// Appends a line. It does not wait for the output: if the queue is full, or closed, the line is dropped
    /// and counted.
    pub(super) fn push(&self, line: &[u8]) {
        let count = self.shards.len();
        let own = shard::thread_number() % count;
        let shards = || (0..count).filter_map(|at| self.shards.get((own + at) % count));
        let pushed = shards().any(|shard| match shard.0.try_lock() {
            Ok(lines) => self.push_to(lines, line),
            Err(TryLockError::Poisoned(lines)) => self.push_to(lines.into_inner(), line),
            Err(TryLockError::WouldBlock) => false,
        });
        // The budget is for all shards, so any of them tells whether there is room.
        if !pushed && !shards().any(|shard| self.push_to(shard.lines(), line)) {
            self.dropped.fetch_add(1, Relaxed);
            self.totals.dropped.fetch_add(1, Relaxed);
        }
    }

    fn push_to(&self, mut lines: MutexGuard<'_, Lines>, line: &[u8]) -> bool {
        let before = lines.bytes.len();
        let after = before + line.len();
        if lines.closed || !self.reserve(&mut lines, after) {
            return false;
        }
        lines.bytes.extend_from_slice(line);
        lines.count += 1;
        drop(lines);
        let enough = self.enough_to_write;
        let has_enough = before < enough && after >= enough;
        if has_enough || self.idle.load(Relaxed) {
            self.wake();
        }
        true
    }

    /// Takes as much of the budget as this many bytes of lines need. Returns whether there is as much.
    fn reserve(&self, lines: &mut Lines, bytes: usize) -> bool {
        let Some(missing) = bytes
            .checked_sub(lines.reserved)
            .filter(|&missing| missing > 0)
        else {
            return true;
        };
        for wanted in [missing.max(self.advance), missing] {
            let take = |budget: usize| budget.checked_sub(wanted);
            if self.budget.fetch_update(Relaxed, Relaxed, take).is_ok() {
                lines.reserved += wanted;
                return true;
            }
        }
        false
    }

    fn wake(&self) {
        if let Some(writer) = self.writer.get() {
            // Of several threads that find the writer idle, one wakes it.
            self.idle.store(false, Relaxed);
            writer.unpark();
        }
    }

    /// Waits until the lines that were made so far are written. Returns whether they are.
    pub(super) fn flush(&self, timeout: Duration) -> bool {
        let mut progress = self.progress();
        progress.asked += 1;
        let number = progress.asked;
        self.wake();
        self.wait(progress, timeout, |progress| {
            progress.done >= number || progress.ended
        })
    }

    /// Has the writer end when everything is written, and waits for that. Returns whether it has ended.
    pub(super) fn end(&self, timeout: Duration) -> bool {
        let mut progress = self.progress();
        progress.ending = true;
        self.wake();
        self.wait(progress, timeout, |progress| progress.ended)
    }

    fn wait(
        &self,
        mut progress: MutexGuard<'_, Progress>,
        timeout: Duration,
        is_done: impl Fn(&Progress) -> bool,
    ) -> bool {
        let started = Instant::now();
        while !is_done(&progress) {
            let left = timeout.saturating_sub(started.elapsed());
            if left.is_zero() {
                return false;
            }
            let waited = self.progressed.wait_timeout(progress, left);
            progress = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many lines wait, or are being written.
    pub(super) fn queued(&self) -> u64 {
        let waiting = self.shards.iter().map(|shard| shard.lines().count);
        waiting.sum::<u64>() + self.writing.load(Relaxed)
    }
}

/// For the thread that writes.
impl Queue {
    pub(super) fn set_writer(&self, thread: Thread) {
        let _ = self.writer.set(thread);
    }

    /// The number of the last flush that was asked for, and whether the writer is to end.
    pub(super) fn asked(&self) -> (u64, bool) {
        let progress = self.progress();
        (progress.asked, progress.ending)
    }

    /// Takes the lines of each shard in turn. `lines` is empty memory, and is handed over in exchange.
    pub(super) fn drain(&self, lines: &mut Lines, mut write: impl FnMut(&Lines)) {
        for shard in &self.shards {
            let mut queued = shard.lines();
            if queued.count == 0 {
                continue;
            }
            mem::swap(&mut queued.bytes, &mut lines.bytes);
            mem::swap(&mut queued.count, &mut lines.count);
            let reserved = mem::take(&mut queued.reserved);
            self.writing.store(lines.count, Relaxed);
            drop(queued);
            write(lines);
            self.writing.store(0, Relaxed);
            self.budget.fetch_add(reserved, Relaxed);
            let written = lines.bytes.len();
            lines.bytes.clear();
            lines.count = 0;
            // What a burst has allocated is given back step by step.
            if written < lines.bytes.capacity() / 8 && lines.bytes.capacity() > FIRST_CAPACITY {
                lines.bytes.shrink_to(lines.bytes.capacity() / 2);
            }
        }
    }

    pub(super) fn note_done(&self, flush: u64) {
        self.progress().done = flush;
        self.progressed.notify_all();
    }

    /// Takes no more lines. Lines that are queued already can still be drained.
    pub(super) fn close(&self) {
        for shard in &self.shards {
            shard.lines().closed = true;
        }
    }

    /// The queue is closed and drained: its memory is given back, because plans may keep the queue.
    pub(super) fn note_ended(&self) {
        for shard in &self.shards {
            shard.lines().bytes = Vec::new();
        }
        self.progress().ended = true;
        self.progressed.notify_all();
    }

    /// How many lines were dropped.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }

    pub(super) fn count_written(&self, lines: u64) {
        self.totals.written.fetch_add(lines, Relaxed);
    }

    pub(super) fn count_failed(&self, lines: u64) {
        self.totals.failed.fetch_add(lines, Relaxed);
    }

    /// Says that the writer is going to sleep until a line arrives. Returns whether it may: no line has
    /// arrived meanwhile. A line that arrives later finds the writer idle, because both lock its shard.
    pub(super) fn become_idle(&self) -> bool {
        self.idle.store(true, Relaxed);
        let is_empty = self.shards.iter().all(|shard| shard.lines().count == 0);
        if !is_empty {
            self.idle.store(false, Relaxed);
        }
        is_empty
    }
}

impl Shard {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    /// Memory to exchange for the lines of a shard.
    pub(super) fn empty() -> Lines {
        Lines {
            bytes: Vec::with_capacity(FIRST_CAPACITY),
            ..Lines::default()
        }
    }
}
