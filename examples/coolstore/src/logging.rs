//! The log of a process, on standard error.

use std::io::{self, IsTerminal};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    fmt,
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// Logs what `RUST_LOG` selects (`info`, `warn,webapp=debug`), or else everything from `level` up.
pub fn log_to_stderr(level: LevelFilter) {
    let selected = std::env::var("RUST_LOG").unwrap_or_default();
    let filter = match selected.parse::<Targets>() {
        Ok(targets) if !selected.is_empty() => targets,
        _ => Targets::new().with_default(level),
    };
    let lines = fmt::layer()
        .with_writer(io::stderr)
        // If standard error is closed, reporting that on standard error would panic.
        .log_internal_errors(false)
        .with_ansi(io::stderr().is_terminal());
    tracing_subscriber::registry()
        .with(lines)
        .with(filter)
        .init();
}
