//! `AuthorityCache`: a cache of values by authority, so that they are not computed for each request.

use super::shared_map::SharedMap;
use arc_swap::ArcSwap;
use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// How many spellings of authorities are cached.
pub(super) const MAX_AUTHORITIES: usize = 1_000;

/// A bounded map. Reading is lock-free.
pub(super) struct AuthorityCache<V> {
    map: ArcSwap<SharedMap<Arc<str>, V>>,
    /// Authorities, the oldest first.
    order: Mutex<VecDeque<Arc<str>>>,
}

/// Exclusive access for writing.
pub(super) struct CacheWriter<'a, V> {
    map: &'a ArcSwap<SharedMap<Arc<str>, V>>,
    order: MutexGuard<'a, VecDeque<Arc<str>>>,
}

impl<V> Default for AuthorityCache<V> {
    fn default() -> AuthorityCache<V> {
        AuthorityCache {
            map: ArcSwap::default(),
            order: Mutex::default(),
        }
    }
}

impl<V: Copy> AuthorityCache<V> {
    #[inline]
    pub(super) fn get(&self, authority: &str) -> Option<V> {
        self.map.load().get(authority).copied()
    }

    /// Waits for other writers.
    pub(super) fn write(&self) -> CacheWriter<'_, V> {
        CacheWriter {
            map: &self.map,
            order: self.order.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.map.load().len()
    }
}

impl<V: Copy> CacheWriter<'_, V> {
    /// Adds a value, unless there is one, or the cache is full.
    pub(super) fn insert_if_room(&mut self, authority: &str, value: V) {
        if self.order.len() < MAX_AUTHORITIES {
            self.insert(authority, value);
        }
    }

    /// Adds a value, unless there is one. Evicts the oldest authorities if the cache is full.
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
