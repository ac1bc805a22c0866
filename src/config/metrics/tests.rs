//! Istio's own results: how Telemetry resources are merged, and which series settings lead to.

mod filter_order;

use super::{read_plugin_config, read_telemetry};
use crate::{
    config::{
        TracingConfig,
        node::Node,
        tree::{Budget, Tree},
        yaml,
    },
    direction::{Direction, PerDirection},
    metrics::shape::{
        LabelValue, Measured, MetricsShape, Plan, PluginConfig, ShapeSource, merge,
        test_exchange::{Exchange, Workload},
    },
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

fn cases(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/metrics_config/cases/");
    let text = std::fs::read_to_string(format!("{folder}{name}.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn tree(value: &Value) -> Tree {
    let mut trees = yaml::parse(&value.to_string(), &mut Budget::new()).unwrap();
    trees.remove(0)
}

fn plugin_config(value: &Value) -> PluginConfig {
    let tree = tree(value);
    let mut config = read_plugin_config(&Node::new(&tree, ""), &mut BTreeSet::new()).unwrap();
    // The order of entries for different metrics does not matter.
    if config.metrics.iter().all(|entry| !entry.name.is_empty()) {
        config
            .metrics
            .sort_by(|one, other| one.name.cmp(&other.name));
    }
    config
}

#[test]
fn telemetry_is_merged_as_istio_merges_it() {
    let cases = cases("telemetry-merge-cases");
    let cases = cases["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 48);
    for case in cases {
        let id = &case["id"];
        let tree = tree(&case["metrics"]);
        let entries = read_telemetry(&Node::new(&tree, "metrics")).unwrap();
        let defaults = case["default_providers"].as_array().unwrap().iter();
        let defaults: Vec<String> = defaults
            .map(|name| name.as_str().unwrap().to_owned())
            .collect();
        let expected = case["expect"].as_object().unwrap();
        if expected.is_empty() {
            let merged = merge(&entries, &defaults, |_| true);
            assert_eq!(merged, PerDirection::both(None), "{id}");
        }
        for (provider, expected) in expected {
            let merged = merge(&entries, &defaults, |name| name == provider);
            for (listener, merged, is_inbound) in [
                ("inbound", &merged.server, true),
                ("outbound", &merged.client, false),
            ] {
                let mut merged = merged.clone();
                if let Some(config) = merged.as_mut().filter(|_| is_inbound) {
                    // The default of the direction: see `host_header_fallback`.
                    config.disable_host_header_fallback = Some(true);
                }
                let expected = &expected[listener];
                let expected = (!expected.is_null()).then(|| plugin_config(expected));
                assert_eq!(merged, expected, "{id} {listener}");
            }
        }
    }
}

#[test]
fn settings_lead_to_the_series_of_istios_own_tests() {
    let file = cases("istio-proxy-customized");
    let workload = |node: &Value| {
        let texts = |value: &Value| -> BTreeMap<String, String> {
            let entries = value.as_object().unwrap().iter();
            entries
                .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                .collect()
        };
        Workload {
            id: None,
            metadata: texts(node),
            labels: texts(&node["LABELS"]),
        }
    };
    for case in file["cases"].as_array().unwrap() {
        let client = workload(&file["nodes"]["client"]);
        let server = workload(&file["nodes"]["server"]);
        let is_client = case["side"] == "client";
        let (direction, node, peer) = match is_client {
            true => (Direction::Client, client, server),
            false => (Direction::Server, server, client),
        };
        let attribute = |name: &str| case["attributes"][name].as_str().map(str::to_owned);
        let service = ["host", "name", "namespace"];
        let exchange = Exchange {
            direction,
            node,
            peer: Some(peer),
            route_name: attribute("xds.route_name"),
            cluster_name: attribute("xds.cluster_name"),
            service: Some(service.map(|field| case["service"][field].as_str().unwrap().to_owned())),
            ..Exchange::get("/")
        };
        let config = plugin_config(&case["stats_config"]);
        let (shape, _) = MetricsShape::build(&ShapeSource {
            stats: PerDirection::both(Some(config)),
            ..ShapeSource::default()
        });
        let plan = shape.plan(direction);
        for expected in case["expect"].as_array().unwrap() {
            assert_series(plan, &exchange, expected);
        }
        for absent in case["absent"].as_array().into_iter().flatten() {
            assert!(plan.metrics.iter().all(|metric| *absent != metric.name));
        }
    }
}

/// Compares the names of labels, and the values that are computed.
#[track_caller]
fn assert_series(plan: &Plan, exchange: &Exchange, expected: &Value) {
    let mut values = Vec::new();
    plan.values.compute(exchange, &mut values);
    assert_eq!(values.len(), plan.value_count);
    let mut metrics = plan.metrics.iter();
    let metric = metrics.find(|metric| expected["metric"] == metric.name);
    let metric = metric.unwrap();
    let expected = expected["labels"].as_object().unwrap();
    let names: BTreeSet<&str> = metric
        .labels
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let expected_names: BTreeSet<&str> = expected.keys().map(String::as_str).collect();
    assert_eq!(names, expected_names);
    assert_eq!(names.len(), metric.labels.len());
    for (name, value) in &metric.labels {
        let value = match value {
            LabelValue::Standard(_) => continue,
            LabelValue::Value(index) => &values[*index],
            LabelValue::Constant(text) => text,
        };
        assert_eq!(expected[name], value.as_str(), "{name}");
    }
}

/// The values of `istio_requests_total`'s labels that are computed, and of metrics that are defined.
fn computed(text: &str, exchange: &Exchange) -> BTreeMap<String, String> {
    let config = TracingConfig::from_yaml(text).unwrap();
    let shape = config.metrics_shape().unwrap();
    let plan = shape.plan(exchange.direction);
    let mut values = Vec::new();
    plan.values.compute(exchange, &mut values);
    let requests = plan
        .metrics
        .iter()
        .filter(|metric| metric.name == "istio_requests_total");
    let labels = requests.flat_map(|metric| &metric.labels);
    let labels = labels.filter_map(|(name, value)| match value {
        LabelValue::Standard(_) => None,
        LabelValue::Value(index) => Some((name.clone(), values[*index].clone())),
        LabelValue::Constant(text) => Some((name.clone(), text.clone())),
    });
    let defined = plan
        .metrics
        .iter()
        .filter_map(|metric| match metric.measured {
            Measured::Value(index) => {
                let value = values[index].clone();
                Some((metric.name.clone(), value))
            }
            _ => None,
        });
    labels.chain(defined).collect()
}

fn file(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/metrics_config/cases/");
    std::fs::read_to_string(format!("{folder}{name}")).unwrap()
}

#[test]
fn attributes_are_generated_by_path_method_and_code() {
    let telemetry = "
kind: Telemetry
spec:
  metrics:
  - overrides:
    - match: { metric: REQUEST_COUNT }
      tagOverrides:
        response_code: { value: \"filter_state['wasm.istio_responseClass']\" }
        request_operation: { value: istio_operationId }
";
    let text = format!(
        "{}\n---\n{telemetry}",
        file("docs-classify.wasmplugin.yaml")
    );
    for (method, path, code, operation, class) in [
        ("GET", "/items?q=1", Some(204), "ListItems", "2xx"),
        ("GET", "/items/7", Some(302), "GetItem", "3xx"),
        ("POST", "/items/", Some(404), "CreateItem", "404"),
        ("GET", "/other", Some(418), "unknown", "4xx"),
        ("GET", "/items", None, "ListItems", "unknown"),
    ] {
        let exchange = Exchange {
            direction: Direction::Server,
            method: Some(method.to_owned()),
            response_code: code,
            ..Exchange::get(path)
        };
        let computed = computed(&text, &exchange);
        assert_eq!(computed["request_operation"], operation, "{path}");
        assert_eq!(computed["response_code"], class, "{path}");
    }
}

#[test]
fn a_condition_that_fails_ends_its_attribute() {
    let text = "
kind: WasmPlugin
spec:
  pluginConfig:
    attributes:
    - output_attribute: istio.first
      match:
      - { value: a, condition: request.method == 'PUT' }
      - { value: b, condition: \"request.headers['nope'] == 'x'\" }
      - { value: c }
    - output_attribute: istio_second
      match:
      - { value: d, condition: istio.first == 'c' }
      - { value: e, condition: has(request.path) }
    - output_attribute: istio_third
      match: [ { value: f, condition: '' } ]
    - output_attribute: istio_never
---
kind: Telemetry
spec:
  metrics:
  - overrides:
    - tagOverrides:
        first: { value: istio.first }
        second: { value: istio_second }
        third: { value: \"filter_state['istio_third']\" }
        never: { value: istio_never }
";
    let computed = computed(text, &Exchange::get("/"));
    let computed: Vec<(&str, &str)> = computed
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        computed,
        [
            ("first", "unknown"),
            ("never", "unknown"),
            // `istio.first` has no value, so the first condition fails.
            ("second", "unknown"),
            ("third", "f"),
        ]
    );
}

/// Each filter sets the attribute if it matches, one after the other.
#[test]
fn an_attribute_that_is_generated_twice_has_the_last_value_that_matches() {
    let one = |condition: &str, value: &str| {
        format!(
            "- output_attribute: istio_x\n      match: [ {{ value: {value}, condition: \"{condition}\" }} ]\n"
        )
    };
    let plugin = |attributes: &str| {
        format!("kind: WasmPlugin\nspec:\n  pluginConfig:\n    attributes:\n    {attributes}---\n")
    };
    let label = "kind: Telemetry\nspec: { metrics: [ { overrides: [ { tagOverrides: { x: { value: istio_x }, \
                 y: { value: \"filter_state['istio_x']\" } } } ] } ] }";
    let (yes, no) = ("request.method == 'GET'", "request.method == 'PUT'");
    let fails = "request.headers['nope'] == 'a'";
    for (first, second, expected) in [
        (no, yes, "b"),
        (yes, yes, "b"),
        (yes, no, "a"),
        (yes, fails, "a"),
        (no, no, "unknown"),
    ] {
        let plugins = plugin(&format!("{}    {}", one(first, "a"), one(second, "b")));
        let values = computed(&format!("{plugins}{label}"), &inbound("/"));
        assert_eq!([&values["x"], &values["y"]], [expected; 2], "{plugins}");
    }
    for (first, second, expected) in [(yes, no, "a"), (no, yes, "b")] {
        let plugins = plugin(&one(first, "a")) + &plugin(&one(second, "b"));
        let values = computed(&format!("{plugins}{label}"), &inbound("/"));
        assert_eq!(values["x"], expected, "{plugins}");
    }
}

fn inbound(path: &str) -> Exchange {
    Exchange {
        direction: Direction::Server,
        ..Exchange::get(path)
    }
}

#[test]
fn metrics_are_defined_by_expressions() {
    let exchange = Exchange::get("/items");
    let text = file("docs-config-override.iop.yaml");
    let values = computed(&text, &exchange);
    assert_eq!(values["istio_slow_calls"], "0");
    assert_eq!(values["istio_reply_size"], "13");
    assert_eq!(values["istio_last_code"], "200");
    assert_eq!(values["request_host"], "catalog.istioinaction:80");
    let slow = Exchange {
        duration: std::time::Duration::from_millis(1001),
        response_code: None,
        ..exchange.clone()
    };
    let values = computed(&text, &slow);
    assert_eq!(values["istio_slow_calls"], "1");
    // The store reads this as 0.
    assert_eq!(values["istio_last_code"], "unknown");
    let calls = computed(&file("scene-new-metric.iop.yaml"), &exchange);
    assert_eq!(calls["istio_get_calls"], "1");
}

#[test]
fn the_scenes_attribute_is_on_outbound_reports() {
    let text = format!(
        "{}\n---\n{}\n---\n{}",
        file("scene-attribute-gen.envoyfilter.yaml"),
        file("scene-new-attribute.iop.yaml"),
        file("scene-add-dimensions.iop.yaml")
    );
    let outbound = Exchange {
        node: Workload::of(&[("MESH_ID", "cluster.local")], &[]),
        peer: Some(Workload::of(&[("ISTIO_VERSION", "1.17.8")], &[])),
        ..Exchange::get("/items")
    };
    let values = computed(&text, &outbound);
    assert_eq!(values["upstream_operation"], "getitems");
    assert_eq!(values["source_mesh_id"], "cluster.local");
    assert_eq!(values["upstream_proxy_version"], "1.17.8");
    let inbound = Exchange {
        direction: Direction::Server,
        ..outbound
    };
    let values = computed(&text, &inbound);
    assert_eq!(values.get("upstream_operation"), None);
    assert_eq!(values["upstream_proxy_version"], "unknown");
}

#[test]
fn only_the_headers_that_expressions_name_are_captured() {
    let text = "
kind: Telemetry
spec:
  metrics:
  - overrides:
    - tagOverrides:
        a: { value: \"request.headers['X-Tenant'] == 'x' && request.useragent != 'y' ? 'z' : 'w'\" }
        b: { value: \"string(size(response.headers['x-cache']))\" }
        c: { value: \"request.headers['x-tenant']\" }
";
    let config = TracingConfig::from_yaml(text).unwrap();
    let shape = config.metrics_shape().unwrap();
    let plan = shape.plan(Direction::Server);
    assert_eq!(plan.values.request_headers(), ["x-tenant", "user-agent"]);
    assert_eq!(plan.values.response_headers(), ["x-cache"]);
}
