//! The orders.

use tracing::{info, instrument};

const ROWS: [&str; 4] = ["mug,lamp", "desk", "atlas", "piano"];

#[instrument(fields(otel.kind = "client", otel.name = "SELECT orders", db.system = "sqlite"))]
pub async fn load_order(id: usize) -> Option<Vec<&'static str>> {
    let Some(row) = id.checked_sub(1).and_then(|at| ROWS.get(at)) else {
        info!("no such order");
        return None;
    };
    // Where a real query would wait.
    tokio::task::yield_now().await;
    Some(parse_row(row))
}

#[instrument(skip_all, fields(items))]
fn parse_row(row: &'static str) -> Vec<&'static str> {
    let items: Vec<&str> = row.split(',').collect();
    tracing::Span::current().record("items", items.len());
    items
}
