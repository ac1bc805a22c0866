//! Helpers of the black-box tests.

#![allow(
    dead_code,
    unused_imports,
    reason = "each test file uses its part of it"
)]

mod body;
pub mod net;

use bytes::Buf;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body::Body;
use std::{
    convert::Infallible,
    future::{Ready, ready},
    pin::{Pin, pin},
    task::{Context, Poll, Waker},
};
use tower::{Layer, Service, service_fn};
use tower_b3::{ClientLayer, Tracer, TracerBuilder, record::SpanRecord};

pub use body::{Script, Step};
pub use tower_b3::test::{SpanCollector, TreeFormat};

pub const TRACE: &str = "463ac35c9f6413ad48485a3953bb6124";
pub const SPAN: &str = "a2fb4a1d1a96d312";
pub const PARENT: &str = "0020000000000001";

/// An error with this `Debug` text.
#[derive(Clone, Copy)]
pub struct DebugText(pub &'static str);

impl std::fmt::Debug for DebugText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// Polls once, without a waker.
pub fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// The output of a future that is ready in its first poll.
#[track_caller]
pub fn now<F: Future>(future: F) -> F::Output {
    match poll(pin!(future)) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future waits"),
    }
}

/// How an exchange ended, by the tags of its span: `200`, `0 error DC`, `200 error(reset)`.
pub fn ending(span: &SpanRecord) -> String {
    let tag = |name| span.tag(name).map(|value| value.into_owned());
    let status = tag("http.status_code").unwrap_or("no status".to_owned());
    let error = tag("error").map_or("", |_| " error");
    let reason = tag("error.reason").map_or(String::new(), |reason| format!("({reason})"));
    let flags = tag("response_flags").map_or(String::new(), |flags| format!(" {flags}"));
    let canceled = tag("canceled").map_or("", |_| " canceled");
    format!("{status}{error}{reason}{flags}{canceled}")
}

/// Polls a body to its end, or to its first error.
pub fn drain<B: Body + Unpin>(body: &mut B) -> Result<u64, B::Error> {
    let mut bytes = 0;
    loop {
        let mut body = Pin::new(&mut *body);
        let frame = body
            .as_mut()
            .poll_frame(&mut Context::from_waker(Waker::noop()));
        match frame {
            Poll::Pending => {}
            Poll::Ready(None) => return Ok(bytes),
            Poll::Ready(Some(Err(error))) => return Err(error),
            Poll::Ready(Some(Ok(frame))) => {
                bytes += frame.data_ref().map_or(0, |data| data.remaining() as u64);
            }
        }
    }
}

/// Polls a body once and drops the frame.
pub fn next<B: Body + Unpin>(body: &mut B) {
    let _ = Pin::new(body).poll_frame(&mut Context::from_waker(Waker::noop()));
}

/// Headers from `name: value` lines, separated by `|`; each character up to `ÿ` is a byte.
pub fn headers(lines: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines.split('|').filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap();
        let value: Vec<u8> = value.chars().map(|c| u8::try_from(c).unwrap()).collect();
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_bytes(&value).unwrap(),
        );
    }
    headers
}

/// A GET request with these headers.
pub fn get(uri: &str, lines: &str) -> Request<()> {
    let mut request = Request::get(uri).body(()).unwrap();
    *request.headers_mut() = headers(lines);
    request
}

/// A tracer of the service `shop`, and the spans it makes.
pub struct TestTracer {
    pub spans: SpanCollector,
    pub tracer: Tracer,
}

impl TestTracer {
    pub fn new() -> TestTracer {
        TestTracer::of(|builder| builder)
    }

    pub fn of(configure: impl FnOnce(TracerBuilder) -> TracerBuilder) -> TestTracer {
        let spans = SpanCollector::new().check(assert_sound);
        let tracer = configure(spans.builder("shop")).build().unwrap();
        TestTracer { spans, tracer }
    }
}

/// Asserts on the trees of the spans that have finished with several tracers.
#[track_caller]
pub fn assert_tree<'a>(tracers: impl IntoIterator<Item = &'a TestTracer>, expected: &str) {
    let spans = tracers
        .into_iter()
        .flat_map(|tracer| tracer.spans.take_all());
    let spans: Vec<_> = spans.collect();
    TreeFormat::default().assert(&spans, expected);
}

/// A format with the ids that a request came with.
pub fn with_ids() -> TreeFormat {
    TreeFormat::default().trace_ids(true)
}

/// What holds for every span of a [`TestTracer`], whatever happened.
#[track_caller]
fn assert_sound(span: &SpanRecord) {
    let mut names: Vec<&str> = span.tags().map(|(name, _)| name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "a tag is there twice: {span:#?}");
    for (name, value) in span.tags() {
        assert!(!value.to_text().is_empty(), "{name} is empty: {span:#?}");
    }
    assert!(span.tag("error").is_none_or(|error| error == "true"));
    assert!(span.duration().as_micros() >= 1);
    assert!(span.context().sampling().is_sampled(), "{span:#?}");
    assert_ne!(span.parent_id(), Some(span.id()), "{span:#?}");
    assert!(!span.name().is_empty(), "{span:#?}");
    assert_eq!(span.local_endpoint().service_name, Some("shop"));
}

/// The value of a tag, or an empty string, which no tag has as its value.
pub fn tag(span: &SpanRecord, name: &str) -> String {
    span.tag(name).unwrap_or_default().into_owned()
}

/// A service that answers with the headers of the request.
pub fn echo_headers(request: Request<()>) -> Ready<Result<Response<Script>, Infallible>> {
    let mut response = Response::new(Script::default());
    *response.headers_mut() = request.headers().clone();
    ready(Ok(response))
}

/// Sends a request through the layer and reads the response: the headers that were sent.
pub fn sent_headers(layer: &ClientLayer, request: Request<()>) -> HeaderMap {
    let mut client = layer.layer(service_fn(echo_headers));
    let mut response = now(client.call(request)).unwrap();
    drain(response.body_mut()).unwrap();
    std::mem::take(response.headers_mut())
}

/// All values of a header, as bytes.
pub fn values<'a>(headers: &'a HeaderMap, name: &str) -> Vec<&'a [u8]> {
    let values = headers.get_all(name).iter();
    values.map(|value| value.as_bytes()).collect()
}

/// The first value of a header, as text.
#[track_caller]
pub fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .unwrap_or_else(|| panic!("no header {name}"))
        .to_str()
        .unwrap()
}

/// Whether `work` panics.
pub fn panics(work: impl FnOnce()) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err()
}
