//! `Peers`: what is known about peers, found by the value of their header.
//!
//! The cache is keyed by the whole value and not by the id that the peer sends with it: otherwise a peer
//! could choose another's labels. With [expiry](crate::metrics::MetricsBuilder::expire_after), values of
//! workloads that have no series any more are forgotten together with the number of their labels.

use super::{
    exchange::PeerNumber,
    metadata::{PeerMetadata, PeerMetadataError},
};
use crate::metrics::{
    hash::FoldState,
    intern::{Interner, NumberState},
};
use arc_swap::ArcSwap;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// How many values of headers are kept; Istio keeps 500 on each thread.
const MAX_VALUES: usize = 1_000;

/// What labels need of a peer. Pods of one workload have the same.
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
    numbers: HashMap<Arc<[u8]>, PeerNumber, FoldState>,
    /// Of workloads whose labels are unused. A peer that sends one again makes them used.
    unused: HashMap<Arc<[u8]>, PeerNumber, FoldState>,
    metadata: HashMap<u32, Arc<PeerMetadata>, FoldState>,
    /// Values in the order in which they came.
    order: Vec<(Arc<[u8]>, u32)>,
    next: u32,
}

pub(in crate::metrics) struct Peers {
    values: ArcSwap<Values>,
    /// Held while a value is added, and while values are freed.
    changing: Mutex<()>,
    labels: Interner<Arc<PeerLabels>>,
    /// Whether a caller that sends no metadata may tell the same in `baggage`.
    pub(super) reads_baggage: bool,
    /// Headers that were too long or malformed.
    refused: AtomicU64,
    /// Headers of workloads that there is no room for.
    overflowed: AtomicU64,
}

impl Peers {
    /// Distinguishes at most this many workloads.
    pub(in crate::metrics) fn new(limit: usize, reads_baggage: bool) -> Peers {
        Peers {
            values: ArcSwap::default(),
            changing: Mutex::new(()),
            labels: Interner::new(limit),
            reads_baggage,
            refused: AtomicU64::new(0),
            overflowed: AtomicU64::new(0),
        }
    }

    /// The peer that sent this value; `None` if it is no metadata.
    pub(super) fn number(&self, value: &[u8]) -> Option<PeerNumber> {
        self.find_or_add(value, || PeerMetadata::decode(value))
    }

    /// The peer with this key in the cache, or else the one that is read.
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
        // So that the labels are not found unused before their number is kept.
        let _changing = self.lock();
        let Some(labels) = self.number_of_labels(&peer) else {
            return PeerNumber::UNKNOWN;
        };
        let mut values = Values::clone(&self.values.load());
        if let Some(number) = values.numbers.get(value) {
            return *number;
        }
        if let Some((value, number)) = values.unused.remove_entry(value) {
            values.numbers.insert(value, number);
            self.values.store(Arc::new(values));
            return number;
        }
        values.make_room();
        values.next = values.next.wrapping_add(1);
        let number = PeerNumber {
            labels,
            metadata: values.next,
        };
        let value: Arc<[u8]> = Arc::from(value);
        values.numbers.insert(Arc::clone(&value), number);
        values.metadata.insert(number.metadata, Arc::new(peer));
        values.order.push((value, number.metadata));
        self.values.store(Arc::new(values));
        number
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Frees numbers of labels that are unused: see [`Interner::free_unused`].
    pub(in crate::metrics) fn free_unused(&self, is_used: impl Fn(u32) -> bool) {
        let _changing = self.lock();
        self.labels.free_unused(|number| is_used(number + 1));
        let mut values = Values::clone(&self.values.load());
        let numbers = std::mem::take(&mut values.numbers);
        let unused = std::mem::take(&mut values.unused);
        for (value, number) in numbers.into_iter().chain(unused) {
            match self.labels.state(number.labels.saturating_sub(1)) {
                NumberState::Used => values.numbers.insert(value, number),
                NumberState::Unused => values.unused.insert(value, number),
                NumberState::Free => {
                    values.metadata.remove(&number.metadata);
                    continue;
                }
            };
        }
        let Values {
            order, metadata, ..
        } = &mut values;
        order.retain(|(_, number)| metadata.contains_key(number));
        self.values.store(Arc::new(values));
    }

    /// The number of a peer's labels. 0 stands for an unknown peer.
    fn number_of_labels(&self, peer: &PeerMetadata) -> Option<u32> {
        let number = self.labels.number(&Arc::new(PeerLabels::of(peer)));
        if number.is_none() {
            self.overflowed.fetch_add(1, Relaxed);
        }
        number.map(|number| number + 1)
    }

    /// A peer that has told this, without a header.
    pub(in crate::metrics) fn of_metadata(&self, peer: &PeerMetadata) -> PeerNumber {
        PeerNumber {
            labels: self.number_of_labels(peer).unwrap_or(0),
            metadata: 0,
        }
    }

    /// The labels of a peer; `None` if it is unknown, or if its number is freed.
    pub(in crate::metrics) fn labels(&self, number: u32) -> Option<Arc<PeerLabels>> {
        self.labels.value(number.checked_sub(1)?)
    }

    /// What a peer has told; `None` if it is unknown, or if so many others came since that it is
    /// forgotten.
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

impl Values {
    /// Forgets the oldest quarter if there are as many as there may be.
    fn make_room(&mut self) {
        if self.order.len() < MAX_VALUES {
            return;
        }
        for (value, number) in self.order.drain(..MAX_VALUES / 4) {
            self.numbers.remove(&value);
            self.unused.remove(&value);
            self.metadata.remove(&number);
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
        for pod in 0..3 * MAX_VALUES {
            let number = peers.number(header(pod, pod % 10).as_bytes()).unwrap();
            assert_eq!(number.labels as usize, pod % 10 + 1);
            assert!(peers.values.load().order.len() <= MAX_VALUES);
        }
        assert_eq!(peers.overflowed(), 0);
        for workload in 10..20 {
            let number = peers.number(header(1, workload).as_bytes());
            assert_eq!(number, Some(PeerNumber::UNKNOWN));
        }
        assert_eq!(peers.overflowed(), 10);
        let values = peers.values.load();
        assert_eq!(values.numbers.len(), values.order.len());
        assert_eq!(values.metadata.len(), values.order.len());
    }

    #[test]
    fn what_is_no_metadata_is_counted() {
        let peers = Peers::new(10, false);
        let long = "A".repeat(9 * 1024);
        for value in ["Cv////8PZ2FyYmFnZQ==", &long] {
            assert_eq!(peers.number(value.as_bytes()), None);
        }
        assert_eq!(peers.refused(), 2);
    }
}
