//! Requests through the layers, counted by the configuration.

use super::{case, shape};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use std::{convert::Infallible, future::ready, net::SocketAddr};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_b3::{
    Tracer,
    metrics::{Expression, Metrics, Workload},
};

/// Serves `GET` requests to these paths, and returns what is exposed.
fn exposed(settings: &str, paths: &[&str]) -> String {
    let workload = Workload::new("webapp")
        .namespace("istioinaction")
        .mesh("cluster.local");
    let metrics = Metrics::builder(workload).build();
    metrics.reshape(&shape(settings));
    let tracer = Tracer::builder("webapp").metrics(&metrics).build().unwrap();
    let peer = SocketAddr::from(([10, 0, 0, 9], 40000));
    let layer = tracer.server_layer().peer_address(move |_| Some(peer));
    let mut service = layer.layer(service_fn(|_: Request<()>| {
        ready(Ok::<_, Infallible>(Response::new(String::new())))
    }));
    for path in paths {
        let request = Request::get(*path)
            .header("host", "webapp")
            .header("x-tenant", "a")
            .header("x-tenant", "b")
            .body(())
            .unwrap();
        let mut response = Box::pin(service.call(request));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(response.as_mut().poll(&mut context).is_ready());
    }
    metrics.text()
}

#[track_caller]
fn line<'a>(text: &'a str, metric: &str) -> &'a str {
    let mut lines = text.lines();
    let line = lines.find(|line| line.starts_with(metric));
    line.unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn labels_of_the_configuration_are_exposed() {
    let text = exposed(&case("scene-add-dimensions.telemetry.yaml"), &["/items"]);
    let line = line(&text, "istio_requests_total{");
    assert!(line.contains("source_mesh_id=\"cluster.local\""), "{line}");
    assert!(
        line.contains("upstream_proxy_version=\"unknown\""),
        "{line}"
    );
    assert!(!line.contains("request_protocol"), "{line}");
}

/// The exposed value of an expression.
fn label(expression: &str) -> String {
    let settings = format!(
        "kind: Telemetry\nspec: {{ metrics: [ {{ overrides: [ {{ tagOverrides: {{ own: {{ value: \
         \"{expression}\" }} }} }} ] }} ] }}"
    );
    let text = exposed(&settings, &["/items"]);
    let line = line(&text, "istio_requests_total{");
    let (_, value) = line.split_once("own=\"").unwrap();
    value.split('"').next().unwrap().to_owned()
}

#[test]
fn a_label_has_attributes_of_the_connection() {
    for (expression, expected) in [
        ("source.address", "10.0.0.9:40000"),
        ("source.port", "40000"),
        ("destination.address", "unknown"),
        ("upstream.address", "unknown"),
        ("upstream.request_attempt_count", "1"),
        ("connection.mtls", "false"),
    ] {
        assert_eq!(label(expression), expected, "{expression}");
    }
}

#[test]
fn a_repeated_header_has_all_its_values() {
    assert_eq!(label("request.headers['x-tenant']"), "a,b");
}

#[test]
fn a_repeated_header_has_all_its_values_in_evaluate() {
    let request = Request::get("/")
        .header("x-tenant", "a")
        .header("x-tenant", "b");
    let response = Response::builder()
        .header("x-cache", "c")
        .header("x-cache", "d");
    let (request, response) = (request.body(()).unwrap(), response.body(()).unwrap());
    let both = "request.headers['x-tenant'] + ' ' + response.headers['X-Cache']";
    let value = Expression::parse(both)
        .unwrap()
        .evaluate(&request, &response);
    assert_eq!(value.as_deref(), Some("a,b c,d"));
}

#[tokio::test]
async fn a_label_has_the_value_of_a_trailer() {
    let settings = format!(
        "kind: Telemetry\nspec: {{ metrics: [ {{ overrides: [ {{ tagOverrides: {{ own: {{ value: \
         \"{}\" }} }} }} ] }} ] }}",
        "response.trailers['t']"
    );
    let metrics = Metrics::builder(Workload::new("catalog"))
        .shape(&shape(&settings))
        .build();
    let tracer = Tracer::builder("catalog")
        .metrics(&metrics)
        .build()
        .unwrap();
    let handler = service_fn(async |_: Request<()>| {
        let mut trailers = http::HeaderMap::new();
        trailers.append("t", "a".parse().unwrap());
        trailers.append("t", "b".parse().unwrap());
        let frames = [Ok(Frame::trailers(trailers))];
        let body: Frames = StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync();
        Ok::<_, Infallible>(Response::new(body))
    });
    let served = tracer
        .server_layer()
        .layer(handler)
        .oneshot(Request::new(()))
        .await;
    served.unwrap().into_body().collect().await.unwrap();
    let text = metrics.text();
    assert!(
        line(&text, "istio_requests_total{").contains("own=\"a,b\""),
        "{text}"
    );
}

#[test]
fn a_label_has_attributes_of_the_node() {
    assert_eq!(label("xds.node.metadata['WORKLOAD_NAME']"), "webapp");
    let id = label("xds.node.id");
    assert!(
        id.starts_with("sidecar~") && id.contains("~webapp.istioinaction~"),
        "{id}"
    );
}

#[test]
fn a_defined_metric_counts() {
    let text = exposed(
        &case("scene-new-metric.iop.yaml"),
        &["/items", "/other", "/"],
    );
    assert!(line(&text, "istio_get_calls{").ends_with(" 3"), "{text}");
}

#[test]
fn a_value_is_read_as_an_unsigned_integer() {
    for (value, expected) in [
        ("response.code", 200),
        ("size(request.path)", 6),
        ("'5'", 5),
        ("' 7 '", 7),
        ("2u", 2),
        ("3.0", 3),
        ("1.5", 0),
        ("-1", 0),
        ("true", 0),
        ("request.method", 0),
        ("request.headers['nope']", 0),
    ] {
        let settings = format!(
            "kind: IstioOperator\nspec: {{ values: {{ telemetry: {{ v2: {{ prometheus: {{ \
             configOverride: {{ inboundSidecar: {{ definitions: [ {{ name: own, value: \"{value}\", type: GAUGE \
             }} ] }} }} }} }} }} }} }}"
        );
        let text = exposed(&settings, &["/items"]);
        let exposed = line(&text, "istio_own{").rsplit(' ').next().unwrap();
        assert_eq!(exposed, expected.to_string(), "{value}");
    }
}

#[test]
fn a_generated_attribute_is_a_label() {
    let settings = format!(
        "{}\n---\nkind: Telemetry\nspec: {{ metrics: [ {{ overrides: [ {{ tagOverrides: {{ request_operation: \
         {{ value: istio_operationId }} }} }} ] }} ] }}",
        case("docs-classify.wasmplugin.yaml")
    );
    let text = exposed(&settings, &["/items", "/items/7", "/nothing"]);
    for operation in ["ListItems", "GetItem", "unknown"] {
        let label = format!("request_operation=\"{operation}\"}} 1");
        assert!(text.contains(&label), "{text}");
    }
}

/// The counts of gRPC messages of requests and of responses.
fn messages(metrics: &Metrics) -> [u64; 2] {
    let text = metrics.text();
    ["request", "response"].map(|side| {
        let metric = format!("istio_{side}_messages_total{{");
        let counts = text.lines().filter(|line| line.starts_with(&metric));
        let counts = counts.map(|line| line.rsplit_once(' ').unwrap().1);
        counts.map(|count| count.parse::<u64>().unwrap()).sum()
    })
}

type Frames = UnsyncBoxBody<Bytes, Infallible>;

/// A body of these frames.
fn body(frames: &[&'static [u8]]) -> Frames {
    let frames: Vec<_> = frames
        .iter()
        .map(|frame| Ok(Frame::data(Bytes::from_static(frame))))
        .collect();
    StreamBody::new(futures_util::stream::iter(frames)).boxed_unsync()
}

#[tokio::test]
async fn messages_of_a_long_stream_are_counted_while_it_is_open() {
    let interval = "
kind: Telemetry
spec:
  metrics: [ { reportingInterval: 0.000000001s } ]
";
    const ONE: &[u8] = b"\0\0\0\0\x01a";
    const TWO_AND_A_HALF: &[u8] = b"\0\0\0\0\x01a\0\0\0\0\x01b\0\0\0\0\x02c";
    const REST: &[u8] = b"c";
    for (settings, meanwhile) in [
        (interval, true),
        ("kind: Telemetry\nspec: { metrics: [ {} ] }", false),
    ] {
        let workload = Workload::new("catalog").namespace("shop");
        let metrics = Metrics::builder(workload).shape(&shape(settings)).build();
        let tracer = Tracer::builder("catalog")
            .metrics(&metrics)
            .count_request_bodies(Frames::new)
            .build()
            .unwrap();
        let so_far = |expected: [u64; 2]| if meanwhile { expected } else { [0, 0] };
        let seen = metrics.clone();
        let handler = service_fn(move |request: Request<Frames>| {
            let seen = seen.clone();
            async move {
                let mut sent = request.into_body();
                sent.frame().await.unwrap().unwrap();
                assert_eq!(messages(&seen), so_far([1, 0]));
                sent.frame().await.unwrap().unwrap();
                assert_eq!(messages(&seen), so_far([3, 0]));
                let response = Response::builder().header("content-type", "application/grpc");
                let response = response.body(body(&[ONE, TWO_AND_A_HALF, REST]));
                Ok::<_, Infallible>(response.unwrap())
            }
        });
        let request = Request::post("/shop.Catalog/Watch")
            .header("content-type", "application/grpc")
            .body(body(&[ONE, TWO_AND_A_HALF]))
            .unwrap();
        let response = tracer.server_layer().layer(handler).oneshot(request).await;
        let mut received = response.unwrap().into_body();
        for response in [1, 3, 4] {
            received.frame().await.unwrap().unwrap();
            assert_eq!(messages(&metrics), so_far([3, response]));
        }
        assert!(received.frame().await.is_none());
        assert_eq!(messages(&metrics), [3, 4]);
    }
}
