//! The routes, and the layers around them.

use crate::{clients::Clients, handlers};
use axum::{
    Router,
    extract::Request,
    http::{Method, StatusCode},
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use std::time::Duration;
use tower_b3::Tracer;
use tower_http::{
    compression::CompressionLayer,
    cors::{Any, CorsLayer},
    timeout::TimeoutLayer,
};
use tracing::info;

const ORDERS_TIMEOUT: Duration = Duration::from_secs(30);
const QUOTES_TIMEOUT: Duration = Duration::from_secs(2);

/// From the outside in: CORS answers preflight requests without a span; the server layer; then what
/// belongs to the request.
pub fn app(tracer: &Tracer, clients: Clients) -> Router {
    let cors = CorsLayer::new()
        .allow_origin(Any)
        .allow_methods([Method::GET]);
    let api = Router::new()
        .nest("/orders", with_timeout(orders(), ORDERS_TIMEOUT))
        .nest("/quotes", with_timeout(quotes(), QUOTES_TIMEOUT));
    Router::new()
        .route("/healthz", get(async || "healthy"))
        .nest("/api", api)
        .with_state(clients)
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn(log_request))
        .layer(tracer.server_layer().exclude_paths(["/healthz"]))
        .layer(cors)
}

fn orders() -> Router<Clients> {
    Router::new().route("/{id}", get(handlers::get_order))
}

fn quotes() -> Router<Clients> {
    Router::new().route("/{id}", get(handlers::get_quote))
}

fn with_timeout(routes: Router<Clients>, timeout: Duration) -> Router<Clients> {
    routes.layer(TimeoutLayer::with_status_code(
        StatusCode::GATEWAY_TIMEOUT,
        timeout,
    ))
}

/// Inside the server layer, so that the line has the ids of the request.
async fn log_request(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    info!(status = response.status().as_u16(), "answered");
    response
}
