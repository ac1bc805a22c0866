//! The same settings for both sides: how Envoy is told, and how a service is.

use std::time::Duration;

use serde_json::{Value, json};
use tower_b3::id::TraceIdKind;
use tower_b3::istio::Identity;
use tower_b3::propagation::{Format, Propagation};
use tower_b3::sample::Sampler;
use tower_b3::tag::Tag;
use tower_b3::{ServerLayer, TracerBuilder, Trust};

/// What every request is for, and in the service's own calls too.
pub const HOST: &str = "svc-b:8080";
/// Both sides' name in their spans.
pub const SERVICE: &str = "svc-a.default";
/// For an answer of the backend.
pub const PATIENCE: Duration = Duration::from_secs(1);
/// For the tags that come from the environment; the second is set, but empty.
pub const ENVIRONMENT: [(&str, &str); 2] = [("PARITY_SET", "fromenv"), ("PARITY_EMPTY", "")];

/// A custom tag of both sides.
#[derive(Clone, Copy)]
pub struct TagOf {
    name: &'static str,
    source: Source,
    default: Option<&'static str>,
}

#[derive(Clone, Copy)]
enum Source {
    Literal(&'static str),
    Environment(&'static str),
    Header(&'static str),
}

const fn tag(name: &'static str, source: Source) -> TagOf {
    TagOf {
        name,
        source,
        default: None,
    }
}

const fn tag_or(name: &'static str, source: Source, default: &'static str) -> TagOf {
    TagOf {
        name,
        source,
        default: Some(default),
    }
}

/// Says which case a span belongs to.
const CASE: TagOf = tag("case", Source::Header("x-case"));

const TAGS: &[TagOf] = &[
    CASE,
    tag("t.literal", Source::Literal("lit")),
    tag_or("t.header", Source::Header("x-tag"), "default"),
];

const MORE_TAGS: &[TagOf] = &[
    CASE,
    tag("t.header", Source::Header("x-tag")),
    tag_or("t.header.default", Source::Header("x-tag"), "default"),
    tag("t.method", Source::Header(":method")),
    tag("t.path", Source::Header(":path")),
    tag("t.env", Source::Environment("PARITY_SET")),
    tag_or("t.env.set", Source::Environment("PARITY_SET"), "default"),
    tag("t.env.unset", Source::Environment("PARITY_UNSET")),
    tag_or(
        "t.env.default",
        Source::Environment("PARITY_UNSET"),
        "envdef",
    ),
    tag_or("t.env.empty", Source::Environment("PARITY_EMPTY"), "envdef"),
    tag("t.twice", Source::Literal("first")),
    tag("t.twice", Source::Literal("second")),
    tag("http.method", Source::Literal("overwritten")),
    tag("http.status_code", Source::Literal("overwritten")),
];

const ERROR_TAG: &[TagOf] = &[CASE, tag("error", Source::Literal("overwritten"))];

/// As Istio configures them, for the identity below.
const ISTIO_TAGS: [TagOf; 5] = [
    tag("istio.canonical_revision", Source::Literal("v1")),
    tag("istio.canonical_service", Source::Literal("svc-a")),
    tag("istio.cluster_id", Source::Literal("Kubernetes")),
    tag("istio.mesh_id", Source::Literal("unknown")),
    tag("istio.namespace", Source::Literal("default")),
];

/// Whose sidecar the Envoy is.
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

impl TagOf {
    fn of_envoy(self) -> Value {
        let kind = match self.source {
            Source::Literal(value) => {
                return json!({ "tag": self.name, "literal": { "value": value } });
            }
            Source::Environment(_) => "environment",
            Source::Header(_) => "request_header",
        };
        let (Source::Environment(from) | Source::Header(from) | Source::Literal(from)) =
            self.source;
        let mut source = json!({ "name": from });
        if let Some(default) = self.default {
            source["default_value"] = default.into();
        }
        json!({ "tag": self.name, kind: source })
    }

    /// As one of `customTags`.
    fn of_istio(self) -> Value {
        let (kind, from) = match self.source {
            Source::Literal(value) => return json!({ "literal": { "value": value } }),
            Source::Environment(variable) => ("environment", variable),
            Source::Header(header) => ("header", header),
        };
        let mut source = json!({ "name": from });
        if let Some(default) = self.default {
            source["defaultValue"] = default.into();
        }
        json!({ kind: source })
    }

    /// As the flag `--tag` takes it.
    fn of_webapp(self) -> String {
        let (kind, from) = match self.source {
            Source::Literal(value) => ("literal", value),
            Source::Environment(variable) => ("env", variable),
            Source::Header(header) => ("header", header),
        };
        let default = self.default.map(|default| format!(":{default}"));
        format!("{}={kind}:{from}{}", self.name, default.unwrap_or_default())
    }

    fn of_tracer(self) -> Tag {
        let tag = match self.source {
            Source::Literal(value) => Tag::literal(self.name, value),
            Source::Environment(variable) => Tag::environment(self.name, variable),
            Source::Header(header) => Tag::request_header(self.name, header),
        };
        match self.default {
            Some(default) => tag.default_value(default),
            None => tag,
        }
    }
}

/// What stands beside Envoy.
pub enum Subject {
    /// The example, as a process, with these flags.
    Webapp(&'static [&'static str]),
    /// The example, as a process, told by a document of Istio's: this percentage, and the tags.
    Documents(f64),
    /// A service whose layers are made by code.
    Layers {
        tracer: fn(TracerBuilder) -> TracerBuilder,
        server: fn(ServerLayer) -> ServerLayer,
        retries: usize,
    },
}

/// What an Envoy calls.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Upstream {
    Http1,
    Http2,
    /// Nobody listens there.
    Refused,
    /// An outbound sidecar, which calls the backend.
    Sidecar,
}

pub struct Setup {
    pub name: &'static str,
    /// Laid over the listener's connection manager.
    pub envoy: Value,
    pub upstream: Upstream,
    pub subject: Subject,
    tags: &'static [TagOf],
}

impl Setup {
    fn new(name: &'static str, envoy: Value, subject: Subject) -> Setup {
        Setup {
            name,
            envoy,
            upstream: Upstream::Http1,
            subject,
            tags: TAGS,
        }
    }

    fn upstream(mut self, upstream: Upstream) -> Setup {
        self.upstream = upstream;
        self
    }

    fn tags(mut self, tags: &'static [TagOf]) -> Setup {
        self.tags = tags;
        self
    }

    pub fn envoy_tags(&self) -> Vec<Value> {
        let istio: &[TagOf] = match self.subject {
            Subject::Webapp(_) | Subject::Documents(_) => &[],
            Subject::Layers { .. } => &ISTIO_TAGS,
        };
        let tags = istio.iter().chain(self.tags);
        tags.map(|tag| tag.of_envoy()).collect()
    }

    /// What an operator would apply.
    pub fn document(&self, percent: f64) -> Value {
        let tags: serde_json::Map<String, Value> = self
            .tags
            .iter()
            .map(|tag| (tag.name.to_owned(), tag.of_istio()))
            .collect();
        json!({
            "apiVersion": "telemetry.istio.io/v1",
            "kind": "Telemetry",
            "metadata": { "name": "parity", "namespace": "istio-system" },
            "spec": { "tracing": [{ "randomSamplingPercentage": percent, "customTags": tags }] },
        })
    }

    pub fn webapp_tags(&self) -> Vec<String> {
        self.tags.iter().map(|tag| tag.of_webapp()).collect()
    }

    pub fn tracer_tags(&self) -> impl Iterator<Item = Tag> {
        self.tags.iter().map(|tag| tag.of_tracer())
    }

    /// Whether there are spans at all.
    pub fn traces(&self) -> bool {
        self.envoy["tracing"] != json!(false)
    }

    /// Where spans of this setup are sent to.
    pub fn path(&self, side: &str) -> String {
        format!("/{side}/{}/api/v2/spans", self.name)
    }
}

fn layers(
    tracer: fn(TracerBuilder) -> TracerBuilder,
    server: fn(ServerLayer) -> ServerLayer,
) -> Subject {
    Subject::Layers {
        tracer,
        server,
        retries: 0,
    }
}

pub fn by_request_id(tracer: TracerBuilder, percent: f64) -> TracerBuilder {
    let sampler = Sampler::percentage_by_request_id(percent).expect("a percentage");
    tracer.sampler(sampler)
}

fn sampled(random: f64) -> Value {
    json!({ "tracing": { "random_sampling": { "value": random } } })
}

/// As `internal_address_config` of every listener, behind so many proxies.
fn network(proxies: usize) -> Trust {
    let networks = Trust::networks(["127.0.0.0/8", "10.0.0.0/8", "::1/128"]);
    let networks = networks.expect("networks");
    networks.trusted_hops(proxies).into()
}

/// Nobody is within the network.
fn edge() -> Value {
    json!({ "use_remote_address": true, "internal_address_config": null })
}

fn provider(more: Value) -> Value {
    json!({ "tracing": { "provider": { "typed_config": more } } })
}

/// Sampling by request id and by nothing else.
pub fn by_id(
    name: &'static str,
    percent: f64,
    tracer: fn(TracerBuilder) -> TracerBuilder,
) -> Setup {
    Setup::new(name, sampled(percent), layers(tracer, |layer| layer))
}

/// The table.
pub fn setups() -> Vec<Setup> {
    let plain = || json!({});
    let same: fn(ServerLayer) -> ServerLayer = |layer| layer;
    let always: fn(TracerBuilder) -> TracerBuilder = |tracer| by_request_id(tracer, 100.0);
    let never: fn(TracerBuilder) -> TracerBuilder = |tracer| by_request_id(tracer, 0.0);
    vec![
        Setup::new("webapp", plain(), Subject::Webapp(&[])),
        Setup::new(
            "webapp-b3",
            plain(),
            Subject::Webapp(&["--propagation", "b3"]),
        ),
        Setup::new("webapp-tags", plain(), Subject::Webapp(&[])).tags(MORE_TAGS),
        Setup::new("webapp-error", plain(), Subject::Webapp(&[])).tags(ERROR_TAG),
        Setup::new("webapp-refused", plain(), Subject::Webapp(&[])).upstream(Upstream::Refused),
        Setup::new("webapp-istio", plain(), Subject::Documents(100.0)),
        Setup::new("webapp-istio-half", sampled(50.0), Subject::Documents(50.0)),
        Setup::new("webapp-istio-none", sampled(0.0), Subject::Documents(0.0)),
        Setup::new("all", plain(), layers(always, same)),
        by_id("half", 50.0, |tracer| by_request_id(tracer, 50.0)),
        // In double, this is 28 of 10,000 and not 29.
        by_id("0.29", 0.29, |tracer| by_request_id(tracer, 0.29)),
        Setup::new("none", sampled(0.0), layers(never, same)),
        Setup::new(
            "overall-none",
            json!({ "tracing": { "overall_sampling": { "value": 0 } } }),
            layers(
                |tracer| by_request_id(tracer, 100.0).overall_sampling(0.0),
                same,
            ),
        ),
        Setup::new(
            "none-for-clients",
            json!({ "tracing": {
                "client_sampling": { "value": 0 },
                "random_sampling": { "value": 0 },
            } }),
            layers(
                |tracer| by_request_id(tracer, 0.0).client_sampling(0.0),
                same,
            ),
        ),
        Setup::new(
            "not-by-id",
            json!({
                "request_id_extension": { "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig",
                    "use_request_id_for_trace_sampling": false,
                } },
                "tracing": { "random_sampling": { "value": 0 } },
            }),
            layers(|tracer| tracer.sampler(Sampler::always()), same),
        ),
        Setup::new(
            "no-new-id",
            json!({ "generate_request_id": false }),
            layers(always, same),
        ),
        Setup::new(
            "echo",
            json!({ "always_set_request_id_in_response": true }),
            layers(always, same),
        ),
        Setup::new(
            "w3c",
            provider(json!({ "trace_context_option": "USE_B3_WITH_W3C_PROPAGATION" })),
            layers(
                |tracer| {
                    let formats = [Format::B3Multi, Format::W3c];
                    by_request_id(tracer, 100.0)
                        .propagation(Propagation::default().formats(formats))
                },
                same,
            ),
        ),
        Setup::new(
            "b3-alone",
            plain(),
            layers(
                |tracer| {
                    by_request_id(tracer, 100.0).propagation(Propagation::default().w3c(false))
                },
                same,
            ),
        ),
        Setup::new(
            "edge",
            edge(),
            layers(always, |layer| layer.trust(Trust::nobody())),
        ),
        Setup::new(
            "edge-keeps-id",
            json!({
                "use_remote_address": true,
                "internal_address_config": null,
                "preserve_external_request_id": true,
                "always_set_request_id_in_response": true,
            }),
            layers(always, |layer| {
                layer
                    .trust(Trust::nobody())
                    .preserve_external_request_id(true)
            }),
        ),
        Setup::new(
            "network",
            json!({
                "use_remote_address": true,
                "tracing": { "random_sampling": { "value": 0 } },
            }),
            layers(never, |layer| layer.trust(network(0))),
        ),
        // Without its own address a sidecar takes whoever calls it for one proxy.
        Setup::new(
            "network-behind-1",
            sampled(0.0),
            layers(never, |layer| {
                layer.trust(network(1)).preserve_external_request_id(true)
            }),
        ),
        Setup::new(
            "64-bit",
            provider(json!({ "trace_id_128bit": false })),
            layers(
                |tracer| by_request_id(tracer, 100.0).trace_ids(TraceIdKind::Random64),
                same,
            ),
        ),
        Setup::new(
            "time-prefixed",
            provider(json!({ "timestamp_trace_ids": true })),
            layers(
                |tracer| by_request_id(tracer, 100.0).trace_ids(TraceIdKind::TimePrefixed),
                same,
            ),
        ),
        Setup::new(
            "shared",
            provider(json!({ "shared_span_context": true })),
            layers(always, |layer| layer.join(true)),
        ),
        Setup::new(
            "short-paths",
            json!({ "tracing": { "max_path_tag_length": 16 } }),
            layers(
                |tracer| by_request_id(tracer, 100.0).max_path_tag_length(16),
                same,
            ),
        ),
        Setup::new("http2", plain(), layers(always, same)).upstream(Upstream::Http2),
        Setup::new(
            "sidecars",
            json!({ "tracing": { "spawn_upstream_span": false } }),
            layers(always, same),
        )
        .upstream(Upstream::Sidecar),
        Setup::new(
            "retries",
            json!({ "route_config": { "virtual_hosts": [{
                "name": "all", "domains": ["*"],
                "retry_policy": { "retry_on": "5xx", "num_retries": 2 },
                "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "http1" } }],
            }] } }),
            Subject::Layers {
                tracer: always,
                server: same,
                retries: 2,
            },
        ),
        Setup::new(
            "sidecars-record-only",
            json!({ "tracing": { "spawn_upstream_span": false, "no_context_propagation": true } }),
            layers(
                |tracer| by_request_id(tracer, 100.0).mode(tower_b3::Mode::RecordOnly),
                same,
            ),
        )
        .upstream(Upstream::Sidecar),
        Setup::new("webapp-edge", edge(), Subject::Webapp(&["--mode", "edge"])),
        Setup::new(
            "webapp-forward",
            json!({ "tracing": false }),
            Subject::Webapp(&["--mode", "forward"]),
        ),
        Setup::new(
            "forward-only",
            json!({ "tracing": false }),
            layers(|tracer| tracer.mode(tower_b3::Mode::ForwardOnly), same),
        ),
    ]
}
