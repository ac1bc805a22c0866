#[cfg(feature = "tracing")]
use super::log::LogSpan;
use super::{Below, Open, Span, open::FoundTags};
use crate::{
    clock::Moment, context::TraceContext, id::RequestId, propagation::Forwarded, record::Home,
    scope,
};
use pin_project_lite::pin_project;
use std::{fmt, pin::Pin, sync::Arc, task::Poll};

/// The context of a request, to be carried to where it is not current: into a spawned task, over
/// a channel, or in the extensions of an outgoing request, where a client layer finds it.
///
/// It holds ids, request id and forwarded headers, not the span: see
/// [`SpanHandle`](crate::SpanHandle) for that.
#[derive(Clone, Default)]
pub struct Context {
    context: Option<TraceContext>,
    forwarded: Forwarded,
    below: Below,
    muted: bool,
    found: FoundTags,
    home: Option<Arc<dyn Home>>,
    clock: Option<Moment>,
    #[cfg(feature = "tracing")]
    log: Option<LogSpan>,
}

impl Context {
    /// The current context; `None` where nothing is current.
    pub fn current() -> Option<Context> {
        scope::with(|open| Context::of(open))
    }

    pub(crate) fn of(open: &Open) -> Context {
        Context {
            context: open.context,
            forwarded: open.forwarded.detached(),
            below: open.below,
            muted: open.muted,
            found: open.found.clone(),
            home: open.home().cloned(),
            clock: open.clock,
            #[cfg(feature = "tracing")]
            log: open.log.clone(),
        }
    }

    /// These ids, with what is handed on for the request being served, if there is one.
    pub(crate) fn with_ids(ids: TraceContext) -> Context {
        let current = Context::current().filter(|current| current.below == Below::Child);
        Context {
            context: Some(ids),
            ..current.unwrap_or_default()
        }
    }

    /// Ids and sampling state; `None` below a sidecar that makes the spans.
    pub fn trace_context(&self) -> Option<TraceContext> {
        self.context
    }

    /// The request id.
    pub fn request_id(&self) -> Option<&RequestId> {
        self.forwarded.request_id()
    }

    /// The context is current whenever the future is polled, and when it is dropped.
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
            let _entered = scope::enter(&mut open);
            work()
        };
        if let Some(open) = open {
            open.finish();
        }
        result
    }

    pub(crate) fn into_open(self) -> Option<Box<Open>> {
        let any = self.context.is_some() || self.below == Below::AsItCame;
        any.then(|| {
            let mut open = scope::blank();
            open.context = self.context;
            open.forwarded = self.forwarded;
            open.below = self.below;
            open.muted = self.muted;
            open.found = self.found;
            open.home = self.home;
            open.clock = self.clock;
            #[cfg(feature = "tracing")]
            {
                open.log = self.log;
            }
            open
        })
    }
}

impl From<TraceContext> for Context {
    /// A context that came from elsewhere, a message say. It has no request id and no headers to
    /// forward, and local spans below it are not recorded.
    fn from(context: TraceContext) -> Self {
        Context {
            context: Some(context),
            ..Context::default()
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("trace_context", &self.context)
            .field("forwarded", &self.forwarded)
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// A future in a [`Context`].
    #[must_use = "futures do nothing unless polled"]
    pub struct InContext<F> {
        #[pin]
        inner: Option<F>,
        scope: Span,
    }

    impl<F> PinnedDrop for InContext<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _entered = scope::enter(&mut this.scope.open);
            this.inner.set(None);
        }
    }
}

impl<F: Future> Future for InContext<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let _entered = scope::enter(&mut this.scope.open);
        match this.inner.as_pin_mut() {
            Some(inner) => inner.poll(cx),
            None => Poll::Pending,
        }
    }
}
