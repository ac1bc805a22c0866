use super::SpanRecord;
use std::{sync::Arc, time::Duration};

/// Receives finished spans.
///
/// A reporter is called while a request is served. If it panics, the span is lost, which is logged
/// once. It must not make spans with the tracer that it reports for: each would be reported again,
/// without end.
///
/// An `Arc` or a `Box` of a reporter is a reporter, so the choice can be made at run time:
///
/// ```
/// use tower_b3::{Tracer, report::{ConsoleReporter, NoopReporter, Reporter}};
///
/// let verbose = std::env::var_os("VERBOSE").is_some();
/// let reporter: Box<dyn Reporter> = match verbose {
///     true => Box::new(ConsoleReporter::stderr()),
///     false => Box::new(NoopReporter),
/// };
/// let tracer = Tracer::builder("orders").reporter(reporter).build()?;
/// # Ok::<(), tower_b3::BuildError>(())
/// ```
pub trait Reporter: Send + Sync + 'static {
    /// Receives a span. Called on the request's thread: it must not block.
    fn report(&self, span: SpanRecord);

    /// Receives a span by reference, before [`report`](Self::report) would be called. Returns `true`
    /// if it has copied what it needs; then `report` is not called, and the request's thread reuses
    /// the record's memory for its next span.
    ///
    /// Called on the request's thread: it must not block. Reporters that copy, count or drop spans
    /// implement it, and wrappers around another reporter forward it. The default returns `false`.
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

    /// Blocks until all spans received so far are delivered or dropped, at most for `timeout`.
    /// Returns whether they were.
    ///
    /// The default is for reporters that hold no spans: it returns `true` at once.
    fn flush(&self, timeout: Duration) -> bool {
        let _ = timeout;
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

    fn flush(&self, timeout: Duration) -> bool {
        (**self).flush(timeout)
    }
}

impl<R: Reporter + ?Sized> Reporter for Box<R> {
    fn report(&self, span: SpanRecord) {
        (**self).report(span);
    }

    fn report_ref(&self, span: &SpanRecord) -> bool {
        (**self).report_ref(span)
    }

    fn flush(&self, timeout: Duration) -> bool {
        (**self).flush(timeout)
    }
}
