//! Live updates: new traces on top, pause, spans that come late.

use serde_json::json;

use crate::{
    harness::{Page, browse},
    spans::{order, products, seconds_ago, span, timed, view, with},
};

#[tokio::test]
async fn new_traces_appear_on_top() {
    browse("live", async |page: Page| {
        page.open("/").await;
        page.until("document.getElementById('live').dataset.state", "on").await;
        page.post(&products(1, seconds_ago(9), 5_000));
        page.until_text(".list-bar h1", "1 trace").await;
        page.post(&order(2, seconds_ago(1)));
        page.until_text(".traces .row[aria-rowindex='1']", "post /orders").await;
        page.until_text(".list-bar h1", "2 traces").await;
        // A service that was not known before can be chosen.
        page.until("[...document.querySelector('[name=service]').options].some(({ value }) => value === 'payments')", true).await;
    })
    .await;
}

#[tokio::test]
async fn one_key_pauses_and_resumes() {
    browse("pause", async |page: Page| {
        page.open("/").await;
        page.until("document.getElementById('live').dataset.state", "on")
            .await;
        page.keys(&["p"]).await;
        page.until("document.getElementById('live').dataset.state", "paused")
            .await;
        page.post(&products(1, seconds_ago(9), 5_000));
        page.until_text("#live-text", "1 new").await;
        assert_eq!(page.count(".traces .row").await, 0);
        page.keys(&["p"]).await;
        page.until_text(".list-bar h1", "1 trace").await;
    })
    .await;
}

#[tokio::test]
async fn filters_apply_to_new_traces() {
    browse("live_filters", async |page: Page| {
        page.open("/?tags=error&errors=true").await;
        page.until("document.getElementById('live').dataset.state", "on")
            .await;
        page.post(&products(1, seconds_ago(9), 5_000));
        page.post(&order(2, seconds_ago(1)));
        page.until_text(".list-bar h1", "1 trace").await;
        page.until_text(".traces .row", "post /orders").await;
    })
    .await;
}

#[tokio::test]
async fn late_spans_join_the_open_trace() {
    browse("late", async |page: Page| {
        let mut spans = order(3, seconds_ago(2));
        let late = spans.split_off(3);
        page.post(&spans);
        page.open(&view(3)).await;
        page.until_count(".spans .row:not([hidden])", 3).await;
        page.keys(&["j", "j"]).await;
        page.post(&late);
        page.until_count(".spans .row:not([hidden])", 5).await;
    })
    .await;
}

#[tokio::test]
async fn the_map_follows_new_traces() {
    browse("live_map", async |page: Page| {
        page.open("/map").await;
        page.until_text(".empty", "No services yet").await;
        page.post(&order(2, seconds_ago(1)));
        page.until_count(".map-service", 4).await;
    })
    .await;
}

#[tokio::test]
async fn many_pages_can_be_open() {
    browse("many_pages", async |page: Page| {
        page.post(&products(1, seconds_ago(9), 5_000));
        // More than the connections that a browser has to a server.
        for _ in 0..9 {
            page.open_tab("/").await;
            page.until_text(".list-bar h1", "1 trace").await;
        }
        page.post(&products(2, seconds_ago(1), 5_000));
        page.until_text(".list-bar h1", "2 traces").await;
        page.first_tab().await;
        page.until_text(".list-bar h1", "2 traces").await;
    })
    .await;
}

#[tokio::test]
async fn a_paused_page_counts_traces_not_updates() {
    browse("pause_count", async |page: Page| {
        page.open("/").await;
        page.until("document.getElementById('live').dataset.state", "on")
            .await;
        page.keys(&["p"]).await;
        page.post(&products(1, seconds_ago(9), 5_000));
        page.until_text("#live-text", "1 new").await;
        page.post(&[timed(
            span(1, 3, 1, "prices", "get /prices"),
            seconds_ago(8),
            900,
        )]);
        page.post(&products(2, seconds_ago(7), 5_000));
        page.until_text("#live-text", "2 new").await;
        // Another update of both traces has come when this third trace has.
        page.post(&products(1, seconds_ago(9), 6_000));
        page.post(&products(3, seconds_ago(7), 5_000));
        page.until_text("#live-text", "3 new").await;
    })
    .await;
}

/// Holds back the answers on traces until `release()` is called.
const HOLD: &str = "const { fetch } = window; const held = []; \
    window.held = () => held.length; window.release = () => held.splice(0).forEach((go) => go()); \
    window.fetch = async (...request) => { const response = await fetch(...request); \
        if (String(request[0]).includes('viewer/summaries')) await new Promise((go) => held.push(go)); \
        return response; };";

#[tokio::test]
async fn a_trace_that_arrives_during_a_query_stays() {
    browse("live_query", async |page: Page| {
        page.open("/").await;
        page.until("document.getElementById('live').dataset.state", "on")
            .await;
        page.until_text(".empty", "No traces yet").await;
        page.keys(&["p"]).await;
        page.post(&products(1, seconds_ago(9), 5_000));
        page.until_text("#live-text", "1 new").await;
        page.eval(HOLD).await;
        page.keys(&["p"]).await;
        page.until("window.held()", 1).await;
        page.post(&order(2, seconds_ago(1)));
        page.until_text(".traces", "post /orders").await;
        page.eval("release()").await;
        page.until_text(".traces", "get /products").await;
        page.until_text(".list-bar h1", "2 traces").await;
        page.until_text(".traces", "post /orders").await;
    })
    .await;
}

#[tokio::test]
async fn a_trace_is_one_when_the_rest_of_its_id_comes() {
    browse("live_ids", async |page: Page| {
        page.open("/").await;
        page.until("document.getElementById('live').dataset.state", "on")
            .await;
        let short = format!("{:016x}", 21);
        page.post(&[with(
            timed(span(21, 2, 1, "catalog", "select"), seconds_ago(9), 100),
            json!({ "traceId": short }),
        )]);
        page.until_text(".list-bar h1", "1 trace").await;
        page.until(
            "document.querySelector('.traces .row a').pathname",
            format!("/traces/{short}"),
        )
        .await;
        page.keys(&["j", "c"]).await;
        page.post(&[timed(
            span(21, 1, 0, "gateway", "get /products"),
            seconds_ago(10),
            2_000_000,
        )]);
        page.until_text(".traces .row", "get /products").await;
        page.until_text(".list-bar h1", "1 trace").await;
        page.until(
            "document.querySelector('.traces .row a').pathname",
            view(21),
        )
        .await;
        page.until(
            "document.querySelector('.list-bar h1').innerText",
            "1 trace",
        )
        .await;
        page.until_count(".traces .row.selected:not([hidden]) .pick :checked", 1)
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_page_that_was_refused_connects_later() {
    browse("live_refused", async |page: Page| {
        let others: Vec<_> = (0..64).map(|_| page.listen()).collect();
        page.open("/").await;
        page.until_text(".empty", "No traces yet").await;
        page.until(
            "performance.getEntriesByName(`${location.origin}/viewer/events`).length > 0",
            true,
        )
        .await;
        page.until_text("#live-text", "Not connected").await;
        drop(others);
        // The viewer notices who is gone when it has something to say.
        page.post(&products(1, seconds_ago(9), 5_000));
        page.until("document.getElementById('live').dataset.state", "on")
            .await;
        page.until_text(".list-bar h1", "1 trace").await;
    })
    .await;
}
