//! The services and the reporters against the real Zipkin, Envoy, Jaeger, Kafka and Prometheus.
//!
//! Skipped unless `TOWER_B3_REAL_SERVERS=1`. To run them:
//!
//! ```sh
//! set -a; source <(tests/backends/install.sh jaeger kafka prometheus); TOWER_B3_REAL_SERVERS=1
//! cargo test -p coolstore-services --test real_servers
//! ```

mod access_log;
mod lab;
mod metrics;
mod parity;
mod queues;
mod reporters;
mod traces;
mod untraced;

use std::path::PathBuf;

/// The directory for the output of a test's servers; `None` if the real servers are switched off.
fn test_dir(test: &str) -> Option<PathBuf> {
    test_kit::backends::test_dir(env!("CARGO_TARGET_TMPDIR"), test)
}
