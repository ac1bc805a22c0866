//! The map of services: who calls whom, how often, how fast, with how many errors.

use super::{Store, Window};
use crate::{
    model::Span,
    trace::{Links, for_each_call, merge},
};
use serde::Serialize;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// The services of a period and the calls between them.
#[derive(Debug, Serialize)]
pub(crate) struct ServiceMap {
    services: Vec<Service>,
    edges: Vec<Edge>,
}

#[derive(Debug, Serialize)]
struct Service {
    name: Box<str>,
    spans: u64,
    errors: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Edge {
    caller: Box<str>,
    callee: Box<str>,
    calls: u64,
    errors: u64,
    calls_per_minute: f64,
    /// Microseconds; `null` if no duration is known.
    p50: Option<u64>,
    p95: Option<u64>,
}

#[derive(Default)]
struct Calls {
    calls: u64,
    errors: u64,
    durations: Vec<u64>,
}

/// The value below which this share of the sorted values lies: the nearest rank.
fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

impl Store {
    /// The links between services as Zipkin counts them.
    pub(crate) fn links(&self, window: Window) -> Links {
        let mut links = Links::default();
        for trace in self.candidates(window) {
            links.add_trace(trace.spans());
        }
        links
    }

    /// The map of the traces in a period.
    pub(crate) fn map(&self, window: Window) -> ServiceMap {
        let mut services: BTreeMap<Box<str>, (u64, u64)> = BTreeMap::new();
        let mut edges: HashMap<(Box<str>, Box<str>), Calls> = HashMap::new();
        let (mut first, mut last) = (u64::MAX, 0);
        for trace in self.candidates(window) {
            let spans = merge(trace.spans());
            for span in &spans {
                if span.timestamp != 0 {
                    first = first.min(span.timestamp);
                    last = last.max(span.end());
                }
                count_service(&mut services, span);
            }
            for_each_call(&spans, |call| {
                // The other side may have reported nothing.
                services.entry(call.parent.into()).or_default();
                services.entry(call.child.into()).or_default();
                let key = (call.parent.into(), call.child.into());
                let edge = edges.entry(key).or_default();
                edge.calls += 1;
                edge.errors += u64::from(call.is_error);
                edge.durations
                    .extend(Some(call.duration).filter(|&d| d != 0));
            });
        }
        // Of less than a minute, a rate would be a guess.
        let minutes = (last.saturating_sub(first) as f64 / 60e6).max(1.0);
        let mut edges: Vec<Edge> = edges
            .into_iter()
            .map(|(services, calls)| edge(services, calls, minutes))
            .collect();
        edges.sort_by(|a, b| (&a.caller, &a.callee).cmp(&(&b.caller, &b.callee)));
        let services = services.into_iter();
        let services = services.map(|(name, (spans, errors))| Service {
            name,
            spans,
            errors,
        });
        ServiceMap {
            services: services.collect(),
            edges,
        }
    }
}

fn count_service(services: &mut BTreeMap<Box<str>, (u64, u64)>, span: &Arc<Span>) {
    if let Some(service) = span.local_service() {
        let counts = services.entry(service.into()).or_default();
        counts.0 += 1;
        counts.1 += u64::from(span.is_error());
    }
}

fn edge((caller, callee): (Box<str>, Box<str>), mut calls: Calls, minutes: f64) -> Edge {
    calls.durations.sort_unstable();
    Edge {
        caller,
        callee,
        calls: calls.calls,
        errors: calls.errors,
        calls_per_minute: calls.calls as f64 / minutes,
        p50: percentile(&calls.durations, 50),
        p95: percentile(&calls.durations, 95),
    }
}
