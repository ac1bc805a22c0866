//! Compares answers, and the differences with the list in DIFFERENCES.md.

use crate::{
    common::{Answer, Client},
    payloads::Post,
    queries::Query,
};
use serde_json::Value;
use std::collections::BTreeMap;

const LISTED: &str = include_str!("../../DIFFERENCES.md");

/// The trace of the spans that nobody should send.
pub const BAD_TRACE: &str = "0000000000000bad";

/// What differs, by the name of the case.
#[derive(Default)]
pub struct Differences(BTreeMap<String, String>);

impl Differences {
    /// Posts to both.
    pub async fn compare_statuses(&mut self, post: &Post, zipkin: &Client, viewer: &Client) {
        let (theirs, ours) = (post.send(zipkin).await, post.send(viewer).await);
        self.compare_status(&post.name, &theirs, &ours);
    }

    fn compare_status(&mut self, name: &str, theirs: &Answer, ours: &Answer) {
        if theirs.status != ours.status {
            let difference = format!(
                "{} / {}: {:.200} / {:.200}",
                theirs.status.as_u16(),
                ours.status.as_u16(),
                String::from_utf8_lossy(&theirs.body),
                String::from_utf8_lossy(&ours.body),
            );
            self.0.insert(name.to_owned(), difference);
        }
    }

    pub fn compare(&mut self, query: &Query, theirs: &Answer, ours: &Answer) {
        self.compare_status(&query.name, theirs, ours);
        if theirs.status != ours.status || !query.compares_body {
            return;
        }
        let body = |answer: &Answer| match answer.status.as_u16() {
            200 => normalized(without_bad_spans(answer.json())).to_string(),
            _ => answer.text().to_owned(),
        };
        let (theirs, ours) = (body(theirs), body(ours));
        if theirs != ours {
            let at = theirs
                .bytes()
                .zip(ours.bytes())
                .take_while(|(a, b)| a == b)
                .count();
            let from = at.saturating_sub(150);
            let part = |text: &str| -> String { text.chars().skip(from).take(400).collect() };
            let difference = format!("{}\n   / {}", part(&theirs), part(&ours));
            self.0.insert(query.name.clone(), difference);
        }
    }

    /// Fails unless exactly the listed cases differ.
    pub fn check(&self) {
        self.check_unlisted();
        let gone = listed().filter(|name| !self.0.contains_key(*name));
        let gone: Vec<&str> = gone.collect();
        assert!(gone.is_empty(), "in DIFFERENCES.md, but equal: {gone:?}");
    }

    /// Fails if any other than the listed cases differs.
    pub fn check_unlisted(&self) {
        let is_listed = |name: &str| listed().any(|listed| listed == name);
        let unlisted = self.0.iter().filter(|(name, _)| !is_listed(name));
        let unlisted = unlisted.map(|(name, what)| format!("{name}: {what}"));
        let unlisted: Vec<String> = unlisted.collect();
        let count = unlisted.len();
        assert!(
            count == 0,
            "not in DIFFERENCES.md:\n{}",
            unlisted.join("\n")
        );
    }
}

/// The cases of DIFFERENCES.md.
fn listed() -> impl Iterator<Item = &'static str> {
    let rows = LISTED.lines();
    let rows = rows.filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    rows.map(|(name, _)| name)
}

/// Removes the trace of the spans that only one of them may take.
fn without_bad_spans(mut traces: Value) -> Value {
    if let Value::Array(traces) = &mut traces {
        traces.retain(|trace| trace[0]["traceId"] != BAD_TRACE);
    }
    traces
}

/// Lists without their order, which has no meaning or depends on the time of arrival.
fn normalized(value: Value) -> Value {
    match value {
        Value::Array(values) => {
            let mut values: Vec<Value> = values.into_iter().map(normalized).collect();
            values.sort_by_cached_key(Value::to_string);
            Value::Array(values)
        }
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .map(|(k, v)| (k, normalized(v)))
                .collect(),
        ),
        other => other,
    }
}
