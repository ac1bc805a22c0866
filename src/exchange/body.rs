//! `ResponseBody`: polls the body that it wraps with the span current, and reports what it sees to the
//! exchange.

use super::{Exchange, panic_watch::PanicWatch};
use crate::{observe::Ending, span::slot, user_code::guarded};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

pin_project! {
    /// The response body of [`TracedServer`](crate::TracedServer) and
    /// [`TracedClient`](crate::TracedClient): the body of the inner service, with a span that ends when
    /// the body does.
    pub struct ResponseBody<B: Body> {
        #[pin]
        inner: Option<B>,
        exchange: Option<Exchange>,
    }

    impl<B: Body> PinnedDrop for ResponseBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let mut none = None;
            let open = match this.exchange {
                Some(exchange) => {
                    // hyper drops a body at its end without polling it once more.
                    let inner = this.inner.as_ref().as_pin_ref();
                    let inner = inner.filter(|_| exchange.is_followed());
                    if inner.is_some_and(|inner| guarded(|| inner.is_end_stream()) == Some(true)) {
                        exchange.complete();
                    }
                    &mut exchange.open
                }
                None => &mut none,
            };
            // The wrapped body is dropped while the span is current, and before the span finishes.
            let _entered = slot::enter(open);
            this.inner.set(None);
        }
    }
}

impl<B: Body> ResponseBody<B> {
    pub(crate) fn new(inner: B, exchange: Option<Exchange>) -> ResponseBody<B> {
        ResponseBody {
            inner: Some(inner),
            exchange,
        }
    }
}

impl<B> Body for ResponseBody<B>
where
    B: Body,
    B::Error: fmt::Debug,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let Some(mut inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Ready(None);
        };
        let Some(exchange) = this.exchange else {
            return inner.poll_frame(cx);
        };
        let frame = {
            let _entered = slot::enter(&mut exchange.open);
            ready!(inner.as_mut().poll_frame(cx))
        };
        if !exchange.is_followed() {
            return Poll::Ready(frame);
        }
        match &frame {
            None => exchange.close(Ending::Complete, ""),
            Some(Err(error)) => exchange.fail(error),
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    exchange.data(data);
                    if guarded(|| inner.is_end_stream()) == Some(true) {
                        exchange.close(Ending::Complete, "");
                    }
                } else if let Some(trailers) = frame.trailers_ref() {
                    exchange.trailers(trailers);
                }
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        let _watch = self.exchange.as_ref().map(PanicWatch::of);
        self.inner.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let _watch = self.exchange.as_ref().map(PanicWatch::of);
        self.inner.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl<B: Body + Default> Default for ResponseBody<B> {
    /// An empty body without a span.
    fn default() -> Self {
        ResponseBody::new(B::default(), None)
    }
}

impl<B: Body> fmt::Debug for ResponseBody<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}
