//! OpenTelemetry without `tracing`: minimal layers on its API, and the null exporter.

use http::{Request, Response, header::USER_AGENT};
use opentelemetry::{
    Context as Cx, KeyValue,
    propagation::TextMapPropagator,
    trace::{SpanKind, TraceContextExt, Tracer},
};
use opentelemetry_http::{HeaderExtractor, HeaderInjector};
use opentelemetry_propagator_b3::Propagator;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{SdkTracer, SpanData, SpanExporter},
};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Poll, ready},
};
use tower::Service;

#[derive(Clone)]
pub struct OtelServer<S> {
    pub inner: S,
    pub tracer: SdkTracer,
    pub b3: Arc<Propagator>,
}

impl<S, B, RB> Service<Request<B>> for OtelServer<S>
where
    S: Service<Request<B>, Response = Response<RB>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = OtelFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let headers = request.headers();
        let parent = self
            .b3
            .extract_with_context(&Cx::new(), &HeaderExtractor(headers));
        let span = self
            .tracer
            .span_builder(format!("{} {}", request.method(), request.uri().path()))
            .with_kind(SpanKind::Server)
            .start_with_context(&self.tracer, &parent);
        let cx = parent.with_span(span);
        let span = cx.span();
        if span.is_recording() {
            let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
            span.set_attribute(KeyValue::new("http.method", request.method().to_string()));
            span.set_attribute(KeyValue::new("http.path", request.uri().path().to_owned()));
            if let Some(agent) = text(USER_AGENT.as_str()) {
                span.set_attribute(KeyValue::new("http.user_agent", agent.to_owned()));
            }
            span.set_attribute(KeyValue::new("env", "prod"));
            if let Some(tenant) = text("x-tenant") {
                span.set_attribute(KeyValue::new("tenant", tenant.to_owned()));
            }
        }
        let inner = {
            let _attached = cx.clone().attach();
            self.inner.call(request)
        };
        OtelFuture { inner, cx }
    }
}

pin_project! {
    pub struct OtelFuture<F> {
        #[pin]
        inner: F,
        cx: Cx,
    }
}

impl<F, RB, E> Future for OtelFuture<F>
where
    F: Future<Output = Result<Response<RB>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let _attached = this.cx.clone().attach();
        let result = ready!(this.inner.poll(cx));
        let span = this.cx.span();
        if let Ok(response) = &result
            && span.is_recording()
        {
            let status = i64::from(response.status().as_u16());
            span.set_attribute(KeyValue::new("http.status_code", status));
        }
        span.end();
        Poll::Ready(result)
    }
}

#[derive(Clone)]
pub struct OtelClient<S> {
    pub inner: S,
    pub tracer: SdkTracer,
    pub b3: Arc<Propagator>,
}

impl<S, B, RB> Service<Request<B>> for OtelClient<S>
where
    S: Service<Request<B>, Response = Response<RB>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = OtelFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let parent = Cx::current();
        let span = self
            .tracer
            .span_builder(format!("{} {}", request.method(), request.uri().path()))
            .with_kind(SpanKind::Client)
            .start_with_context(&self.tracer, &parent);
        let cx = parent.with_span(span);
        self.b3
            .inject_context(&cx, &mut HeaderInjector(request.headers_mut()));
        let span = cx.span();
        if span.is_recording() {
            span.set_attribute(KeyValue::new("http.method", request.method().to_string()));
            span.set_attribute(KeyValue::new("http.path", request.uri().path().to_owned()));
        }
        OtelFuture {
            inner: self.inner.call(request),
            cx,
        }
    }
}

/// Counts spans and drops them.
#[derive(Debug, Default)]
pub struct NullExporter;

impl SpanExporter for NullExporter {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        load::REPORTED.fetch_add(batch.len() as u64, Relaxed);
        drop(batch);
        Ok(())
    }
}
