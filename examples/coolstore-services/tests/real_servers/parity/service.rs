//! A service under test with settings that `webapp` has no flags for. It sends every request to the
//! backend, as Envoy would; all tracing is done by the two layers.

use std::future::{Ready, ready};
use std::net::SocketAddr;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{StatusCode, Version, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http_body_util::Full;
use hyper_util::client::legacy;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tower::retry::{Policy, RetryLayer};
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_b3::{ServerLayer, Tracer};

use super::connect::sender;
use super::setup::{BACKEND_TIMEOUT, HOST};

type Calls = BoxCloneSyncService<hyper::Request<Full<Bytes>>, Response, legacy::Error>;

/// Serves until the runtime ends.
pub async fn start(
    tracer: &Tracer,
    layer: ServerLayer,
    backend: SocketAddr,
    retries: usize,
) -> SocketAddr {
    let app = Router::new()
        .route("/{*path}", any(pass_on))
        .with_state(calls(tracer, backend, retries))
        .layer(layer);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async { axum::serve(listener, app).await });
    addr
}

async fn pass_on(State(calls): State<Calls>, request: Request) -> Response {
    let path = request.uri().path_and_query().expect("a path").clone();
    let mut call = hyper::Request::builder()
        .method(request.method())
        .version(request.version())
        .uri(format!("http://{HOST}{path}"));
    for name in [header::CONTENT_TYPE, header::TE] {
        if let Some(value) = request.headers().get(&name) {
            call = call.header(name, value);
        }
    }
    let body = axum::body::to_bytes(request.into_body(), 1024).await;
    let call = call.body(Full::new(body.expect("a small body")));
    let call = call.expect("a well-formed request");
    match timeout(BACKEND_TIMEOUT, calls.oneshot(call)).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Err(_) => StatusCode::GATEWAY_TIMEOUT.into_response(),
    }
}

/// Retries around the client layer, so that each attempt is a span.
fn calls(tracer: &Tracer, backend: SocketAddr, retries: usize) -> Calls {
    let (http1, http2) = (sender(backend, false), sender(backend, true));
    let send = service_fn(move |request: hyper::Request<Full<Bytes>>| {
        let sender = match request.version() {
            Version::HTTP_2 => &http2,
            _ => &http1,
        };
        sender.clone().oneshot(request)
    });
    let service = ServiceBuilder::new()
        .map_response(|answer: hyper::Response<_>| answer.map(Body::new))
        .layer(RetryLayer::new(Again(retries)))
        .layer(tracer.client_layer())
        .service(send);
    BoxCloneSyncService::new(service)
}

/// Retries after a 503, at most this many times.
#[derive(Clone)]
struct Again(usize);

impl<B: Clone, R> Policy<hyper::Request<B>, hyper::Response<R>, legacy::Error> for Again {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut hyper::Request<B>,
        result: &mut Result<hyper::Response<R>, legacy::Error>,
    ) -> Option<Ready<()>> {
        let answer = result.as_ref().ok()?;
        if self.0 == 0 || answer.status() != StatusCode::SERVICE_UNAVAILABLE {
            return None;
        }
        self.0 -= 1;
        Some(ready(()))
    }

    fn clone_request(&mut self, request: &hyper::Request<B>) -> Option<hyper::Request<B>> {
        Some(request.clone())
    }
}
