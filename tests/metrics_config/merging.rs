//! Levels, providers and workloads.

use super::{REQUESTS, difference, differences, shape};
use std::time::Duration;
use tower_b3::{
    Direction,
    config::{Documents, Workload},
    metrics::{self, Measurement, Metrics},
};

fn telemetry(name: &str, namespace: &str, selector: &str, label: &str, value: &str) -> String {
    format!(
        "
kind: Telemetry
metadata: {{ name: {name}, namespace: {namespace} }}
spec:
  selector: {{ matchLabels: {{ {selector} }} }}
  metrics:
  - overrides:
    - match: {{ metric: REQUEST_COUNT }}
      tagOverrides: {{ {label}: {{ value: \"{value}\" }} }}
"
    )
}

#[test]
fn levels_are_merged_for_their_workloads() {
    let text = [
        telemetry("catalog", "shop", "app: catalog", "c", "'workload'"),
        telemetry("shop", "shop", "", "b", "'namespace'"),
        telemetry("mesh", "istio-system", "", "a", "'mesh'"),
        telemetry("other", "bank", "", "d", "'other'"),
    ]
    .join("\n---\n");
    let documents = Documents::parse(&text).unwrap();
    for (workload, expected) in [
        (Workload::new("shop").label("app", "catalog"), "+a +b +c"),
        (Workload::new("shop").label("app", "webapp"), "+a +b"),
        (Workload::new("bank").label("app", "webapp"), "+a +d"),
        (Workload::new("default"), "+a"),
    ] {
        let config = documents.for_workload(&workload).unwrap();
        let shape = config.metrics_shape().unwrap();
        assert_eq!(differences(&shape, REQUESTS), [expected; 2], "{workload:?}");
    }
}

#[test]
fn the_more_specific_level_enables_what_the_mesh_disables() {
    let off = "
kind: Telemetry
metadata: { name: off, namespace: istio-system }
spec: { metrics: [ { overrides: [ { disabled: true } ] } ] }
";
    assert_eq!(differences(&shape(off), REQUESTS), ["none"; 2]);
    let on = telemetry("on", "shop", "", "a", "'x'");
    for text in [format!("{off}\n---\n{on}"), format!("{on}\n---\n{off}")] {
        assert_eq!(differences(&shape(&text), REQUESTS), ["+a"; 2]);
        assert_eq!(differences(&shape(&text), "istio_request_bytes"), [""; 2]);
    }
}

#[test]
fn only_providers_of_metrics_make_metrics() {
    let telemetry = |provider: &str| {
        format!(
            "{{ kind: Telemetry, spec: {{ metrics: [ {{ providers: [ {{ name: {provider} }} ], \
             overrides: [ {{ match: {{ metric: REQUEST_COUNT }}, disabled: true }} ] }} ] }} }}"
        )
    };
    let mesh = "
kind: MeshConfig
extensionProviders:
- { name: Own, prometheus: {} }
- { name: empty, prometheus: }
- { name: prometheus, stackdriver: {} }
";
    let bytes = |text: &str| difference(&shape(text), Direction::Server, "istio_request_bytes");
    assert_eq!(bytes(&telemetry("prometheus")), "");
    assert_eq!(bytes(&telemetry("stackdriver")), "none");
    for (provider, expected) in [
        ("own", ""),
        ("empty", ""),
        ("prometheus", "none"),
        ("x", "none"),
    ] {
        let text = format!("{mesh}---\n{}", telemetry(provider));
        assert_eq!(bytes(&text), expected, "{provider}");
    }
    assert_eq!(
        bytes("{ kind: MeshConfig, defaultProviders: { metrics: [] } }"),
        "none"
    );
    assert_eq!(
        bytes("{ kind: MeshConfig, defaultProviders: { tracing: [] } }"),
        ""
    );
}

/// An EnvoyFilter that adds a label to the requests of the workloads with `app: catalog`.
fn stats_filter(namespace: &str, context: &str, label: &str) -> String {
    format!(
        "
kind: EnvoyFilter
metadata: {{ name: {label}, namespace: {namespace} }}
spec:
  workloadSelector: {{ labels: {{ app: catalog }} }}
  configPatches:
  - applyTo: HTTP_FILTER
    match: {{ context: {context} }}
    patch:
      operation: INSERT_BEFORE
      value:
        name: istio.stats
        typedConfig:
          '@type': type.googleapis.com/stats.PluginConfig
          metrics: [ {{ name: requests_total, dimensions: {{ {label}: request.path }} }} ]
"
    )
}

#[test]
fn filters_apply_to_their_context_and_their_workloads() {
    let text = ["ANY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY"]
        .map(|context| stats_filter("shop", context, &context.to_lowercase()))
        .join("\n---\n");
    let expected = ["+any +sidecar_inbound", "+any +sidecar_outbound"];
    assert_eq!(differences(&shape(&text), REQUESTS), expected);
    let documents = Documents::parse(&text).unwrap();
    let webapp = documents.for_workload(&Workload::new("shop").label("app", "webapp"));
    let webapp = webapp.unwrap().metrics_shape().unwrap();
    assert_eq!(differences(&webapp, REQUESTS), ["", ""]);
}

/// Unlike a Telemetry, whose selector is for its own namespace.
#[test]
fn filters_of_the_root_namespace_select_workloads_of_all_namespaces() {
    let filter = |namespace| stats_filter(namespace, "ANY", "path");
    let telemetry = |namespace| {
        format!(
            "
kind: Telemetry
metadata: {{ name: stats, namespace: {namespace} }}
spec:
  selector: {{ matchLabels: {{ app: catalog }} }}
  metrics: [ {{ overrides: [ {{ tagOverrides: {{ path: {{ value: request.path }} }} }} ] }} ]
"
        )
    };
    for (document, app, applies) in [
        (filter("istio-system"), "catalog", true),
        (filter("istio-system"), "webapp", false),
        (filter("shop"), "catalog", true),
        (filter("forum"), "catalog", false),
        (telemetry("istio-system"), "catalog", false),
        (telemetry("shop"), "catalog", true),
    ] {
        let documents = Documents::parse(&document).unwrap();
        let workload = Workload::new("shop").label("app", app);
        let shape = documents.for_workload(&workload).unwrap();
        let expected = if applies { ["+path"; 2] } else { [""; 2] };
        let changes = differences(&shape.metrics_shape().unwrap(), REQUESTS);
        assert_eq!(changes, expected, "{app} {document}");
    }
}

#[test]
fn other_filters_and_plugins_are_skipped() {
    let text = "
kind: EnvoyFilter
metadata: { name: other }
spec:
  configPatches:
  - applyTo: HTTP_FILTER
    match: { context: ANYTHING }
    patch: { operation: INSERT_BEFORE, value: { name: lua, typed_config: { '@type': x/y.Lua, nope: 1 } } }
  - applyTo: NETWORK_FILTER
    patch: { value: { name: istio.stats, typed_config: { nope: 1 } } }
---
kind: WasmPlugin
spec: { url: oci://example.invalid/other, priority: 1.5, pluginConfig: { nope: 1 } }
---
kind: Telemetry
spec: { metrics: [ { overrides: [ { tagOverrides: { a: { value: request.path } } } ] } ] }
";
    assert_eq!(differences(&shape(text), REQUESTS), ["+a"; 2]);
}

#[test]
fn later_entries_override_earlier_ones() {
    let text = "
kind: IstioOperator
spec: { values: { telemetry: { v2: { prometheus: { configOverride: { inboundSidecar: {
  metrics: [
    { dimensions: { a: request.path, reporter: request.path, source_app: 'not (' } },
    { tags_to_remove: [ source_version, response_code ] },
    { name: requests_total, dimensions: { response_code: request.path, source_app: request.path } },
    { name: request_bytes, drop: true },
    { name: request_bytes, dimensions: { b: request.path } },
  ] } } } } } } }
";
    let shape = shape(text);
    let server = |metric: &str| difference(&shape, Direction::Server, metric);
    assert_eq!(server(REQUESTS), "-source_version +a");
    // A replaced label stays in its place.
    let labels: Vec<&str> = shape.labels(Direction::Server, REQUESTS).collect();
    assert_eq!(labels[6..8], ["source_app", "source_cluster"]);
    assert_eq!(
        server("istio_response_bytes"),
        "-source_app -source_version -response_code +a"
    );
    assert_eq!(
        server("istio_request_messages_total"),
        "-source_app -source_version +a"
    );
    assert_eq!(server("istio_request_bytes"), "none");
}

/// The expression of the metric `istio_calls`.
fn definition_of_calls(text: &str) -> String {
    let metrics = Metrics::builder(metrics::Workload::new("webapp"))
        .shape(&shape(text))
        .build();
    metrics.record(Direction::Server, &Measurement::new(200, Duration::ZERO));
    let families = metrics.families();
    let mut families = families
        .iter()
        .filter(|family| family.name == "istio_calls");
    let help = &families.next().unwrap().help;
    help.strip_prefix("Defined by the configuration: ")
        .unwrap()
        .to_owned()
}

#[test]
fn the_first_definition_of_a_metric_applies_and_that_of_the_more_specific_level() {
    let filter = |namespace: &str, definitions: &str| {
        format!(
            "{{ kind: EnvoyFilter, metadata: {{ namespace: {namespace} }}, spec: {{ configPatches: [ {{ \
             applyTo: HTTP_FILTER, patch: {{ value: {{ typed_config: {{ '@type': t/stats.PluginConfig, \
             definitions: [ {definitions} ] }} }} }} }} ] }} }}"
        )
    };
    let (one, two) = (
        "{ name: calls, value: '1' }",
        "{ name: calls, type: GAUGE, value: '2' }",
    );
    let wrong = "{ name: calls, value: '1 +' }";
    let both = |first: &str, second: &str| filter("shop", &format!("{first}, {second}"));
    assert_eq!(definition_of_calls(&both(one, two)), "1");
    assert_eq!(definition_of_calls(&both(two, one)), "2");
    // An invalid expression defines nothing.
    assert_eq!(definition_of_calls(&both(wrong, two)), "2");
    let (mesh, shop) = (filter("istio-system", one), filter("shop", two));
    for text in [
        format!("{mesh}\n---\n{shop}"),
        format!("{shop}\n---\n{mesh}"),
    ] {
        assert_eq!(definition_of_calls(&text), "2");
    }
}
