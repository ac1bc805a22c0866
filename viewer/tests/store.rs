//! A store that is small, compared with a list of everything that it was given.

use proptest::{collection::vec, prelude::*};
use std::collections::{BTreeMap, BTreeSet};
use tower_b3_viewer::{
    model::{Endpoint, Span, SpanId, TraceId},
    store::{Limits, Store},
};

const MAX_SPANS: usize = 12;

prop_compose! {
    fn spans()(trace in 1_u128..8, is_long: bool, id in 1_u64..6, service in 0_usize..3, size in 0_usize..300) -> Span {
        let trace = if is_long { trace | 1 << 100 } else { trace };
        let mut span = Span::new(TraceId::new(trace).unwrap(), SpanId::new(id).unwrap());
        span.name = Some(format!("name {id}").into());
        span.local_endpoint = Some(Endpoint {
            service_name: Some(["web", "app", "db"][service].into()),
            ..Endpoint::default()
        });
        span.tags.push(("text".into(), "x".repeat(size).into()));
        span
    }
}

#[derive(Default)]
struct Model {
    /// By the lower half of the id, in the order of arrival.
    traces: Vec<(u64, Vec<Span>)>,
    evicted: u64,
    dropped: u64,
}

impl Model {
    fn size(&self) -> (usize, usize) {
        let spans = || self.traces.iter().flat_map(|(_, spans)| spans);
        let services: BTreeSet<_> = spans().filter_map(Span::local_service).collect();
        let bytes: usize = spans().map(Span::bytes).sum();
        let traces = self.traces.len() * Store::TRACE_BYTES;
        let services = services.len() * Store::SERVICE_BYTES;
        (spans().count(), bytes + traces + services)
    }

    fn add(&mut self, span: &Span, limits: Limits) {
        let id = span.trace_id.low();
        let known = self.traces.iter().find(|(other, _)| *other == id);
        if known.is_some_and(|(_, spans)| spans.contains(span)) {
            return;
        }
        let trace = if known.is_some() {
            0
        } else {
            Store::TRACE_BYTES
        };
        let own = known.map_or((0, 0), |(_, spans)| {
            let bytes: usize = spans.iter().map(Span::bytes).sum();
            (spans.len(), bytes + Store::TRACE_BYTES)
        });
        if own.0 >= limits.max_spans || own.1 + span.bytes() + trace > limits.max_bytes {
            self.dropped += 1;
            return;
        }
        loop {
            let (spans, bytes) = self.size();
            let mut all = self.traces.iter().flat_map(|(_, spans)| spans);
            let is_known = all.any(|other| other.local_service() == span.local_service());
            let service = if is_known { 0 } else { Store::SERVICE_BYTES };
            let bytes = bytes + span.bytes() + trace + service;
            if spans < limits.max_spans && bytes <= limits.max_bytes {
                break;
            }
            let Some(oldest) = self.traces.iter().position(|(other, _)| *other != id) else {
                self.dropped += 1;
                return;
            };
            self.traces.remove(oldest);
            self.evicted += 1;
        }
        match self.traces.iter_mut().find(|(other, _)| *other == id) {
            Some((_, spans)) => spans.push(span.clone()),
            None => self.traces.push((id, vec![span.clone()])),
        }
    }
}

proptest! {
    #[test]
    fn it_holds_what_a_simple_list_holds(messages in vec(vec(spans(), 0..6), 0..20), max_bytes in 1_000_usize..16_000) {
        let limits = Limits { max_spans: MAX_SPANS, max_bytes };
        let (store, mut model) = (Store::new(limits), Model::default());
        for message in messages {
            message.iter().for_each(|span| model.add(span, limits));
            store.add(message);
            let stats = store.stats();
            prop_assert_eq!((stats.spans, stats.bytes), model.size());
            prop_assert!(stats.spans <= MAX_SPANS && stats.bytes <= max_bytes);
            prop_assert_eq!(stats.traces, model.traces.len());
            prop_assert_eq!((stats.evicted_traces, stats.dropped_spans), (model.evicted, model.dropped));
            let mut names: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
            for (id, spans) in &model.traces {
                let stored = store.trace(TraceId::new(u128::from(*id)).unwrap()).unwrap();
                prop_assert!(stored.iter().map(|span| &**span).eq(spans));
                for span in spans {
                    names.entry(span.local_service().unwrap()).or_default().insert(span.name.as_deref().unwrap());
                }
            }
            prop_assert!(store.services().iter().map(|name| &**name).eq(names.keys().copied()));
            for (service, spans) in &names {
                prop_assert!(store.span_names(service).iter().map(|name| &**name).eq(spans.iter().copied()));
            }
        }
    }
}
