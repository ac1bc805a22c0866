//! Continues the series under a new configuration.

use super::{
    bounds::Buckets,
    generation::{Generation, Source},
    key::{Key, Mask, PackedKey},
    layout::Layout,
    series::Series,
    table::{State, Store, Table},
};
use crate::metrics::destination::UNKNOWN;
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

/// Changes of a store's settings, beside the metrics. `None` keeps a setting.
#[derive(Debug, Default)]
pub(in crate::metrics) struct StoreChanges {
    pub(in crate::metrics) buckets: Option<Buckets>,
    pub(in crate::metrics) expiry: Option<Option<Duration>>,
}

type Groups = HashMap<PackedKey, (Arc<[String]>, Vec<Arc<Series>>)>;

impl Store {
    /// Switches to a new configuration. Series of metrics that remain keep their counts, even if their labels
    /// change: in counts so far, new computed values are `unknown`.
    pub(in crate::metrics) fn replace(&self, generation: Generation, changes: StoreChanges) {
        let _changing = self.lock();
        let old = self.state();
        let buckets = changes
            .buckets
            .map_or_else(|| Arc::clone(&old.buckets), Arc::new);
        let expiry = changes.expiry.unwrap_or(old.expiry);
        let layout = Arc::new(Layout::of_requests(&generation, &buckets));
        let mut new = State {
            generation: Arc::new(generation),
            token: Arc::new(()),
            buckets,
            expiry,
            idle_removed: 0,
            values: self.new_values(),
            layout,
            message_layout: Arc::clone(&old.message_layout),
            requests: Table::default(),
            messages: Table::default(),
        };
        let values = value_sources(&old.generation, &new.generation);
        // If the length changes, all series count as used now.
        let used = (expiry != old.expiry).then(|| self.interval(expiry, Instant::now()));
        let now = SystemTime::now();
        let migrate = |table, layout, mask: Mask| {
            let groups = groups(table, &new, &values, |key| mask.apply(key));
            let series = groups.into_iter().map(|(key, (values, previous))| {
                let last = || previous.iter().map(|series| series.used()).max();
                let used = used.or_else(last).unwrap_or(0);
                let mut series = Series::new(layout, values, used);
                series.continue_from(previous, &old.token, now);
                (key, Arc::new(series))
            });
            series.collect()
        };
        let requests = migrate(&old.requests, &new.layout, new.generation.requests);
        let messages = migrate(&old.messages, &new.message_layout, new.generation.messages);
        (new.requests, new.messages) = (requests, messages);
        self.store(new);
    }
}

/// The series by their new keys, with their new values.
fn groups(
    old: &Table,
    new: &State,
    sources: &[ValueSource],
    mask: impl Fn(Key) -> PackedKey,
) -> Groups {
    let mut groups = Groups::new();
    for (key, series) in old.iter().filter(|(_, series)| !series.is_retired()) {
        let key = key.key();
        let values = match key.values {
            0 if sources.is_empty() => Arc::default(),
            _ => migrated_values(sources, &series.values),
        };
        let number = match values.is_empty() {
            true => Some(0),
            false => new.intern_values(Arc::clone(&values)),
        };
        let key = match number {
            Some(values) if !key.overflow => mask(Key { values, ..key }),
            _ => Key::OVERFLOW.packed(),
        };
        let values = if key.key().values == 0 {
            Arc::default()
        } else {
            values
        };
        let group = groups.entry(key).or_insert_with(|| (values, Vec::new()));
        group.1.push(Arc::clone(series));
    }
    groups
}

/// Where a computed value of a series comes from when it is migrated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ValueSource {
    /// It is not a label.
    Unused,
    /// The value with this number in the old configuration.
    Old(usize),
    New,
}

/// A label keeps its value if the label of the same metric had a computed value before.
fn value_sources(old: &Generation, new: &Generation) -> Vec<ValueSource> {
    let mut sources = vec![ValueSource::Unused; new.value_count];
    for metric in &new.metrics {
        for (name, source) in &metric.columns {
            let Source::Value(at) = source else {
                continue;
            };
            let Some(value_source) = sources.get_mut(*at) else {
                continue;
            };
            let before = old.metrics.iter().filter(|other| other.name == metric.name);
            let mut before = before.flat_map(|other| &other.columns);
            let before = before.find_map(|(other, source)| match source {
                Source::Value(at) if other == name => Some(*at),
                _ => None,
            });
            match before {
                Some(at) => *value_source = ValueSource::Old(at),
                None if *value_source == ValueSource::Unused => *value_source = ValueSource::New,
                None => {}
            }
        }
    }
    sources
}

fn migrated_values(sources: &[ValueSource], old: &[String]) -> Arc<[String]> {
    let value = |of: &ValueSource| match of {
        ValueSource::Unused => String::new(),
        ValueSource::Old(at) => old.get(*at).map_or(UNKNOWN, String::as_str).to_owned(),
        ValueSource::New => UNKNOWN.to_owned(),
    };
    sources.iter().map(value).collect()
}
