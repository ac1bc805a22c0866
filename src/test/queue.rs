//! The finished spans that a collector and its reporters share, and how the collector waits for
//! more of them.
//!
//! Waiting needs no runtime: a thread ends the wait after the timeout. The timeout is real time,
//! even if tokio's clock is paused.

use crate::record::SpanRecord;
use std::{
    future::poll_fn,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    task::{Poll, Waker},
    thread,
    time::{Duration, Instant},
};

#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    finished: Vec<SpanRecord>,
    wakers: Vec<Waker>,
}

impl Queue {
    pub(super) fn push(&self, span: SpanRecord) {
        let mut state = self.state();
        state.finished.push(span);
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.changed.notify_all();
        wakers.into_iter().for_each(Waker::wake);
    }

    pub(super) fn take_all(&self) -> Vec<SpanRecord> {
        std::mem::take(&mut self.state().finished)
    }

    /// Takes the first span that `matches`.
    pub(super) fn take_where(&self, matches: impl Fn(&SpanRecord) -> bool) -> Option<SpanRecord> {
        let mut state = self.state();
        let at = state.finished.iter().position(matches)?;
        Some(state.finished.remove(at))
    }

    /// Calls `look` with the spans that have not been taken.
    pub(super) fn with<R>(&self, look: impl FnOnce(&[SpanRecord]) -> R) -> R {
        look(&self.state().finished)
    }

    /// Blocks until there are `count` spans. `false` if there are fewer after the timeout.
    pub(super) fn block_until(&self, count: usize, timeout: Duration) -> bool {
        let enough = |state: &State| state.finished.len() >= count;
        enough(&self.block_while(timeout, |state| !enough(state)))
    }

    /// Waits until there are `count` spans. `false` if there are fewer after the timeout.
    pub(super) async fn until(self: &Arc<Self>, count: usize, timeout: Duration) -> bool {
        let mut timer = None;
        poll_fn(|cx| {
            // The waker is registered before the timer starts, so that its end cannot be missed.
            let mut state = self.state();
            if state.finished.len() >= count {
                return Poll::Ready(true);
            }
            if !state.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
                state.wakers.push(cx.waker().clone());
            }
            drop(state);
            let timer = timer.get_or_insert_with(|| Timer::start(self, timeout));
            match timer.is_over() {
                true => Poll::Ready(false),
                false => Poll::Pending,
            }
        })
        .await
    }

    fn block_while(
        &self,
        timeout: Duration,
        mut condition: impl FnMut(&State) -> bool,
    ) -> MutexGuard<'_, State> {
        let waited = self
            .changed
            .wait_timeout_while(self.state(), timeout, |state| condition(state));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes the tasks that wait for the queue after a timeout.
struct Timer {
    queue: Arc<Queue>,
    canceled: Arc<AtomicBool>,
    /// `None` if the timeout is too long to have an end.
    end: Option<Instant>,
}

impl Timer {
    fn start(queue: &Arc<Queue>, timeout: Duration) -> Timer {
        let timer = Timer {
            queue: Arc::clone(queue),
            canceled: Arc::default(),
            end: Instant::now().checked_add(timeout),
        };
        let (queue, canceled) = (Arc::clone(queue), Arc::clone(&timer.canceled));
        thread::spawn(move || {
            let mut state = queue.block_while(timeout, |_| !canceled.load(SeqCst));
            let wakers = std::mem::take(&mut state.wakers);
            drop(state);
            wakers.into_iter().for_each(Waker::wake);
        });
        timer
    }

    fn is_over(&self) -> bool {
        self.end.is_some_and(|end| Instant::now() >= end)
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // Under the lock, so that the thread cannot miss it between its check and its wait.
        let state = self.queue.state();
        self.canceled.store(true, SeqCst);
        drop(state);
        self.queue.changed.notify_all();
    }
}
