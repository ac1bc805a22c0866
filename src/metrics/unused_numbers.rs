//! Frees numbers that no series uses any more.
//!
//! A number is freed if no series used it at two checks, an expiry interval apart, and no request looked it
//! up in between. A longer exchange may still have it; numbers are not reused, so such an exchange is
//! counted with `unknown` labels, and never with those of another. Requests do no work for this: what they
//! find in a cache is there because it was used at the last check.

use super::{
    handle::Inner,
    hash::FoldState,
    intern::Interner,
    store::{Key, State},
};
use crate::direction::Direction;
use std::{collections::HashSet, hash::Hash, sync::PoisonError, time::Instant};

type Numbers = HashSet<u32, FoldState>;

/// The numbers that series use.
#[derive(Default)]
struct UsedNumbers {
    peers: Numbers,
    destinations: Numbers,
    principals: Numbers,
    operations: Numbers,
    request_labels: Numbers,
    response_labels: Numbers,
}

impl UsedNumbers {
    /// Adds the numbers of a direction, and frees the computed values that none of its series uses.
    fn add_all(&mut self, state: &State) {
        let mut values = Numbers::default();
        for key in state.requests.keys().chain(state.messages.keys()) {
            let key = key.key();
            self.add(&key);
            values.insert(key.values);
        }
        free(&state.values, &values);
    }

    fn add(&mut self, key: &Key) {
        self.peers.insert(key.peer);
        self.destinations.insert(key.destination);
        self.principals.insert(key.principals);
        self.operations.insert(key.operation);
        self.request_labels.insert(key.request_labels);
        self.response_labels.insert(key.response_labels);
    }
}

/// Keys have the next higher number, because 0 is for none.
fn free<T: Clone + Eq + Hash>(values: &Interner<T>, used: &Numbers) {
    values.free_unused(|number| used.contains(&(number + 1)));
}

impl Inner {
    /// Frees unused numbers, if series expire and an interval has passed since the last time.
    pub(super) fn free_unused_numbers(&self, now: Instant) {
        let expiry = |direction| self.stores.of(direction).state().expiry;
        let Some(interval) = Direction::BOTH.into_iter().filter_map(expiry).max() else {
            return;
        };
        // Held until the end: of two concurrent checks, the second would find everything unused.
        let mut checked = self
            .numbers_checked
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(*checked) < interval {
            return;
        }
        *checked = now;
        let mut used = UsedNumbers::default();
        for direction in Direction::BOTH {
            used.add_all(&self.stores.of(direction).state());
        }
        self.peers
            .free_unused(|number| used.peers.contains(&number));
        self.destinations
            .free_unused(|number| used.destinations.contains(&number));
        free(&self.principals, &used.principals);
        free(&self.operations, &used.operations);
        free(&self.request_values, &used.request_labels);
        free(&self.response_values, &used.response_labels);
    }
}
