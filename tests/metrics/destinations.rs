//! The service of an authority.

use crate::{cases, cases::text, label, labels_of};
use serde_json::Value;
use std::time::Duration;
use tower_b3::{
    Direction,
    metrics::{Measurement, Metrics, PeerMetadata, PeerNumber, Service, Workload},
};

const LABELS: [&str; 3] = [
    "destination_service",
    "destination_service_name",
    "destination_service_namespace",
];

fn service(value: &Value) -> Service {
    match value {
        Value::String(host) => Service::of_host(host),
        value => Service {
            host: text(value, "host").to_owned(),
            name: text(value, "name").to_owned(),
            namespace: text(value, "namespace").to_owned(),
        },
    }
}

fn metrics(case: &Value) -> Metrics {
    let workload = Workload::new("webapp")
        .namespace(text(case, "own_namespace"))
        .dns_domain(text(case, "dns_domain"));
    let mut builder = Metrics::builder(workload);
    for namespace in case["namespaces"].as_array().into_iter().flatten() {
        builder = builder.namespaces([namespace.as_str().unwrap()]);
    }
    for (authority, value) in case["services"].as_object().into_iter().flatten() {
        builder = builder.service_of(authority, service(value));
    }
    builder.build()
}

fn peer_in(metrics: &Metrics, namespace: &str) -> PeerNumber {
    let mut peer = PeerMetadata::default();
    peer.namespace = namespace.to_owned();
    metrics.peer(&peer)
}

#[test]
fn the_shared_table_is_derived_as_specified() {
    let table = cases::read("destination-cases.json");
    let cases = table["cases"].as_array().unwrap();
    assert!(cases.len() >= 46);
    let mut wrong = Vec::new();
    for case in cases {
        let metrics = metrics(case);
        let mut measured = Measurement::new(200, Duration::ZERO);
        measured.destination = metrics.destination(text(case, "authority"));
        if let Some(namespace) = case["peer_namespace"].as_str() {
            measured.peer = peer_in(&metrics, namespace);
        }
        let point = labels_of(&metrics, Direction::Client, &measured);
        for name in LABELS {
            let expected = text(&case["expect"], name);
            if label(&point, name) != expected {
                let (id, found) = (text(case, "id"), label(&point, name));
                wrong.push(format!("{id}: {name}: {found}, expected {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_namespace_of_a_servers_service_is_its_own() {
    let service = "catalog.shop.svc.cluster.local";
    for (workload, expected) in [
        (Workload::new("catalog").namespace("blog"), "blog"),
        (Workload::new("catalog"), "shop"),
    ] {
        let metrics = Metrics::builder(workload.service(service)).build();
        let measured = Measurement::new(200, Duration::ZERO);
        let point = labels_of(&metrics, Direction::Server, &measured);
        assert_eq!(label(&point, "destination_service"), service);
        assert_eq!(label(&point, "destination_service_namespace"), expected);
    }
}

#[test]
fn both_sides_name_the_same_service() {
    let server = Workload::new("catalog").namespace("shop");
    let client = Workload::new("webapp").namespace("shop");
    let called = Metrics::builder(server).build();
    let server = labels_of(
        &called,
        Direction::Server,
        &Measurement::new(200, Duration::ZERO),
    );
    for authority in ["catalog", "catalog:8080", "catalog.shop.svc.cluster.local."] {
        let calling = Metrics::builder(client.clone()).build();
        let mut measured = Measurement::new(200, Duration::ZERO);
        measured.destination = calling.destination(authority);
        let client = labels_of(&calling, Direction::Client, &measured);
        for name in LABELS {
            assert_eq!(
                label(&client, name),
                label(&server, name),
                "{authority}: {name}"
            );
        }
    }
}

#[test]
fn a_configured_host_is_found_in_every_notation() {
    const KNOWN: &str = "catalog.shop.svc.cluster.local";
    for (key, authorities) in [
        (
            "api.partner.test.",
            &[
                "api.partner.test",
                "API.Partner.test.:443",
                "u@api.partner.test:",
            ][..],
        ),
        ("catalog-x:9", &["catalog-x:9", "catalog-x.:9"]),
        ("Catalog-X.:9", &["catalog-x:9", "catalog-x.:09"]),
        ("catalog-x", &["catalog-x:", "catalog-x.", "catalog-x.:9"]),
        ("catalog-x:", &["catalog-x", "catalog-x:9"]),
        ("10.1.2.3", &["10.1.2.3", "10.1.2.3:", "10.1.2.3:80"]),
        (
            "fd00::1",
            &[
                "fd00::1",
                "[fd00::1]",
                "[fd00::1]:",
                "[fd00::1]:80",
                "[FD00:0::1]:80",
            ],
        ),
        ("[fd00:0::1]", &["[fd00::1]:80", "fd00::1"]),
        ("[fd00:0::1]:80", &["[fd00::1]:80"]),
    ] {
        let builder = Metrics::builder(Workload::new("webapp").namespace("shop"));
        let metrics = builder.service_of(key, KNOWN).build();
        for authority in authorities {
            let mut measured = Measurement::new(200, Duration::ZERO);
            measured.destination = metrics.destination(authority);
            metrics.record(Direction::Client, &measured);
            for point in crate::points(&metrics, "istio_requests_total") {
                assert_eq!(label(&point, LABELS[0]), KNOWN, "{key} {authority}");
            }
        }
    }
}

#[test]
fn another_port_than_that_of_a_configured_host_is_another_host() {
    let builder = Metrics::builder(Workload::new("webapp").namespace("shop"));
    let metrics = builder
        .service_of("10.1.2.3:80", "catalog.shop.svc.cluster.local")
        .build();
    let mut measured = Measurement::new(200, Duration::ZERO);
    measured.destination = metrics.destination("10.1.2.3:81");
    let point = labels_of(&metrics, Direction::Client, &measured);
    assert_eq!(label(&point, LABELS[0]), "10.1.2.3:81");
}

#[test]
fn an_address_has_no_colon_without_a_port() {
    for (authority, expected) in [
        ("10.1.2.3:", "10.1.2.3"),
        ("[fd00::1]:", "[fd00::1]"),
        ("[fd00::1]:80", "[fd00::1]:80"),
        ("fd00::1", "fd00::1"),
    ] {
        let metrics = Metrics::builder(Workload::new("webapp").namespace("shop")).build();
        let mut measured = Measurement::new(200, Duration::ZERO);
        measured.destination = metrics.destination(authority);
        let point = labels_of(&metrics, Direction::Client, &measured);
        assert_eq!(label(&point, LABELS[0]), expected);
    }
}
