//! Zipkin's collector.

use super::common::Server;
use http::Method;
use serde_json::json;
use tower_b3_viewer::Viewer;

const JSON: &str = "application/json";

#[tokio::test]
async fn spans_are_accepted_and_found() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let span = json!([{ "traceId": "463ac35c9f6413ad", "id": "a", "name": "GET /Items" }]);
    let answer = client.post("/api/v2/spans", JSON, span.to_string()).await;
    assert_eq!((answer.status.as_u16(), answer.text()), (202, ""));
    let trace = client.get("/api/v2/trace/463ac35c9f6413ad").await;
    let expected =
        json!([{ "traceId": "463ac35c9f6413ad", "id": "000000000000000a", "name": "get /items" }]);
    assert_eq!(trace.json(), expected);
    assert_eq!(trace.header("content-type"), "application/json");
}

#[tokio::test]
async fn one_bad_span_rejects_the_message_with_the_reason() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let spans =
        json!([{ "traceId": "1", "id": "1" }, { "traceId": "1", "id": "2", "kind": "server" }]);
    let answer = client.post("/api/v2/spans", JSON, spans.to_string()).await;
    assert_eq!(answer.status, 400);
    let reason = answer.text();
    let expected =
        r#"span 2, field "kind": "server"; allowed are CLIENT, SERVER, PRODUCER and CONSUMER"#;
    assert!(reason.starts_with(expected), "{reason}");
    assert_eq!(client.get("/api/v2/trace/1").await.status, 404);
    assert_eq!(
        client.get("/viewer/status").await.json()["rejectedPosts"],
        1
    );
}

#[tokio::test]
async fn version_1_is_refused_with_a_sentence() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let sentence = "Version 1 of Zipkin's format is not supported. Configure the client to send \
                    version 2, as JSON or proto3, to /api/v2/spans.";
    let answer = client.post("/api/v1/spans", JSON, "[]").await;
    assert_eq!((answer.status.as_u16(), answer.text()), (400, sentence));
    let old = json!([{ "traceId": "1", "id": "2", "binaryAnnotations": [] }]);
    let answer = client.post("/api/v2/spans", JSON, old.to_string()).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.text().contains("version 1 of Zipkin's format"),
        "{}",
        answer.text()
    );
}

#[tokio::test]
async fn a_span_that_is_reported_twice_is_stored_once() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let span = json!([{ "traceId": "1", "id": "1" }]).to_string();
    client.post("/api/v2/spans", JSON, span.clone()).await;
    client.post("/api/v2/spans", JSON, span).await;
    assert_eq!(
        client
            .get("/api/v2/trace/1")
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let status = client.get("/viewer/status").await.json();
    assert_eq!(
        (&status["spans"], &status["receivedSpans"]),
        (&json!(1), &json!(2))
    );
}

#[tokio::test]
async fn ids_of_64_and_128_bits_match_unless_they_are_strict() {
    let spans = json!([
        { "traceId": "463ac35c9f6413ad48485a3953bb6124", "id": "1" },
        { "traceId": "48485a3953bb6124", "id": "2", "parentId": "1" },
    ]);
    for (strict, found) in [(false, 2), (true, 1)] {
        let server = Server::start(Viewer::builder().strict_trace_id(strict).build()).await;
        let client = server.client();
        client.post("/api/v2/spans", JSON, spans.to_string()).await;
        for id in ["463ac35c9f6413ad48485a3953bb6124", "48485a3953bb6124"] {
            let trace = client.get(&format!("/api/v2/trace/{id}")).await.json();
            assert_eq!(
                trace.as_array().unwrap().len(),
                found,
                "{id}, strict: {strict}"
            );
            // On the page they always match.
            let trace = client.get(&format!("/viewer/trace/{id}")).await.json();
            assert_eq!(trace["spans"].as_array().unwrap().len(), 2);
        }
    }
}

#[tokio::test]
async fn other_methods_are_refused_and_other_paths_unknown() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let answer = client.send(Method::PUT, "/api/v2/spans", &[], "").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("allow")),
        (405, "POST")
    );
    let answer = client.send(Method::POST, "/viewer/map", &[], "").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("allow")),
        (405, "GET")
    );
    for path in [
        "/nothing",
        "/page/nothing.js",
        "/page/../Cargo.toml",
        "/page//etc/passwd",
        "/traces/",
        "/traces/a/b",
    ] {
        assert_eq!(client.get(path).await.status, 404, "{path}");
    }
}
