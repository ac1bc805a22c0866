//! Kiali's graph of the shop: exactly the edges, protocols and error shares of the traffic.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::Duration;

use serde::Deserialize;
use test_kit::backends::{Envoy, Prometheus, eventually};

use super::Stage;
use super::traffic::{Customer, call_grpc, call_nobody};

const SCRAPED: Duration = Duration::from_secs(20);
const UNKNOWN: &str = "unknown:unknown/unknown";

#[derive(Debug, Deserialize, PartialEq)]
struct Edge {
    from: String,
    to: String,
    protocol: String,
    /// Of all codes.
    rate: f64,
    codes: BTreeMap<String, f64>,
}

/// From, to, protocol, and requests by code: the HTTP status, or the gRPC status.
type Drawn = (
    &'static str,
    &'static str,
    &'static str,
    &'static [(&'static str, f64)],
);

const WEBAPP: &str = "workload:shop/webapp";
const CATALOG: &str = "workload:shop/catalog";
const FORUM: &str = "workload:blog/forum";
const WEBAPP_SERVICE: &str = "service:shop/webapp";
const CATALOG_SERVICE: &str = "service:shop/catalog";

/// The stock Envoy does not say who it is, so its 40 requests come from the same unknown source as the
/// two to `/blowup`.
const GRAPH: [Drawn; 8] = [
    (
        UNKNOWN,
        WEBAPP_SERVICE,
        "http",
        &[("200", 310.0), ("404", 60.0), ("503", 30.0)],
    ),
    (
        WEBAPP_SERVICE,
        WEBAPP,
        "http",
        &[("200", 310.0), ("404", 60.0), ("503", 30.0)],
    ),
    (UNKNOWN, CATALOG_SERVICE, "http", &[("200", 42.0)]),
    (
        WEBAPP,
        CATALOG_SERVICE,
        "http",
        &[("200", 310.0), ("404", 60.0), ("503", 30.0)],
    ),
    (
        CATALOG_SERVICE,
        CATALOG,
        "http",
        &[("200", 352.0), ("404", 60.0), ("503", 30.0)],
    ),
    (WEBAPP, CATALOG_SERVICE, "grpc", &[("0", 80.0), ("5", 20.0)]),
    (
        CATALOG_SERVICE,
        CATALOG,
        "grpc",
        &[("0", 80.0), ("5", 20.0)],
    ),
    (FORUM, CATALOG_SERVICE, "http", &[("503", 7.0)]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kialis_graph_is_the_traffic() {
    let Some(stage) = Stage::open("kialis_graph_is_the_traffic").await else {
        return;
    };
    send(&stage).await;
    let all = "istio_requests_total{reporter=\"destination\"}";
    stage.prometheus.wait_for(all, 942.0).await;
    let all = "istio_requests_total{reporter=\"source\"}";
    stage.prometheus.wait_for(all, 507.0).await;

    // Counts instead of rates: a rate is extrapolated, and not known of the first value of a series.
    let drawn = graph(&stage.prometheus, &["istio_requests_total"]);
    let mut expected: Vec<Edge> = GRAPH.iter().map(edge).collect();
    let key = |edge: &Edge| (edge.from.clone(), edge.to.clone(), edge.protocol.clone());
    expected.sort_by_key(key);
    assert_eq!(drawn, expected);

    // What Kiali asks for has the same edges and codes, once every series has changed between scrapes.
    eventually("Kiali's own graph", SCRAPED, async || {
        send(&stage).await;
        let drawn = graph(&stage.prometheus, &[]);
        let shape = |edge: &Edge| (key(edge), edge.codes.keys().cloned().collect::<Vec<_>>());
        let shapes = |edges: &[Edge]| edges.iter().map(shape).collect::<Vec<_>>();
        match shapes(&drawn) == shapes(&expected) {
            true => Ok(()),
            false => Err(format!("{drawn:#?}")),
        }
    })
    .await;
}

async fn send(stage: &Stage) {
    let (webapp, catalog) = (&stage.shop.webapp, &stage.shop.catalog);
    let customer = Customer::default();
    let blowup = r#"{"fail_percent": 10, "status": 503}"#;
    customer.post(catalog.addr, "/blowup", blowup).await;
    customer
        .get(webapp.addr, "/api/catalog", 300, &[200, 503])
        .await;
    customer.post(catalog.addr, "/blowup", "{}").await;
    customer.get(webapp.addr, "/api/catalog", 40, &[200]).await;
    customer
        .get(webapp.addr, "/api/catalog/items/99", 60, &[404])
        .await;
    let zipkin = stage.zipkin.addr();
    let envoy = Envoy::start(
        &stage.dir,
        &stage.http,
        "ingress",
        catalog.addr,
        zipkin,
        true,
    );
    customer.get(envoy.await.addr(), "/items", 40, &[200]).await;
    call_grpc(&webapp.tracer, catalog.addr, "Items", 80).await;
    call_grpc(&webapp.tracer, catalog.addr, "Nothing", 20).await;
    let forum = &stage.shop.forum;
    call_nobody(&forum.tracer, stage.shop.refused, 7).await;
}

fn edge((from, to, protocol, codes): &Drawn) -> Edge {
    let codes = codes
        .iter()
        .map(|(code, count)| ((*code).to_owned(), *count));
    let codes: BTreeMap<String, f64> = codes.collect();
    Edge {
        from: (*from).to_owned(),
        to: (*to).to_owned(),
        protocol: (*protocol).to_owned(),
        rate: codes.values().sum(),
        codes,
    }
}

/// The graph of the namespace `shop`, by Kiali's rules.
fn graph(prometheus: &Prometheus, expression: &[&str]) -> Vec<Edge> {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/real_servers/metrics/kiali_graph.py"
    );
    let output = Command::new("python3")
        .args([script, &prometheus.url(), "shop"])
        .args(expression)
        .output()
        .expect("python3 runs");
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}
