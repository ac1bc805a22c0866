use crate::shop::SHOP_ZONE;
use crate::stage::Stage;
use crate::trace::{Trace, chain};

const PROXY_CONFIG: &str = include_str!("documents/custom-tags.yaml");
const PROVIDER: &str = include_str!("documents/telemetry-zipkin.yaml");
const TELEMETRY: &str = include_str!("documents/telemetry-tags.yaml");

/// Local spans, which have no kind, have no custom tags.
#[track_caller]
fn assert_tags(trace: &Trace) {
    // webapp's call has no `x-tenant` header, so catalog has the default.
    let tenants = ["acme", "acme", "nobody"];
    let exchanges = chain(trace)
        .into_iter()
        .filter(|span| !span.kind.is_empty());
    for (span, tenant) in exchanges.zip(tenants) {
        assert_eq!(span.tag("custom_tag"), Some("Test Tag"), "{span:#?}");
        assert_eq!(span.tag("zone"), Some(SHOP_ZONE), "{span:#?}");
        assert_eq!(span.tag("region"), Some("nowhere"), "{span:#?}");
        assert_eq!(span.tag("tenant"), Some(tenant), "{span:#?}");
    }
}

#[tokio::test]
async fn the_tags_are_on_the_workloads_spans() {
    let Some(stage) = Stage::open("scene-7").await else {
        return;
    };
    for collector in stage.both() {
        let proxy_config = stage.document("proxy-config", &[PROXY_CONFIG]);
        let proxy_config = proxy_config.with_zipkin(collector.addr());
        let addr = collector.addr();
        let telemetry = stage.document("telemetry", &[PROVIDER, TELEMETRY]);
        let telemetry = telemetry
            .with(
                "zipkin.istio-system.svc.cluster.local",
                &addr.ip().to_string(),
            )
            .with("9411", &addr.port().to_string());
        for (name, document) in [("7", proxy_config), ("7-telemetry", telemetry)] {
            let shop = stage.shop(name, &document).await;

            shop.visit(&stage, &[("x-tenant", "acme")]).await;
            let traces = collector.traces(&shop.webapp.name, 1, 5).await;
            assert_tags(&traces[0]);
            shop.close().await;
        }
    }
}
