use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Instant,
};

/// One call of `flush` or `shutdown` that waits for the worker, on a thread or in a task. It
/// completes once.
#[derive(Debug, Default)]
pub(super) struct Waiter {
    state: Mutex<State>,
    completed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    result: Option<bool>,
    waker: Option<Waker>,
}

impl Waiter {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the wait with this result. Later calls have no effect.
    pub(super) fn complete(&self, result: bool) {
        let mut state = self.state();
        state.result.get_or_insert(result);
        let waker = state.waker.take();
        drop(state);
        self.completed.notify_all();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Blocks until it completes; `false` at the deadline.
    pub(super) fn wait(&self, deadline: Instant) -> bool {
        let mut state = self.state();
        loop {
            if let Some(result) = state.result {
                return result;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self
                .completed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }

    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut state = self.state();
        match state.result {
            Some(result) => Poll::Ready(result),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
