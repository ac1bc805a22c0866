//! Events become annotations, and an error fails its span.

use crate::scene::Scene;
use tower_b3::{TracingLayer, record::SpanRecord, sample::Sampler};
use tracing::{Level, debug, error, info, info_span, instrument, warn};

fn annotations(span: &SpanRecord) -> Vec<String> {
    span.annotations()
        .map(|(_, text)| text.to_owned())
        .collect()
}

#[test]
fn up_to_info_unless_set() {
    let all = [
        "cache key computed",
        "order paid order=7 currency=EUR",
        "slow",
    ];
    assert_eq!(logged(TracingLayer::new()), all[1..]);
    let set = |level| logged(TracingLayer::new().max_event_level(level));
    assert_eq!(set(Level::WARN), all[2..]);
    assert_eq!(set(Level::TRACE), all);
}

/// The annotations of a span in which three lines are logged.
fn logged(layer: TracingLayer) -> Vec<String> {
    let scene = Scene::with(Sampler::always(), |_| layer);
    scene.run(|| {
        info_span!("pay").in_scope(|| {
            debug!("cache key computed");
            info!(order = 7, currency = "EUR", "order {}", "paid");
            warn!("slow");
        });
    });
    let span = scene.spans.take_where(|span| span.name() == "pay");
    assert!(!span.is_error());
    scene.spans.assert_tree("shop  request");
    annotations(&span)
}

#[test]
fn on_the_span_that_is_current_or_given() {
    let scene = Scene::new();
    scene.run(|| {
        info!("of the request");
        let given = info_span!("given");
        info!(parent: &given, "of the span");
        info!(parent: None, "of nobody");
        tower_b3::span("local").in_scope(|| info!("of the local span"));
    });
    let spans = scene.spans.take(3);
    let all: Vec<_> = spans
        .iter()
        .map(|span| (span.name(), annotations(span)))
        .collect();
    let expected = [
        ("local", "of the local span"),
        ("given", "of the span"),
        ("request", "of the request"),
    ];
    assert_eq!(
        all,
        expected.map(|(name, text)| (name, vec![text.to_owned()]))
    );
}

#[test]
fn an_error_fails_its_span() {
    #[instrument(err)]
    fn fails() -> Result<(), String> {
        Err("connection reset".to_owned())
    }
    let scene = Scene::with(Sampler::always(), |_| {
        TracingLayer::new().max_event_level(tracing::level_filters::LevelFilter::OFF)
    });
    scene.run(|| {
        fails().unwrap_err();
        info_span!("message").in_scope(|| error!("out of stock"));
        info_span!("both").in_scope(|| error!(error = "reset", order = 7, "cannot pay"));
        info_span!("fields").in_scope(|| error!(order = 7));
    });
    scene.spans.assert_tree(
        "
        shop  request
        shop  └─ fails    error error.reason=connection reset
        shop  └─ message  error error.reason=out of stock
        shop  └─ both     error error.reason=cannot pay: reset
        shop  └─ fields   error error.reason=order=7
        ",
    );
}

#[test]
fn what_this_crate_logs_is_not_on_spans() {
    let scene = Scene::new();
    scene.run(|| {
        error!(target: "tower_b3::report", "lost");
        info_span!(target: "tower_b3", "own").in_scope(|| {});
        info_span!(target: "tower_b3x", "other").in_scope(|| {});
    });
    scene.spans.assert_tree("shop  request\nshop  └─ other");
}
