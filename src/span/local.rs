//! `Span`: a local span around a piece of a handler's own work, and the future that it is around.
//!
//! [`scope::span`](crate::scope::span) and [`Tracer::span`](crate::Tracer::span) start one. The spans of
//! the layers are not here: they are an [`OpenSpan`] in an exchange.

use super::{Inherited, OpenSpan, OutgoingRequests, SpanHandle, slot};
use crate::{
    context::TraceContext,
    record::{Kind, SpanBuffer, SpanSink},
};
use pin_project_lite::pin_project;
use std::{
    fmt,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// A local span: a piece of a handler's own work.
///
/// [`span`](crate::span) starts one as a child of the current span, and
/// [`Tracer::span`](crate::Tracer::span) starts one as the root of a new trace. It finishes when it is
/// dropped, or when the closure or future that it is around ends. Below a request that is not sampled
/// it records nothing, but still propagates the ids.
///
/// Holding a span does not make it current: calls are its children only inside
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

    /// A child of the current span, reported to `sink`, or to its parent's sink if that is `None`.
    /// Returns `None` if no span is current.
    pub(crate) fn below_current(name: &str, sink: Option<&Arc<SpanSink>>) -> Option<Span> {
        #[cfg(feature = "log-ids")]
        {
            let (mut span, logged) =
                slot::with_current(|open| (Span::below(open, name, sink), open.has_log_span()))?;
            // Not inside of `with_current`: a subscriber is user code, and expects a current span.
            if logged {
                span.start_log_span();
            }
            Some(span)
        }
        #[cfg(not(feature = "log-ids"))]
        slot::with_current(|open| Span::below(open, name, sink))
    }

    pub(super) fn below(parent: &OpenSpan, name: &str, sink: Option<&Arc<SpanSink>>) -> Span {
        let Some(context) = parent.context() else {
            return Span::none();
        };
        let sink = sink.or(parent.inherited.sink.as_ref());
        let sampled = context.sampling().is_sampled() && !parent.inherited.suppressed;
        // Below an excluded request there are no spans, and an id that is sampled but not recorded
        // would be a hole in the tree. So the context stays the parent's.
        let excluded = parent.inherited.outgoing_requests == OutgoingRequests::KeepContext;
        if excluded || sampled && sink.is_none() {
            return Span::of(parent.child(context));
        }
        let mut open = parent.child(context.child());
        if let (true, Some(sink)) = (sampled, sink) {
            let at = open.now().unwrap_or_else(|| sink.now());
            open.start(sink, at);
        }
        open.rename(name);
        Span::of(open)
    }

    /// What the span does not finish any more.
    #[cfg(feature = "tracing-layer")]
    pub(crate) fn into_open(mut self) -> Option<Box<OpenSpan>> {
        self.open.take()
    }

    /// What the span passes on.
    pub(crate) fn inherited(&self) -> Option<&Inherited> {
        self.open.as_deref().map(|open| &open.inherited)
    }

    pub(crate) fn inherited_mut(&mut self) -> Option<&mut Inherited> {
        self.open.as_deref_mut().map(|open| &mut open.inherited)
    }

    /// The record, if the span is recorded.
    pub(crate) fn record(&mut self) -> Option<&mut SpanBuffer> {
        self.open.as_deref_mut()?.record()
    }

    #[cfg(feature = "log-ids")]
    fn start_log_span(&mut self) {
        if let Some(open) = &mut self.open {
            open.start_log_span();
        }
    }

    /// Says that the span is one side of an exchange with another service, which is not traced by a
    /// layer: a query to a database is [`Kind::Client`], a message that is sent [`Kind::Producer`], one
    /// that is received [`Kind::Consumer`]. Default: none, work inside the service.
    ///
    /// Together with the [remote service](Self::remote_service), this is what Zipkin's dependency graph
    /// is made of.
    ///
    /// ```
    /// use tower_b3::record::Kind;
    /// # use tower_b3::{Tracer, report::InMemoryReporter};
    /// # let spans = InMemoryReporter::default();
    /// # let tracer = Tracer::builder("shop").reporter(spans.clone()).build()?;
    /// # tracer.span("handler").in_scope(|| {
    ///
    /// tower_b3::span("SELECT carts")
    ///     .kind(Kind::Client)
    ///     .remote_service("postgres")
    ///     .remote_address(([10, 0, 0, 3], 5432).into())
    ///     .in_scope(|| { /* the query */ });
    /// # });
    /// # let span = spans.take().remove(0);
    /// # assert_eq!(span.kind(), Some(Kind::Client));
    /// # assert_eq!(span.remote_endpoint().service_name, Some("postgres"));
    /// # Ok::<(), tower_b3::BuildError>(())
    /// ```
    pub fn kind(mut self, kind: Kind) -> Span {
        if let Some(open) = &mut self.open {
            open.set_kind(kind);
        }
        self
    }

    /// Names the service on the other side: `postgres`, `kafka`. A blank name is ignored.
    pub fn remote_service(mut self, name: impl AsRef<str>) -> Span {
        if let Some(open) = &mut self.open {
            open.set_remote_service(name.as_ref());
        }
        self
    }

    /// Sets the address of the service on the other side.
    pub fn remote_address(mut self, address: SocketAddr) -> Span {
        if let Some(open) = &mut self.open {
            open.set_remote_address(address);
        }
        self
    }

    /// Adds the event `follows from {trace id}-{span id}`, which refers to another span that led to this
    /// one without being its parent: a span of a batch refers to the messages in it.
    ///
    /// See [`Tracer::batch_span`](crate::Tracer::batch_span). Like all events of a span, those beyond 128
    /// are counted in the tag `left_out`.
    pub fn follows_from(&mut self, context: TraceContext) {
        if let Some(open) = &mut self.open {
            open.follows_from(&context);
        }
    }

    /// The span's ids; `None` if no span was current when it was started.
    pub fn context(&self) -> Option<TraceContext> {
        self.open.as_ref().and_then(|open| open.context())
    }

    /// Tags the span, as [`tag`](crate::tag()) does for the current one.
    pub fn tag(&mut self, name: impl AsRef<str>, value: impl AsRef<str>) {
        if let Some(open) = &mut self.open {
            open.tag(name.as_ref(), value.as_ref());
        }
    }

    /// Adds an event at the present time, as [`annotate`](crate::annotate) does.
    pub fn annotate(&mut self, text: impl AsRef<str>) {
        if let Some(open) = &mut self.open {
            open.annotate(text.as_ref());
        }
    }

    /// Renames the span.
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

    /// Returns a handle, to tag the span from another task; `None` if the span is not recorded.
    pub fn handle(&mut self) -> Option<SpanHandle> {
        self.open.as_mut().and_then(|open| open.handle())
    }

    /// Runs a closure in which the span is current, then finishes the span.
    pub fn in_scope<R>(mut self, work: impl FnOnce() -> R) -> R {
        let _entered = slot::enter(&mut self.open);
        work()
    }

    /// Makes the span current whenever the future is polled, and finishes it when the future ends or is
    /// dropped.
    pub fn instrument<F>(mut self, future: F) -> Instrumented<F> {
        if let Some(open) = &mut self.open {
            // The future may be spawned and outlive the request, whose read buffer it must not keep.
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
            let _entered = slot::enter(&mut this.span.open);
            this.inner.set(None);
        }
    }
}

impl<F: Future> Future for Instrumented<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let entered = slot::enter(&mut this.span.open);
        let output = match this.inner.as_mut().as_pin_mut() {
            Some(inner) => ready!(inner.poll(cx)),
            // It was ready before. A future that is polled again may return anything.
            None => return Poll::Pending,
        };
        // The future is dropped while its span is current, and before its span finishes.
        this.inner.set(None);
        drop(entered);
        *this.span = Span::none();
        Poll::Ready(output)
    }
}

impl<F> fmt::Debug for Instrumented<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instrumented")
            .field("span", &self.span)
            .finish_non_exhaustive()
    }
}
