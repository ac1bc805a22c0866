//! `Queue`: the lines between the threads that serve requests and the thread that writes.
//!
//! Each thread appends to a shard of its own, which is locked for as long as it takes to copy a line. A
//! shard that is locked or full is skipped. So no request waits, and lines of different threads may be
//! written in another order than they were made.

use super::stats::AccessLogStats;
use crate::shard;
use std::{
    mem,
    sync::{
        Condvar, Mutex, MutexGuard, OnceLock, PoisonError, TryLockError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread::Thread,
    time::{Duration, Instant},
};

/// What a shard allocates at the start, so that usual load allocates nothing later.
const FIRST_CAPACITY: usize = 256 * 1024;
/// The writer is woken when a shard has this many bytes, as in Envoy.
const ENOUGH_TO_WRITE: usize = 64 * 1024;

pub(super) struct Queue {
    shards: Vec<Shard>,
    max_shard_bytes: usize,
    max_bytes: usize,
    /// The thread that writes, to be woken.
    writer: OnceLock<Thread>,
    /// Whether that thread sleeps until a line arrives.
    idle: AtomicBool,
    dropped: AtomicU64,
    written: AtomicU64,
    failed: AtomicU64,
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
    pub(super) fn new(max_bytes: usize) -> Queue {
        let count = shard::count();
        let max_shard_bytes = max_bytes / count;
        let lines = |_| {
            Shard(Mutex::new(Lines {
                bytes: Vec::with_capacity(max_shard_bytes.min(FIRST_CAPACITY)),
                ..Lines::default()
            }))
        };
        Queue {
            shards: (0..count).map(lines).collect(),
            max_shard_bytes,
            max_bytes,
            writer: OnceLock::new(),
            idle: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            written: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            progress: Mutex::default(),
            progressed: Condvar::new(),
        }
    }

    /// Appends a line. It never waits: if there is no room, the line is dropped and counted.
    pub(super) fn push(&self, line: &[u8]) {
        let own = shard::thread_number();
        let count = self.shards.len();
        for at in 0..count {
            if self.push_to(&self.shards[(own + at) % count], line) {
                return;
            }
        }
        self.dropped.fetch_add(1, Relaxed);
    }

    fn push_to(&self, shard: &Shard, line: &[u8]) -> bool {
        let mut lines = match shard.0.try_lock() {
            Ok(lines) => lines,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return false,
        };
        let before = lines.bytes.len();
        let after = before + line.len();
        // A line that is longer than a shard's part of the limit has a shard for itself.
        let fits = after <= self.max_shard_bytes || before == 0 && after <= self.max_bytes;
        if lines.closed || !fits {
            return false;
        }
        lines.bytes.extend_from_slice(line);
        lines.count += 1;
        drop(lines);
        let enough = (self.max_shard_bytes / 2).min(ENOUGH_TO_WRITE);
        let has_enough = before < enough && after >= enough;
        if has_enough || self.idle.load(Relaxed) {
            self.wake();
        }
        true
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

    pub(super) fn stats(&self) -> AccessLogStats {
        AccessLogStats {
            written: self.written.load(Relaxed),
            dropped: self.dropped.load(Relaxed),
            failed: self.failed.load(Relaxed),
        }
    }

    /// How many lines wait.
    pub(super) fn queued(&self) -> u64 {
        self.shards.iter().map(|shard| shard.lines().count).sum()
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
            drop(queued);
            write(lines);
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

    pub(super) fn note_ended(&self) {
        self.progress().ended = true;
        self.progressed.notify_all();
    }

    pub(super) fn count_written(&self, lines: u64) {
        self.written.fetch_add(lines, Relaxed);
    }

    pub(super) fn count_failed(&self, lines: u64) {
        self.failed.fetch_add(lines, Relaxed);
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
