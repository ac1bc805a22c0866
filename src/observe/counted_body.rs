//! Counts the bytes and gRPC messages of a request's body as they pass.

#[cfg(feature = "metrics")]
use super::body_framing::{BodyFraming, chunk_lines};
use super::{grpc_messages::MessageCounter, message_sinks::MessageSinks};
use crate::user_code::guarded;
use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::{
    any::Any,
    fmt,
    marker::PhantomData,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
};

/// How much of a request's body has passed. The body may be read in one task and its exchange end in
/// another. Nothing else depends on the order of the counts, so `Relaxed` is enough.
#[derive(Debug, Default)]
pub(crate) struct BodyCount {
    bytes: AtomicU64,
    /// See [`BodyFraming`].
    #[cfg(feature = "metrics")]
    chunk_lines: AtomicU64,
    messages: AtomicU64,
    /// Notified of messages when they pass.
    sinks: MessageSinks,
}

impl BodyCount {
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn framing(&self) -> BodyFraming {
        BodyFraming {
            announced: None,
            chunk_lines: self.chunk_lines.load(Relaxed),
        }
    }

    pub(crate) fn messages(&self) -> u64 {
        self.messages.load(Relaxed)
    }
}

pin_project! {
    /// A request's body that is counted for the [observers](crate::observe) while it is read: see
    /// [`count_request_bodies`](crate::TracerBuilder::count_request_bodies).
    #[derive(Debug)]
    pub struct CountedBody<B> {
        #[pin]
        inner: B,
        count: Arc<BodyCount>,
        messages: Option<MessageCounter>,
    }
}

impl<B: Body> Body for CountedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let this = self.project();
        let frame = ready!(this.inner.poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            if let Some(data) = frame.data_ref() {
                let bytes = guarded(|| data.remaining()).unwrap_or(0) as u64;
                this.count.bytes.fetch_add(bytes, Relaxed);
                #[cfg(feature = "metrics")]
                this.count
                    .chunk_lines
                    .fetch_add(chunk_lines(bytes), Relaxed);
                if let Some(messages) = this.messages {
                    let before = messages.count();
                    guarded(|| messages.frame(data));
                    this.count.messages.store(messages.count(), Relaxed);
                    let passed = messages.count() - before;
                    guarded(|| this.count.sinks.request(passed));
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The size of a request's body, as known before it is read.
pub(crate) enum RequestBodySize {
    /// Its exact size.
    Known(u64),
    /// It is counted while it is read.
    Counted(Arc<BodyCount>),
}

/// Counts bodies of one type.
pub(crate) trait CountBody: Send + Sync {
    /// `None` if the body is of another type, or its hints panic. Messages are counted if it is a gRPC body.
    fn count(
        &self,
        body: &mut dyn Any,
        is_grpc: bool,
        sinks: &MessageSinks,
    ) -> Option<RequestBodySize>;
}

/// Counts bodies of the type `B`, which can hold a body of any other type.
pub(crate) struct CountWith<B, F> {
    wrap: F,
    body: PhantomData<fn() -> B>,
}

impl<B, F> CountWith<B, F> {
    pub(crate) fn new(wrap: F) -> CountWith<B, F> {
        CountWith {
            wrap,
            body: PhantomData,
        }
    }
}

impl<B, F> CountBody for CountWith<B, F>
where
    B: Body + Default + 'static,
    F: Fn(CountedBody<B>) -> B + Send + Sync,
{
    fn count(
        &self,
        body: &mut dyn Any,
        is_grpc: bool,
        sinks: &MessageSinks,
    ) -> Option<RequestBodySize> {
        let body = body.downcast_mut::<B>()?;
        let known = guarded(|| match body.is_end_stream() {
            true => Some(0),
            false => body.size_hint().exact().filter(|_| !is_grpc),
        })?;
        if let Some(bytes) = known {
            return Some(RequestBodySize::Known(bytes));
        }
        let count = Arc::new(BodyCount {
            sinks: sinks.clone(),
            ..BodyCount::default()
        });
        let counted = CountedBody {
            inner: std::mem::take(body),
            count: Arc::clone(&count),
            messages: is_grpc.then(MessageCounter::default),
        };
        // Not guarded: if it panics, the body is gone, and the request must not continue with another one.
        *body = (self.wrap)(counted);
        Some(RequestBodySize::Counted(count))
    }
}

/// The types of bodies that are counted.
#[derive(Clone)]
pub(crate) struct BodyCounters(Vec<Arc<dyn CountBody>>);

impl Default for BodyCounters {
    /// The body types of the libraries that this crate has features for.
    fn default() -> Self {
        BodyCounters(vec![
            #[cfg(feature = "axum")]
            Arc::new(CountWith::new(axum::body::Body::new)),
            #[cfg(feature = "reqwest")]
            Arc::new(CountWith::new(reqwest::Body::wrap)),
        ])
    }
}

impl BodyCounters {
    pub(crate) fn add(&mut self, counter: impl CountBody + 'static) {
        self.0.push(Arc::new(counter));
    }

    pub(crate) fn count(
        &self,
        body: &mut dyn Any,
        is_grpc: bool,
        sinks: &MessageSinks,
    ) -> Option<RequestBodySize> {
        let mut counters = self.0.iter();
        counters.find_map(|counter| counter.count(body, is_grpc, sinks))
    }
}

impl fmt::Debug for BodyCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} body types", self.0.len())
    }
}
