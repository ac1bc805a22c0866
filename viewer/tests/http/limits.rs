//! Bodies that are too large, too slow, or grow too much; a store that is full.

use super::common::Server;
use flate2::{Compression, write::GzEncoder};
use http::Method;
use serde_json::json;
use std::io::Write;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tower_b3_viewer::{Viewer, store::Limits};

const JSON: &str = "application/json";

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn large_bodies_are_refused() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let answer = client
        .post("/api/v2/spans", JSON, vec![b' '; (10 << 20) + 1])
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.text()),
        (413, "The body is larger than 10 MiB.")
    );
    let answer = client
        .post("/viewer/traces", JSON, vec![b' '; (64 << 20) + 1])
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.text()),
        (413, "The body is larger than 64 MiB.")
    );
}

#[tokio::test]
async fn gzip_bombs_are_refused() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let bomb = gzip(&vec![b' '; 40 << 20]);
    assert!(bomb.len() < 1 << 20);
    let headers = [("content-type", JSON), ("content-encoding", "gzip")];
    let answer = client
        .send(Method::POST, "/api/v2/spans", &headers, bomb)
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.text()),
        (413, "The inflated body is larger than 16 MiB.")
    );
    let answer = client
        .send(Method::POST, "/api/v2/spans", &headers, "not gzip")
        .await;
    assert_eq!(answer.status, 400);
    assert!(
        answer.text().starts_with("The body is not valid gzip: "),
        "{}",
        answer.text()
    );
    let headers = [("content-encoding", "br")];
    let answer = client
        .send(Method::POST, "/api/v2/spans", &headers, "")
        .await;
    let sentence = "Content-Encoding is \"br\"; allowed are gzip and identity.";
    assert_eq!((answer.status.as_u16(), answer.text()), (415, sentence));
}

/// A file says itself that it is compressed.
#[tokio::test]
async fn compressed_files_are_inflated_up_to_their_limit() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let file = gzip(br#"[{"traceId":"1","id":"1"}]"#);
    let answer = client.post("/viewer/traces", "", file).await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["spans"]),
        (200, &json!(1))
    );
    let bomb = gzip(&vec![b' '; (64 << 20) + 1]);
    let answer = client.post("/viewer/traces", "", bomb).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text()),
        (413, "The inflated body is larger than 64 MiB.")
    );
}

/// Time is paused, so that it passes as soon as everything waits.
#[tokio::test(start_paused = true)]
async fn slow_bodies_are_refused() {
    let server = Server::start(Viewer::default()).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /api/v2/spans HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\n[";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 1024];
    let read = stream.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]);
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn clients_that_do_not_read_are_disconnected() {
    let server = Server::start(Viewer::default()).await;
    let spans = json!([{ "traceId": "1", "id": "1", "tags": { "text": "x".repeat(9 << 20) } }]);
    for trace in 1..=4 {
        let mut spans = spans.clone();
        spans[0]["traceId"] = json!(trace.to_string());
        let answer = server
            .client()
            .post("/api/v2/spans", JSON, spans.to_string())
            .await;
        assert_eq!(answer.status, 202);
    }
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = "GET /api/v2/traceMany?traceIds=1,2,3,4 HTTP/1.1\r\nhost: localhost\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    // What the system had buffered, and no more.
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.starts_with(b"HTTP/1.1 200 "));
    assert!(answer.len() < 36 << 20, "{}", answer.len());
}

/// What does not fit drives nothing out.
#[tokio::test]
async fn a_span_that_is_too_large_leaves_the_others() {
    let limits = Limits {
        max_bytes: 100_000,
        ..Limits::default()
    };
    let server = Server::start(Viewer::builder().limits(limits).build()).await;
    let client = server.client();
    let text = |len: usize| json!({ "text": "x".repeat(len) });
    let spans = json!([
        { "traceId": "1", "id": "1" },
        { "traceId": "2", "id": "1", "tags": text(200_000) },
        { "traceId": "3", "id": "1", "tags": text(90_000) },
        { "traceId": "3", "id": "2", "tags": text(20_000) },
    ]);
    client.post("/api/v2/spans", JSON, spans.to_string()).await;
    let status = client.get("/viewer/status").await.json();
    let counts = [
        &status["spans"],
        &status["traces"],
        &status["evictedTraces"],
        &status["droppedSpans"],
    ];
    assert_eq!(counts, [2, 2, 0, 2]);
}

#[tokio::test]
async fn the_oldest_traces_make_room_as_a_whole() {
    let limits = Limits {
        max_spans: 10,
        ..Limits::default()
    };
    let server = Server::start(Viewer::builder().limits(limits).build()).await;
    let client = server.client();
    for trace in 1..=4 {
        let spans: Vec<_> = (1..=4)
            .map(|id| {
                json!({
                    "traceId": format!("{trace:x}"), "id": format!("{id:x}"),
                    "localEndpoint": { "serviceName": format!("service-{trace}") },
                })
            })
            .collect();
        client
            .post("/api/v2/spans", JSON, json!(spans).to_string())
            .await;
    }
    let status = client.get("/viewer/status").await.json();
    let counts = [
        &status["spans"],
        &status["traces"],
        &status["evictedTraces"],
        &status["receivedSpans"],
    ];
    assert_eq!(counts, [8, 2, 2, 16]);
    assert_eq!(client.get("/api/v2/trace/2").await.status, 404);
    assert_eq!(
        client
            .get("/api/v2/trace/3")
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        4
    );
    assert_eq!(
        client.get("/api/v2/services").await.json(),
        json!(["service-3", "service-4"])
    );
}

#[tokio::test]
async fn bytes_are_bounded() {
    let limits = Limits {
        max_bytes: 100_000,
        ..Limits::default()
    };
    let server = Server::start(Viewer::builder().limits(limits).build()).await;
    let client = server.client();
    for trace in 1..=20 {
        let spans = json!([{ "traceId": format!("{trace:x}"), "id": "1", "tags": { "text": "x".repeat(20_000) } }]);
        client.post("/api/v2/spans", JSON, spans.to_string()).await;
        let status = client.get("/viewer/status").await.json();
        assert!(status["bytes"].as_u64().unwrap() <= 100_000, "{status}");
    }
    assert_eq!(client.get("/viewer/status").await.json()["traces"], 4);
    // A span that never fits is dropped, and counted.
    let large = json!([{ "traceId": "ff", "id": "1", "tags": { "text": "x".repeat(200_000) } }]);
    assert_eq!(
        client
            .post("/api/v2/spans", JSON, large.to_string())
            .await
            .status,
        202
    );
    assert_eq!(client.get("/viewer/status").await.json()["droppedSpans"], 1);
}
