//! The client layer from outside: by hand, poll after poll, and over real connections.

#[path = "../common/mod.rs"]
mod common;

mod connections;
mod directions;
mod endings;
mod headers;
mod hosts;
#[cfg(feature = "reqwest")]
mod reqwest;
mod spans;
mod stack;

use ::http::{HeaderMap, Request, Response};
use common::{Script, TestTracer, drain, echo_headers, get, now};
use std::{convert::Infallible, future::ready};
use tower::{Layer, Service, service_fn};
use tower_b3::{ClientLayer, RequestContext, TraceContext, current};

const CALLER: &str = "b3: 463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1-0020000000000001";

/// Sends a request, whose extensions must not carry the context any more: the headers it had.
fn send(layer: &ClientLayer, request: Request<()>) -> HeaderMap {
    let echo = service_fn(|request: Request<()>| {
        let extensions = request.extensions();
        assert!(extensions.get::<RequestContext>().is_none());
        assert!(extensions.get::<TraceContext>().is_none());
        echo_headers(request)
    });
    let mut response = now(layer.layer(echo).call(request)).unwrap();
    drain(response.body_mut()).unwrap();
    std::mem::take(response.headers_mut())
}

/// Runs `handler` in the handler of a request with these headers.
fn within<R>(test: &TestTracer, lines: &str, handler: impl FnOnce() -> R) -> R {
    let (mut handler, mut result) = (Some(handler), None);
    let service = service_fn(|_: Request<()>| {
        let before = current();
        result = handler.take().map(|handler| handler());
        assert_eq!(current(), before);
        ready(Ok::<_, Infallible>(Response::new(Script::default())))
    });
    let mut service = test.tracer.server_layer().layer(service);
    let mut response = now(service.call(get("/", lines))).unwrap();
    drain(response.body_mut()).unwrap();
    drop((response, service));
    result.unwrap()
}

/// The headers of a call made by the handler of a request with the headers `inbound`.
fn called(test: &TestTracer, inbound: &str, outbound: &str) -> HeaderMap {
    let layer = test.tracer.client_layer();
    within(test, inbound, || {
        send(&layer, get("http://catalog/", outbound))
    })
}
