//! Late spans, and searches that depend on time.

use super::common::{Server, now};
use serde_json::{Value, json};
use tower_b3_viewer::Viewer;

const JSON: &str = "application/json";

#[tokio::test]
async fn late_spans_join_their_trace() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let start = now() - 1_000_000;
    for id in 1..=3 {
        let span = json!([{ "traceId": "1", "id": format!("{id}"), "timestamp": start + id, "localEndpoint": { "serviceName": "web" } }]);
        client.post("/api/v2/spans", JSON, span.to_string()).await;
        let traces = client.get("/api/v2/traces").await.json();
        assert_eq!(traces.as_array().unwrap().len(), 1);
        assert_eq!(traces[0].as_array().unwrap().len() as u64, id);
    }
}

#[tokio::test]
async fn the_newest_traces_come_first_up_to_the_limit() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let start = now() - 60_000_000;
    let spans: Vec<Value> = (1..=30)
        .map(|trace| {
            json!({
                "traceId": format!("{trace:x}"), "id": "1", "timestamp": start + trace * 1_000_000,
            })
        })
        .collect();
    client
        .post("/api/v2/spans", JSON, json!(spans).to_string())
        .await;
    let ids = |traces: Value| -> Vec<u64> {
        let traces = traces.as_array().unwrap().clone();
        let id =
            |trace: &Value| u64::from_str_radix(trace[0]["traceId"].as_str().unwrap(), 16).unwrap();
        traces.iter().map(id).collect()
    };
    let found = ids(client.get("/api/v2/traces").await.json());
    assert_eq!(found, (21..=30).rev().collect::<Vec<_>>());
    let end = (start + 5_500_000) / 1000;
    let found = ids(client
        .get(&format!("/api/v2/traces?endTs={end}&lookback=3000"))
        .await
        .json());
    assert_eq!(found, [5, 4, 3]);
}

#[tokio::test]
async fn the_page_has_no_period_unless_it_is_asked_for() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let times = [0, 1_000_000, now() - 10_000_000, now() + 3_600_000_000];
    let spans = times.iter().zip(1..);
    let spans = spans
        .map(|(time, trace)| json!({ "traceId": trace.to_string(), "id": "1", "timestamp": time }));
    let spans: Vec<Value> = spans.collect();
    client
        .post("/api/v2/spans", JSON, json!(spans).to_string())
        .await;
    for (period, found) in [
        ("", 4),
        ("lookback=60000", 2),
        ("endTs=2000", 1),
        ("endTs=2000&lookback=500", 0),
    ] {
        let traces = client
            .get(&format!("/viewer/summaries?{period}"))
            .await
            .json();
        assert_eq!(traces["matched"], found, "{period}");
    }
}

#[tokio::test]
async fn of_many_values_of_a_tag_the_first_are_listed() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let span = |at: u32| json!({ "traceId": format!("{at:x}"), "id": "1", "tags": { "key": format!("{at:03}") } });
    let spans: Vec<Value> = (1..=300).map(span).collect();
    client
        .post("/api/v2/spans", JSON, json!(spans).to_string())
        .await;
    let values = client.get("/api/v2/autocompleteValues?key=key").await;
    let first: Vec<String> = (1..=100).map(|at| format!("{at:03}")).collect();
    assert_eq!(values.json(), json!(first));
}

/// Zipkin's own page asks below its own path, and so do links and clients that were made for it.
#[tokio::test]
async fn the_paths_of_zipkins_page_lead_here() {
    let viewer = Viewer::builder().mounted_at("/_traces").build();
    let server = Server::start(viewer).await;
    let client = server.client();
    let span = json!([{ "traceId": "1", "id": "1", "localEndpoint": { "serviceName": "web" } }]);
    client.post("/api/v2/spans", JSON, span.to_string()).await;
    for path in ["/zipkin/api/v2/services", "/_traces/zipkin/api/v2/services"] {
        let answer = client.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text()),
            (200, "[\"web\"]"),
            "{path}"
        );
    }
    for (path, view) in [
        ("/zipkin", "/_traces/"),
        ("/zipkin/", "/_traces/"),
        ("/zipkin/dependency", "/_traces/map"),
        ("/zipkin/traces/1", "/_traces/traces/1"),
    ] {
        let answer = client.get(path).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("location")),
            (302, view),
            "{path}"
        );
    }
}
