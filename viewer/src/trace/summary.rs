use super::TraceView;
use crate::model::TraceId;
use serde::Serialize;
use std::collections::HashMap;

/// The services of a summary. A list has no room for more.
const MOST_SERVICES: usize = 6;
/// The characters of a name in a summary.
const LONGEST_NAME: usize = 240;

/// A trace in a list of traces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Summary {
    /// The id.
    pub trace_id: TraceId,
    /// The service of the root, or of the first span. Names end with `…` after 240 characters.
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
    /// The services and how many spans each has, most first: at most six.
    pub services: Vec<ServiceCount>,
    /// The number of all services.
    pub service_count: usize,
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
        let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
        counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(b.0)));
        let most = counts.iter().take(MOST_SERVICES);
        let services = most.map(|&(name, count)| ServiceCount {
            name: cut(name),
            count,
        });
        Summary {
            trace_id: view.trace_id,
            root_service: cut(root.and_then(|span| span.local_service()).unwrap_or("")),
            root_name: cut(root.and_then(|span| span.name.as_deref()).unwrap_or("")),
            timestamp: start,
            duration: end.saturating_sub(start),
            span_count: view.spans.len(),
            error_count: spans().filter(|span| span.is_error()).count(),
            services: services.collect(),
            service_count: counts.len(),
            missing_root: view.root.is_none(),
            updated,
        }
    }
}

/// The beginning of a long name, so that a list of summaries is small.
fn cut(name: &str) -> Box<str> {
    match name.char_indices().nth(LONGEST_NAME) {
        None => name.into(),
        Some(_) => {
            let start = name.chars().take(LONGEST_NAME - 1);
            start.chain(['…']).collect::<String>().into()
        }
    }
}
