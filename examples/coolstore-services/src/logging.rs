//! The log of a service, on standard error, as text or JSON.

use clap::ValueEnum;
use coolstore::logging::{self, filter, log_to_stderr};
use std::io;
use tower_b3::logs::WithIds;
use tracing_subscriber::{Layer, filter::LevelFilter, fmt};

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text, with the ids of a request in front
    Text,
    /// A JSON object per line, with the ids of a request at its top level
    Json,
}

impl LogFormat {
    /// Logs what `RUST_LOG` selects, or else everything from the level INFO up.
    pub fn start(self) {
        match self {
            LogFormat::Text => log_to_stderr(LevelFilter::INFO),
            LogFormat::Json => log_json_to_stderr(LevelFilter::INFO),
        }
    }
}

fn log_json_to_stderr(level: LevelFilter) {
    let lines = fmt::layer()
        .json()
        .flatten_event(true)
        .with_writer(io::stderr)
        // If standard error is closed, reporting that on standard error would panic.
        .log_internal_errors(false)
        .map_event_format(WithIds::json)
        .with_filter(filter(level));
    logging::start(lines.boxed());
}
