//! `Peers`: a cache of peers by the value of their header.
//!
//! The key is the whole value and not the id that the peer sends with it: otherwise a peer could get the
//! labels of another. With [expiry](crate::metrics::MetricsBuilder::expire_after), values of workloads that
//! have no series any more are removed together with the number of their labels.

use super::{
    exchange::PeerNumber,
    metadata::{PeerMetadata, PeerMetadataError},
};
use crate::metrics::{
    intern::{Interner, NumberState},
    shared_map::SharedMap,
};
use arc_swap::ArcSwap;
use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// How many values of headers are cached; Istio caches 500 on each thread.
const MAX_VALUES: usize = 1_000;
/// How many bytes these values have together.
const MAX_BYTES: usize = 1 << 20;

/// The labels of a peer. Pods of one workload have the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(in crate::metrics) struct PeerLabels {
    pub(in crate::metrics) workload: String,
    pub(in crate::metrics) namespace: String,
    pub(in crate::metrics) cluster: String,
    pub(in crate::metrics) canonical_service: String,
    pub(in crate::metrics) canonical_revision: String,
    pub(in crate::metrics) app: String,
    pub(in crate::metrics) version: String,
    pub(in crate::metrics) identity: String,
}

impl PeerLabels {
    fn of(peer: &PeerMetadata) -> PeerLabels {
        PeerLabels {
            workload: peer.workload.clone(),
            namespace: peer.namespace.clone(),
            cluster: peer.cluster.clone(),
            canonical_service: peer.canonical_service.clone(),
            canonical_revision: peer.canonical_revision.clone(),
            app: peer.app.clone(),
            version: peer.version.clone(),
            identity: match peer.identity.len() <= 253 {
                true => peer.identity.clone(),
                false => String::new(),
            },
        }
    }
}

#[derive(Clone, Default)]
struct Values {
    numbers: SharedMap<Arc<[u8]>, PeerNumber>,
    /// Values of workloads whose labels are unused. One that a peer sends again moves back to `numbers`.
    unused: SharedMap<Arc<[u8]>, PeerNumber>,
    /// The metadata of peers, if an expression may read it.
    metadata: SharedMap<u32, Arc<PeerMetadata>>,
}

/// The order and size of the values, by which the oldest are evicted.
#[derive(Default)]
struct EvictionState {
    /// Values with the numbers of their metadata, the oldest first.
    order: VecDeque<(Arc<[u8]>, u32)>,
    /// The size of all values.
    bytes: usize,
    last_number: u32,
}

pub(in crate::metrics) struct Peers {
    values: ArcSwap<Values>,
    /// Held while a value is added, and while values are freed.
    changing: Mutex<EvictionState>,
    /// Whether the metadata of peers is kept, beside their labels.
    #[cfg(any(test, feature = "metrics-config"))]
    keeps_metadata: std::sync::atomic::AtomicBool,
    labels: Interner<Arc<PeerLabels>>,
    /// Whether the `baggage` of a caller that sends no metadata is read.
    pub(super) reads_baggage: bool,
    /// Headers that were too long or malformed.
    refused: AtomicU64,
    /// Headers of workloads that exceed the limit.
    overflowed: AtomicU64,
}

impl Peers {
    /// Distinguishes at most this many workloads.
    pub(in crate::metrics) fn new(limit: usize, reads_baggage: bool) -> Peers {
        Peers {
            values: ArcSwap::default(),
            changing: Mutex::default(),
            #[cfg(any(test, feature = "metrics-config"))]
            keeps_metadata: Default::default(),
            labels: Interner::new(limit),
            reads_baggage,
            refused: AtomicU64::new(0),
            overflowed: AtomicU64::new(0),
        }
    }

    /// The peer that sent this value; `None` if it is invalid.
    pub(super) fn number(&self, value: &[u8]) -> Option<PeerNumber> {
        self.find_or_add(value, || PeerMetadata::decode(value))
    }

    /// The peer with this key in the cache, or else the one that `read` returns.
    pub(super) fn find_or_add(
        &self,
        key: &[u8],
        read: impl FnOnce() -> Result<PeerMetadata, PeerMetadataError>,
    ) -> Option<PeerNumber> {
        if let Some(number) = self.values.load().numbers.get(key) {
            return Some(*number);
        }
        match read() {
            Ok(peer) => Some(self.add(key, peer)),
            Err(_) => {
                self.count_refused();
                None
            }
        }
    }

    pub(super) fn count_refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    #[cold]
    fn add(&self, value: &[u8], peer: PeerMetadata) -> PeerNumber {
        // Locked first, so that the labels are not freed as unused before the value has their number.
        let mut eviction = self.lock();
        let Some(labels) = self.intern_labels(&peer) else {
            return PeerNumber::UNKNOWN;
        };
        let mut values = Values::clone(&self.values.load());
        if let Some(number) = values.numbers.get(value) {
            return *number;
        }
        if let Some(number) = values.unused.get(value).copied() {
            values.unused.retain(|unused, _| **unused != *value);
            values.numbers.insert(Arc::from(value), number);
            self.values.store(Arc::new(values));
            return number;
        }
        eviction.evict_oldest(value.len(), &mut values);
        eviction.last_number = eviction.last_number.wrapping_add(1);
        let number = PeerNumber {
            labels,
            metadata: eviction.last_number,
        };
        let value: Arc<[u8]> = Arc::from(value);
        values.numbers.insert(Arc::clone(&value), number);
        #[cfg(any(test, feature = "metrics-config"))]
        if self.keeps_metadata.load(Relaxed) {
            values.metadata.insert(number.metadata, Arc::new(peer));
        }
        eviction.bytes += value.len();
        eviction.order.push_back((value, number.metadata));
        self.values.store(Arc::new(values));
        number
    }

    fn lock(&self) -> MutexGuard<'_, EvictionState> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the metadata of peers from now on, beside their labels. Headers that are cached are read again.
    #[cfg(any(test, feature = "metrics-config"))]
    pub(in crate::metrics) fn keep_metadata(&self) {
        let mut eviction = self.lock();
        if !self.keeps_metadata.swap(true, Relaxed) {
            eviction.order.clear();
            eviction.bytes = 0;
            self.values.store(Arc::default());
        }
    }

    /// Frees numbers of labels that are unused: see [`Interner::free_unused`].
    pub(in crate::metrics) fn free_unused(&self, is_used: impl Fn(u32) -> bool) {
        let mut eviction = self.lock();
        self.labels.free_unused(|number| is_used(number + 1));
        let old = self.values.load();
        let mut values = Values::clone(&old);
        let state = |number: &PeerNumber| self.labels.state(number.labels.saturating_sub(1));
        let all = || old.numbers.iter().chain(old.unused.iter());
        let in_state = |wanted| {
            let found = all().filter(move |(_, number)| state(number) == wanted);
            found
                .map(|(value, number)| (Arc::clone(value), *number))
                .collect()
        };
        values.numbers = in_state(NumberState::Used);
        values.unused = in_state(NumberState::Unused);
        eviction.remove(&mut values, |values, value| {
            !values.numbers.contains_key(value) && !values.unused.contains_key(value)
        });
        self.values.store(Arc::new(values));
    }

    /// The number of a peer's labels. 0 is that of an unknown peer.
    fn intern_labels(&self, peer: &PeerMetadata) -> Option<u32> {
        let number = self.labels.number(&Arc::new(PeerLabels::of(peer)));
        if number.is_none() {
            self.overflowed.fetch_add(1, Relaxed);
        }
        number.map(|number| number + 1)
    }

    /// A peer with this metadata, without a header.
    pub(in crate::metrics) fn of_metadata(&self, peer: &PeerMetadata) -> PeerNumber {
        PeerNumber {
            labels: self.intern_labels(peer).unwrap_or(0),
            metadata: 0,
        }
    }

    /// The labels of a peer; `None` if it is unknown, or if its number is freed.
    pub(in crate::metrics) fn labels(&self, number: u32) -> Option<Arc<PeerLabels>> {
        self.labels.value(number.checked_sub(1)?)
    }

    /// The metadata of a peer; `None` if it is unknown or evicted.
    #[cfg(any(test, feature = "metrics-config"))]
    pub(in crate::metrics) fn metadata(&self, number: PeerNumber) -> Option<Arc<PeerMetadata>> {
        self.values.load().metadata.get(&number.metadata).cloned()
    }

    pub(in crate::metrics) fn refused(&self) -> u64 {
        self.refused.load(Relaxed)
    }

    pub(in crate::metrics) fn overflowed(&self) -> u64 {
        self.overflowed.load(Relaxed)
    }
}

impl EvictionState {
    /// Evicts the oldest quarter, until a value of this many bytes fits.
    fn evict_oldest(&mut self, bytes: usize, values: &mut Values) {
        while self.order.len() >= MAX_VALUES || self.bytes + bytes > MAX_BYTES {
            let quarter = self.order.len().div_ceil(4);
            let oldest = self.order.range(..quarter);
            let oldest: HashSet<Arc<[u8]>> = oldest.map(|(value, _)| Arc::clone(value)).collect();
            if oldest.is_empty() {
                return;
            }
            values.numbers.retain(|value, _| !oldest.contains(value));
            values.unused.retain(|value, _| !oldest.contains(value));
            self.remove(values, |_, value| oldest.contains(value));
        }
    }

    /// Removes values that have no number any more.
    fn remove(&mut self, values: &mut Values, is_gone: impl Fn(&Values, &[u8]) -> bool) {
        let mut gone = HashSet::new();
        self.order.retain(|(value, metadata)| {
            let is_gone = is_gone(values, value);
            if is_gone {
                self.bytes -= value.len();
                gone.insert(*metadata);
            }
            !is_gone
        });
        if values.metadata.len() > 0 {
            values.metadata.retain(|number, _| !gone.contains(number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(pod: usize, workload: usize) -> String {
        let peer = PeerMetadata {
            name: format!("pod-{pod}"),
            workload: format!("workload-{workload}"),
            ..PeerMetadata::default()
        };
        peer.encode()
    }

    #[test]
    fn pods_of_a_workload_share_labels_and_keep_their_names() {
        let peers = Peers::new(10, false);
        peers.keep_metadata();
        let [first, second] = [1, 2].map(|pod| peers.number(header(pod, 1).as_bytes()).unwrap());
        assert_eq!(first.labels, second.labels);
        assert_eq!(peers.metadata(first).unwrap().name, "pod-1");
        assert_eq!(peers.metadata(second).unwrap().name, "pod-2");
        assert_eq!(peers.labels(first.labels).unwrap().workload, "workload-1");
        assert_eq!(peers.labels(0), None);
    }

    #[test]
    fn any_number_of_pods_and_a_bounded_number_of_workloads() {
        let peers = Peers::new(10, false);
        peers.keep_metadata();
        for pod in 0..3 * MAX_VALUES {
            let number = peers.number(header(pod, pod % 10).as_bytes()).unwrap();
            assert_eq!(number.labels as usize, pod % 10 + 1);
            assert!(peers.lock().order.len() <= MAX_VALUES);
        }
        assert_eq!(peers.overflowed(), 0);
        for workload in 10..20 {
            let number = peers.number(header(1, workload).as_bytes());
            assert_eq!(number, Some(PeerNumber::UNKNOWN));
        }
        assert_eq!(peers.overflowed(), 10);
        let (values, eviction) = (peers.values.load(), peers.lock());
        assert_eq!(values.numbers.len(), eviction.order.len());
        assert_eq!(values.metadata.len(), eviction.order.len());
    }

    #[test]
    fn metadata_is_kept_only_if_expressions_read_it() {
        let peers = Peers::new(10, false);
        let number = || peers.number(header(1, 1).as_bytes()).unwrap();
        let first = number();
        assert_eq!(peers.metadata(first), None);
        peers.keep_metadata();
        assert_eq!(number().labels, first.labels);
        assert_eq!(peers.metadata(number()).unwrap().name, "pod-1");
        peers.keep_metadata();
        assert_eq!(peers.metadata(number()).unwrap().name, "pod-1");
    }

    #[test]
    fn long_headers_are_bounded_by_their_bytes() {
        let peers = Peers::new(10, false);
        let header = |pod: usize| {
            let peer = PeerMetadata {
                name: format!("pod-{pod}"),
                cluster: "c".repeat(5_000),
                ..PeerMetadata::default()
            };
            peer.encode()
        };
        for pod in 0..MAX_VALUES {
            peers.number(header(pod).as_bytes());
        }
        let (values, eviction) = (peers.values.load(), peers.lock());
        let bytes = values
            .numbers
            .keys()
            .map(|value| value.len())
            .sum::<usize>();
        assert_eq!(
            (bytes, values.numbers.len()),
            (eviction.bytes, eviction.order.len())
        );
        assert!((MAX_BYTES / 2..=MAX_BYTES).contains(&bytes), "{bytes}");
    }

    #[test]
    fn invalid_metadata_is_counted() {
        let peers = Peers::new(10, false);
        let long = "A".repeat(9 * 1024);
        for value in ["Cv////8PZ2FyYmFnZQ==", &long] {
            assert_eq!(peers.number(value.as_bytes()), None);
        }
        assert_eq!(peers.refused(), 2);
    }
}
