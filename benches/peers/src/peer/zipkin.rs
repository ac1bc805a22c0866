//! Palantir's zipkin: the layers of witchcraft-server, and a batching reporter, because the crate
//! has none.

use http::{Request, Response, header::USER_AGENT};
use pin_project_lite::pin_project;
use std::{
    pin::Pin,
    sync::{
        atomic::Ordering::Relaxed,
        mpsc::{SyncSender, sync_channel},
    },
    task::{Context, Poll, ready},
    thread::Thread,
    time::Duration,
};
use tower::Service;
use zipkin::{Detached, Kind, OpenSpan, Report, Span};

#[derive(Clone)]
pub struct ZipkinServer<S> {
    pub inner: S,
}

impl<S, B, RB> Service<Request<B>> for ZipkinServer<S>
where
    S: Service<Request<B>, Response = Response<RB>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ZipkinFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let headers = request.headers();
        let mut span = match http_zipkin::get_trace_context(headers) {
            Some(context) => zipkin::new_child(context).detach(),
            None => zipkin::new_trace_from(http_zipkin::get_sampling_flags(headers)).detach(),
        };
        if span.context().sampled() != Some(false) {
            let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
            describe(&mut span, Kind::Server, &request);
            if let Some(agent) = text(USER_AGENT.as_str()) {
                span.tag("http.user_agent", agent);
            }
            span.tag("env", "prod");
            if let Some(tenant) = text("x-tenant") {
                span.tag("tenant", tenant);
            }
        }
        let _current = zipkin::set_current(span.context());
        ZipkinFuture {
            inner: self.inner.call(request),
            span: Some(span),
        }
    }
}

fn describe<B>(span: &mut OpenSpan<Detached>, kind: Kind, request: &Request<B>) {
    span.name(&format!("{} {}", request.method(), request.uri().path()));
    span.kind(kind);
    span.tag("http.method", request.method().as_str());
    span.tag("http.path", request.uri().path());
}

pin_project! {
    pub struct ZipkinFuture<F> {
        #[pin]
        inner: F,
        span: Option<OpenSpan<Detached>>,
    }
}

impl<F, RB, E> Future for ZipkinFuture<F>
where
    F: Future<Output = Result<Response<RB>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let span = this.span.as_ref().expect("polled after its end");
        let _current = zipkin::set_current(span.context());
        let result = ready!(this.inner.poll(cx));
        let mut span = this.span.take().expect("polled after its end");
        if let Ok(response) = &result {
            span.tag("http.status_code", response.status().as_str());
        }
        Poll::Ready(result)
    }
}

#[derive(Clone)]
pub struct ZipkinClient<S> {
    pub inner: S,
}

impl<S, B, RB> Service<Request<B>> for ZipkinClient<S>
where
    S: Service<Request<B>, Response = Response<RB>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = ZipkinFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let mut span = zipkin::next_span().detach();
        if span.context().sampled() != Some(false) {
            describe(&mut span, Kind::Client, &request);
        }
        http_zipkin::set_trace_context(span.context(), request.headers_mut());
        ZipkinFuture {
            inner: self.inner.call(request),
            span: Some(span),
        }
    }
}

/// Modeled on OpenTelemetry's batch processor: a queue of 2,048 that never blocks, and a thread
/// that empties it every 2 ms, so that no request pays for waking it.
pub struct QueueReporter {
    queue: SyncSender<Queued>,
}

#[expect(
    clippy::large_enum_variant,
    reason = "a box would be an allocation a span"
)]
enum Queued {
    Span(Span),
    Flush(SyncSender<()>),
}

pub struct QueueFlush {
    queue: SyncSender<Queued>,
    thread: Thread,
}

impl QueueFlush {
    /// Waits until the thread has freed the spans queued so far.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        self.queue.send(Queued::Flush(done)).expect("a thread");
        self.thread.unpark();
        wait.recv().expect("a thread");
    }
}

fn take(queued: Queued) {
    match queued {
        Queued::Flush(done) => {
            // The receiver may be gone.
            let _ = done.send(());
        }
        Queued::Span(span) => {
            drop(span);
            load::REPORTED.fetch_add(1, Relaxed);
        }
    }
}

pub fn queue_reporter() -> (QueueReporter, QueueFlush) {
    let (queue, spans) = sync_channel::<Queued>(2048);
    let drain = std::thread::spawn(move || {
        loop {
            spans.try_iter().for_each(take);
            std::thread::park_timeout(Duration::from_millis(2));
        }
    });
    let flush = QueueFlush {
        queue: queue.clone(),
        thread: drain.thread().clone(),
    };
    (QueueReporter { queue }, flush)
}

impl Report for QueueReporter {
    fn report(&self, span: Span) {
        // A span that does not fit is missing from `REPORTED`, which the programs check.
        let _ = self.queue.try_send(Queued::Span(span));
    }
}
