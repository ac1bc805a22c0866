//! Expressions over 16 exchanges with the values that Envoy 1.40 prints.

use super::{Expression, Scope};
use crate::metrics::shape::test_exchange::{Exchange, Workload};
use serde_json::Value;
use std::collections::BTreeMap;

/// Expressions that have other values here, and why.
const DIFFERENCES: [(&str, &str); 4] = [
    (
        "upstream.locality",
        "a layer does not know where the callee is",
    ),
    (
        "xds.upstream_host_metadata",
        "there is no endpoint with metadata",
    ),
    ("xds.virtual_host_name", "there is no table of routes"),
    (
        "node.metadata['MESH_ID']",
        "a name from before Istio 1.24, which is read too",
    ),
];

fn cases() -> Value {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/metrics_config/cases/envoy-cel.json"
    );
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The exchange of a case. What an expression reads directly comes from the case's own values.
fn exchange(case: &Value, node: &Value) -> Exchange {
    let values = &case["values"];
    let text = |name: &str| values[name].as_str().map(str::to_owned);
    let number = |name: &str| text(name).and_then(|text| text.parse().ok());
    let request = case["request"].as_str().unwrap();
    let mut lines = request.split("\r\n");
    let mut first = lines.next().unwrap().split(' ');
    // Envoy answers a request that it cannot parse, without keeping anything of it.
    let is_parsed = text("request.path").is_some();
    let mut known = || first.next().filter(|_| is_parsed).map(str::to_owned);
    let (method, path) = (known(), known());
    let headers = lines.take_while(|line| !line.is_empty());
    let headers = headers.filter(|_| is_parsed).filter_map(|line| {
        let (name, value) = line.split_once(": ")?;
        Some((name.to_lowercase(), value.to_owned()))
    });
    let request_headers: BTreeMap<String, String> = headers.collect();
    let content_type = text("response.headers['content-type']");
    let service = text("xds.cluster_metadata.filter_metadata.istio.services[0].name");
    let object = |value: &Value| {
        let texts = value.as_object().unwrap().iter();
        texts
            .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
            .collect()
    };
    Exchange {
        method,
        path,
        host: request_headers.get("host").cloned(),
        request_headers,
        response_headers: content_type
            .map(|value| ("content-type".to_owned(), value))
            .into_iter()
            .collect(),
        request_bytes: (
            number("request.size").unwrap(),
            number("request.total_size").unwrap(),
        ),
        response_bytes: (
            number("response.size").unwrap(),
            number("response.total_size").unwrap(),
        ),
        response_code: number("response.code").map(|code| u16::try_from(code).unwrap()),
        response_code_details: text("response.code_details"),
        response_flags: number("response.flags").unwrap(),
        grpc_status: number("response.grpc_status").map(|status| i32::try_from(status).unwrap()),
        attempt_count: number("upstream.request_attempt_count").unwrap(),
        node: Workload {
            id: node["id"].as_str().map(str::to_owned),
            metadata: object(&node["metadata"]),
            labels: object(&node["metadata"]["LABELS"]),
        },
        route_name: text("xds.route_name"),
        cluster_name: text("xds.cluster_name"),
        service: service.map(|name| [String::new(), name, String::new()]),
        ..Exchange::get("/")
    }
}

#[test]
fn values_are_those_of_envoy() {
    let cases = cases();
    let mut compared = 0;
    let mut wrong = Vec::new();
    for case in cases["cases"].as_array().unwrap() {
        let exchange = exchange(case, &cases["envoy_node"]);
        for (text, expected) in case["values"].as_object().unwrap() {
            if DIFFERENCES.iter().any(|(name, _)| name == text) {
                continue;
            }
            let mut printed = String::new();
            let value = Expression::parse(text)
                .ok()
                .filter(|expression| {
                    let scope = Scope {
                        exchange: &exchange,
                        generated: &[],
                    };
                    expression.print(scope, &mut printed)
                })
                .map(|_| printed);
            compared += 1;
            if value.as_deref() != expected.as_str() {
                wrong.push(format!(
                    "{} {text}: {value:?}, Envoy: {expected}",
                    case["id"]
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(compared > 900, "{compared}");
}
