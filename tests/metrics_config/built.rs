//! The shape of metrics when they are built.

use super::{REQUESTS, shape};
use std::time::{Duration, Instant};
use test_kit::log;
use tower_b3::{
    Direction,
    metrics::{Buckets, Measurement, Metrics, MetricsBuilder, Naming, Workload},
};

const POD: &str = "
kind: Pod
metadata:
  name: webapp
  annotations:
    sidecar.istio.io/statsHistogramBuckets: '{\"istiocustom\": [5, 50]}'
    sidecar.istio.io/statsEvictionInterval: 1h
---
kind: Telemetry
spec:
  metrics:
  - overrides:
    - match: { metric: REQUEST_COUNT }
      tagOverrides: { kind: { value: '\"own\"' } }
";

const SIZES: &str = "istio_request_bytes_bucket{";

fn builder() -> MetricsBuilder {
    Metrics::builder(Workload::new("webapp").namespace("shop"))
}

/// Counts a request now, and returns the lines of a metric.
fn counted(metrics: &Metrics, metric: &str) -> Vec<String> {
    metrics.record(
        Direction::Server,
        &Measurement::new(200, Duration::from_millis(7)),
    );
    lines(metrics, metric)
}

fn lines(metrics: &Metrics, metric: &str) -> Vec<String> {
    let text = metrics.text();
    let lines = text.lines().filter(|line| line.starts_with(metric));
    lines.map(str::to_owned).collect()
}

#[test]
fn a_shape_sets_labels_buckets_and_expiry() {
    let metrics = builder().shape(&shape(POD)).build();
    let requests = counted(&metrics, REQUESTS);
    assert!(requests[0].contains("kind=\"own\""), "{requests:?}");
    // 5, 50 and infinity.
    assert_eq!(lines(&metrics, SIZES).len(), 3);

    // Two hours later the series is idle, and expires with the next one.
    let mut later = Measurement::new(404, Duration::ZERO);
    later.ended = Instant::now() + Duration::from_secs(2 * 3600);
    metrics.record(Direction::Server, &later);
    let requests = lines(&metrics, REQUESTS);
    assert!(
        requests.len() == 1 && requests[0].contains("404"),
        "{requests:?}"
    );
}

#[test]
fn code_overrides_buckets_and_expiry_of_a_shape() {
    let buckets = Buckets::default().all([1.0]).unwrap();
    let metrics = builder()
        .buckets(buckets)
        .expire_after(Duration::ZERO)
        .shape(&shape(POD))
        .build();
    let requests = counted(&metrics, REQUESTS);
    assert!(requests[0].contains("kind=\"own\""), "{requests:?}");
    assert_eq!(lines(&metrics, SIZES).len(), 2);
    let mut later = Measurement::new(404, Duration::ZERO);
    later.ended = Instant::now() + Duration::from_secs(2 * 3600);
    metrics.record(Direction::Server, &later);
    assert_eq!(lines(&metrics, REQUESTS).len(), 2);
}

#[test]
fn a_new_shape_keeps_buckets() {
    let metrics = builder().build();
    metrics.reshape(&shape(POD));
    let requests = counted(&metrics, REQUESTS);
    assert!(requests[0].contains("kind=\"own\""), "{requests:?}");
    assert_eq!(lines(&metrics, SIZES).len(), 20);
}

#[test]
fn a_shape_has_no_effect_on_other_names() {
    log::start();
    let metrics = builder().naming(Naming::Red).shape(&shape(POD)).build();
    metrics.reshape(&shape(POD));
    assert_eq!(counted(&metrics, "http_server_requests_total{").len(), 1);
    assert_eq!(lines(&metrics, REQUESTS), Vec::<String>::new());
    let warnings = log::lines("named by Naming::Red");
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].starts_with("WARN metrics: "), "{warnings:?}");
}

/// Sets the host header fallback of both directions.
fn fallback(disabled: bool) -> String {
    let filter = format!("{{ disable_host_header_fallback: {disabled} }}");
    format!(
        "
kind: IstioOperator
spec:
  values:
    telemetry:
      v2:
        prometheus:
          configOverride: {{ inboundSidecar: {filter}, outboundSidecar: {filter} }}
"
    )
}

#[test]
fn a_client_exposes_hosts_outside_of_the_mesh_unless_the_fallback_is_off() {
    for (disabled, outside) in [(false, "api.example.com"), (true, "unknown")] {
        let metrics = builder().shape(&shape(&fallback(disabled))).build();
        for (host, expected) in [
            ("catalog", "catalog.shop.svc.cluster.local"),
            ("api.example.com", outside),
        ] {
            let mut measured = Measurement::new(200, Duration::ZERO);
            measured.destination = metrics.destination(host);
            metrics.record(Direction::Client, &measured);
            let expected = format!("destination_service=\"{expected}\"");
            let requests = lines(&metrics, REQUESTS);
            assert!(
                requests.iter().any(|line| line.contains(&expected)),
                "{expected}: {requests:?}"
            );
        }
    }
}
