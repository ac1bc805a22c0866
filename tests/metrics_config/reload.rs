//! A file whose settings of metrics change while the service runs.

use super::{REQUESTS, difference};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};
use test_kit::{eventually, log};
use tower_b3::{
    Direction, Tracer,
    config::ConfigFile,
    metrics::{Measurement, Metrics, MetricsShape, Workload},
    sample::Sampler,
};

/// More than enough for the thread that reads the file once a second.
const PATIENCE: Duration = Duration::from_secs(20);

/// A file, which is removed at the end.
struct Document(PathBuf);

impl Document {
    fn new(name: &str, text: &str) -> Document {
        let file = format!("tower-b3-metrics-{name}-{}.yaml", std::process::id());
        let document = Document(std::env::temp_dir().join(file));
        fs::write(&document.0, text).unwrap();
        document
    }

    /// Replaces the file in one step.
    fn write(&self, text: &str) {
        let new = self.0.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, &self.0).unwrap();
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn telemetry(label: &str, sampling: u32) -> String {
    format!(
        "
kind: Telemetry
spec:
  tracing: [ {{ randomSamplingPercentage: {sampling} }} ]
  metrics:
  - overrides:
    - match: {{ metric: REQUEST_COUNT }}
      tagOverrides: {{ {label}: {{ value: request.path }} }}
"
    )
}

#[track_caller]
fn next_labels(shapes: &Receiver<MetricsShape>) -> String {
    let shape = shapes.recv_timeout(PATIENCE).unwrap();
    difference(&shape, Direction::Server, REQUESTS)
}

#[test]
fn a_change_of_the_file_changes_the_shape() {
    let document = Document::new("change", &telemetry("a", 100));
    let (sender, shapes) = channel();
    let file = ConfigFile::open(document.path()).unwrap();
    let file = file.on_metrics_change(move |shape| sender.send(shape).unwrap());
    let first = file.metrics_shape().unwrap();
    assert_eq!(difference(&first, Direction::Server, REQUESTS), "+a");
    let tracer = Tracer::builder("webapp")
        .config(file.config())
        .build()
        .unwrap();
    let watch = file.watch(&tracer).unwrap();

    document.write(&telemetry("b", 100));
    assert_eq!(next_labels(&shapes), "+b");
    // A file that cannot be used, and then a change of the tracing part alone, change nothing.
    document.write("kind: Telemetry\nspec: { metrics: [ { nope: 1 } ] }");
    document.write(&telemetry("b", 50));
    document.write(&telemetry("c", 50));
    assert_eq!(next_labels(&shapes), "+c");
    drop(watch);
    assert!(shapes.try_recv().is_err());
}

#[test]
fn a_change_of_the_metrics_alone_keeps_a_sampler_that_code_has_set() {
    let document = Document::new("sampler", &telemetry("a", 100));
    let (sender, shapes) = channel();
    let file = ConfigFile::open(document.path()).unwrap();
    let file = file.on_metrics_change(move |shape| sender.send(shape).unwrap());
    let tracer = Tracer::builder("webapp")
        .config(file.config())
        .build()
        .unwrap();
    tracer.set_sampler(Sampler::never());
    let _watch = file.watch(&tracer).unwrap();
    document.write(&telemetry("b", 100));
    assert_eq!(next_labels(&shapes), "+b");
    document.write(&telemetry("c", 100));
    assert_eq!(next_labels(&shapes), "+c");
    assert!(!is_sampled(&tracer));
}

fn is_sampled(tracer: &Tracer) -> bool {
    tracer
        .span("probe")
        .context()
        .unwrap()
        .sampling()
        .is_sampled()
}

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
#[cfg(feature = "zipkin")]
fn counted(metrics: &Metrics, metric: &str) -> Vec<String> {
    let measured = Measurement::new(200, Duration::from_millis(7));
    metrics.record(Direction::Server, &measured);
    let text = metrics.text();
    let lines = text.lines().filter(|line| line.starts_with(metric));
    lines.map(str::to_owned).collect()
}

#[cfg(feature = "zipkin")]
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

#[cfg(feature = "zipkin")]
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
