//! Functions under `#[tracing::instrument]` in the trace of a request, as the console reporter prints
//! it:
//!
//! ```text
//! cargo run --example instrument --features axum,tracing-layer
//! ```

use axum::{Router, body::Body, extract::Path, http::Request, routing::get};
use std::convert::Infallible;
use tower::{Layer, ServiceExt, service_fn};
use tower_b3::{RouteTemplate, Tracer, TracingLayer, report::ConsoleReporter};
use tracing::{info, instrument};
use tracing_subscriber::{
    Layer as _, filter::LevelFilter, layer::SubscriberExt, util::SubscriberInitExt,
};

/// Where a request goes through the client layer, as any HTTP client would be called.
async fn call_catalog(tracer: &Tracer, id: u32) -> u16 {
    let catalog = service_fn(async |_: Request<Body>| {
        Ok::<_, Infallible>(axum::http::Response::new(Body::empty()))
    });
    let request = Request::get(format!("http://catalog/items/{id}"))
        .extension(RouteTemplate::new("/items/{id}"))
        .body(Body::empty())
        .expect("a valid request");
    let response = tracer.client_layer().layer(catalog).oneshot(request).await;
    let Ok(response) = response;
    response.status().as_u16()
}

#[instrument(skip(tracer), fields(in_stock))]
async fn load_item(tracer: Tracer, id: u32) -> u16 {
    let status = call_catalog(&tracer, id).await;
    tracing::Span::current().record("in_stock", is_in_stock(id));
    status
}

#[instrument(fields(otel.kind = "client", otel.name = "SELECT stock", db.system = "postgresql"))]
fn is_in_stock(id: u32) -> bool {
    info!("cache miss");
    id < 10
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::registry()
        .with(TracingLayer::new().with_filter(LevelFilter::INFO))
        .init();
    let tracer = Tracer::builder("webapp")
        .reporter(ConsoleReporter::stdout())
        .build()?;

    let for_handler = tracer.clone();
    let item = async move |Path(id): Path<u32>| {
        // No span of `tracing` is entered here that `in_current_span` could carry into the task.
        let load = tower_b3::in_current_context(load_item(for_handler, id));
        let status = tokio::spawn(load).await;
        status.map_or("lost".to_owned(), |status| status.to_string())
    };
    let app = Router::new()
        .route("/items/{id}", get(item))
        .layer(tracer.server_layer());

    let request = Request::get("/items/7").body(Body::empty())?;
    let response = app.oneshot(request).await?;
    axum::body::to_bytes(response.into_body(), usize::MAX).await?;
    Ok(())
}
