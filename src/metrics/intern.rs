//! `Interner`: equal values get equal numbers, so that a series is found by a key of small numbers.
//!
//! Numbers are never reused. A value that is not used any more can be [freed](Interner::free_unused): its
//! number then has no value, and never another one.

use super::shared_map::SharedMap;
use arc_swap::ArcSwap;
use std::{
    borrow::Borrow,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Numbers are smaller, so that callers can use the upper bits. With 500 new values in each interval of idle
/// series, they last for a million intervals. Later values get none.
pub(super) const MAX_NUMBERS: u32 = 1 << 29;

/// Values by number. Reading is lock-free; a new value copies a part of the table, which is bounded.
pub(super) struct Interner<T> {
    table: ArcSwap<Table<T>>,
    /// Held while the table is changed.
    changing: Mutex<()>,
    limit: usize,
}

#[derive(Clone)]
struct Table<T> {
    numbers: SharedMap<T, u32>,
    /// Values that were found unused. One that is looked up moves back to `numbers`.
    unused: SharedMap<T, u32>,
    /// The values of both.
    values: SharedMap<u32, T>,
    /// The number of the next value.
    next: u32,
}

/// Whether a number has a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberState {
    Used,
    /// Its value is freed at the next check, unless it is looked up before.
    Unused,
    /// It has no value.
    Free,
}

impl<T> Table<T> {
    fn empty(next: u32) -> Table<T> {
        Table {
            numbers: SharedMap::default(),
            unused: SharedMap::default(),
            values: SharedMap::default(),
            next,
        }
    }
}

impl<T: Clone + Eq + Hash> Interner<T> {
    /// At most `limit` values.
    pub(super) fn new(limit: usize) -> Interner<T> {
        Interner {
            table: ArcSwap::from_pointee(Table::empty(0)),
            changing: Mutex::new(()),
            limit,
        }
    }

    /// The number of a value; `None` if it has none or is unused.
    pub(super) fn find<Q: Eq + Hash + ?Sized>(&self, value: &Q) -> Option<u32>
    where
        T: Borrow<Q>,
    {
        self.table.load().numbers.get(value).copied()
    }

    /// The number of a value, which is added if it is new; `None` if the limit is reached.
    pub(super) fn number(&self, value: &T) -> Option<u32> {
        if let Some(number) = self.find(value) {
            return Some(number);
        }
        let _changing = self.lock();
        let table = self.table.load();
        if let Some(number) = table.numbers.get(value) {
            return Some(*number);
        }
        let full = table.values.len() >= self.limit || table.next >= MAX_NUMBERS;
        if full && !table.unused.contains_key(value) {
            return None;
        }
        let mut table = Table::clone(&table);
        let number = match table.unused.get(value).copied() {
            Some(number) => {
                table.unused.retain(|unused, _| unused != value);
                number
            }
            None => {
                let number = table.next;
                table.next += 1;
                table.values.insert(number, value.clone());
                number
            }
        };
        table.numbers.insert(value.clone(), number);
        self.table.store(Arc::new(table));
        Some(number)
    }

    /// The value of a number; `None` if it is freed.
    pub(super) fn value(&self, number: u32) -> Option<T> {
        self.table.load().values.get(&number).cloned()
    }

    pub(super) fn state(&self, number: u32) -> NumberState {
        let table = self.table.load();
        match table.values.get(&number) {
            Some(value) if table.numbers.contains_key(value) => NumberState::Used,
            Some(_) => NumberState::Unused,
            None => NumberState::Free,
        }
    }

    /// Notes which values are unused. If the table is more than half full, those that were unused at the last
    /// check too, and were not looked up since, are freed.
    pub(super) fn free_unused(&self, is_used: impl Fn(u32) -> bool) {
        let _changing = self.lock();
        let old = self.table.load();
        let over_half_full = old.values.len() > self.limit / 2;
        let mut table = Table::empty(old.next);
        for (number, value) in old.values.iter() {
            let numbers = match is_used(*number) {
                true => &mut table.numbers,
                false if over_half_full && old.unused.contains_key(value) => continue,
                false => &mut table.unused,
            };
            numbers.insert(value.clone(), *number);
            table.values.insert(*number, value.clone());
        }
        self.table.store(Arc::new(table));
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_have_equal_numbers_up_to_the_limit() {
        let interner: Interner<Arc<str>> = Interner::new(2);
        let number = |text: &str| interner.number(&Arc::from(text));
        assert_eq!(
            [number("a"), number("b"), number("a")],
            [Some(0), Some(1), Some(0)]
        );
        assert_eq!(number("c"), None);
        assert_eq!(interner.find("b"), Some(1));
        assert_eq!(interner.find("c"), None);
        assert_eq!(interner.value(1).as_deref(), Some("b"));
        assert_eq!(interner.value(2), None);
    }

    #[test]
    fn a_value_that_is_unused_twice_is_freed_and_its_number_is_not_reused() {
        let interner: Interner<u64> = Interner::new(4);
        let numbers = [10, 11, 12].map(|value| interner.number(&value).unwrap());
        interner.free_unused(|number| number == 0);
        assert_eq!((interner.find(&10), interner.find(&11)), (Some(0), None));
        // Looked up, so it is used.
        assert_eq!(interner.number(&12), Some(2));
        interner.free_unused(|number| number == 0);
        let states = numbers.map(|number| interner.state(number));
        use NumberState::*;
        assert_eq!(states, [Used, Free, Unused]);
        assert_eq!(interner.value(1), None);
        assert_eq!(interner.value(2), Some(12));
        assert_eq!(interner.number(&11), Some(3));
        assert_eq!(
            [13, 14].map(|value| interner.number(&value)),
            [Some(4), None]
        );
    }

    #[test]
    fn values_stay_while_the_table_is_at_most_half_full() {
        let interner: Interner<u64> = Interner::new(4);
        for value in [10, 11] {
            interner.number(&value);
        }
        for _ in 0..3 {
            interner.free_unused(|_| false);
        }
        assert_eq!(
            [0, 1].map(|number| interner.value(number)),
            [Some(10), Some(11)]
        );
        assert_eq!(interner.number(&11), Some(1));
    }

    #[test]
    fn threads_agree_on_numbers() {
        let interner: Interner<u64> = Interner::new(1_000);
        let numbers: Vec<Vec<u32>> = std::thread::scope(|scope| {
            let numbers = || {
                (0..500)
                    .filter_map(|value| interner.number(&(value * 7 % 500)))
                    .collect()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(numbers)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(
            numbers
                .iter()
                .all(|own| *own == numbers[0] && own.len() == 500)
        );
        for (value, number) in (0..500).zip(&numbers[0]) {
            assert_eq!(interner.value(*number), Some(value * 7 % 500));
        }
    }
}
