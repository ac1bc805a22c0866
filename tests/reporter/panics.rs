//! Panics in encoders, senders and subscribers: every span is accounted for, and no call hangs.

use crate::{
    LONG, assert_adds_up, log, report,
    shutdown::{Do, block_on},
    span, until,
};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tower_b3::{
    record::SpanRecord,
    report::{
        BatchOptions, BatchReporter, EncodeError, Encoded, Encoder, Message, Outcome, Reporter,
        Sender, Stats,
    },
    zipkin::JsonEncoder,
};

/// An encoder that panics in the configured method.
#[derive(Clone, Copy, PartialEq)]
enum Panics {
    InEncode,
    InMessage,
}

impl Encoder for Panics {
    fn content_type(&self) -> &'static str {
        "application/json"
    }

    fn encode(&self, span: &SpanRecord, to: &mut Vec<u8>) -> Result<(), EncodeError> {
        JsonEncoder.encode(span, to)?;
        assert!(
            *self != Panics::InEncode || span.name() != "bad",
            "a bad span"
        );
        Ok(())
    }

    fn message_len(&self, spans: usize, bytes: usize) -> usize {
        JsonEncoder.message_len(spans, bytes)
    }

    fn message(&self, spans: Encoded<'_>, to: &mut Vec<u8>) {
        JsonEncoder.message(spans, to);
        assert!(*self != Panics::InMessage, "a bad message");
    }
}

/// A sender that discards messages, with this destination.
struct Named<F>(&'static str, F);

impl<F: FnMut(Message) -> Outcome + Send + 'static> Sender for Named<F> {
    async fn send(&mut self, message: Message) -> Outcome {
        (self.1)(message)
    }

    fn destination(&self) -> String {
        self.0.to_owned()
    }
}

/// The counts once no span is in flight.
fn settled(reporter: &BatchReporter) -> Stats {
    let started = Instant::now();
    assert!(reporter.flush(LONG));
    assert!(block_on(reporter.flush_async(LONG)));
    assert!(started.elapsed() < LONG / 2);
    let stats = reporter.stats();
    assert_adds_up(&stats);
    assert_eq!((stats.queued, stats.in_flight), (0, 0), "{stats:?}");
    stats
}

fn shut_down(reporter: &BatchReporter) {
    let started = Instant::now();
    assert!(reporter.shutdown(LONG).in_time);
    assert!(block_on(reporter.shutdown_async(LONG)).in_time);
    assert!(started.elapsed() < LONG / 2);
}

#[test]
fn a_panic_of_the_encoder_loses_one_span() {
    log::start();
    let sent = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&sent);
    let sender = Named("panics-1", move |message: Message| {
        keep.lock().unwrap().push(message.body);
        Outcome::Accepted
    });
    let reporter = BatchReporter::builder(Panics::InEncode, sender)
        .build()
        .unwrap();
    for _ in 0..3 {
        report(&reporter, "good", 10);
        report(&reporter, "bad", 2);
        report(&reporter, "good", 10);
    }
    let stats = settled(&reporter);
    assert_eq!((stats.sent, stats.dropped.encode), (60, 6));
    assert_eq!(stats.dropped.total(), 6);
    let error = stats.last_error.unwrap().message;
    assert!(
        error.ends_with("the encoder panicked: a bad span"),
        "{error}"
    );
    for body in &*sent.lock().unwrap() {
        let spans: Vec<serde_json::Value> = serde_json::from_slice(body).unwrap();
        assert!(spans.iter().all(|span| span["name"] == "good"));
    }
    let lines = log::lines("the encoder panicked: a bad span");
    assert_eq!(lines.len(), 1, "{lines:#?}");
    shut_down(&reporter);
}

#[test]
fn a_panic_of_the_sender_loses_one_message() {
    log::start();
    let mut sends = 0;
    let sender = Named("panics-2", move |_| {
        sends += 1;
        assert!(sends > 3, "a sender\nin trouble");
        Outcome::Accepted
    });
    let reporter = BatchReporter::builder(JsonEncoder, sender).build().unwrap();
    for round in 1..=3 {
        report(&reporter, "get", 10);
        let stats = settled(&reporter);
        assert_eq!((stats.sent, stats.dropped.refused), (0, 10 * round));
        let error = stats.last_error.unwrap();
        assert_eq!(error.message, "the sender panicked: a sender in trouble");
        assert!(error.ongoing);
    }
    report(&reporter, "get", 10);
    let stats = settled(&reporter);
    assert_eq!((stats.sent, stats.dropped.refused), (10, 30));
    assert!(!stats.last_error.unwrap().ongoing);
    // One line at the start of the outage, and one at its end.
    let lines = log::lines("panics-2");
    assert_eq!(lines.len(), 2, "{lines:#?}");
    shut_down(&reporter);
}

#[test]
fn any_other_panic_ends_the_reporter_and_counts_its_spans() {
    log::start();
    let sender = Do(|_| Outcome::Accepted);
    let reporter = BatchReporter::builder(Panics::InMessage, sender)
        .build()
        .unwrap();
    report(&reporter, "get", 10);
    let stats = settled(&reporter);
    assert_eq!((stats.sent, stats.dropped.closed), (0, 10));
    until("the end", || {
        reporter.report(span("late"));
        let stats = reporter.stats();
        assert_adds_up(&stats);
        stats.queued + stats.in_flight == 0 && stats.finished == stats.dropped.closed
    });
    let error = reporter.stats().last_error.unwrap();
    assert_eq!(
        error.message,
        "the reporter's thread panicked and has ended: a bad message"
    );
    let lines = log::lines("has ended: a bad message");
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].starts_with("ERROR "), "{lines:#?}");
    shut_down(&reporter);
}

/// A sender that panics in every method, and in its drop.
struct Broken;

impl Sender for Broken {
    async fn send(&mut self, _: Message) -> Outcome {
        panic!("as it happens")
    }

    fn destination(&self) -> String {
        panic!("nowhere")
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        panic!("dropped")
    }
}

#[test]
fn a_sender_that_panics_in_every_method_does_not_abort_the_process() {
    let reporter = BatchReporter::builder(JsonEncoder, Broken).build().unwrap();
    report(&reporter, "get", 10);
    assert_eq!(settled(&reporter).dropped.refused, 10);
    shut_down(&reporter);
}

#[test]
fn a_panic_of_the_subscriber_loses_a_log_line_and_no_span() {
    log::start();
    let mut sends = 0;
    let sender = Named(log::UNLOGGABLE, move |_| {
        sends += 1;
        match sends {
            1..=3 => Outcome::retry("not yet"),
            4 => Outcome::refused("no"),
            _ => Outcome::Accepted,
        }
    });
    let reporter = BatchReporter::builder(Panics::InEncode, sender);
    let quick = reporter
        .options(BatchOptions::new().backoff(Duration::from_millis(1), Duration::from_millis(2)));
    let reporter = quick.build().unwrap();
    report(&reporter, "get", 10);
    assert_eq!(settled(&reporter).dropped.refused, 10);
    report(&reporter, "get", 10);
    report(&reporter, "bad", 1);
    let stats = settled(&reporter);
    assert_eq!((stats.sent, stats.dropped.total()), (10, 11));
    shut_down(&reporter);
}
