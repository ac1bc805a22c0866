//! A request through the server layer, without a network.

use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use http_body_util::Empty;
use std::{
    convert::Infallible,
    future::ready,
    pin::pin,
    task::{Context, Poll, Waker},
};
use tower::{Layer, Service, service_fn};
use tower_b3::{ServerLayer, record::SpanRecord, report::InMemoryReporter};

/// The span of this request; there must be exactly one.
pub fn span_of(layer: &ServerLayer, spans: &InMemoryReporter, request: Request<()>) -> SpanRecord {
    let answer = |_| ready(Ok::<_, Infallible>(Response::new(Empty::<&[u8]>::new())));
    let mut service = layer.layer(service_fn(answer));
    let response = pin!(service.call(request));
    let Poll::Ready(Ok(response)) = response.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("the answer is ready");
    };
    // An empty body is at its end, so the span ends when the body is dropped.
    drop(response);
    let mut spans = spans.take();
    assert_eq!(spans.len(), 1);
    spans.remove(0)
}

/// Reads `name: value` lines; skips lines that are not valid headers, and names in `but`.
pub fn headers<'a>(lines: impl Iterator<Item = &'a [u8]>, but: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else {
            continue;
        };
        let value = line[colon + 1..].trim_ascii();
        let name = HeaderName::from_bytes(&line[..colon]);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            if !but.contains(&name.as_str()) {
                headers.append(name, value);
            }
        }
    }
    headers
}
