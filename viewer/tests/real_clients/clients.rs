//! Envoy and Brave report to the viewer, and their spans make one trace.

use crate::{
    envoy,
    viewer::{Viewer, assert_tree, span},
};
use serde_json::Value;
use std::{net::SocketAddr, path::Path, process::Command, time::Duration};
use test_kit::backends::{Envoy, Http, LoggedProcess, eventually, listening_on, test_dir};

const READY: Duration = Duration::from_secs(60);

/// A service in Java, traced by Brave.
struct BraveShop {
    _process: LoggedProcess,
    address: SocketAddr,
}

impl BraveShop {
    async fn start(dir: &Path, collector: SocketAddr, encoding: &str) -> BraveShop {
        let lib = std::env::var("BRAVE_LIB");
        let lib = lib.expect("BRAVE_LIB, which tests/backends/install.sh brave prints");
        let mut command = Command::new("java");
        command
            .args(["-cp", &format!("{lib}/*")])
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real_clients/BraveShop.java"))
            .args([&format!("http://{collector}/api/v2/spans"), encoding]);
        let mut process = LoggedProcess::start(dir, "brave-shop", &mut command);
        let address = eventually("the service in Java listening", READY, async || {
            process.assert_running();
            listening_on(&process.stdout())
        })
        .await;
        BraveShop {
            _process: process,
            address,
        }
    }
}

/// Sends a request through an Envoy with this tracer to the service in Java. Returns when Envoy has
/// sent its span.
async fn request_through(
    dir: &Path,
    name: &str,
    tracer: &Value,
    collector: SocketAddr,
    to: &BraveShop,
) {
    let http = Http::default();
    let config = envoy::config(name, tracer, to.address, collector);
    let envoy = Envoy::run(dir, &http, name, &config, &[]).await;
    let url = format!("http://{}/items", envoy.addr());
    http.get(&url, &[]).await.expect("a response");
    let reported = "cluster.collector.upstream_rq_2xx";
    eventually("spans of Envoy", READY, async || {
        match envoy.stat(&http, reported).await? {
            0 => Err("nothing is sent".to_owned()),
            _ => Ok(()),
        }
    })
    .await;
}

async fn envoy_and_brave(test: &str, brave_encoding: &str) {
    let Some(dir) = test_dir(env!("CARGO_TARGET_TMPDIR"), test) else {
        return;
    };
    let viewer = Viewer::start(&[]).await;
    let brave = BraveShop::start(&dir, viewer.address, brave_encoding).await;
    let tracer = envoy::zipkin("HTTP_JSON");
    request_through(&dir, "edge", &tracer, viewer.address, &brave).await;

    let trace = viewer.trace_of("edge", 3).await;
    assert_tree(&trace);
    let client = span(&trace, "CLIENT", "edge");
    let server = span(&trace, "SERVER", "brave-shop");
    assert_eq!(
        server["id"], client["id"],
        "Brave joins the span of its caller"
    );
    assert_eq!(server["shared"], true, "{server}");
    assert_eq!(client["tags"]["component"], "proxy", "{client}");
    let failed = span(&trace, "CLIENT", "brave-shop");
    assert_eq!(failed["parentId"], server["id"], "{failed}");
    assert_eq!(failed["tags"]["error"], "sold out", "{failed}");
    let calls = [
        ("brave-shop", "warehouse", 1, 1),
        ("edge", "brave-shop", 1, 0),
    ];
    let calls = calls.map(|(from, to, all, failed)| (from.to_owned(), to.to_owned(), all, failed));
    assert_eq!(viewer.calls().await, calls.into());
}

#[tokio::test]
async fn envoy_and_brave_make_one_trace_in_json() {
    envoy_and_brave("viewer-clients-json", "JSON").await;
}

#[tokio::test]
async fn envoy_and_brave_make_one_trace_in_proto3() {
    envoy_and_brave("viewer-clients-proto3", "PROTO3").await;
}

#[tokio::test]
async fn envoy_reports_in_proto3() {
    let Some(dir) = test_dir(env!("CARGO_TARGET_TMPDIR"), "viewer-clients-envoy-proto3") else {
        return;
    };
    let viewer = Viewer::start(&[]).await;
    let brave = BraveShop::start(&dir, viewer.address, "JSON").await;
    let tracer = envoy::zipkin("HTTP_PROTO");
    request_through(&dir, "edge", &tracer, viewer.address, &brave).await;
    let trace = viewer.trace_of("edge", 3).await;
    let id = |kind, service| {
        let id = span(&trace, kind, service)["id"].as_str().expect("an id");
        u64::from_str_radix(id, 16).expect("hexadecimal digits")
    };
    // Envoy writes span ids of this encoding in the byte order of the machine, mostly little-endian. So
    // its span has another id here than in the headers that Brave has read.
    let (sent, reported) = (id("SERVER", "brave-shop"), id("CLIENT", "edge"));
    assert!(
        sent == reported || sent == reported.swap_bytes(),
        "{trace:#?}"
    );
}

#[tokio::test]
async fn envoy_reports_over_otlp() {
    let Some(dir) = test_dir(env!("CARGO_TARGET_TMPDIR"), "viewer-clients-otlp") else {
        return;
    };
    let viewer = Viewer::start(&[]).await;
    let brave = BraveShop::start(&dir, viewer.address, "JSON").await;
    let tracer = envoy::opentelemetry("edge-otlp");
    request_through(&dir, "edge", &tracer, viewer.otlp, &brave).await;
    let trace = viewer.trace_of("edge-otlp", 1).await;
    let reported = span(&trace, "CLIENT", "edge-otlp");
    assert_eq!(reported["tags"]["http.status_code"], "204", "{reported}");
}
