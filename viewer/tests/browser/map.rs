//! The service map.

use serde_json::{Value, json};

use crate::{
    harness::{Page, browse},
    spans::{order, products, seconds_ago, span, timed, with},
};

#[tokio::test]
async fn calls_are_shown_and_lead_to_their_traces() {
    browse("map", async |page: Page| {
        page.post(&order(2, seconds_ago(5)));
        page.post(&products(3, seconds_ago(4), 9_000));
        page.open("/map").await;
        page.until_count(".map-service", 5).await;
        page.until_text(".calls-table .rows", "gateway → payments").await;
        let row = "[...document.querySelectorAll('.calls-table .row:not([hidden])')].find((row) => row.innerText.includes('payments')).innerText.replace(/\\s+/g, ' ')";
        page.until(&format!("{row}.includes('100 %')"), true).await;
        page.until(&format!("/(18|20)\\.0 ms/.test({row})"), true).await;
        page.until_count(".map-edge.failed", 1).await;
        page.eval("[...document.querySelectorAll('.calls-table .row')].find((row) => row.innerText.includes('payments')).click()").await;
        page.until("location.pathname", "/").await;
        page.until_text(".list-bar", "gateway calls payments").await;
        page.until_text(".list-bar h1", "1 trace").await;
        page.until_text(".traces .row", "post /orders").await;
        page.click("button[aria-label='Show all calls']").await;
        page.until_text(".list-bar h1", "2 traces").await;
    })
    .await;
}

/// Fifty services that call each other over a few layers, two of them in a circle.
fn fifty_services() -> Vec<Value> {
    let mut spans = Vec::new();
    let calls = (1..50_u64)
        .map(|callee| (callee * 7 % (callee / 4 + 1), callee))
        .chain([(40, 2), (9, 30), (11, 45)]);
    for (index, (caller, callee)) in calls.enumerate() {
        let trace = 1_000 + index as u64;
        let start = seconds_ago(60);
        let [caller, callee] = [caller, callee].map(|number| format!("service-{number:02}"));
        spans.push(with(
            timed(span(trace, 1, 0, &caller, "call"), start, 9_000),
            json!({ "kind": "CLIENT" }),
        ));
        spans.push(with(
            timed(span(trace, 2, 1, &callee, "call"), start + 100, 8_000),
            json!({ "kind": "SERVER" }),
        ));
    }
    spans
}

#[tokio::test]
async fn fifty_services_do_not_overlap() {
    browse("map_fifty", async |page: Page| {
        page.post(&fifty_services());
        page.open("/map").await;
        page.until_count(".map-service", 50).await;
        page.until_count(".map-edge", 52).await;
        let overlaps = "(() => { \
            const boxes = [...document.querySelectorAll('.map-service')].map((node) => node.getBoundingClientRect()); \
            return boxes.filter((a, i) => boxes.some((b, j) => j > i && a.left < b.right && b.left < a.right \
                && a.top < b.bottom && b.top < a.bottom)).length; })()";
        page.until(overlaps, 0).await;
        // Figures that can be seen cover neither services nor each other.
        let covered = "(() => { \
            const services = [...document.querySelectorAll('.map-service foreignObject')]; \
            const labels = [...document.querySelectorAll('.map-figures:not(.waits)')]; \
            const boxes = [...services, ...labels].map((node) => node.getBBox()); \
            return boxes.filter((a, i) => boxes.some((b, j) => j > i && a.x < b.x + b.width && b.x < a.x + a.width \
                && a.y < b.y + b.height && b.y < a.y + a.height)).length; })()";
        page.until(covered, 0).await;
        page.keys(&["0"]).await;
        let outside = "(() => { const map = document.querySelector('.map-canvas').getBoundingClientRect(); \
            return [...document.querySelectorAll('.map-service')].map((node) => node.getBoundingClientRect()) \
                .filter((box) => box.left < map.left || box.right > map.right || box.top < map.top || box.bottom > map.bottom).length; })()";
        page.until(outside, 0).await;
    })
    .await;
}

#[tokio::test]
async fn a_service_leads_to_its_traces_by_keyboard() {
    browse("map_keyboard", async |page: Page| {
        page.post(&order(2, seconds_ago(5)));
        page.post(&products(3, seconds_ago(4), 9_000));
        page.open("/map").await;
        page.until_count(".map-service", 5).await;
        page.eval("[...document.querySelectorAll('.map-service')].find((node) => node.textContent.includes('catalog')).focus()").await;
        page.keys(&["Enter"]).await;
        page.until("location.search", "?service=catalog").await;
        page.until_text(".list-bar h1", "1 trace").await;
    })
    .await;
}

#[tokio::test]
async fn a_service_without_spans_leads_to_the_calls_of_it() {
    browse("map_remote", async |page: Page| {
        page.post(&products(3, seconds_ago(4), 9_000));
        page.post(&[with(
            timed(span(4, 1, 0, "gateway", "get"), seconds_ago(3), 2_000),
            json!({ "kind": "CLIENT", "remoteEndpoint": { "serviceName": "redis", "port": 6379 } }),
        )]);
        page.open("/map").await;
        page.until_count(".map-service", 3).await;
        page.eval("[...document.querySelectorAll('.map-service')].find((node) => node.textContent.includes('redis')).focus()").await;
        page.keys(&["Enter"]).await;
        page.until("location.search", "?remote=redis").await;
        page.until_text(".list-bar h1", "1 trace").await;
        page.until_text(".list-bar", "Calls of redis").await;
        page.click("button[aria-label='Show all calls']").await;
        page.until_text(".list-bar h1", "2 traces").await;
    })
    .await;
}
