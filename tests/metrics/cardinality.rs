//! Invented names from outside are bounded, and displace nothing.

use crate::{answered, count, label, points, webapp};
use http::{Method, Request, Response};
use std::{convert::Infallible, future::ready, time::Duration};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Direction, Tracer,
    metrics::{Measurement, Metrics, Naming, PeerMetadata, Workload},
};

fn overflows(metrics: &Metrics, of: &str) -> u64 {
    let points = points(metrics, "tower_b3_metrics_overflows_total");
    let of = points.iter().find(|point| label(point, "of") == of);
    count(of.unwrap())
}

/// Serves this request.
fn serve(metrics: &Metrics, request: Request<()>) {
    let tracer = Tracer::builder("server").metrics(metrics).build().unwrap();
    let mut server = tracer.server_layer().layer(service_fn(|_: Request<()>| {
        ready(Ok::<_, Infallible>(Response::new(crate::Script::default())))
    }));
    crate::common::now(server.call(request)).unwrap();
}

#[test]
fn invented_methods_share_one_label_value() {
    for (naming, name, method_label) in [
        (Naming::Red, "http_server_requests_total", "method"),
        (
            Naming::OpenTelemetry,
            "http_server_request_duration_seconds",
            "http_request_method",
        ),
    ] {
        let metrics = Metrics::builder(webapp())
            .naming(naming)
            .max_series(20)
            .build();
        for number in 0..30 {
            let method = format!("X{number}{}", "A".repeat(100_000));
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            serve(
                &metrics,
                Request::builder().method(method).body(()).unwrap(),
            );
        }
        for method in ["GET", "PATCH", "get"] {
            serve(
                &metrics,
                Request::builder().method(method).body(()).unwrap(),
            );
        }
        let points = points(&metrics, name);
        let exposed = points
            .iter()
            .map(|point| (label(point, method_label), count(point)));
        assert_eq!(
            exposed.collect::<Vec<_>>(),
            [("GET", 1), ("PATCH", 1), ("_OTHER", 31)]
        );
        assert!(metrics.text().len() < 100_000);
        assert_eq!(
            [overflows(&metrics, "labels"), overflows(&metrics, "series")],
            [0, 0]
        );
    }
}

#[test]
fn a_long_route_is_cut() {
    let metrics = Metrics::builder(webapp()).naming(Naming::Red).build();
    let route = "é".repeat(1 << 19);
    let mut measured = answered(200);
    measured.route = &route;
    metrics.record(Direction::Server, &measured);
    let points = points(&metrics, "http_server_requests_total");
    assert_eq!(label(&points[0], "route"), "é".repeat(100));
}

#[test]
fn hosts_do_not_overflow_if_no_label_has_them() {
    for naming in [Naming::Red, Naming::OpenTelemetry] {
        // A server without a namespace, which uses the host header.
        let metrics = Metrics::builder(Workload::new("webapp"))
            .naming(naming)
            .max_series(20)
            .build();
        for number in 0..30 {
            let host = format!("host-{number}.example.com");
            serve(
                &metrics,
                Request::get("/").header("host", host).body(()).unwrap(),
            );
        }
        assert_eq!(overflows(&metrics, "destinations"), 0);
    }
}

#[test]
fn peers_leave_capacity_for_series_without_a_peer() {
    let metrics = Metrics::builder(webapp()).max_series(40).build();
    let record = |workload: Option<usize>, code| {
        let mut measured: Measurement<'_> = answered(code);
        if let Some(workload) = workload {
            let mut peer = PeerMetadata::default();
            peer.workload = format!("invented-{workload}");
            measured.peer = metrics.peer(&peer);
        }
        metrics.record(Direction::Server, &measured);
    };
    for workload in 0..10 {
        for code in 200..205 {
            record(Some(workload), code);
        }
    }
    record(None, 500);
    let points = points(&metrics, "istio_requests_total");
    let with_peer = points
        .iter()
        .filter(|point| label(point, "source_workload") != "unknown");
    assert_eq!(with_peer.count(), 30);
    let without_peer = points
        .iter()
        .filter(|point| label(point, "source_workload") == "unknown");
    let without_peer = without_peer.map(|point| (label(point, "response_code"), count(point)));
    let mut expected = ["200", "201", "202", "203", "204"]
        .map(|code| (code, 4))
        .to_vec();
    expected.push(("500", 1));
    assert_eq!(without_peer.collect::<Vec<_>>(), expected);
    assert_eq!(
        [overflows(&metrics, "peers"), overflows(&metrics, "series")],
        [20, 0]
    );
}

#[test]
fn requests_and_messages_have_separate_limits() {
    let metrics = Metrics::builder(webapp()).max_series(10).build();
    for host in 0..40 {
        let mut measured = Measurement::new(200, Duration::ZERO);
        measured.grpc = true;
        measured.request_messages = 1;
        measured.destination = metrics.destination(&format!("host-{host}"));
        metrics.record(Direction::Client, &measured);
    }
    for name in ["istio_requests_total", "istio_request_messages_total"] {
        let points = points(&metrics, name);
        assert_eq!(points.len(), 11, "{name}");
        assert_eq!(points.iter().map(count).sum::<u64>(), 40, "{name}");
    }
}
