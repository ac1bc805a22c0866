//! Labels and buckets that code sets: invalid ones are left out and logged once.

use crate::{answered, label, points, webapp};
use test_kit::log;
use tower_b3::{
    Direction,
    metrics::{Buckets, Metrics, Naming},
};

#[test]
fn an_invalid_name_is_left_out_and_logged_once() {
    log::start();
    let metrics = Metrics::builder(webapp())
        .constant_label("zone-of-mine", "1")
        .request_label("le", |_| None)
        .response_label("kept", |_, _| Some("yes".to_owned()))
        .build();
    let warning = "WARN metrics: \"zone-of-mine\" is not a valid label name, and is left out";
    assert_eq!(log::lines("zone-of-mine"), [warning]);
    metrics.record(Direction::Server, &answered(200));
    let points = points(&metrics, "istio_requests_total");
    assert_eq!(points[0].labels.len(), 26);
    assert_eq!(label(&points[0], "kept"), "unknown");
}

#[test]
fn a_long_constant_is_cut() {
    let long = "x".repeat(1 << 20);
    let metrics = Metrics::builder(webapp())
        .constant_label("region", long)
        .build();
    metrics.record(Direction::Server, &answered(200));
    let points = points(&metrics, "istio_requests_total");
    assert_eq!(label(&points[0], "region").len(), 200);
}

#[test]
fn buckets_of_no_metric_are_logged_once() {
    log::start();
    let buckets = |name: &str| Buckets::default().metric(name, [7.0]).unwrap();
    let _ = Metrics::builder(webapp())
        .buckets(buckets("istio_request_byte"))
        .build();
    assert_eq!(
        log::lines("\"istio_request_byte\""),
        [
            "WARN metrics: buckets are set for \"istio_request_byte\", but there is no histogram of this \
             name, unless a configuration defines it later"
        ]
    );
    let name = "http_client_request_duration_seconds";
    let metrics = Metrics::builder(webapp()).naming(Naming::Red);
    let _ = metrics.buckets(buckets(name)).build();
    assert_eq!(log::lines(name), [""; 0]);
}

#[test]
fn metadata_that_is_too_long_is_not_sent() {
    log::start();
    let long = webapp().label("app", "x".repeat(1 << 20));
    let metrics = Metrics::builder(long).build();
    let sent = crate::request_headers(&metrics, Default::default());
    assert!(!sent.contains_key("x-envoy-peer-metadata"));
    assert!(!sent.contains_key("x-envoy-peer-metadata-id"));
    assert_eq!(
        log::lines("no metadata is sent"),
        [
            "WARN metrics: no metadata is sent to peers, because the names and labels of the workload take \
             more than 8 KiB"
        ]
    );
}
