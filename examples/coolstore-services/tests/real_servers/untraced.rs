//! The reporters' own requests through Envoys with the Zipkin and the OpenTelemetry tracer, which
//! make no spans for them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Response, Uri};
use axum::{Router, serve};
use serde_json::{Value, json};
use test_kit::backends::{Envoy, Http, eventually};
use tokio::net::TcpListener;
use tower_b3::otlp::{OtlpReporter, Protocol};
use tower_b3::report::{BatchReporter, Reporter};
use tower_b3::zipkin::ZipkinReporter;
use tower_b3::{Sampling, TraceContext, record::SpanRecord};

use crate::test_dir;

const DELIVERED: Duration = Duration::from_secs(20);
/// The listeners, by their tracers.
const TRACERS: [&str; 2] = ["zipkin", "opentelemetry"];
/// The paths of Envoy's own spans begin so. All others are what the reporters send.
const BY_ENVOY: &str = "/by-envoy/";

/// Accepts whatever it gets, in any protocol, and keeps the bodies.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<(String, Bytes)>>>);

impl Collector {
    async fn start(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("an address");
        let app = Router::new().fallback(accept).with_state(self.clone());
        tokio::spawn(async { serve(listener, app).await });
        addr
    }

    /// How many messages to paths that begin so contain this text.
    fn count(&self, path: &str, text: &str) -> usize {
        let messages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let contains = |body: &[u8]| body.windows(text.len()).any(|part| part == text.as_bytes());
        let matches = messages
            .iter()
            .filter(|(to, body)| to.starts_with(path) && contains(body));
        matches.count()
    }
}

async fn accept(State(collector): State<Collector>, uri: Uri, body: Bytes) -> Response<Body> {
    let mut messages = collector.0.lock().unwrap_or_else(PoisonError::into_inner);
    messages.push((uri.path().to_owned(), body));
    // In gRPC, the status of a response without a body; elsewhere, a header that nobody reads.
    let response = Response::builder().header("grpc-status", "0");
    response.body(Body::empty()).expect("a valid response")
}

fn tracer(name: &str) -> Value {
    match name {
        "zipkin" => json!({
            "name": "envoy.tracers.zipkin",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.config.trace.v3.ZipkinConfig",
                "collector_cluster": "http1",
                "collector_endpoint": format!("{BY_ENVOY}zipkin"),
                "collector_endpoint_version": "HTTP_JSON",
            },
        }),
        _ => json!({
            "name": "envoy.tracers.opentelemetry",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.config.trace.v3.OpenTelemetryConfig",
                "service_name": "proxy",
                "http_service": { "http_uri": {
                    "uri": format!("http://collector{BY_ENVOY}opentelemetry"),
                    "cluster": "http1",
                    "timeout": "5s",
                } },
            },
        }),
    }
}

/// Traces everything whose caller has not decided, and passes it on to the collector.
fn listener(name: &str) -> Value {
    let is_grpc = json!([{
        "name": "content-type", "string_match": { "exact": "application/grpc" },
    }]);
    json!({
        "name": name,
        "address": { "socket_address": { "address": "127.0.0.1", "port_value": 0 } },
        "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": name,
                "tracing": { "random_sampling": { "value": 100 }, "provider": tracer(name) },
                "route_config": { "virtual_hosts": [{
                    "name": "all", "domains": ["*"],
                    "routes": [
                        { "match": { "prefix": "/", "headers": is_grpc }, "route": { "cluster": "http2" } },
                        { "match": { "prefix": "/" }, "route": { "cluster": "http1" } },
                    ],
                }] },
                "http_filters": [{
                    "name": "envoy.filters.http.router",
                    "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
                }],
            },
        }] }],
    })
}

fn cluster(name: &str, collector: SocketAddr, protocol: &str) -> Value {
    let address =
        json!({ "socket_address": { "address": collector.ip(), "port_value": collector.port() } });
    json!({
        "name": name,
        "type": "STATIC",
        "load_assignment": {
            "cluster_name": name,
            "endpoints": [{ "lb_endpoints": [{ "endpoint": { "address": address } }] }],
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": { protocol: {} },
            },
        },
    })
}

fn config(collector: SocketAddr) -> String {
    let at_once = json!({
        "tracing.zipkin.min_flush_spans": 1,
        "tracing.zipkin.flush_interval_ms": 100,
        "tracing.opentelemetry.min_flush_spans": 1,
        "tracing.opentelemetry.flush_interval_ms": 100,
    });
    let config = json!({
        "node": { "id": "proxy", "cluster": "proxy" },
        "layered_runtime": { "layers": [{ "name": "static", "static_layer": at_once }] },
        "admin": { "address": { "socket_address": { "address": "127.0.0.1", "port_value": 0 } } },
        "static_resources": {
            "listeners": TRACERS.map(listener),
            "clusters": [
                cluster("http1", collector, "http_protocol_options"),
                cluster("http2", collector, "http2_protocol_options"),
            ],
        },
    });
    config.to_string()
}

fn reporters(proxy: SocketAddr) -> Vec<BatchReporter> {
    let url = format!("http://{proxy}");
    let otlp = |protocol| OtlpReporter::builder(&url).protocol(protocol).build();
    vec![
        ZipkinReporter::builder(&url)
            .build()
            .expect("Zipkin")
            .into(),
        otlp(Protocol::Http).expect("OTLP over HTTP").into(),
        otlp(Protocol::Grpc).expect("OTLP over gRPC").into(),
    ]
}

#[tokio::test]
async fn no_envoy_traces_the_delivery_of_spans() {
    let Some(dir) = test_dir("no_envoy_traces_the_delivery_of_spans") else {
        return;
    };
    let (http, collector) = (Http::default(), Collector::default());
    let config = config(collector.start().await);
    let envoy = Envoy::run(&dir, &http, "proxy", &config, &[]).await;
    for tracer in TRACERS {
        let proxy = envoy.listener(tracer);
        for reporter in reporters(proxy) {
            let context = TraceContext::root(Sampling::Accept);
            reporter.report(SpanRecord::builder(context).name("reported").build());
            let report = reporter.shutdown_async(DELIVERED).await;
            assert_eq!(report.stats.sent, 1, "{tracer}: {report}");
        }
        // A request that is traced follows: its span comes after those that there should not be.
        // OpenTelemetry's tracer does not read B3.
        let control = format!("control-{tracer}");
        let mut headers = vec![("user-agent", control.as_str())];
        if tracer == "opentelemetry" {
            headers.extend([("b3", "0"), ("x-b3-sampled", "0")]);
        }
        http.get(&format!("http://{proxy}/"), &headers)
            .await
            .expect("the control request is answered");
        let to = format!("{BY_ENVOY}{tracer}");
        eventually(
            "the control request's span",
            DELIVERED,
            async || match collector.count(&to, &control) {
                0 => Err("none".to_owned()),
                _ => Ok(()),
            },
        )
        .await;
        // The user agent is a tag of Envoy's spans.
        assert_eq!(collector.count(&to, "tower-b3/"), 0, "{tracer}");
    }
    let delivered = collector.count("/", "reported");
    assert_eq!(delivered, 3 * TRACERS.len());
}
