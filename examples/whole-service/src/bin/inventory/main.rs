//! Prices over HTTP, and stock over gRPC.

mod prices;
mod warehouse;

use std::error::Error;
use tokio::net::TcpListener;
use tonic::transport::{
    Server,
    server::{TcpConnectInfo, TcpIncoming},
};
use tracing::info;
use warehouse::Warehouse;
use whole_service::{setting, shutdown, stock::StockServer, telemetry};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let tracer = telemetry::start("inventory")?;
    let stop = shutdown::stop()?;
    let listener = TcpListener::bind(setting("LISTEN", "127.0.0.1:8081")).await?;
    let incoming = TcpIncoming::bind(setting("LISTEN_GRPC", "127.0.0.1:50051").parse()?)?;
    println!("listening on http://{}", listener.local_addr()?);
    println!("gRPC on http://{}", incoming.local_addr()?);
    info!("listening");

    let http = axum::serve(listener, prices::app(&tracer)).with_graceful_shutdown(stop.clone());
    let server_layer = tracer
        .server_layer()
        .peer_address(|head| head.extensions().get::<TcpConnectInfo>()?.remote_addr());
    let grpc = Server::builder()
        .layer(server_layer)
        .add_service(StockServer(Warehouse))
        .serve_with_incoming_shutdown(incoming, stop);
    let (http, grpc) = tokio::join!(http, grpc);
    info!("stopped");
    http?;
    Ok(grpc?)
}
