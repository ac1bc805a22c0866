//! Istio's standard metrics: the labels, the peers, the numbers and their texts.
#![cfg(feature = "metrics")]

#[path = "../common/mod.rs"]
mod common;

mod cases;
mod destinations;
mod exposition;
mod hostile;
mod layers;
mod metadata_exchange;
mod modes;
mod parser;
mod peers;
mod series;
mod service;
mod threads;

use std::time::Duration;
use tower_b3::{
    Direction,
    metrics::{Family, Measurement, Metrics, Point, Value, Workload},
};

fn webapp() -> Workload {
    Workload::new("webapp")
        .namespace("shop")
        .label("app", "webapp")
        .label("version", "v1")
}

fn answered(code: u16) -> Measurement<'static> {
    Measurement::new(code, Duration::from_millis(7))
}

/// The points of a metric.
fn points(metrics: &Metrics, name: &str) -> Vec<Point> {
    let mut families = metrics.families().into_iter();
    let family: Option<Family> = families.find(|family| family.name == name);
    family.map(|family| family.points).unwrap_or_default()
}

fn label<'a>(point: &'a Point, name: &str) -> &'a str {
    let label = point.labels.iter().find(|(label, _)| &**label == name);
    label.map_or("(no label)", |(_, value)| value)
}

/// The count of a counter or of a histogram.
fn count(point: &Point) -> u64 {
    match &point.value {
        Value::Counter { count, .. } => *count,
        Value::Histogram(histogram) => histogram.count(),
        other => panic!("{other:?}"),
    }
}

/// The labels of the only series that a request makes.
fn labels_of(metrics: &Metrics, direction: Direction, measured: &Measurement<'_>) -> Point {
    metrics.record(direction, measured);
    let mut points = points(metrics, "istio_requests_total");
    assert_eq!(points.len(), 1);
    points.remove(0)
}
