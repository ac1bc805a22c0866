//! A window of 360 pixels: nothing sticks out, everything can be reached.

use crate::{
    harness::{Page, browse},
    spans::{order, products, seconds_ago, span, timed, trace_id, view},
};

/// Controls in sight that stick out of the window, and whether the page scrolls sideways.
const OUTSIDE: &str = "(() => { \
    const parts = [...document.querySelectorAll('button, input, select, h1, h2, .tabs')] \
        .filter((node) => node.checkVisibility() && !node.closest('.sr-only, .map-svg, .legend')) \
        .filter((node) => { const box = node.getBoundingClientRect(); return box.right > innerWidth + 1 || box.left < -1; }) \
        .map((node) => node.outerHTML.slice(0, 100)); \
    if (document.documentElement.scrollWidth > innerWidth) parts.push('the page scrolls sideways'); \
    return parts.join(); })()";

#[tokio::test]
async fn every_view_fits() {
    browse("narrow", async |page: Page| {
        page.resize(360, 740).await;
        page.post(&order(2, seconds_ago(20)));
        page.post(&products(3, seconds_ago(10), 9_000));
        page.open("/").await;
        page.until_text(".list-bar h1", "2 traces").await;
        page.until(OUTSIDE, "").await;
        page.until_count("input[name=min]", 1).await;
        page.click(".more-button").await;
        page.fill("input[name=min]", "20ms").await;
        page.until_text(".list-bar h1", "1 of 2 traces").await;
        page.until(OUTSIDE, "").await;
        for tab in ["waterfall", "flame", "table", "statistics"] {
            page.open(&format!("{}?view={tab}", view(2))).await;
            page.until("document.querySelector('.trace')?.dataset.tab", tab)
                .await;
            page.until(OUTSIDE, "").await;
        }
        page.open("/map").await;
        page.until_count(".map-service", 5).await;
        page.until(OUTSIDE, "").await;
        page.open(&format!("/compare?a={}&b={}", trace_id(2), trace_id(3)))
            .await;
        page.until_text(".compare-sums", "Only in A").await;
        page.until(OUTSIDE, "").await;
    })
    .await;
}

#[tokio::test]
async fn the_panel_covers_the_waterfall_and_closes() {
    browse("narrow_panel", async |page: Page| {
        page.resize(360, 740).await;
        page.post(&order(2, seconds_ago(20)));
        page.open(&view(2)).await;
        page.click(".row[aria-rowindex='3'] .service").await;
        page.until_text(".panel h2", "post /charge").await;
        page.until("document.querySelector('.panel').offsetWidth", 360)
            .await;
        page.until(OUTSIDE, "").await;
        page.click(".panel button[aria-label='Close the panel']")
            .await;
        page.until_count(".panel[hidden]", 1).await;
        page.click(".row[aria-rowindex='2'] .twist").await;
        page.until_count(".spans .row:not([hidden])", 4).await;
    })
    .await;
}

/// Texts of this selector that are cut, and where no ellipsis says so.
fn cut_without_ellipsis(selector: &str) -> String {
    format!(
        "[...document.querySelectorAll({selector:?})].filter((node) => node.checkVisibility()).filter((node) => {{ \
            const row = node.closest('.row').getBoundingClientRect(); \
            const box = node.getBoundingClientRect(); \
            const cut = node.scrollWidth > node.clientWidth && getComputedStyle(node).textOverflow !== 'ellipsis'; \
            return cut || box.width < 8 || box.right > row.right + 1 || box.bottom > row.bottom + 1; \
        }}).map((node) => node.textContent).join()"
    )
}

#[tokio::test]
async fn names_have_room_or_an_ellipsis() {
    browse("narrow_names", async |page: Page| {
        page.resize(360, 740).await;
        page.post(&order(2, seconds_ago(20)));
        page.post(&products(3, seconds_ago(10), 9_000));
        page.open(&format!("/compare?a={}&b={}", trace_id(2), trace_id(3)))
            .await;
        page.until_text(".compare-sums", "Only in A").await;
        let names = ".compare-grid .row:not([hidden]) bdi";
        page.until(&cut_without_ellipsis(names), "").await;
        // The whole name of a service can be read, though its row is indented.
        let whole = "[...document.querySelectorAll('.compare-grid .row:not([hidden]) .service')]\
            .filter((node) => node.scrollWidth > node.clientWidth).length";
        page.until(whole, 0).await;
        page.open(&format!("{}?view=statistics", view(2))).await;
        page.until_text(".statistics .rows", "payments").await;
        let cells = ".statistics .row:not([hidden]) .widest bdi";
        page.until(&format!("document.querySelectorAll({cells:?}).length"), 5)
            .await;
        page.until(&cut_without_ellipsis(cells), "").await;
    })
    .await;
}

#[tokio::test]
async fn chips_that_do_not_fit_are_counted() {
    browse("narrow_chips", async |page: Page| {
        let start = seconds_ago(20);
        let services = ["gateway", "users", "inventory", "payments", "mail", "orders", "audit"];
        let spans: Vec<_> = services
            .iter()
            .zip(1..)
            .map(|(service, id)| timed(span(8, id, u64::from(id > 1), service, "work"), start, 900))
            .collect();
        page.post(&spans);
        let counted = "(() => { const row = document.querySelector('.traces .row:not([hidden]) .chips'); \
            const box = row?.getBoundingClientRect(); const last = row?.lastChild; \
            if (!last?.matches('.more') || last.getBoundingClientRect().right > box.right + 1) return 'no count'; \
            return row.querySelectorAll('.chip').length + Number(last.textContent.slice(1)); })()";
        let chips = "document.querySelectorAll('.traces .row:not([hidden]) .chip').length";
        page.open("/").await;
        page.until(chips, 6).await;
        page.until(counted, 7).await;
        page.resize(360, 740).await;
        page.until(&format!("{chips} < 4 && {chips} > 1"), true).await;
        page.until(counted, 7).await;
    })
    .await;
}
