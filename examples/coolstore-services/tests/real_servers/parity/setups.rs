//! The table of settings that are compared.

use serde_json::{Value, json};
use tower_b3::id::TraceIdKind;
use tower_b3::propagation::{Format, Propagation};
use tower_b3::sample::Sampler;
use tower_b3::{Mode, ServerLayer, TracerBuilder, Trust};

use super::setup::{Setup, Subject, Upstream};
use super::tags::{ERROR_TAG, MORE_TAGS};

pub fn setups() -> Vec<Setup> {
    [
        webapp(),
        sampling(),
        headers(),
        trust(),
        spans(),
        topologies(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The programs, configured by flags and by documents.
fn webapp() -> Vec<Setup> {
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
        Setup::new(
            "webapp-istio-half",
            random_sampling(50.0),
            Subject::Documents(50.0),
        ),
        Setup::new(
            "webapp-istio-none",
            random_sampling(0.0),
            Subject::Documents(0.0),
        ),
        Setup::new(
            "webapp-edge",
            edge_settings(),
            Subject::Webapp(&["--mode", "edge"]),
        ),
        Setup::new(
            "webapp-forward",
            json!({ "tracing": false }),
            Subject::Webapp(&["--mode", "forward"]),
        ),
    ]
}

/// Samplers and percentages.
fn sampling() -> Vec<Setup> {
    vec![
        Setup::new("all", plain(), layers(always, same_server)),
        by_id("half", 50.0, |tracer| by_request_id(tracer, 50.0)),
        // As an `f64`, 0.29 % would be 28 of 10,000 instead of 29.
        by_id("0.29", 0.29, |tracer| by_request_id(tracer, 0.29)),
        Setup::new("none", random_sampling(0.0), layers(never, same_server)),
        Setup::new(
            "overall-none",
            json!({ "tracing": { "overall_sampling": { "value": 0 } } }),
            layers(
                |tracer| by_request_id(tracer, 100.0).overall_sampling(0.0),
                same_server,
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
                same_server,
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
            layers(|tracer| tracer.sampler(Sampler::always()), same_server),
        ),
    ]
}

/// Request ids and formats.
fn headers() -> Vec<Setup> {
    vec![
        Setup::new(
            "no-new-id",
            json!({ "generate_request_id": false }),
            layers(always, same_server),
        ),
        Setup::new(
            "echo",
            json!({ "always_set_request_id_in_response": true }),
            layers(always, same_server),
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
                same_server,
            ),
        ),
        Setup::new(
            "b3-alone",
            plain(),
            layers(
                |tracer| {
                    by_request_id(tracer, 100.0).propagation(Propagation::default().w3c(false))
                },
                same_server,
            ),
        ),
    ]
}

/// Whose headers are trusted.
fn trust() -> Vec<Setup> {
    vec![
        Setup::new(
            "edge",
            edge_settings(),
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
        // A sidecar that does not add its own address counts its caller as one proxy.
        Setup::new(
            "network-behind-1",
            random_sampling(0.0),
            layers(never, |layer| {
                layer.trust(network(1)).preserve_external_request_id(true)
            }),
        ),
    ]
}

/// Kinds of ids, and which spans are made.
fn spans() -> Vec<Setup> {
    vec![
        Setup::new(
            "64-bit",
            provider(json!({ "trace_id_128bit": false })),
            layers(
                |tracer| by_request_id(tracer, 100.0).trace_ids(TraceIdKind::Random64),
                same_server,
            ),
        ),
        Setup::new(
            "time-prefixed",
            provider(json!({ "timestamp_trace_ids": true })),
            layers(
                |tracer| by_request_id(tracer, 100.0).trace_ids(TraceIdKind::TimePrefixed),
                same_server,
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
                same_server,
            ),
        ),
    ]
}

/// Other upstreams, retries, and layers with some features off.
fn topologies() -> Vec<Setup> {
    vec![
        Setup::new("http2", plain(), layers(always, same_server)).upstream(Upstream::Http2),
        Setup::new(
            "sidecars",
            json!({ "tracing": { "spawn_upstream_span": false } }),
            layers(always, same_server),
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
                server: same_server,
                retries: 2,
            },
        ),
        Setup::new(
            "sidecars-record-only",
            json!({ "tracing": { "spawn_upstream_span": false, "no_context_propagation": true } }),
            layers(
                |tracer| by_request_id(tracer, 100.0).mode(Mode::RecordOnly),
                same_server,
            ),
        )
        .upstream(Upstream::Sidecar),
        Setup::new(
            "forward-only",
            json!({ "tracing": false }),
            layers(|tracer| tracer.mode(Mode::ForwardOnly), same_server),
        ),
    ]
}

/// The settings that all setups share.
fn plain() -> Value {
    json!({})
}

fn always(tracer: TracerBuilder) -> TracerBuilder {
    by_request_id(tracer, 100.0)
}

fn never(tracer: TracerBuilder) -> TracerBuilder {
    by_request_id(tracer, 0.0)
}

fn same_server(layer: ServerLayer) -> ServerLayer {
    layer
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

fn random_sampling(random: f64) -> Value {
    json!({ "tracing": { "random_sampling": { "value": random } } })
}

/// The `internal_address_config` of every listener, behind this many proxies.
fn network(proxies: usize) -> Trust {
    let networks = Trust::networks(["127.0.0.0/8", "10.0.0.0/8", "::1/128"]);
    let networks = networks.expect("networks");
    networks.trusted_hops(proxies).into()
}

/// No address is internal.
fn edge_settings() -> Value {
    json!({ "use_remote_address": true, "internal_address_config": null })
}

fn provider(more: Value) -> Value {
    json!({ "tracing": { "provider": { "typed_config": more } } })
}

/// Sampling by request id only.
pub fn by_id(
    name: &'static str,
    percent: f64,
    tracer: fn(TracerBuilder) -> TracerBuilder,
) -> Setup {
    Setup::new(name, random_sampling(percent), layers(tracer, same_server))
}
