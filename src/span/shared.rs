//! `SharedSpan`: an open span that several threads may be in at once.
//!
//! Spans of closures and futures have one owner. A span of the `tracing` crate has none: it can be
//! entered on many threads, tagged by its id from anywhere, and closed by whoever drops the last
//! handle. So it is behind a lock, under which no user code runs but what a caller of
//! [`slot::with_current`](super::slot::with_current) brings along.

use super::{OpenSpan, guards};
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError, TryLockError,
    atomic::{AtomicBool, Ordering},
};

/// A span that is entered with guards, or that keeps what is outside of it from being current.
#[derive(Default)]
pub(crate) struct SharedSpan {
    /// `None` if it has ended, or is detached.
    open: Mutex<Option<Box<OpenSpan>>>,
    ended: AtomicBool,
    /// While it is entered, nothing is current.
    detached: bool,
    /// The scope in which it was made.
    made_in: u64,
    /// Whether it shares no memory with the request that it was made in.
    owns_memory: AtomicBool,
}

impl SharedSpan {
    /// A span made in the scope of this number.
    pub(super) fn new(open: Box<OpenSpan>, made_in: u64) -> Arc<SharedSpan> {
        let mut shared = guards::blank_shared();
        match Arc::get_mut(&mut shared) {
            Some(blank) => blank.fill(open, made_in),
            None => {
                let mut blank = SharedSpan::default();
                blank.fill(open, made_in);
                shared = Arc::new(blank);
            }
        }
        shared
    }

    fn fill(&mut self, open: Box<OpenSpan>, made_in: u64) {
        let place = self.open.get_mut();
        *place.unwrap_or_else(PoisonError::into_inner) = Some(open);
        *self.ended.get_mut() = false;
        *self.owns_memory.get_mut() = false;
        self.made_in = made_in;
    }

    /// One in which nothing is current.
    pub(crate) fn detached() -> Arc<SharedSpan> {
        Arc::new(SharedSpan {
            open: Mutex::new(None),
            ended: AtomicBool::new(false),
            detached: true,
            made_in: 0,
            owns_memory: AtomicBool::new(true),
        })
    }

    pub(crate) fn is_detached(&self) -> bool {
        self.detached
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Calls `look` with the span, unless it has ended. No user code may run in `look` that could wait
    /// for this span on another thread.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&mut OpenSpan) -> R) -> Option<R> {
        let result = self.lock()?.as_deref_mut().map(look);
        if self.has_ended() {
            // It was ended in the meantime, by somebody who could not wait.
            self.end();
        }
        result
    }

    /// Ends the span: its record goes to the reporter.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        // Who holds the lock looks at `ended` afterwards. A machine with weak ordering may let it miss the
        // store, since lock and flag are two variables. Then the next one who looks ends the span, or
        // the drop of the last reference: the record is late, not lost.
        let open = self.lock().and_then(|mut open| open.take());
        if let Some(open) = open {
            open.finish();
        }
    }

    /// `None` if this thread holds the lock already.
    fn lock(&self) -> Option<MutexGuard<'_, Option<Box<OpenSpan>>>> {
        match self.open.try_lock() {
            Ok(open) => Some(open),
            Err(TryLockError::Poisoned(open)) => Some(open.into_inner()),
            // User code that runs while this thread looks at a span must not wait for it.
            Err(TryLockError::WouldBlock) if guards::is_looking() => None,
            Err(TryLockError::WouldBlock) => {
                let open = self.open.lock();
                Some(open.unwrap_or_else(PoisonError::into_inner))
            }
        }
    }

    /// The span is entered in the scope of this number. Outside of the scope that it was made in it may
    /// outlive the request, whose read buffer it must not keep.
    #[inline]
    pub(super) fn note_entered_in(&self, scope: u64) {
        if scope != self.made_in && !self.owns_memory.swap(true, Ordering::Relaxed) {
            self.with(|open| open.inherited.forwarded = open.inherited.forwarded.detached());
        }
    }

    /// Gives up a reference. The last one leaves its memory to the thread.
    #[inline]
    pub(crate) fn release(self: Arc<SharedSpan>) {
        // One load, where `get_mut` writes.
        if Arc::strong_count(&self) == 1 {
            self.recycle();
        }
    }

    fn recycle(mut self: Arc<SharedSpan>) {
        if let Some(last) = Arc::get_mut(&mut self) {
            if last.detached {
                return;
            }
            let open = last.open.get_mut();
            if let Some(open) = open.unwrap_or_else(PoisonError::into_inner).take() {
                open.finish();
            }
            guards::recycle_shared(self);
        }
    }
}

impl Drop for SharedSpan {
    fn drop(&mut self) {
        let open = self.open.get_mut();
        if let Some(open) = open.unwrap_or_else(PoisonError::into_inner).take() {
            open.finish();
        }
    }
}
