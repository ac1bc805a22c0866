//! The server layer from outside: by hand, poll after poll, and over real connections.

#[path = "../common/mod.rs"]
mod common;

mod any_headers;
mod any_settings;
#[cfg(feature = "axum")]
mod axum;
mod connections;
mod custom_tags;
mod dropped_trace_tag;
mod edge;
mod endings;
mod excluded_paths;
mod forwarding;
mod grpc_status;
mod handler_tags;
mod names;
mod nested;
mod panics;
mod request_headers;
mod request_id;
mod response_body;
mod sampling;
mod sampling_by_request_id;
mod sampling_model;
mod standard_tags;
#[cfg(feature = "axum")]
mod streams;
mod trace_context;
mod trust;
mod user_code;

use ::http::{HeaderMap, Method, Request, Response, StatusCode};
use common::{Script, TestTracer, drain, get, now, sent_headers};
use std::future::ready;
use tower::{Layer, Service, service_fn};
use tower_b3::{ResponseBody, ServerLayer, TraceContext, current, record::SpanRecord};

const CALLER: &str = "b3: 463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1-0020000000000001";

/// Serves a request with a handler that responds in `call`.
fn serve(
    layer: &ServerLayer,
    request: Request<()>,
    mut handler: impl FnMut(Request<()>) -> Response<Script>,
) -> Response<ResponseBody<Script>> {
    let mut service = layer.layer(service_fn(move |request| {
        ready(Ok::<_, &'static str>(handler(request)))
    }));
    now(service.call(request)).unwrap()
}

/// Serves a request and reads the response to its end.
fn serve_all(
    layer: &ServerLayer,
    request: Request<()>,
    handler: impl FnMut(Request<()>) -> Response<Script>,
) {
    let mut response = serve(layer, request, handler);
    drain(response.body_mut()).unwrap();
}

fn empty() -> Response<Script> {
    Response::new(Script::default())
}

fn answer(
    test: &TestTracer,
    method: Method,
    status: StatusCode,
    body: Script,
) -> Response<ResponseBody<Script>> {
    let request = Request::builder().method(method).uri("/").body(()).unwrap();
    let mut body = Some(body);
    serve(&test.tracer.server_layer(), request, move |_| {
        let mut response = Response::new(body.take().unwrap());
        *response.status_mut() = status;
        response
    })
}

fn ok(test: &TestTracer, body: Script) -> Response<ResponseBody<Script>> {
    answer(test, Method::GET, StatusCode::OK, body)
}

/// The headers of a call made by the handler.
fn called(test: &TestTracer) -> HeaderMap {
    sent_headers(&test.tracer.client_layer(), Request::new(()))
}

/// The context in the handler of a request with these headers, and the headers of a call it makes.
fn handled(
    test: &TestTracer,
    layer: &ServerLayer,
    lines: &str,
) -> (Option<TraceContext>, HeaderMap) {
    let mut seen = None;
    serve_all(layer, get("/", lines), |_| {
        seen = Some((current(), called(test)));
        empty()
    });
    seen.unwrap()
}

impl TestTracer {
    /// The span of a request with an empty response.
    #[track_caller]
    fn span_of(&self, request: Request<()>) -> SpanRecord {
        serve_all(&self.tracer.server_layer(), request, |_| empty());
        self.spans.take_one()
    }
}
