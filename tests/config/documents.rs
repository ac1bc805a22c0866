//! Which documents are recognised, and which are skipped.

use crate::{documents, read, summary};
use tower_b3::config::{Documents, TracingConfig};

#[test]
fn each_document_has_the_summary_in_its_first_lines() {
    let documents = documents();
    assert!(documents.len() >= 37);
    for (name, (expected, text)) in documents {
        assert_eq!(summary(&read(&text)), expected, "{name}");
    }
}

#[test]
fn a_file_is_read_like_its_text() {
    let file = |name: &str| {
        format!(
            "{}/tests/config/documents/{name}",
            env!("CARGO_MANIFEST_DIR")
        )
    };
    for (name, (_, text)) in documents() {
        let config = TracingConfig::from_file(file(&name)).unwrap();
        assert_eq!(config, read(&text), "{name}");
        let documents = Documents::from_file(file(&name)).unwrap();
        assert_eq!(documents, Documents::parse(&text).unwrap(), "{name}");
    }
}

#[test]
fn documents_of_other_kinds_are_skipped() {
    let others = "
---
apiVersion: networking.istio.io/v1
kind: VirtualService
spec: { http: [ { match: [ { uri: { prefix: / } } ], route: [] } ], tracing: { sampling: many } }
---
apiVersion: networking.istio.io/v1
kind: Gateway
spec: { servers: 7 }
---
kind: Telemetry
apiVersion: other.example/v1
spec: { tracing: nonsense }
---
kind: Telemetry
apiVersion: telemetry.istio.io/v1
spec: { another: [ { nonsense: true } ], tracing: null }
---
kind: ConfigMap
data: { game.properties: 'lives: 3 {', other.json: 'tracing: [ envoy. {' }
---
kind: ConfigMap
binaryData: { mesh: AAAA }
---
kind: Deployment
spec: { template: { metadata: { annotations: { sidecar.istio.io/inject: 'true' } } } }
---
kind: Deployment
metadata: { annotations: { proxy.istio.io/config: 'not where Istio looks' } }
---
kind: DeploymentList
items: 7
---
just: something
---
a text
---
7
---
";
    let lone = read("tracing: { sampling: 10 }");
    assert_eq!(read(&format!("{others}tracing: {{ sampling: 10 }}")), lone);
    assert_eq!(
        read(&format!("tracing: {{ sampling: 10 }}\n{others}")),
        lone
    );
    let error = TracingConfig::from_yaml(others).unwrap_err();
    let mut expected = "no tracing configuration found; expected `tracing` or its fields, a \
         MeshConfig, the ConfigMap istio, an IstioOperator, a ProxyConfig, a pod with the \
         annotation proxy.istio.io/config, a Telemetry with `tracing`, or an Envoy bootstrap with \
         `tracing.http`"
        .to_owned();
    if cfg!(feature = "metrics-config") {
        expected += "; or about metrics: a Telemetry with `metrics`, `configOverride` of an \
             IstioOperator, an EnvoyFilter or WasmPlugin with Istio's filters, or a pod with \
             their annotations";
    }
    assert_eq!(error.to_string(), expected);
}

#[test]
fn unknown_fields_outside_of_tracing_blocks_are_ignored() {
    let text = "
apiVersion: install.istio.io/v1alpha1
kind: IstioOperator
nonsense: 1
spec:
  nonsense: 2
  meshConfig:
    nonsense: [ 3 ]
    trustDomain: 7
    extensionProviders:
    - { name: a, zipkin: { service: a, port: 1, nonsense: 4 } }
    - { name: b, zipkin: nonsense }
    - { name: c, nonsense: {} }
    - { name: d }
    defaultConfig:
      nonsense: { 5: 6 }
      tracing: { sampling: 12.5 }
";
    assert_eq!(
        summary(&read(text)),
        "both: spans, 12.5 % by request id\ncollector: none: no collector is configured"
    );
}

#[test]
fn an_empty_block_applies_istios_defaults() {
    for text in ["tracing:", "tracing: {}", "tracing: []", "tracing: ~"] {
        assert_eq!(
            summary(&read(text)),
            "both: spans, 1 % by request id\ncollector: none: no collector is configured",
            "{text}"
        );
    }
    let of_serde: TracingConfig = serde_json::from_str("{}").unwrap();
    assert_eq!(of_serde, read("tracing: {}"));
    let of_serde: TracingConfig = serde_json::from_str("null").unwrap();
    assert_eq!(of_serde, TracingConfig::default());
}

#[test]
fn anchors_and_merge_keys_work_as_in_kubectl() {
    let config = read(
        "
x: &usual { sampling: 10, zipkin: { address: \"zipkin:9411\" } }
tracing: { <<: *usual, sampling: 20 }
",
    );
    assert_eq!(
        config,
        read("tracing: { sampling: 20, zipkin: { address: \"zipkin:9411\" } }")
    );
}
