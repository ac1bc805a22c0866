//! The log of a process, on standard error, and its functions under `#[instrument]` in the traces.
//! Each log line of a request has its ids in front.

use std::io::{self, IsTerminal};
use tower_b3::{TracingLayer, logs::WithIds};
use tracing_subscriber::{
    Layer, Registry,
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// Logs what [`filter`] selects, as lines of text.
pub fn log_to_stderr(level: LevelFilter) {
    let lines = fmt::layer()
        .with_writer(io::stderr)
        // If standard error is closed, reporting that on standard error would panic.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal())
        .map_event_format(WithIds::text)
        .with_filter(filter(level))
        .boxed();
    start(lines);
}

/// Starts the log that this layer writes. Functions under `#[instrument]` become spans, whatever
/// `RUST_LOG` selects for the log.
pub fn start(lines: Box<dyn Layer<Registry> + Send + Sync>) {
    // Events are in the log, with the ids of their span. Only errors are shown on the span too.
    let spans = TracingLayer::new()
        .max_event_level(LevelFilter::ERROR)
        .with_filter(LevelFilter::INFO);
    tracing_subscriber::registry()
        .with(lines)
        .with(spans)
        .init();
}

/// What `RUST_LOG` selects (`info`, `warn,webapp=debug`), or else everything from `level` up.
pub fn filter(level: LevelFilter) -> Targets {
    let selected = std::env::var("RUST_LOG").unwrap_or_default();
    match selected.parse::<Targets>() {
        Ok(targets) if !selected.is_empty() => targets,
        _ => Targets::new().with_default(level),
    }
}
