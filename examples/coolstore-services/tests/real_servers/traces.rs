//! Traces through services and Envoys, as Zipkin shows them.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use axum::Router;
use axum::http::HeaderMap;
use serde_json::json;
use tokio::net::TcpListener;

use test_kit::backends::{Span, now_us};

use crate::lab::{Lab, SHOP_ZONE, stop};

const REQUEST_ID: &str = "guid:x-request-id";

/// In microseconds: the client may see the end of a response before the server has recorded it.
const CLOCK_SLACK: i64 = 50_000;

/// Functions under `#[instrument]` are local spans, which have no kind.
const SERVICE_HOPS: [(&str, &str); 5] = [
    ("webapp", "SERVER"),
    ("webapp", ""),
    ("webapp", "CLIENT"),
    ("catalog", "SERVER"),
    ("catalog", ""),
];

const MESH_HOPS: [(&str, &str); 7] = [
    ("webapp-proxy", "SERVER"),
    ("webapp", "SERVER"),
    ("webapp", ""),
    ("webapp", "CLIENT"),
    ("catalog-proxy", "SERVER"),
    ("catalog", "SERVER"),
    ("catalog", ""),
];

const TAGS: [&str; 6] = [
    "--tag",
    "custom_tag=literal:Test Tag",
    "--tag",
    "zone=env:SHOP_ZONE:unknown",
    "--tag",
    "tenant=header:x-tenant",
];

/// The tests' assumptions about Zipkin and Envoy, without the services under test.
#[tokio::test]
async fn zipkin_and_envoy_work() {
    let Some(lab) = Lab::open("zipkin_and_envoy_work").await else {
        return;
    };
    let posted = "463ac35c9f6413ad48485a3953bb6124";
    let span = json!([{
        "traceId": posted, "id": "a2fb4a1d1a96d312", "kind": "SERVER", "name": "GET /",
        "timestamp": now_us(), "duration": 1000, "localEndpoint": { "serviceName": "test" },
    }]);
    lab.zipkin.post(&span).await;
    assert_eq!(lab.zipkin.trace(posted, 1).await[0].service(), "test");

    let envoy = lab.envoy("echo-proxy", echo_server().await).await;
    let proxied = lab.get(envoy.addr(), "/", &[]).await;
    let spans = lab.zipkin.trace(&proxied, 1).await;
    assert_eq!(spans[0].service(), "echo-proxy");
    assert_eq!(spans[0].kind(), "SERVER");
}

#[tokio::test]
async fn envoys_and_services_make_one_tree() {
    let Some(lab) = Lab::open("envoys_and_services_make_one_tree").await else {
        return;
    };
    let catalog = lab.catalog(&[]).await;
    let catalog_proxy = lab.envoy("catalog-proxy", catalog.addr()).await;
    let webapp = lab.webapp(catalog_proxy.addr(), &TAGS).await;
    let webapp_proxy = lab.envoy("webapp-proxy", webapp.addr()).await;

    let tenant = [("x-tenant", "acme")];
    lab.get(webapp_proxy.addr(), "/api/catalog", &tenant).await;

    let traces = lab.zipkin.traces(1, 7).await;
    let spans = lab.zipkin.trace(&traces[0][0].trace_id, 7).await;
    assert_one_tree(&spans);
    let chain = chain(&spans);
    assert_names(&chain);
    assert_custom_tags(&chain);
    assert_one_request_id(&chain[..2]);
    assert_one_request_id(&chain[3..6]);
    assert_nested(&chain);
    let expected = [
        ("webapp-proxy", "webapp"),
        ("webapp", "catalog-proxy"),
        ("catalog-proxy", "catalog"),
    ];
    assert_eq!(lab.zipkin.links().await, links(&expected));
}

/// With every mode of webapp, every incoming format, and Envoys of both kinds.
#[tokio::test]
async fn every_mode_makes_one_tree_with_every_envoy() {
    let Some(lab) = Lab::open("every_mode_makes_one_tree_with_every_envoy").await else {
        return;
    };
    let caller = "a2fb4a1d1a96d312";
    let mut trace = 0x463a_c35c_9f64_13ad_4848_5a39_53bb_6100_u128;
    for mode in ["spans", "forward"] {
        for keeps_b3 in [true, false] {
            let flags = ["--mode", mode];
            let catalog = lab.catalog(&flags).await;
            let catalog_proxy = lab
                .envoy_of("catalog-proxy", catalog.addr(), keeps_b3)
                .await;
            let webapp = lab.webapp(catalog_proxy.addr(), &flags).await;
            let webapp_proxy = lab.envoy_of("webapp-proxy", webapp.addr(), keeps_b3).await;
            for format in ["b3", "x-b3-*"] {
                trace += 1;
                let id = format!("{trace:032x}");
                let single = format!("{id}-{caller}-1");
                let headers = match format {
                    "b3" => vec![("b3", single.as_str())],
                    _ => vec![
                        ("x-b3-traceid", id.as_str()),
                        ("x-b3-spanid", caller),
                        ("x-b3-sampled", "1"),
                    ],
                };
                lab.get(webapp_proxy.addr(), "/api/catalog", &headers).await;

                let expected = if mode == "spans" { 7 } else { 2 };
                let spans = lab.zipkin.trace(&id, expected).await;
                let what = format!("--mode {mode}, {format}, Envoy keeps b3: {keeps_b3}");
                let stale = mode == "forward" && format == "b3" && !keeps_b3;
                if stale {
                    // Two such Envoys in a row do the same: the second trusts the stale `b3` of the
                    // first.
                    let mut hops: Vec<_> = spans.iter().map(|s| (s.service(), s.kind())).collect();
                    hops.sort_unstable();
                    assert_eq!(
                        hops,
                        [("catalog-proxy", "SERVER"), ("webapp-proxy", "SERVER")]
                    );
                    let below = |span: &Span| span.parent_id.as_deref() == Some(caller);
                    assert!(spans.iter().all(below), "{what}: {spans:#?}");
                } else {
                    let chain = chain_below(&spans, Some(caller));
                    let expected = match mode {
                        "spans" => &MESH_HOPS[..],
                        _ => &[("webapp-proxy", "SERVER"), ("catalog-proxy", "SERVER")],
                    };
                    assert_eq!(hops(&chain), expected, "{what}");
                }
            }
        }
    }
}

#[tokio::test]
async fn services_alone_are_linked() {
    let Some(lab) = Lab::open("services_alone_are_linked").await else {
        return;
    };
    let catalog = lab.catalog(&[]).await;
    let webapp = lab.webapp(catalog.addr(), &[]).await;

    lab.get(webapp.addr(), "/api/catalog", &[]).await;

    let traces = lab.zipkin.traces(1, 5).await;
    assert_one_tree(&traces[0]);
    assert_eq!(hops(&chain(&traces[0])), SERVICE_HOPS);
    let links_seen = lab.zipkin.links().await;
    assert_eq!(links_seen, links(&[("webapp", "catalog")]));
}

#[tokio::test]
async fn only_forced_requests_are_traced_at_zero_percent() {
    let Some(lab) = Lab::open("only_forced_requests_are_traced_at_zero_percent").await else {
        return;
    };
    let never = ["--sampling", "0"];
    let catalog = lab.catalog(&never).await;
    let webapp = lab.webapp(catalog.addr(), &never).await;
    let forced = ["forced-1", "forced-2", "forced-3", "forced-4", "forced-5"];

    for id in ["plain-1", "plain-2"] {
        let headers = [("x-request-id", id)];
        lab.get(webapp.addr(), "/api/catalog", &headers).await;
    }
    for id in forced {
        let headers = [("x-request-id", id), ("x-envoy-force-trace", "true")];
        lab.get(webapp.addr(), "/api/catalog", &headers).await;
    }

    lab.zipkin.traces(5, 5).await;
    stop([webapp, catalog]).await;
    let traces = lab.zipkin.settled_traces().await;
    for trace in &traces {
        assert_one_tree(trace);
        assert_eq!(hops(&chain(trace)), SERVICE_HOPS);
    }
    assert_eq!(traces.len(), 5);
    assert_eq!(request_ids(traces.iter().flatten()), forced.into());
}

#[tokio::test]
async fn a_clean_stop_loses_no_span() {
    let Some(lab) = Lab::open("a_clean_stop_loses_no_span").await else {
        return;
    };
    let catalog = lab.catalog(&[]).await;
    let webapp = lab.webapp(catalog.addr(), &[]).await;

    lab.get(webapp.addr(), "/api/catalog", &[]).await;
    stop([webapp, catalog]).await;

    let traces = lab.zipkin.traces(1, 5).await;
    assert_eq!(hops(&chain(&traces[0])), SERVICE_HOPS);
}

/// Responds with the trace id that it received.
async fn echo_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let trace_id = async |headers: HeaderMap| headers["x-b3-traceid"].to_str().unwrap().to_owned();
    let app = Router::new().fallback(trace_id);
    tokio::spawn(async { axum::serve(listener, app).await });
    addr
}

/// Asserts on one 128-bit trace id, one root, and known parents.
fn assert_one_tree(spans: &[Span]) {
    let trace_ids: BTreeSet<&str> = spans.iter().map(|s| s.trace_id.as_str()).collect();
    assert_eq!(trace_ids.len(), 1, "{spans:#?}");
    assert_eq!(spans[0].trace_id.len(), 32, "{spans:#?}");
    let ids: BTreeSet<&str> = spans.iter().map(|s| s.id.as_str()).collect();
    assert_eq!(ids.len(), spans.len(), "{spans:#?}");
    let parents: Vec<&str> = spans
        .iter()
        .filter_map(|s| s.parent_id.as_deref())
        .collect();
    assert_eq!(parents.len(), spans.len() - 1, "{spans:#?}");
    assert!(parents.iter().all(|id| ids.contains(id)), "{spans:#?}");
}

/// The spans from the root to the leaf; each has at most one child.
fn chain(spans: &[Span]) -> Vec<&Span> {
    chain_below(spans, None)
}

/// The same below a caller that reports no spans.
fn chain_below<'a>(spans: &'a [Span], caller: Option<&str>) -> Vec<&'a Span> {
    let mut chain: Vec<&Span> = Vec::new();
    while let Some(next) = only_child(spans, chain.last().map_or(caller, |last| Some(&last.id))) {
        chain.push(next);
    }
    assert_eq!(chain.len(), spans.len(), "not one chain: {spans:#?}");
    chain
}

fn only_child<'a>(spans: &'a [Span], parent: Option<&str>) -> Option<&'a Span> {
    let mut children = spans.iter().filter(|s| s.parent_id.as_deref() == parent);
    let child = children.next();
    assert!(children.next().is_none(), "not one chain: {spans:#?}");
    child
}

fn hops<'a>(chain: &[&'a Span]) -> Vec<(&'a str, &'a str)> {
    chain.iter().map(|s| (s.service(), s.kind())).collect()
}

fn assert_names(chain: &[&Span]) {
    assert_eq!(hops(chain), MESH_HOPS);
    // Zipkin converts names to lower case.
    assert_eq!(chain[1].name, "get /api/catalog");
    assert_eq!(chain[2].name, "list_items");
    assert!(chain[3].name.starts_with("get"), "{:?}", chain[3]);
    assert_eq!(chain[5].name, "get /items");
    assert_eq!(chain[6].name, "load_items");
}

fn assert_custom_tags(chain: &[&Span]) {
    for span in [chain[1], chain[3]] {
        assert_eq!(span.tag("custom_tag"), Some("Test Tag"), "{span:#?}");
        assert_eq!(span.tag("zone"), Some(SHOP_ZONE), "{span:#?}");
        assert_eq!(span.tag("tenant"), Some("acme"), "{span:#?}");
    }
}

fn assert_one_request_id(chain: &[&Span]) {
    let first = chain[0].tag(REQUEST_ID);
    assert!(first.is_some(), "{chain:#?}");
    assert!(
        chain.iter().all(|s| s.tag(REQUEST_ID) == first),
        "{chain:#?}"
    );
}

fn assert_nested(chain: &[&Span]) {
    for span in chain {
        assert!(span.duration > 0, "{span:#?}");
    }
    for pair in chain.windows(2) {
        let [parent, child] = pair else {
            unreachable!()
        };
        let starts_within = child.timestamp >= parent.timestamp - CLOCK_SLACK;
        let ends_within = child.end() <= parent.end() + CLOCK_SLACK;
        let shorter = child.duration <= parent.duration + CLOCK_SLACK;
        assert!(starts_within && ends_within && shorter, "{pair:#?}");
    }
}

fn links(pairs: &[(&str, &str)]) -> BTreeSet<(String, String)> {
    let owned = |(parent, child): &(&str, &str)| (parent.to_string(), child.to_string());
    pairs.iter().map(owned).collect()
}

fn request_ids<'a>(spans: impl Iterator<Item = &'a Span>) -> BTreeSet<&'a str> {
    spans.filter_map(|s| s.tag(REQUEST_ID)).collect()
}
