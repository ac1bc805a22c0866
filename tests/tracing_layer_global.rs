//! With a global subscriber: it hears of what happens on every thread, and inside of itself.
#![cfg(all(feature = "batch", feature = "test", feature = "tracing-layer"))]

use std::{fmt, sync::OnceLock, time::Duration};
use tower_b3::{
    Tracer, TracingLayer,
    report::{BatchReporter, Message, Outcome, Sender},
    test::SpanCollector,
    zipkin::JsonEncoder,
};
use tracing::{Dispatch, dispatcher, field::debug, info, info_span, instrument};
use tracing_subscriber::{layer::SubscriberExt, registry};

/// A tracer for spans outside of requests, and its reporter.
fn global() -> &'static (Tracer, BatchReporter) {
    static GLOBAL: OnceLock<(Tracer, BatchReporter)> = OnceLock::new();
    GLOBAL.get_or_init(|| {
        let reporter = BatchReporter::builder(JsonEncoder, Instrumented).build();
        let reporter = reporter.unwrap();
        let tracer = Tracer::builder("shop").reporter(reporter.clone());
        let tracer = tracer.build().unwrap();
        let layer = TracingLayer::new().root_spans(&tracer);
        dispatcher::set_global_default(Dispatch::new(registry().with(layer))).unwrap();
        (tracer, reporter)
    })
}

/// Makes spans as hyper does, on the reporter's thread and where names are resolved.
struct Instrumented;

impl Sender for Instrumented {
    #[instrument(skip_all)]
    async fn send(&mut self, message: Message) -> Outcome {
        let span = info_span!("resolve");
        let resolved = tokio::task::spawn_blocking(move || {
            span.in_scope(|| info_span!("blocking").in_scope(tower_b3::current))
        });
        match (tower_b3::current(), resolved.await, message.spans) {
            (None, Ok(None), 1) => Outcome::Accepted,
            _ => Outcome::refused("spans of the reporter's own"),
        }
    }
}

#[test]
fn the_threads_of_a_reporter_make_no_spans() {
    let (tracer, reporter) = global();
    for sent in 1..=3 {
        info_span!("job").in_scope(|| assert!(tower_b3::current().is_some()));
        assert!(tracer.flush(Duration::from_secs(10)));
        let stats = reporter.stats();
        assert_eq!((stats.finished, stats.sent), (sent, sent), "{stats:?}");
    }
}

/// A value whose `Debug` logs, makes a span, and may panic.
struct Busy {
    panics: bool,
}

impl fmt::Debug for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        info!(inner = ?Some(1), "an event in a Debug");
        info_span!("in a Debug", number = 1).in_scope(|| tower_b3::tag("from", "a Debug"));
        assert!(!self.panics, "expected");
        f.write_str("busy")
    }
}

#[test]
fn a_debug_that_logs_and_one_that_panics() {
    global();
    let spans = SpanCollector::new();
    spans.tracer("shop").span("request").in_scope(|| {
        let span = info_span!("fields", a = ?Busy { panics: false }, b = ?Busy { panics: true });
        span.in_scope(|| info!(a = ?Busy { panics: true }, "an event"));
        span.record("b", debug(Busy { panics: false }));
    });
    spans.assert_tree(
        "
        shop  request           [an event in a Debug inner=Some(1)] [an event in a Debug inner=Some(1)] [an event in a Debug inner=Some(1)]
        shop  └─ fields         a=busy b=busy [an event in a Debug inner=Some(1)] [an event a=]
        shop     └─ in a Debug  number=1 from=a Debug
        shop  └─ in a Debug     number=1 from=a Debug
        shop  └─ in a Debug     number=1 from=a Debug
        shop  └─ in a Debug     number=1 from=a Debug
        ",
    );
}
