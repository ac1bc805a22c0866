//! The program beside real clients: an Envoy with its tracers for Zipkin and OpenTelemetry, a service
//! traced by Brave, and files that Jaeger exports.
//!
//! Skipped unless `TOWER_B3_REAL_SERVERS=1` is set; `tests/backends/install.sh brave jaeger` installs
//! them.

#[path = "../common/mod.rs"]
mod common;

mod clients;
mod envoy;
mod jaeger;
mod viewer;
