//! OTLP over HTTP, as protocol buffers and as JSON.

use super::common::Server;
use serde_json::json;
use tower_b3_viewer::Viewer;

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";

fn export() -> serde_json::Value {
    json!({ "resourceSpans": [{
        "resource": { "attributes": [
            { "key": "service.name", "value": { "stringValue": "Shop" } },
            { "key": "host.name", "value": { "stringValue": "node-1" } },
        ] },
        "scopeSpans": [{
            "scope": { "name": "http" },
            "spans": [{
                "traceId": "5B8EFFF798038103D269B633813FC60C", "spanId": "eee19b7ec3c1b174",
                "parentSpanId": "eee19b7ec3c1b173", "name": "GET /items", "kind": 3,
                "startTimeUnixNano": "1544712660000001000", "endTimeUnixNano": "1544712661000001000",
                "attributes": [
                    { "key": "http.response.status_code", "value": { "intValue": "503" } },
                    { "key": "peer.service", "value": { "stringValue": "stock" } },
                    { "key": "network.peer.address", "value": { "stringValue": "10.0.0.7" } },
                    { "key": "network.peer.port", "value": { "intValue": 8080 } },
                    { "key": "list", "value": { "arrayValue": { "values": [{ "doubleValue": 1.5 }, { "boolValue": true }, {}] } } },
                ],
                "events": [{ "timeUnixNano": "1544712660500001000", "name": "retry", "attributes": [
                    { "key": "attempt", "value": { "intValue": "2" } }] }],
                "links": [{ "traceId": "5b8efff798038103d269b633813fc60d", "spanId": "eee19b7ec3c1b175" }],
                "status": { "code": 2, "message": "unavailable" },
            }],
        }],
    }] })
}

#[tokio::test]
async fn json_becomes_a_span_of_zipkin() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let answer = client.post("/v1/traces", JSON, export().to_string()).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({})));
    assert_eq!(answer.header("content-type"), JSON);
    let trace = client
        .get("/api/v2/trace/5b8efff798038103d269b633813fc60c")
        .await
        .json();
    let expected = json!([{
        "traceId": "5b8efff798038103d269b633813fc60c", "parentId": "eee19b7ec3c1b173", "id": "eee19b7ec3c1b174",
        "kind": "CLIENT", "name": "get /items", "timestamp": 1_544_712_660_000_001_u64, "duration": 1_000_000,
        "localEndpoint": { "serviceName": "shop" },
        "remoteEndpoint": { "serviceName": "stock", "ipv4": "10.0.0.7", "port": 8080 },
        "annotations": [{ "timestamp": 1_544_712_660_500_001_u64, "value": "retry: {\"attempt\":2}" }],
        "tags": {
            "error": "unavailable", "host.name": "node-1", "http.response.status_code": "503",
            "list": "[1.5,true,null]", "otel.link.0": "5b8efff798038103d269b633813fc60d-eee19b7ec3c1b175",
            "otel.scope.name": "http", "otel.status_code": "ERROR",
        },
    }]);
    assert_eq!(trace, expected);
}

#[tokio::test]
async fn spans_that_are_not_valid_are_rejected_one_by_one() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let mut mixed = export();
    let spans = mixed["resourceSpans"][0]["scopeSpans"][0]["spans"]
        .as_array_mut()
        .unwrap();
    spans.insert(0, json!({ "traceId": "00", "spanId": "01" }));
    spans.push(json!({}));
    let answer = client.post("/v1/traces", JSON, mixed.to_string()).await;
    assert_eq!(answer.status, 200);
    let reason = r#"span 1: field "traceId": it must be 16 bytes, not all zero"#;
    let expected = json!({ "partialSuccess": { "rejectedSpans": "2", "errorMessage": reason } });
    assert_eq!(answer.json(), expected);
    assert_eq!(client.get("/viewer/status").await.json()["spans"], 1);
}

#[tokio::test]
async fn protobuf_is_answered_with_protobuf() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let answer = client.post("/v1/traces", PROTOBUF, "").await;
    assert_eq!((answer.status.as_u16(), answer.text()), (200, ""));
    assert_eq!(answer.header("content-type"), PROTOBUF);
    // A resource with a scope with an empty span.
    let empty_span = &[0x0a, 4, 0x12, 2, 0x12, 0][..];
    let answer = client.post("/v1/traces", PROTOBUF, empty_span).await;
    assert_eq!(answer.status, 200);
    // ExportTraceServiceResponse.partial_success.rejected_spans = 1
    assert_eq!((answer.body[0], &answer.body[2..4]), (0x0a, &[8, 1][..]));
    let answer = client
        .post("/v1/traces", PROTOBUF, "not a protocol buffer")
        .await;
    assert_eq!(answer.status, 400);
    // google.rpc.Status.code = 3, INVALID_ARGUMENT
    assert_eq!(&answer.body[..2], &[8, 3]);
}

#[tokio::test]
async fn what_is_neither_is_refused() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let answer = client.post("/v1/traces", "text/plain", "x").await;
    let sentence =
        "Content-Type is \"text/plain\"; allowed are application/x-protobuf and application/json.";
    assert_eq!((answer.status.as_u16(), answer.text()), (415, sentence));
    let answer = client
        .post("/v1/traces", JSON, "{\"resourceSpans\":7}")
        .await;
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["code"]),
        (400, &json!(3))
    );
}

#[tokio::test]
async fn null_and_unknown_fields_are_skipped() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let span = json!({
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "parentSpanId": null,
        "attributes": null, "events": null, "links": [], "status": {}, "flags": 257, "kind": "SPAN_KIND_SERVER",
    });
    let export = json!({ "resourceSpans": [{ "resource": null, "schemaUrl": "", "scopeSpans": [{ "scope": null, "spans": [span] }] }] });
    let answer = client.post("/v1/traces", JSON, export.to_string()).await;
    assert_eq!(answer.json(), json!({}));
    let trace = client
        .get("/api/v2/trace/5b8efff798038103d269b633813fc60c")
        .await
        .json();
    assert_eq!(trace[0]["kind"], "SERVER");
}

#[tokio::test]
async fn attributes_that_many_spans_share_are_bounded() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let span =
        json!({ "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174" });
    let mut message = export();
    let attribute = json!({ "key": "long", "value": { "stringValue": "x".repeat(1 << 20) } });
    message["resourceSpans"][0]["resource"]["attributes"] = json!([attribute]);
    message["resourceSpans"][0]["scopeSpans"][0]["spans"] = json!(vec![span; 300]);
    let answer = client.post("/v1/traces", JSON, message.to_string()).await;
    assert_eq!(answer.status, 400);
    let reason = "the spans take more than 256 MiB of memory; send fewer spans at once";
    assert_eq!(answer.json()["message"], reason);
    assert_eq!(client.get("/viewer/status").await.json()["spans"], 0);
}

/// In Zipkin, the presence of the tag is the error.
#[tokio::test]
async fn an_error_that_is_false_is_none() {
    let server = Server::start(Viewer::default()).await;
    let client = server.client();
    let mut message = export();
    message["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["status"] = json!({});
    for (value, is_error) in [
        (json!({ "boolValue": false }), false),
        (json!({ "stringValue": "false" }), false),
        (json!({ "boolValue": true }), true),
    ] {
        message["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["attributes"] =
            json!([{ "key": "error", "value": value }]);
        client.post("/v1/traces", JSON, message.to_string()).await;
        let found = client.get("/viewer/summaries?errorsOnly=true").await.json();
        assert_eq!(found["matched"], u8::from(is_error), "{value}");
    }
}
