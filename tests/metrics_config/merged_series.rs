//! Series of both directions with equal labels are one in every exposition.

use super::{STANDARD_LABELS, parser::parse, shape};
use futures_util::FutureExt;
use http::{Request, Response};
use std::{convert::Infallible, future::ready, time::Duration};
use tower::{Layer, ServiceExt, service_fn};
use tower_b3::{
    Direction::{self, Client, Server},
    Tracer,
    id::{SpanId, TraceId},
    metrics::{Measurement, Metrics, Workload},
};

/// Metrics with these settings of the stats filter, for both directions or for each.
fn metrics(settings: [&str; 2]) -> Metrics {
    let [inbound, outbound] = settings;
    let shape = shape(&format!(
        "{{ telemetry: {{ v2: {{ prometheus: {{ configOverride: {{ \
         inboundSidecar: {inbound}, outboundSidecar: {outbound} }} }} }} }} }}"
    ));
    let workload = Workload::new("webapp").namespace("shop");
    Metrics::builder(workload).shape(&shape).build()
}

/// A request through a layer of this direction.
fn exchange(metrics: &Metrics, direction: Direction, status: u16) {
    let tracer = Tracer::builder("webapp").metrics(metrics).build().unwrap();
    let handler = service_fn(move |_: Request<()>| {
        let response = Response::builder().status(status).body(String::new());
        ready(Ok::<_, Infallible>(response.unwrap()))
    });
    let request = Request::get("http://catalog/items").body(()).unwrap();
    let ended = match direction {
        Server => {
            let server = tracer.server_layer().layer(handler);
            server.oneshot(request).now_or_never().map(drop)
        }
        Client => {
            let client = tracer.client_layer().layer(handler);
            client.oneshot(request).now_or_never().map(drop)
        }
    };
    assert_eq!(ended, Some(()));
}

/// All texts of the metrics.
fn texts(metrics: &Metrics) -> Vec<String> {
    let texts = vec![metrics.text(), metrics.openmetrics()];
    #[cfg(feature = "prometheus")]
    let texts = {
        let registry = prometheus::Registry::new();
        let collector = metrics.prometheus_collector().unwrap();
        registry.register(Box::new(collector)).unwrap();
        let encoder = prometheus::TextEncoder::new();
        let text = encoder.encode_to_string(&registry.gather()).unwrap();
        [texts, vec![text]].concat()
    };
    #[cfg(feature = "prometheus-client")]
    let texts = {
        let mut registry = prometheus_client::registry::Registry::default();
        registry.register_collector(Box::new(metrics.prometheus_client_collector()));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        [texts, vec![text]].concat()
    };
    texts
}

/// The labels and values of these samples, by labels. They are the same in all texts.
fn samples(metrics: &Metrics, name: &str) -> Vec<(String, f64)> {
    let read = |text: &String| {
        // Fails if a sample comes twice.
        let (_, lines) = parse(text);
        let lines = lines.into_iter().filter(|line| line.name == name);
        let samples = lines.map(|line| {
            let mut labels: Vec<String> = line
                .labels
                .iter()
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| format!("{name}={}", value.trim_end_matches(".0")))
                .collect();
            labels.sort();
            (labels.join(","), line.value)
        });
        let mut samples = samples.collect::<Vec<_>>();
        samples.sort_by(|one, other| one.0.cmp(&other.0));
        samples
    };
    let mut all = texts(metrics).iter().map(read).collect::<Vec<_>>();
    let first = all.remove(0);
    assert!(all.iter().all(|other| *other == first), "{first:?} {all:?}");
    first
}

fn only(labels: &str, value: f64) -> Vec<(String, f64)> {
    vec![(labels.to_owned(), value)]
}

#[test]
fn a_defined_counter_counts_both_directions() {
    let definition = "{ definitions: [ { name: get_calls, value: '1' } ] }";
    let metrics = metrics([definition; 2]);
    exchange(&metrics, Server, 200);
    assert_eq!(samples(&metrics, "istio_get_calls"), only("", 1.0));
    exchange(&metrics, Client, 200);
    assert_eq!(samples(&metrics, "istio_get_calls"), only("", 2.0));
    assert!(metrics.text().contains("\nistio_get_calls{} 2\n"));
}

#[test]
fn labels_of_one_direction_only_keep_series_apart() {
    let definitions = "definitions: [ { name: get_calls, value: '1' } ]";
    let labelled = |label: &str| {
        format!(
            "{{ {definitions}, metrics: [ {{ name: get_calls, dimensions: {{ {label} }} }} ] }}"
        )
    };
    let inbound = labelled("a: request.method, b: \"'x'\"");
    for (outbound, expected) in [
        // The same labels in another order of sources, and a value that is empty.
        (
            "b: \"'x'\", a: \"'GET'\", c: \"''\"",
            vec![("a=GET,b=x", 2.0)],
        ),
        ("a: \"'GET'\"", vec![("a=GET", 1.0), ("a=GET,b=x", 1.0)]),
    ] {
        let metrics = metrics([&inbound, &labelled(outbound)]);
        exchange(&metrics, Server, 200);
        exchange(&metrics, Client, 200);
        let found = samples(&metrics, "istio_get_calls");
        let found = found
            .iter()
            .map(|(labels, count)| (labels.as_str(), *count));
        assert_eq!(found.collect::<Vec<_>>(), expected, "{outbound}");
    }
}

#[test]
fn the_gauge_that_was_set_last_is_exposed() {
    let definition = "{ definitions: [ { name: last_code, type: GAUGE, value: response.code } ] }";
    for [first, last] in [[Server, Client], [Client, Server]] {
        let metrics = metrics([definition; 2]);
        exchange(&metrics, first, 200);
        assert_eq!(samples(&metrics, "istio_last_code"), only("", 200.0));
        exchange(&metrics, last, 404);
        assert_eq!(samples(&metrics, "istio_last_code"), only("", 404.0));
    }
}

/// Settings that remove all labels but these.
fn keep(labels: &[&str]) -> String {
    let removed = STANDARD_LABELS.iter();
    let removed: Vec<&str> = removed
        .filter(|label| !labels.contains(label))
        .copied()
        .collect();
    format!(
        "{{ metrics: [ {{ tags_to_remove: [ {} ] }} ] }}",
        removed.join(", ")
    )
}

#[test]
fn standard_metrics_without_a_reporter_are_added() {
    // An empty label is none.
    let inbound = keep(&["response_code", "grpc_response_status"]);
    let metrics = metrics([&inbound, &keep(&["response_code"])]);
    for (direction, code, milliseconds) in [
        (Client, 200, 7),
        (Server, 200, 30),
        (Client, 404, 3),
        (Server, 200, 8),
    ] {
        let mut measured = Measurement::new(code, Duration::from_millis(milliseconds));
        measured.sampled = Some((TraceId::random(), SpanId::random()));
        metrics.record(direction, &measured);
    }
    let of = |name: &str| samples(&metrics, name);
    let both = |ok: f64, missing: f64| {
        vec![
            ("response_code=200".to_owned(), ok),
            ("response_code=404".to_owned(), missing),
        ]
    };
    assert_eq!(of("istio_requests_total"), both(3.0, 1.0));
    let name = "istio_request_duration_milliseconds";
    assert_eq!(of(&format!("{name}_sum")), both(45.0, 3.0));
    assert_eq!(of(&format!("{name}_count")), both(3.0, 1.0));
    let buckets = of(&format!("{name}_bucket"));
    for (bound, count) in [
        ("5", 0.0),
        ("10", 2.0),
        ("25", 2.0),
        ("50", 3.0),
        ("+Inf", 3.0),
    ] {
        let labels = format!("le={bound},response_code=200");
        assert!(buckets.contains(&(labels, count)), "{bound}: {buckets:?}");
    }
    assert_eq!(buckets.len(), 2 * 20);
    // The exemplars of both directions.
    let text = metrics.openmetrics();
    let durations = text.lines().filter(|line| line.starts_with(name));
    assert_eq!(durations.filter(|line| line.contains(" # ")).count(), 3);
}
