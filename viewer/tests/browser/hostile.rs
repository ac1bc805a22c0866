//! Spans that want to break the page: markup, scripts, endless texts, foreign directions of writing.

use serde_json::{Value, json};

use crate::{
    harness::{Page, browse},
    spans::{seconds_ago, span, timed, trace_id, view, with},
};

const IMAGE: &str = "<img src=x onerror=\"alert(1)\">";

fn hostile_spans() -> Vec<Value> {
    let start = seconds_ago(10);
    let at = |span, offset| timed(span, start + offset, 900);
    vec![
        with(
            timed(span(6, 1, 0, IMAGE, IMAGE), start, 20_000),
            json!({
                "kind": "SERVER",
                "tags": {
                    "link": "javascript:alert(1)", "data": "data:text/html,<script>alert(1)</script>",
                    "upper": "JaVaScRiPt:alert(1)", "space": " javascript:alert(1)", "http.url": "javascript://%0aalert(1)",
                    "real": "https://example.org/?q=<b>", "<script>alert(1)</script>": IMAGE,
                    "big": "x".repeat(1 << 20), "rtl": "مرحبا \u{202e}txt.exe", "emoji": "👩‍👩‍👧‍👦🚀", "__proto__": "p", "constructor": "c",
                },
                "annotations": [{ "timestamp": start + 5_000, "value": IMAGE }],
            }),
        ),
        with(
            at(
                span(6, 2, 1, &"s".repeat(10_000), &"n".repeat(10_000)),
                1_000,
            ),
            json!({ "tags": { "error": IMAGE } }),
        ),
        at(span(6, 3, 2, "שירות", "שלום \u{202e}עולם"), 1_100),
        at(span(6, 4, 1, "__proto__", "constructor"), 3_000),
        at(span(6, 5, 1, "🚀", &"👩‍👩‍👧‍👦".repeat(200)), 4_000),
        span(6, 6, 1, "", ""),
        // Each is the other's parent.
        at(span(6, 7, 8, "circle", "one"), 5_000),
        at(span(6, 8, 7, "circle", "two"), 6_000),
    ]
}

/// No element that the page did not make, and nothing that sticks out of the window.
async fn check(page: &Page) {
    let foreign = "return document.querySelectorAll('img, iframe, script:not([src]), object, embed, [onerror]').length \
        + [...document.querySelectorAll('a[href]')].filter((link) => !['http:', 'https:'].includes(link.protocol)).length";
    assert_eq!(page.eval(foreign).await, json!(0));
    let wide = page
        .eval("return document.documentElement.scrollWidth <= innerWidth")
        .await;
    assert_eq!(wide, json!(true));
}

#[tokio::test]
async fn hostile_spans_are_text_in_every_view() {
    browse("hostile", async |page: Page| {
        page.post(&hostile_spans());
        page.open("/").await;
        page.until_text(".traces .row", "onerror=").await;
        check(&page).await;
        page.open("/map").await;
        page.until_text(".map-svg, .empty", "").await;
        page.until("document.querySelectorAll('.map-service').length > 4", true)
            .await;
        check(&page).await;
        page.open(&format!("/compare?a={}&b={}", trace_id(6), trace_id(6)))
            .await;
        page.until_text(".compare-sums", "In both 8").await;
        check(&page).await;
        for tab in ["waterfall", "flame", "table", "statistics"] {
            page.open(&format!("{}?view={tab}", view(6))).await;
            page.until("document.querySelector('.trace')?.dataset.tab", tab)
                .await;
            check(&page).await;
        }
    })
    .await;
}

#[tokio::test]
async fn only_web_addresses_are_links() {
    browse("hostile_links", async |page: Page| {
        page.post(&hostile_spans());
        page.open(&format!("{}?span={:016x}", view(6), 1)).await;
        page.until_count(".tag-row", 12).await;
        let links =
            "[...document.querySelectorAll('.tag-row a[target]')].map((link) => link.href).join()";
        page.until(links, "https://example.org/?q=%3Cb%3E").await;
        page.until_text(".panel .annotations", IMAGE).await;
        page.until(
            "document.querySelector('.copy-buttons button:nth-child(2)').disabled",
            true,
        )
        .await;
        check(&page).await;
    })
    .await;
}

#[tokio::test]
async fn long_values_are_shown_in_parts() {
    browse("hostile_long", async |page: Page| {
        page.post(&hostile_spans());
        page.open(&format!("{}?span={:016x}", view(6), 1)).await;
        page.until_count(".tag-row", 12).await;
        assert!(page.text(".panel").await.len() < 20_000);
        page.until_text(
            ".panel .tag-row button.link",
            "Show more (1,047,376 characters)",
        )
        .await;
        page.click(".panel .tag-row button.link").await;
        page.until_text(
            ".panel .tag-row button.link",
            "Show more (1,027,376 characters)",
        )
        .await;
        page.open(&format!("{}?span={:016x}", view(6), 2)).await;
        page.until_text(".panel h2", "nnnn").await;
        assert!(page.text("main").await.len() < 60_000);
        check(&page).await;
    })
    .await;
}

#[tokio::test]
async fn directions_of_writing_end_with_their_text() {
    browse("hostile_rtl", async |page: Page| {
        page.post(&hostile_spans());
        page.open(&view(6)).await;
        page.until_text(".spans", "שלום").await;
        let isolated = "[...document.querySelectorAll('bdi')].every((node) => getComputedStyle(node).unicodeBidi.includes('isolate'))";
        page.until(isolated, true).await;
        // Nothing that a span says is outside of such an element.
        let loose = "[...document.querySelectorAll('main *')].filter((node) => !node.closest('bdi, title, code') \
            && [...node.childNodes].some((child) => child.nodeType === 3 && /[\\u0590-\\u06ff\\u202e]/.test(child.data))).length";
        page.until(loose, 0).await;
    })
    .await;
}
