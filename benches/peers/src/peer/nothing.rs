//! Wraps future and body and does nothing: the minimal cost of any layer.

use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};
use tower::Service;

#[derive(Clone)]
pub struct Nothing<S> {
    pub inner: S,
}

impl<S, B, RB> Service<Request<B>> for Nothing<S>
where
    S: Service<Request<B>, Response = Response<RB>>,
{
    type Response = Response<Wrapped<RB, ()>>;
    type Error = S::Error;
    type Future = NothingFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        NothingFuture {
            inner: self.inner.call(request),
        }
    }
}

pin_project! {
    pub struct NothingFuture<F> {
        #[pin]
        inner: F,
    }
}

impl<F, RB, E> Future for NothingFuture<F>
where
    F: Future<Output = Result<Response<RB>, E>>,
{
    type Output = Result<Response<Wrapped<RB, ()>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(self.project().inner.poll(cx));
        Poll::Ready(response.map(|response| response.map(|inner| Wrapped { inner, end: () })))
    }
}

pin_project! {
    /// A body, and a value that is dropped with it.
    pub struct Wrapped<B, E> {
        #[pin]
        pub inner: B,
        pub end: E,
    }
}

impl<B: Body, E> Body for Wrapped<B, E> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().inner.poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
