//! `Store`: traces in memory, bounded by spans and bytes.

use super::{live::Updates, names::Names, stored::StoredTrace};
use crate::model::{Span, TraceId};
use serde::Serialize;
use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::watch;

/// How many spans are added while the store is locked.
const SPANS_AT_ONCE: usize = 1_000;

/// How much a [`Store`] holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The maximum number of spans.
    pub max_spans: usize,
    /// The maximum number of bytes, estimated.
    pub max_bytes: usize,
}

impl Default for Limits {
    /// 500,000 spans, as Zipkin has in memory, and 256 MiB.
    fn default() -> Limits {
        Limits {
            max_spans: 500_000,
            max_bytes: 256 << 20,
        }
    }
}

/// Traces in memory. If it is full, the oldest traces make room, each as a whole.
#[derive(Debug)]
pub struct Store {
    limits: Limits,
    traces: Mutex<Traces>,
    /// The number of the last change.
    changes: watch::Sender<u64>,
}

/// What a [`Store`] holds and has held.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct StoreStats {
    /// Spans in the store.
    pub spans: usize,
    /// About how many bytes they take.
    pub bytes: usize,
    /// Traces in the store.
    pub traces: usize,
    /// Traces that had to make room.
    pub evicted_traces: u64,
    /// Spans that were received.
    pub received_spans: u64,
    /// Spans that did not fit, because they or their trace alone fill the store.
    pub dropped_spans: u64,
}

#[derive(Debug, Default)]
struct Traces {
    /// By the lower 64 bits of the id.
    by_id: HashMap<u64, Entry>,
    /// The ids by first arrival, oldest first.
    arrival: VecDeque<u64>,
    /// The ids by the number of the last change.
    by_update: BTreeMap<u64, u64>,
    names: Names,
    hasher: RandomState,
    stats: StoreStats,
    last_update: u64,
    /// How often the store was cleared.
    generation: u64,
}

#[derive(Debug, Default)]
struct Entry {
    trace: StoredTrace,
    /// The hashes of the spans: a span that was reported twice in the same form is stored once.
    hashes: HashSet<u64>,
    /// About how many bytes the trace takes.
    bytes: usize,
}

impl Default for Store {
    fn default() -> Store {
        Store::new(Limits::default())
    }
}

impl Store {
    /// About how many bytes a trace takes beside its spans, with its summary.
    pub const TRACE_BYTES: usize = 1024;
    /// About how many bytes the index of a service's names takes beside the names.
    pub const SERVICE_BYTES: usize = 768;

    /// Makes an empty store.
    pub fn new(limits: Limits) -> Store {
        Store {
            limits,
            traces: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Traces> {
        self.traces.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The limits that it was made with.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Stores spans. Late spans join their trace.
    pub fn add(&self, spans: impl IntoIterator<Item = Span>) {
        let mut spans = spans.into_iter().peekable();
        // Of many spans, a part at a time, so that others need not wait for all.
        while spans.peek().is_some() {
            let mut traces = self.lock();
            let before = traces.last_update;
            for mut span in spans.by_ref().take(SPANS_AT_ONCE) {
                span.normalize();
                traces.add(span, before, self.limits);
            }
            let last = traces.last_update;
            drop(traces);
            if last != before {
                self.changes.send_replace(last);
            }
        }
    }

    /// Removes all traces.
    pub fn clear(&self) {
        let mut traces = self.lock();
        traces.last_update += 1;
        let last = traces.last_update;
        let old = std::mem::take(&mut *traces);
        *traces = Traces {
            last_update: last,
            generation: old.generation + 1,
            stats: StoreStats {
                spans: 0,
                bytes: 0,
                traces: 0,
                ..old.stats
            },
            ..Traces::default()
        };
        drop(traces);
        self.changes.send_replace(last);
    }

    /// What it holds and has held.
    pub fn stats(&self) -> StoreStats {
        let traces = self.lock();
        StoreStats {
            traces: traces.by_id.len(),
            ..traces.stats.clone()
        }
    }

    /// The names of the services that reported spans, sorted.
    pub fn services(&self) -> Vec<Box<str>> {
        self.lock().names.services()
    }

    /// The names of a service's spans, sorted.
    pub fn span_names(&self, service: &str) -> Vec<Box<str>> {
        self.lock().names.span_names(&service.to_lowercase())
    }

    /// The services that a service's spans name as their other side, sorted.
    pub fn remote_services(&self, service: &str) -> Vec<Box<str>> {
        self.lock().names.remote_services(&service.to_lowercase())
    }

    /// The spans of a trace as they were reported. Ids match in their lower 64 bits.
    pub fn trace(&self, id: TraceId) -> Option<Arc<Vec<Arc<Span>>>> {
        self.stored(id).map(|trace| trace.spans)
    }

    pub(crate) fn stored(&self, id: TraceId) -> Option<StoredTrace> {
        let traces = self.lock();
        traces.by_id.get(&id.low()).map(|entry| entry.trace.clone())
    }

    /// A snapshot of all traces, in no particular order.
    pub(crate) fn snapshot(&self) -> Vec<StoredTrace> {
        let traces = self.lock();
        let entries = traces.by_id.values();
        entries.map(|entry| entry.trace.clone()).collect()
    }

    /// Notices changes: the value is a number that grows with each. What it waits for is then asked of
    /// the store.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The traces that have changed since, oldest change first: at most `most`, the latest.
    pub(crate) fn updates_since(&self, since: u64, most: usize) -> Updates {
        let traces = self.lock();
        let changed = traces.by_update.range(since + 1..);
        let missed = changed.clone().count().saturating_sub(most);
        let changed = changed
            .skip(missed)
            .filter_map(|(_, id)| traces.by_id.get(id));
        Updates {
            generation: traces.generation,
            missed,
            traces: changed.map(|entry| entry.trace.clone()).collect(),
            last: traces.last_update,
        }
    }
}

impl Traces {
    /// `before`: the last change before the spans that are being added.
    fn add(&mut self, span: Span, before: u64, limits: Limits) {
        self.stats.received_spans += 1;
        let id = span.trace_id.low();
        let hash = self.hasher.hash_one(&span);
        let known = self.by_id.get(&id);
        if known.is_some_and(|entry| entry.hashes.contains(&hash)) {
            return;
        }
        let trace = known.map_or(Store::TRACE_BYTES, |_| 0);
        let bytes = span.bytes() + trace;
        if !self.make_room(&span, bytes, limits) {
            self.stats.dropped_spans += 1;
            return;
        }
        self.stats.spans += 1;
        self.stats.bytes += bytes + self.service_bytes(&span);
        self.names.add(&span);
        let entry = self.by_id.entry(id).or_default();
        if entry.trace.spans.is_empty() {
            self.arrival.push_back(id);
        }
        entry.bytes += bytes;
        entry.hashes.insert(hash);
        entry.trace.push(Arc::new(span));
        if entry.trace.updated <= before {
            self.by_update.remove(&entry.trace.updated);
            self.last_update += 1;
            entry.trace.set_updated(self.last_update);
            self.by_update.insert(self.last_update, id);
        }
    }

    /// What the index takes for the service of a span, if it is new.
    fn service_bytes(&self, span: &Span) -> usize {
        let service = span.local_service();
        let new = service.filter(|service| !self.names.has_service(service));
        new.map_or(0, |_| Store::SERVICE_BYTES)
    }

    /// Evicts other traces than the span's until its bytes fit. Returns whether they do.
    fn make_room(&mut self, span: &Span, bytes: usize, limits: Limits) -> bool {
        let id = span.trace_id.low();
        let own = self.by_id.get(&id);
        let (spans, own) = own.map_or((0, 0), |own| (own.trace.spans.len(), own.bytes));
        // Other traces do not make room in vain.
        if spans >= limits.max_spans || own + bytes > limits.max_bytes {
            return false;
        }
        while self.stats.spans >= limits.max_spans
            || self.stats.bytes + bytes + self.service_bytes(span) > limits.max_bytes
        {
            let oldest = usize::from(self.arrival.front() == Some(&id));
            let Some(evicted) = self.arrival.remove(oldest) else {
                return false;
            };
            self.remove(evicted);
            self.stats.evicted_traces += 1;
        }
        true
    }

    fn remove(&mut self, id: u64) {
        let Some(entry) = self.by_id.remove(&id) else {
            return;
        };
        self.by_update.remove(&entry.trace.updated);
        self.stats.spans -= entry.trace.spans.len();
        self.stats.bytes -= entry.bytes;
        for span in entry.trace.spans.iter() {
            if self.names.remove(span) {
                self.stats.bytes -= Store::SERVICE_BYTES;
            }
        }
    }
}
