//! Whole series, as Istio's own tests expect them from its proxies.

use crate::{cases, cases::text, count, peers::workload, points, request_headers};
use http::HeaderMap;
use serde_json::Value;
use std::time::Duration;
use tower_b3::{
    Direction,
    metrics::{Measurement, Metrics, PeerMetadata, Service},
};

/// Cases that need a configuration of the labels.
fn is_customized(case: &Value) -> bool {
    case["stats_config"]["metrics"].is_array()
}

/// A label that the own pod lacks is empty in Envoy. Kiali drops series with some empty labels, so here
/// it is `unknown`.
fn expected(name: &str, value: &str) -> String {
    match (name, value) {
        ("destination_app" | "destination_version", "") => "unknown".to_owned(),
        (_, value) => value.to_owned(),
    }
}

fn flags(names: &str) -> u64 {
    match names {
        "-" => 0,
        "UF" => 32,
        other => panic!("{other}"),
    }
}

struct Exchange<'a> {
    case: &'a Value,
    nodes: &'a Value,
    direction: Direction,
}

impl Exchange<'_> {
    fn node(&self, side: &str) -> Option<&Value> {
        let name = self.case[side].as_str()?;
        Some(&self.nodes[name])
    }

    fn metrics(&self) -> Metrics {
        let (own, authority) = match self.direction {
            Direction::Server => ("server_node", ""),
            Direction::Client => ("client_node", text(&self.case["request"], "authority")),
        };
        let node = self.node(own).unwrap();
        let mut workload = workload(node).istio_version(text(node, "ISTIO_VERSION"));
        let service = &self.case["service"];
        let known = |service: &Value| Service {
            host: text(service, "host").to_owned(),
            name: text(service, "name").to_owned(),
            namespace: text(service, "namespace").to_owned(),
        };
        match (self.direction, service.is_object()) {
            (Direction::Server, true) => workload = workload.service(known(service)),
            // A sidecar without a service for its port has only its canonical name.
            (Direction::Server, false) => {
                workload = workload.service(Service {
                    host: "ratings".to_owned(),
                    name: "ratings".to_owned(),
                    namespace: "default".to_owned(),
                });
            }
            (Direction::Client, true) => {
                let builder = Metrics::builder(workload);
                return builder.service_of(authority, known(service)).build();
            }
            (Direction::Client, false) => {}
        }
        Metrics::builder(workload).build()
    }

    fn record(&self, metrics: &Metrics) {
        let peer = match self.direction {
            Direction::Server => "client_node",
            Direction::Client => "server_node",
        };
        let exchanged = text(self.case, "exchange") == "istio_headers";
        let peer = self.node(peer).filter(|_| exchanged);
        let peer = peer.map(|node| {
            let peer = Metrics::builder(workload(node)).build();
            let headers = request_headers(&peer, HeaderMap::new());
            PeerMetadata::decode(headers["x-envoy-peer-metadata"].as_bytes()).unwrap()
        });
        let (request, response) = (&self.case["request"], &self.case["response"]);
        let code = response["code"].as_u64().unwrap() as u16;
        let mut measured = Measurement::new(code, Duration::from_millis(3));
        measured.peer = peer.map(|peer| metrics.peer(&peer)).unwrap_or_default();
        if self.direction == Direction::Client {
            measured.destination = metrics.destination(text(request, "authority"));
        }
        let content_type = text(&request["headers"], "content-type");
        measured.grpc = content_type == "application/grpc";
        measured.grpc_status = response["grpc_status"].as_u64().map(|status| status as u16);
        measured.flags = flags(text(response, "flags"));
        let tls = &self.case["tls"];
        measured.principals =
            metrics.principals(tls["local_san"].as_str(), tls["peer_san"].as_str());
        for _ in 0..self.case["requests"].as_u64().unwrap() {
            metrics.record(self.direction, &measured);
        }
        for messages in self.case["messages"].as_array().into_iter().flatten() {
            measured.request_messages = messages["request"].as_u64().unwrap();
            measured.response_messages = messages["response"].as_u64().unwrap();
            metrics.record_messages(self.direction, &measured);
        }
    }
}

fn check(id: &str, metrics: &Metrics, expect: &Value) {
    let name = text(expect, "metric");
    let points = points(metrics, name);
    assert_eq!(points.len(), 1, "{id}: {name}");
    let labels = expect["labels"].as_object().unwrap();
    assert_eq!(points[0].labels.len(), labels.len(), "{id}: {name}");
    for (label, value) in points[0].labels.iter() {
        let wanted = expected(label, labels[&**label].as_str().unwrap());
        assert_eq!(**value, *wanted, "{id}: {name}: {label}");
    }
    if text(expect, "type") == "counter" {
        assert_eq!(
            count(&points[0]),
            expect["value"].as_u64().unwrap(),
            "{id}: {name}"
        );
    }
}

#[test]
fn series_are_those_of_istios_proxies() {
    let table = cases::read("istio-proxy-series.json");
    let mut compared = 0;
    for case in table["cases"].as_array().unwrap() {
        if is_customized(case) {
            continue;
        }
        let exchange = Exchange {
            case,
            nodes: &table["nodes"],
            direction: match text(case, "side") {
                "server" => Direction::Server,
                _ => Direction::Client,
            },
        };
        let metrics = exchange.metrics();
        exchange.record(&metrics);
        for expect in case["expect"].as_array().unwrap() {
            check(text(case, "id"), &metrics, expect);
        }
        compared += 1;
    }
    assert!(compared >= 18, "{compared}");
}
