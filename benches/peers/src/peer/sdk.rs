//! axum-tracing-opentelemetry has no client layer; this one uses its helper crate.

use http::{Request, Response};
use std::task::{Context, Poll};
use tower::Service;
use tracing::{Instrument, instrument::Instrumented};
use tracing_opentelemetry_instrumentation_sdk as sdk;

#[derive(Clone)]
pub struct SdkClient<S> {
    pub inner: S,
}

impl<S, B, RB> Service<Request<B>> for SdkClient<S>
where
    S: Service<Request<B>, Response = Response<RB>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Instrumented<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let span = sdk::otel_trace_span!(
            "HTTP client",
            http.request.method = %request.method(),
            url.path = request.uri().path(),
            otel.kind = "client",
        );
        let context = sdk::find_context_from_tracing(&span);
        sdk::http::inject_context(&context, request.headers_mut());
        self.inner.call(request).instrument(span)
    }
}
