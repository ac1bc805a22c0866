//! One trace: waterfall, panel, find, flame graph, table, statistics, download.

use serde_json::{Value, json};

use crate::{
    harness::{Page, browse},
    spans::{order, seconds_ago, span, timed, trace_id, view, with},
};

/// Posts the failed order, waits for its waterfall.
async fn open_order(page: &Page) {
    page.post(&order(2, 1_700_000_000_000_000));
    page.open(&view(2)).await;
    page.until_count(".spans .row:not([hidden])", 5).await;
}

/// The rows from the top: level, service and name.
const ROWS: &str = "[...document.querySelectorAll('.spans .row:not([hidden])')]\
    .sort((a, b) => a.rowIndex - b.rowIndex)\
    .map((row) => `${row.getAttribute('aria-level')} ${row.querySelector('.service').textContent}`)\
    .join('|')";

#[tokio::test]
async fn the_waterfall_shows_the_tree() {
    browse("waterfall", async |page: Page| {
        open_order(&page).await;
        page.until(ROWS, "1 gateway|2 gateway|3 payments|2 inventory|1 audit").await;
        page.until_text(".facts", "Duration 40.0 ms").await;
        page.until_text(".facts", "Errors 1").await;
        page.until_text(".notes", "dead").await;
        page.until_count(".row.failed .row-error:not([hidden])", 1).await;
        page.until_count(".span-extra .tick", 1).await;
        // The critical path leads through the spans that decide when the root ends.
        page.until_count(".row[aria-rowindex='1'] .on-path", 3).await;
        page.until_count(".row[aria-rowindex='5'] .on-path", 0).await;
        page.click("button[title='Critical path (x)']").await;
        page.until_count(".on-path", 0).await;
        let bar = "(() => { const lane = document.querySelector('.row[aria-rowindex=\"4\"] .lane').getBoundingClientRect(); \
            const bar = document.querySelector('.row[aria-rowindex=\"4\"] .span-bar').getBoundingClientRect(); \
            return [Math.round((bar.left - lane.left) / lane.width * 1000), Math.round(bar.width / lane.width * 1000)]; })()";
        page.until(bar, json!([625, 250])).await;
    })
    .await;
}

#[tokio::test]
async fn spans_collapse_and_expand() {
    browse("collapse", async |page: Page| {
        open_order(&page).await;
        page.click(".row[aria-rowindex='2'] .twist").await;
        page.until(ROWS, "1 gateway|2 gateway|2 inventory|1 audit").await;
        page.until("document.querySelector('.row[aria-rowindex=\"2\"]').getAttribute('aria-expanded')", "false").await;
        // The error below a collapsed span is still said.
        page.until("document.querySelector('.row[aria-rowindex=\"2\"] .row-error').getAttribute('aria-label')", "1 error below").await;
        page.click(".row[aria-rowindex='2'] .twist").await;
        page.until(ROWS, "1 gateway|2 gateway|3 payments|2 inventory|1 audit").await;
    })
    .await;
}

#[tokio::test]
async fn a_drag_zooms() {
    browse("zoom", async |page: Page| {
        open_order(&page).await;
        page.drag(".minimap canvas", (0.5, 0.5), (0.9, 0.5)).await;
        page.until_count(
            ".trace-bar button[title^='Show the whole time']:not([hidden])",
            1,
        )
        .await;
        page.until_text(".axis", "22 ms").await;
        page.until(
            "document.querySelector('.axis').innerText.includes('10 ms')",
            false,
        )
        .await;
        page.until(
            "/from=(20|19)\\d{3}&to=3[56]\\d{3}/.test(location.search)",
            true,
        )
        .await;
        page.drag(".head-lane", (0.0, 0.5), (0.5, 0.5)).await;
        page.until("/to=2[78]\\d{3}/.test(location.search)", true)
            .await;
        page.click(".trace-bar button[title^='Show the whole time']")
            .await;
        page.until_text(".axis", "10 ms").await;
        page.until("location.search.includes('from')", false).await;
    })
    .await;
}

#[tokio::test]
async fn the_panel_shows_the_span() {
    browse("panel", async |page: Page| {
        open_order(&page).await;
        page.click(".row[aria-rowindex='3'] .service").await;
        page.until_text(".panel h2", "post /charge").await;
        page.until_text(".panel .figures", "18.0 ms").await;
        page.until_text(".panel", "card declined").await;
        page.until_text(".panel .annotations", "9.00 ms retry 1 of 3")
            .await;
        page.until_text(".panel", "10.0.0.7:8080").await;
        page.until_text(".panel", &format!("{:016x}", 3)).await;
        let groups =
            "[...document.querySelectorAll('.tag-group h4')].map((node) => node.innerText).join()";
        page.until(groups, "Error,Tags,HTTP,Network,Process").await;
        page.until(
            "document.querySelector('.tag-row a[target]').href",
            "https://example.org/declined",
        )
        .await;
        page.until(
            "document.querySelector('.tag-row a[target]').rel",
            "noopener noreferrer nofollow",
        )
        .await;
        page.fill(".panel input", "status").await;
        page.until_count(".tag-row", 1).await;
        page.until_text(".tag-row", "http.status_code 503").await;
        page.click(".panel-section button.link").await;
        page.until_text(".panel", "No tags").await;
        page.click(".panel button[aria-label='Close the panel']")
            .await;
        page.until_count(".panel[hidden]", 1).await;
    })
    .await;
}

#[tokio::test]
async fn buttons_copy() {
    browse("copy", async |page: Page| {
        open_order(&page).await;
        page.click(".row[aria-rowindex='3'] .service").await;
        page.click(".copy-buttons button:nth-child(1)").await;
        assert_eq!(page.copied().await, format!("{:016x}", 3));
        page.click(".copy-buttons button:nth-child(2)").await;
        let curl = page.copied().await;
        let start = format!("curl -i -X POST -H 'b3: {}-", trace_id(2));
        let end = format!("-1-{:016x}' 'http://payments:8080/charge?card=it%27s'", 3);
        assert!(curl.starts_with(&start) && curl.ends_with(&end), "{curl}");
        page.click(".copy-buttons button:nth-child(3)").await;
        let span: Value = serde_json::from_str(&page.copied().await).expect("JSON");
        assert_eq!(span["tags"]["error"], "card declined");
        page.click(".trace-head button[aria-label='Copy the trace id']")
            .await;
        assert_eq!(page.copied().await, trace_id(2));
    })
    .await;
}

#[tokio::test]
async fn find_marks_and_moves() {
    browse("find", async |page: Page| {
        open_order(&page).await;
        page.keys(&["/"]).await;
        page.fill(".find input", "charge").await;
        page.until_count(".row.match:not([hidden])", 2).await;
        page.until_text(".find-count", "1 of 2").await;
        page.until_text(".row.selected", "gateway").await;
        page.keys(&["Escape", "n"]).await;
        page.until_text(".row.selected", "payments").await;
        page.until_text(".find-count", "2 of 2").await;
        page.keys(&["N"]).await;
        page.until_text(".row.selected", "gateway").await;
        // Tags and annotations are searched too.
        page.fill(".find input", "retry 1").await;
        page.until_count(".row.match:not([hidden])", 1).await;
        page.fill(".find input", "nowhere").await;
        page.until_text(".find-count", "none").await;
    })
    .await;
}

#[tokio::test]
async fn flame_table_and_statistics_show_the_same_spans() {
    browse("views", async |page: Page| {
        open_order(&page).await;
        page.click("#tab-flame").await;
        page.until_text(".flame-line", "gateway post /orders").await;
        page.keys(&["Down"]).await;
        page.until_text(".flame-line", "gateway post /charge").await;
        page.keys(&["Down", "Enter"]).await;
        page.until_text(".panel h2", "post /charge").await;
        page.click("#tab-table").await;
        page.until_count(".table-rows .row:not([hidden])", 5).await;
        page.fill(".find input", "charge").await;
        page.until_count(".table-rows .row.match:not([hidden])", 2)
            .await;
        page.fill(".find input", "").await;
        page.until_count(".table-rows .row.match:not([hidden])", 0)
            .await;
        page.click(".table-head button[data-column=duration]").await;
        page.until_text(".table-rows .row[aria-rowindex='1']", "40.0 ms")
            .await;
        page.click(".table-head button[data-column=duration]").await;
        page.until_text(".table-rows .row[aria-rowindex='1']", "1.00 ms")
            .await;
        page.click("#tab-statistics").await;
        page.until_text(".statistics .row[aria-rowindex='1']", "post /charge")
            .await;
        page.click(".statistics button.toggle").await;
        page.until_count(".statistics .row:not([hidden])", 4).await;
        page.click(".table-head button[data-column=errors]").await;
        page.until_text(".statistics .row[aria-rowindex='1']", "payments")
            .await;
        page.click(".statistics .row[aria-rowindex='1']").await;
        page.until_text(".panel h2", "post /charge").await;
        page.until("document.querySelector('.trace').dataset.tab", "waterfall")
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_download_can_be_uploaded_again() {
    browse("download", async |page: Page| {
        open_order(&page).await;
        page.click(".trace-actions button[title^='Zipkin JSON']")
            .await;
        let file = page
            .downloaded(&format!("trace-{}.json", trace_id(2)))
            .await;
        let spans: Value = serde_json::from_str(&file).expect("JSON");
        assert_eq!(spans.as_array().map(Vec::len), Some(5));
        let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("again.json");
        std::fs::write(&path, file).unwrap();
        assert_eq!(page.request("DELETE", "/viewer/traces", "").status, 204);
        page.open("/").await;
        page.until_text(".empty", "No traces yet").await;
        page.choose_file("input[type=file]", &path).await;
        page.until_count(".spans .row:not([hidden])", 5).await;
    })
    .await;
}

#[tokio::test]
async fn clock_skew_is_said() {
    browse("skew", async |page: Page| {
        let start = seconds_ago(10);
        let client = json!({ "kind": "CLIENT", "remoteEndpoint": { "serviceName": "orders", "ipv4": "10.0.0.8" } });
        let server = json!({
            "kind": "SERVER", "shared": true, "localEndpoint": { "serviceName": "orders", "ipv4": "10.0.0.8" },
        });
        page.post(&[
            with(timed(span(5, 1, 0, "gateway", "post /orders"), start, 40_000), client),
            // An hour early, which cannot be: it was caused by the client's request.
            with(timed(span(5, 1, 0, "orders", "post /orders"), start - 3_600_000_000, 30_000), server),
        ]);
        page.open(&view(5)).await;
        page.until_text(".facts", "40.0 ms").await;
        page.until_text(".notes", "clock").await;
        page.click(".notes button").await;
        page.until_text(".panel .remark", "clock").await;
    })
    .await;
}

#[tokio::test]
async fn a_trace_that_is_not_there_is_said() {
    browse("no_trace", async |page: Page| {
        page.open("/traces/00000000000000000000000000abcdef").await;
        page.until_text(".empty h1", "There is no such trace").await;
        page.click(".empty a").await;
        page.until("location.pathname", "/").await;
    })
    .await;
}
