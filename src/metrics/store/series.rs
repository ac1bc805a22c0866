//! `Series`: the numbers of one combination of labels.

use super::{
    bounds::Bounds,
    layout::{FIXED, Layout, Numbers, Slot},
    stripes::{Stripes, ThreadNumbers},
    totals::Totals,
};
use crate::metrics::exemplar::{Exemplar, Exemplars};
#[cfg(feature = "metrics-config")]
use std::sync::{
    Weak,
    atomic::{Ordering::Acquire, fence},
};
use std::{
    sync::{
        Arc,
        atomic::{
            AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::SystemTime,
};

const RETIRED: u64 = u64::MAX;

fn is_idle(used: u64, interval: u64) -> bool {
    used.saturating_add(2) <= interval
}

pub(in crate::metrics) struct Series {
    pub(in crate::metrics) layout: Arc<Layout>,
    /// The computed values; empty for those that are no labels.
    pub(in crate::metrics) values: Arc<[String]>,
    numbers: Stripes,
    exemplars: Exemplars,
    /// The interval in which the series was last used, or `RETIRED`.
    used: AtomicU64,
    /// Series of earlier configurations. Threads may still be adding to these.
    previous: Vec<Previous>,
    /// The totals of configurations before those.
    base: Totals,
}

/// A series of an earlier configuration.
#[derive(Clone)]
struct Previous {
    series: Arc<Series>,
    /// Whether a thread may have a state of that configuration, and may be counting in the series.
    #[cfg(feature = "metrics-config")]
    in_use: Weak<()>,
}

#[cfg(feature = "metrics-config")]
impl Previous {
    fn is_in_use(&self) -> bool {
        let in_use = self.in_use.strong_count() > 0;
        // Makes visible what the last user counted before it dropped the state.
        fence(Acquire);
        in_use
    }
}

impl Series {
    pub(super) fn new(layout: &Arc<Layout>, values: Arc<[String]>, interval: u64) -> Series {
        Series {
            layout: Arc::clone(layout),
            values,
            numbers: Stripes::new(layout.numbers),
            exemplars: Exemplars::default(),
            used: AtomicU64::new(interval),
            previous: Vec::new(),
            base: Totals::zero(layout),
        }
    }

    /// Makes this series continue those of an earlier configuration, which is in use while its token exists.
    #[cfg(feature = "metrics-config")]
    pub(super) fn continue_from(
        &mut self,
        previous: Vec<Arc<Series>>,
        token: &Arc<()>,
        now: SystemTime,
    ) {
        for series in &previous {
            self.base.add(&series.base);
            for older in &series.previous {
                match older.is_in_use() {
                    true => self.previous.push(older.clone()),
                    false => self.base.add(&older.series.own_totals(Some(now))),
                }
            }
        }
        let previous = previous.into_iter().map(|series| Previous {
            series,
            in_use: Arc::downgrade(token),
        });
        self.previous.extend(previous);
    }

    /// Counts a request, with a value for each of the [histograms](Layout::histograms).
    #[inline]
    pub(super) fn count(&self, values: [u64; 3]) {
        let Some(numbers) = self.numbers.of_current_thread() else {
            return;
        };
        // The first is the counter.
        numbers.add(0, 1);
        for (histogram, value) in self.layout.histograms.iter().zip(values) {
            histogram.bounds.count(numbers, histogram.at, value);
        }
    }

    /// Counts values of user-defined metrics, in the order of the layout. Of a gauge, the value with the
    /// highest `order` applies.
    pub(super) fn count_own(&self, values: &[u64], order: u64) {
        let Some(numbers) = self.numbers.of_current_thread() else {
            return;
        };
        let own = self.layout.slots.get(FIXED..).unwrap_or_default();
        for (slot, value) in own.iter().zip(values) {
            slot.count(numbers, *value, order);
        }
    }

    pub(super) fn count_messages(&self, request: u64, response: u64) {
        let Some(numbers) = self.numbers.of_current_thread() else {
            return;
        };
        for (slot, value) in self.layout.slots.iter().zip([request, response]) {
            slot.count(numbers, value, 0);
        }
    }

    /// Keeps the request as the exemplar of the counters and buckets in which it was counted.
    pub(super) fn keep_exemplar(&self, values: [u64; 3], own: &[u64], exemplar: Exemplar) {
        let values = [1].into_iter().chain(values).chain(own.iter().copied());
        let places = self.layout.slots.iter().zip(values);
        let places = places.filter_map(|(slot, value)| slot.exemplar(value, exemplar));
        self.exemplars.keep(self.layout.exemplars, places);
    }

    /// Marks the series as used in this interval. `false` if it is retired, or must be because it was not
    /// used for a whole interval.
    #[inline]
    pub(super) fn touch(&self, interval: u64) -> bool {
        let used = self.used.load(Relaxed);
        used == interval || self.touch_again(used, interval)
    }

    #[cold]
    fn touch_again(&self, mut used: u64, interval: u64) -> bool {
        while used < interval {
            if is_idle(used, interval) {
                return false;
            }
            match self.used.compare_exchange(used, interval, SeqCst, SeqCst) {
                Ok(_) => return true,
                Err(other) => used = other,
            }
        }
        used != RETIRED
    }

    /// Retires the series if it was not used for a whole interval. It is never used again; a thread that
    /// counts in it at this moment counts again in a new one.
    pub(super) fn retire_if_idle(&self, interval: u64) -> bool {
        let used = self.used.load(SeqCst);
        used == RETIRED
            || is_idle(used, interval)
                && self
                    .used
                    .compare_exchange(used, RETIRED, SeqCst, SeqCst)
                    .is_ok()
    }

    /// The interval in which it was last used.
    #[cfg(feature = "metrics-config")]
    pub(super) fn used(&self) -> u64 {
        self.used.load(SeqCst)
    }

    #[inline]
    pub(super) fn is_retired(&self) -> bool {
        self.used.load(SeqCst) == RETIRED
    }

    /// The totals of this series, without those of earlier configurations.
    fn own_totals(&self, exemplars_at: Option<SystemTime>) -> Totals {
        let mut totals = Totals::zero(&self.layout);
        for numbers in self.numbers.iter() {
            totals.add_numbers(numbers);
        }
        if let Some(now) = exemplars_at {
            for at in self.layout.slots.iter().flat_map(Slot::exemplars) {
                totals.set_exemplar(at, self.exemplars.get(at, now));
            }
        }
        totals
    }

    /// All totals, with exemplars that are recent at this time, or without any.
    pub(in crate::metrics) fn totals(&self, exemplars_at: Option<SystemTime>) -> Totals {
        let mut totals = self.own_totals(exemplars_at);
        totals.add(&self.base);
        for previous in &self.previous {
            totals.add(&previous.series.own_totals(exemplars_at));
        }
        totals.drop_old_exemplars(exemplars_at);
        totals
    }
}

impl Bounds {
    /// Counts a value in the histogram whose sum and buckets are at this place.
    #[inline]
    fn count(&self, numbers: ThreadNumbers<'_>, at: usize, value: u64) {
        numbers.add(at, value);
        numbers.add(at + 1 + self.bucket(value), 1);
    }
}

impl Slot {
    fn count(&self, numbers: ThreadNumbers<'_>, value: u64, order: u64) {
        match &self.numbers {
            Numbers::Counter => numbers.add(self.at, value),
            Numbers::Gauge => {
                numbers.set(self.at, value);
                numbers.set(self.at + 1, order);
            }
            Numbers::Histogram(bounds) => bounds.count(numbers, self.at, value),
        }
    }

    fn exemplar(&self, value: u64, exemplar: Exemplar) -> Option<(usize, Exemplar)> {
        match &self.numbers {
            Numbers::Counter => {
                let value = value as f64;
                Some((self.exemplars, Exemplar { value, ..exemplar }))
            }
            Numbers::Gauge => None,
            Numbers::Histogram(bounds) => {
                let at = self.exemplars + bounds.bucket(value);
                let value = bounds.in_unit(value);
                Some((at, Exemplar { value, ..exemplar }))
            }
        }
    }
}
