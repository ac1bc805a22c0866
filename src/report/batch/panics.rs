//! Panics in code that is not the reporter's own: encoders, senders, `tracing` subscribers.

use crate::report::http::one_line;
use std::{
    any::Any,
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

/// What this returns, or the message that it panics with.
pub(super) fn catch<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(message)
}

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
    let _ = catch(line);
}

fn message(panic: Box<dyn Any + Send>) -> String {
    let text = match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => one_line(text),
        (_, Some(text)) => one_line(text),
        (None, None) => "no message".to_owned(),
    };
    // What a panic carries may itself panic when it is dropped.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(panic)));
    text
}
