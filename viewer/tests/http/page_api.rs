//! The page's own API.

use super::common::{Server, now};
use serde_json::json;
use tower_b3_viewer::Viewer;

const JSON: &str = "application/json";

#[tokio::test]
async fn summaries_say_what_a_list_shows() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let start = now();
    let spans = json!([
        { "traceId": "1", "id": "1", "kind": "SERVER", "name": "get /", "timestamp": start, "duration": 900, "localEndpoint": { "serviceName": "web" } },
        { "traceId": "1", "id": "2", "parentId": "1", "timestamp": start + 100, "duration": 1000, "localEndpoint": { "serviceName": "web" }, "tags": { "error": "" } },
        { "traceId": "1", "id": "3", "parentId": "1", "timestamp": start + 200, "duration": 10, "localEndpoint": { "serviceName": "db" } },
        { "traceId": "2", "id": "5", "parentId": "4", "name": "late", "timestamp": start + 1, "localEndpoint": { "serviceName": "db" } },
    ]);
    client.post("/api/v2/spans", JSON, spans.to_string()).await;
    let found = client.get("/viewer/summaries?errorsOnly=true").await.json();
    let expected = json!({ "matched": 1, "traces": [{
        "traceId": "0000000000000001", "rootService": "web", "rootName": "get /", "timestamp": start, "duration": 1100,
        "spanCount": 3, "errorCount": 1, "services": [{ "name": "web", "count": 2 }, { "name": "db", "count": 1 }], "serviceCount": 2,
        "missingRoot": false, "updated": 1,
    }] });
    assert_eq!(found, expected);
    let found = client.get("/viewer/summaries?limit=1").await.json();
    assert_eq!(
        (&found["matched"], found["traces"].as_array().unwrap().len()),
        (&json!(2), 1)
    );
    let found = client.get("/viewer/summaries?spanName=late").await.json();
    assert_eq!(
        (
            &found["traces"][0]["missingRoot"],
            &found["traces"][0]["rootName"]
        ),
        (&json!(true), &json!("late"))
    );
    let answer = client.get("/viewer/summaries?minDuration=-1").await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (400, json!({ "error": "minDuration <= 0" }))
    );
}

#[tokio::test]
async fn summaries_are_small() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let service = |id: u32| {
        let name = format!("{id}{}", "ü".repeat(1_000));
        json!({ "traceId": "1", "id": id.to_string(), "name": name, "localEndpoint": { "serviceName": name } })
    };
    let spans: Vec<_> = (1..=9).map(service).collect();
    client
        .post("/api/v2/spans", JSON, json!(spans).to_string())
        .await;
    let found = client.get("/viewer/summaries").await.json();
    let summary = &found["traces"][0];
    let services = summary["services"].as_array().unwrap();
    assert_eq!((services.len(), &summary["serviceCount"]), (6, &json!(9)));
    let cut = format!("1{}…", "ü".repeat(238));
    let names = [
        &services[0]["name"],
        &summary["rootService"],
        &summary["rootName"],
    ];
    assert_eq!(names, [&json!(cut); 3]);
}

#[tokio::test]
async fn a_trace_has_the_number_of_its_last_change() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    for name in ["a", "b", "c"] {
        let span = json!([{ "traceId": "1", "id": "1", "name": name }]);
        client.post("/api/v2/spans", JSON, span.to_string()).await;
        let found = client.get("/viewer/summaries").await.json();
        let trace = client.get("/viewer/trace/1").await.json();
        assert!(trace["updated"].is_u64(), "{trace}");
        assert_eq!(trace["updated"], found["traces"][0]["updated"]);
        assert_eq!(trace["spans"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn the_map_has_calls_errors_and_durations() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let start = now() - 120_000_000;
    let mut spans = Vec::new();
    for call in 0..100_u64 {
        let at = start + call * 1_200_000;
        let trace = format!("{:x}", call + 1);
        spans.push(json!({ "traceId": trace, "id": "1", "kind": "CLIENT", "timestamp": at, "duration": 900_000, "localEndpoint": { "serviceName": "web" } }));
        let mut server = json!({ "traceId": trace, "id": "1", "shared": true, "kind": "SERVER", "timestamp": at + 1, "duration": call + 1, "localEndpoint": { "serviceName": "app" } });
        if call % 4 == 0 {
            server["tags"] = json!({ "error": "500" });
        }
        spans.push(server);
    }
    client
        .post("/api/v2/spans", JSON, json!(spans).to_string())
        .await;
    let map = client.get("/viewer/map").await.json();
    assert_eq!(
        map["services"],
        json!([{ "name": "app", "spans": 100, "errors": 25 }, { "name": "web", "spans": 100, "errors": 0 }])
    );
    let edge = &map["edges"][0];
    assert_eq!(
        (&edge["caller"], &edge["callee"]),
        (&json!("web"), &json!("app"))
    );
    assert_eq!(
        (&edge["calls"], &edge["errors"], &edge["p50"], &edge["p95"]),
        (&json!(100), &json!(25), &json!(50), &json!(95))
    );
    let rate = edge["callsPerMinute"].as_f64().unwrap();
    assert!((rate - 50.0).abs() < 0.5, "{rate}");
}

#[tokio::test]
async fn files_of_all_formats_can_be_uploaded() {
    let jaeger = json!({ "data": [{
        "traceID": "a1", "spans": [{
            "traceID": "a1", "spanID": "b1", "operationName": "HTTP GET", "startTime": 5, "duration": 7, "processID": "p1",
            "references": [{ "refType": "CHILD_OF", "traceID": "a1", "spanID": "b0" }],
            "tags": [{ "key": "span.kind", "type": "string", "value": "server" }, { "key": "error", "type": "bool", "value": true }, { "key": "http.status_code", "type": "int64", "value": 500 }],
            "logs": [{ "timestamp": 6, "fields": [{ "key": "event", "type": "string", "value": "retry" }] }],
        }],
        "processes": { "p1": { "serviceName": "Shop", "tags": [{ "key": "hostname", "type": "string", "value": "node-1" }] } },
    }] });
    let shown = json!([{
        "traceId": "00000000000000a1", "parentId": "00000000000000b0", "id": "00000000000000b1", "kind": "SERVER", "name": "http get",
        "timestamp": 5, "duration": 7, "localEndpoint": { "serviceName": "shop" },
        "annotations": [{ "timestamp": 6, "value": "retry" }],
        "tags": { "error": "true", "hostname": "node-1", "http.status_code": "500" },
    }]);
    let otlp = json!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [{ "traceId": "000000000000000000000000000000a1", "spanId": "00000000000000b1" }] }] }] });
    let files = [
        jaeger.to_string(),
        shown.to_string(),
        json!([shown]).to_string(),
        shown[0].to_string(),
        otlp.to_string(),
        format!("{otlp}\n{otlp}\n"),
        json!({ "result": otlp }).to_string(),
    ];
    for (number, file) in files.iter().enumerate() {
        let server = Server::start(Viewer::default()).await;
        let client = server.client();
        let answer = client.post("/viewer/traces", "", file.clone()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(answer.json()["traceIds"], json!(["00000000000000a1"]));
        let trace = client.get("/api/v2/trace/a1").await.json();
        if number < 4 {
            assert_eq!(trace, shown, "{file}");
        }
    }
}

#[tokio::test]
async fn other_files_are_refused_with_the_reason() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let reasons = [
        ("{\"a\":1}", "the format is unknown; known are "),
        ("hello", "it is not JSON: expected value"),
        (
            "{\"traceId\":\"1\",\"id\":\"2\"}\n{\"traceId\":\"1\"}",
            "document 2: id is missing",
        ),
        (
            "{\"data\":[{\"spans\":[{\"traceID\":\"x\",\"spanID\":\"1\"}]}]}",
            "span 1: field \"traceID\": an id must be lower-case hexadecimal",
        ),
    ];
    for (file, reason) in reasons {
        let answer = client.post("/viewer/traces", JSON, file).await;
        assert_eq!(answer.status, 400);
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(error.starts_with(reason), "{error}");
    }
    assert_eq!(client.get("/viewer/status").await.json()["spans"], 0);
}

#[tokio::test]
async fn a_trace_that_is_not_there_is_said() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let answer = client.get("/viewer/trace/ff").await;
    let error = "There is no trace 00000000000000ff. It may have made room for newer traces.";
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (404, json!({ "error": error }))
    );
    let answer = client.get("/viewer/trace/xyz").await;
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (
            400,
            json!({ "error": "an id must be lower-case hexadecimal" })
        )
    );
}

#[tokio::test]
async fn files_of_the_page_are_cached_until_they_change() {
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("page");
    std::fs::create_dir_all(&directory).unwrap();
    std::fs::write(
        directory.join("index.html"),
        r#"<script src="page/app.js"></script>"#,
    )
    .unwrap();
    std::fs::write(directory.join("app.js"), "1").unwrap();
    let viewer = Viewer::builder()
        .page_directory(&directory)
        .mounted_at("/_traces/")
        .build();
    let server = Server::start(viewer).await;
    let client = server.client();
    for path in [
        "/_traces",
        "/_traces/",
        "/_traces/traces/1",
        "/_traces/map",
        "/compare",
    ] {
        let answer = client.get(path).await;
        assert_eq!(
            answer.text(),
            r#"<script src="/_traces/page/app.js"></script>"#,
            "{path}"
        );
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    }
    let answer = client.get("/page/app.js").await;
    assert_eq!(
        answer.header("content-type"),
        "text/javascript; charset=utf-8"
    );
    let tag = answer.header("etag");
    let again = client
        .send(
            http::Method::GET,
            "/page/app.js",
            &[("if-none-match", tag)],
            "",
        )
        .await;
    assert_eq!((again.status.as_u16(), again.text()), (304, ""));
}
