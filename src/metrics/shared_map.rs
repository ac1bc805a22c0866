//! `SharedMap`: a hash map whose copies share most of their entries.
//!
//! Readers use a published copy, so that they never wait. A writer copies the map, changes the copy and
//! publishes it. If that copied all entries, filling a map of n entries would take n² steps. Here new
//! entries are in a small map beside the shared one, until their number exceeds its square root.

use super::hash::FoldState;
use std::{borrow::Borrow, collections::HashMap, hash::Hash, sync::Arc};

/// A map of fewer entries has no second map, which would have to be searched too.
const SMALL: usize = 256;

#[derive(Debug, Clone)]
pub(super) struct SharedMap<K, V> {
    main: Arc<HashMap<K, V, FoldState>>,
    /// Entries that are not in `main`.
    recent: HashMap<K, V, FoldState>,
}

impl<K, V> Default for SharedMap<K, V> {
    fn default() -> SharedMap<K, V> {
        SharedMap {
            main: Arc::default(),
            recent: HashMap::default(),
        }
    }
}

impl<K: Clone + Eq + Hash, V: Clone> SharedMap<K, V> {
    #[inline]
    pub(super) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        match self.main.get(key) {
            None if !self.recent.is_empty() => self.get_recent(key),
            found => found,
        }
    }

    #[cold]
    fn get_recent<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.recent.get(key)
    }

    pub(super) fn contains_key<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.get(key).is_some()
    }

    pub(super) fn len(&self) -> usize {
        self.main.len() + self.recent.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.main.iter().chain(&self.recent)
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// Adds an entry. Replacing one copies all entries.
    pub(super) fn insert(&mut self, key: K, value: V) {
        if self.main.contains_key(&key) {
            Arc::make_mut(&mut self.main).insert(key, value);
            return;
        }
        self.recent.insert(key, value);
        if self.main.len() < SMALL || self.recent.len().pow(2) > self.main.len() {
            self.merge();
        }
    }

    /// Moves the new entries to the shared ones, which copies all entries. Returns whether there were any.
    pub(super) fn merge(&mut self) -> bool {
        if self.recent.is_empty() {
            return false;
        }
        Arc::make_mut(&mut self.main).extend(self.recent.drain());
        true
    }

    /// Whether [`merge`](Self::merge) has something to do.
    pub(super) fn has_recent(&self) -> bool {
        !self.recent.is_empty()
    }

    /// Copies the entries that stay.
    pub(super) fn retain(&mut self, mut stays: impl FnMut(&K, &V) -> bool) {
        let kept = self.iter().filter(|(key, value)| stays(key, value));
        let kept = kept.map(|(key, value)| (key.clone(), value.clone()));
        *self = kept.collect();
    }
}

impl<K: Clone + Eq + Hash, V: Clone> FromIterator<(K, V)> for SharedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> SharedMap<K, V> {
        SharedMap {
            main: Arc::new(entries.into_iter().collect()),
            recent: HashMap::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cell::Cell;

    thread_local!(static COPIED: Cell<u64> = const { Cell::new(0) });

    /// Counts its copies.
    #[derive(Debug, PartialEq)]
    struct Value(u64);

    impl Clone for Value {
        fn clone(&self) -> Value {
            COPIED.set(COPIED.get() + 1);
            Value(self.0)
        }
    }

    #[test]
    fn filling_a_map_copies_each_entry_a_few_hundred_times_at_most() {
        let mut published = SharedMap::default();
        for key in 0..20_000_u64 {
            let mut changed = published.clone();
            changed.insert(key, Value(key));
            published = changed;
        }
        assert_eq!(published.len(), 20_000);
        // If all entries were copied each time, it would be 200 million.
        let copied = COPIED.get();
        assert!(copied < 6_000_000, "{copied}");
    }

    #[derive(Debug, Clone)]
    enum Step {
        Insert(u16),
        Retain(u16),
        Merge,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            200 => (0_u16..2_000).prop_map(Step::Insert),
            1 => (2_u16..9).prop_map(Step::Retain),
            1 => Just(Step::Merge),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn it_behaves_like_a_hash_map(steps in proptest::collection::vec(step(), 0..1_500)) {
            let (mut map, mut model) = (SharedMap::default(), HashMap::new());
            for (at, step) in steps.into_iter().enumerate() {
                let before = (map.clone(), map.len());
                match step {
                    Step::Insert(key) => {
                        map.insert(key, at);
                        model.insert(key, at);
                    }
                    Step::Retain(factor) => {
                        map.retain(|key, _| key % factor == 0);
                        model.retain(|key, _| key % factor == 0);
                    }
                    Step::Merge => {
                        map.merge();
                    }
                }
                prop_assert_eq!(before.0.len(), before.1);
                prop_assert_eq!(map.len(), model.len());
            }
            for key in 0..2_000 {
                prop_assert_eq!(map.get(&key), model.get(&key));
            }
            prop_assert_eq!(map.iter().count(), model.len());
        }
    }
}
