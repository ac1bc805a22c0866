//! The viewer and the real Zipkin get the same posts and the same queries. What differs is listed in
//! DIFFERENCES.md, with the reason.
//!
//! Skipped unless `TOWER_B3_REAL_SERVERS=1` is set; `tests/backends/install.sh` installs Zipkin.

#[path = "../common/mod.rs"]
mod common;

#[path = "../common/encoded.rs"]
mod encoded;

mod compare;
mod payloads;
mod queries;

use common::{Client, Server};
use compare::Differences;
use std::time::Duration;
use test_kit::backends::{Http, Zipkin, eventually, test_dir};
use tower_b3_viewer::Viewer;

/// Zipkin responds before it has stored the spans: posts one more to both, and waits for it.
async fn settled(zipkin: &Client, viewer: &Client) {
    let now = common::now();
    let last = format!(r#"[{{"traceId":"f1a57","id":"1","timestamp":{now}}}]"#);
    for client in [zipkin, viewer] {
        client
            .post("/api/v2/spans", "application/json", last.clone())
            .await;
    }
    eventually(
        "the last span in Zipkin",
        Duration::from_secs(20),
        async || {
            let answer = zipkin.get("/api/v2/trace/f1a57").await;
            let is_there = answer.status.is_success();
            is_there.then_some(()).ok_or(format!("{answer:?}"))
        },
    )
    .await;
}

#[tokio::test]
async fn the_same_posts_and_queries_have_the_same_answers() {
    let Some(differences) = differences("viewer", false).await else {
        return;
    };
    differences.check();
}

#[tokio::test]
async fn with_strict_ids_nothing_else_differs() {
    let Some(differences) = differences("viewer-strict", true).await else {
        return;
    };
    differences.check_unlisted();
}

/// What differs between the two; `None` if the real servers are switched off.
async fn differences(name: &str, strict: bool) -> Option<Differences> {
    let dir = test_dir(env!("CARGO_TARGET_TMPDIR"), name)?;
    let is_strict = strict.to_string();
    let variables = [
        ("STRICT_TRACE_ID", &*is_strict),
        ("MEM_MAX_SPANS", "1000000"),
    ];
    let process = Zipkin::start_with(&dir, &Http::default(), &variables).await;
    let zipkin = Client::new(process.addr());
    let server = Server::start(Viewer::builder().strict_trace_id(strict).build()).await;
    let viewer = server.client();
    let mut differences = Differences::default();

    let posts = payloads::all();
    assert!(posts.len() >= 250, "{} posts", posts.len());
    // What only the viewer takes comes after the queries.
    let (late, posts): (Vec<_>, Vec<_>) = posts
        .into_iter()
        .partition(|post| post.name.starts_with("brave_nul"));
    for post in &posts {
        differences.compare_statuses(post, &zipkin, &viewer).await;
    }
    settled(&zipkin, &viewer).await;

    let queries = queries::all(&zipkin).await;
    assert!(queries.len() >= 250, "{} queries", queries.len());
    for query in &queries {
        let theirs = zipkin
            .send(query.method.clone(), &query.path, &[], "")
            .await;
        let ours = viewer
            .send(query.method.clone(), &query.path, &[], "")
            .await;
        differences.compare(query, &theirs, &ours);
    }
    for post in &late {
        differences.compare_statuses(post, &zipkin, &viewer).await;
    }
    println!(
        "{} posts, {} queries",
        posts.len() + late.len(),
        queries.len()
    );
    Some(differences)
}
