//! The span of the `tracing` crate that puts the ids of a request on its log lines.

use crate::{context::TraceContext, user_code::guarded};

/// A span of the `tracing` crate. Each method calls the subscriber, which is user code and may panic.
pub(crate) struct LogSpan(Option<tracing::Span>);

impl LogSpan {
    /// Has the highest level, so that no filter by level removes the ids from the lines.
    pub(crate) fn new(context: &TraceContext) -> LogSpan {
        LogSpan(guarded(|| {
            tracing::error_span!(
                target: "tower_b3",
                "request",
                trace_id = %context.trace_id(),
                span_id = %context.span_id(),
            )
        }))
    }

    pub(crate) fn enter(&self) {
        self.call(|(id, subscriber)| subscriber.enter(id));
    }

    pub(crate) fn exit(&self) {
        self.call(|(id, subscriber)| subscriber.exit(id));
    }

    fn call(&self, call: impl FnOnce((&tracing::Id, &tracing::Dispatch))) {
        if let Some(span) = &self.0 {
            guarded(|| span.with_subscriber(call));
        }
    }
}

impl Clone for LogSpan {
    fn clone(&self) -> Self {
        LogSpan(guarded(|| self.0.clone()).flatten())
    }
}

impl Drop for LogSpan {
    fn drop(&mut self) {
        let span = self.0.take();
        guarded(|| drop(span));
    }
}
