//! Any labels, any numbers.

use crate::parser::{Line, parse};
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use proptest::prelude::*;
use std::time::Duration;
use tower_b3::{
    Direction, RequestHead,
    metrics::{Measurement, Metrics, Naming, PeerMetadata, Workload},
};

fn sum(lines: &[Line], name: &str) -> f64 {
    let of_name = lines.iter().filter(|line| line.name == name);
    of_name.map(|line| line.value).sum()
}

#[derive(Debug, Clone)]
struct Call {
    server: bool,
    text: String,
    peer: String,
    authority: String,
    code: u16,
    flags: u64,
    milliseconds: u64,
    bytes: u64,
    grpc: Option<u16>,
}

fn call() -> impl Strategy<Value = Call> {
    let texts = (
        any::<bool>(),
        any::<String>(),
        any::<String>(),
        any::<String>(),
    );
    let numbers = (
        0_u16..600,
        any::<u64>(),
        0_u64..10_000_000,
        0_u64..10_000_000,
        any::<Option<u16>>(),
    );
    (texts, numbers).prop_map(|(texts, numbers)| Call {
        server: texts.0,
        text: texts.1,
        peer: texts.2,
        authority: texts.3,
        code: numbers.0,
        flags: numbers.1,
        milliseconds: numbers.2,
        bytes: numbers.3,
        grpc: numbers.4,
    })
}

fn record(metrics: &Metrics, call: &Call) {
    let mut peer = PeerMetadata::default();
    peer.workload.clone_from(&call.peer);
    peer.app.clone_from(&call.text);
    let mut headers = HeaderMap::new();
    headers.insert(
        "x-envoy-peer-metadata",
        HeaderValue::try_from(peer.encode()).unwrap(),
    );
    let request = Request::new(call.text.clone()).map(|_| ());
    let mut measured = Measurement::new(call.code, Duration::from_millis(call.milliseconds));
    let mut request = request;
    request.extensions_mut().insert(call.text.clone());
    measured.request_labels = metrics.request_labels(&RequestHead::of(&request));
    measured.response_labels = metrics.response_labels(StatusCode::OK, &headers);
    measured.peer = metrics.peer(&peer);
    measured.destination = metrics.destination(&call.authority);
    measured.route = &call.text;
    measured.method = &call.peer;
    measured.flags = call.flags;
    measured.grpc = call.grpc.is_some();
    measured.grpc_status = call.grpc;
    measured.request_bytes = call.bytes;
    let direction = if call.server {
        Direction::Server
    } else {
        Direction::Client
    };
    metrics.record(direction, &measured);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_labels_parse_and_the_sums_are_those_observed(
        calls in proptest::collection::vec(call(), 1..30),
        own in any::<String>(),
        max_series in 1_usize..20,
    ) {
        let metrics = Metrics::builder(Workload::new(&own).namespace(&own).label("app", &own))
            .max_series(max_series)
            .request_label("tier", |head: &RequestHead<'_>| head.extensions().get::<String>().cloned())
            .response_label("other", |_, headers: &HeaderMap| {
                Some(format!("{:?}", headers.keys().next()))
            })
            .build();
        for call in &calls {
            record(&metrics, call);
        }
        for text in [metrics.text(), metrics.openmetrics()] {
            let (_, lines) = parse(&text);
            prop_assert_eq!(sum(&lines, "istio_requests_total"), calls.len() as f64);
            let bytes: u64 = calls.iter().map(|call| call.bytes).sum();
            prop_assert_eq!(sum(&lines, "istio_request_bytes_sum"), bytes as f64);
            prop_assert_eq!(sum(&lines, "istio_request_bytes_count"), calls.len() as f64);
            let durations: u64 = calls.iter().map(|call| call.milliseconds).sum();
            let sum = sum(&lines, "istio_request_duration_milliseconds_sum");
            prop_assert_eq!(sum, durations as f64);
        }
    }

    #[test]
    fn any_operation_parses_under_other_names(calls in proptest::collection::vec(call(), 1..10)) {
        for naming in [Naming::Red, Naming::OpenTelemetry] {
            let metrics = Metrics::builder(Workload::new("webapp")).naming(naming).build();
            for call in &calls {
                record(&metrics, call);
            }
            let (types, lines) = parse(&metrics.text());
            let counts = ["server", "client"].map(|side| {
                sum(&lines, &format!("http_{side}_request_duration_seconds_count"))
            });
            prop_assert_eq!(counts[0] + counts[1], calls.len() as f64);
            prop_assert!(types.keys().all(|name| !name.starts_with("istio")));
        }
    }
}

#[test]
fn a_label_of_a_mebibyte_is_cut() {
    let metrics = Metrics::builder(Workload::new("webapp"))
        .request_label("long", |_| Some("é\n\"\\".repeat(1 << 18)))
        .build();
    let mut measured = Measurement::new(200, Duration::ZERO);
    measured.request_labels = metrics.request_labels(&RequestHead::of(&Request::new(())));
    metrics.record(Direction::Server, &measured);
    let text = metrics.text();
    assert!(text.len() < 100_000, "{}", text.len());
    parse(&text);
}

#[test]
fn a_label_that_panics_is_unknown() {
    let metrics = Metrics::builder(Workload::new("webapp"))
        .request_label("tier", |_| panic!("expected"))
        .build();
    let mut measured = Measurement::new(200, Duration::ZERO);
    measured.request_labels = metrics.request_labels(&RequestHead::of(&Request::new(())));
    metrics.record(Direction::Server, &measured);
    assert!(metrics.text().contains(",tier=\"unknown\"} 1\n"));
}

#[test]
fn a_label_that_prometheus_refuses_is_left_out() {
    let metrics = Metrics::builder(Workload::new("webapp"))
        .constant_label("a-b", "1")
        .constant_label("le", "1")
        .constant_label("__name__", "1")
        .constant_label("region", "eu")
        .constant_label("reporter", "replaced")
        .build();
    metrics.record(Direction::Server, &Measurement::new(200, Duration::ZERO));
    let (_, lines) = parse(&metrics.text());
    let requests = lines
        .iter()
        .find(|line| line.name == "istio_requests_total")
        .unwrap();
    assert_eq!(requests.labels.len(), 26);
    assert_eq!(
        requests.labels[0],
        ("reporter".to_owned(), "replaced".to_owned())
    );
    assert_eq!(requests.labels[25], ("region".to_owned(), "eu".to_owned()));
}
