//! `ResponseFuture`: polls the future that it wraps with the span current, and hands the exchange on to
//! the response's body.

use super::{Exchange, ResponseBody};
use crate::span::slot;
use http::Response;
use http_body::Body;
use pin_project_lite::pin_project;
use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

pin_project! {
    /// The response future of [`TracedServer`](crate::TracedServer) and
    /// [`TracedClient`](crate::TracedClient).
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: Option<F>,
        exchange: Option<Exchange>,
    }

    impl<F> PinnedDrop for ResponseFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.inner.is_none() {
                return;
            }
            let mut none = None;
            let open = this.exchange.as_mut().map_or(&mut none, |exchange| &mut exchange.open);
            let _entered = slot::enter(open);
            this.inner.set(None);
        }
    }
}

impl<F> ResponseFuture<F> {
    pub(crate) fn new(inner: F, exchange: Exchange) -> ResponseFuture<F> {
        ResponseFuture {
            inner: Some(inner),
            exchange: Some(exchange),
        }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
    E: fmt::Debug,
{
    type Output = Result<Response<ResponseBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        // It was ready before. A future that is polled again may return anything.
        let Some(exchange) = this.exchange else {
            return Poll::Pending;
        };
        let entered = slot::enter(&mut exchange.open);
        let Some(inner) = this.inner.as_mut().as_pin_mut() else {
            return Poll::Pending;
        };
        // The response is read and changed in place: it has some hundred bytes, and moves cost time.
        let mut polled = inner.poll(cx);
        if polled.is_pending() {
            return Poll::Pending;
        }
        // What the handler owns is dropped while its span is current.
        this.inner.set(None);
        drop(entered);
        match &mut polled {
            Poll::Pending => {}
            Poll::Ready(Ok(response)) => exchange.head(response),
            Poll::Ready(Err(error)) => exchange.fail(error),
        }
        let exchange = this.exchange.take();
        polled.map_ok(|response| response.map(|body| ResponseBody::new(body, exchange)))
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
