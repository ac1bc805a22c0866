//! `MergedFamily`: a metric that both directions may have.

use super::family::{Family, HistogramValue, Kind, Point, Value};
#[cfg(any(feature = "prometheus", feature = "prometheus-client"))]
use crate::metrics::handle::Metrics;
use crate::metrics::{exemplar::newer, hash::FoldState};
use std::{collections::HashMap, sync::Arc};

/// A family while the directions add to it.
pub(super) struct MergedFamily {
    pub(super) name: String,
    pub(super) help: String,
    pub(super) kind: Kind,
    pub(super) points: Vec<TimedPoint>,
}

/// A point, and when it was set if it is a gauge.
pub(super) struct TimedPoint {
    pub(super) point: Point,
    pub(super) set: u64,
}

impl MergedFamily {
    pub(super) fn new(name: &str, help: &str, kind: Kind) -> MergedFamily {
        MergedFamily {
            name: name.to_owned(),
            help: help.to_owned(),
            kind,
            points: Vec::new(),
        }
    }

    /// Adds the points of one direction, which differ in their labels. A point whose labels already exist is
    /// added to the existing one, as both filters of a proxy add to one counter.
    pub(super) fn add(&mut self, points: impl Iterator<Item = TimedPoint>) {
        if self.points.is_empty() {
            self.points.extend(points);
            return;
        }
        let places: HashMap<_, _, FoldState> = self
            .points
            .iter()
            .enumerate()
            .map(|(at, own)| (series(&own.point), at))
            .collect();
        let placed: Vec<(Option<usize>, TimedPoint)> = points
            .map(|added| (places.get(&series(&added.point)).copied(), added))
            .collect();
        for (place, added) in placed {
            match place.and_then(|at| self.points.get_mut(at)) {
                Some(own) => own.merge(added),
                None => self.points.push(added),
            }
        }
        self.points
            .sort_by(|one, other| one.point.labels.cmp(&other.point.labels));
    }

    pub(super) fn into_family(self) -> Family {
        Family {
            name: self.name,
            help: self.help,
            kind: self.kind,
            points: self.points.into_iter().map(|timed| timed.point).collect(),
        }
    }
}

/// The families of several metrics, each name once.
#[cfg(any(feature = "prometheus", feature = "prometheus-client"))]
pub(super) fn families_of(all: &[Metrics]) -> Vec<Family> {
    if let [one] = all {
        return one.families();
    }
    let mut merged: Vec<MergedFamily> = Vec::new();
    for family in all.iter().flat_map(Metrics::families) {
        let timed = |point| TimedPoint { point, set: 0 };
        let points = family.points.into_iter().map(timed);
        match merged.iter_mut().find(|known| known.name == family.name) {
            // Metrics of one tracer have the same reporter.
            Some(_) if family.name.starts_with("tower_b3_reporter_") => {}
            Some(known) if known.kind == family.kind => known.add(points),
            Some(_) => {}
            None => {
                let mut added = MergedFamily::new(&family.name, &family.help, family.kind);
                added.add(points);
                merged.push(added);
            }
        }
    }
    merged.into_iter().map(MergedFamily::into_family).collect()
}

/// What identifies a series in Prometheus: neither the order of labels nor empty labels matter.
fn series(point: &Point) -> Vec<(&Arc<str>, &str)> {
    let labels = point.labels.iter();
    let labels = labels.map(|(name, value)| (name, &**value));
    let mut labels: Vec<_> = labels.filter(|(_, value)| !value.is_empty()).collect();
    labels.sort_unstable();
    labels
}

impl TimedPoint {
    fn merge(&mut self, other: TimedPoint) {
        match (&mut self.point.value, other.point.value) {
            (
                Value::Counter { count, exemplar },
                Value::Counter {
                    count: added,
                    exemplar: other,
                },
            ) => {
                *count = count.wrapping_add(added);
                *exemplar = newer(*exemplar, other);
            }
            (Value::Gauge(value), Value::Gauge(last)) if other.set >= self.set => {
                *value = last;
                self.set = other.set;
            }
            (Value::Histogram(histogram), Value::Histogram(other)) => histogram.merge(other),
            _ => {}
        }
    }
}

impl HistogramValue {
    /// Both directions have the same bounds, except while a configuration is applied to one after the
    /// other. Until then, the first one is exposed.
    fn merge(&mut self, other: HistogramValue) {
        if self.bounds != other.bounds {
            return;
        }
        for (count, added) in self.counts.iter_mut().zip(other.counts) {
            *count = count.wrapping_add(added);
        }
        let exemplars = self.exemplars.len().max(other.exemplars.len());
        self.exemplars.resize(exemplars, None);
        for (exemplar, other) in self.exemplars.iter_mut().zip(other.exemplars) {
            *exemplar = newer(*exemplar, other);
        }
        self.sum += other.sum;
    }
}
