//! Captures the log.

use std::{
    io,
    sync::{Mutex, OnceLock},
};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The subscriber panics at a line that contains this.
pub const UNLOGGABLE: &str = "a line that cannot be logged";

struct Lines;

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes).into_owned();
        assert!(!line.contains(UNLOGGABLE), "the subscriber panics");
        LINES.lock().unwrap().push(line);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Captures what is logged from now on.
pub fn start() {
    static STARTED: OnceLock<()> = OnceLock::new();
    STARTED.get_or_init(|| {
        tracing_subscriber::fmt()
            .with_max_level(tracing::Level::INFO)
            .without_time()
            .with_target(false)
            .with_ansi(false)
            .with_writer(|| Lines)
            .init();
    });
}

/// The lines that contain this.
pub fn lines(with: &str) -> Vec<String> {
    let lines = LINES.lock().unwrap();
    let lines = lines.iter().filter(|line| line.contains(with));
    lines.map(|line| line.trim().to_owned()).collect()
}
