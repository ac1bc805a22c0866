//! A trace as Zipkin or Jaeger returns it.

use std::collections::{BTreeMap, BTreeSet};

use test_kit::backends::{JaegerSpan, Span};

pub const REQUEST_ID: &str = "guid:x-request-id";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSpan {
    pub trace_id: String,
    pub id: String,
    pub parent: Option<String>,
    /// In lower case, as Zipkin writes it.
    pub service: String,
    /// `SERVER`, `CLIENT`, or nothing.
    pub kind: String,
    /// In lower case, as Zipkin writes it.
    pub name: String,
    /// In microseconds.
    pub duration: u64,
    pub tags: BTreeMap<String, String>,
}

/// All spans of one trace.
pub type Trace = Vec<StoredSpan>;

impl From<Span> for StoredSpan {
    fn from(span: Span) -> StoredSpan {
        StoredSpan {
            service: span.service().to_owned(),
            kind: span.kind().to_owned(),
            duration: span.duration.try_into().expect("a duration"),
            trace_id: span.trace_id,
            id: span.id,
            parent: span.parent_id,
            name: span.name,
            tags: span.tags,
        }
    }
}

impl StoredSpan {
    pub fn of_jaeger(trace_id: &str, span: JaegerSpan) -> StoredSpan {
        let kind = span.tags.get("span.kind").map_or("", String::as_str);
        StoredSpan {
            trace_id: trace_id.to_owned(),
            id: span.id,
            parent: span.parent,
            service: span.service.to_lowercase(),
            // In OTLP, a span without a kind is internal.
            kind: kind.replace("internal", "").to_uppercase(),
            name: span.name.to_lowercase(),
            duration: span.duration,
            tags: span.tags,
        }
    }

    pub fn tag(&self, name: &str) -> Option<&str> {
        self.tags.get(name).map(String::as_str)
    }
}

/// The spans from the root to the leaf. The trace must be a chain with one trace id.
#[track_caller]
pub fn chain(trace: &Trace) -> Vec<&StoredSpan> {
    let mut chain: Vec<&StoredSpan> = Vec::new();
    loop {
        let parent = chain.last().map(|last| last.id.as_str());
        let mut children = trace.iter().filter(|s| s.parent.as_deref() == parent);
        let Some(child) = children.next() else { break };
        assert!(children.next().is_none(), "not one chain: {trace:#?}");
        assert_eq!(child.trace_id, trace[0].trace_id, "{trace:#?}");
        chain.push(child);
    }
    assert_eq!(chain.len(), trace.len(), "not one chain: {trace:#?}");
    chain
}

/// The spans of one request for the catalogue: three of webapp and two of catalog.
#[track_caller]
pub fn assert_whole(trace: &Trace, webapp: &str, catalog: &str) {
    let chain = chain(trace);
    let hops: Vec<_> = chain
        .iter()
        .map(|span| (&*span.service, &*span.kind, &*span.name))
        .collect();
    let expected = [
        (webapp, "SERVER", "get /api/catalog"),
        (webapp, "", "list_items"),
        (webapp, "CLIENT", "get /items"),
        (catalog, "SERVER", "get /items"),
        (catalog, "", "load_items"),
    ];
    assert_eq!(hops, expected, "{trace:#?}");
    assert_eq!(chain[0].trace_id.len(), 32, "{trace:#?}");
    // A root span's id is the low half of its trace id.
    assert_eq!(chain[0].trace_id[16..], chain[0].id, "{trace:#?}");
}

/// The request ids of these traces as they were sent, without the reason written into them.
pub fn request_ids(traces: &[Trace]) -> BTreeSet<String> {
    let spans = traces.iter().flatten();
    let ids = spans.filter_map(|span| span.tag(REQUEST_ID));
    ids.map(|id| {
        let mut id = id.to_owned();
        id.replace_range(14..15, "4");
        id
    })
    .collect()
}
