//! Metrics that a configuration defines: their names and what they count.

use super::{
    parser::{Line, parse},
    read, shape,
};
use futures_util::FutureExt;
use http::{Request, Response};
use std::{convert::Infallible, future::ready};
use test_kit::log;
use tower::{Layer, ServiceExt, service_fn};
use tower_b3::{
    Tracer,
    metrics::{Metrics, Workload},
};

fn definitions(inbound: &str, outbound: &str) -> String {
    format!(
        "{{ telemetry: {{ v2: {{ prometheus: {{ configOverride: {{ \
         inboundSidecar: {{ definitions: [ {inbound} ] }}, \
         outboundSidecar: {{ definitions: [ {outbound} ] }} }} }} }} }} }}"
    )
}

#[test]
fn names_that_overlap_in_an_exposition_are_errors() {
    let place = "`telemetry.v2.prometheus.configOverride.inboundSidecar.definitions";
    let overlap = "its names in an exposition overlap with those of";
    for (inbound, error) in [
        (
            "{ name: requests, type: GAUGE, value: '1' }",
            format!("{place}[0].name`: {overlap} one of Istio's metrics"),
        ),
        (
            "{ name: request_bytes_count, value: '1' }",
            format!("{place}[0].name`: {overlap} one of Istio's metrics"),
        ),
        (
            "{ name: foo, type: HISTOGRAM, value: '1' }, { name: foo_count, value: '1' }",
            format!("{place}[1].name`: {overlap} \"foo\""),
        ),
        (
            "{ name: foo, type: GAUGE, value: '1' }, { name: foo-total, value: '1' }",
            format!("{place}[1].name`: {overlap} \"foo\""),
        ),
    ] {
        let found = read(&definitions(inbound, "")).unwrap_err();
        assert_eq!(found.to_string(), error);
    }
}

#[test]
fn an_outbound_metric_does_not_overlap_with_an_inbound_one() {
    log::start();
    let shape = shape(&definitions(
        "{ name: overlapping, type: GAUGE, value: '1' }",
        "{ name: overlapping_total, value: '1' }",
    ));
    assert_eq!(
        log::lines("istio_overlapping_total"),
        [
            "WARN metrics: the names in an exposition of the metric istio_overlapping_total, outbound, \
             overlap with those of istio_overlapping, inbound; it is not recorded"
        ]
    );
    let mut metrics = shape.metrics(tower_b3::Direction::Client);
    assert!(metrics.all(|name| name != "istio_overlapping_total"));
}

/// Metrics with these definitions for a server that got requests with these headers.
fn served(inbound: &str, values: &[&str]) -> Vec<Line> {
    let shape = shape(&definitions(inbound, ""));
    let workload = Workload::new("webapp");
    let metrics = Metrics::builder(workload).shape(&shape).build();
    let tracer = Tracer::builder("webapp").metrics(&metrics).build().unwrap();
    let server = tracer.server_layer().layer(service_fn(|_: Request<()>| {
        ready(Ok::<_, Infallible>(Response::new(String::new())))
    }));
    for value in values {
        let request = Request::get("/")
            .header("x-value", *value)
            .body(())
            .unwrap();
        drop(server.clone().oneshot(request).now_or_never().unwrap());
    }
    parse(&metrics.text()).1
}

fn value(lines: &[Line], name: &str) -> f64 {
    let line = lines.iter().find(|line| line.name == name);
    line.unwrap().value
}

#[test]
fn large_values_do_not_make_a_sum_wrap_around() {
    let kinds = ["COUNTER", "HISTOGRAM", "GAUGE"];
    let header = "request.headers['x-value']";
    let definition = |kind| format!("{{ name: my_{kind}, type: {kind}, value: \"{header}\" }}");
    let most = u64::MAX.to_string();
    let lines = served(&kinds.map(definition).join(", "), &["7", &most, &most]);
    let added = 2.0_f64.powi(40);
    assert_eq!(value(&lines, "istio_my_COUNTER"), 7.0 + 2.0 * added);
    assert_eq!(value(&lines, "istio_my_HISTOGRAM_sum"), 7.0 + 2.0 * added);
    assert_eq!(value(&lines, "istio_my_GAUGE"), u64::MAX as f64);
}

#[test]
fn a_value_in_seconds_is_exposed_unchanged() {
    let header = "request.headers['x-value']";
    let definition = format!("{{ name: waited_seconds, type: HISTOGRAM, value: \"{header}\" }}");
    let lines = served(&definition, &["7"]);
    assert_eq!(value(&lines, "istio_waited_seconds_sum"), 7.0);
}
