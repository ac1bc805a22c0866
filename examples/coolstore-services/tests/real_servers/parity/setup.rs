//! A setting for both sides: the configuration of Envoy, and the flags or code of a service.

use std::time::Duration;

use serde_json::{Value, json};
use tower_b3::istio::Identity;
use tower_b3::tags::Tag;
use tower_b3::{ServerLayer, TracerBuilder};

use super::tags::{CustomTag, ISTIO_TAGS, TAGS};

/// The host of every request, and of the service's own requests.
pub const HOST: &str = "svc-b:8080";
/// The service name of both sides in their spans.
pub const SERVICE: &str = "svc-a.default";
/// How long the backend may take to respond.
pub const BACKEND_TIMEOUT: Duration = Duration::from_secs(1);
/// The variables that tags are read from; the second is set to an empty value.
pub const ENVIRONMENT: [(&str, &str); 2] = [("PARITY_SET", "fromenv"), ("PARITY_EMPTY", "")];

/// The workload whose sidecar the Envoy is.
pub fn identity() -> Identity {
    let identity = Identity::from_vars(|name| match name {
        "POD_NAME" => Some("svc-a-0".to_owned()),
        "POD_NAMESPACE" => Some("default".to_owned()),
        "INSTANCE_IP" => Some("127.0.0.1".to_owned()),
        "ISTIO_META_CLUSTER_ID" => Some("Kubernetes".to_owned()),
        _ => None,
    });
    identity.label("app", "svc-a").label("version", "v1")
}

/// The service that is compared with Envoy.
pub enum Subject {
    /// The program webapp with these flags.
    Webapp(&'static [&'static str]),
    /// The program webapp with an Istio document that has this percentage and the tags.
    Documents(f64),
    /// A service in this process, with layers built by code.
    Layers {
        tracer: fn(TracerBuilder) -> TracerBuilder,
        server: fn(ServerLayer) -> ServerLayer,
        retries: usize,
    },
}

/// The upstream that Envoy calls.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Upstream {
    Http1,
    Http2,
    /// A port on which nothing listens.
    Refused,
    /// An outbound sidecar, which calls the backend.
    Sidecar,
}

pub struct Setup {
    pub name: &'static str,
    /// Merged into the configuration of the listener's connection manager.
    pub envoy: Value,
    pub upstream: Upstream,
    pub subject: Subject,
    tags: &'static [CustomTag],
}

impl Setup {
    pub fn new(name: &'static str, envoy: Value, subject: Subject) -> Setup {
        Setup {
            name,
            envoy,
            upstream: Upstream::Http1,
            subject,
            tags: TAGS,
        }
    }

    pub fn upstream(mut self, upstream: Upstream) -> Setup {
        self.upstream = upstream;
        self
    }

    pub fn tags(mut self, tags: &'static [CustomTag]) -> Setup {
        self.tags = tags;
        self
    }

    pub fn envoy_tags(&self) -> Vec<Value> {
        let istio: &[CustomTag] = match self.subject {
            Subject::Webapp(_) | Subject::Documents(_) => &[],
            Subject::Layers { .. } => &ISTIO_TAGS,
        };
        let tags = istio.iter().chain(self.tags);
        tags.map(|tag| tag.for_envoy()).collect()
    }

    /// The document that a mesh operator would apply.
    pub fn document(&self, percent: f64) -> Value {
        let tags: serde_json::Map<String, Value> = self
            .tags
            .iter()
            .map(|tag| (tag.name.to_owned(), tag.for_istio()))
            .collect();
        json!({
            "apiVersion": "telemetry.istio.io/v1",
            "kind": "Telemetry",
            "metadata": { "name": "parity", "namespace": "istio-system" },
            "spec": { "tracing": [{ "randomSamplingPercentage": percent, "customTags": tags }] },
        })
    }

    pub fn webapp_tags(&self) -> Vec<String> {
        self.tags.iter().map(|tag| tag.for_webapp()).collect()
    }

    pub fn tracer_tags(&self) -> impl Iterator<Item = Tag> {
        self.tags.iter().map(|tag| tag.for_tracer())
    }

    /// Whether spans are made at all.
    pub fn traces(&self) -> bool {
        self.envoy["tracing"] != json!(false)
    }

    /// The path that spans of this setup are sent to.
    pub fn path(&self, side: &str) -> String {
        format!("/{side}/{}/api/v2/spans", self.name)
    }
}
