//! The prices, over HTTP.

use axum::{
    Router,
    extract::{Path, Request},
    http::StatusCode,
    middleware::{self, Next},
    response::Response,
    routing::get,
};
use std::{error::Error, fmt};
use tower_b3::Tracer;
use tracing::{info, instrument};

pub fn app(tracer: &Tracer) -> Router {
    Router::new()
        .route("/prices/{item}", get(get_price))
        .route("/discount", get(get_discount))
        .layer(middleware::from_fn(log_request))
        .layer(tracer.server_layer())
}

/// Inside the server layer, so that the line has the ids of the request.
async fn log_request(request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    info!(status = response.status().as_u16(), "answered");
    response
}

#[derive(Debug)]
struct NoPrice;

impl fmt::Display for NoPrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the price list is torn")
    }
}

impl Error for NoPrice {}

#[instrument]
async fn get_price(Path(item): Path<String>) -> Result<String, StatusCode> {
    let cents = look_up_price(&item).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(cents.to_string())
}

#[instrument(err, fields(otel.kind = "client", otel.name = "SELECT prices", db.system = "sqlite"))]
fn look_up_price(item: &str) -> Result<u32, NoPrice> {
    match item {
        "atlas" => Err(NoPrice),
        item => Ok(1_000 + 10 * item.len() as u32),
    }
}

#[instrument]
async fn get_discount() -> &'static str {
    info!("discount asked");
    "5"
}
