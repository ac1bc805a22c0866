//! The least work that tower-b3's features require: read the clock twice, make an id, and insert
//! the headers. It reads no trace headers, keeps no context, makes no decision and records no span.

use super::nothing::Wrapped;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use load::{PARENT_ID, TRACE_ID};
use pin_project_lite::pin_project;
use rand::Rng;
use std::{
    hint::black_box,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Instant,
};
use tower::Service;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Server,
    Client,
}

#[derive(Clone)]
pub struct Floor<S> {
    pub inner: S,
    pub side: Side,
    /// Whether a span would be recorded, which needs the two clock readings.
    pub recorded: bool,
}

/// The id and the start of the span that would be recorded.
struct Timed {
    started: Option<Instant>,
    id: u64,
}

impl Drop for Timed {
    fn drop(&mut self) {
        black_box((self.id, self.started.map(|started| started.elapsed())));
    }
}

impl<S, B, RB> Service<Request<B>> for Floor<S>
where
    S: Service<Request<B>, Response = Response<RB>>,
{
    type Response = Response<FloorBody<RB>>;
    type Error = S::Error;
    type Future = FloorFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let started = self.recorded.then(Instant::now);
        let id = rand::rng().next_u64();
        let headers = request.headers_mut();
        let echo = match self.side {
            Side::Server => Some(request_id(headers)),
            Side::Client => {
                inject(id, self.recorded, headers);
                None
            }
        };
        FloorFuture {
            inner: self.inner.call(request),
            timed: Some(Timed { started, id }),
            echo,
        }
    }
}

/// The request's `x-request-id`, or a new one that is added to the request.
fn request_id(headers: &mut HeaderMap) -> HeaderValue {
    if let Some(id) = headers.get(REQUEST_ID) {
        return id.clone();
    }
    let mut random = [0; 16];
    rand::rng().fill_bytes(&mut random);
    let digits: [u8; 32] = hex(random);
    let mut text = [b'-'; 36];
    for (to, from) in [
        (0..8, 0..8),
        (9..13, 8..12),
        (14..18, 12..16),
        (19..23, 16..20),
    ] {
        text[to].copy_from_slice(&digits[from]);
    }
    text[24..].copy_from_slice(&digits[20..]);
    let id = value(&text);
    headers.insert(REQUEST_ID, id.clone());
    id
}

fn inject(id: u64, sampled: bool, headers: &mut HeaderMap) {
    let number = |text| u64::from_str_radix(text, 16).unwrap_or_default();
    let (high, low) = TRACE_ID.split_at(16);
    let trace = u128::from(black_box(number(high))) << 64 | u128::from(number(low));
    insert_multi(trace, id, black_box(number(PARENT_ID)), sampled, headers);
    let request_id = HeaderValue::from_static("6f0b3f1e-6a0b-9d1c-8f3e-0d6b5a4c3e21");
    headers.insert(REQUEST_ID, request_id);
}

/// Four inserts, each with a separately allocated value.
pub fn insert_multi(trace: u128, span: u64, parent: u64, sampled: bool, headers: &mut HeaderMap) {
    const NAMES: [HeaderName; 4] = [
        HeaderName::from_static("x-b3-traceid"),
        HeaderName::from_static("x-b3-spanid"),
        HeaderName::from_static("x-b3-parentspanid"),
        HeaderName::from_static("x-b3-sampled"),
    ];
    let [trace_id, span_id, parent_id, state] = NAMES;
    headers.insert(trace_id, value(&hex::<16, 32>(trace.to_be_bytes())));
    headers.insert(span_id, value(&hex::<8, 16>(span.to_be_bytes())));
    headers.insert(parent_id, value(&hex::<8, 16>(parent.to_be_bytes())));
    headers.insert(state, value(if sampled { b"1" } else { b"0" }));
}

fn value(text: &[u8]) -> HeaderValue {
    HeaderValue::from_bytes(text).expect("visible text")
}

fn hex<const BYTES: usize, const DIGITS: usize>(bytes: [u8; BYTES]) -> [u8; DIGITS] {
    const DIGIT: &[u8; 16] = b"0123456789abcdef";
    let mut digits = [0; DIGITS];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGIT[usize::from(byte >> 4)];
        pair[1] = DIGIT[usize::from(byte & 15)];
    }
    digits
}

pin_project! {
    pub struct FloorFuture<F> {
        #[pin]
        inner: F,
        timed: Option<Timed>,
        echo: Option<HeaderValue>,
    }
}

pub struct End {
    _timed: Option<Timed>,
}

pub type FloorBody<B> = Wrapped<B, End>;

impl<F, RB, E> Future for FloorFuture<F>
where
    F: Future<Output = Result<Response<RB>, E>>,
{
    type Output = Result<Response<FloorBody<RB>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(cx))?;
        if let Some(id) = this.echo.take() {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        let end = End {
            _timed: this.timed.take(),
        };
        Poll::Ready(Ok(response.map(|inner| Wrapped { inner, end })))
    }
}
