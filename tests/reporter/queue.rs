//! The queue between the request threads and the encoder.

use crate::LONG;
use std::sync::{Arc, Mutex};
use tower_b3::{
    Tracer,
    record::SpanRecord,
    report::{
        BatchOptions, BatchReporter, EncodeError, Encoded, Encoder, Message, Outcome, Sender,
    },
};

/// Encodes the service and the name of each span.
#[derive(Clone, Default)]
struct Services(Arc<Mutex<Vec<(String, String)>>>);

impl Encoder for Services {
    fn content_type(&self) -> &'static str {
        "text/plain"
    }

    fn encode(&self, span: &SpanRecord, to: &mut Vec<u8>) -> Result<(), EncodeError> {
        let service = span.local_endpoint().service_name.unwrap_or_default();
        let pair = (service.to_owned(), span.name().to_owned());
        self.0.lock().unwrap().push(pair);
        to.push(b'.');
        Ok(())
    }

    fn message_len(&self, _: usize, bytes: usize) -> usize {
        bytes
    }

    fn message(&self, _: Encoded<'_>, to: &mut Vec<u8>) {
        to.push(b'.');
    }
}

struct Accepts;

impl Sender for Accepts {
    async fn send(&mut self, _: Message) -> Outcome {
        Outcome::Accepted
    }
}

struct Hangs;

impl Sender for Hangs {
    async fn send(&mut self, _: Message) -> Outcome {
        std::future::pending().await
    }
}

#[test]
fn tracers_that_share_a_reporter_keep_their_service_names() {
    let services = Services::default();
    let reporter = BatchReporter::builder(services.clone(), Accepts);
    let reporter = reporter.build().unwrap();
    let tracers = ["orders", "billing", "orders"].map(|name| {
        let tracer = Tracer::builder(name).reporter(reporter.clone());
        (name, tracer.build().unwrap())
    });
    for round in 0..10 {
        for (name, tracer) in &tracers {
            drop(tracer.span(format!("{name} {round}")));
        }
    }
    assert!(reporter.flush(LONG));
    let seen = services.0.lock().unwrap();
    assert_eq!(seen.len(), 30);
    for (service, name) in &*seen {
        assert!(name.starts_with(&**service), "{name} of {service}");
    }
}

#[test]
fn queued_bytes_are_bounded_while_a_sender_hangs() {
    let reporter = BatchReporter::builder(Services::default(), Hangs)
        .options(BatchOptions::new().queue_bytes(64 * 1024).message_limit(20));
    let reporter = reporter.build().unwrap();
    let tracer = Tracer::builder("orders").reporter(reporter.clone());
    let tracer = tracer.build().unwrap();
    for _ in 0..3_000 {
        tracer
            .span("large")
            .in_scope(|| tower_b3::tag("text", "x".repeat(1_000)));
    }
    let stats = reporter.stats();
    assert!(
        stats.queued <= 64 && stats.dropped.queue_full > 2_800,
        "{stats:?}"
    );
    assert_eq!(stats.finished, 3_000);
    reporter.shutdown(std::time::Duration::ZERO);
}

#[test]
fn an_encoder_may_keep_copies_of_spans() {
    /// Keeps copies of all spans.
    #[derive(Clone, Default)]
    struct Keeps(Arc<Mutex<Vec<SpanRecord>>>);

    impl Encoder for Keeps {
        fn content_type(&self) -> &'static str {
            "text/plain"
        }

        fn encode(&self, span: &SpanRecord, _: &mut Vec<u8>) -> Result<(), EncodeError> {
            self.0.lock().unwrap().push(span.clone());
            Ok(())
        }

        fn message_len(&self, _: usize, bytes: usize) -> usize {
            bytes
        }

        fn message(&self, _: Encoded<'_>, _: &mut Vec<u8>) {}
    }

    let kept = Keeps::default();
    let reporter = BatchReporter::builder(kept.clone(), Accepts)
        .build()
        .unwrap();
    let tracer = Tracer::builder("orders").reporter(reporter.clone());
    let tracer = tracer.build().unwrap();
    for at in 0..100 {
        tracer.span(format!("span {at}")).in_scope(|| {
            tower_b3::tag("at", at.to_string());
            tower_b3::annotate(format!("event {at}"));
        });
    }
    assert!(reporter.flush(LONG));
    for span in &*kept.0.lock().unwrap() {
        let at = span.name().strip_prefix("span ").unwrap();
        let tags: Vec<_> = span
            .tags()
            .map(|(name, value)| (name, value.to_text()))
            .collect();
        assert_eq!(tags, [("at", at.into())]);
        let events: Vec<_> = span
            .annotations()
            .map(|(_, text)| text.to_owned())
            .collect();
        assert_eq!(events, [format!("event {at}")]);
        assert_eq!(span.local_endpoint().service_name, Some("orders"));
    }
    assert_eq!(kept.0.lock().unwrap().len(), 100);
}
