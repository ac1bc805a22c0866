//! The configuration of an Envoy with one listener, whose tracer reports to the viewer.

use serde_json::{Value, json};
use std::net::SocketAddr;

/// The tracer for Zipkin, with one of its encodings.
pub fn zipkin(encoding: &str) -> Value {
    json!({
        "name": "envoy.tracers.zipkin",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig",
            "collector_cluster": "collector",
            "collector_endpoint": "/api/v2/spans",
            "collector_endpoint_version": encoding,
            "trace_id_128bit": true,
        },
    })
}

/// The tracer for OpenTelemetry, over HTTP.
pub fn opentelemetry(service: &str) -> Value {
    json!({
        "name": "envoy.tracers.opentelemetry",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
            "service_name": service,
            "http_service": { "http_uri": {
                "uri": "http://collector/v1/traces", "cluster": "collector", "timeout": "5s",
            } },
        },
    })
}

/// Proxies every request to `upstream`, and sends a span of each to `collector`. The host of these
/// messages is the cluster's name, as in every Envoy whose configuration does not say more.
pub fn config(
    service: &str,
    tracer: &Value,
    upstream: SocketAddr,
    collector: SocketAddr,
) -> String {
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "edge",
        "tracing": { "random_sampling": { "value": 100 }, "provider": tracer },
        "route_config": { "virtual_hosts": [{
            "name": "all",
            "domains": ["*"],
            "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": "upstream" } }],
        }] },
        "http_filters": [{
            "name": "envoy.filters.http.router",
            "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
        }],
    });
    json!({
        "node": { "id": service, "cluster": service },
        "layered_runtime": { "layers": [{ "name": "static", "static_layer": {
            "tracing.zipkin.min_flush_spans": 1,
            "tracing.opentelemetry.min_flush_spans": 1,
        } }] },
        "admin": { "address": socket(SocketAddr::from(([127, 0, 0, 1], 0))) },
        "static_resources": {
            "listeners": [{
                "name": "edge",
                "traffic_direction": "OUTBOUND",
                "address": socket(SocketAddr::from(([127, 0, 0, 1], 0))),
                "filter_chains": [{ "filters": [{
                    "name": "envoy.filters.network.http_connection_manager",
                    "typed_config": manager,
                }] }],
            }],
            "clusters": [cluster("upstream", upstream), cluster("collector", collector)],
        },
    })
    .to_string()
}

fn socket(address: SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip(), "port_value": address.port() } })
}

fn cluster(name: &str, address: SocketAddr) -> Value {
    json!({
        "name": name,
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": socket(address) } }] }],
        },
    })
}
