//! Everything by keyboard: lists, trees, views, help, theme.

use crate::{
    harness::{Page, browse},
    spans::{order, products, seconds_ago, view},
};

#[tokio::test]
async fn keys_move_through_the_list_and_open_a_trace() {
    browse("keys_list", async |page: Page| {
        page.post(&products(1, seconds_ago(30), 5_000));
        page.post(&order(2, seconds_ago(20)));
        page.post(&products(3, seconds_ago(10), 5_000));
        page.open("/").await;
        page.until_text(".list-bar h1", "3 traces").await;
        page.keys(&["j", "j", "j", "k"]).await;
        page.until("document.querySelector('.row.selected').rowIndex", 1).await;
        page.until("document.activeElement.getAttribute('aria-activedescendant') === document.querySelector('.row.selected').id", true).await;
        page.keys(&["G"]).await;
        page.until("document.querySelector('.row.selected').rowIndex", 2).await;
        page.keys(&["g", "g"]).await;
        page.until("document.querySelector('.row.selected').rowIndex", 0).await;
        page.keys(&["Down", "Enter"]).await;
        page.until("location.pathname", view(2)).await;
        page.until_count(".spans .row:not([hidden])", 5).await;
        page.keys(&["b"]).await;
        page.until("location.pathname", "/").await;
    })
    .await;
}

#[tokio::test]
async fn keys_reach_fields_and_filters() {
    browse("keys_fields", async |page: Page| {
        page.post(&order(2, seconds_ago(20)));
        page.open("/").await;
        page.until_text(".list-bar h1", "1 trace").await;
        page.keys(&["/"]).await;
        page.until("document.activeElement.name", "tags").await;
        // In a field, letters are letters.
        page.keys(&["p", "e"]).await;
        page.until("document.querySelector('[name=tags]').value", "pe")
            .await;
        page.until("document.getElementById('live').dataset.state", "on")
            .await;
        page.keys(&["Escape", "s"]).await;
        page.until("document.activeElement.name", "service").await;
        page.keys(&["Escape", "e"]).await;
        page.until("new URLSearchParams(location.search).get('errors')", "true")
            .await;
    })
    .await;
}

#[tokio::test]
async fn a_key_narrows_the_time() {
    browse("keys_brush", async |page: Page| {
        page.post(&products(1, seconds_ago(300), 5_000));
        page.post(&order(2, seconds_ago(200)));
        page.post(&products(3, seconds_ago(100), 5_000));
        page.open("/").await;
        page.until_text(".list-bar h1", "3 traces").await;
        page.keys(&["j", "j", "z"]).await;
        page.until_text(".list-bar h1", "1 of 3 traces").await;
        page.until_text(".row.selected", "post /orders").await;
        page.keys(&["Escape"]).await;
        page.until_text(".list-bar h1", "3 traces").await;
    })
    .await;
}

#[tokio::test]
async fn keys_move_through_the_tree() {
    browse("keys_tree", async |page: Page| {
        page.post(&order(2, seconds_ago(20)));
        page.open(&view(2)).await;
        page.until_count(".spans .row:not([hidden])", 5).await;
        page.keys(&["j", "l"]).await;
        page.until("document.querySelector('.row.selected').rowIndex", 1)
            .await;
        page.keys(&["h"]).await;
        page.until_count(".spans .row:not([hidden])", 4).await;
        page.keys(&["h"]).await;
        page.until("document.querySelector('.row.selected').rowIndex", 0)
            .await;
        for rows in [5, 4, 5] {
            page.keys(&["z"]).await;
            page.until_count(".spans .row:not([hidden])", rows).await;
        }
        page.keys(&["e"]).await;
        page.until_text(".panel", "card declined").await;
        page.keys(&["y"]).await;
        assert_eq!(page.copied().await, format!("{:016x}", 3));
        page.keys(&["f"]).await;
        page.until("location.search.includes('from=1200')", true)
            .await;
        page.keys(&["Escape"]).await;
        page.until_count(".panel[hidden]", 1).await;
        page.keys(&["0"]).await;
        page.until("location.search.includes('from')", false).await;
        page.keys(&["+", "]", "[", "-"]).await;
        page.keys(&["x"]).await;
        page.until_count(".on-path", 0).await;
        for (key, tab) in [
            ("2", "flame"),
            ("3", "table"),
            ("4", "statistics"),
            ("1", "waterfall"),
        ] {
            page.keys(&[key]).await;
            page.until("document.querySelector('.trace').dataset.tab", tab)
                .await;
        }
        page.keys(&["Y"]).await;
        page.until("copied.at(-1).includes('path=off')", true).await;
    })
    .await;
}

#[tokio::test]
async fn tab_reaches_every_control_in_sight() {
    browse("keys_tab", async |page: Page| {
        page.post(&order(2, seconds_ago(20)));
        page.open("/").await;
        page.until_text(".list-bar h1", "1 trace").await;
        let wanted = page.eval("return [...document.querySelectorAll('a[href], button, select, input, [tabindex=\"0\"]')] \
            .filter((node) => node.tabIndex >= 0 && !node.disabled && node.checkVisibility({ visibilityProperty: true })) \
            .map((node, index) => { node.dataset.stop = index; return String(index); })").await;
        let mut left: Vec<String> = serde_json::from_value(wanted).unwrap();
        assert!(left.len() > 12, "{left:?}");
        for _ in 0..left.len() + 4 {
            page.keys(&["Tab"]).await;
            let stop = page.eval("return document.activeElement.dataset.stop ?? ''").await;
            left.retain(|other| stop != *other.as_str());
        }
        assert!(left.is_empty(), "not reached: {left:?}");
    })
    .await;
}

#[tokio::test]
async fn keys_change_the_view_and_show_help() {
    browse("keys_help", async |page: Page| {
        page.open("/").await;
        page.until_text(".empty", "No traces yet").await;
        page.keys(&["?"]).await;
        page.until_text("dialog.help", "Mark the trace for comparison")
            .await;
        page.keys(&["Escape"]).await;
        page.until_count("dialog", 0).await;
        page.keys(&["g", "m"]).await;
        page.until("location.pathname", "/map").await;
        page.keys(&["g", "c"]).await;
        page.until("location.pathname", "/compare").await;
        page.keys(&["g", "t"]).await;
        page.until("location.pathname", "/").await;
        // They can be switched off, for those whose software types letters.
        page.keys(&["?"]).await;
        page.click("#shortcuts").await;
        page.keys(&["Escape"]).await;
        page.until_count("dialog", 0).await;
        page.keys(&["g", "m"]).await;
        page.keys(&["?"]).await;
        page.until_count("dialog", 1).await;
        page.until("location.pathname", "/").await;
    })
    .await;
}

#[tokio::test]
async fn a_key_changes_the_theme_and_it_is_kept() {
    browse("theme", async |page: Page| {
        page.media(&[("prefers-color-scheme", "light")]).await;
        page.open("/").await;
        page.until(
            "getComputedStyle(document.body).backgroundColor",
            "rgb(246, 247, 249)",
        )
        .await;
        page.media(&[("prefers-color-scheme", "dark")]).await;
        page.until(
            "getComputedStyle(document.body).backgroundColor",
            "rgb(14, 17, 22)",
        )
        .await;
        page.keys(&["t"]).await;
        page.until(
            "getComputedStyle(document.body).backgroundColor",
            "rgb(246, 247, 249)",
        )
        .await;
        page.open("/map").await;
        page.until(
            "getComputedStyle(document.body).backgroundColor",
            "rgb(246, 247, 249)",
        )
        .await;
    })
    .await;
}
