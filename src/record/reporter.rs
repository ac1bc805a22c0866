use super::SpanRecord;
use std::{sync::Arc, time::Duration};

/// Takes finished spans.
///
/// A reporter is called while a request is served. Where it panics, its span is lost, which is
/// logged once. It must not make spans of the tracer that it reports for: each would be reported
/// in its turn, without end.
pub trait Reporter: Send + Sync + 'static {
    /// Takes a span. Called on the request's thread: it must not block.
    fn report(&self, span: SpanRecord);

    /// Takes what it needs of a span, and leaves the record to the request's thread, which uses its
    /// memory for the next span. `true` if the span is taken; `false` has
    /// [`report`](Self::report) called with the record itself.
    ///
    /// Called first, on the request's thread: it must not block. Reporters that copy, count or drop
    /// spans implement it, and wrappers around another reporter hand it on. The default is `false`.
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    /// use tower_b3::{record::SpanRecord, report::Reporter};
    ///
    /// /// Counts errors.
    /// #[derive(Default)]
    /// struct Errors(AtomicU64);
    ///
    /// impl Reporter for Errors {
    ///     fn report(&self, span: SpanRecord) {
    ///         self.report_ref(&span);
    ///     }
    ///
    ///     fn report_ref(&self, span: &SpanRecord) -> bool {
    ///         self.0.fetch_add(u64::from(span.is_error()), Relaxed);
    ///         true
    ///     }
    /// }
    /// ```
    fn report_ref(&self, span: &SpanRecord) -> bool {
        let _ = span;
        false
    }

    /// Waits until the spans taken so far are delivered or lost, at most until the deadline.
    /// Blocks. `true` if everything was dealt with in time.
    ///
    /// The default is for reporters that keep nothing: it returns `true` at once.
    fn flush(&self, deadline: Duration) -> bool {
        let _ = deadline;
        true
    }
}

impl<R: Reporter + ?Sized> Reporter for Arc<R> {
    fn report(&self, span: SpanRecord) {
        (**self).report(span);
    }

    fn report_ref(&self, span: &SpanRecord) -> bool {
        (**self).report_ref(span)
    }

    fn flush(&self, deadline: Duration) -> bool {
        (**self).flush(deadline)
    }
}
