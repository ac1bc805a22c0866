//! The list of traces: rows, filters, order, brush, files.

use serde_json::json;

use crate::{
    harness::{Page, browse},
    spans::{order, products, seconds_ago, span, view},
};

/// Three traces: products that took 5 ms and 400 ms, and a failed order of 40 ms.
fn post_three(page: &Page) {
    page.post(&products(1, seconds_ago(300), 5_000));
    page.post(&order(2, seconds_ago(200)));
    page.post(&products(3, seconds_ago(100), 400_000));
}

/// The root spans of the rows in sight, from the top.
const ROWS: &str = "[...document.querySelectorAll('.traces .row:not([hidden])')]\
    .sort((a, b) => a.rowIndex - b.rowIndex)\
    .map((row) => row.querySelector('.name a').innerText.replace(/\\s+/g, ' '))\
    .join('|')";

#[tokio::test]
async fn rows_show_root_services_duration_and_errors() {
    browse("rows", async |page: Page| {
        post_three(&page);
        page.open("/").await;
        page.until(
            ROWS,
            "gateway get /products|gateway post /orders|gateway get /products",
        )
        .await;
        page.until_text(".list-bar h1", "3 traces").await;
        page.until_count(".traces .mark-error", 3).await;
        page.until_count(".traces .mark-error:not([hidden])", 1)
            .await;
        page.until_text(".traces .row.failed", "40.0 ms").await;
        page.until_text(".traces .row.failed .chips", "payments")
            .await;
        page.until_text(".traces .row.failed .age", "3 min ago")
            .await;
        page.until_text(
            ".place",
            "Production belongs to Zipkin, Jaeger or an OpenTelemetry backend",
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn filters_narrow_the_list() {
    browse("filters", async |page: Page| {
        post_three(&page);
        page.open("/").await;
        page.until_text(".list-bar h1", "3 traces").await;

        page.click("button[aria-pressed].toggle").await;
        page.until(ROWS, "gateway post /orders").await;
        page.click("button[aria-pressed].toggle").await;
        page.until_text(".list-bar h1", "3 traces").await;

        page.fill("input[name=min]", "100ms").await;
        page.until_text(".list-bar h1", "1 of 3 traces").await;
        page.fill("input[name=min]", "soon").await;
        page.until(
            "document.querySelector('[name=min]').getAttribute('aria-invalid')",
            "true",
        )
        .await;
        page.fill("input[name=min]", "").await;
        page.fill("input[name=max]", "6ms").await;
        page.until(ROWS, "gateway get /products").await;
        page.fill("input[name=max]", "").await;

        page.fill("input[name=tags]", "error=card declined").await;
        page.until(ROWS, "gateway post /orders").await;
        assert!(
            page.path().await.contains("tags=error%3Dcard+declined"),
            "{}",
            page.path().await
        );
        page.fill("input[name=tags]", "").await;
        page.until_text(".list-bar h1", "3 traces").await;

        page.click("select[name=service] option[value=catalog]")
            .await;
        page.until_text(".list-bar h1", "2 traces").await;
        page.until_count("select[name=span] option", 2).await;
        page.click("select[name=service] option[value=payments]")
            .await;
        page.click("select[name=span] option[value='post /charge']")
            .await;
        page.until(ROWS, "gateway post /orders").await;
    })
    .await;
}

#[tokio::test]
async fn the_address_restores_filters_and_order() {
    browse("filters_address", async |page: Page| {
        post_three(&page);
        page.open("/?service=catalog&sort=longest").await;
        page.until_text(".traces", "400 ms").await;
        page.until_text(".list-bar h1", "2 traces").await;
        page.until("document.querySelector('[name=service]').value", "catalog")
            .await;
        let first = page.text(".traces .row[aria-rowindex='1'] .time").await;
        assert_eq!(first, "400 ms");
        page.click("select[aria-label=Order] option[value=shortest]")
            .await;
        page.until_text(".traces .row[aria-rowindex='1'] .time", "5.00 ms")
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_brush_over_the_scatter_narrows_the_list() {
    browse("brush", async |page: Page| {
        post_three(&page);
        page.open("/").await;
        page.until_text(".list-bar h1", "3 traces").await;
        page.until("document.querySelector('.scatter canvas').getAttribute('aria-label').includes('1 with errors')", true).await;
        // The failed order is in the middle of the time.
        page.drag(".scatter canvas", (0.3, 0.02), (0.7, 0.84)).await;
        page.until(ROWS, "gateway post /orders").await;
        page.until_text(".list-bar h1", "1 of 3 traces").await;
        assert!(page.path().await.contains("brush="), "{}", page.path().await);
        page.keys(&["Escape"]).await;
        page.until_text(".list-bar h1", "3 traces").await;
    })
    .await;
}

#[tokio::test]
async fn a_point_of_the_scatter_opens_its_trace() {
    browse("scatter_point", async |page: Page| {
        page.post(&products(7, seconds_ago(60), 5_000));
        page.open("/").await;
        page.until_text(".list-bar h1", "1 trace").await;
        // The only trace is in the middle of the axes.
        let middle = "const box = document.querySelector('.scatter canvas').getBoundingClientRect(); \
            return [(52 + (box.width - 60) / 2) / box.width, (8 + (box.height - 28) / 2) / box.height]";
        let middle = page.eval(middle).await;
        let middle = (middle[0].as_f64().unwrap(), middle[1].as_f64().unwrap());
        page.drag(".scatter canvas", middle, middle).await;
        page.until("location.pathname", view(7)).await;
    })
    .await;
}

#[tokio::test]
async fn a_file_is_opened_and_a_wrong_one_is_refused() {
    browse("files", async |page: Page| {
        let dir = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
        let (right, wrong) = (dir.join("order.json"), dir.join("wrong.json"));
        std::fs::write(
            &right,
            serde_json::Value::from(order(9, seconds_ago(5))).to_string(),
        )
        .unwrap();
        std::fs::write(&wrong, "{").unwrap();
        page.open("/").await;
        page.until_text(".empty", "No traces yet").await;
        page.until_text(".empty", "/api/v2/spans").await;
        page.choose_file("input[type=file]", &wrong).await;
        page.until_text(".toast.error", "wrong.json").await;
        page.choose_file("input[type=file]", &right).await;
        page.until("location.pathname", view(9)).await;
        page.until_text(".trace-head h1", "gateway post /orders")
            .await;
    })
    .await;
}

#[tokio::test]
async fn clearing_asks_first() {
    browse("clear", async |page: Page| {
        post_three(&page);
        page.open("/").await;
        page.until_text(".list-bar h1", "3 traces").await;
        page.click("button[title='Delete all traces']").await;
        page.click("dialog .actions button:first-child").await;
        page.until_count("dialog", 0).await;
        page.until_text(".list-bar h1", "3 traces").await;
        page.click("button[title='Delete all traces']").await;
        page.click("dialog .actions button.primary").await;
        page.until_text(".empty", "No traces yet").await;
        page.until(
            "document.querySelector('.list-bar h1').innerText",
            "0 traces",
        )
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_brush_from_zero_is_drawn() {
    browse("brush_zero", async |page: Page| {
        page.post(&products(1, seconds_ago(9), 1));
        page.open("/").await;
        page.until_text(".list-bar h1", "1 trace").await;
        page.keys(&["j", "z"]).await;
        page.until("/brush=\\d+-\\d+-1-\\d+$/.test(location.search)", true)
            .await;
        for brush in [
            "1-9000000000000000-0-2",
            "0-8e300-0-9e300",
            "5-5-1-2",
            "1-2",
        ] {
            page.open(&format!("/?brush={brush}")).await;
            page.until_text(".traces", "get /products").await;
        }
        page.open("/?brush=1-9000000000000000-0-2").await;
        page.until_text(".brush:not([hidden])", "1 µs – 2 µs").await;
    })
    .await;
}

#[tokio::test]
async fn traces_without_a_time_are_not_among_the_points() {
    browse("untimed", async |page: Page| {
        page.post(&[span(1, 1, 0, "gateway", "no time")]);
        page.open("/").await;
        page.until_text(".traces .row .age", "–").await;
        let label = "document.querySelector('.scatter canvas').getAttribute('aria-label')";
        page.until(label, "Durations over time: no traces").await;
        page.post(&products(2, seconds_ago(9), 5_000));
        page.until(&format!("{label}.includes(': 1 trace,')"), true)
            .await;
        page.until_text(".list-bar h1", "2 traces").await;
    })
    .await;
}

#[tokio::test]
async fn the_axis_has_dates_if_the_traces_are_days_apart() {
    browse("axis", async |page: Page| {
        page.post(&products(1, seconds_ago(4 * 86_400), 5_000));
        page.post(&products(2, seconds_ago(9), 5_000));
        page.open("/").await;
        page.until_text(".list-bar h1", "2 traces").await;
        page.eval(
            "window.drawn = []; const { fillText } = CanvasRenderingContext2D.prototype; \
             CanvasRenderingContext2D.prototype.fillText = function (text, ...place) { \
                 drawn.push(text); fillText.call(this, text, ...place); }",
        )
        .await;
        page.keys(&["t"]).await;
        page.until(
            "drawn.filter((text) => /^\\d\\d-\\d\\d \\d\\d:\\d\\d$/.test(text)).length > 2",
            true,
        )
        .await;
        page.until("drawn.some((text) => /:\\d\\d:/.test(text))", false)
            .await;
    })
    .await;
}

#[tokio::test]
async fn the_sentence_of_a_refusal_is_shown() {
    browse("refused", async |page: Page| {
        let large = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("large.json");
        let file = std::fs::File::create(&large).unwrap();
        file.set_len((64 << 20) + 1).unwrap();
        page.open("/").await;
        page.until_text(".empty", "No traces yet").await;
        page.choose_file("input[type=file]", &large).await;
        page.until_text(".toast.error", "large.json: The body is larger than")
            .await;
    })
    .await;
}

#[tokio::test]
async fn the_way_back_from_a_trace_keeps_the_filters() {
    browse("search_back", async |page: Page| {
        post_three(&page);
        let search = "/?service=catalog&sort=longest";
        page.open(search).await;
        page.until_text(".list-bar h1", "2 traces").await;
        page.keys(&["j", "Enter"]).await;
        page.until("location.pathname", view(3)).await;
        page.until_count(".spans .row:not([hidden])", 2).await;
        page.keys(&["b"]).await;
        page.until("location.pathname + location.search", search)
            .await;
        page.until_text(".list-bar h1", "2 traces").await;
        page.click("[data-nav='/map']").await;
        page.until("location.pathname", "/map").await;
        page.click(".views [data-nav='/']").await;
        page.until("location.pathname + location.search", search)
            .await;
        page.click("button[title='Reset all filters']").await;
        page.until_text(".list-bar h1", "3 traces").await;
        page.click("[data-nav='/map']").await;
        page.until("location.pathname", "/map").await;
        page.keys(&["g", "t"]).await;
        page.until("location.pathname + location.search", "/?sort=longest")
            .await;
    })
    .await;
}

#[tokio::test]
async fn the_tag_error_is_an_error_whatever_its_value() {
    browse("error_tag", async |page: Page| {
        let mut spans = products(5, seconds_ago(9), 5_000);
        spans[1]["tags"] = json!({ "error": "false" });
        page.post(&spans);
        page.open("/").await;
        page.until_text(".traces .mark-error", "1 error").await;
        page.keys(&["j", "Enter"]).await;
        page.until_text(".facts", "Errors 1").await;
        page.until_count(".spans .row.failed", 1).await;
    })
    .await;
}
