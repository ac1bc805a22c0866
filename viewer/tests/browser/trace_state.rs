//! The address of a trace restores what was shown.

use crate::{
    harness::{Page, browse},
    spans::{order, seconds_ago, view},
};

#[tokio::test]
async fn the_address_restores_the_view() {
    browse("address", async |page: Page| {
        page.post(&order(2, seconds_ago(5)));
        page.open(&view(2)).await;
        page.until_count(".spans .row:not([hidden])", 5).await;
        page.keys(&["j", "j", "h"]).await;
        page.until_count(".spans .row:not([hidden])", 4).await;
        page.keys(&["j", "Enter", "+", "x"]).await;
        page.fill(".find input", "inventory").await;
        page.until("['collapsed', 'span', 'from', 'find', 'path'].every((name) => new URLSearchParams(location.search).has(name))", true).await;
        let path = page.path().await;
        page.open("/").await;
        page.open(&path).await;
        page.until_text(".panel h2", "get stock").await;
        page.until_count(".spans .row:not([hidden])", 4).await;
        page.until_count(".row.match:not([hidden])", 1).await;
        page.until_count(".on-path", 0).await;
        page.until_count(".trace-bar button[title^='Show the whole time']:not([hidden])", 1).await;
        page.until("location.pathname + location.search", path).await;
    })
    .await;
}

#[tokio::test]
async fn the_address_restores_the_tab() {
    browse("address_tab", async |page: Page| {
        page.post(&order(2, seconds_ago(5)));
        page.open(&format!("{}?view=statistics", view(2))).await;
        page.until_text(".statistics", "payments").await;
        page.until(
            "document.querySelector('[role=tab][aria-selected=true]').innerText",
            "Statistics",
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn back_returns_to_the_list() {
    browse("back", async |page: Page| {
        page.post(&order(2, seconds_ago(5)));
        page.open("/?errors=true").await;
        page.click(".traces .name a").await;
        page.until("location.pathname", view(2)).await;
        page.until_count(".spans .row:not([hidden])", 5).await;
        page.eval("history.back()").await;
        page.until("location.pathname + location.search", "/?errors=true")
            .await;
        page.until_text(".list-bar h1", "1 trace").await;
    })
    .await;
}
