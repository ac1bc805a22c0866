//! Scene 5: 10 percent of the requests are sampled, by request id.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;

use crate::collector::Collector;
use crate::shop::Shop;
use crate::stage::Stage;
use crate::trace::{assert_whole, request_ids};
use test_kit::backends::eventually;

const OPERATOR: &str = include_str!("documents/istio-operator.yaml");
const ANNOTATION: &str = include_str!("documents/annotation.yaml");

const REQUESTS: u64 = 1_000;
const AT_ONCE: usize = 16;
const FOLLOWED: Duration = Duration::from_secs(10);
/// A request id in the last of the 10,000 buckets, which only 100 percent samples.
const LAST: &str = "0000270f-0000-4000-8000-000000000000";

/// A UUID of version 4 with pseudo-random bits that are the same in every run.
fn uuid(n: u64) -> String {
    let mix = |n: u64| {
        let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        n ^ (n >> 31)
    };
    let high = mix(n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let low = mix(high);
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xfff,
        0x8000 | (low >> 48) & 0x3fff,
        low & 0xffff_ffff_ffff
    )
}

/// A thousand request ids, among them the last one that 10 % samples, and the first one that it
/// does not.
fn thousand(from: u64) -> Vec<String> {
    let edges = [999, 1000].map(|bucket| format!("{bucket:08x}-0000-4000-8000-000000000000"));
    let others = (from..from + REQUESTS - 2).map(uuid);
    others.chain(edges).collect()
}

/// Envoy's decision: the first eight digits, modulo 10,000.
fn is_sampled(request_id: &str, percent: u64) -> bool {
    let digits = u64::from_str_radix(&request_id[..8], 16).expect("a UUID");
    digits % 10_000 < percent * 100
}

async fn visit_all(stage: &Stage, shop: &Shop, ids: &[String]) {
    stream::iter(ids)
        .for_each_concurrent(AT_ONCE, async |id| {
            shop.visit(stage, &[("x-request-id", id)]).await;
        })
        .await;
}

/// A change of the document takes effect after a moment.
async fn follows(stage: &Stage, shop: &Shop, sampled: &str) {
    let what = format!("x-b3-sampled: {sampled} of a request in the last bucket");
    eventually(&what, FOLLOWED, async || {
        let headers = shop.headers(stage, &[("x-request-id", LAST)]).await;
        let follows = headers["x-b3-sampled"] == sampled;
        follows.then_some(()).ok_or(headers.to_string())
    })
    .await;
}

/// Exactly the requests that Envoy would sample, about one in ten, are stored, with all spans.
async fn assert_ten_percent(stage: &Stage, collector: &Collector, shop: Shop, ids: &[String]) {
    let expected: BTreeSet<String> = ids
        .iter()
        .filter(|id| is_sampled(id, 10))
        .cloned()
        .collect();
    let (webapp, catalog) = (shop.webapp.name.clone(), shop.catalog.name.clone());
    shop.close().await;
    let mut traces = collector.settled(&stage.http, &webapp).await;
    traces.retain(|trace| trace.iter().all(|span| span.name != "get /headers"));

    let kept = traces.len() as f64;
    let requests = REQUESTS as f64;
    let deviation = (requests * 0.1 * 0.9).sqrt();
    assert!((kept - requests * 0.1).abs() <= 3.0 * deviation, "{kept}");
    assert_eq!(request_ids(&traces), expected);
    assert_eq!(traces.len(), expected.len());
    for trace in &traces {
        assert_whole(trace, &webapp, &catalog);
    }
}

#[tokio::test]
async fn for_the_mesh_while_it_runs() {
    let Some(stage) = Stage::open("scene-5-mesh").await else {
        return;
    };
    for collector in stage.both() {
        let document = stage.document("operator", &[OPERATOR]);
        let mut document = document.with_zipkin(collector.addr());
        let shop = stage.shop("5-mesh", &document).await;
        follows(&stage, &shop, "1").await;

        document.edit("sampling: 100", "sampling: 10");
        follows(&stage, &shop, "0").await;
        let ids = thousand(0);
        visit_all(&stage, &shop, &ids).await;

        assert_ten_percent(&stage, &collector, shop, &ids).await;
    }
}

#[tokio::test]
async fn for_one_workload() {
    let Some(stage) = Stage::open("scene-5-workload").await else {
        return;
    };
    for collector in stage.both() {
        let mesh = stage.document("mesh", &[OPERATOR]);
        let mesh = mesh.with_zipkin(collector.addr());
        // With the document of the mesh too: the annotation overrides it.
        let webapp = stage.document("webapp", &[OPERATOR, ANNOTATION]);
        let webapp = webapp.with_zipkin(collector.addr());
        let annotated = "            sampling: ";
        let webapp = webapp.with(&format!("{annotated}100"), &format!("{annotated}10"));
        let shop = stage.shop_of("5-workload", &webapp, &mesh).await;
        let ids = thousand(REQUESTS);
        visit_all(&stage, &shop, &ids).await;

        assert_ten_percent(&stage, &collector, shop, &ids).await;
    }
}
