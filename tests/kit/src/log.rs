//! A subscriber that keeps log lines, for tests of what is logged.

use std::{
    io,
    sync::{Mutex, OnceLock},
};

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A line that contains this makes the subscriber panic.
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

/// Installs the subscriber, for the whole process. Can be called repeatedly.
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

/// The lines logged so far that contain this text.
pub fn lines(containing: &str) -> Vec<String> {
    let lines = LINES.lock().unwrap();
    let lines = lines.iter().filter(|line| line.contains(containing));
    lines.map(|line| line.trim().to_owned()).collect()
}
