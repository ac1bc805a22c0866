//! An open trace to which spans are added.

use serde_json::{Value, json};

use crate::{
    harness::{Page, browse},
    spans::{seconds_ago, span, timed, view, with},
};

const TRACE: u64 = 11;

/// The first span of a request, which may go on for long.
fn root(start: u64) -> Value {
    timed(span(TRACE, 1, 0, "gateway", "get /slow"), start, 900_000)
}

/// A call that begins this many microseconds later.
fn call(start: u64, id: u64, name: &str, offset: u64) -> Value {
    timed(span(TRACE, id, 1, "stock", name), start + offset, 1_000)
}

const FOCUSED: &str =
    "document.activeElement.className || document.activeElement.getAttribute('aria-label')";

#[tokio::test]
async fn a_late_span_leaves_the_focus_and_the_selection() {
    browse("late_focus", async |page: Page| {
        let start = seconds_ago(5);
        page.post(&[root(start), call(start, 2, "second", 500_000)]);
        page.open(&view(TRACE)).await;
        page.until_count(".spans .row:not([hidden])", 2).await;
        page.keys(&["/", "s", "e"]).await;
        page.post(&[call(start, 3, "first", 100_000)]);
        page.until_count(".spans .row:not([hidden])", 3).await;
        page.until(FOCUSED, "Find in the trace").await;
        // What is typed before and after makes one text.
        page.keys(&["c"]).await;
        page.until("document.querySelector('.find input').value", "sec")
            .await;
        page.until_count(".row.match:not([hidden])", 1).await;

        page.keys(&["Escape", "G"]).await;
        page.until_text(".row.selected", "second").await;
        page.until(FOCUSED, "rows spans").await;
        page.post(&[call(start, 4, "before both", 50_000)]);
        page.until_count(".spans .row:not([hidden])", 4).await;
        page.until_text(".row.selected", "second").await;
        page.until_count(".row.selected", 1).await;
        page.until(FOCUSED, "rows spans").await;
        page.keys(&["y"]).await;
        assert_eq!(page.copied().await, format!("{:016x}", 2));
    })
    .await;
}

#[tokio::test]
async fn the_rest_of_a_span_is_shown_when_it_comes() {
    browse("late_part", async |page: Page| {
        let start = seconds_ago(5);
        let mut begun = call(start, 2, "charge", 500_000);
        begun.as_object_mut().expect("an object").remove("duration");
        page.post(&[root(start), begun]);
        page.open(&view(TRACE)).await;
        page.until_text(".row[aria-rowindex='2']", "no duration")
            .await;
        page.keys(&["G", "Enter"]).await;
        page.until_text(".panel", "No tags").await;
        page.eval("document.querySelector('.copy-buttons button').focus()")
            .await;
        let ended = call(start, 2, "charge", 500_000);
        page.post(&[with(ended, json!({ "tags": { "error": "declined" } }))]);
        page.until_text(".row[aria-rowindex='2']", "1.00 ms").await;
        page.until_text(".facts", "Errors 1").await;
        page.until_text(".panel .tag-row", "declined").await;
        page.until("document.activeElement.innerText", "Copy id")
            .await;
    })
    .await;
}

#[tokio::test]
async fn late_spans_leave_the_window_and_the_other_views() {
    browse("late_views", async |page: Page| {
        let start = seconds_ago(5);
        page.post(&[root(start), call(start, 2, "second", 500_000)]);
        page.open(&format!("{}?view=table&from=400000&to=700000", view(TRACE)))
            .await;
        page.until_count(".table-rows .row:not([hidden])", 2).await;
        page.click(".table-head button[data-column=duration]").await;
        page.keys(&["G"]).await;
        page.until_text(".table-rows .row.selected", "second").await;
        // It begins before the others, so that the same time is 100 ms later in the trace.
        let early = timed(span(TRACE, 3, 1, "stock", "early"), start - 100_000, 2_000);
        page.post(&[early]);
        page.until_count(".table-rows .row:not([hidden])", 3).await;
        page.until_text(".table-rows .row.selected", "second").await;
        page.until_text(".table-rows .row[aria-rowindex='1']", "get /slow")
            .await;
        page.click("#tab-statistics").await;
        page.until_text(".statistics", "early").await;
        page.until(
            "[...new URLSearchParams(location.search)].filter(([name]) => name !== 'view').join()",
            "from,500000,to,800000",
        )
        .await;
        page.click("#tab-flame").await;
        page.until_text(".flame-line", "get /slow").await;
        page.post(&[call(start, 4, "later", 600_000)]);
        page.until_text(".facts", "Spans 4").await;
        page.keys(&["Down"]).await;
        page.until_text(".flame-line", "stock").await;
    })
    .await;
}

#[tokio::test]
async fn a_trace_that_was_not_there_is_shown_when_it_comes() {
    browse("late_trace", async |page: Page| {
        page.open(&view(TRACE)).await;
        page.until_text(".empty h1", "There is no such trace").await;
        page.until("document.getElementById('live').dataset.state", "on")
            .await;
        page.post(&[root(seconds_ago(5))]);
        page.until_count(".spans .row:not([hidden])", 1).await;
    })
    .await;
}
