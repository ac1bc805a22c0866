//! One Envoy: a listener in front of the server, and one for each upstream that fails.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use test_kit::backends::{Envoy, Http, eventually};

use super::OBSERVED;
use super::counted_request::CountedRequest;
use super::origin::Origin;

/// Of Istio's three histograms.
pub const BUCKETS: [f64; 19] = [
    0.5,
    1.0,
    5.0,
    10.0,
    25.0,
    50.0,
    100.0,
    250.0,
    500.0,
    1_000.0,
    2_500.0,
    5_000.0,
    10_000.0,
    30_000.0,
    60_000.0,
    300_000.0,
    600_000.0,
    1_800_000.0,
    3_600_000.0,
];
/// How long an upstream may take to respond.
pub const TIMEOUT: std::time::Duration = std::time::Duration::from_millis(300);

pub struct Proxy {
    envoy: Envoy,
    http: Http,
    log: PathBuf,
}

impl Proxy {
    pub async fn start(dir: &Path, origin: &Origin) -> Proxy {
        let log = dir.join("access.json");
        let http = Http::default();
        let config = bootstrap(&log, origin).to_string();
        Proxy {
            envoy: Envoy::run(dir, &http, "oracle", &config, &[]).await,
            http,
            log,
        }
    }

    pub fn listener(&self, name: &str) -> SocketAddr {
        self.envoy.listener(name)
    }

    pub async fn stats(&self) -> Result<String, String> {
        self.envoy.prometheus(&self.http).await
    }

    /// Sends a request whose value Envoy counts in a histogram.
    pub async fn get(&self, case: &str, value: u64) {
        let url = format!("http://{}/ok", self.listener("server"));
        let headers = [("x-case", case), ("x-value", &value.to_string())];
        self.http.get(&url, &headers).await.expect("a response");
    }

    /// What Envoy has counted of the request with this `x-case`.
    pub async fn counted_request(&self, case: &str) -> CountedRequest {
        eventually(case, OBSERVED, async || {
            let log = fs::read_to_string(&self.log).map_err(|error| error.to_string())?;
            let mut lines = log.lines().map(serde_json::from_str);
            let line: Option<Value> = lines.find_map(|line| {
                let line: Value = line.ok()?;
                (line["case"] == case).then_some(line)
            });
            let line = line.ok_or_else(|| format!("no line: {log}"))?;
            let stats = self.stats().await?;
            CountedRequest::of_envoy(&line, &stats, case)
                .ok_or_else(|| format!("no buckets: {stats}"))
        })
        .await
    }
}

fn bootstrap(log: &Path, origin: &Origin) -> Value {
    let upstreams = [
        ("server", origin.addr),
        ("sidecar", origin.addr),
        ("refused", origin.refused),
        ("closing", origin.closing),
    ];
    let listeners: Vec<Value> = upstreams
        .iter()
        .map(|(name, _)| listener(name, log))
        .collect();
    let clusters: Vec<Value> = upstreams
        .iter()
        .flat_map(|(name, addr)| [cluster(name, *addr, false), cluster(name, *addr, true)])
        .collect();
    json!({
        "admin": { "address": any_port() },
        "stats_flush_interval": "0.1s",
        "stats_config": { "histogram_bucket_settings": [
            { "match": { "prefix": "t." }, "buckets": BUCKETS },
        ] },
        "static_resources": { "listeners": listeners, "clusters": clusters },
    })
}

fn any_port() -> Value {
    json!({ "socket_address": { "address": "127.0.0.1", "port_value": 0 } })
}

/// Adds nothing to a request or a response that the layers would not add.
fn listener(name: &str, log: &Path) -> Value {
    let route = |cluster: String| json!({ "cluster": cluster, "timeout": format!("{}s", TIMEOUT.as_secs_f64()) });
    let grpc = json!({ "prefix": "/shop.Catalog/", "grpc": {} });
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": name,
        "preserve_external_request_id": true,
        // As the server layer does.
        "always_set_request_id_in_response": name == "server",
        "server_header_transformation": "PASS_THROUGH",
        "access_log": [file(log), stats()],
        "route_config": { "virtual_hosts": [{
            "name": "all", "domains": ["*"],
            "routes": [
                { "match": grpc, "route": route(format!("{name}-http2")) },
                { "match": { "prefix": "/" }, "route": route(name.to_owned()) },
            ],
        }] },
        "http_filters": [{
            "name": "envoy.filters.http.router",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
                "suppress_envoy_headers": true,
            },
        }],
    });
    json!({
        "name": name,
        "address": any_port(),
        "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": manager,
        }] }],
    })
}

fn file(path: &Path) -> Value {
    json!({
        "name": "envoy.access_loggers.file",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog",
            "path": path,
            "log_format": { "json_format": {
                "case": "%REQ(X-CASE)%",
                "code": "%RESPONSE_CODE%",
                "flags": "%RESPONSE_FLAGS%",
                "grpc": "%GRPC_STATUS_NUMBER%",
                "received": "%DOWNSTREAM_WIRE_BYTES_RECEIVED%",
                "sent": "%DOWNSTREAM_WIRE_BYTES_SENT%",
            } },
        },
    })
}

/// Histograms `t.received`, `t.sent` and `t.value` of each case.
fn stats() -> Value {
    let histogram = |name: &str, unit: &str, value: &str| {
        json!({
            "stat": {
                "name": name,
                "tags": [{ "name": "case", "value_format": "%REQ(X-CASE)%" }],
            },
            "unit": unit,
            "value_format": value,
        })
    };
    json!({
        "name": "envoy.access_loggers.stats",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.access_loggers.stats.v3.Config",
            "stat_prefix": "t",
            "histograms": [
                histogram("received", "Bytes", "%DOWNSTREAM_WIRE_BYTES_RECEIVED%"),
                histogram("sent", "Bytes", "%DOWNSTREAM_WIRE_BYTES_SENT%"),
                histogram("value", "Milliseconds", "%REQ(X-VALUE)%"),
            ],
        },
    })
}

fn cluster(name: &str, addr: SocketAddr, http2: bool) -> Value {
    let name = if http2 {
        format!("{name}-http2")
    } else {
        name.to_owned()
    };
    let address = json!({ "address": addr.ip(), "port_value": addr.port() });
    let mut cluster = json!({
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{ "lb_endpoints": [{
                "endpoint": { "address": { "socket_address": address } },
            }] }],
        },
    });
    if http2 {
        cluster["typed_extension_protocol_options"] = json!({
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": { "http2_protocol_options": {} },
            },
        });
    }
    cluster
}
