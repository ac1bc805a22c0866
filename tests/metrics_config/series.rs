//! Series across changes of the configuration, and overflows of label values.

use super::shape;
use http::{Request, Response};
use std::{convert::Infallible, future::ready, time::Duration};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Direction, Tracer,
    config::TracingConfig,
    id::{SpanId, TraceId},
    metrics::{Measurement, Metrics, MetricsBuilder, MetricsShape, Point, Value, Workload},
};

fn webapp() -> MetricsBuilder {
    Metrics::builder(Workload::new("webapp").namespace("shop"))
}

fn default_shape() -> MetricsShape {
    TracingConfig::default().metrics_shape().unwrap()
}

fn points(metrics: &Metrics, name: &str) -> Vec<Point> {
    let mut families = metrics.families().into_iter();
    let family = families.find(|family| family.name == name);
    family.map(|family| family.points).unwrap_or_default()
}

fn label<'a>(point: &'a Point, name: &str) -> Option<&'a str> {
    let label = point.labels.iter().find(|(label, _)| &**label == name);
    label.map(|(_, value)| &**value)
}

fn count(point: &Point) -> u64 {
    match &point.value {
        Value::Counter { count, .. } => *count,
        other => panic!("{other:?}"),
    }
}

fn overflows(metrics: &Metrics) -> u64 {
    let points = points(metrics, "tower_b3_metrics_overflows_total");
    let series = points
        .iter()
        .find(|point| label(point, "of") == Some("series"));
    count(series.unwrap())
}

/// A label with the header `x-who`.
fn with_label(name: &str) -> MetricsShape {
    shape(&format!(
        "
kind: Telemetry
spec:
  metrics:
  - overrides:
    - match: {{ metric: REQUEST_COUNT }}
      tagOverrides: {{ {name}: {{ value: \"request.headers['x-who']\" }} }}
"
    ))
}

/// Serves a request with each of these values of the header `x-who`.
fn serve(metrics: &Metrics, values: impl IntoIterator<Item = String>) {
    let tracer = Tracer::builder("server").metrics(metrics).build().unwrap();
    let mut server = tracer.server_layer().layer(service_fn(|_: Request<()>| {
        ready(Ok::<_, Infallible>(Response::new(String::new())))
    }));
    for value in values {
        let request = Request::get("/").header("x-who", value).body(()).unwrap();
        let mut response = Box::pin(server.call(request));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(response.as_mut().poll(&mut context).is_ready());
    }
}

#[test]
fn every_request_without_a_series_is_an_overflow() {
    let metrics = webapp().max_series(10).shape(&with_label("who")).build();
    serve(&metrics, (0..240).map(|number| format!("n{number}")));
    let points = points(&metrics, "istio_requests_total");
    assert_eq!(points.iter().map(count).sum::<u64>(), 240);
    let unknown = points
        .iter()
        .find(|point| label(point, "who") == Some("unknown"));
    assert_eq!((count(unknown.unwrap()), overflows(&metrics)), (230, 230));
}

#[test]
fn values_of_earlier_configurations_do_not_count_towards_the_limit() {
    let metrics = webapp().max_series(50).build();
    for round in 0..40 {
        let name = format!("l{round}");
        metrics.reshape(&with_label(&name));
        let values = (0..10).map(|number| format!("r{round}-{number}"));
        serve(&metrics, values.clone());
        let points = points(&metrics, "istio_requests_total");
        for value in values {
            let exposed = points
                .iter()
                .find(|point| label(point, &name) == Some(&value));
            assert_eq!(exposed.map(count), Some(1), "{value}");
        }
        assert_eq!(points.iter().map(count).sum::<u64>(), 10 * (round + 1));
    }
    assert_eq!(overflows(&metrics), 0);
}

#[test]
fn an_exemplar_outlives_changes_of_the_configuration() {
    let metrics = webapp().build();
    let trace_id = TraceId::new(0x5af7183fb1d4cf5f).unwrap();
    let mut measured = Measurement::new(200, Duration::from_millis(7));
    measured.sampled = Some((trace_id, SpanId::new(7).unwrap()));
    metrics.record(Direction::Server, &measured);
    let exemplars = || metrics.openmetrics().matches(&trace_id.to_string()).count();
    let before = exemplars();
    assert!(before > 0);
    for round in 0..3 {
        metrics.reshape(&default_shape());
        assert_eq!(exemplars(), before, "{round}");
    }
}

#[test]
fn what_was_counted_without_a_label_is_unknown_once_there_is_the_label_again() {
    let labels = [
        "response_code",
        "grpc_response_status",
        "response_flags",
        "request_protocol",
        "destination_service",
    ];
    let removed = labels
        .map(|label| format!("{label}: {{ operation: REMOVE }}"))
        .join(", ");
    let metrics = webapp().build();
    metrics.reshape(&shape(&format!(
        "
kind: Telemetry
spec:
  metrics:
  - overrides:
    - match: {{ metric: ALL_METRICS }}
      tagOverrides: {{ {removed}, destination_service_name: {{ operation: REMOVE }},
        destination_service_namespace: {{ operation: REMOVE }} }}
"
    )));
    let mut failed = Measurement::new(503, Duration::from_millis(7));
    (failed.grpc, failed.grpc_status, failed.flags) = (true, Some(14), 32);
    failed.destination = metrics.destination("catalog");
    metrics.record(Direction::Client, &failed);
    metrics.reshape(&default_shape());
    let exposed = || {
        let points = points(&metrics, "istio_requests_total");
        let exposed = points
            .iter()
            .map(|point| labels.map(|name| label(point, name).unwrap().to_owned()));
        exposed.collect::<Vec<_>>()
    };
    assert_eq!(exposed(), [["unknown"; 5]]);
    metrics.record(Direction::Client, &failed);
    let catalog = "catalog.shop.svc.cluster.local";
    assert_eq!(
        exposed(),
        [["503", "14", "UF", "grpc", catalog], ["unknown"; 5]]
    );
}
