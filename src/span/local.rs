use super::{OpenSpan, Outgoing, SpanHandle};
use crate::{context::TraceContext, record::SpanSink, scope};
use pin_project_lite::pin_project;
use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// A local span: a piece of a handler's own work.
///
/// Started by [`span`](crate::span) below the current span or by
/// [`Tracer::span`](crate::Tracer::span) at the top of a new trace. It is finished when it is
/// dropped, or when the closure or future that it is around has ended. Below a request that is
/// not sampled it records nothing but carries the ids on.
///
/// Holding it does not make it current: calls are its children only inside
/// [`in_scope`](Self::in_scope) or [`instrument`](Self::instrument).
///
/// ```
/// # async fn send(_: &str) {}
/// # async fn handler() {
/// let mut span = tower_b3::span("send mail");
/// span.tag("to", "3 people");
/// span.instrument(async { send("hello").await }).await; // calls in here are its children
/// # }
/// ```
#[must_use = "a span ends when it is dropped; use `in_scope` or `instrument`"]
pub struct Span {
    pub(super) open: Option<Box<OpenSpan>>,
}

impl Span {
    /// A span that does nothing.
    pub(crate) fn none() -> Span {
        Span { open: None }
    }

    pub(crate) fn of(open: Box<OpenSpan>) -> Span {
        Span { open: Some(open) }
    }

    /// A child of `parent`, which goes to `sink` or else where its parent goes.
    pub(crate) fn below(parent: &OpenSpan, name: &str, sink: Option<&Arc<SpanSink>>) -> Span {
        let Some(context) = parent.context() else {
            return Span::none();
        };
        let sink = sink.or(parent.inherited.sink.as_ref());
        let sampled = context.sampling().is_sampled() && !parent.inherited.muted;
        // Below an excluded request there are no spans, and one that cannot be recorded would be a
        // hole in the tree. The context stays what it is.
        let excluded = parent.inherited.outgoing == Outgoing::SameContext;
        if excluded || sampled && sink.is_none() {
            return Span::of(parent.derive(Some(context)));
        }
        let mut open = parent.derive(Some(context.child()));
        if let (true, Some(sink)) = (sampled, sink) {
            let at = open.now().unwrap_or_else(|| sink.now());
            open.start(sink, at);
        }
        open.rename(name);
        Span::of(open)
    }

    /// Puts the span on log lines.
    #[cfg(feature = "log-ids")]
    pub(crate) fn log(&mut self) {
        if let Some(open) = &mut self.open {
            if let Some(context) = open.context() {
                open.set_log(&context);
            }
        }
    }

    /// The span's ids; `None` if it was started where nothing was current.
    pub fn context(&self) -> Option<TraceContext> {
        self.open.as_ref().and_then(|open| open.context())
    }

    /// Tags the span, as [`tag`](crate::tag()) does for the current one.
    pub fn tag(&mut self, name: impl AsRef<str>, value: impl AsRef<str>) {
        if let Some(open) = &mut self.open {
            open.tag(name.as_ref(), value.as_ref());
        }
    }

    /// Adds an event, at the present time, as [`annotate`](crate::annotate) does.
    pub fn annotate(&mut self, text: impl AsRef<str>) {
        if let Some(open) = &mut self.open {
            open.annotate(text.as_ref());
        }
    }

    /// Gives the span another name.
    pub fn rename(&mut self, name: impl AsRef<str>) {
        if let Some(open) = &mut self.open {
            open.rename(name.as_ref());
        }
    }

    /// Marks the span as failed.
    pub fn error(&mut self, reason: impl AsRef<str>) {
        if let Some(open) = &mut self.open {
            open.error(reason.as_ref());
        }
    }

    /// A handle, to tag the span from another task; `None` if it is not recorded.
    pub fn handle(&mut self) -> Option<SpanHandle> {
        self.open.as_mut().and_then(|open| open.handle())
    }

    /// Runs a closure in which the span is current, then finishes it.
    pub fn in_scope<R>(mut self, work: impl FnOnce() -> R) -> R {
        let _entered = scope::enter(&mut self.open);
        work()
    }

    /// The span is current whenever the future is polled, and finished when it has ended or is
    /// dropped.
    pub fn instrument<F>(mut self, future: F) -> Instrumented<F> {
        if let Some(open) = &mut self.open {
            // The future may be spawned, and outlive the request.
            open.inherited.forwarded = open.inherited.forwarded.detached();
        }
        Instrumented {
            inner: Some(future),
            span: self,
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(mut open) = self.open.take() {
            if open.panicked || std::thread::panicking() {
                open.error("panic");
            }
            open.finish();
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Span")
            .field("context", &self.context())
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// A future with a [`Span`] around it.
    #[must_use = "futures do nothing unless polled"]
    pub struct Instrumented<F> {
        #[pin]
        inner: Option<F>,
        span: Span,
    }

    impl<F> PinnedDrop for Instrumented<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = scope::enter(&mut this.span.open);
            this.inner.set(None);
        }
    }
}

impl<F: Future> Future for Instrumented<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let entered = scope::enter(&mut this.span.open);
        let output = match this.inner.as_mut().as_pin_mut() {
            Some(inner) => ready!(inner.poll(cx)),
            // Polled after it was ready, which a future may answer as it likes.
            None => return Poll::Pending,
        };
        this.inner.set(None);
        drop(entered);
        *this.span = Span::none();
        Poll::Ready(output)
    }
}
