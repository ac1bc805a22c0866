//! Two services with everything that a service usually has, and every function of them in the trace.
//!
//! - `orders` serves HTTP with axum: nested routers, CORS, compression and timeouts. It calls
//!   `inventory` with reqwest, with hyper's client and with tonic.
//! - `inventory` serves HTTP with axum and gRPC with tonic.
//!
//! Every function is under `#[tracing::instrument]`. The log is JSON, with the ids of the request on
//! each line. Both services stop on SIGTERM and Ctrl-C, and send the last spans.
//!
//! ```sh
//! cargo run -p whole-service --bin inventory
//! cargo run -p whole-service --bin orders
//! curl http://127.0.0.1:8080/api/orders/1
//! ```
//!
//! [`telemetry`] sets tracing and logs up, [`shutdown`] says when to stop, and [`stock`] is the gRPC
//! service that both know.

pub mod shutdown;
pub mod stock;
pub mod telemetry;

/// The value of an environment variable, or else this default.
pub fn setting(name: &str, default: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| default.to_owned())
}
