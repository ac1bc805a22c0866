//! The counts of reporters.

use crate::{parser::parse, webapp};
use std::time::Duration;
use tower_b3::{Tracer, metrics::Metrics, report::Stats, zipkin::JsonLinesReporter};

fn sent(count: u64) -> Stats {
    let mut stats = Stats::default();
    stats.sent = count;
    stats
}

/// The lines of the counter of sent spans, without its name.
fn lines(metrics: &Metrics) -> Vec<String> {
    let text = metrics.text();
    parse(&text);
    parse(&metrics.openmetrics());
    let name = "tower_b3_reporter_sent_total";
    let lines = text.lines().filter_map(|line| line.strip_prefix(name));
    lines.map(str::to_owned).collect()
}

#[test]
fn one_reporter_has_no_label() {
    let metrics = Metrics::builder(webapp()).reporter_stats(|| sent(7));
    assert_eq!(lines(&metrics.build()), ["{} 7"]);
}

#[test]
fn several_reporters_have_a_label() {
    let metrics = Metrics::builder(webapp())
        .reporter_stats(|| sent(7))
        .named_reporter_stats("otlp", || sent(8))
        .reporter_stats(|| sent(9));
    let expected = [
        "{reporter=\"1\"} 7",
        "{reporter=\"otlp\"} 8",
        "{reporter=\"3\"} 9",
    ];
    assert_eq!(lines(&metrics.build()), expected);
    let metrics = Metrics::builder(webapp())
        .named_reporter_stats("zipkin", || sent(7))
        .named_reporter_stats("zipkin", || sent(8));
    assert_eq!(lines(&metrics.build()), ["{reporter=\"zipkin\"} 15"]);
}

#[test]
fn a_reporter_whose_function_panics_is_left_out() {
    let metrics = Metrics::builder(webapp())
        .reporter_stats(|| panic!("expected"))
        .reporter_stats(|| sent(8));
    assert_eq!(lines(&metrics.build()), ["{reporter=\"2\"} 8"]);
}

fn reporter() -> JsonLinesReporter {
    JsonLinesReporter::builder(std::io::sink()).build().unwrap()
}

#[test]
fn the_reporter_of_a_running_tracer_is_exposed() {
    let metrics = Metrics::builder(webapp()).build();
    assert_eq!(lines(&metrics), [""; 0]);
    let reporter = reporter();
    let builder = Tracer::builder("webapp").metrics(&metrics);
    let tracing = builder.start(reporter.clone()).unwrap();
    drop(tracing.span("reconcile"));
    assert!(reporter.flush(Duration::from_secs(20)));
    assert_eq!(lines(&metrics), ["{} 1"]);
    drop((tracing, reporter));
    assert_eq!(lines(&metrics), [""; 0]);
}

#[test]
fn a_reporter_of_code_replaces_that_of_a_running_tracer() {
    let metrics = Metrics::builder(webapp())
        .reporter_stats(|| sent(7))
        .build();
    let builder = Tracer::builder("webapp").metrics(&metrics);
    let tracing = builder.start(reporter()).unwrap();
    assert_eq!(lines(&metrics), ["{} 7"]);
    drop(tracing);
}

#[test]
fn a_url_starts_a_reporter_that_is_exposed() {
    let metrics = Metrics::builder(webapp()).build();
    let builder = Tracer::builder("webapp").metrics(&metrics);
    let tracing = builder.start_zipkin("http://127.0.0.1:1/api/v2/spans");
    assert_eq!(lines(&metrics), ["{} 0"]);
    drop(tracing.unwrap());
}
