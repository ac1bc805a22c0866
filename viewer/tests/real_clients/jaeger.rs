//! What the real Jaeger exports, the viewer loads.

use crate::viewer::Viewer;
use serde_json::Value;
use std::fs;
use test_kit::backends::{Http, Jaeger, test_dir};

/// A request that Brave traced.
const POSTED: &str = include_str!("../payloads/brave.json");

#[tokio::test]
async fn exports_of_jaeger_are_loaded() {
    let Some(dir) = test_dir(env!("CARGO_TARGET_TMPDIR"), "viewer-jaeger") else {
        return;
    };
    let http = Http::default();
    let jaeger = Jaeger::start(&dir, &http).await;
    let posted: Vec<Value> = serde_json::from_str(POSTED).unwrap();
    http.post_json(&jaeger.zipkin(), POSTED).await.expect("202");
    let id = format!("{:0>32}", posted[0]["traceId"].as_str().unwrap());
    jaeger.trace(&id, posted.len()).await;

    for (name, path) in [
        ("jaeger.json", format!("traces/{id}")),
        ("otlp.json", format!("v3/traces/{id}")),
    ] {
        let export = jaeger
            .query(&path)
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let file = dir.join(name);
        fs::write(&file, export.to_string()).unwrap();
        let viewer = Viewer::start(&["--load", file.to_str().unwrap()]).await;
        let loaded = viewer.get(&format!("/api/v2/trace/{id}")).await;
        assert_eq!(
            shown(loaded.as_array().unwrap()),
            shown(&posted),
            "{name}: {export}"
        );
    }
}

/// What has to survive: ids, kinds, names, services, times and tags. Jaeger gives the server's part of
/// a shared span an id of its own, and the id that was shared becomes its parent.
fn shown(spans: &[Value]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_lowercase();
    let line = |span: &Value| {
        let (id, parent) = match span["kind"] == "SERVER" && !span["parentId"].is_null() {
            true if span["shared"] == true => (String::new(), text(&span["id"])),
            true => (String::new(), text(&span["parentId"])),
            false => (text(&span["id"]), text(&span["parentId"])),
        };
        let names = [
            &span["kind"],
            &span["name"],
            &span["localEndpoint"]["serviceName"],
        ];
        let names = names.map(text).join(" ");
        // Jaeger changes a missing duration to one nanosecond, in one of its formats.
        let duration = span["duration"].as_u64().unwrap_or(0).max(1);
        let (start, path) = (&span["timestamp"], &span["tags"]["http.path"]);
        format!("{names} id={id} parent={parent} {start} {duration} {path}")
    };
    let mut lines: Vec<String> = spans.iter().map(line).collect();
    lines.sort();
    lines
}
