//! Two traces side by side.

use crate::{
    harness::{Page, browse},
    spans::{order, products, seconds_ago, span, timed, trace_id},
};

/// Two requests for the products, of 8 and 12 ms; the second calls `prices` too.
fn post_two(page: &Page) {
    page.post(&products(1, seconds_ago(20), 8_000));
    let start = seconds_ago(10);
    let mut second = products(2, start, 12_000);
    second.push(timed(
        span(2, 3, 1, "prices", "get /prices"),
        start + 9_500,
        1_000,
    ));
    page.post(&second);
}

#[tokio::test]
async fn differences_are_shown() {
    browse("compare", async |page: Page| {
        post_two(&page);
        page.open(&format!("/compare?a={}&b={}", trace_id(1), trace_id(2)))
            .await;
        page.until_text(".compare-sums", "+4.00 ms 8.00 ms → 12.0 ms")
            .await;
        page.until_text(".compare-sums", "In both 2").await;
        page.until_text(".compare-sums", "Only in A 0").await;
        page.until_text(".compare-sums", "Only in B 1").await;
        page.until_text(".row.only-b", "prices").await;
        page.until_text(".row[aria-rowindex='2'] .slower", "+2.00 ms")
            .await;
        page.keys(&["n"]).await;
        page.until_text(".row.selected", "prices").await;
        page.keys(&["s"]).await;
        page.until_text(".row.only-a", "prices").await;
        page.until_text(".compare-sums", "−4.00 ms").await;
        page.keys(&["End", "Enter"]).await;
        page.until_text(".panel h2", "get /prices").await;
    })
    .await;
}

#[tokio::test]
async fn two_marked_traces_are_compared() {
    browse("mark", async |page: Page| {
        post_two(&page);
        page.open("/").await;
        page.until_text(".list-bar h1", "2 traces").await;
        page.keys(&["C"]).await;
        page.until_text(".toast", "Mark two traces").await;
        page.keys(&["j", "c", "j", "c", "C"]).await;
        page.until("location.pathname", "/compare").await;
        page.until_text(".compare-sums", "In both 2").await;
    })
    .await;
}

#[tokio::test]
async fn only_differences_can_be_shown() {
    browse("differences", async |page: Page| {
        page.post(&order(1, seconds_ago(20)));
        page.post(&order(2, seconds_ago(10)));
        page.open(&format!("/compare?a={}&b={}", trace_id(1), trace_id(2)))
            .await;
        page.until_count(".compare-grid .row:not([hidden])", 5)
            .await;
        page.keys(&["d"]).await;
        page.until_count(".compare-grid .row:not([hidden])", 0)
            .await;
        page.open(&format!("/compare?a={}&b=abcdef", trace_id(1)))
            .await;
        page.until_text(".empty", "Trace B cannot be shown").await;
    })
    .await;
}
