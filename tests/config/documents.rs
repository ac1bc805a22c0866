//! Each document of the folder, and what is left out.

use crate::{documents, read, said};
use tower_b3::config::{Documents, TracingConfig};

#[test]
fn each_document_says_what_its_first_lines_say() {
    let documents = documents();
    assert!(documents.len() >= 37);
    for (name, (expected, text)) in documents {
        assert_eq!(said(&read(&text)), expected, "{name}");
    }
}

#[test]
fn a_file_is_read_as_its_text() {
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

/// What others have in the same file is none of this crate's business.
#[test]
fn other_documents_are_skipped() {
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
spec: { metrics: [ { nonsense: true } ], tracing: null }
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
    assert_eq!(
        error.to_string(),
        "nothing about tracing: looked for tracing or its fields, a MeshConfig, the ConfigMap \
         istio, an IstioOperator, a ProxyConfig, the annotation proxy.istio.io/config of a pod, a \
         Telemetry with tracing, and tracing.http of an Envoy bootstrap"
    );
}

/// Outside of the tracing blocks nothing is judged.
#[test]
fn unknown_fields_outside_are_nobodys_business() {
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
        said(&read(text)),
        "both: spans, 12.5 % by request id\ncollector: none: no document says where spans go"
    );
}

#[test]
fn istios_own_way_to_say_nothing_is_no_block_at_all() {
    for text in ["tracing:", "tracing: {}", "tracing: []", "tracing: ~"] {
        assert_eq!(
            said(&read(text)),
            "both: spans, 1 % by request id\ncollector: none: no document says where spans go",
            "{text}"
        );
    }
    let of_serde: TracingConfig = serde_json::from_str("{}").unwrap();
    assert_eq!(of_serde, read("tracing: {}"));
    let of_serde: TracingConfig = serde_json::from_str("null").unwrap();
    assert_eq!(of_serde, TracingConfig::default());
}

#[test]
fn anchors_and_merges_work_as_kubectl_has_them() {
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
