//! What a reporter's thread does is not traced, or each message would make spans for the next.
#![cfg(all(feature = "tracing-layer", feature = "batch"))]

use std::time::Duration;
use tower_b3::{
    Tracer, TracingLayer,
    report::{BatchReporter, Message, Outcome, Sender},
    zipkin::JsonEncoder,
};
use tracing::{Dispatch, dispatcher, info_span, instrument};
use tracing_subscriber::{layer::SubscriberExt, registry};

/// Makes spans as hyper does, on the reporter's thread and where it resolves names.
struct Instrumented;

impl Sender for Instrumented {
    #[instrument(skip_all)]
    async fn send(&mut self, message: Message) -> Outcome {
        assert_eq!(tower_b3::current(), None);
        let span = info_span!("resolve");
        let resolved = tokio::task::spawn_blocking(move || {
            info_span!("blocking").in_scope(|| assert_eq!(tower_b3::current(), None));
            drop(span);
        });
        match resolved.await {
            Ok(()) if message.spans == 1 => Outcome::Accepted,
            _ => Outcome::refused("a span of the reporter's own"),
        }
    }
}

/// In a process of its own, since the reporter's threads have the global subscriber.
#[test]
fn makes_no_spans() {
    let reporter = BatchReporter::new(JsonEncoder::default(), Instrumented).unwrap();
    let tracer = Tracer::builder("shop").reporter(reporter.clone()).build().unwrap();
    let layer = TracingLayer::new().root_spans(&tracer);
    dispatcher::set_global_default(Dispatch::new(registry().with(layer))).unwrap();
    for sent in 1..=3 {
        info_span!("job").in_scope(|| assert!(tower_b3::current().is_some()));
        assert!(tracer.flush(Duration::from_secs(10)));
        let stats = reporter.stats();
        assert_eq!((stats.accepted, stats.sent), (sent, sent), "{stats:?}");
    }
}
