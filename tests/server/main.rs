//! The server layer from outside: by hand, poll after poll, and over real connections.

#[path = "../common/mod.rs"]
mod common;

#[cfg(feature = "axum")]
mod axum;
mod context;
mod edge;
mod endings;
mod http;
mod nested;
mod request_id;
mod sampling;
mod tags;
mod trust;
mod user_code;

use ::http::{Request, Response};
use common::{Lab, Script, drain, now};
use tower::{Layer, Service, service_fn};
use tower_b3::{ResponseBody, ServerLayer, record::SpanRecord};

/// Serves a request by a handler that answers in `call`.
fn serve(
    layer: &ServerLayer,
    request: Request<()>,
    mut handler: impl FnMut(Request<()>) -> Response<Script>,
) -> Response<ResponseBody<Script>> {
    let mut service = layer.layer(service_fn(move |request| {
        let response = handler(request);
        async move { Ok::<_, &'static str>(response) }
    }));
    now(service.call(request)).unwrap()
}

/// Serves a request to the end of the answer.
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

impl Lab {
    /// The one span of a request that is answered with nothing.
    #[track_caller]
    fn span_of(&self, request: Request<()>) -> SpanRecord {
        serve_all(&self.tracer.server_layer(), request, |_| empty());
        self.spans.take_one()
    }
}
