//! A file whose settings of metrics change while the service runs.

use super::{REQUESTS, difference};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, channel},
    time::Duration,
};
use tower_b3::{Direction, Tracer, config::ConfigFile, metrics::MetricsShape, sample::Sampler};

/// More than enough for the thread that reads the file once a second.
const PATIENCE: Duration = Duration::from_secs(20);

/// A file, which is removed at the end.
pub(crate) struct Document(PathBuf);

impl Document {
    pub(crate) fn new(name: &str, text: &str) -> Document {
        let file = format!("tower-b3-metrics-{name}-{}.yaml", std::process::id());
        let document = Document(std::env::temp_dir().join(file));
        fs::write(&document.0, text).unwrap();
        document
    }

    /// Replaces the file in one step.
    pub(crate) fn write(&self, text: &str) {
        let new = self.0.with_extension("new");
        fs::write(&new, text).unwrap();
        fs::rename(new, &self.0).unwrap();
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Document {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

pub(crate) fn telemetry(label: &str, sampling: u32) -> String {
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
