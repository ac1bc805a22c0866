//! Both layers, over real connections.

use crate::{
    cases,
    cases::text,
    common::net::{http_client, serve, unreachable_address},
    count, label, points, webapp,
};
use ::http::{Request, Response, StatusCode, Version};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use serde_json::Value as Json;
use std::{convert::Infallible, net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tower::{Layer, ServiceExt, service_fn};
use tower_b3::{
    Direction, Mode, ServerLayer, Tracer, Trust,
    metrics::{Metrics, Point, Value, Workload},
    report::NoopReporter,
    sample::Sampler,
};

fn tracer(metrics: &Metrics, sampler: Sampler) -> Tracer {
    Tracer::builder("webapp")
        .sampler(sampler)
        .reporter(NoopReporter)
        .metrics(metrics)
        .build()
        .unwrap()
}

type AnswerBody = BoxBody<Bytes, Infallible>;

/// Reads the request, and answers with 13 bytes, or as the path requests.
async fn answer(request: Request<Incoming>) -> Result<Response<AnswerBody>, Infallible> {
    let path = request.uri().path().to_owned();
    let _ = request.into_body().collect().await;
    let (status, body) = match path.as_str() {
        "/500" => (500, vec![b'x'; 13]),
        "/big" => (200, vec![b'x'; 1000]),
        _ => (200, b"hello, world\n".to_vec()),
    };
    let mut response = Response::new(match path.as_str() {
        "/chunk" => {
            let frames = ["hello", " world"].map(|data| Ok(Frame::data(Bytes::from(data))));
            StreamBody::new(futures_util::stream::iter(frames)).boxed()
        }
        _ => Full::from(body).boxed(),
    });
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    Ok(response)
}

async fn server(metrics: &Metrics) -> SocketAddr {
    let tracer = tracer(metrics, Sampler::never());
    serve(tracer.server_layer().layer(service_fn(answer))).await
}

/// Sends this text, and returns how many bytes come back until the connection is closed.
async fn exchanged(addr: SocketAddr, text: &str) -> u64 {
    let text = text.replacen("\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1);
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut read = Vec::new();
    stream.read_to_end(&mut read).await.unwrap();
    // hyper repeats this after the layer, which cannot see it.
    let close = "connection: close\r\n";
    let repeated = String::from_utf8_lossy(&read).contains(close);
    read.len() as u64 - if repeated { close.len() as u64 } else { 0 }
}

fn sum(points: &[Point]) -> f64 {
    let sums = points.iter().map(|point| match &point.value {
        Value::Histogram(histogram) => histogram.sum,
        other => panic!("{other:?}"),
    });
    sums.sum()
}

/// The bytes that a server counts of the requests that were sent to Envoy.
#[tokio::test]
async fn bytes_are_those_on_the_wire() {
    let table = cases::read("envoy-bytes.json");
    let mut compared = 0;
    for case in table["http1"].as_array().unwrap() {
        let id = text(case, "id");
        if !["get", "post", "big", "head", "500", "chunk"].contains(&id) {
            continue;
        }
        let metrics = Metrics::builder(webapp()).build();
        let addr = server(&metrics).await;
        let read = exchanged(addr, text(case, "request")).await;
        let close = "connection: close\r\n".len() as f64;
        let request = case["request_bytes"].as_u64().map(|bytes| bytes as f64);
        let counted = sum(&points(&metrics, "istio_request_bytes"));
        assert_eq!(Some(counted - close), request, "{id}");
        let counted = sum(&points(&metrics, "istio_response_bytes"));
        assert_eq!(counted, read as f64, "{id}");
        compared += 1;
    }
    assert_eq!(compared, 6);
    assert!(matches!(table["http2"], Json::Array(_)));
}

/// A layer adds, changes and removes headers before the handler sees the request.
#[tokio::test]
async fn a_request_has_the_bytes_with_which_it_arrived() {
    let trace = format!("X-B3-TraceId: {:032x}\r\nX-B3-SpanId: {:016x}\r\n", 1, 2);
    let reason = "X-Request-Id: 0aeb36e7-ea4e-9a34-9d07-5f8e1d3a6c11\r\n";
    for headers in ["", &trace, reason, &format!("{trace}{reason}")] {
        let text =
            format!("POST /a HTTP/1.1\r\nHost: catalog\r\n{headers}Content-Length: 2\r\n\r\nhi");
        let set_up: [fn(ServerLayer) -> ServerLayer; 4] = [
            |layer| layer,
            |layer| layer.trust(Trust::nobody()),
            |layer| {
                layer
                    .trust(Trust::nobody())
                    .preserve_external_request_id(true)
            },
            |layer| layer.rewrite_request_headers(true),
        ];
        for (at, set_up) in set_up.into_iter().enumerate() {
            for mode in [Mode::Spans, Mode::RecordOnly, Mode::ForwardOnly] {
                let metrics = Metrics::builder(webapp()).build();
                let tracer = Tracer::builder("webapp")
                    .mode(mode)
                    .sampler(Sampler::always())
                    .reporter(NoopReporter)
                    .metrics_for(Direction::Server, &metrics);
                let layer = set_up(tracer.build().unwrap().server_layer());
                let addr = serve(layer.layer(service_fn(answer))).await;
                exchanged(addr, &text).await;
                let sent = text.len() + "Connection: close\r\n".len();
                let counted = sum(&points(&metrics, "istio_request_bytes"));
                assert_eq!(counted, sent as f64, "{mode:?}, {at}: {headers}");
            }
        }
    }
}

/// An endless body, which the client drops in the middle.
#[tokio::test]
async fn both_sides_report_that_the_client_went_away() {
    let served = Metrics::builder(Workload::new("catalog").namespace("shop")).build();
    let handler = service_fn(async |_: Request<Incoming>| {
        let frames = std::iter::repeat_with(|| Ok::<_, Infallible>(Frame::data(Bytes::from("x"))));
        Ok::<_, Infallible>(Response::new(StreamBody::new(futures_util::stream::iter(
            frames,
        ))))
    });
    let server = tracer(&served, Sampler::never())
        .server_layer()
        .layer(handler);
    let addr = serve(server).await;
    let called = Metrics::builder(webapp()).build();
    let client = http_client::<Empty<Bytes>>(Version::HTTP_11);
    let client = tracer(&called, Sampler::never())
        .client_layer()
        .layer(client);
    let request = Request::get(format!("http://{addr}/")).body(Empty::new());
    let mut response = client.oneshot(request.unwrap()).await.unwrap();
    response.body_mut().frame().await.unwrap().unwrap();
    drop(response);
    for metrics in [&called, &served] {
        let ended = async {
            loop {
                match points(metrics, "istio_requests_total").pop() {
                    Some(point) => break point,
                    None => tokio::task::yield_now().await,
                }
            }
        };
        let point = tokio::time::timeout(Duration::from_secs(60), ended).await;
        let point = point.expect("the exchange ends");
        let labels = ["response_code", "response_flags"].map(|name| label(&point, name));
        assert_eq!(labels, ["200", "DC"]);
    }
}

#[tokio::test]
async fn every_request_is_counted_by_both_sides_and_they_agree() {
    let served = Metrics::builder(Workload::new("catalog").namespace("shop")).build();
    let addr = server(&served).await;
    let called = Metrics::builder(webapp())
        .service_of(addr.to_string(), "catalog.shop.svc.cluster.local")
        .build();
    for (sampler, path, times) in [
        (Sampler::always(), "/items", 20),
        (Sampler::never(), "/items", 30),
        (Sampler::never(), "/500", 5),
    ] {
        let tracer = tracer(&called, sampler);
        let client = http_client::<Empty<Bytes>>(Version::HTTP_11);
        let client = tracer.client_layer().layer(client);
        for _ in 0..times {
            let request = Request::get(format!("http://{addr}{path}"));
            let request = request.body(Empty::new()).unwrap();
            let response = client.clone().oneshot(request).await.unwrap();
            response.into_body().collect().await.unwrap();
        }
    }
    let exposed = |metrics: &Metrics| {
        let points = points(metrics, "istio_requests_total");
        let exposed = points.iter().map(|point| {
            let names = [
                "destination_service",
                "destination_service_name",
                "destination_service_namespace",
                "response_code",
                "response_flags",
                "request_protocol",
            ];
            (
                names.map(|name| label(point, name).to_owned()),
                count(point),
            )
        });
        exposed.collect::<Vec<_>>()
    };
    assert_eq!(exposed(&called), exposed(&served));
    let counts: Vec<u64> = exposed(&called)
        .into_iter()
        .map(|(_, count)| count)
        .collect();
    assert_eq!(counts, [50, 5]);
    // Both have the trace of the last sampled request.
    let trace = |metrics: &Metrics| {
        let text = metrics.openmetrics();
        let (_, trace) = text.split_once(" # {trace_id=\"").unwrap();
        trace[..32].to_owned()
    };
    assert_eq!(trace(&called), trace(&served));
}

#[tokio::test]
async fn a_refused_connection_is_503_with_uf() {
    let addr = unreachable_address().await;
    let metrics = Metrics::builder(webapp()).build();
    let client = http_client::<Empty<Bytes>>(Version::HTTP_11);
    let client = tracer(&metrics, Sampler::never())
        .client_layer()
        .layer(client);
    let request = Request::get(format!("http://{addr}/"))
        .body(Empty::new())
        .unwrap();
    client.oneshot(request).await.unwrap_err();
    let points = points(&metrics, "istio_requests_total");
    let labels = ["response_code", "response_flags"].map(|name| label(&points[0], name));
    assert_eq!(labels, ["503", "UF"]);
}
