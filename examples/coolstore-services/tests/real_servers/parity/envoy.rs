//! One Envoy with a listener for each setup.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use super::setup::{BACKEND_TIMEOUT, SERVICE, Setup, Upstream};

/// The whole bootstrap, as JSON.
pub fn bootstrap(
    setups: &[Setup],
    backend: SocketAddr,
    refused: SocketAddr,
    collector: SocketAddr,
    sockets: &Path,
) -> Value {
    let mut listeners: Vec<Value> = Vec::new();
    let mut clusters = vec![
        cluster("http1", &tcp(backend)),
        over_http2(cluster("http2", &tcp(backend))),
        cluster("refused", &tcp(refused)),
        cluster("collector", &tcp(collector)),
    ];
    for setup in setups {
        let upstream = match setup.upstream {
            Upstream::Http1 => "http1".to_owned(),
            Upstream::Http2 => "http2".to_owned(),
            Upstream::Refused => "refused".to_owned(),
            Upstream::Sidecar => {
                // A Unix socket, because a port would have to be known in advance.
                let socket = sockets.join(format!("{}.sock", setup.name));
                let address = json!({ "pipe": { "path": socket } });
                let outbound = format!("{}-outbound", setup.name);
                clusters.push(cluster(&outbound, &address));
                listeners.push(listener(setup, "OUTBOUND", &address, "http1"));
                outbound
            }
        };
        let any_port = json!({ "socket_address": { "address": "127.0.0.1", "port_value": 0 } });
        listeners.push(listener(setup, "INBOUND", &any_port, &upstream));
    }
    json!({
        "node": {
            "id": "sidecar~127.0.0.1~svc-a-0.default~default.svc.cluster.local",
            "cluster": SERVICE,
            "locality": { "zone": "zone-1" },
        },
        // By default, Envoy sends after five spans or five seconds.
        "layered_runtime": { "layers": [{ "name": "static", "static_layer": {
            "tracing.zipkin.min_flush_spans": 1,
            "tracing.zipkin.flush_interval_ms": 200,
        } }] },
        "admin": { "address": { "socket_address": { "address": "127.0.0.1", "port_value": 0 } } },
        "static_resources": { "listeners": listeners, "clusters": clusters },
    })
}

fn listener(setup: &Setup, direction: &str, address: &Value, upstream: &str) -> Value {
    let mut manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": setup.name,
        "use_remote_address": false,
        "internal_address_config": {
            "cidr_ranges": [
                { "address_prefix": "127.0.0.0", "prefix_len": 8 },
                { "address_prefix": "10.0.0.0", "prefix_len": 8 },
                { "address_prefix": "::1", "prefix_len": 128 },
            ],
        },
        "tracing": {
            "client_sampling": { "value": 100 },
            "random_sampling": { "value": 100 },
            "overall_sampling": { "value": 100 },
            "spawn_upstream_span": true,
            "custom_tags": setup.envoy_tags(),
            "provider": {
                "name": "envoy.tracers.zipkin",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig",
                    "collector_cluster": "collector",
                    "collector_endpoint": setup.path("envoy"),
                    "collector_endpoint_version": "HTTP_JSON",
                    "trace_id_128bit": true,
                    "shared_span_context": false,
                },
            },
        },
        "route_config": { "virtual_hosts": [{
            "name": "all", "domains": ["*"],
            "routes": [{ "match": { "prefix": "/" }, "route": { "cluster": upstream } }],
        }] },
        "http_filters": [{
            "name": "envoy.filters.http.router",
            "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
        }],
    });
    merge(&mut manager, &setup.envoy);
    let host = &mut manager["route_config"]["virtual_hosts"][0];
    host["routes"][0]["route"]["timeout"] = format!("{}s", BACKEND_TIMEOUT.as_secs_f64()).into();
    if manager["tracing"] == json!(false) {
        manager["tracing"] = Value::Null;
    }
    json!({
        "name": format!("{} {direction}", setup.name),
        "traffic_direction": direction,
        "address": address,
        "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": manager,
        }] }],
    })
}

fn tcp(addr: SocketAddr) -> Value {
    json!({ "socket_address": { "address": addr.ip(), "port_value": addr.port() } })
}

fn cluster(name: &str, address: &Value) -> Value {
    json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": address } }] }],
        },
    })
}

fn over_http2(mut cluster: Value) -> Value {
    cluster["typed_extension_protocol_options"] = json!({
        "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
            "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
            "explicit_http_config": { "http2_protocol_options": {} },
        },
    });
    cluster
}

/// Merges objects key by key, and replaces all other values.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}
