//! Which span of ours belongs to an id of the subscriber's.

use crate::span::SharedSpan;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The number of buckets; a power of two. Spans beyond one a bucket go into a list.
const BUCKETS: usize = 1024;

/// A span that the subscriber knows.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) span: Arc<SharedSpan>,
    /// Whether it ends when the subscriber closes it. Spans that are not recorded share one.
    pub(super) is_own: bool,
}

/// The spans of one layer that have not been closed.
///
/// `tracing-subscriber` offers extensions of a span for this. They cost an allocation and two locks a
/// span, which is more than everything else that is done for a span that is not recorded.
pub(super) struct Table {
    buckets: Box<[Mutex<Bucket>]>,
}

#[derive(Default)]
struct Bucket {
    first: Option<(u64, Known)>,
    further: Vec<(u64, Known)>,
}

impl Table {
    pub(super) fn new() -> Table {
        let buckets = (0..BUCKETS).map(|_| Mutex::default());
        Table {
            buckets: buckets.collect(),
        }
    }

    /// Tells the table from those of other layers.
    pub(super) fn number(&self) -> usize {
        self.buckets.as_ptr() as usize
    }

    #[inline]
    fn bucket(&self, id: u64) -> MutexGuard<'_, Bucket> {
        // A registry counts spans from 0 for each thread, whose number is in the upper half.
        let hash = id ^ (id >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let bucket = self.buckets[hash as usize % BUCKETS].lock();
        bucket.unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn insert(&self, id: u64, known: Known) {
        let mut bucket = self.bucket(id);
        match &bucket.first {
            None => bucket.first = Some((id, known)),
            Some(_) => bucket.further.push((id, known)),
        }
    }

    pub(super) fn get(&self, id: u64) -> Option<Arc<SharedSpan>> {
        let bucket = self.bucket(id);
        bucket.get(id).map(|known| Arc::clone(&known.span))
    }

    /// The span, unless others share it.
    pub(super) fn get_own(&self, id: u64) -> Option<Arc<SharedSpan>> {
        let bucket = self.bucket(id);
        let own = bucket.get(id).filter(|known| known.is_own);
        own.map(|known| Arc::clone(&known.span))
    }

    pub(super) fn remove(&self, id: u64) -> Option<Known> {
        self.bucket(id).remove(id)
    }

    /// Takes all spans out.
    pub(super) fn take_all(&mut self) -> Vec<Known> {
        let mut all = Vec::new();
        for bucket in &mut self.buckets {
            let bucket = bucket.get_mut().unwrap_or_else(PoisonError::into_inner);
            all.extend(bucket.first.take().map(|(_, known)| known));
            all.extend(bucket.further.drain(..).map(|(_, known)| known));
        }
        all
    }
}

impl Bucket {
    fn get(&self, id: u64) -> Option<&Known> {
        let is_it = |entry: &&(u64, Known)| entry.0 == id;
        let found = self.first.iter().find(is_it);
        let found = found.or_else(|| self.further.iter().find(is_it));
        found.map(|(_, known)| known)
    }

    fn remove(&mut self, id: u64) -> Option<Known> {
        if self.first.as_ref().is_some_and(|entry| entry.0 == id) {
            return self.first.take().map(|(_, known)| known);
        }
        let at = self.further.iter().position(|entry| entry.0 == id)?;
        Some(self.further.swap_remove(at).1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{collection::vec, prelude::*};
    use std::collections::HashMap;

    proptest! {
        /// Ids that fall into the same few buckets.
        #[test]
        fn holds_what_a_map_holds(steps in vec((0..3_u8, 0..4_u64, 0..3_u64), 0..100)) {
            let table = Table::new();
            let mut model: HashMap<u64, Arc<SharedSpan>> = HashMap::new();
            for (step, low, high) in steps {
                let id = low + high * BUCKETS as u64;
                let (found, expected) = match step {
                    0 if !model.contains_key(&id) => {
                        let span = SharedSpan::detached();
                        table.insert(id, Known { span: Arc::clone(&span), is_own: true });
                        (None, model.insert(id, span))
                    }
                    1 => (table.remove(id).map(|known| known.span), model.remove(&id)),
                    _ => (table.get(id), model.get(&id).cloned()),
                };
                prop_assert_eq!(found.map(|span| Arc::as_ptr(&span)), expected.map(|span| Arc::as_ptr(&span)));
            }
            let mut table = table;
            prop_assert_eq!(table.take_all().len(), model.len());
        }
    }
}
