//! `RequestContext`: the context of a request, detached from it, to be carried to another task.
//!
//! Server layers put one into a request's extensions, client layers take one out of them, and
//! [`scope::in_current_context`](crate::scope::in_current_context) carries one into a spawned task.

use super::{Inherited, OpenSpan, OutgoingRequests, Span, slot};
use crate::{context::TraceContext, id::RequestId, propagation::Forwarded};
use pin_project_lite::pin_project;
use std::{fmt, pin::Pin, task::Poll};

/// The context of a request, to carry to where it is not current: into a spawned task, over a
/// channel, or in the extensions of an outgoing request, where a client layer finds it.
///
/// It holds the ids, the request id and the forwarded headers. It does not hold the span: use a
/// [`SpanHandle`](crate::SpanHandle) for that.
#[derive(Clone, Default)]
pub struct RequestContext(Inherited);

impl RequestContext {
    /// Returns the current context; `None` if no span is current.
    pub fn current() -> Option<RequestContext> {
        slot::with_current(|open| RequestContext::of(open))
    }

    pub(crate) fn of(open: &OpenSpan) -> RequestContext {
        RequestContext(open.inherited.detached())
    }

    /// These ids, with the request id and the forwarded headers of the request being served, if any.
    pub(crate) fn with_ids(ids: TraceContext) -> RequestContext {
        let current = RequestContext::current();
        let current =
            current.filter(|current| current.0.outgoing_requests == OutgoingRequests::StartSpan);
        let mut context = current.unwrap_or_default();
        context.0.context = Some(ids);
        context
    }

    /// The ids and the sampling state; `None` if a sidecar makes the spans.
    pub fn trace_context(&self) -> Option<TraceContext> {
        self.0.context
    }

    /// The request id and the headers that are forwarded.
    pub(crate) fn forwarded(&self) -> &Forwarded {
        &self.0.forwarded
    }

    /// The request id.
    pub fn request_id(&self) -> Option<&RequestId> {
        self.0.forwarded.request_id()
    }

    /// Makes the context current whenever the future is polled, and when it is dropped.
    pub fn instrument<F>(self, future: F) -> InContext<F> {
        InContext {
            inner: Some(future),
            scope: Span {
                open: self.into_open(),
            },
        }
    }

    /// Runs a closure in which the context is current.
    pub fn in_scope<R>(self, work: impl FnOnce() -> R) -> R {
        let mut open = self.into_open();
        let result = {
            let _entered = slot::enter(&mut open);
            work()
        };
        if let Some(open) = open {
            open.finish();
        }
        result
    }

    pub(crate) fn into_open(self) -> Option<Box<OpenSpan>> {
        let any = self.0.context.is_some()
            || self.0.outgoing_requests == OutgoingRequests::ForwardReceivedHeaders;
        any.then(|| {
            let mut open = slot::blank();
            open.inherited = self.0;
            open
        })
    }
}

impl From<TraceContext> for RequestContext {
    /// A context that came from elsewhere, for example with a message. It has no request id and no
    /// headers to forward, and local spans below it are not recorded.
    fn from(context: TraceContext) -> Self {
        RequestContext(Inherited {
            context: Some(context),
            ..Inherited::default()
        })
    }
}

impl fmt::Debug for RequestContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestContext")
            .field("trace_context", &self.0.context)
            .field("forwarded", &self.0.forwarded)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// A future in a [`RequestContext`].
    #[must_use = "futures do nothing unless polled"]
    pub struct InContext<F> {
        #[pin]
        inner: Option<F>,
        scope: Span,
    }

    impl<F> PinnedDrop for InContext<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = slot::enter(&mut this.scope.open);
            this.inner.set(None);
        }
    }
}

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let _entered = slot::enter(&mut this.scope.open);
        match this.inner.as_pin_mut() {
            Some(inner) => inner.poll(cx),
            None => Poll::Pending,
        }
    }
}

impl<F> fmt::Debug for InContext<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InContext")
            .field("trace_context", &self.scope.context())
            .finish_non_exhaustive()
    }
}
