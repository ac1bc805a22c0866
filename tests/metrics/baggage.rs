//! Callers that send their metadata in `baggage`.

use crate::{
    answer, cases, cases::text, common, common::Script, count, label, peers::check_peer, points,
    request_headers, webapp,
};
use http::{HeaderMap, HeaderValue, Request, Response};
use std::{convert::Infallible, future::ready};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Tracer, Trust,
    metrics::{Metrics, PeerMetadata, PeerMetadataError, Workload},
};

const METADATA: &str = "x-envoy-peer-metadata";

fn reading() -> Metrics {
    Metrics::builder(webapp()).read_baggage(true).build()
}

fn baggage(value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("baggage", HeaderValue::from_str(value).unwrap());
    headers
}

/// The source labels of a server with these metrics for a caller with these headers.
fn sources(metrics: &Metrics, headers: HeaderMap) -> [String; 3] {
    answer(metrics, headers);
    let names = ["source_workload", "source_app", "source_workload_namespace"];
    let points = points(metrics, "istio_requests_total");
    names.map(|name| label(&points[0], name).to_owned())
}

#[test]
fn baggage_is_read_as_in_the_shared_table() {
    let table = cases::read("peer-metadata.json");
    let cases = table["baggage"].as_array().unwrap();
    assert_eq!(cases.len(), 13);
    for case in cases {
        let (id, value) = (text(case, "id"), text(case, "baggage"));
        let peer = PeerMetadata::from_baggage(value.as_bytes()).unwrap();
        check_peer(id, &peer, &case["peer"]);

        let metrics = reading();
        answer(&metrics, baggage(value));
        let points = points(&metrics, "istio_requests_total");
        for (name, field, otherwise) in [
            ("source_workload", "workload", "unknown"),
            ("source_workload_namespace", "namespace", "unknown"),
            ("source_cluster", "cluster", "unknown"),
            ("source_canonical_service", "service", "unknown"),
            ("source_canonical_revision", "revision", "latest"),
            ("source_app", "app", "unknown"),
            ("source_version", "version", "unknown"),
        ] {
            let expected = match text(&case["peer"], field) {
                "" => otherwise,
                text => text,
            };
            assert_eq!(label(&points[0], name), expected, "{id}: {name}");
        }
    }
}

#[test]
fn what_proxies_write_is_read() {
    let table = cases::read("peer-metadata.json");
    let mut compared = 0;
    for case in table["encode"].as_array().unwrap() {
        let Some(value) = case["baggage"].as_str() else {
            continue;
        };
        let baggage = PeerMetadata::from_baggage(value.as_bytes()).unwrap();
        let mut metadata = PeerMetadata::decode(text(case, METADATA).as_bytes()).unwrap();
        // The app is the default of the canonical service.
        if metadata.canonical_service.is_empty() {
            metadata.canonical_service.clone_from(&metadata.app);
        }
        let fields = [&baggage, &metadata].map(|peer| {
            let texts = [&peer.name, &peer.namespace, &peer.workload, &peer.cluster];
            let canonical = [&peer.canonical_service, &peer.canonical_revision];
            (texts, canonical, [&peer.region, &peer.availability_zone])
        });
        assert_eq!(fields[0], fields[1], "{}", text(case, "id"));
        compared += 1;
    }
    assert!(compared >= 8, "{compared}");
}

#[test]
fn baggage_is_not_read_by_default() {
    let metrics = Metrics::builder(webapp()).build();
    let headers = baggage("k8s.deployment.name=catalog");
    assert_eq!(sources(&metrics, headers)[0], "unknown");
}

#[test]
fn metadata_overrides_baggage() {
    let caller = Metrics::builder(Workload::new("by-metadata").namespace("blog")).build();
    let mut headers = request_headers(&caller, HeaderMap::new());
    headers.extend(baggage("k8s.deployment.name=by-baggage,app.name=a"));
    let metadata = ["by-metadata", "unknown", "blog"];
    assert_eq!(sources(&reading(), headers.clone()), metadata);

    let baggage = ["by-baggage", "a", "unknown"];
    // An id alone, an empty value and invalid metadata are ignored. Text that is not base64 is a peer with
    // empty metadata, as in Istio.
    for (value, expected) in [
        (None, baggage),
        (Some(""), baggage),
        (Some("Cv////8PZ2FyYmFnZQ=="), baggage),
        (Some("?"), ["unknown"; 3]),
    ] {
        headers.remove(METADATA);
        if let Some(value) = value {
            headers.insert(METADATA, HeaderValue::from_static(value));
        }
        assert_eq!(sources(&reading(), headers.clone()), expected, "{value:?}");
    }
}

/// Otherwise a caller could get the labels of a peer that sends the same text in the other header.
#[test]
fn the_same_text_in_both_headers_is_of_two_peers() {
    let text = "k8s.deployment.name=catalog";
    let metrics = reading();
    let mut headers = HeaderMap::new();
    headers.insert(METADATA, HeaderValue::from_static(text));
    answer(&metrics, headers);
    answer(&metrics, baggage(text));
    let points = points(&metrics, "istio_requests_total");
    let sources = points.iter().map(|point| label(point, "source_workload"));
    assert_eq!(sources.collect::<Vec<_>>(), ["catalog", "unknown"]);
}

#[test]
fn baggage_stays_on_the_request_and_is_read_only_from_trusted_callers() {
    for (trust, expected) in [(Trust::everyone(), "catalog"), (Trust::nobody(), "unknown")] {
        let metrics = reading();
        let tracer = Tracer::builder("server").metrics(&metrics).build().unwrap();
        let handler = service_fn(|request: Request<()>| {
            let mut response = Response::new(Script::default());
            response.extensions_mut().insert(request.headers().clone());
            ready(Ok::<_, Infallible>(response))
        });
        let mut server = tracer.server_layer().trust(trust).layer(handler);
        let mut request = Request::get("/").body(()).unwrap();
        request
            .headers_mut()
            .extend(baggage("k8s.job.name=catalog"));
        let response = common::now(server.call(request)).unwrap();
        let handled = response.extensions().get::<HeaderMap>().unwrap();
        assert_eq!(handled["baggage"], "k8s.job.name=catalog");
        assert!(!response.headers().contains_key("baggage"));
        assert!(!response.headers().contains_key(METADATA));
        drop(response);
        let points = points(&metrics, "istio_requests_total");
        assert_eq!(label(&points[0], "source_workload"), expected);
    }
}

#[test]
fn baggage_is_never_sent() {
    let headers = request_headers(&reading(), HeaderMap::new());
    assert!(headers.contains_key(METADATA) && !headers.contains_key("baggage"));
    let own = baggage("user=alice");
    assert_eq!(request_headers(&reading(), own)["baggage"], "user=alice");
}

#[test]
fn the_first_header_and_the_last_member_apply() {
    let mut headers = baggage("k8s.pod.name=a,app.name=b,app.name=c,k8s.deployment.name=d");
    headers.append("baggage", HeaderValue::from_static("k8s.pod.name=e"));
    assert_eq!(sources(&reading(), headers), ["d", "c", "unknown"]);
    let peer = PeerMetadata::from_baggage(b"k8s.deployment.name=a,k8s.cronjob.name=b").unwrap();
    assert_eq!(peer.workload_type(), Some("cronjob"));
}

#[test]
fn hostile_baggage_is_refused_or_left_empty() {
    let long = format!("app.name={}", "a".repeat(8 * 1024));
    let error = PeerMetadata::from_baggage(long.as_bytes()).unwrap_err();
    assert_eq!(error, PeerMetadataError::BaggageTooLong);
    assert_eq!(error.to_string(), "baggage: longer than 8 KiB");
    let metrics = reading();
    assert_eq!(sources(&metrics, baggage(&long)), ["unknown"; 3]);
    let refused = points(&metrics, "tower_b3_metrics_refused_peers_total");
    assert_eq!(count(&refused[0]), 1);

    let value = format!("app.name={},k8s.pod.name=p", "a".repeat(254));
    let peer = PeerMetadata::from_baggage(value.as_bytes()).unwrap();
    assert_eq!((&*peer.app, &*peer.workload), ("", "p"));
    for value in [
        &b"app.name=\xff\xfe"[..],
        b"app.name=a\tb",
        b"app.name",
        b"app.name=",
    ] {
        assert_eq!(PeerMetadata::from_baggage(value).unwrap().app, "");
    }
}
