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
use test_kit::{
    eventually,
    log::{self, LogBuffer},
};
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
    let threads = 16;
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
    assert_eq!((stats.written, stats.dropped), (threads * 500, 0));
    assert_eq!(lines.len() as u64, stats.written);
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len() as u64, stats.written);
    assert!(lines.iter().all(|line| line.matches('/').count() == 2));
}

#[test]
fn the_limit_is_for_all_threads_together() {
    for length in [100, 1500, 3000] {
        let gate = Gate::default();
        let log = AccessLog::builder()
            .format(path_format())
            .writer(gate.clone());
        let limit = 4096;
        let log = log.max_queued_bytes(limit).start().unwrap();
        let logged = Logged::of(|log| log, |tracer| tracer.observer(log.clone()));
        let path = format!("/{}", "x".repeat(length - 2));
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        logged.served(get(&path, ""), empty);
                    }
                });
            }
        });
        gate.open();
        assert!(log.flush(PATIENCE));
        let written = gate.1.bytes().len();
        // Shards may have room that is smaller than a line.
        let least = (limit - limit / 4).min(limit / length * length);
        assert!((least..=limit).contains(&written), "{length}: {written}");
        logged.take_bytes();
    }
}

#[test]
fn an_outage_is_logged_at_its_start_and_with_totals_at_its_end() {
    log::start();
    let failing = Arc::new(AtomicBool::new(true));
    let writer = Fails(Arc::clone(&failing), Lines::default());
    let log = AccessLog::builder().format(path_format());
    let log = log.writer(writer.clone()).start().unwrap();
    let logged = Logged::of(|log| log, |tracer| tracer.observer(log.clone()));
    for _ in 0..77 {
        logged.served(get("/1", ""), empty);
    }
    assert!(log.flush(PATIENCE));
    failing.store(false, SeqCst);
    logged.served(get("/2", ""), empty);
    assert!(log.flush(PATIENCE));
    let totals = "lines are written again; 77 lines could not be written, and 0 were dropped";
    assert_eq!(log::lines(totals).len(), 1);
    assert!(!log::lines("disk full; lines are lost, and counted").is_empty());
    logged.take_bytes();
}

#[test]
fn drops_are_logged_and_the_tracer_has_their_count() {
    log::start();
    let gate = Gate::default();
    let log = AccessLog::builder().format(path_format());
    let log = log.writer(gate.clone()).max_queued_bytes(4096);
    let log = log.start().unwrap();
    let logged = Logged::of(|log| log, |tracer| tracer.observer(log.clone()));
    logged.served(get("/first", ""), empty);
    gate.wait_until_entered();
    for _ in 0..83 {
        logged.served(get(&format!("/{}", "x".repeat(5000)), ""), empty);
    }
    assert_eq!(logged.test.tracer.access_log_stats().dropped, 83);
    gate.open();
    assert!(log.flush(PATIENCE));
    eventually("the end of the outage", || {
        let lines = log::lines("0 lines could not be written, and 83 were dropped");
        (lines.len() == 1).then_some(())
    });
    assert!(!log::lines("the queue was full; lines are lost, and counted").is_empty());
    logged.take_bytes();
}

#[test]
fn a_guard_and_a_running_tracer_say_what_they_leave() {
    let gate = Gate::default();
    let buffer = LogBuffer::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(buffer.clone())
        .finish();
    let log = AccessLog::builder()
        .format(path_format())
        .writer(gate.clone());
    let log = log.start().unwrap();
    let logged = Logged::of(|log| log, |tracer| tracer.observer(log.clone()));
    for _ in 0..3 {
        logged.served(get("/", ""), empty);
    }
    tracing::subscriber::with_default(subscriber, || {
        drop(log.guard().timeout(Duration::ZERO));
        #[cfg(feature = "zipkin")]
        {
            let reporter = tower_b3::zipkin::JsonLinesReporter::builder(io::sink());
            let running = Tracer::builder("shop")
                .observer(log.clone())
                .start(reporter.build().unwrap());
            drop(running.unwrap().timeout(Duration::from_millis(1)));
        }
    });
    let expected = 1 + usize::from(cfg!(feature = "zipkin"));
    let lines = buffer.lines_with("access log: 3 lines are not written after ");
    assert_eq!(lines.len(), expected, "{}", buffer.text());
    gate.open();
    logged.take_bytes();
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
