//! Server-sent events.

use super::common::Server;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::{Value, json};
use tower_b3_viewer::Viewer;

const JSON: &str = "application/json";

struct Events {
    body: hyper::body::Incoming,
    text: String,
}

impl Events {
    async fn open(server: &Server, query: &str) -> Events {
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
        let uri = format!("http://{}/viewer/events{query}", server.address)
            .parse()
            .unwrap();
        let response = client.get(uri).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut events = Events {
            body: response.into_body(),
            text: String::new(),
        };
        assert_eq!(events.next_block().await, "retry: 1000");
        events
    }

    async fn next_block(&mut self) -> String {
        loop {
            if let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                return block;
            }
            let frame = self.body.frame().await.unwrap().unwrap();
            self.text
                .push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
        }
    }

    /// The name and the data of the next event.
    async fn next(&mut self) -> (String, Value) {
        let block = self.next_block().await;
        let field = |name: &str| {
            let line = block.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap_or_else(|| panic!("no {name} in {block}"))
                .to_owned()
        };
        (
            field("event: "),
            serde_json::from_str(&field("data: ")).unwrap(),
        )
    }
}

async fn report(server: &Server, trace: u64, id: u64) {
    let span = json!([{ "traceId": format!("{trace:x}"), "id": format!("{id:x}"), "name": "work", "timestamp": 5 }]);
    let answer = server
        .client()
        .post("/api/v2/spans", JSON, span.to_string())
        .await;
    assert_eq!(answer.status, 202);
}

#[tokio::test]
async fn a_trace_appears_and_changes() {
    let server = Server::start(Viewer::default()).await;
    report(&server, 9, 1).await;
    // What was there before is not repeated.
    let mut events = Events::open(&server, "").await;
    report(&server, 1, 1).await;
    let (event, summary) = events.next().await;
    assert_eq!(
        (&*event, &summary["traceId"], &summary["spanCount"]),
        ("trace", &json!("0000000000000001"), &json!(1))
    );
    report(&server, 1, 2).await;
    let (_, summary) = events.next().await;
    assert_eq!(
        (&summary["rootName"], &summary["spanCount"]),
        (&json!("work"), &json!(2))
    );
    let deleted = server
        .client()
        .send(http::Method::DELETE, "/viewer/traces", &[], "")
        .await;
    assert_eq!(deleted.status, 204);
    assert_eq!(events.next().await.0, "cleared");
}

#[tokio::test]
async fn a_client_continues_where_it_was() {
    let server = Server::start(Viewer::default()).await;
    for trace in 1..=3 {
        report(&server, trace, 1).await;
    }
    let mut events = Events::open(&server, "?since=1").await;
    assert_eq!(events.next().await.1["traceId"], "0000000000000002");
    assert_eq!(events.next().await.1["traceId"], "0000000000000003");
    // The number is from a program that ran before.
    let mut events = Events::open(&server, "?since=1000").await;
    assert_eq!(events.next().await.0, "cleared");
    assert_eq!(events.next().await.1["traceId"], "0000000000000001");
}

#[tokio::test]
async fn a_client_that_does_not_read_does_not_slow_the_collector() {
    let server = Server::start(Viewer::default()).await;
    let mut events = Events::open(&server, "").await;
    for batch in 0..20_u64 {
        let spans: Vec<Value> = (1..=500).map(|at| json!({
            "traceId": format!("{:x}", batch * 500 + at), "id": "1", "name": "x".repeat(500), "timestamp": 5,
        })).collect();
        let answer = server
            .client()
            .post("/api/v2/spans", JSON, json!(spans).to_string())
            .await;
        assert_eq!(answer.status, 202);
    }
    // It is told what it has missed, and gets the latest traces.
    let mut missed = 0;
    loop {
        let (event, data) = events.next().await;
        match &*event {
            "lagged" => missed += data["missed"].as_u64().unwrap(),
            _ if data["traceId"] == format!("{:016x}", 10_000) => break,
            _ => {}
        }
    }
    assert!(missed > 1_000, "{missed}");
}

#[tokio::test]
async fn the_number_of_clients_is_bounded() {
    let server = Server::start(Viewer::default()).await;
    let mut open = Vec::new();
    for _ in 0..64 {
        open.push(Events::open(&server, "").await);
    }
    let answer = server.client().get("/viewer/events").await;
    assert_eq!(
        (answer.status.as_u16(), answer.text()),
        (503, "64 pages are open already.")
    );
}
