//! The page below a path of another server, as a service in development has it.

use tower_b3_viewer::Viewer;

use crate::{
    harness::{Page, browse},
    spans::{order, seconds_ago, trace_id},
};

// Posting blocks a thread, and the server needs one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_works_below_a_path() {
    browse("mounted", async |page: Page| {
        let viewer = Viewer::builder().mounted_at("/_traces").build();
        let app: axum::Router = axum::Router::new().nest_service("/_traces", viewer.service());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async { axum::serve(listener, app).await });
        let page = page.of(address, "/_traces");

        page.open("/").await;
        page.until("document.getElementById('live').dataset.state", "on")
            .await;
        page.post(&order(2, seconds_ago(5)));
        page.until_text(".list-bar h1", "1 trace").await;
        page.click(".traces .name a").await;
        let path = format!("/_traces/traces/{}", trace_id(2));
        page.until("location.pathname", path).await;
        page.until_count(".spans .row:not([hidden])", 5).await;
        let reload = page.path().await;
        page.open(reload.strip_prefix("/_traces").unwrap()).await;
        page.until_count(".spans .row:not([hidden])", 5).await;
        page.keys(&["g", "m"]).await;
        page.until("location.pathname", "/_traces/map").await;
        page.until_count(".map-service", 4).await;
        page.click("nav a[data-nav='/']").await;
        page.until("location.pathname", "/_traces/").await;
        page.until_text(".list-bar h1", "1 trace").await;
        server.abort();
    })
    .await;
}
