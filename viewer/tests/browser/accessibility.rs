//! axe-core's checks on every view, in both themes and at two widths, and reduced motion.

use serde_json::{Value, json};

use crate::{
    harness::{Page, browse},
    spans::{order, products, seconds_ago, trace_id, view},
};

/// Runs axe-core, whose file the environment variable names.
async fn check(page: &Page, what: &str) {
    let path = std::env::var("AXE").expect("AXE names axe.min.js: install.sh sets it");
    let axe = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    page.eval(&axe).await;
    let script = "const done = arguments[arguments.length - 1]; \
        axe.run().then(({ violations }) => done(violations.map(({ id, help, nodes }) => \
            ({ id, help, nodes: nodes.slice(0, 3).map(({ html, failureSummary }) => [html.slice(0, 200), failureSummary]) }))))";
    let violations = page.eval_async(script).await;
    assert_eq!(violations, json!([]), "{what}: {violations:#}");
}

/// The views, and an expression that is true when each has been drawn.
fn views() -> Vec<(String, &'static str)> {
    let rows = "document.querySelectorAll('.row:not([hidden])').length > 1";
    let mut views = vec![
        ("/".to_owned(), rows),
        (
            "/?min=3h".to_owned(),
            "document.querySelector('.empty')?.innerText.includes('No trace matches') ?? false",
        ),
        (
            "/map".to_owned(),
            "document.querySelectorAll('.map-service').length === 5",
        ),
        (
            format!("/compare?a={}&b={}", trace_id(2), trace_id(3)),
            rows,
        ),
        (
            format!("{}?span={:016x}&find=charge", view(2), 3),
            "document.querySelectorAll('.panel .tag-row').length === 8",
        ),
    ];
    views.extend(["table", "statistics"].map(|tab| (format!("{}?view={tab}", view(2)), rows)));
    views.push((
        format!("{}?view=flame", view(2)),
        "document.querySelector('.flame canvas')?.width > 100",
    ));
    views
}

async fn check_views(page: &Page, theme: &str, width: u32) {
    page.resize(width, 800).await;
    page.media(&[("prefers-color-scheme", theme)]).await;
    page.post(&order(2, seconds_ago(20)));
    page.post(&products(3, seconds_ago(10), 9_000));
    for (path, drawn) in views() {
        page.open(&path).await;
        page.until(drawn, true).await;
        check(page, &format!("{path}, {theme}, {width} pixels")).await;
    }
    page.keys(&["?"]).await;
    page.until_count("dialog.help", 1).await;
    check(page, &format!("help, {theme}, {width} pixels")).await;
}

#[tokio::test]
async fn axe_finds_nothing_in_light() {
    browse("axe_light", async |page: Page| {
        check_views(&page, "light", 1280).await
    })
    .await;
}

#[tokio::test]
async fn axe_finds_nothing_in_dark() {
    browse("axe_dark", async |page: Page| {
        check_views(&page, "dark", 1280).await
    })
    .await;
}

#[tokio::test]
async fn axe_finds_nothing_in_a_narrow_window() {
    browse("axe_narrow", async |page: Page| {
        check_views(&page, "light", 360).await
    })
    .await;
}

/// That axe-core runs at all: it finds what is put there to be found.
#[tokio::test]
async fn axe_finds_a_field_without_a_label() {
    browse("axe_works", async |page: Page| {
        page.open("/").await;
        page.until_count(".filters", 1).await;
        page.eval("document.querySelector('main').append(document.createElement('input'))").await;
        let path = std::env::var("AXE").expect("AXE names axe.min.js: install.sh sets it");
        page.eval(&std::fs::read_to_string(path).expect("axe.min.js")).await;
        let found = page
            .eval_async("const done = arguments[arguments.length - 1]; axe.run().then(({ violations }) => done(violations.map(({ id }) => id)))")
            .await;
        assert!(found.as_array().is_some_and(|ids| ids.contains(&Value::from("label"))), "{found}");
    })
    .await;
}

#[tokio::test]
async fn reduced_motion_is_respected() {
    browse("motion", async |page: Page| {
        page.media(&[("prefers-reduced-motion", "reduce")]).await;
        page.open("/").await;
        page.until("document.getElementById('live').dataset.state", "on")
            .await;
        page.post(&products(3, seconds_ago(1), 9_000));
        page.until_count(".row.fresh", 1).await;
        page.until("document.getAnimations().length", 0).await;
        page.until(
            "getComputedStyle(document.querySelector('.row.fresh') ?? document.body).animationName",
            "none",
        )
        .await;
    })
    .await;
}
