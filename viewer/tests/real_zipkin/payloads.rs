//! What is posted to both: of real clients, of our encoders, and what nobody should send.

use crate::{
    common::{Answer, Client, now},
    encoded::{messages, records},
};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::Method;
use proptest::{
    collection::vec,
    strategy::{BoxedStrategy, Strategy, ValueTree},
    test_runner::{Config, TestRng, TestRunner},
};
use serde_json::{Value, json};
use std::{fs, io::Write, path::Path};
use tower_b3::{
    record::SpanRecord,
    zipkin::{JsonEncoder, Proto3Encoder},
};

const JSON: &str = "application/json";
const PROTO3: &str = "application/x-protobuf";

pub struct Post {
    pub name: String,
    method: Method,
    path: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    body: Bytes,
}

impl Post {
    fn new(name: impl Into<String>, kind: &'static str, body: impl Into<Bytes>) -> Post {
        Post {
            name: name.into(),
            method: Method::POST,
            path: "/api/v2/spans",
            headers: vec![("content-type", kind)],
            body: body.into(),
        }
    }

    fn header(mut self, name: &'static str, value: &'static str) -> Post {
        self.headers.push((name, value));
        self
    }

    pub async fn send(&self, to: &Client) -> Answer {
        to.send(
            self.method.clone(),
            self.path,
            &self.headers,
            self.body.clone(),
        )
        .await
    }
}

pub fn all() -> Vec<Post> {
    let mut posts = of_clients();
    posts.extend(of_our_encoders());
    posts.extend(of_systems());
    posts.extend(hostile());
    posts
}

/// The files in `tests/payloads`.
fn of_clients() -> Vec<Post> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/payloads");
    let mut posts = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let kind = match name.trim_end_matches(".gz").rsplit_once('.') {
            Some((_, "json")) => JSON,
            Some((_, "proto3")) => PROTO3,
            _ => continue,
        };
        let mut post = Post::new(&name, kind, fs::read(&path).unwrap());
        if name.ends_with(".gz") {
            post = post.header("content-encoding", "gzip");
        }
        posts.push(post);
    }
    assert!(posts.len() >= 15);
    posts
}

/// Text whose letters had lower case in the Unicode of every version of Java.
fn text() -> BoxedStrategy<String> {
    "[ -~À-ÿА-я🦀]{0,12}".boxed()
}

fn of_our_encoders() -> Vec<Post> {
    let rng = TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let mut posts = Vec::new();
    for number in 0..60 {
        let records: Vec<SpanRecord> = vec(records(text), 1..6)
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let json = messages(JsonEncoder, &records);
        let proto3 = messages(Proto3Encoder, &records);
        posts.push(Post::new(
            format!("ours {number} as JSON"),
            JSON,
            json[0].body.clone(),
        ));
        posts.push(Post::new(
            format!("ours {number} as proto3"),
            PROTO3,
            proto3[0].body.clone(),
        ));
    }
    posts
}

/// Traces of a few services that call each other, with shared and own ids, 64 and 128 bits, errors,
/// local spans and messages.
fn of_systems() -> Vec<Post> {
    let services = ["web", "cart", "stock", "pay", "db"];
    let mut posts = Vec::new();
    for number in 0_u64..80 {
        let start = now() - 1_000_000 * (number + 1);
        let short = format!("{:016x}", 0x5000 + number);
        let long = format!("{:016x}{short}", 7 + number % 3);
        let mut spans = vec![json!({
            "traceId": long, "id": "1", "kind": "SERVER", "name": "Get /", "timestamp": start,
            "duration": 900 + number, "localEndpoint": { "serviceName": "Web", "ipv4": "10.0.0.1" },
        })];
        for call in 1..services.len() as u64 {
            let (caller, callee) = (services[(call - 1) as usize], services[call as usize]);
            let is_shared = (number + call) % 2 == 0;
            // A hop may cut the id.
            let id = if (number + call) % 5 == 0 {
                &short
            } else {
                &long
            };
            let client = format!("{:x}", call * 16);
            let mut sent = json!({
                "traceId": long, "id": client, "parentId": format!("{:x}", (call - 1) * 16 + 1),
                "kind": if call == 3 { "PRODUCER" } else { "CLIENT" },
                "name": format!("call {callee}"), "timestamp": start + call * 10, "duration": 500 - call,
                "localEndpoint": { "serviceName": caller },
                "tags": { "http.path": format!("/{callee}/{}", number % 4) },
            });
            if call == 4 {
                sent["remoteEndpoint"] = json!({ "serviceName": callee, "port": 5432 });
            }
            if number % 7 == call {
                sent["tags"]["error"] = json!("timeout");
            }
            spans.push(sent);
            if call == 4 {
                break;
            }
            spans.push(json!({
                "traceId": id, "id": if is_shared { client.clone() } else { format!("{:x}", call * 16 + 1) },
                "parentId": if is_shared { format!("{:x}", (call - 1) * 16 + 1) } else { client },
                "shared": is_shared, "kind": if call == 3 { "CONSUMER" } else { "SERVER" },
                "timestamp": start + call * 11, "duration": 400 - call,
                "localEndpoint": { "serviceName": callee, "ipv6": "2001:db8::c001" },
                "annotations": [{ "timestamp": start + 5, "value": "checked" }],
            }));
        }
        // Each service reports on its own.
        let (first, second): (Vec<Value>, Vec<Value>) = spans.into_iter().enumerate().fold(
            (Vec::new(), Vec::new()),
            |(mut even, mut odd), (at, span)| {
                if at % 2 == 0 {
                    even.push(span)
                } else {
                    odd.push(span)
                }
                (even, odd)
            },
        );
        let body = json!(first).to_string();
        posts.push(Post::new(format!("system {number}"), JSON, body));
        let body = gzip(json!(second).to_string().as_bytes());
        let post = Post::new(format!("system {number}, gzip"), JSON, body);
        posts.push(post.header("content-encoding", "gzip"));
    }
    posts
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

/// A span of a trace that no query asks for, with this instead of its fields.
fn span_with(fields: Value) -> String {
    let mut span = json!({ "traceId": "bad", "id": "b1" });
    for (name, value) in fields.as_object().unwrap() {
        span[name] = value.clone();
    }
    json!([span]).to_string()
}

fn hostile() -> Vec<Post> {
    let fields = [
        json!({ "traceId": "0" }),
        json!({ "id": "0" }),
        json!({ "id": "0000000000000000" }),
        json!({ "traceId": "BAD" }),
        json!({ "traceId": "b".repeat(33) }),
        json!({ "id": "b".repeat(17) }),
        json!({ "traceId": "" }),
        json!({ "traceId": null }),
        json!({ "id": 7 }),
        json!({ "parentId": "" }),
        json!({ "parentId": "000" }),
        json!({ "parentId": null }),
        json!({ "parentId": "b1" }),
        json!({ "kind": "server" }),
        json!({ "kind": "" }),
        json!({ "kind": null }),
        json!({ "kind": 1 }),
        json!({ "name": "" }),
        json!({ "name": null }),
        json!({ "name": 5 }),
        json!({ "name": true }),
        json!({ "timestamp": "123" }),
        json!({ "timestamp": 1.5 }),
        json!({ "timestamp": 2.0 }),
        json!({ "timestamp": -5 }),
        json!({ "timestamp": true }),
        json!({ "timestamp": "" }),
        json!({ "timestamp": 9_223_372_036_854_775_808_u64 }),
        json!({ "duration": 0 }),
        json!({ "duration": null }),
        json!({ "localEndpoint": { "port": 70000 } }),
        json!({ "localEndpoint": { "port": -1 } }),
        json!({ "localEndpoint": { "port": "80" } }),
        json!({ "localEndpoint": { "ipv4": "localhost" } }),
        json!({ "localEndpoint": {} }),
        json!({ "localEndpoint": null }),
        json!({ "localEndpoint": "web" }),
        json!({ "annotations": [{ "timestamp": 1 }] }),
        json!({ "annotations": [{ "value": "x" }] }),
        json!({ "annotations": null }),
        json!({ "annotations": {} }),
        json!({ "annotations": [null] }),
        json!({ "tags": null }),
        json!({ "tags": { "a": true } }),
        json!({ "tags": { "a": null } }),
        json!({ "tags": { "a": 1.5 } }),
        json!({ "tags": { "a": {} } }),
        json!({ "tags": { "": "" } }),
        json!({ "tags": [] }),
        json!({ "debug": "true" }),
        json!({ "debug": null }),
        json!({ "shared": 1 }),
        json!({ "shared": true, "kind": "CLIENT" }),
        json!({ "unknown": { "a": [1, null, {}] } }),
        json!({ "binaryAnnotations": [] }),
        json!({ "tags": { "long": "x".repeat(1 << 20) } }),
        json!({ "tags": { "hostile": "<img src=x onerror=alert(1)>\u{202e}" } }),
    ];
    let mut posts: Vec<Post> = fields
        .into_iter()
        .map(|fields| {
            let name: String = fields.to_string().chars().take(70).collect();
            Post::new(format!("span with {name}"), JSON, span_with(fields))
        })
        .collect();
    let bodies: [(&str, &[u8]); 12] = [
        ("nothing", b""),
        ("an empty list", b"[]"),
        ("an object", b"{}"),
        ("text", b"hello"),
        ("null", b"null"),
        ("a list of null", b"[null]"),
        (
            "a list without its end",
            b"[{\"traceId\":\"bad\",\"id\":\"1\"}",
        ),
        ("something after the list", b"[] x"),
        ("space after the list", b"[] \n"),
        ("a byte order mark", b"\xef\xbb\xbf[]"),
        (
            "a repeated field",
            b"[{\"traceId\":\"bad\",\"id\":\"1\",\"id\":\"2\"}]",
        ),
        (
            "what is not UTF-8",
            b"[{\"traceId\":\"bad\",\"id\":\"1\",\"name\":\"\xff\"}]",
        ),
    ];
    posts.extend(bodies.map(|(name, body)| Post::new(name, JSON, body)));
    let nested = |levels: usize| {
        format!(
            r#"[{{"traceId":"bad","id":"1","x":{}{}}}]"#,
            "[".repeat(levels),
            "]".repeat(levels)
        )
    };
    posts.push(Post::new("100 levels", JSON, nested(100)));
    posts.push(Post::new("500 levels", JSON, nested(500)));
    posts.extend(encodings());
    posts
}

/// Content types, encodings and methods.
fn encodings() -> Vec<Post> {
    let body = span_with(json!({}));
    let mut posts = vec![
        Post::new("JSON as text/plain", "text/plain", body.clone()),
        Post::new(
            "JSON as application/json; charset=utf-8",
            "application/json; charset=utf-8",
            body.clone(),
        ),
        Post::new(
            "JSON as application/x-thrift",
            "application/x-thrift",
            body.clone(),
        ),
        Post::new("JSON as proto3", PROTO3, body.clone()),
        Post::new("proto3 without a span", PROTO3, ""),
        Post::new("proto3 with an empty span", PROTO3, &b"\x0a\x00"[..]),
        Post::new("proto3 that is cut off", PROTO3, &b"\x0a\x30\x0a\x10"[..]),
        Post::new("text that says gzip", JSON, body.clone()).header("content-encoding", "gzip"),
        Post::new("JSON that says deflate", JSON, body.clone())
            .header("content-encoding", "deflate"),
        Post::new(
            "gzip that is cut off",
            JSON,
            gzip(body.as_bytes())[..20].to_vec(),
        )
        .header("content-encoding", "gzip"),
        Post::new("more than 10 MiB", JSON, vec![b' '; 11 << 20]),
    ];
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let mut post = Post::new(format!("{method} /api/v2/spans"), JSON, body.clone());
        post.method = method;
        posts.push(post);
    }
    let mut old = Post::new("version 1", JSON, "[]");
    old.path = "/api/v1/spans";
    posts.push(old);
    posts
}
