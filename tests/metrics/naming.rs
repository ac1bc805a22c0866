//! Names and labels that are not Istio's.

use crate::{answered, common::now, points, webapp};
use http::{Request, Response};
use std::{convert::Infallible, future::ready, time::Duration};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Direction, Tracer, Trust,
    metrics::{Buckets, HistogramValue, Measurement, Metrics, Naming, UrlScheme, Value},
};

fn histogram(metrics: &Metrics, name: &str) -> HistogramValue {
    match &points(metrics, name)[..] {
        [point] => match &point.value {
            Value::Histogram(histogram) => histogram.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn durations_in_seconds_are_counted_in_microseconds() {
    let name = "http_server_request_duration_seconds";
    let buckets = Buckets::default().metric(name, [0.0001, 0.0009, 0.005]);
    for naming in [Naming::Red, Naming::OpenTelemetry] {
        let metrics = Metrics::builder(webapp()).naming(naming);
        let metrics = metrics.buckets(buckets.clone().unwrap()).build();
        for microseconds in [100, 900, 901, 5_900] {
            let took = Duration::from_nanos(microseconds * 1_000 + 999);
            metrics.record(Direction::Server, &Measurement::new(200, took));
        }
        let durations = histogram(&metrics, name);
        assert_eq!(durations.counts, [1, 1, 1, 1]);
        assert_eq!(durations.sum, 0.007_801);
    }
}

#[test]
fn istios_durations_are_whole_milliseconds() {
    let metrics = Metrics::builder(webapp()).build();
    let took = Duration::from_micros(7_999);
    metrics.record(Direction::Server, &Measurement::new(200, took));
    let durations = histogram(&metrics, "istio_request_duration_milliseconds");
    assert_eq!(durations.sum, 7.0);
}

/// Sends a request through a layer, and records it.
fn call(metrics: &Metrics, direction: Direction, uri: &str) {
    let tracer = Tracer::builder("webapp").metrics(metrics).build().unwrap();
    let service = service_fn(|_: Request<http_body_util::Full<bytes::Bytes>>| {
        let body = http_body_util::Full::new(bytes::Bytes::from_static(b"hello"));
        ready(Ok::<_, Infallible>(Response::new(body)))
    });
    let request = Request::post(uri).header("host", "virtual:8080");
    let request = request.header("x-long", "a".repeat(5_000));
    let request = request.body(Default::default()).unwrap();
    let read = |response: Response<_>| {
        let body = http_body_util::BodyExt::collect(response.into_body());
        now(body).unwrap().to_bytes()
    };
    let bytes = match direction {
        Direction::Server => read(
            now(tracer.server_layer().layer(service).call(request))
                .unwrap()
                .map(axum::body::Body::new),
        ),
        Direction::Client => read(
            now(tracer.client_layer().layer(service).call(request))
                .unwrap()
                .map(axum::body::Body::new),
        ),
    };
    assert_eq!(bytes, "hello");
}

#[test]
fn open_telemetry_counts_bodies_alone() {
    let metrics = Metrics::builder(webapp())
        .naming(Naming::OpenTelemetry)
        .build();
    call(&metrics, Direction::Server, "/items");
    let size = |name: &str| histogram(&metrics, name).sum;
    assert_eq!(size("http_server_request_body_size_bytes"), 0.0);
    assert_eq!(size("http_server_response_body_size_bytes"), 5.0);
}

/// The last two labels of each series of a client.
fn servers(metrics: &Metrics) -> Vec<(String, String)> {
    let points = points(metrics, "http_client_request_duration_seconds");
    let servers = points.iter().map(|point| {
        let label = |name| crate::label(point, name).to_owned();
        (label("server_address"), label("server_port"))
    });
    servers.collect()
}

#[test]
fn open_telemetry_names_the_server_of_a_client() {
    for (uri, address, port) in [
        ("http://Catalog/items", "catalog", "80"),
        ("https://api.example.com/", "api.example.com", "443"),
        ("https://api.example.com:8443/", "api.example.com", "8443"),
        ("http://[fd00::1]/", "fd00::1", "80"),
        ("http://10.1.2.3:9/", "10.1.2.3", "9"),
        ("/items", "virtual", "8080"),
    ] {
        let metrics = Metrics::builder(webapp())
            .naming(Naming::OpenTelemetry)
            .build();
        call(&metrics, Direction::Client, uri);
        assert_eq!(servers(&metrics), [(address.to_owned(), port.to_owned())]);
    }
}

#[test]
fn the_hosts_of_servers_are_bounded() {
    let metrics = Metrics::builder(webapp())
        .naming(Naming::OpenTelemetry)
        .max_series(40)
        .build();
    for host in 0..30 {
        // Hosts of callers do not count.
        call(&metrics, Direction::Server, &format!("http://own-{host}/"));
        let mut sent = answered(200);
        sent.destination = metrics.destination(&format!("host-{host}:80"));
        metrics.record(Direction::Client, &sent);
    }
    let servers = servers(&metrics);
    assert_eq!(servers.len(), 11);
    let unknown = |server: &&(String, String)| *server == &("unknown".to_owned(), String::new());
    assert_eq!(servers.iter().filter(unknown).count(), 1);
}

/// The label `url_scheme` of the only series of a metric.
fn url_scheme(metrics: &Metrics, name: &str) -> String {
    match &points(metrics, name)[..] {
        [point] => crate::label(point, "url_scheme").to_owned(),
        other => panic!("{other:?}"),
    }
}

/// A server gets a request with this URI and this `x-forwarded-proto`.
fn serve(metrics: &Metrics, trust: Trust, uri: &str, forwarded: Option<&str>) {
    let tracer = Tracer::builder("webapp").metrics(metrics).build().unwrap();
    let service = service_fn(|_: Request<()>| {
        ready(Ok::<_, Infallible>(Response::new(crate::Script::default())))
    });
    let mut server = tracer.server_layer().trust(trust).layer(service);
    let mut request = Request::get(uri).header("host", "webapp");
    if let Some(forwarded) = forwarded {
        request = request.header("x-forwarded-proto", forwarded);
    }
    now(server.call(request.body(()).unwrap())).unwrap();
}

fn open_telemetry() -> Metrics {
    let metrics = Metrics::builder(webapp()).naming(Naming::OpenTelemetry);
    metrics.build()
}

const SERVER_METRICS: [&str; 3] = [
    "http_server_request_duration_seconds",
    "http_server_request_body_size_bytes",
    "http_server_response_body_size_bytes",
];

#[test]
fn open_telemetry_names_the_scheme_of_a_server() {
    for (uri, forwarded, expected) in [
        ("/", None, "http"),
        ("/", Some("http"), "http"),
        ("/", Some("https"), "https"),
        ("/", Some("HTTPS"), "https"),
        ("/", Some("wss"), "_OTHER"),
        ("/", Some("java script:"), "http"),
        ("http://webapp/", None, "http"),
        ("https://webapp/", None, "https"),
        ("HTTPS://webapp/", None, "https"),
        ("https://webapp/", Some("http"), "http"),
        ("http://webapp/", Some("https"), "https"),
        ("/", Some("https, http"), "https"),
        ("/", Some("http,https"), "http"),
        ("https://webapp/", Some(" ,http"), "https"),
        ("ws://webapp/", None, "_OTHER"),
    ] {
        let metrics = open_telemetry();
        serve(&metrics, Trust::everyone(), uri, forwarded);
        for name in SERVER_METRICS {
            let scheme = url_scheme(&metrics, name);
            assert_eq!(scheme, expected, "{name} {uri} {forwarded:?}");
        }
    }
}

#[test]
fn an_untrusted_peer_does_not_set_the_scheme() {
    let metrics = open_telemetry();
    serve(&metrics, Trust::nobody(), "/", Some("https"));
    assert_eq!(url_scheme(&metrics, SERVER_METRICS[0]), "http");
}

#[test]
fn invented_schemes_are_one() {
    let metrics = open_telemetry();
    for number in 0..30 {
        let forwarded = format!("x-{number}");
        serve(&metrics, Trust::everyone(), "/", Some(&forwarded));
    }
    assert_eq!(url_scheme(&metrics, SERVER_METRICS[0]), "_OTHER");
}

#[test]
fn only_servers_of_open_telemetry_have_a_scheme() {
    for (naming, direction, name, schemes) in [
        (
            Naming::OpenTelemetry,
            Direction::Server,
            SERVER_METRICS[0],
            &["http", "https", "_OTHER"][..],
        ),
        (
            Naming::OpenTelemetry,
            Direction::Client,
            "http_client_request_duration_seconds",
            &["(no label)"],
        ),
        (
            Naming::Red,
            Direction::Server,
            "http_server_requests_total",
            &["(no label)"],
        ),
        (
            Naming::Istio,
            Direction::Server,
            "istio_requests_total",
            &["(no label)"],
        ),
    ] {
        let metrics = Metrics::builder(webapp()).naming(naming).build();
        for scheme in [UrlScheme::Http, UrlScheme::Https, UrlScheme::Other] {
            let mut measured = answered(200);
            measured.url_scheme = scheme;
            metrics.record(direction, &measured);
        }
        let points = points(&metrics, name);
        let mut exposed: Vec<&str> = points
            .iter()
            .map(|point| crate::label(point, "url_scheme"))
            .collect();
        exposed.sort_by_key(|exposed| schemes.iter().position(|scheme| scheme == exposed));
        assert_eq!(exposed, schemes, "{naming:?} {direction:?}");
    }
}
