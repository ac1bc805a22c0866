//! `Store`: the series of one direction.
//!
//! Looking up a series and counting are lock-free. The first count of a thread in a series may allocate. A
//! lock is held while a series is added, which copies a part of the table, while idle ones are removed, and
//! while the configuration changes.

use super::{
    bounds::Buckets,
    generation::Generation,
    key::{Key, PackedKey},
    layout::{Layout, Numbers},
    series::Series,
};
use crate::metrics::{exemplar::Exemplar, intern::Interner, plan::Measured, shared_map::SharedMap};
use arc_swap::ArcSwap;
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// The largest value that is added to a user-defined counter or histogram, so that a single request does not
/// make the sum wrap around.
const MAX_ADDED: u64 = 1 << 40;

pub(in crate::metrics) type Table = SharedMap<PackedKey, Arc<Series>>;

/// A configuration, and the series that were counted under it.
#[derive(Clone)]
pub(in crate::metrics) struct State {
    pub(in crate::metrics) generation: Arc<Generation>,
    /// Dropped with the last state of this configuration.
    #[cfg(feature = "metrics-config")]
    pub(super) token: Arc<()>,
    #[cfg(feature = "metrics-config")]
    pub(super) buckets: Arc<Buckets>,
    /// Series that are not used for a whole interval are removed. `None`: never.
    pub(in crate::metrics) expiry: Option<Duration>,
    /// The interval in which idle series were last removed.
    pub(super) idle_removed: u64,
    /// The computed values that are labels. Each configuration has its own.
    pub(in crate::metrics) values: Arc<Interner<Arc<[String]>>>,
    pub(super) layout: Arc<Layout>,
    pub(super) message_layout: Arc<Layout>,
    pub(in crate::metrics) requests: Table,
    pub(in crate::metrics) messages: Table,
}

#[derive(Debug, Clone)]
pub(in crate::metrics) struct StoreSettings {
    pub(in crate::metrics) buckets: Buckets,
    pub(in crate::metrics) max_series: usize,
    pub(in crate::metrics) expiry: Option<Duration>,
}

pub(in crate::metrics) struct Store {
    state: ArcSwap<State>,
    /// Whether the current state has computed values.
    has_values: AtomicBool,
    changing: Mutex<()>,
    max_series: usize,
    origin: Instant,
    /// How often the series of overflows was used.
    overflowed: AtomicU64,
    /// How often an unknown peer was counted, because the limit of series of peers was exceeded.
    peers_overflowed: AtomicU64,
    expired: AtomicU64,
}

/// An exchange, as the store counts it.
#[derive(Debug, Clone, Copy)]
pub(in crate::metrics) struct Counts<'a> {
    pub(in crate::metrics) duration: Duration,
    pub(in crate::metrics) request_bytes: u64,
    pub(in crate::metrics) response_bytes: u64,
    /// All computed values.
    pub(in crate::metrics) values: &'a [String],
    pub(in crate::metrics) exemplar: Option<Exemplar>,
    pub(in crate::metrics) at: Instant,
}

/// What is counted.
#[derive(Debug, Clone, Copy)]
pub(in crate::metrics) enum Count<'a> {
    Exchange(Counts<'a>),
    Messages {
        request: u64,
        response: u64,
        at: Instant,
    },
}

impl Store {
    pub(in crate::metrics) fn new(generation: Generation, settings: StoreSettings) -> Store {
        let layout = Layout::of_requests(&generation, &settings.buckets);
        Store {
            has_values: AtomicBool::new(generation.value_count > 0),
            state: ArcSwap::from_pointee(State {
                generation: Arc::new(generation),
                #[cfg(feature = "metrics-config")]
                token: Arc::new(()),
                #[cfg(feature = "metrics-config")]
                buckets: Arc::new(settings.buckets),
                expiry: settings.expiry,
                idle_removed: 0,
                values: new_values(settings.max_series),
                layout: Arc::new(layout),
                message_layout: Arc::new(Layout::of_messages()),
                requests: Table::default(),
                messages: Table::default(),
            }),
            changing: Mutex::new(()),
            max_series: settings.max_series,
            origin: Instant::now(),
            overflowed: AtomicU64::new(0),
            peers_overflowed: AtomicU64::new(0),
            expired: AtomicU64::new(0),
        }
    }

    /// The current state. A key that is made for its configuration can only be counted in it.
    pub(in crate::metrics) fn state(&self) -> arc_swap::Guard<Arc<State>> {
        self.state.load()
    }

    /// For the values of a new configuration.
    #[cfg(feature = "metrics-config")]
    pub(super) fn new_values(&self) -> Arc<Interner<Arc<[String]>>> {
        new_values(self.max_series)
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the state. The caller holds the lock.
    pub(super) fn store(&self, state: State) {
        let has_values = state.generation.value_count > 0;
        self.state.store(Arc::new(state));
        self.has_values.store(has_values, Relaxed);
    }

    /// Whether there are computed values. Reading this flag costs less than loading the state.
    #[inline]
    pub(in crate::metrics) fn has_values(&self) -> bool {
        self.has_values.load(Relaxed)
    }

    /// The number of the expiry interval at this time.
    pub(super) fn interval(&self, expiry: Option<Duration>, at: Instant) -> u64 {
        match expiry {
            Some(expiry) => {
                let since = at.saturating_duration_since(self.origin).as_nanos();
                (since / expiry.as_nanos().max(1)) as u64
            }
            None => 0,
        }
    }

    /// Counts something in the series of a key that was made for this state. `false` if the state is no
    /// longer the current one: make the key again.
    #[inline(always)]
    pub(in crate::metrics) fn count(
        &self,
        state: &State,
        key: PackedKey,
        count: &Count<'_>,
    ) -> bool {
        let interval = self.interval(state.expiry, count.at());
        match count.table(state).get(&key) {
            Some(series) if series.touch(interval) && !key.is_overflow() => {
                self.count_in(series, count)
            }
            _ => {
                // A copy, as in `Metrics::record_measured`.
                let count = *count;
                self.count_in_new(state, key, interval, &count)
            }
        }
    }

    /// Counts in the series of `bounded`, the [bounded key](Self::bounded_key) of `key`, and counts the overflow
    /// if they differ.
    #[inline(never)]
    fn count_bounded(
        &self,
        series: &Series,
        key: PackedKey,
        bounded: PackedKey,
        count: &Count<'_>,
    ) -> bool {
        let counted = self.count_in(series, count);
        if counted && bounded.is_overflow() {
            self.overflowed.fetch_add(1, Relaxed);
        } else if counted && bounded != key {
            self.peers_overflowed.fetch_add(1, Relaxed);
        }
        counted
    }

    #[inline(always)]
    fn count_in(&self, series: &Series, count: &Count<'_>) -> bool {
        match count {
            Count::Exchange(counts) => self.count_exchange(series, counts),
            Count::Messages {
                request, response, ..
            } => series.count_messages(*request, *response),
        }
        !series.is_retired()
    }

    #[inline(always)]
    fn count_exchange(&self, series: &Series, counts: &Counts<'_>) {
        let duration = series.layout.duration(counts.duration);
        let values = [duration, counts.request_bytes, counts.response_bytes];
        series.count(values);
        if !counts.values.is_empty() || counts.exemplar.is_some() {
            // A copy, as in `Metrics::record_measured`.
            let counts = *counts;
            self.count_rest(series, &counts, values);
        }
    }

    /// Counts what most requests do not have.
    #[inline(never)]
    fn count_rest(&self, series: &Series, counts: &Counts<'_>, values: [u64; 3]) {
        let own = match counts.values {
            [] => Vec::new(),
            values => series.layout.own_values(values),
        };
        if !own.is_empty() {
            let since = counts.at.saturating_duration_since(self.origin);
            series.count_own(&own, since.as_nanos() as u64 + 1);
        }
        if let Some(exemplar) = counts.exemplar {
            series.keep_exemplar(values, &own, exemplar);
        }
    }

    #[cold]
    fn count_in_new(
        &self,
        state: &State,
        key: PackedKey,
        interval: u64,
        count: &Count<'_>,
    ) -> bool {
        let table = count.table(state);
        let bounded = self.bounded_key(table, key);
        let is_over_bound = bounded != key || key.is_overflow();
        if is_over_bound && state.idle_removed >= interval {
            let series = table.get(&bounded).filter(|series| series.touch(interval));
            if let Some(series) = series {
                return self.count_bounded(series, key, bounded, count);
            }
        }
        let _changing = self.lock();
        let current = self.state.load();
        if !Arc::ptr_eq(&current.generation, &state.generation) {
            return false;
        }
        let mut changed = State::clone(&current);
        let mut is_changed = changed.idle_removed < interval;
        if is_changed {
            self.remove_idle(&mut changed, interval);
        }
        let bounded = self.bounded_key(count.table(&changed), key);
        let series = match count.table(&changed).get(&bounded) {
            Some(series) if self.is_usable(series, interval) => Arc::clone(series),
            _ => {
                let series = Arc::new(count.new_series(&changed, bounded, interval));
                let table = count.table_mut(&mut changed);
                table.insert(bounded, Arc::clone(&series));
                is_changed = true;
                series
            }
        };
        if is_changed {
            self.store(changed);
        }
        self.count_bounded(&series, key, bounded, count)
    }

    /// The key under which a key is counted: without its peer if the limit of series of peers is reached, and
    /// that of the series of overflows if the limit of all series is.
    fn bounded_key(&self, table: &Table, key: PackedKey) -> PackedKey {
        let overflow = Key::OVERFLOW.packed();
        let taken = table.len() - usize::from(table.contains_key(&overflow));
        if taken < self.max_series - self.max_series / 4 || table.contains_key(&key) {
            return key;
        }
        let key = key.without_peer();
        match taken < self.max_series || table.contains_key(&key) {
            true => key,
            false => overflow,
        }
    }

    /// Whether a series is not idle. An idle one is retired, and has to be replaced.
    fn is_usable(&self, series: &Series, interval: u64) -> bool {
        if series.touch(interval) {
            return true;
        }
        let retired = series.retire_if_idle(interval);
        self.expired.fetch_add(u64::from(retired), Relaxed);
        !retired
    }

    /// Removes series that were not used for a whole interval.
    fn remove_idle(&self, state: &mut State, interval: u64) -> bool {
        state.idle_removed = interval;
        let mut removed = 0;
        for table in [&mut state.requests, &mut state.messages] {
            let idle = table
                .values()
                .filter(|series| series.retire_if_idle(interval));
            let idle = idle.count() as u64;
            if idle > 0 {
                table.retain(|_, series| !series.is_retired());
            }
            removed += idle;
        }
        self.expired.fetch_add(removed, Relaxed);
        removed > 0
    }

    /// Removes series that were not used for a whole interval, and merges new ones into the shared table.
    pub(in crate::metrics) fn expire(&self, now: Instant) {
        let state = self.state.load();
        if state.expiry.is_none() && !state.requests.has_recent() && !state.messages.has_recent() {
            return;
        }
        let _changing = self.lock();
        let mut state = State::clone(&self.state.load());
        let interval = self.interval(state.expiry, now);
        let removed = state.expiry.is_some() && self.remove_idle(&mut state, interval);
        let merged = [state.requests.merge(), state.messages.merge()];
        if removed || merged.contains(&true) {
            self.store(state);
        }
    }

    /// How many series there are.
    pub(in crate::metrics) fn len(&self) -> u64 {
        let state = self.state.load();
        (state.requests.len() + state.messages.len()) as u64
    }

    pub(in crate::metrics) fn overflowed(&self) -> u64 {
        self.overflowed.load(Relaxed)
    }

    pub(in crate::metrics) fn peers_overflowed(&self) -> u64 {
        self.peers_overflowed.load(Relaxed)
    }

    pub(in crate::metrics) fn expired(&self) -> u64 {
        self.expired.load(Relaxed)
    }
}

impl Count<'_> {
    fn at(&self) -> Instant {
        match self {
            Count::Exchange(counts) => counts.at,
            Count::Messages { at, .. } => *at,
        }
    }

    fn table<'a>(&self, state: &'a State) -> &'a Table {
        match self {
            Count::Exchange(_) => &state.requests,
            Count::Messages { .. } => &state.messages,
        }
    }

    fn table_mut<'a>(&self, state: &'a mut State) -> &'a mut Table {
        match self {
            Count::Exchange(_) => &mut state.requests,
            Count::Messages { .. } => &mut state.messages,
        }
    }

    fn new_series(&self, state: &State, key: PackedKey, interval: u64) -> Series {
        let layout = match self {
            Count::Exchange(_) => &state.layout,
            Count::Messages { .. } => &state.message_layout,
        };
        let values = key.key().values.checked_sub(1);
        let values = values.and_then(|number| state.values.value(number));
        Series::new(layout, values.unwrap_or_default(), interval)
    }
}

impl State {
    /// The key number of computed values that are labels; `None` if the limit is reached.
    pub(in crate::metrics) fn intern_values(&self, values: Arc<[String]>) -> Option<u32> {
        // 0 is for none.
        self.values.number(&values).map(|number| number + 1)
    }
}

/// The limit is higher than that of series, because values of idle series are freed later.
fn new_values(max_series: usize) -> Arc<Interner<Arc<[String]>>> {
    Arc::new(Interner::new(max_series.saturating_mul(4)))
}

impl Layout {
    /// The values of user-defined metrics, as unsigned integers. Other values count as 0, as in Istio. Counters
    /// and histograms add at most [`MAX_ADDED`].
    fn own_values(&self, values: &[String]) -> Vec<u64> {
        let own = self.slots.iter().filter_map(|slot| match slot.measured {
            Measured::Value(at) => Some((&slot.numbers, values.get(at))),
            _ => None,
        });
        own.map(|(numbers, value)| {
            let value = value
                .and_then(|text| text.trim_ascii().parse().ok())
                .unwrap_or(0);
            match numbers {
                Numbers::Gauge => value,
                _ => value.min(MAX_ADDED),
            }
        })
        .collect()
    }
}
