//! The peers' stacks: each peer's server layer around a handler and, if the scenario calls out, its
//! client layer around a service that answers at once.

mod bare;
pub(crate) mod opentelemetry;
mod others;
mod own;

use bytes::Bytes;
use http::{Request, Response};
use load::{Body, Scenario, response};
use std::{convert::Infallible, error::Error, marker::PhantomData};
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

/// What a peer's layers are put around. Each peer is a method.
struct Stack<B, V, L> {
    scenario: Scenario,
    visitor: V,
    leaf: L,
    body: PhantomData<fn(B)>,
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

/// Passes the visitor the server layer around the stack's handler, or around one that calls out
/// through the client layer.
macro_rules! both {
    ($stack:ident, $B:ident, $flush:expr, $server:expr, $client:expr $(,)?) => {{
        let flush: $crate::stacks::Flush = $flush;
        // A layer made from a closure fits one type of service, so each branch makes its own.
        if $stack.scenario.calls_out() {
            let server = $server;
            let client = $client;
            let handler = $crate::stacks::calling!($B, client(sink()));
            $stack.visitor.visit(Layer::layer(&server, handler), flush)
        } else {
            let server = $server;
            $stack
                .visitor
                .visit(Layer::layer(&server, $stack.leaf), flush)
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
    let stack = Stack {
        scenario,
        visitor,
        leaf,
        body: PhantomData,
    };
    match name {
        "baseline" => stack.baseline(),
        "nothing" => stack.nothing(),
        "floor" => stack.floor(),
        "tower-b3" => stack.tower_b3(Mode::Spans),
        "forward-only" => stack.tower_b3(Mode::ForwardOnly),
        "fastrace" => stack.fastrace(),
        "otel-direct" => stack.direct(),
        "zipkin" => stack.zipkin(),
        "otel-inst-tower" => stack.instrumentation_tower(),
        "axum-tracing-otel" => stack.axum_tracing(),
        "tower-http-otel" => stack.tower_http_opentelemetry(),
        "tower-otel" => stack.tower_otel(),
        "tower-otel+id" => stack.tower_otel_with_request_id(),
        "tower-http" => stack.tower_http(),
        "tower-http-id" => stack.tower_http_request_id(),
        "tower-request-id" => stack.tower_request_id(),
        other => panic!("no peer {other}"),
    }
}
