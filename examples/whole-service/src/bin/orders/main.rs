//! Orders over HTTP. Prices and stock come from `inventory`.

mod clients;
mod database;
mod handlers;
mod routes;

use clients::Clients;
use std::error::Error;
use tokio::net::TcpListener;
use tracing::info;
use whole_service::{setting, shutdown, telemetry};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let tracer = telemetry::start("orders")?;
    let stop = shutdown::stop()?;
    let prices = setting("PRICES_URL", "http://127.0.0.1:8081");
    let stock = setting("STOCK_URL", "http://127.0.0.1:50051");
    let clients = Clients::new(&tracer, prices, stock.parse()?);

    let listener = TcpListener::bind(setting("LISTEN", "127.0.0.1:8080")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    info!("listening");
    let app = routes::app(&tracer, clients);
    axum::serve(listener, app)
        .with_graceful_shutdown(stop)
        .await?;
    info!("stopped");
    Ok(())
}
