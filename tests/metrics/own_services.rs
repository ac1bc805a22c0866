//! The service of a server, from the hosts of requests.

use crate::{
    common::{Script, drain, now},
    count, label, points, webapp,
};
use http::{Request, Response};
use std::{convert::Infallible, future::ready};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Tracer, Trust,
    metrics::{Metrics, MetricsBuilder, Point, Workload},
};

/// The labels by which Kiali merges the two reports of a request.
const KIALI: [&str; 17] = [
    "source_cluster",
    "source_workload_namespace",
    "source_workload",
    "source_canonical_service",
    "source_canonical_revision",
    "destination_cluster",
    "destination_service_namespace",
    "destination_service",
    "destination_service_name",
    "destination_workload_namespace",
    "destination_workload",
    "destination_canonical_service",
    "destination_canonical_revision",
    "request_protocol",
    "response_code",
    "grpc_response_status",
    "response_flags",
];

/// The Deployment `catalog`, behind Services of other names.
fn catalog() -> MetricsBuilder {
    let workload = Workload::new("catalog").namespace("shop");
    Metrics::builder(workload.label("app", "catalog"))
}

/// Sends a request from a client to a server.
fn call(client: &Metrics, server: &Metrics, host: &str, trust: Trust) {
    let tracer = |metrics| Tracer::builder("shop").metrics(metrics).build().unwrap();
    let handler = service_fn(|_: Request<()>| {
        ready(Ok::<_, Infallible>(Response::new(Script::data("items"))))
    });
    let server = tracer(server).server_layer().trust(trust).layer(handler);
    let mut client = tracer(client).client_layer().layer(server);
    let request = Request::get(format!("http://{host}/items"))
        .body(())
        .unwrap();
    let mut response = now(client.call(request)).unwrap();
    drain(response.body_mut()).unwrap();
}

/// The service that the server counts a request for.
fn service(server: &Metrics, host: &str, trust: Trust) -> String {
    let client = Metrics::builder(webapp()).build();
    let before = points(server, "istio_requests_total");
    call(&client, server, host, trust);
    let counted = |point: &&Point| {
        let same = before.iter().find(|other| other.labels == point.labels);
        same.map_or(0, count) < count(point)
    };
    let after = points(server, "istio_requests_total");
    let point = after.iter().find(counted).unwrap();
    label(point, "destination_service").to_owned()
}

fn everyone(server: &Metrics, host: &str) -> String {
    service(server, host, Trust::everyone())
}

fn kiali(point: &Point) -> [String; 17] {
    KIALI.map(|name| label(point, name).to_owned())
}

#[test]
fn the_two_reports_agree_if_the_service_has_another_name_than_its_workload() {
    let reports = |server: &Metrics| {
        let client = Metrics::builder(webapp()).build();
        call(&client, server, "catalog-svc:8080", Trust::everyone());
        [&client, server].map(|metrics| kiali(&points(metrics, "istio_requests_total")[0]))
    };
    for server in [
        catalog().learn_own_services(1),
        catalog().own_services(["catalog-svc"]),
    ] {
        let [source, destination] = reports(&server.build());
        assert_eq!(source, destination);
        assert_eq!(source[7], "catalog-svc.shop.svc.cluster.local");
    }
    // As a sidecar.
    let [source, destination] = reports(&catalog().build());
    assert_ne!(source, destination);
}

#[test]
fn a_few_services_of_the_own_namespace_are_learned() {
    let server = catalog().learn_own_services(2).build();
    for (host, expected) in [
        ("items", "items"),
        // Neither the own name nor a service of another namespace is learned.
        ("catalog.shop:80", "catalog"),
        ("items.blog.svc.cluster.local", "catalog"),
        ("items.example.com", "catalog"),
        ("10.1.2.3:8080", "catalog"),
        ("localhost", "catalog"),
        ("offers.shop.svc", "offers"),
        ("invented", "catalog"),
        ("ITEMS.shop.svc.cluster.local:8080", "items"),
        ("offers", "offers"),
    ] {
        let expected = format!("{expected}.shop.svc.cluster.local");
        assert_eq!(everyone(&server, host), expected, "{host}");
    }
}

#[test]
fn nothing_is_learned_from_untrusted_callers() {
    let server = catalog()
        .own_services(["items"])
        .learn_own_services(1)
        .build();
    let untrusted = |host| service(&server, host, Trust::nobody());
    assert_eq!(untrusted("items"), "items.shop.svc.cluster.local");
    assert_eq!(untrusted("offers"), "catalog.shop.svc.cluster.local");
    assert_eq!(everyone(&server, "offers"), "offers.shop.svc.cluster.local");
    assert_eq!(untrusted("offers"), "offers.shop.svc.cluster.local");
}

#[test]
fn only_services_of_the_own_namespace_can_be_listed() {
    let listed = ["items.blog.svc", "example.com", "catalog", "items"];
    let server = catalog().own_services(listed).build();
    for (host, expected) in [
        ("items.blog.svc", "catalog"),
        ("example.com", "catalog"),
        ("catalog", "catalog"),
        ("items", "items"),
        ("offers", "catalog"),
    ] {
        let expected = format!("{expected}.shop.svc.cluster.local");
        assert_eq!(everyone(&server, host), expected, "{host}");
    }
}

#[test]
fn any_number_of_hosts_makes_a_bounded_number_of_series() {
    let server = catalog().learn_own_services(3).build();
    for host in 0..150 {
        everyone(&server, &format!("invented-{host}:{host}"));
        everyone(&server, &format!("invented-0.shop:{host}"));
    }
    let points = points(&server, "istio_requests_total");
    assert_eq!(points.len(), 4);
    assert_eq!(points.iter().map(count).sum::<u64>(), 300);
    assert_eq!(
        everyone(&server, "invented-2:77"),
        "invented-2.shop.svc.cluster.local"
    );
}

#[test]
fn a_server_without_a_namespace_learns_nothing() {
    let server = Metrics::builder(Workload::new("catalog"));
    let server = server.learn_own_services(3).own_services(["items"]).build();
    assert_eq!(everyone(&server, "items.shop"), "catalog");
}
