//! The peers' stacks: each peer's server layer around a handler and, if the scenario calls out, its
//! client layer around a service that answers at once.

mod bare;
mod opentelemetry;
mod others;
mod own;

use bytes::Bytes;
use http::{Request, Response};
use load::{Body, Scenario, response};
use std::{convert::Infallible, error::Error};
use tower::{Service, service_fn};
use tower_b3::Mode;

/// Receives a peer's service.
pub trait Visitor<B> {
    type Out;

    /// `flush` waits until the peer's thread has freed every span.
    fn visit<S, RB>(self, service: S, flush: Flush) -> Self::Out
    where
        S: Service<Request<B>, Response = Response<RB>, Error = Infallible, Future: Send>
            + Clone
            + Send
            + 'static,
        RB: http_body::Body<Data = Bytes, Error: Error + Send + Sync> + Send + 'static;
}

pub type Flush = Box<dyn Fn() + Send>;

/// The handler that a peer's server layer is put around.
pub trait Handler<B>:
    Service<
        Request<B>,
        Response = Response<<Self as Handler<B>>::ResponseBody>,
        Error = Infallible,
        Future: Send,
    > + Clone
    + Send
    + 'static
{
    type ResponseBody: http_body::Body<Data = Bytes, Error: Error + Send + Sync> + Send + 'static;
}

impl<B, S, RB> Handler<B> for S
where
    S: Service<Request<B>, Response = Response<RB>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + 'static,
    RB: http_body::Body<Data = Bytes, Error: Error + Send + Sync> + Send + 'static,
{
    type ResponseBody = RB;
}

/// The service that the client layer is put around: it drops the request and answers at once.
fn sink() -> impl Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send>
+ Clone
+ Send
+ 'static {
    service_fn(|request: Request<Body>| async move {
        drop(request);
        Ok(response())
    })
}

/// A handler that sends one request through `client`.
macro_rules! calling {
    ($B:ty, $client:expr) => {{
        let client = $client;
        service_fn(move |request: Request<$B>| {
            let mut client = client.clone();
            async move {
                drop(request);
                let _ = client.call(take_out()).await;
                Ok::<_, Infallible>(response())
            }
        })
    }};
}

/// Passes the visitor the server layer around `$leaf`, or around a handler that calls out through the
/// client layer.
macro_rules! both {
    ($visitor:ident, $scenario:ident, $B:ident, $leaf:ident, $flush:expr, $server:expr, $client:expr $(,)?) => {{
        let flush: $crate::stacks::Flush = $flush;
        // A layer made from a closure fits one type of service, so each branch makes its own.
        if $scenario.calls_out() {
            let server = $server;
            let client = $client;
            let handler = $crate::stacks::calling!($B, client(sink()));
            $visitor.visit(Layer::layer(&server, handler), flush)
        } else {
            let server = $server;
            $visitor.visit(Layer::layer(&server, $leaf), flush)
        }
    }};
}

pub(crate) use {both, calling};

fn no_flush() -> Flush {
    Box::new(|| {})
}

/// Builds a peer for a scenario, around a handler that answers at once.
///
/// Some peers have global state: build each only once per process, and all for the same scenario.
pub fn with_peer<B, V>(name: &str, scenario: Scenario, visitor: V) -> V::Out
where
    B: http_body::Body + Send + 'static,
    V: Visitor<B>,
{
    let leaf = service_fn(|request: Request<B>| async move {
        drop(request);
        Ok::<_, Infallible>(response())
    });
    with_peer_around(name, scenario, visitor, leaf)
}

/// Builds a peer around this handler, which is used only if the scenario does not call out.
pub fn with_peer_around<B, V, L>(name: &str, scenario: Scenario, visitor: V, leaf: L) -> V::Out
where
    B: http_body::Body + Send + 'static,
    V: Visitor<B>,
    L: Handler<B>,
{
    match name {
        "baseline" => bare::baseline(scenario, visitor, leaf),
        "nothing" => bare::nothing(scenario, visitor, leaf),
        "floor" => bare::floor(scenario, visitor, leaf),
        "tower-b3" => own::tower_b3(Mode::Spans, scenario, visitor, leaf),
        "forward-only" => own::tower_b3(Mode::ForwardOnly, scenario, visitor, leaf),
        "fastrace" => others::fastrace(scenario, visitor, leaf),
        "otel-direct" => opentelemetry::direct(scenario, visitor, leaf),
        "zipkin" => others::zipkin(scenario, visitor, leaf),
        "otel-inst-tower" => opentelemetry::instrumentation_tower(scenario, visitor, leaf),
        "axum-tracing-otel" => opentelemetry::axum_tracing(scenario, visitor, leaf),
        "tower-http-otel" => opentelemetry::tower_http(scenario, visitor, leaf),
        "tower-otel" => opentelemetry::tower_otel(scenario, visitor, leaf),
        "tower-otel+id" => opentelemetry::tower_otel_with_request_id(scenario, visitor, leaf),
        "tower-http" => others::tower_http(scenario, visitor, leaf),
        "tower-http-id" => others::tower_http_request_id(scenario, visitor, leaf),
        "tower-request-id" => others::tower_request_id(scenario, visitor, leaf),
        other => panic!("no peer {other}"),
    }
}
