//! `Interner`: equal values get equal numbers, so that a series is found by a key of small numbers.

use super::hash::FoldState;
use arc_swap::ArcSwap;
use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

/// Values by number. Reading waits for nobody; a new value copies the table, which is bounded.
pub(super) struct Interner<T> {
    table: ArcSwap<Table<T>>,
    /// Held while a value is added.
    adding: Mutex<()>,
    limit: usize,
}

#[derive(Clone)]
struct Table<T> {
    numbers: HashMap<T, u32, FoldState>,
    values: Vec<T>,
}

impl<T: Clone + Eq + Hash> Interner<T> {
    /// At most `limit` values.
    pub(super) fn new(limit: usize) -> Interner<T> {
        Interner {
            table: ArcSwap::from_pointee(Table {
                numbers: HashMap::default(),
                values: Vec::new(),
            }),
            adding: Mutex::new(()),
            limit,
        }
    }

    /// The number of a value that has one.
    pub(super) fn find<Q: Eq + Hash + ?Sized>(&self, value: &Q) -> Option<u32>
    where
        T: Borrow<Q>,
    {
        self.table.load().numbers.get(value).copied()
    }

    /// The number of a value; `None` if it has none, and there are as many values as there may be.
    pub(super) fn number(&self, value: &T) -> Option<u32> {
        if let Some(number) = self.find(value) {
            return Some(number);
        }
        let _adding = self.adding.lock().unwrap_or_else(PoisonError::into_inner);
        let table = self.table.load();
        if let Some(number) = table.numbers.get(value) {
            return Some(*number);
        }
        if table.values.len() >= self.limit {
            return None;
        }
        let mut table = Table::clone(&table);
        let number = u32::try_from(table.values.len()).ok()?;
        table.values.push(value.clone());
        table.numbers.insert(value.clone(), number);
        self.table.store(Arc::new(table));
        Some(number)
    }

    /// The value of a number.
    pub(super) fn value(&self, number: u32) -> Option<T> {
        let table = self.table.load();
        table.values.get(number as usize).cloned()
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
