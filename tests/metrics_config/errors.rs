//! Errors name the document, the field and the reason.

use super::{documents, read};

#[test]
fn what_istios_schema_refuses_is_refused() {
    let expected = [
        (
            "spec.metrics[0].overrides[0].tagOverrides.foo",
            "missing field `value`",
        ),
        (
            "spec.metrics[0].overrides[0].tagOverrides.foo.value",
            "must not be set for the operation REMOVE",
        ),
        (
            "spec.metrics[0].overrides[0].match.metric",
            "expected one of `ALL_METRICS`, `REQUEST_COUNT`, `REQUEST_DURATION`, `REQUEST_SIZE`, \
             `RESPONSE_SIZE`, `TCP_OPENED_CONNECTIONS`, `TCP_CLOSED_CONNECTIONS`, \
             `TCP_SENT_BYTES`, `TCP_REC",
        ),
        (
            "spec.metrics[0].overrides[0].match",
            "set only one of `metric`, `customMetric`",
        ),
        (
            "spec.metrics[0].overrides[0].match.mode",
            "expected one of `CLIENT_AND_SERVER`, `CLIENT`, `SERVER`, found \"BOTH\"",
        ),
        ("spec.metrics[0].providers[0].name", "must not be empty"),
        (
            "spec.metrics[0].overrides[0].match.customMetric",
            "must not be empty",
        ),
        (
            "spec.metrics[0].reportingInterval",
            "\"soon\" is not a duration such as 5s",
        ),
        (
            "spec.metrics[0].overrides[0].tagOverrides.foo.operation",
            "expected one of `UPSERT`, `REMOVE`, found \"ADD\"",
        ),
    ];
    let documents = documents("docs-telemetry-invalid.yaml");
    assert_eq!(documents.len(), expected.len());
    for (document, (path, reason)) in documents.iter().zip(expected) {
        let error = read(document).unwrap_err();
        assert_eq!(error.path(), path, "{document}");
        assert!(error.reason().starts_with(reason), "{error}");
        assert!(error.to_string().starts_with("Telemetry "), "{error}");
    }
}

/// A document, and its error.
const TABLE: &[(&str, &str)] = &[
    (
        "{ kind: Telemetry, spec: { metrics: [ { overide: [] } ] } }",
        "Telemetry: `spec.metrics[0].overide`: unknown field; known fields: `providers`, `overrides`, `reportingInterval`",
    ),
    (
        "{ kind: Telemetry, spec: { metrics: {} } }",
        "Telemetry: `spec.metrics`: expected a list, found a mapping",
    ),
    (
        "{ kind: Telemetry, spec: { metrics: [ { overrides: [ { tagOverrides: { le: { value: x } } } ] } ] } }",
        "Telemetry: `spec.metrics[0].overrides[0].tagOverrides.le`: the label `le` is for the buckets of a histogram",
    ),
    (
        "{ kind: Telemetry, spec: { metrics: [ { overrides: [ { disabled: 'yes' } ] } ] } }",
        "Telemetry: `spec.metrics[0].overrides[0].disabled`: expected true or false, found \"yes\"",
    ),
    (
        "{ telemetry: { v2: { prometheus: { configOverride: { inbound: {} } } } } }",
        "`telemetry.v2.prometheus.configOverride.inbound`: unknown field; known fields: `inboundSidecar`, `outboundSidecar`, `gateway`",
    ),
    (
        "{ telemetry: { v2: { prometheus: { configOverride: { gateway: { metrics: [ { drop: true } ] } } } } } }",
        "`telemetry.v2.prometheus.configOverride.gateway.metrics[0]`: `drop` needs the `name` of a metric",
    ),
    (
        "{ telemetry: { v2: { prometheus: { configOverride: { gateway: { definitions: [ { name: requests_total, value: '1' } ] } } } } } }",
        "`telemetry.v2.prometheus.configOverride.gateway.definitions[0].name`: Istio has a metric of this name",
    ),
    (
        "{ telemetry: { v2: { prometheus: { configOverride: { gateway: { definitions: [ { name: x, value: '1', type: SUMMARY } ] } } } } } }",
        "`telemetry.v2.prometheus.configOverride.gateway.definitions[0].type`: expected one of `COUNTER`, `GAUGE`, `HISTOGRAM`, found \"SUMMARY\"",
    ),
    (
        "{ telemetry: { v2: { prometheus: { configOverride: { inboundSidecar: { reporter: SERVER_GATEWAY } } } } } }",
        "`telemetry.v2.prometheus.configOverride.inboundSidecar.reporter`: SERVER_GATEWAY is for waypoints, not for workloads",
    ),
    (
        "{ telemetry: { v2: { prometheus: { configOverride: { gateway: { reporter: WAYPOINT } } } } } }",
        "`telemetry.v2.prometheus.configOverride.gateway.reporter`: expected one of `UNSPECIFIED`, `SERVER_GATEWAY`, found \"WAYPOINT\"",
    ),
    (
        "{ kind: EnvoyFilter, spec: { configPatches: [ { applyTo: HTTP_FILTER, patch: { value: { typed_config: { '@type': t/stats.PluginConfig, reporter: SERVER_GATEWAY } } } } ] } }",
        "EnvoyFilter: `spec.configPatches[0].patch.value.typed_config.reporter`: SERVER_GATEWAY is for waypoints, not for workloads",
    ),
    (
        "{ telemetry: { v2: { prometheus: { configOverride: { gateway: { metrics: [ { dimensions: { __a: x } } ] } } } } } }",
        "`telemetry.v2.prometheus.configOverride.gateway.metrics[0].dimensions.__a`: labels whose names start with `__` are Prometheus's own",
    ),
    (
        "{ kind: WasmPlugin, spec: { pluginConfig: { attributes: [ { output_attribute: a, match: [ { condition: x } ] } ] } } }",
        "WasmPlugin: `spec.pluginConfig.attributes[0].match[0]`: missing field `value`",
    ),
    (
        "{ kind: WasmPlugin, spec: { priority: 1.5, pluginConfig: { attributes: [] } } }",
        "WasmPlugin: `spec.priority`: 1.5 is not a whole number from -2147483648 to 2147483647",
    ),
    (
        "{ kind: WasmPlugin, spec: { priority: 2147483648, pluginConfig: { attributes: [] } } }",
        "WasmPlugin: `spec.priority`: 2147483648 is not a whole number from -2147483648 to 2147483647",
    ),
    (
        "{ kind: WasmPlugin, spec: { priority: '-2147483649', pluginConfig: { attributes: [] } } }",
        "WasmPlugin: `spec.priority`: -2147483649 is not a whole number from -2147483648 to 2147483647",
    ),
    (
        "{ kind: WasmPlugin, spec: { priority: high, pluginConfig: { attributes: [] } } }",
        "WasmPlugin: `spec.priority`: expected a number, found \"high\"",
    ),
    (
        "{ kind: WasmPlugin, spec: { phase: LAST, pluginConfig: { attributes: [] } } }",
        "WasmPlugin: `spec.phase`: expected one of `UNSPECIFIED_PHASE`, `AUTHN`, `AUTHZ`, `STATS`, found \"LAST\"",
    ),
    (
        "{ kind: WasmPlugin, spec: { url: 'oci://attributegen', pluginConfig: { attribute: [] } } }",
        "WasmPlugin: `spec.pluginConfig.attribute`: unknown field; known fields: `@type`, `attributes`, `debug`",
    ),
    (
        "{ kind: EnvoyFilter, spec: { configPatches: [ { applyTo: HTTP_FILTER, match: { context: ALL }, patch: { value: { typed_config: { '@type': t/stats.PluginConfig } } } } ] } }",
        "EnvoyFilter: `spec.configPatches[0].match.context`: expected one of `ANY`, `SIDECAR_INBOUND`, `SIDECAR_OUTBOUND`, `GATEWAY`, `WAYPOINT`, found \"ALL\"",
    ),
    (
        "{ kind: EnvoyFilter, spec: { configPatches: [ { applyTo: HTTP_FILTER, patch: { value: { name: istio.stats, typed_config: { '@type': t/envoy.extensions.filters.http.wasm.v3.Wasm, config: { configuration: '{\"metric\":[]}' } } } } } ] } }",
        "EnvoyFilter, spec.configPatches[0].patch.value.typed_config.config.configuration: `metric`: unknown field; known fields: `@type`, `metrics`, `definitions`, `disableHostHeaderFallback`, `tcpReportingDuration`, `reporter`, `rotationInterval`, `gracefulDeletionInterval`, `debug`, `statPrefix`, `maxPeerCacheSize`, `fieldSeparator`, `valueSeparator`",
    ),
    (
        "{ kind: Pod, metadata: { annotations: { sidecar.istio.io/statsHistogramBuckets: '{\"istio\":[5,1]}' } } }",
        "Pod, annotation sidecar.istio.io/statsHistogramBuckets: `istio[1]`: 1 is not above the bound before it",
    ),
    (
        "{ kind: Pod, metadata: { annotations: { sidecar.istio.io/statsHistogramBuckets: '{\"istio\":[]}' } } }",
        "Pod, annotation sidecar.istio.io/statsHistogramBuckets: `istio`: must not be empty",
    ),
    (
        "{ kind: Pod, metadata: { annotations: { sidecar.istio.io/statsHistogramBuckets: '{\"istio\":[0]}' } } }",
        "Pod, annotation sidecar.istio.io/statsHistogramBuckets: `istio[0]`: expected a number above 0, found 0",
    ),
    (
        "{ kind: Pod, metadata: { annotations: { sidecar.istio.io/statsEvictionInterval: never } } }",
        "Pod: `metadata.annotations.sidecar.istio.io/statsEvictionInterval`: \"never\" is not a duration such as 5m or 1h30m",
    ),
];

#[test]
fn errors_name_the_field_and_the_reason() {
    for (text, expected) in TABLE {
        match read(text) {
            Ok(shape) => panic!("{text}: {shape:?}"),
            Err(error) => assert_eq!(error.to_string(), *expected),
        }
    }
}
