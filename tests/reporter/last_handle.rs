//! What happens to queued spans when nobody keeps a guard, or drops it too early.

use crate::{
    LONG, assert_adds_up, log, quick, quick_options, report,
    shutdown::Do,
    until,
    zipkin_server::{Answer, Server},
};
use std::{
    sync::mpsc,
    time::{Duration, Instant},
};
use tower_b3::{
    Tracer,
    report::{BatchReporter, Outcome},
    zipkin::JsonEncoder,
};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn the_drop_of_the_last_handle_waits_until_queued_spans_are_sent() {
    for in_tracer in [false, true] {
        let server = Server::start([], Answer::Accept);
        let zipkin = quick(server.url()).options(quick_options().max_age(HOUR));
        let zipkin = zipkin.build().unwrap();
        let tracer = Tracer::builder("orders").reporter(zipkin.clone());
        let tracer = tracer.build().unwrap();
        (0..10).for_each(|_| drop(tracer.span("get")));
        if in_tracer {
            drop(zipkin);
            drop(tracer);
        } else {
            drop(tracer);
            drop(zipkin);
        }
        assert_eq!(server.seen(|seen| seen.acknowledged.len()), 10);
    }
}

#[test]
fn the_drop_of_the_last_handle_does_not_wait_if_nothing_is_queued() {
    let server = Server::start([], Answer::Accept);
    let zipkin = quick(server.url()).build().unwrap();
    report(&zipkin, "get", 10);
    assert!(zipkin.flush(LONG));
    let started = Instant::now();
    drop(zipkin);
    assert!(started.elapsed() < Duration::from_millis(500));
}

#[test]
fn spans_that_are_not_sent_in_time_are_logged_with_their_number() {
    log::start();
    let (release, blocked) = mpsc::channel::<()>();
    let sender = Do(move |_| {
        let _ = blocked.recv();
        Outcome::Accepted
    });
    let options = quick_options().thread_name("b3-last-handle");
    let reporter = BatchReporter::builder(JsonEncoder, sender).options(options);
    let reporter = reporter.build().unwrap();
    report(&reporter, "get", 7);
    let started = Instant::now();
    drop(reporter);
    let took = started.elapsed();
    assert!(
        (Duration::from_secs(1)..LONG / 2).contains(&took),
        "{took:?}"
    );
    assert_eq!(
        log::lines("b3-last-handle:"),
        [
            "WARN b3-last-handle: the last handle on the reporter was dropped with 7 spans \
             undelivered; its thread goes on for 5s, and they are lost if the process ends before \
             that. Keep a guard to wait for them"
        ]
    );
    drop(release);
}

#[test]
fn spans_that_no_collector_takes_are_logged_as_lost() {
    log::start();
    let server = Server::start([], Answer::Silence);
    let zipkin = quick(server.url()).build().unwrap();
    report(&zipkin, "get", 7);
    drop(zipkin);
    until("the end is logged", || {
        let lines = log::lines(&format!(
            "the reporter has ended; delivery to {}",
            server.url()
        ));
        lines
            .iter()
            .any(|line| line.contains("7 dropped (closed 7) of 7 spans"))
    });
}

#[test]
fn the_first_span_after_a_guard_was_dropped_is_logged() {
    log::start();
    let server = Server::start([], Answer::Accept);
    let options = quick_options().thread_name("b3-early-guard");
    let zipkin = quick(server.url()).options(options).build().unwrap();
    let _ = zipkin.guard();
    report(&zipkin, "get", 5);
    let stats = zipkin.stats();
    assert_adds_up(&stats);
    assert_eq!((stats.sent, stats.dropped.closed), (0, 5));
    assert_eq!(
        log::lines("b3-early-guard:"),
        [
            "WARN b3-early-guard: a span finished after the reporter was shut down; it is dropped, \
             and so is every later one. If nothing called `shutdown`, a guard was dropped too early: \
             `let _ = reporter.guard()` drops it at once"
        ]
    );
}
