//! 5,000 spans in a trace, 5,000 traces: elements only for what is in sight.

use serde_json::Value;

use crate::{
    harness::{Page, browse},
    spans::{products, seconds_ago, span, timed, view},
};

/// A root with 4,999 spans below it, ten to a parent.
pub fn large_trace() -> Vec<Value> {
    let start = seconds_ago(60);
    let one = |id: u64| {
        let parent = if id == 1 { 0 } else { (id - 2) / 10 + 1 };
        let service = format!("worker-{}", id % 5);
        timed(
            span(9_008, id, parent, &service, &format!("step {id}")),
            start + id * 700,
            4_000_000 - id * 710,
        )
    };
    (1..=5_000).map(one).collect()
}

/// 5,000 traces of two spans.
pub fn post_many(page: &Page) {
    let start = seconds_ago(5_000);
    for part in 0..5 {
        let spans = (0..1_000_u64).flat_map(|index| {
            let trace = 1 + part * 1_000 + index;
            products(trace, start + trace * 900_000, 1_000 + trace * 7 % 90_000)
        });
        page.post(&spans.collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn five_thousand_spans_scroll() {
    browse("large_trace", async |page: Page| {
        page.post(&large_trace());
        page.open(&view(9_008)).await;
        page.until_text(".facts", "Spans 5000").await;
        page.until(
            "document.querySelector('.spans').getAttribute('aria-rowcount')",
            "5000",
        )
        .await;
        assert!(page.count(".spans .row").await < 60);
        page.keys(&["G"]).await;
        page.until("document.querySelector('.row.selected').rowIndex", 4_999)
            .await;
        assert!(page.count(".spans .row").await < 120);
        page.fill(".find input", "step 2500").await;
        page.until_text(".panel h2", "step 2500").await;
        page.until_text(".row.selected", "step 2500").await;
        page.keys(&["Escape", "z"]).await;
        page.until(
            "document.querySelector('.spans').getAttribute('aria-rowcount')",
            "11",
        )
        .await;
        for (key, tab) in [("2", ".flame"), ("3", ".span-table"), ("4", ".statistics")] {
            page.keys(&[key]).await;
            page.until_count(tab, 1).await;
            assert!(page.count("main *").await < 3_000);
        }
    })
    .await;
}

#[tokio::test]
async fn a_chain_of_five_thousand_spans_is_shown() {
    browse("chain", async |page: Page| {
        let start = seconds_ago(60);
        let one = |id: u64| {
            timed(
                span(9, id, id - 1, "chain", "link"),
                start + id,
                20_000 - 2 * id,
            )
        };
        page.post(&(1..=5_000).map(one).collect::<Vec<_>>());
        page.open(&view(9)).await;
        page.until_text(".facts", "Depth 5000").await;
        page.keys(&["G"]).await;
        page.until("document.querySelector('.row.selected').rowIndex", 4_999)
            .await;
        page.keys(&["2"]).await;
        page.until_count(".flame", 1).await;
    })
    .await;
}

#[tokio::test]
async fn five_thousand_traces_scroll() {
    browse("large_list", async |page: Page| {
        post_many(&page);
        page.open("/").await;
        page.until_text(".list-bar h1", "5,000 traces").await;
        page.until(
            "document.querySelector('.traces').getAttribute('aria-rowcount')",
            "5000",
        )
        .await;
        assert!(page.count(".traces .row").await < 60);
        page.keys(&["G"]).await;
        page.until("document.querySelector('.row.selected').rowIndex", 4_999)
            .await;
        assert!(page.count(".traces .row").await < 120);
    })
    .await;
}
