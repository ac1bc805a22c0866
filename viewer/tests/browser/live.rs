//! Live updates: new traces on top, pause, spans that come late.

use crate::{
    harness::{Page, browse},
    spans::{order, products, seconds_ago, view},
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
