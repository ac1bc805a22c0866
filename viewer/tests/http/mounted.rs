//! The service in an axum server, and the reporter that puts spans into its store.

use super::common::Client;
use axum::{Router, routing::get};
use http::StatusCode;
use tokio::net::TcpListener;
use tower_b3::Tracer;
use tower_b3_viewer::Viewer;

#[tokio::test]
async fn a_service_shows_its_own_traces() {
    let viewer = Viewer::builder().mounted_at("/_traces").build();
    let tracer = Tracer::builder("Orders")
        .reporter(viewer.reporter())
        .build()
        .unwrap();
    let app = Router::new()
        .route("/orders", get(async || StatusCode::IM_A_TEAPOT))
        .layer(tracer.server_layer())
        .nest_service("/_traces", viewer.service());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(listener.local_addr().unwrap());
    let server = tokio::spawn(async move { axum::serve(listener, app).await });

    assert_eq!(client.get("/orders").await.status, 418);
    let services = client.get("/_traces/api/v2/services").await.json();
    assert_eq!(services, serde_json::json!(["orders"]));
    let traces = client
        .get("/_traces/api/v2/traces?serviceName=orders")
        .await
        .json();
    assert_eq!(traces[0][0]["tags"]["http.status_code"], "418");
    assert_eq!(traces[0][0]["kind"], "SERVER");
    for path in ["/_traces", "/_traces/", "/_traces/map"] {
        let page = client.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert!(
            page.text().contains("=\"/_traces/page/"),
            "{path}: {}",
            page.text()
        );
    }
    server.abort();
}
