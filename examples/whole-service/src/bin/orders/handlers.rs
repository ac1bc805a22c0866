//! What the routes do.

use crate::{clients::Clients, database::load_order};
use axum::{
    Json,
    extract::{Path, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::task::spawn_blocking;
use tracing::{Instrument, Span, error, info, instrument};

/// The response of a request that failed: a status, and the reason as JSON.
pub struct Failure(StatusCode, String);

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

fn failure(status: StatusCode) -> impl FnOnce(String) -> Failure {
    move |reason| {
        error!(reason, "failed");
        Failure(status, reason)
    }
}

#[instrument(skip(clients))]
pub async fn get_order(
    State(clients): State<Clients>,
    Path(id): Path<usize>,
) -> Result<Json<Value>, Failure> {
    info!("order requested");
    let order = load_order(id).await;
    let order = order.ok_or_else(|| Failure(StatusCode::NOT_FOUND, "no such order".to_owned()))?;
    let (reserved, cents, percent) = tokio::join!(
        clients.reserve_all(&order),
        clients.price_all(&order),
        clients.discount(),
    );
    reserved
        .map_err(|status| status.message().to_owned())
        .map_err(failure(StatusCode::SERVICE_UNAVAILABLE))?;
    let cents = cents.map_err(|error| error.to_string());
    let cents = cents.map_err(failure(StatusCode::BAD_GATEWAY))?;
    let percent = percent.map_err(|error| error.to_string());
    let percent = percent.map_err(failure(StatusCode::BAD_GATEWAY))?;

    let audited = tokio::spawn(audit(id).in_current_span());
    let span = Span::current();
    let page = spawn_blocking(move || span.in_scope(|| render(&order, cents, percent)));
    let (audited, page) = tokio::join!(audited, page);
    let page = audited.and(page).map_err(|error| error.to_string());
    page.map(Json)
        .map_err(failure(StatusCode::INTERNAL_SERVER_ERROR))
}

#[instrument(skip(clients))]
pub async fn get_quote(
    State(clients): State<Clients>,
    Path(id): Path<usize>,
) -> Result<String, Failure> {
    let order = load_order(id).await.unwrap_or_default();
    let reserved = clients.reserve_all(&order).await;
    let reserved = reserved.map_err(|status| status.message().to_owned());
    reserved.map_err(failure(StatusCode::SERVICE_UNAVAILABLE))?;
    Ok("in stock".to_owned())
}

#[instrument]
async fn audit(id: usize) {
    // Where a real audit would wait.
    tokio::task::yield_now().await;
    info!("audited");
}

#[instrument(skip_all)]
fn render(items: &[&str], cents: u32, percent: u32) -> Value {
    info!("rendered");
    json!({ "items": items, "cents": cents - cents * percent / 100 })
}
