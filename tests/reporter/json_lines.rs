//! The JSON lines reporter: whole lines, retries, and writers that block.

use super::{LONG, assert_adds_up, report};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    io::{self, Write},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};
use tower_b3::{
    Tracer,
    report::BatchOptions,
    zipkin::{JsonLinesReporter, JsonLinesReporterBuilder},
};

/// A writer that accepts a few bytes at a time, and fails as often as configured.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    /// How many bytes may be written before the next failure.
    room: Option<usize>,
    /// Failures after that.
    failures: usize,
    flush_failures: usize,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut state = self.0.lock().unwrap();
        let most = state.room.unwrap_or(1000).min(bytes.len());
        if most == 0 {
            state.failures -= 1;
            if state.failures == 0 {
                state.room = None;
            }
            return Err(io::Error::other("the disk is full"));
        }
        state.room = state.room.map(|room| room - most);
        state.bytes.extend_from_slice(&bytes[..most]);
        Ok(most)
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        if state.flush_failures > 0 {
            state.flush_failures -= 1;
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(())
    }
}

impl Disk {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().bytes.clone()).unwrap()
    }

    /// The ids of the lines, each of which must be a span.
    fn ids(&self) -> BTreeSet<String> {
        let text = self.text();
        let ids: Vec<_> = text.lines().map(id).collect();
        let distinct: BTreeSet<_> = ids.iter().cloned().collect();
        assert_eq!(distinct.len(), ids.len());
        distinct
    }
}

fn id(line: &str) -> String {
    let span: Value = serde_json::from_str(line).unwrap();
    span["id"].as_str().unwrap().to_owned()
}

fn quick(disk: &Disk) -> JsonLinesReporterBuilder<Disk> {
    JsonLinesReporter::builder(disk.clone()).options(quick_options())
}

fn quick_options() -> BatchOptions {
    BatchOptions::new()
        .max_age(Duration::from_secs(3600))
        .backoff(Duration::from_millis(1), Duration::from_millis(2))
}

#[test]
fn writes_one_span_on_each_line() {
    let disk = Disk::default();
    let lines = quick(&disk).build().unwrap();
    let mut ids = report(&lines, "two\nlines\r\u{2028}\u{85}", 100);
    assert!(lines.flush(LONG));
    ids.extend(report(&lines, "get", 3));
    assert!(lines.flush(LONG));
    assert_eq!(disk.ids(), ids);
    assert!(disk.text().ends_with("}\n"));
    let stats = lines.stats();
    assert_adds_up(&stats);
    assert_eq!(stats.sent, 103);
    assert_eq!(stats.bytes, disk.text().len() as u64);
}

#[test]
fn a_retry_resumes_where_the_write_failed() {
    let disk = Disk::default();
    let lines = quick(&disk).build().unwrap();
    {
        let mut state = disk.0.lock().unwrap();
        (state.room, state.failures, state.flush_failures) = (Some(1234), 3, 2);
    }
    let ids = report(&lines, "get", 20);
    assert!(lines.flush(LONG));
    assert_eq!(disk.ids(), ids);
    let stats = lines.stats();
    assert_adds_up(&stats);
    assert_eq!((stats.sent, stats.retries), (20, 5));
    let error = stats.last_error.unwrap();
    assert!(error.message.contains("timed out"), "{error:?}");
}

#[test]
fn the_line_after_an_unfinished_one_is_whole() {
    let disk = Disk::default();
    let lines = quick(&disk).options(quick_options().retry_for(Duration::ZERO));
    let lines = lines.build().unwrap();
    {
        let mut state = disk.0.lock().unwrap();
        (state.room, state.failures) = (Some(10), 1);
    }
    report(&lines, "lost", 1);
    assert!(lines.flush(LONG));
    let ids = report(&lines, "get", 2);
    assert!(lines.flush(LONG));
    let text = disk.text();
    let (cut, rest) = text.split_once('\n').unwrap();
    assert_eq!(cut.len(), 10);
    assert_eq!(rest.lines().map(id).collect::<BTreeSet<_>>(), ids);
    let stats = lines.stats();
    assert_adds_up(&stats);
    assert_eq!((stats.sent, stats.dropped.retries_exhausted), (2, 1));
}

#[test]
fn a_blocked_write_delays_neither_requests_nor_shutdown() {
    let disk = Disk::default();
    let lines = quick(&disk).build().unwrap();
    let blocked = disk.0.lock().unwrap();
    report(&lines, "get", 10);
    assert!(!lines.flush(Duration::from_millis(20)));
    report(&lines, "get", 10);
    assert!(!lines.shutdown(Duration::from_millis(20)).in_time);
    assert_adds_up(&lines.stats());
    drop(blocked);
}

/// A writer that makes a span with every write.
struct Traced(Disk, Arc<OnceLock<Tracer>>);

impl Write for Traced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        drop(self.1.get().unwrap().span("write"));
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[test]
fn spans_made_by_the_writer_are_sent_with_the_next_message() {
    let (disk, own) = (Disk::default(), Arc::default());
    let lines = JsonLinesReporter::builder(Traced(disk.clone(), Arc::clone(&own)))
        .options(BatchOptions::new().max_age(Duration::from_secs(3600)))
        .build()
        .unwrap();
    let tracer = Tracer::builder("shop").reporter(lines.clone());
    let tracer = tracer.build().unwrap();
    assert!(own.set(tracer.clone()).is_ok());
    drop(tracer.span("get"));
    for sent in 1..=3 {
        assert!(lines.flush(LONG));
        let stats = lines.stats();
        assert_adds_up(&stats);
        // The writer's span may have left the queue, but is not sent before the next message.
        assert_eq!((stats.sent, stats.queued + stats.in_flight), (sent, 1));
    }
    let report = lines.shutdown(LONG);
    assert!(report.in_time);
    // The span of the last write is made after the end.
    assert_eq!((report.stats.sent, report.stats.dropped.closed), (4, 1));
    assert_eq!(disk.ids().len(), 4);
}
