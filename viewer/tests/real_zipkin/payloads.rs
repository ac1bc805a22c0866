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

const SERVICES: [&str; 5] = ["web", "cart", "stock", "pay", "db"];

/// Traces of a few services that call each other, with shared and own ids, 64 and 128 bits, errors
/// and messages.
fn of_systems() -> Vec<Post> {
    let mut posts = Vec::new();
    for number in 0_u64..80 {
        let start = now() - 1_000_000 * (number + 1);
        let short = format!("{:016x}", 0x5000 + number);
        let long = format!("{:016x}{short}", 7 + number % 3);
        let root = json!({
            "traceId": long, "id": "1", "kind": "SERVER", "name": "Get /", "timestamp": start,
            "duration": 900 + number, "localEndpoint": { "serviceName": "Web", "ipv4": "10.0.0.1" },
        });
        let (mut sent, mut received) = (vec![root], Vec::new());
        for call in 1..SERVICES.len() as u64 {
            sent.push(sending(number, call, start, &long));
            // The database reports nothing. A hop may cut the id.
            let id = if (number + call) % 5 == 0 {
                &short
            } else {
                &long
            };
            if call < 4 {
                received.push(receiving(number, call, start, id));
            }
        }
        let body = json!(sent).to_string();
        posts.push(Post::new(format!("system {number}"), JSON, body));
        let body = gzip(json!(received).to_string().as_bytes());
        let post = Post::new(format!("system {number}, gzip"), JSON, body);
        posts.push(post.header("content-encoding", "gzip"));
    }
    posts
}

fn sending(number: u64, call: u64, start: u64, trace_id: &str) -> Value {
    let (caller, callee) = (SERVICES[(call - 1) as usize], SERVICES[call as usize]);
    let mut span = json!({
        "traceId": trace_id, "id": format!("{:x}", call * 16),
        "parentId": format!("{:x}", (call - 1) * 16 + 1),
        "kind": if call == 3 { "PRODUCER" } else { "CLIENT" }, "name": format!("call {callee}"),
        "timestamp": start + call * 10, "duration": 500 - call,
        "localEndpoint": { "serviceName": caller },
        "tags": { "http.path": format!("/{callee}/{}", number % 4) },
    });
    if call == 4 {
        span["remoteEndpoint"] = json!({ "serviceName": callee, "port": 5432 });
    }
    if number % 7 == call {
        span["tags"]["error"] = json!("timeout");
    }
    span
}

fn receiving(number: u64, call: u64, start: u64, trace_id: &str) -> Value {
    let is_shared = (number + call) % 2 == 0;
    let client = call * 16;
    let (id, parent) = if is_shared {
        (client, (call - 1) * 16 + 1)
    } else {
        (client + 1, client)
    };
    json!({
        "traceId": trace_id, "id": format!("{id:x}"), "parentId": format!("{parent:x}"),
        "shared": is_shared, "kind": if call == 3 { "CONSUMER" } else { "SERVER" },
        "timestamp": start + call * 11, "duration": 400 - call,
        "localEndpoint": { "serviceName": SERVICES[call as usize], "ipv6": "2001:db8::c001" },
        "annotations": [{ "timestamp": start + 5, "value": "checked" }],
    })
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

/// On each line, fields that a span should not have, or not in this form.
const FIELDS: &str = r#"{"traceId":"0"}
{"id":"0"}
{"id":"0000000000000000"}
{"traceId":"BAD"}
{"traceId":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}
{"id":"bbbbbbbbbbbbbbbbb"}
{"traceId":""}
{"traceId":null}
{"id":7}
{"parentId":""}
{"parentId":"000"}
{"parentId":null}
{"parentId":"b1"}
{"kind":"server"}
{"kind":""}
{"kind":null}
{"kind":1}
{"name":""}
{"name":null}
{"name":5}
{"name":true}
{"timestamp":"123"}
{"timestamp":1.5}
{"timestamp":2.0}
{"timestamp":-5}
{"timestamp":true}
{"timestamp":""}
{"timestamp":9223372036854775808}
{"duration":0}
{"duration":null}
{"localEndpoint":{"port":70000}}
{"localEndpoint":{"port":-1}}
{"localEndpoint":{"port":"80"}}
{"localEndpoint":{"ipv4":"localhost"}}
{"localEndpoint":{}}
{"localEndpoint":null}
{"localEndpoint":"web"}
{"annotations":[{"timestamp":1}]}
{"annotations":[{"value":"x"}]}
{"annotations":null}
{"annotations":{}}
{"annotations":[null]}
{"tags":null}
{"tags":{"a":true}}
{"tags":{"a":null}}
{"tags":{"a":1.5}}
{"tags":{"a":{}}}
{"tags":{"":""}}
{"tags":[]}
{"debug":"true"}
{"debug":null}
{"shared":1}
{"kind":"CLIENT","shared":true}
{"unknown":{"a":[1,null,{}]}}
{"binaryAnnotations":[]}
{"tags":{"hostile":"<img src=x onerror=alert(1)>\u202e"}}"#;

fn hostile() -> Vec<Post> {
    let fields = FIELDS.lines().map(|fields| {
        let span = span_with(serde_json::from_str(fields).unwrap());
        Post::new(format!("span with {fields}"), JSON, span)
    });
    let mut posts: Vec<Post> = fields.collect();
    let long = json!({ "tags": { "long": "x".repeat(1 << 20) } });
    posts.push(Post::new("span with 1 MiB", JSON, span_with(long)));
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
