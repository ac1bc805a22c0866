//! axum: matched paths, the context as an extractor, the peer's address from `ConnectInfo`.

use crate::common::{SPAN, TRACE, TestTracer, get};
use ::axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    routing::{get as on_get, post},
};
use http::{Request, StatusCode};
use std::net::SocketAddr;
use tower::ServiceExt;
use tower_b3::{RequestContext, ServerLayer, Trust, scope};

fn app(layer: ServerLayer) -> Router {
    let items = Router::new()
        .route("/", on_get(|| async { "items" }))
        .route(
            "/{id}",
            on_get(|| async { "item" }).delete(|| async { "gone" }),
        );
    let deep = Router::new().nest("/items", items);
    Router::new()
        .route("/", on_get(|| async { "home" }))
        .route("/orders", post(|| async { StatusCode::CREATED }))
        .route("/files/{*path}", on_get(|| async { "file" }))
        .route(
            "/renamed/{id}",
            on_get(|| async {
                scope::rename("by hand");
            }),
        )
        .nest("/api/{version}", deep)
        .fallback(|| async { StatusCode::NOT_FOUND })
        .layer(layer)
}

async fn send(app: Router, request: Request<Body>) -> String {
    let response = app.oneshot(request).await.unwrap();
    let body = ::axum::body::to_bytes(response.into_body(), 1000).await;
    String::from_utf8(body.unwrap().to_vec()).unwrap()
}

#[tokio::test]
async fn the_matched_path_is_in_the_name() {
    let test = TestTracer::new();
    for (method, path, name) in [
        ("GET", "/", "GET /"),
        ("POST", "/orders", "POST /orders"),
        ("GET", "/orders", "GET /orders"),
        ("GET", "/files/a/b/c", "GET /files/{*path}"),
        (
            "GET",
            "/api/v1/items/7?x=y",
            "GET /api/{version}/items/{id}",
        ),
        (
            "DELETE",
            "/api/v1/items/7",
            "DELETE /api/{version}/items/{id}",
        ),
        ("GET", "/renamed/7", "by hand"),
        ("GET", "/no/such/path", "GET"),
        ("GET", "/api/v1/no/such/path", "GET"),
    ] {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::empty()).unwrap();
        send(app(test.tracer.server_layer()), request).await;
        assert_eq!(test.spans.take_one().name(), name, "{method} {path}");
    }
}

#[tokio::test]
async fn outside_the_router_the_name_is_the_method_unless_the_handler_sets_the_route() {
    let test = TestTracer::new();
    let router = Router::new()
        .route("/plain/{id}", on_get(|| async {}))
        .route(
            "/named/{id}",
            on_get(|| async { scope::route("/named/{id}") }),
        );
    let service = tower::Layer::layer(&test.tracer.server_layer(), router);
    for (path, name) in [("/plain/7", "GET"), ("/named/7", "GET /named/{id}")] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        drop(response);
        assert_eq!(test.spans.take_one().name(), name);
    }
}

#[tokio::test]
async fn the_context_is_an_extractor() {
    let test = TestTracer::new();
    let ids = |context: RequestContext| async move {
        context
            .trace_context()
            .map_or("none".to_owned(), |context| context.span_id().to_string())
    };
    let router = Router::new().route("/", on_get(ids));
    let layered = router.clone().layer(test.tracer.server_layer());
    let request = || get("/", "").map(|()| Body::empty());
    let seen = send(layered, request()).await;
    assert_eq!(seen, test.spans.take_one().id().to_string());
    assert_eq!(send(router, request()).await, "none");
}

#[tokio::test]
async fn connect_info_is_the_peers_address() {
    let test = TestTracer::new();
    let peer: SocketAddr = "[2001:db8::1]:4711".parse().unwrap();
    let mut request = Request::get("/").body(Body::empty()).unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    send(app(test.tracer.server_layer()), request).await;
    let span = test.spans.take_one();
    assert_eq!(span.tag("peer.address").as_deref(), Some("2001:db8::1"));
    assert_eq!(span.remote_endpoint().port, Some(4711));
}

#[tokio::test]
async fn trust_uses_connect_info() {
    let test = TestTracer::new();
    let networks = Trust::networks(["10.0.0.0/8"]).unwrap();
    let layer = test.tracer.server_layer().trust(networks);
    for (peer, trusted) in [
        (Some("10.1.2.3:4711"), true),
        (Some("192.0.2.1:4711"), false),
        (None, false),
    ] {
        let lines = format!("b3: {TRACE}-{SPAN}-1");
        let mut request = get("/", &lines).map(|()| Body::empty());
        if let Some(peer) = peer {
            let peer: SocketAddr = peer.parse().unwrap();
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        send(app(layer.clone()), request).await;
        let joined = test.spans.take_one().trace_id().to_string() == TRACE;
        assert_eq!(joined, trusted, "{peer:?}");
    }
}
