//! Nothing waits for the output, and nothing is lost without being counted.

use crate::{
    common::get,
    log::{Lines, Logged, PATIENCE, empty},
};
use std::{
    io::{self, Write},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};
use test_kit::log::LogBuffer;
use tower_b3::{
    Tracer,
    access_log::{AccessLog, AccessLogError, AccessLogFormat},
};

/// A writer that blocks until it is opened.
#[derive(Clone, Default)]
struct Gate(Arc<(Mutex<GateState>, Condvar)>, Lines);

#[derive(Default)]
struct GateState {
    entered: bool,
    open: bool,
}

impl Gate {
    fn open(&self) {
        self.0.0.lock().unwrap().open = true;
        self.0.1.notify_all();
    }

    fn wait_until_entered(&self) {
        let state = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(state, |state| !state.entered).unwrap());
    }
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.0.lock().unwrap();
        state.entered = true;
        self.0.1.notify_all();
        drop(self.0.1.wait_while(state, |state| !state.open).unwrap());
        self.1.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn path_format() -> AccessLogFormat {
    AccessLogFormat::text("%REQ(:PATH)%").unwrap()
}

#[test]
fn a_blocked_output_makes_no_request_wait_and_drops_are_counted() {
    let gate = Gate::default();
    let log = AccessLog::builder()
        .format(path_format())
        .writer(gate.clone());
    let log = log.max_queued_bytes(64 * 1024).start().unwrap();
    let logged = Logged::of(|log| log, |tracer| tracer.observer(log.clone()));
    let requests = 2000;
    let path = format!("/{}", "x".repeat(99));
    for _ in 0..requests {
        logged.served(get(&path, ""), empty);
    }
    assert!(!log.flush(Duration::from_millis(1)));
    let stats = log.stats();
    assert!(stats.dropped > 0 && stats.written == 0, "{stats:?}");
    gate.open();
    assert!(log.flush(PATIENCE));
    let stats = log.stats();
    assert_eq!(stats.written + stats.dropped, requests, "{stats:?}");
    assert_eq!(gate.1.bytes().len() as u64, stats.written * 101);
    // What fits into the queue is kept, beside what the blocked thread has taken.
    assert!((300..=1400).contains(&stats.written), "{stats:?}");
    logged.take_bytes();
}

#[test]
fn a_line_longer_than_the_queue_is_dropped() {
    let lines = Lines::default();
    let log = AccessLog::builder()
        .format(path_format())
        .writer(lines.clone());
    let log = log.max_queued_bytes(4096).start().unwrap();
    let logged = Logged::of(|log| log, |tracer| tracer.observer(log.clone()));
    logged.served(get(&format!("/{}", "x".repeat(4096)), ""), empty);
    logged.served(get(&format!("/{}", "y".repeat(3000)), ""), empty);
    assert!(log.flush(PATIENCE));
    assert_eq!((log.stats().written, log.stats().dropped), (1, 1));
    assert_eq!(lines.bytes().len(), 3002);
    logged.take_bytes();
}

#[test]
fn many_threads_write_whole_lines() {
    let logged = Logged::of(|log| log.format(path_format()), |tracer| tracer);
    let threads = 8;
    thread::scope(|scope| {
        for number in 0..threads {
            let logged = &logged;
            scope.spawn(move || {
                for at in 0..500 {
                    logged.served(get(&format!("/{number}/{at}"), ""), empty);
                }
            });
        }
    });
    let text = logged.take();
    let mut lines: Vec<&str> = text.lines().collect();
    let stats = logged.log.stats();
    assert_eq!(lines.len() as u64, stats.written);
    assert_eq!(stats.written + stats.dropped, threads * 500);
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len() as u64, stats.written);
    assert!(lines.iter().all(|line| line.matches('/').count() == 2));
}

#[test]
fn the_last_handle_writes_what_is_left() {
    let lines = Lines::default();
    let log = AccessLog::builder().format(path_format());
    let log = log.writer(lines.clone()).start().unwrap();
    let logged = Logged::of(|log| log, |tracer| tracer.observer(log));
    logged.served(get("/last", ""), empty);
    logged.test.spans.take_all();
    drop(logged);
    assert_eq!(lines.bytes(), b"/last\n");
}

#[test]
fn a_guard_writes_what_is_left() {
    let lines = Lines::default();
    let log = AccessLog::builder().format(path_format());
    let log = log.writer(lines.clone()).start().unwrap();
    let guard = log.guard().timeout(PATIENCE);
    let logged = Logged::of(|log| log, |tracer| tracer.observer(log));
    logged.served(get("/left", ""), empty);
    drop(guard);
    assert_eq!(lines.bytes(), b"/left\n");
    logged.take_bytes();
}

#[test]
fn flushing_the_tracer_flushes_the_log() {
    let lines = Lines::default();
    let log = AccessLog::builder().format(path_format());
    let log = log.writer(lines.clone()).start().unwrap();
    let logged = Logged::of(|log| log, |tracer| tracer.observer(log));
    logged.served(get("/flushed", ""), empty);
    assert!(logged.test.tracer.flush(PATIENCE));
    assert_eq!(lines.bytes(), b"/flushed\n");
    logged.take_bytes();
}

#[test]
fn a_handle_that_is_dropped_while_the_output_blocks_says_what_is_lost() {
    let gate = Gate::default();
    let buffer = LogBuffer::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(buffer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let log = AccessLog::builder()
            .format(path_format())
            .writer(gate.clone());
        let log = log.start().unwrap();
        let tracer = Tracer::builder("shop").observer(log).build().unwrap();
        let layer = tracer.client_layer();
        drop(tracer);
        crate::common::sent_headers(&layer, get("http://a/1", ""));
        // The thread has taken the first line.
        gate.wait_until_entered();
        crate::common::sent_headers(&layer, get("http://a/2", ""));
    });
    let text = buffer.text();
    assert!(
        text.contains("lost or late, because writing blocks"),
        "{text}"
    );
    gate.open();
}

/// A writer that fails as long as it is told to.
#[derive(Clone)]
struct Fails(Arc<AtomicBool>, Lines);

impl Write for Fails {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.load(SeqCst) {
            true => Err(io::Error::other("disk full")),
            false => self.1.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_that_cannot_be_written_are_counted_and_later_ones_are_written() {
    let failing = Arc::new(AtomicBool::new(true));
    let writer = Fails(Arc::clone(&failing), Lines::default());
    let log = AccessLog::builder().format(path_format());
    let log = log.writer(writer.clone()).start().unwrap();
    let logged = Logged::of(|log| log, |tracer| tracer.observer(log.clone()));
    logged.served(get("/1", ""), empty);
    logged.served(get("/2", ""), empty);
    assert!(log.flush(PATIENCE));
    assert_eq!((log.stats().written, log.stats().failed), (0, 2));
    failing.store(false, SeqCst);
    logged.served(get("/3", ""), empty);
    assert!(log.flush(PATIENCE));
    assert_eq!((log.stats().written, log.stats().failed), (1, 2));
    assert_eq!(writer.1.bytes(), b"/3\n");
    logged.take_bytes();
}

struct Panics;

impl Write for Panics {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        panic!("expected")
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_writer_that_panics_only_loses_lines() {
    let log = AccessLog::builder().writer(Panics).start().unwrap();
    let logged = Logged::of(|log| log, |tracer| tracer.observer(log.clone()));
    for _ in 0..2 {
        logged.served(get("/", ""), empty);
        assert!(log.flush(PATIENCE));
    }
    assert_eq!(log.stats().failed, 2);
    logged.take_bytes();
}

#[test]
fn files_are_appended_to_and_errors_name_them() {
    let path = std::env::temp_dir().join(format!("tower-b3-access-{}.log", std::process::id()));
    for number in 0..2 {
        let log = AccessLog::builder()
            .format(path_format())
            .file(&path)
            .start()
            .unwrap();
        let logged = Logged::of(|log| log, |tracer| tracer.observer(log.clone()));
        logged.served(get(&format!("/{number}"), ""), empty);
        assert!(log.flush(PATIENCE));
        logged.take_bytes();
    }
    assert_eq!(std::fs::read(&path).unwrap(), b"/0\n/1\n");
    std::fs::remove_file(&path).unwrap();

    let error = AccessLog::builder()
        .file("/nowhere/access.log")
        .start()
        .unwrap_err();
    assert!(matches!(error, AccessLogError::Open { .. }));
    let text = error.to_string();
    assert!(
        text.starts_with("access log file /nowhere/access.log: "),
        "{text}"
    );
    let error = AccessLog::builder()
        .max_queued_bytes(4095)
        .start()
        .unwrap_err();
    assert_eq!(error.to_string(), "max_queued_bytes: must be at least 4096");
}
