//! Scene 8: the configuration names the wrong path of the collector, and is corrected while the
//! services run.

use std::time::Duration;

use serde_json::Value;

use crate::shop::Service;
use crate::stage::Stage;
use crate::trace::{REQUEST_ID, Trace, assert_whole};
use test_kit::backends::eventually;

const OPERATOR: &str = include_str!("documents/istio-operator.yaml");
const OVERRIDE: &str = include_str!("documents/bootstrap-override.yaml");
const WRONG: &str = "/zipkin/api/v1/spans";
const RIGHT: &str = "/api/v2/spans";
const COUNTED: Duration = Duration::from_secs(20);

/// Waits until a count of the reporter is reached.
async fn counted(stage: &Stage, service: &Service, count: u64, of: impl Fn(&Value) -> &Value) {
    eventually(&format!("{count} spans"), COUNTED, async || {
        let stats = service.stats(stage).await;
        let reached = of(&stats).as_u64() == Some(count);
        reached.then_some(()).ok_or(stats.to_string())
    })
    .await;
}

fn assert_nothing_lost_silently(stats: &Value) {
    let dropped = stats["dropped"].as_object().expect("the causes");
    let dropped: u64 = dropped.values().filter_map(Value::as_u64).sum();
    let count = |name: &str| stats[name].as_u64().expect("a count");
    let accounted = count("queued") + count("in_flight") + count("sent") + dropped;
    assert_eq!(count("finished"), accounted, "{stats}");
}

/// All spans of the service are dropped: one warning, and the counts show it.
async fn assert_delivery_failed(stage: &Stage, service: &Service, url: &str) {
    let warnings = service.log(&["WARN", "cannot deliver spans to"]);
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    let expected = format!("cannot deliver spans to {url}: 405 Method Not Allowed;");
    assert!(warnings[0].contains(&expected), "{warnings:?}");
    let stats = service.stats(stage).await;
    assert_nothing_lost_silently(&stats);
    assert_eq!(stats["sent"], 0, "{stats}");
}

/// The log has the warning about the path at the start, the failed delivery, and the recovery.
fn assert_recovery_is_logged(service: &Service, url: &str) {
    let warnings = service.log(&["WARN"]);
    assert_eq!(warnings.len(), 2, "{warnings:#?}");
    assert!(
        warnings[0].contains("the path of version 1"),
        "{warnings:?}"
    );
    let end = format!("spans are now sent to {url}");
    assert_eq!(service.log(&["INFO", &end, "dropped (refused"]).len(), 1);
}

/// Envoy does not report the failure. tower-b3 logs a warning, counts the spans, and needs no restart
/// when the path is corrected.
#[tokio::test]
async fn zipkin_refuses_the_wrong_path() {
    let Some(stage) = Stage::open("scene-8-zipkin").await else {
        return;
    };
    let zipkin = stage.zipkin();
    let mesh = stage.document("mesh", &[OPERATOR]);
    let mesh = mesh.with_zipkin(zipkin.addr());
    let overridden = stage.document("webapp", &[OPERATOR, OVERRIDE]);
    let mut overridden = overridden.with_zipkin(zipkin.addr());
    let shop = stage.shop_of("8", &overridden, &mesh).await;
    let (webapp, catalog) = (shop.webapp.name.clone(), shop.catalog.name.clone());

    for sent in [1, 2] {
        shop.visit(&stage, &[]).await;
        counted(
            &stage,
            &shop.webapp,
            3 * sent,
            |stats| &stats["dropped"]["refused"],
        )
        .await;
    }

    // Only the spans of webapp are missing.
    let catalogs = zipkin.traces(&catalog, 2, 2).await;
    assert!(
        catalogs
            .iter()
            .flatten()
            .all(|span| span.service == catalog)
    );
    assert!(!zipkin.services().await.contains(&webapp));
    let wrong = format!("http://{}{WRONG}", zipkin.addr());
    assert_delivery_failed(&stage, &shop.webapp, &wrong).await;

    overridden.edit(WRONG, RIGHT);
    eventually("spans after the correction", COUNTED, async || {
        shop.visit(&stage, &[]).await;
        let stats = shop.webapp.stats(&stage).await;
        let sent = stats["sent"].as_u64().is_some_and(|sent| sent > 0);
        sent.then_some(()).ok_or(stats.to_string())
    })
    .await;

    let after = ["after-1", "after-2", "after-3"];
    for id in after {
        shop.visit(&stage, &[("x-request-id", id)]).await;
    }
    assert_nothing_lost_silently(&shop.webapp.stats(&stage).await);
    let right = format!("http://{}{RIGHT}", zipkin.addr());
    assert_recovery_is_logged(&shop.webapp, &right);
    shop.close().await;
    let traces = zipkin.settled(&stage.http, &webapp).await;
    for id in after {
        let of_id = |trace: &&Trace| trace.iter().any(|span| span.tag(REQUEST_ID) == Some(id));
        let trace = traces.iter().find(of_id);
        let trace = trace.unwrap_or_else(|| panic!("no {id}"));
        assert_whole(trace, &webapp, &catalog);
    }
}

/// Jaeger responds 202 on the wrong path and loses the services, so the only sign is the warning at
/// the start.
#[tokio::test]
async fn jaeger_accepts_the_wrong_path_and_loses_the_spans() {
    let Some(stage) = Stage::open("scene-8-jaeger").await else {
        return;
    };
    let jaeger = stage.jaeger();
    let mesh = stage.document("mesh", &[OPERATOR]);
    let mesh = mesh.with_zipkin(jaeger.addr());
    let overridden = stage.document("webapp", &[OPERATOR, OVERRIDE]);
    let mut overridden = overridden.with_zipkin(jaeger.addr());
    let shop = stage.shop_of("8", &overridden, &mesh).await;
    let (webapp, catalog) = (shop.webapp.name.clone(), shop.catalog.name.clone());
    let warnings = shop.webapp.log(&["WARN"]);
    assert_eq!(warnings.len(), 1, "{warnings:#?}");
    let expected = format!("{WRONG} is the path of version 1");
    assert!(warnings[0].contains(&expected), "{warnings:?}");

    shop.visit(&stage, &[]).await;
    counted(&stage, &shop.webapp, 3, |stats| &stats["sent"]).await;
    eventually("catalog's spans", COUNTED, async || {
        let services = jaeger.services().await;
        let stored = services.contains(&catalog);
        stored.then_some(()).ok_or(format!("{services:?}"))
    })
    .await;
    assert!(!jaeger.services().await.contains(&webapp));

    overridden.edit(WRONG, RIGHT);
    eventually("spans after the correction", COUNTED, async || {
        shop.visit(&stage, &[]).await;
        let services = jaeger.services().await;
        let returned = services.contains(&webapp);
        returned.then_some(()).ok_or(format!("{services:?}"))
    })
    .await;
    assert_nothing_lost_silently(&shop.webapp.stats(&stage).await);
    shop.close().await;
}
