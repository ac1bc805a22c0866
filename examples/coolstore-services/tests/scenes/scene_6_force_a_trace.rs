use std::collections::BTreeSet;

use crate::stage::Stage;
use crate::trace::{assert_whole, request_ids};

const OPERATOR: &str = include_str!("documents/istio-operator.yaml");

#[tokio::test]
async fn five_of_seven_are_forced() {
    let Some(stage) = Stage::open("scene-6").await else {
        return;
    };
    for collector in stage.both() {
        let document = stage.document("operator", &[OPERATOR]);
        let document = document.with("sampling: 100", "sampling: 0");
        let document = document.with_zipkin(collector.addr());
        let shop = stage.shop("6", &document).await;
        let (webapp, catalog) = (shop.webapp.name.clone(), shop.catalog.name.clone());

        let ids = (1..=7).map(|n| format!("0000000{n}-0000-4000-8000-000000000000"));
        let ids: Vec<String> = ids.collect();
        for (n, id) in ids.iter().enumerate() {
            let headers = [
                ("x-request-id", id.as_str()),
                ("x-envoy-force-trace", "true"),
            ];
            let forced = if n < 5 { 2 } else { 1 };
            shop.visit(&stage, &headers[..forced]).await;
        }

        shop.close().await;
        let traces = collector.settled(&stage.http, &webapp).await;
        assert_eq!(traces.len(), 5, "{traces:#?}");
        for trace in &traces {
            assert_whole(trace, &webapp, &catalog);
        }
        let forced: BTreeSet<String> = ids[..5].iter().cloned().collect();
        assert_eq!(request_ids(&traces), forced);
    }
}
