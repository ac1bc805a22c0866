//! Merges the parts of spans, as Zipkin's `Trace.merge` does.

use crate::model::{Endpoint, Kind, Span};
use std::{cmp::Ordering, sync::Arc};

/// Merges parts of the same span, and completes what the server's part of a shared span lacks:
/// `shared` and the parent's id. All spans get the longest trace id. The result is sorted by id; of
/// the parts with one id, the client's comes first.
pub fn merge(spans: &[Arc<Span>]) -> Vec<Arc<Span>> {
    let mut sorted = spans.to_vec();
    sorted.sort_by(|one, other| compare(one, other));
    let Some(trace_id) = sorted.iter().map(|span| span.trace_id).max() else {
        return sorted;
    };
    let mut merged: Vec<Arc<Span>> = Vec::with_capacity(sorted.len());
    let mut sorted = sorted.into_iter().peekable();
    while let Some(mut span) = sorted.next() {
        let mut known = Endpoint::default();
        let mut is_tracked = false;
        let mut is_merged = false;
        while let Some(next) = sorted.next_if(|next| {
            if next.id != span.id {
                return false;
            }
            if !is_tracked {
                is_tracked = true;
                add_if_compatible(&mut known, span.local_endpoint.as_ref());
            }
            next.shared == span.shared
                && add_if_compatible(&mut known, next.local_endpoint.as_ref())
        }) {
            is_merged = true;
            Arc::make_mut(&mut span).merge(&next);
        }
        if is_merged {
            Arc::make_mut(&mut span).normalize();
        }
        if span.trace_id != trace_id {
            Arc::make_mut(&mut span).trace_id = trace_id;
        }
        if let Some(last) = merged.last().filter(|last| last.id == span.id) {
            complete_server(&mut span, last);
        }
        merged.push(span);
    }
    merged
}

/// Some instrumentation forgets to say that a server's span shares its id with the client's, or to
/// pass on the parent.
fn complete_server(span: &mut Arc<Span>, last: &Span) {
    let is_pair = last.kind == Some(Kind::Client) && span.kind == Some(Kind::Server);
    if is_pair && !span.shared {
        Arc::make_mut(span).shared = true;
    }
    if span.shared && span.parent_id.is_none() && last.parent_id.is_some() {
        Arc::make_mut(span).parent_id = last.parent_id;
    }
}

/// By id; the client's part comes before the server's, and parts without an endpoint first, so that
/// they are merged into the first part that has one.
fn compare(one: &Span, other: &Span) -> Ordering {
    let by_id = one.id.cmp(&other.id);
    let by_shared = by_id.then_with(|| compare_shared(one, other));
    by_shared.then_with(|| match (&one.local_endpoint, &other.local_endpoint) {
        (Some(one), Some(other)) => compare_endpoints(one, other),
        (one, other) => one.is_some().cmp(&other.is_some()),
    })
}

fn compare_shared(one: &Span, other: &Span) -> Ordering {
    let is_client = |span: &Span| span.kind == Some(Kind::Client);
    match (one.shared, other.shared) {
        (true, true) => Ordering::Equal,
        (false, false) => is_client(other).cmp(&is_client(one)),
        (one, other) => one.cmp(&other),
    }
}

fn compare_endpoints(one: &Endpoint, other: &Endpoint) -> Ordering {
    /// What is unknown comes last.
    fn known_first<T: Ord>(one: Option<T>, other: Option<T>) -> Ordering {
        match (one, other) {
            (Some(one), Some(other)) => one.cmp(&other),
            (one, other) => other.is_some().cmp(&one.is_some()),
        }
    }
    let by_name = known_first(one.service_name.as_ref(), other.service_name.as_ref());
    by_name
        .then_with(|| known_first(one.ipv4, other.ipv4))
        .then_with(|| known_first(one.ipv6, other.ipv6))
}

/// Adds what is known of an endpoint, unless it contradicts what is known already.
fn add_if_compatible(known: &mut Endpoint, other: Option<&Endpoint>) -> bool {
    fn differ<T: PartialEq>(one: Option<T>, other: Option<T>) -> bool {
        matches!((one, other), (Some(one), Some(other)) if one != other)
    }
    let Some(other) = other else { return true };
    let port = |port: u16| Some(port).filter(|&port| port != 0);
    let contradicts = differ(known.service_name.as_ref(), other.service_name.as_ref())
        || differ(known.ipv4, other.ipv4)
        || differ(known.ipv6, other.ipv6)
        || differ(port(known.port), port(other.port));
    if !contradicts {
        known.merge(other);
    }
    !contradicts
}
