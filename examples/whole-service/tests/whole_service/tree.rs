//! Traces as trees, from what Zipkin received.

use serde_json::Value;
use std::{collections::BTreeMap, fmt::Write};

/// Tags that every exchange has, or that differ from one run to the next.
const HIDDEN: [&str; 15] = [
    "component",
    "error.reason",
    "grpc.authority",
    "grpc.content_type",
    "grpc.path",
    "guid:x-request-id",
    "http.method",
    "http.protocol",
    "http.url",
    "otel.kind",
    "peer.address",
    "request_size",
    "response_size",
    "upstream_address",
    "user_agent",
];

/// The spans of one trace.
pub struct Trace {
    pub id: String,
    pub spans: Vec<Value>,
}

/// The traces that these spans make.
pub fn traces(spans: &[Value]) -> Vec<Trace> {
    let mut traces: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for span in spans {
        let id = text(&span["traceId"]).to_owned();
        traces.entry(id).or_default().push(span.clone());
    }
    let traces = traces.into_iter();
    traces.map(|(id, spans)| Trace { id, spans }).collect()
}

impl Trace {
    /// The request id, which is the same on all its exchanges.
    pub fn request_id(&self) -> &str {
        let ids = self
            .spans
            .iter()
            .map(|span| &span["tags"]["guid:x-request-id"]);
        let mut ids = ids.filter_map(Value::as_str);
        let id = ids.next().expect("an exchange");
        assert!(ids.all(|other| other == id), "{:#?}", self.spans);
        id
    }

    /// The spans, one per line, below their parents. Siblings are in the order of their text: those that
    /// run at the same time have no other order.
    pub fn tree(&self) -> String {
        let roots = self.children(None, 0);
        assert_eq!(roots.len(), 1, "not one tree: {:#?}", self.spans);
        let tree = roots.concat();
        assert_eq!(tree.lines().count(), self.spans.len(), "{:#?}", self.spans);
        tree
    }

    fn children(&self, parent: Option<&str>, depth: usize) -> Vec<String> {
        let children = self.spans.iter();
        let children = children.filter(|span| span["parentId"].as_str() == parent);
        let below = |span: &Value| {
            let mut text = format!("{}{}\n", "  ".repeat(depth), line(span));
            text.push_str(&self.children(Some(text_of(span, "id")), depth + 1).concat());
            text
        };
        let mut below: Vec<String> = children.map(below).collect();
        below.sort();
        below
    }
}

/// A span: service, kind, name, tags, annotations.
fn line(span: &Value) -> String {
    let service = text(&span["localEndpoint"]["serviceName"]);
    let kind = span["kind"].as_str().unwrap_or("-");
    let mut line = format!("{service} {kind} {}", text_of(span, "name"));
    for (name, value) in span["tags"].as_object().into_iter().flatten() {
        if !HIDDEN.contains(&&**name) {
            write!(line, " {name}={}", text(value)).expect("a string can be written to");
        }
    }
    for annotation in annotations(span) {
        write!(line, " [{annotation}]").expect("a string can be written to");
    }
    line
}

/// The texts of a span's annotations.
pub fn annotations(span: &Value) -> impl Iterator<Item = &str> {
    let annotations = span["annotations"].as_array().into_iter().flatten();
    annotations.map(|annotation| text_of(annotation, "value"))
}

pub fn text_of<'a>(object: &'a Value, name: &str) -> &'a str {
    text(&object[name])
}

pub fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is not a text"))
}
