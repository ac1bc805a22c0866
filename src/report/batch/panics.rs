//! Panics in code that is not the reporter's own: encoders, senders, `tracing` subscribers.

use crate::user_code::{catch, guarded};
use std::{future::poll_fn, pin::pin, task::Poll};

/// What the future returns, or the message that it panics with.
pub(super) async fn catch_future<F: Future>(future: F) -> Result<F::Output, String> {
    let mut future = pin!(future);
    poll_fn(|cx| match catch(|| future.as_mut().poll(cx)) {
        Ok(poll) => poll.map(Ok),
        Err(message) => Poll::Ready(Err(message)),
    })
    .await
}

/// Logs. A subscriber that panics does not end the reporter.
pub(super) fn say(line: impl FnOnce()) {
    // There is nowhere else to say it; the panic hook has run.
    let _ = guarded(line);
}
