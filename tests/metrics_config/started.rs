//! A file that starts a tracer with metrics.

use super::{
    REQUESTS,
    reload::{Document, telemetry},
};
use std::time::Duration;
use test_kit::{eventually, log};
use tower_b3::{
    Direction, Tracer,
    config::ConfigFile,
    metrics::{Measurement, Metrics, Workload},
};

fn pod(bounds: &str) -> String {
    format!(
        "---
kind: Pod
metadata:
  name: webapp
  annotations: {{ sidecar.istio.io/statsHistogramBuckets: '{{\"istiocustom\": {bounds}}}' }}
"
    )
}

/// Counts a request, and returns the lines of a metric.
fn counted(metrics: &Metrics, metric: &str) -> Vec<String> {
    let measured = Measurement::new(200, Duration::from_millis(7));
    metrics.record(Direction::Server, &measured);
    let text = metrics.text();
    let lines = text.lines().filter(|line| line.starts_with(metric));
    lines.map(str::to_owned).collect()
}

#[test]
fn a_started_file_shapes_the_metrics_of_the_tracer() {
    log::start();
    let text = |label: &str, bounds: &str| telemetry(label, 100) + &pod(bounds);
    let document = Document::new("started", &text("a", "[5, 50]"));
    let metrics = Metrics::builder(Workload::new("webapp")).build();
    let file = ConfigFile::open(document.path()).unwrap();
    let builder = Tracer::builder("webapp").metrics(&metrics);
    let tracing = file.start(builder).unwrap();
    let has_label = |label: &str| {
        let requests = counted(&metrics, REQUESTS);
        requests
            .iter()
            .all(|line| line.contains(&format!("{label}=\"unknown\"")))
    };
    assert!(has_label("a"));
    // 5, 50 and infinity.
    let buckets = || counted(&metrics, "istio_request_bytes_bucket{").len();
    assert_eq!(buckets(), 3);

    document.write(&text("b", "[5]"));
    eventually("the new label", || has_label("b").then_some(()));
    assert_eq!(buckets(), 3);
    let file = document.path().display().to_string();
    let line = eventually("a log line", || {
        log::lines(&file)
            .into_iter()
            .find(|line| line.contains("restart"))
    });
    assert!(
        line.starts_with("WARN metrics configuration reloaded from "),
        "{line}"
    );
    assert!(
        line.ends_with("; changes that need a restart: buckets of metrics"),
        "{line}"
    );
    drop(tracing);
}

#[test]
fn a_strict_file_does_not_start_with_settings_without_effect() {
    let wrong = telemetry("a", 100).replace("request.path", "'1 +'");
    let document = Document::new("strict", &wrong);
    let metrics = Metrics::builder(Workload::new("webapp")).build();
    let strict = tower_b3::config::TracingConfig::default().strict(true);
    let start = || {
        let file = ConfigFile::open(document.path())
            .unwrap()
            .over(strict.clone())
            .unwrap();
        file.start(Tracer::builder("webapp").metrics(&metrics))
    };
    let error = start().map(drop).unwrap_err().to_string();
    assert!(error.contains("the label a is not CEL"), "{error}");
}
