//! fastrace with fastrace-tower, with B3 and properties, which it leaves to its users.

use fastrace::{
    collector::{Reporter, SpanContext, SpanId, SpanRecord, TraceId},
    future::{FutureExt as _, InSpan},
    prelude::{LocalSpan, Span},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, header::USER_AGENT,
};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    sync::atomic::Ordering::Relaxed,
    task::{Context, Poll, ready},
};
use tower::Service;

pub struct NullReporter;

impl Reporter for NullReporter {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        load::REPORTED.fetch_add(spans.len() as u64, Relaxed);
    }
}

/// For `FastraceServerLayer::with_span_context_extractor`.
pub fn extract(headers: &HeaderMap, sample: bool) -> Option<SpanContext> {
    let get = |name: &'static str| headers.get(name).and_then(|value| value.to_str().ok());
    let trace = get("x-b3-traceid").and_then(|id| u128::from_str_radix(id, 16).ok());
    let span = get("x-b3-spanid").and_then(|id| u64::from_str_radix(id, 16).ok());
    let context = match trace.zip(span) {
        Some((trace, span)) => SpanContext::new(TraceId(trace), SpanId(span)),
        None => SpanContext::random(),
    };
    let sampled = match get("x-b3-sampled") {
        Some("1") => true,
        Some("0") => false,
        _ => sample,
    };
    Some(context.sampled(sampled))
}

/// The properties that fastrace-axum sets (fastrace-tower sets none), and the two custom tags.
#[derive(Clone)]
pub struct FastraceProperties<S> {
    pub inner: S,
}

impl<S, B, RB> Service<Request<B>> for FastraceProperties<S>
where
    S: Service<Request<B>, Response = Response<RB>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = FastraceFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // fastrace-tower does not enter the span around `call`, so the inputs of the properties are
        // kept until the first poll, and formatted only if the span is sampled.
        let meta = (
            request.method().clone(),
            request.uri().clone(),
            request.headers().get(USER_AGENT).cloned(),
            request.headers().get("x-tenant").cloned(),
        );
        FastraceFuture {
            inner: self.inner.call(request),
            meta: Some(meta),
        }
    }
}

type Meta = (Method, Uri, Option<HeaderValue>, Option<HeaderValue>);

pin_project! {
    pub struct FastraceFuture<F> {
        #[pin]
        inner: F,
        meta: Option<Meta>,
    }
}

impl<F, RB, E> Future for FastraceFuture<F>
where
    F: Future<Output = Result<Response<RB>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some((method, uri, agent, tenant)) = this.meta.take() {
            let text = |value: &Option<HeaderValue>| {
                let text = value.as_ref().and_then(|value| value.to_str().ok());
                text.unwrap_or_default().to_owned()
            };
            LocalSpan::add_properties(|| {
                [
                    ("http.method", method.to_string()),
                    ("http.path", uri.path().to_owned()),
                    ("http.user_agent", text(&agent)),
                    ("env", "prod".to_owned()),
                    ("tenant", text(&tenant)),
                ]
            });
        }
        let result = ready!(this.inner.poll(cx));
        if let Ok(response) = &result {
            LocalSpan::add_property(|| ("http.status_code", response.status().as_str().to_owned()));
        }
        Poll::Ready(result)
    }
}

#[derive(Clone)]
pub struct FastraceClient<S> {
    pub inner: S,
}

impl<S, B, RB> Service<Request<B>> for FastraceClient<S>
where
    S: Service<Request<B>, Response = Response<RB>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = InSpan<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let span = Span::enter_with_local_parent("client").with_properties(|| {
            [
                ("http.method", request.method().to_string()),
                ("http.path", request.uri().path().to_owned()),
            ]
        });
        let context = SpanContext::from_span(&span).or_else(SpanContext::current_local_parent);
        if let Some(context) = context {
            inject(&context, request.headers_mut());
        }
        self.inner.call(request).in_span(span)
    }
}

fn inject(context: &SpanContext, headers: &mut HeaderMap) {
    let value = |text: String| HeaderValue::from_str(&text).expect("hexadecimal digits");
    let name = HeaderName::from_static;
    headers.insert(name("x-b3-traceid"), value(context.trace_id.to_string()));
    headers.insert(name("x-b3-spanid"), value(context.span_id.to_string()));
    let state = if context.sampled { "1" } else { "0" };
    headers.insert(name("x-b3-sampled"), HeaderValue::from_static(state));
}
