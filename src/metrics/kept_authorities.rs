//! `KeptAuthorities`: what was found out about authorities, so that it is not found out for each request.

use super::shared_map::SharedMap;
use arc_swap::ArcSwap;
use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many spellings of authorities are kept.
pub(super) const MAX_AUTHORITIES: usize = 1_000;

/// A bounded map. Readers wait for nobody.
pub(super) struct KeptAuthorities<V> {
    map: ArcSwap<SharedMap<Arc<str>, V>>,
    /// In the order in which they came.
    order: Mutex<VecDeque<Arc<str>>>,
}

/// The right to change the map.
pub(super) struct Changes<'a, V> {
    map: &'a ArcSwap<SharedMap<Arc<str>, V>>,
    order: MutexGuard<'a, VecDeque<Arc<str>>>,
}

impl<V> Default for KeptAuthorities<V> {
    fn default() -> KeptAuthorities<V> {
        KeptAuthorities {
            map: ArcSwap::default(),
            order: Mutex::default(),
        }
    }
}

impl<V: Copy> KeptAuthorities<V> {
    #[inline]
    pub(super) fn get(&self, authority: &str) -> Option<V> {
        self.map.load().get(authority).copied()
    }

    /// Waits until nobody else changes the map.
    pub(super) fn change(&self) -> Changes<'_, V> {
        Changes {
            map: &self.map,
            order: self.order.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.map.load().len()
    }
}

impl<V: Copy> Changes<'_, V> {
    /// Keeps a value, unless there is one. The oldest authorities go if there are too many.
    pub(super) fn insert(&mut self, authority: &str, value: V) {
        let mut map = SharedMap::clone(&self.map.load());
        if map.contains_key(authority) {
            return;
        }
        if self.order.len() >= MAX_AUTHORITIES {
            let oldest: HashSet<Arc<str>> = self.order.drain(..MAX_AUTHORITIES / 4).collect();
            map.retain(|authority, _| !oldest.contains(authority));
        }
        let authority: Arc<str> = Arc::from(authority);
        map.insert(Arc::clone(&authority), value);
        self.order.push_back(authority);
        self.map.store(Arc::new(map));
    }

    pub(super) fn retain(&mut self, mut stays: impl FnMut(V) -> bool) {
        let mut map = SharedMap::clone(&self.map.load());
        map.retain(|_, value| stays(*value));
        self.order.retain(|authority| map.contains_key(authority));
        self.map.store(Arc::new(map));
    }
}
