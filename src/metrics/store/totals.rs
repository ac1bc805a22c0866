//! `Totals`: the sums of a series, or of several with the same labels.

use super::layout::{Layout, Numbers, Slot};
use crate::metrics::exemplar::{Exemplar, newer};
use std::{
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::SystemTime,
};

#[derive(Clone)]
pub(in crate::metrics) struct Totals {
    layout: Arc<Layout>,
    numbers: Vec<u64>,
    /// Empty if there are none, as in most series. Otherwise one for each counter and bucket.
    exemplars: Vec<Option<Exemplar>>,
}

impl Totals {
    pub(super) fn zero(layout: &Arc<Layout>) -> Totals {
        Totals {
            layout: Arc::clone(layout),
            numbers: vec![0; layout.numbers],
            exemplars: Vec::new(),
        }
    }

    /// Adds the numbers of one group of threads.
    pub(super) fn add_numbers(&mut self, numbers: &[AtomicU64]) {
        let numbers: Vec<u64> = numbers.iter().map(|number| number.load(Relaxed)).collect();
        let layout = Arc::clone(&self.layout);
        for slot in &layout.slots {
            self.add_slot(slot, numbers.get(slot.numbers()).unwrap_or_default());
        }
    }

    /// Adds the compatible slots of another layout.
    pub(in crate::metrics) fn add(&mut self, other: &Totals) {
        let layout = Arc::clone(&self.layout);
        for slot in &layout.slots {
            let Some(compatible) = other.layout.compatible_slot(slot) else {
                continue;
            };
            self.add_slot(
                slot,
                other.numbers.get(compatible.numbers()).unwrap_or_default(),
            );
            let exemplars = other
                .exemplars
                .get(compatible.exemplars())
                .unwrap_or_default();
            for (at, exemplar) in slot.exemplars().zip(exemplars) {
                self.set_exemplar(at, *exemplar);
            }
        }
    }

    fn add_slot(&mut self, slot: &Slot, numbers: &[u64]) {
        let own = self.numbers.get_mut(slot.numbers()).unwrap_or_default();
        match (&slot.numbers, &mut *own, numbers) {
            // The one that was set last.
            (Numbers::Gauge, [value, set], [other, other_set]) => {
                if *other_set >= *set {
                    (*value, *set) = (*other, *other_set);
                }
            }
            _ => {
                for (own, other) in own.iter_mut().zip(numbers) {
                    *own = own.wrapping_add(*other);
                }
            }
        }
    }

    pub(super) fn set_exemplar(&mut self, at: usize, exemplar: Option<Exemplar>) {
        if exemplar.is_some() && self.exemplars.is_empty() {
            self.exemplars = vec![None; self.layout.exemplars];
        }
        if let Some(own) = self.exemplars.get_mut(at) {
            *own = newer(*own, exemplar);
        }
    }

    /// Drops exemplars that are too old: those of earlier configurations may be.
    pub(super) fn drop_old_exemplars(&mut self, now: Option<SystemTime>) {
        for exemplar in &mut self.exemplars {
            *exemplar = exemplar.filter(|exemplar| now.is_some_and(|now| exemplar.is_recent(now)));
        }
    }

    /// The numbers of a slot, and its exemplars.
    pub(in crate::metrics) fn of(&self, slot: &Slot) -> (&[u64], &[Option<Exemplar>]) {
        (
            self.numbers.get(slot.numbers()).unwrap_or_default(),
            self.exemplars.get(slot.exemplars()).unwrap_or_default(),
        )
    }
}

impl Slot {
    fn numbers(&self) -> Range<usize> {
        self.at..self.at + self.numbers.len()
    }

    pub(super) fn exemplars(&self) -> Range<usize> {
        let count = match &self.numbers {
            Numbers::Counter => 1,
            Numbers::Gauge => 0,
            Numbers::Histogram(bounds) => bounds.buckets(),
        };
        self.exemplars..self.exemplars + count
    }
}
