//! What there is to show at this moment.

use super::{
    family::{Family, HistogramValue, Kind, Point, Value},
    merged::{MergedFamily, TimedPoint},
};
use crate::{
    direction::Direction,
    metrics::{
        handle::{Inner, Metrics},
        naming::Naming,
        plan::MetricKind,
        project::Labels,
        store::{Metric, Numbers, Series, Slot, Source, State, Totals},
    },
};
use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Instant, SystemTime},
};

/// Counts of somebody else's, by name: `queued` and `in_flight` are gauges.
pub(in crate::metrics) type Extra = dyn Fn() -> Vec<(&'static str, u64)> + Send + Sync;

/// The label values of some columns, and what was counted under them.
type Groups = BTreeMap<Vec<String>, Totals>;

/// Whether they are labels of gRPC messages, and which.
type Columns<'a> = (bool, &'a [(String, Source)]);

impl Metrics {
    /// All metrics and their values at this moment.
    ///
    /// Series of both directions whose labels are equal are one point: the sum, and of gauges the last
    /// value. What threads count meanwhile is in this answer or in the next one.
    pub fn families(&self) -> Vec<Family> {
        self.families_at(Instant::now(), SystemTime::now())
    }

    pub(in crate::metrics) fn families_at(&self, now: Instant, time: SystemTime) -> Vec<Family> {
        self.report_open_streams(now);
        let inner = &self.inner;
        let mut families: Vec<MergedFamily> = Vec::new();
        for direction in Direction::BOTH {
            let store = inner.stores.of(direction);
            store.expire(now);
            let state = store.state();
            let mut shown = Shown::new(inner, direction, &state, time);
            for metric in &state.generation.metrics {
                shown.add(metric, &mut families);
            }
        }
        // Behind the answer, which shows series that have just expired no more.
        inner.free_unused_numbers(now);
        families.retain(|family| !family.points.is_empty());
        let families = families.into_iter().map(MergedFamily::into_family);
        let mut families: Vec<Family> = families.collect();
        if inner.naming == Naming::Istio {
            families.push(inner.build_info());
        }
        families.extend(inner.own_counts());
        for extra in &inner.extra {
            families.extend(reporter_counts(extra()));
        }
        families
    }
}

/// The series of one direction, grouped by the labels of its metrics. Most metrics have the same labels.
struct Shown<'a> {
    requests: Vec<(Labels<'a>, Totals)>,
    messages: Vec<(Labels<'a>, Totals)>,
    groups: Vec<(Columns<'a>, Groups)>,
    layouts: [Option<&'a Series>; 2],
}

impl<'a> Shown<'a> {
    fn new(
        inner: &'a Inner,
        direction: Direction,
        state: &'a State,
        time: SystemTime,
    ) -> Shown<'a> {
        let read = |table: &'a crate::metrics::store::Table| {
            let series = table.iter().map(|(key, series)| {
                let labels = Labels::new(inner, direction, *key, &series.values);
                let labels = labels.with_hosts(state.generation.host_header_fallback);
                (labels, series.totals(time))
            });
            series.collect()
        };
        let any = |table: &'a crate::metrics::store::Table| table.values().next().map(|any| &**any);
        Shown {
            requests: read(&state.requests),
            messages: read(&state.messages),
            groups: Vec::new(),
            layouts: [any(&state.requests), any(&state.messages)],
        }
    }

    /// Adds the values of a metric to its family.
    fn add(&mut self, metric: &'a Metric, families: &mut Vec<MergedFamily>) {
        let is_messages = metric.measured.is_messages();
        let layout = self.layouts[usize::from(is_messages)].map(|series| &series.layout);
        let slot = layout.and_then(|layout| layout.slot(&metric.name, metric.measured));
        let Some(slot) = slot.cloned() else {
            return;
        };
        let kind = metric.kind.into();
        let groups = self.groups(is_messages, &metric.columns);
        let names: Vec<Arc<str>> = metric
            .columns
            .iter()
            .map(|(name, _)| Arc::from(name.as_str()))
            .collect();
        let points = groups.iter().filter_map(|(values, totals)| {
            let (value, set) = value(&slot, totals, kind)?;
            let labels = names.iter().cloned().zip(values.iter().cloned()).collect();
            let point = Point { labels, value };
            Some(TimedPoint { point, set })
        });
        match families
            .iter_mut()
            .find(|family| family.name == metric.name)
        {
            Some(family) if family.kind == kind => family.add(points),
            // Of another kind, while the configuration changes: one of the two would be refused.
            Some(_) => {}
            None => {
                let mut family = MergedFamily::new(&metric.name, &metric.help, kind);
                family.add(points);
                families.push(family);
            }
        }
    }

    fn groups(&mut self, is_messages: bool, columns: &'a [(String, Source)]) -> &Groups {
        let wanted = (is_messages, columns);
        let known = self.groups.iter().position(|(known, _)| *known == wanted);
        let at = known.unwrap_or_else(|| {
            let series = match is_messages {
                true => &self.messages,
                false => &self.requests,
            };
            let mut groups = Groups::new();
            for (labels, totals) in series {
                let values = columns.iter().map(|(_, source)| labels.value(source));
                groups
                    .entry(values.collect())
                    .and_modify(|sum| sum.add(totals))
                    .or_insert_with(|| totals.clone());
            }
            self.groups.push((wanted, groups));
            self.groups.len() - 1
        });
        &self.groups[at].1
    }
}

/// The value of a metric, and when it was set if it is a gauge; `None` if it cannot be of this kind.
fn value(slot: &Slot, totals: &Totals, kind: Kind) -> Option<(Value, u64)> {
    let (numbers, exemplars) = totals.of(slot);
    let first = *numbers.first()?;
    let value = match (&slot.numbers, kind) {
        (Numbers::Counter, Kind::Counter) => Value::Counter {
            count: first,
            exemplar: exemplars.first().copied().flatten(),
        },
        (Numbers::Gauge, Kind::Gauge) => {
            return Some((Value::Gauge(first as f64), *numbers.get(1)?));
        }
        (Numbers::Histogram(bounds), Kind::Histogram) => Value::Histogram(HistogramValue {
            bounds: Arc::clone(&bounds.exposed),
            counts: numbers.get(1..)?.to_vec(),
            sum: bounds.in_unit(first),
            exemplars: exemplars.to_vec(),
        }),
        _ => return None,
    };
    Some((value, 0))
}

impl From<MetricKind> for Kind {
    fn from(kind: MetricKind) -> Kind {
        match kind {
            MetricKind::Counter => Kind::Counter,
            MetricKind::Gauge => Kind::Gauge,
            MetricKind::Histogram => Kind::Histogram,
        }
    }
}

impl Inner {
    fn build_info(&self) -> Family {
        let tag = self.workload.istio_version.as_deref().unwrap_or("unknown");
        Family {
            name: "istio_build".to_owned(),
            help: "Istio component build info".to_owned(),
            kind: Kind::Gauge,
            points: vec![Point {
                labels: vec![
                    (Arc::from("component"), "proxy".to_owned()),
                    (Arc::from("tag"), tag.to_owned()),
                ],
                value: Value::Gauge(1.0),
            }],
        }
    }

    /// What the metrics say about themselves.
    fn own_counts(&self) -> [Family; 4] {
        let stores = [&self.stores.server, &self.stores.client];
        let sum = |count: fn(&crate::metrics::store::Store) -> u64| stores.map(count).iter().sum();
        let overflows = [
            ("series", sum(|store| store.overflowed())),
            ("peers", self.peers.overflowed()),
            ("destinations", self.destinations.overflowed()),
            ("labels", self.label_overflows.load(Relaxed)),
        ];
        let mut by_cause = count(
            "tower_b3_metrics_overflows_total",
            "What there was no room for; it is counted with `unknown` labels.",
            0,
        );
        by_cause.points = overflows
            .iter()
            .map(|(of, count)| Point {
                labels: vec![(Arc::from("of"), (*of).to_owned())],
                value: counter(*count),
            })
            .collect();
        let mut series = count(
            "tower_b3_metrics_series",
            "Combinations of labels that are counted.",
            0,
        );
        series.kind = Kind::Gauge;
        series.points[0].value = Value::Gauge(sum(|store| store.len()) as f64);
        [
            series,
            by_cause,
            count(
                "tower_b3_metrics_expired_series_total",
                "Combinations of labels that were not used for an interval.",
                sum(|store| store.expired()),
            ),
            count(
                "tower_b3_metrics_refused_peers_total",
                "Headers of peers that were too long or malformed.",
                self.peers.refused(),
            ),
        ]
    }
}

fn counter(count: u64) -> Value {
    Value::Counter {
        count,
        exemplar: None,
    }
}

fn count(name: &str, help: &str, count: u64) -> Family {
    Family {
        name: name.to_owned(),
        help: help.to_owned(),
        kind: Kind::Counter,
        points: vec![Point {
            labels: Vec::new(),
            value: counter(count),
        }],
    }
}

/// The counts of a reporter.
fn reporter_counts(counts: Vec<(&'static str, u64)>) -> impl Iterator<Item = Family> {
    counts.into_iter().map(|(name, value)| {
        let help = format!("Spans of the reporter: {}.", name.replace('_', " "));
        match name {
            "queued" | "in_flight" => {
                let mut gauge = count(&format!("tower_b3_reporter_{name}"), &help, 0);
                gauge.kind = Kind::Gauge;
                gauge.points[0].value = Value::Gauge(value as f64);
                gauge
            }
            _ => count(&format!("tower_b3_reporter_{name}_total"), &help, value),
        }
    })
}
