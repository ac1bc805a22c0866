//! Real servers on free loopback ports, with their output in files.
//!
//! Tests that need them are skipped unless `TOWER_B3_REAL_SERVERS=1`. `tests/backends/install.sh`
//! installs the servers and prints the variables with their locations.

mod envoy;
mod http;
mod jaeger;
mod kafka;
mod logged_process;
mod prometheus;
mod setup;
mod zipkin;

pub use envoy::Envoy;
pub use http::Http;
pub use jaeger::{Jaeger, JaegerSpan, read as jaeger_spans};
pub use kafka::Kafka;
pub use logged_process::{LoggedProcess, listening_on};
pub use prometheus::{Prometheus, Sample};
pub use setup::{eventually, test_dir};
pub use zipkin::{Span, Zipkin, now_us};
