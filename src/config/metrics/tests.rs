//! Istio's own results: how Telemetry resources are merged, and which series settings lead to.

use super::{read_plugin_config, read_telemetry};
use crate::{
    config::{
        node::Node,
        tree::{Budget, Tree},
        yaml,
    },
    direction::{Direction, PerDirection},
    metrics::shape::{
        LabelValue, MetricsShape, Plan, PluginConfig, ShapeSource, merge,
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
    let metric = plan.metrics.iter();
    let metric = metric
        .filter(|metric| expected["metric"] == metric.name)
        .next()
        .unwrap();
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
