//! `TracedClient`: the service that the client layer makes.

use super::settings::ClientSettings;
use crate::{
    exchange::{ResponseBody, ResponseFuture},
    span::slot,
};
use http::{Request, Response};
use http_body::Body;
use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};
use tower_service::Service;

/// A client that sends each request in a CLIENT span. From
/// [`Tracer::client_layer`](crate::Tracer::client_layer).
#[derive(Clone)]
pub struct TracedClient<S> {
    pub(super) inner: S,
    pub(super) settings: Arc<ClientSettings>,
}

impl<S> TracedClient<S> {
    /// Returns a reference to the inner service.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// Returns a mutable reference to the inner service.
    pub fn get_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// Returns the inner service, without tracing.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S, B, R> Service<Request<B>> for TracedClient<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Error: fmt::Debug,
    B: 'static,
    R: Body,
{
    type Response = Response<ResponseBody<R>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let mut exchange = self.settings.begin(&mut request);
        let inner = {
            let _entered = slot::enter(&mut exchange.open);
            self.inner.call(request)
        };
        ResponseFuture::new(inner, exchange)
    }
}

impl<S: fmt::Debug> fmt::Debug for TracedClient<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedClient")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
