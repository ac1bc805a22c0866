use crate::stage::Stage;
use crate::trace::{REQUEST_ID, assert_whole, chain};

const OPERATOR: &str = include_str!("documents/istio-operator.yaml");

/// The headers that Istio asks an application to forward, as a sidecar sends them. The `9` in the
/// request id means "sampled".
const CARRIED: [(&str, &str); 7] = [
    ("x-request-id", "6f4bbdb1-8a0c-9b3a-9d43-0a1b2c3d4e5f"),
    ("x-b3-traceid", "463ac35c9f6413ad48485a3953bb6124"),
    ("x-b3-spanid", "a2fb4a1d1a96d312"),
    ("x-b3-parentspanid", "48485a3953bb6124"),
    ("x-b3-sampled", "1"),
    ("x-b3-flags", "1"),
    ("x-ot-span-context", "463ac35c9f6413ad;a2fb4a1d1a96d312;1"),
];

#[tokio::test]
async fn one_connected_tree_over_all_services() {
    let Some(stage) = Stage::open("scene-3").await else {
        return;
    };
    for collector in stage.both() {
        let document = stage.document("operator", &[OPERATOR]);
        let document = document.with_zipkin(collector.addr());
        let shop = stage.shop("3", &document).await;
        let (webapp, catalog) = (shop.webapp.name.clone(), shop.catalog.name.clone());

        for _ in 0..3 {
            shop.visit(&stage, &[]).await;
        }

        for trace in collector.traces(&webapp, 3, 5).await {
            assert_whole(&trace, &webapp, &catalog);
            let chain = chain(&trace);
            let request_id = chain[0].tag(REQUEST_ID);
            assert!(request_id.is_some(), "{trace:#?}");
            // Local spans, which have no kind, are not exchanges.
            for span in chain.iter().filter(|span| !span.kind.is_empty()) {
                assert_eq!(span.tag(REQUEST_ID), request_id, "{trace:#?}");
            }
        }
        shop.close().await;
    }
}

/// The caller's trace continues, and headers of other systems are forwarded unchanged.
#[tokio::test]
async fn incoming_headers_are_forwarded() {
    let Some(stage) = Stage::open("scene-3-carried").await else {
        return;
    };
    let document = stage.document("operator", &[OPERATOR]);
    let document = document.with_zipkin(stage.zipkin().addr());
    let shop = stage.shop("3-carried", &document).await;

    let headers = shop.headers(&stage, &CARRIED).await;

    for (name, value) in CARRIED {
        match name {
            // webapp's CLIENT span, below its SERVER span.
            "x-b3-spanid" | "x-b3-parentspanid" => assert_ne!(headers[name], value, "{name}"),
            _ => assert_eq!(headers[name], value, "{name}"),
        }
    }
    shop.close().await;
    let traces = stage.zipkin().traces("webapp-3-carried", 1, 3).await;
    let server = traces[0]
        .iter()
        .find(|span| span.kind == "SERVER" && span.service.starts_with("webapp"));
    let server = server.expect("webapp's SERVER span");
    assert_eq!(server.parent.as_deref(), Some(CARRIED[2].1));
    assert_eq!(server.trace_id, CARRIED[1].1);
}
