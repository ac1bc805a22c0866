//! The screenshots of the README: `viewer/screenshots.sh` runs this with `TOWER_B3_SCREENSHOTS`, the
//! directory to write to, and `TOWER_B3_COOLSTORE`, the address of the coolstore's page.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::{
    harness::{Page, browse},
    shop::Shop,
    spans::seconds_ago,
};

const SIZE: (u32, u32) = (1280, 760);
/// For the few spans of the coolstore.
const LOW: (u32, u32) = (1280, 560);

/// A shop's last hour: 150 requests, of which some failed.
fn post_shop(page: &Page) -> String {
    let mut shop = Shop::new();
    for index in 0..150_u64 {
        let failing = match index % 17 {
            5 => "payments",
            11 => "pricing",
            _ => "",
        };
        // More of them lately, as in an hour of work.
        let ago = 2 + index * index * 3_500 / 22_500;
        page.post(&shop.request(seconds_ago(ago), failing));
    }
    let order = shop.order(seconds_ago(1), "payments");
    page.post(&order);
    order[0]["traceId"].as_str().expect("an id").to_owned()
}

async fn save(page: &Page, dir: &Path, name: &str) {
    let image = page.screenshot().await;
    let path = dir.join(format!("viewer-{name}.png"));
    std::fs::write(&path, image).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// The coolstore's request that fails.
async fn save_coolstore(page: &Page, dir: &Path, address: &str) {
    let shop = page.of(address.parse().expect("an address"), "");
    let failed = shop
        .request("GET", "/api/v2/traces?annotationQuery=error", "")
        .json();
    let trace = failed[0][0]["traceId"].as_str().expect("a failed trace");
    shop.resize(LOW.0, LOW.1).await;
    for theme in ["light", "dark"] {
        shop.media(&[
            ("prefers-color-scheme", theme),
            ("prefers-reduced-motion", "reduce"),
        ])
        .await;
        shop.open(&format!("/traces/{trace}")).await;
        shop.until(
            "document.querySelectorAll('.spans .row:not([hidden])').length",
            4,
        )
        .await;
        shop.keys(&["e", "e", "e"]).await;
        shop.until(
            "document.querySelectorAll('.panel .tag-row').length > 5",
            true,
        )
        .await;
        shop.until("document.getElementById('live').dataset.state", "on")
            .await;
        save(&shop, dir, &format!("coolstore-{theme}")).await;
    }
}

#[tokio::test]
async fn screenshots_are_taken() {
    let Some(dir) = std::env::var_os("TOWER_B3_SCREENSHOTS").map(PathBuf::from) else {
        return;
    };
    browse("screenshots", async move |page: Page| {
        page.resize(SIZE.0, SIZE.1).await;
        let trace = post_shop(&page);
        for theme in ["light", "dark"] {
            page.media(&[
                ("prefers-color-scheme", theme),
                ("prefers-reduced-motion", "reduce"),
            ])
            .await;
            page.open("/").await;
            page.until_text(".list-bar h1", "151 traces").await;
            page.until("document.getElementById('live').dataset.state", "on")
                .await;
            page.keys(&["j", "j"]).await;
            page.until_text(".place", "spans").await;
            save(&page, &dir, &format!("traces-{theme}")).await;
            page.open(&format!("/traces/{trace}")).await;
            page.until(
                "document.querySelectorAll('.spans .row:not([hidden])').length > 10",
                true,
            )
            .await;
            page.keys(&["e", "e"]).await;
            page.until(
                "document.querySelectorAll('.panel .tag-row').length > 5",
                true,
            )
            .await;
            page.until("document.getElementById('live').dataset.state", "on")
                .await;
            save(&page, &dir, &format!("trace-{theme}")).await;
            page.open("/map").await;
            page.until("document.querySelectorAll('.map-service').length > 8", true)
                .await;
            page.until("document.getElementById('live').dataset.state", "on")
                .await;
            save(&page, &dir, &format!("map-{theme}")).await;
        }
        if let Ok(address) = std::env::var("TOWER_B3_COOLSTORE") {
            save_coolstore(&page, &dir, &address).await;
        }
        page.devtools("Emulation.clearDeviceMetricsOverride", json!({}))
            .await;
    })
    .await;
}
