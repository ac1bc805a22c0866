//! `TracedServer`: the service that the server layer makes.

use super::settings::ServerSettings;
use crate::{
    exchange::{ResponseBody, ResponseFuture},
    span::slot,
    tracer::DynamicSettingsCache,
};
use http::{Request, Response};
use http_body::Body;
use std::{
    fmt,
    sync::Arc,
    task::{Context, Poll},
};
use tower_service::Service;

/// A service that runs each request in a SERVER span. From
/// [`Tracer::server_layer`](crate::Tracer::server_layer).
#[derive(Clone)]
pub struct TracedServer<S> {
    pub(super) inner: S,
    pub(super) settings: Arc<ServerSettings>,
    pub(super) dynamic: DynamicSettingsCache,
}

impl<S> TracedServer<S> {
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

impl<S, B, R> Service<Request<B>> for TracedServer<S>
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
        let mut exchange = self.settings.begin(self.dynamic.load(), &mut request);
        let inner = {
            let _entered = slot::enter(&mut exchange.open);
            self.inner.call(request)
        };
        ResponseFuture::new(inner, exchange)
    }
}

impl<S: fmt::Debug> fmt::Debug for TracedServer<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TracedServer")
            .field("inner", &self.inner)
            .finish_non_exhaustive()
    }
}
