//! Istio's configuration of metrics: what is read, how it is merged, and the resulting metrics.
#![cfg(feature = "metrics-config")]

mod built;
mod definitions;
mod documents;
mod errors;
mod expressions;
mod layers;
mod log_lines;
mod merged_series;
mod merging;
#[path = "../metrics/parser.rs"]
mod parser;
mod reload;
mod series;
#[cfg(feature = "zipkin")]
mod started;
mod streams;

use tower_b3::{
    Direction,
    config::{ConfigError, TracingConfig},
    metrics::MetricsShape,
};

const REQUESTS: &str = "istio_requests_total";

/// The labels of Istio's metrics.
const STANDARD_LABELS: [&str; 25] = [
    "reporter",
    "source_workload",
    "source_canonical_service",
    "source_canonical_revision",
    "source_workload_namespace",
    "source_principal",
    "source_app",
    "source_version",
    "source_cluster",
    "destination_workload",
    "destination_workload_namespace",
    "destination_principal",
    "destination_app",
    "destination_version",
    "destination_service",
    "destination_canonical_service",
    "destination_canonical_revision",
    "destination_service_name",
    "destination_service_namespace",
    "destination_cluster",
    "request_protocol",
    "response_code",
    "grpc_response_status",
    "response_flags",
    "connection_security_policy",
];

/// A file of the folder next to this one.
fn case(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/metrics_config/cases");
    std::fs::read_to_string(format!("{folder}/{name}")).unwrap()
}

/// The documents of a file, one by one.
fn documents(name: &str) -> Vec<String> {
    let text = case(name);
    text.split("\n---\n").map(str::to_owned).collect()
}

#[track_caller]
fn shape(text: &str) -> MetricsShape {
    read(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn read(text: &str) -> Result<MetricsShape, ConfigError> {
    TracingConfig::from_yaml(text)?.metrics_shape()
}

/// How a metric's labels differ from the standard ones: `-request_protocol +request_method`.
fn difference(shape: &MetricsShape, direction: Direction, metric: &str) -> String {
    let labels: Vec<&str> = shape.labels(direction, metric).collect();
    if labels.is_empty() && !shape.metrics(direction).any(|name| name == metric) {
        return "none".to_owned();
    }
    let has_code =
        metric != "istio_request_messages_total" && metric != "istio_response_messages_total";
    let standard = &STANDARD_LABELS[..if has_code { 25 } else { 20 }];
    let removed = standard.iter().filter(|name| !labels.contains(name));
    let removed = removed.map(|name| format!("-{name}"));
    let added = labels.iter().filter(|name| !standard.contains(name));
    let added = added.map(|name| format!("+{name}"));
    removed.chain(added).collect::<Vec<_>>().join(" ")
}

/// As [`difference`], for the server and the client.
fn differences(shape: &MetricsShape, metric: &str) -> [String; 2] {
    [Direction::Server, Direction::Client].map(|direction| difference(shape, direction, metric))
}

fn all_metrics(shape: &MetricsShape, direction: Direction) -> Vec<&str> {
    shape.metrics(direction).collect()
}
