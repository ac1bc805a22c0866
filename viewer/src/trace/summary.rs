use super::TraceView;
use crate::model::TraceId;
use serde::Serialize;
use std::collections::HashMap;

/// A trace in a list of traces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Summary {
    /// The id.
    pub trace_id: TraceId,
    /// The service of the root, or of the first span.
    pub root_service: Box<str>,
    /// The name of the root, or of the first span.
    pub root_name: Box<str>,
    /// The first start in microseconds since 1970; 0 if unknown.
    pub timestamp: u64,
    /// From the first start to the last end, in microseconds.
    pub duration: u64,
    /// The number of spans, after parts were merged.
    pub span_count: usize,
    /// How many of them have the tag `error`.
    pub error_count: usize,
    /// The services and how many spans each has, most first.
    pub services: Vec<ServiceCount>,
    /// Whether the root was not reported, or not yet.
    pub missing_root: bool,
    /// A number that grows with every change of any trace.
    pub updated: u64,
}

/// How many spans a service has in a trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceCount {
    /// The service's name.
    pub name: Box<str>,
    /// The number of its spans.
    pub count: usize,
}

impl Summary {
    pub(crate) fn new(view: &TraceView, updated: u64) -> Summary {
        let spans = || view.spans.iter().map(|one| &*one.span);
        let timed = || spans().filter(|span| span.timestamp != 0);
        let start = timed().map(|span| span.timestamp).min().unwrap_or(0);
        let end = timed().map(|span| span.end()).max().unwrap_or(0);
        let root = view.root.or((!view.spans.is_empty()).then_some(0));
        let root = root.map(|at| &*view.spans[at].span);
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for service in spans().filter_map(|span| span.local_service()) {
            *counts.entry(service).or_default() += 1;
        }
        let services = counts.into_iter().map(|(name, count)| ServiceCount {
            name: name.into(),
            count,
        });
        let mut services: Vec<ServiceCount> = services.collect();
        services.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
        Summary {
            trace_id: view.trace_id,
            root_service: root
                .and_then(|span| span.local_service())
                .unwrap_or("")
                .into(),
            root_name: root
                .and_then(|span| span.name.as_deref())
                .unwrap_or("")
                .into(),
            timestamp: start,
            duration: end.saturating_sub(start),
            span_count: view.spans.len(),
            error_count: spans().filter(|span| span.is_error()).count(),
            services,
            missing_root: view.root.is_none(),
            updated,
        }
    }
}
