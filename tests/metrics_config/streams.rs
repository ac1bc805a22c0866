//! gRPC messages that are counted while their streams are open, with labels of the configuration.

use super::shape;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use serde_json::Value;
use std::{collections::BTreeMap, convert::Infallible};
use tower::{Layer, ServiceExt, service_fn};
use tower_b3::{
    Tracer,
    metrics::{Metrics, MetricsBuilder, PeerMetadata, Service, Workload},
};

const MESSAGE: &[u8] = b"\0\0\0\0\x01a";
/// Every frame reports.
const AT_ONCE: &str = "0.000000001s";

type Frames = UnsyncBoxBody<Bytes, Infallible>;

/// A body of one message in each frame.
fn messages(count: usize) -> Frames {
    let frames = (0..count).map(|_| Ok(Frame::data(Bytes::from_static(MESSAGE))));
    StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync()
}

fn tracer(metrics: &Metrics) -> Tracer {
    Tracer::builder("shop")
        .metrics(metrics)
        .count_request_bodies(Frames::new)
        .build()
        .unwrap()
}

/// Reads as many messages.
async fn read(body: &mut Frames, count: usize) {
    for _ in 0..count {
        body.frame().await.unwrap().unwrap();
    }
}

/// The series of a counter: labels, and the count.
fn series(metrics: &Metrics, name: &str) -> Vec<(BTreeMap<String, String>, String)> {
    let text = metrics.text();
    let lines = text
        .lines()
        .filter(|line| line.starts_with(&format!("{name}{{")));
    let parsed = lines.map(|line| {
        let (labels, count) = line[name.len() + 1..].rsplit_once("\"} ").unwrap();
        let labels = labels.split("\",").map(|label| {
            let (name, value) = label.split_once("=\"").unwrap();
            (name.to_owned(), value.to_owned())
        });
        (labels.collect(), count.to_owned())
    });
    parsed.collect()
}

fn workload(node: &Value) -> Workload {
    let text = |name: &str| node[name].as_str().unwrap_or_default();
    let mut workload = Workload::new(text("WORKLOAD_NAME"))
        .pod(text("NAME"))
        .namespace(text("NAMESPACE"))
        .cluster(text("CLUSTER_ID"));
    for (name, value) in node["LABELS"].as_object().unwrap() {
        workload = workload.label(name, value.as_str().unwrap());
    }
    workload
}

/// Istio's own case, with an interval that need not be waited for.
#[tokio::test]
async fn the_series_of_an_open_stream_are_those_of_istios_proxies() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/metrics/cases");
    let table = std::fs::read_to_string(format!("{folder}/istio-proxy-series.json")).unwrap();
    let table: Value = serde_json::from_str(&table).unwrap();
    let mut cases = table["cases"].as_array().unwrap().iter();
    let case = cases.find(|case| case["id"] == "client-grpc-stream-open");
    let case = case.unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();

    let mut config = case["stats_config"].clone();
    config["tcp_reporting_duration"] = AT_ONCE.into();
    let settings = format!(
        "kind: IstioOperator\nspec: {{ values: {{ telemetry: {{ v2: {{ prometheus: {{ \
         configOverride: {{ outboundSidecar: {config} }} }} }} }} }} }}"
    );
    let nodes = &table["nodes"];
    let service = &case["service"];
    let authority = text(&case["request"]["authority"]);
    let called = Service {
        host: text(&service["host"]),
        name: text(&service["name"]),
        namespace: text(&service["namespace"]),
    };
    let metrics = Metrics::builder(workload(&nodes["client"]))
        .service_of(&*authority, called)
        .shape(&shape(&settings))
        .build();
    let server = Metrics::builder(workload(&nodes["server"])).build();
    let handler = service_fn(async |request: Request<Frames>| {
        read(&mut request.into_body(), 3).await;
        let response = Response::builder().header("content-type", "application/grpc");
        Ok::<_, Infallible>(response.body(messages(14)).unwrap())
    });
    let server = tracer(&server).server_layer().layer(handler);
    let path = text(&case["request"]["path"]);
    let request = Request::post(format!("http://{authority}{path}"))
        .header("content-type", "application/grpc")
        .body(messages(3))
        .unwrap();
    let response = tracer(&metrics)
        .client_layer()
        .layer(server)
        .oneshot(request);
    let mut body = response.await.unwrap().into_body();
    for _ in 0..13 {
        body.frame().await.unwrap().unwrap();
    }
    for expected in case["expect"].as_array().unwrap() {
        let name = text(&expected["metric"]);
        let labels = expected["labels"].as_object().unwrap().iter();
        let labels = labels.map(|(name, value)| (name.clone(), text(value)));
        let count = expected["value"].to_string();
        assert_eq!(series(&metrics, &name), [(labels.collect(), count)]);
    }
}

fn tagged(tags: &[(&str, &str)], interval: &str) -> String {
    let tags = tags
        .iter()
        .map(|(name, expression)| format!("{name}: {{ value: \"{expression}\" }}"));
    format!(
        "kind: Telemetry\nspec: {{ metrics: [ {{ reportingInterval: {interval}, overrides: [ {{ tagOverrides: \
         {{ {} }} }} ] }} ] }}",
        tags.collect::<Vec<_>>().join(", ")
    )
}

/// Only the labels of the canonical service and revision are used, as in Istio's reader.
#[tokio::test]
async fn a_peer_without_canonical_labels_has_no_service_and_no_revision() {
    let tags = [
        (
            "service",
            "'<' + filter_state.downstream_peer.service + '>'",
        ),
        (
            "revision",
            "'<' + filter_state.downstream_peer.revision + '>'",
        ),
        ("app", "filter_state.downstream_peer.app"),
    ];
    let metrics = catalog().shape(&shape(&tagged(&tags, AT_ONCE))).build();
    let mut peer = PeerMetadata::default();
    peer.workload = "webapp-v1".to_owned();
    peer.app = "webapp".to_owned();
    peer.version = "v1".to_owned();
    let request = Request::get("/").header("x-envoy-peer-metadata", peer.encode());
    let handler =
        service_fn(async |_: Request<Frames>| Ok::<_, Infallible>(Response::new(messages(0))));
    let server = tracer(&metrics).server_layer().layer(handler);
    let response = server.oneshot(request.body(messages(0)).unwrap()).await;
    drop(response);
    let (labels, _) = &series(&metrics, "istio_requests_total")[0];
    let labels = ["service", "revision", "app"].map(|name| &*labels[name]);
    assert_eq!(labels, ["<>", "<>", "webapp"]);
}

fn catalog() -> MetricsBuilder {
    Metrics::builder(Workload::new("catalog").namespace("shop"))
}

#[tokio::test]
async fn the_reports_of_a_stream_and_its_end_are_one_series() {
    let tags = [
        ("path", "request.url_path"),
        ("method", "request.method"),
        ("protocol", "request.protocol"),
        ("id", "request.id"),
        ("time", "request.time"),
        ("tenant", "request.headers['x-tenant']"),
        ("node", "xds.node.metadata['WORKLOAD_NAME']"),
        ("caller", "filter_state.downstream_peer.workload"),
        (
            "service",
            "xds.cluster_metadata.filter_metadata.istio.services[0].name",
        ),
        ("never", "upstream.locality"),
    ];
    let metrics = catalog().shape(&shape(&tagged(&tags, AT_ONCE))).build();
    let handler = service_fn(async |request: Request<Frames>| {
        read(&mut request.into_body(), 50).await;
        let response = Response::builder().header("content-type", "application/grpc");
        Ok::<_, Infallible>(response.body(messages(7)).unwrap())
    });
    let caller = Metrics::builder(Workload::new("webapp").namespace("shop")).build();
    let server = tracer(&metrics).server_layer().layer(handler);
    let client = tracer(&caller).client_layer().layer(server);
    let request = Request::post("http://catalog/p/M?q=1")
        .header("content-type", "application/grpc")
        .header("x-tenant", "a")
        .body(messages(50))
        .unwrap();
    let mut body = client.oneshot(request).await.unwrap().into_body();
    let requests = "istio_request_messages_total";
    let open = series(&metrics, requests);
    for _ in 0..7 {
        body.frame().await.unwrap().unwrap();
    }
    assert!(body.frame().await.is_none());
    let ended = series(&metrics, requests);
    assert_eq!(ended.len(), 1, "{ended:?}");
    assert_eq!(open, ended);
    let (labels, count) = &ended[0];
    assert_eq!(count, "50");
    for (name, expected) in [
        ("path", "/p/M"),
        ("method", "POST"),
        ("protocol", "HTTP/1.1"),
        ("tenant", "a"),
        ("node", "catalog"),
        ("caller", "webapp"),
        ("service", "catalog"),
        ("never", "unknown"),
    ] {
        assert_eq!(labels[name], expected, "{name}");
    }
    assert_ne!(labels["id"], "unknown");
    assert_ne!(labels["time"], "unknown");
    let responses = series(&metrics, "istio_response_messages_total");
    assert_eq!(responses.len(), 1, "{responses:?}");
    assert_eq!(responses[0].1, "7");
}

#[tokio::test]
async fn changed_expressions_apply_to_open_streams() {
    let old = shape(&tagged(&[("own", "request.method")], AT_ONCE));
    let metrics = catalog().shape(&old).build();
    let changed = metrics.clone();
    let handler = service_fn(move |request: Request<Frames>| {
        let changed = changed.clone();
        async move {
            let mut body = request.into_body();
            read(&mut body, 1).await;
            changed.reshape(&shape(&tagged(&[("own", "request.url_path")], AT_ONCE)));
            read(&mut body, 1).await;
            Ok::<_, Infallible>(Response::new(messages(0)))
        }
    });
    let request = Request::post("/p/M")
        .header("content-type", "application/grpc")
        .body(messages(2))
        .unwrap();
    let server = tracer(&metrics).server_layer().layer(handler);
    let _response = server.oneshot(request).await.unwrap();
    let series = series(&metrics, "istio_request_messages_total");
    let series = series
        .iter()
        .map(|(labels, count)| (&*labels["own"], &**count));
    assert_eq!(series.collect::<Vec<_>>(), [("/p/M", "1"), ("POST", "1")]);
}
