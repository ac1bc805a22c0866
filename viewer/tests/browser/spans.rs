//! Spans for the tests, in Zipkin's format.

use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970, some seconds ago.
pub fn seconds_ago(seconds: u64) -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time after 1970");
    u64::try_from(now.as_micros()).expect("a time before the year 500000") - seconds * 1_000_000
}

/// All 128 bits of a trace's id.
pub fn trace_id(trace: u64) -> String {
    format!("b3{trace:030x}")
}

/// A span of a service. `parent` 0 makes it a root.
pub fn span(trace: u64, id: u64, parent: u64, service: &str, name: &str) -> Value {
    let mut span = json!({
        "traceId": trace_id(trace), "id": format!("{id:016x}"), "name": name,
        "localEndpoint": { "serviceName": service, "ipv4": "10.0.0.7", "port": 8080 },
    });
    if parent != 0 {
        span["parentId"] = format!("{parent:016x}").into();
    }
    span
}

/// Sets when a span began and how long it took, in microseconds.
pub fn timed(mut span: Value, start: u64, duration: u64) -> Value {
    span["timestamp"] = start.into();
    span["duration"] = duration.into();
    span
}

/// Sets further fields of a span.
pub fn with(mut span: Value, fields: Value) -> Value {
    let Value::Object(fields) = fields else {
        panic!("fields are an object");
    };
    for (name, value) in fields {
        span[name] = value;
    }
    span
}

/// The path of a trace's view.
pub fn view(trace: u64) -> String {
    format!("/traces/{}", trace_id(trace))
}

/// An order that failed in `payments`: five spans, the last of which has a missing parent.
pub fn order(trace: u64, start: u64) -> Vec<Value> {
    let at = |span, offset, duration| timed(span, start + offset, duration);
    vec![
        with(
            at(span(trace, 1, 0, "gateway", "post /orders"), 0, 40_000),
            json!({
                "kind": "SERVER", "tags": { "http.method": "POST", "http.status_code": "503" },
            }),
        ),
        with(
            at(span(trace, 2, 1, "gateway", "post /charge"), 2_000, 20_000),
            json!({
                "kind": "CLIENT",
                "remoteEndpoint": { "serviceName": "payments", "ipv4": "10.0.0.9", "port": 8080 },
            }),
        ),
        with(
            at(span(trace, 3, 2, "payments", "post /charge"), 3_000, 18_000),
            json!({
                "kind": "SERVER",
                "tags": {
                    "error": "card declined", "http.method": "POST", "http.url": "http://payments:8080/charge?card=it's",
                    "http.status_code": "503", "user_agent": "hyper", "docs": "https://example.org/declined",
                    "peer.address": "10.0.0.4", "component": "proxy",
                },
                "annotations": [{ "timestamp": start + 9_000, "value": "retry 1 of 3" }],
            }),
        ),
        at(span(trace, 4, 1, "inventory", "get stock"), 25_000, 10_000),
        at(span(trace, 5, 0xdead, "audit", "write log"), 30_000, 1_000),
    ]
}

/// A request for the products: two spans, no error.
pub fn products(trace: u64, start: u64, duration: u64) -> Vec<Value> {
    vec![
        with(
            timed(
                span(trace, 1, 0, "gateway", "get /products"),
                start,
                duration,
            ),
            json!({ "kind": "SERVER" }),
        ),
        timed(
            span(trace, 2, 1, "catalog", "select products"),
            start + duration / 4,
            duration / 2,
        ),
    ]
}
