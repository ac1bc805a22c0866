//! Panics in code that is not the reporter's own: encoders, senders, `tracing` subscribers.

use crate::user_code::{catch, guarded};
use std::{future::poll_fn, pin::pin, task::Poll};

/// The future's output, or the message of its panic.
pub(super) async fn catch_future<F: Future>(future: F) -> Result<F::Output, String> {
    let mut future = pin!(future);
    poll_fn(|cx| match catch(|| future.as_mut().poll(cx)) {
        Ok(poll) => poll.map(Ok),
        Err(message) => Poll::Ready(Err(message)),
    })
    .await
}

/// Runs a `tracing` call. A subscriber that panics does not end the reporter's thread.
pub(super) fn log_guarded(log: impl FnOnce()) {
    // The panic hook has reported the panic; there is nowhere else to report it.
    let _ = guarded(log);
}
