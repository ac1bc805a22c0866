//! The log of a process, on standard error. Each line of a request has its ids in front.

use std::io::{self, IsTerminal};
use tower_b3::logs::WithIds;
use tracing_subscriber::{
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
        .map_event_format(WithIds::text);
    tracing_subscriber::registry()
        .with(lines)
        .with(filter(level))
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
