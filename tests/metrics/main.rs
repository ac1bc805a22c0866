//! Istio's standard metrics: the labels, the peers, the numbers and their texts.
#![cfg(feature = "metrics")]

#[path = "../common/mod.rs"]
mod common;

mod baggage;
mod cardinality;
mod cases;
mod destinations;
mod exposition;
mod hostile;
mod layers;
mod metadata_exchange;
mod modes;
mod naming;
mod own_labels;
mod own_services;
mod parser;
mod peers;
mod registries;
#[cfg(feature = "zipkin")]
mod reporters;
mod series;
mod service;
mod threads;

use ::http::{HeaderMap, Request, Response};
use common::Script;
use std::{convert::Infallible, future::ready, time::Duration};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Direction, Tracer,
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

/// The headers of a request that a client with these metrics sends.
fn request_headers(metrics: &Metrics, headers: HeaderMap) -> HeaderMap {
    let tracer = Tracer::builder("client").metrics(metrics).build().unwrap();
    let mut client = tracer
        .client_layer()
        .layer(service_fn(|request: Request<()>| {
            let mut response = Response::new(Script::default());
            response.extensions_mut().insert(request.headers().clone());
            ready(Ok::<_, Infallible>(response))
        }));
    let mut request = Request::get("http://server/").body(()).unwrap();
    *request.headers_mut() = headers;
    let response = common::now(client.call(request)).unwrap();
    response.extensions().get::<HeaderMap>().unwrap().clone()
}

/// The headers with which a server with these metrics answers a request.
fn answer(metrics: &Metrics, headers: HeaderMap) -> HeaderMap {
    let tracer = Tracer::builder("server").metrics(metrics).build().unwrap();
    let mut server = tracer.server_layer().layer(service_fn(|_: Request<()>| {
        ready(Ok::<_, Infallible>(Response::new(Script::default())))
    }));
    let mut request = Request::get("/").body(()).unwrap();
    *request.headers_mut() = headers;
    common::now(server.call(request)).unwrap().headers().clone()
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

/// A test of the user's may look at metrics after a panic.
#[test]
fn metrics_are_unwind_safe() {
    fn unwind_safe<T: std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    unwind_safe::<Metrics>();
    unwind_safe::<tower_b3::metrics::MetricsService>();
}
