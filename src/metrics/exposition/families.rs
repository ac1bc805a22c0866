//! The families of metrics at this moment.

use super::{
    family::{Family, HistogramValue, Kind, Labels, Point, Value},
    merged::{MergedFamily, TimedPoint},
    negotiate::Format,
};
use crate::{
    direction::Direction,
    metrics::{
        exemplar::Exemplar,
        handle::{Inner, Metrics},
        hash::FoldState,
        naming::Naming,
        plan::MetricKind,
        project::Labels as ProjectedLabels,
        store::{Metric, Numbers, Series, Slot, Source, State, Totals},
    },
};
use std::{
    cmp::Ordering,
    collections::{BTreeMap, HashSet},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Instant, SystemTime},
};

/// The totals by the labels of some columns.
type Groups = BTreeMap<SharedLabels, Totals>;

/// Labels with the same names, whose values are interned: equal values are one allocation.
struct SharedLabels(Labels);

impl Ord for SharedLabels {
    fn cmp(&self, other: &SharedLabels) -> Ordering {
        let values = self.0.iter().zip(other.0.iter());
        let mut values = values.map(|((_, one), (_, other))| (one, other));
        match values.find(|(one, other)| !Arc::ptr_eq(one, other)) {
            Some((one, other)) => one.cmp(other),
            None => Ordering::Equal,
        }
    }
}

impl PartialOrd for SharedLabels {
    fn partial_cmp(&self, other: &SharedLabels) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SharedLabels {
    fn eq(&self, other: &SharedLabels) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for SharedLabels {}

/// The labels of a metric of requests or, if `true`, of gRPC messages.
type Columns<'a> = (bool, &'a [(String, Source)]);

impl Metrics {
    /// All metrics and their values at this moment.
    ///
    /// Series of both directions whose labels are equal are one point: the sum, and of gauges the last
    /// value. What threads count meanwhile is in this result or in the next one.
    pub fn families(&self) -> Vec<Family> {
        self.families_at(Instant::now(), Some(SystemTime::now()))
    }

    /// The families for a text in this format.
    pub(super) fn families_for(&self, format: Format) -> Vec<Family> {
        let exemplars_at = (format != Format::Text).then(SystemTime::now);
        self.families_at(Instant::now(), exemplars_at)
    }

    /// With exemplars that are recent at `exemplars_at`, or without any.
    pub(in crate::metrics) fn families_at(
        &self,
        now: Instant,
        exemplars_at: Option<SystemTime>,
    ) -> Vec<Family> {
        self.report_open_streams(now);
        let inner = &self.inner;
        let mut families: Vec<MergedFamily> = Vec::new();
        for direction in Direction::BOTH {
            let store = inner.stores.of(direction);
            store.expire(now);
            let state = store.state();
            let mut series = GroupedSeries::new(inner, direction, &state, exemplars_at);
            for metric in &state.generation.metrics {
                series.add(metric, &mut families);
            }
        }
        // After the series were read: those that have just expired are not among them.
        inner.free_unused_numbers(now);
        families.retain(|family| !family.points.is_empty());
        let families = families.into_iter().map(MergedFamily::into_family);
        let mut families: Vec<Family> = families.collect();
        if inner.naming == Naming::Istio {
            families.push(inner.build_info());
        }
        families.extend(inner.own_counts());
        #[cfg(feature = "batch")]
        families.extend(inner.reporters.families());
        families
    }
}

/// The series of one direction, grouped by the labels of its metrics. Most metrics have the same labels.
struct GroupedSeries<'a> {
    requests: Vec<(ProjectedLabels<'a>, Totals)>,
    messages: Vec<(ProjectedLabels<'a>, Totals)>,
    groups: Vec<(Columns<'a>, Groups)>,
    /// The interned values of labels: most are the same in many series.
    values: HashSet<Arc<str>, FoldState>,
    /// One series of requests and one of messages, for their layouts.
    any_series: [Option<&'a Series>; 2],
}

impl<'a> GroupedSeries<'a> {
    fn new(
        inner: &'a Inner,
        direction: Direction,
        state: &'a State,
        exemplars_at: Option<SystemTime>,
    ) -> GroupedSeries<'a> {
        let read = |table: &'a crate::metrics::store::Table| {
            let series = table.iter().map(|(key, series)| {
                let labels = ProjectedLabels::new(inner, direction, *key, &series.values);
                let labels = labels.with_hosts(state.generation.host_header_fallback);
                (labels, series.totals(exemplars_at))
            });
            series.collect()
        };
        let any = |table: &'a crate::metrics::store::Table| table.values().next().map(|any| &**any);
        GroupedSeries {
            requests: read(&state.requests),
            messages: read(&state.messages),
            groups: Vec::new(),
            values: HashSet::default(),
            any_series: [any(&state.requests), any(&state.messages)],
        }
    }

    /// Adds the values of a metric to its family.
    fn add(&mut self, metric: &'a Metric, families: &mut Vec<MergedFamily>) {
        let is_messages = metric.measured.is_messages();
        let layout = self.any_series[usize::from(is_messages)].map(|series| &series.layout);
        let slot = layout.and_then(|layout| layout.slot(&metric.name, metric.measured));
        let Some(slot) = slot.cloned() else {
            return;
        };
        let kind = metric.kind.into();
        let groups = self.groups(is_messages, &metric.columns);
        let points = groups.iter().filter_map(|(labels, totals)| {
            let (value, set) = value(&slot, totals, kind)?;
            let labels = Arc::clone(&labels.0);
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
            let names = columns.iter().map(|(name, _)| Arc::from(name.as_str()));
            let names: Vec<Arc<str>> = names.collect();
            let mut groups = Groups::new();
            for (labels, totals) in series {
                let pairs = names.iter().zip(columns).map(|(name, (_, source))| {
                    let value = shared(&mut self.values, labels.value(source));
                    (Arc::clone(name), value)
                });
                groups
                    .entry(SharedLabels(pairs.collect()))
                    .and_modify(|sum| sum.add(totals))
                    .or_insert_with(|| totals.clone());
            }
            self.groups.push((wanted, groups));
            self.groups.len() - 1
        });
        &self.groups[at].1
    }
}

/// Interns a value.
fn shared(values: &mut HashSet<Arc<str>, FoldState>, value: String) -> Arc<str> {
    if let Some(known) = values.get(value.as_str()) {
        return Arc::clone(known);
    }
    let value: Arc<str> = Arc::from(value);
    values.insert(Arc::clone(&value));
    value
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
            exemplars: up_to_the_last(exemplars),
        }),
        _ => return None,
    };
    Some((value, 0))
}

fn up_to_the_last(exemplars: &[Option<Exemplar>]) -> Vec<Option<Exemplar>> {
    let last = exemplars.iter().rposition(Option::is_some);
    exemplars[..last.map_or(0, |last| last + 1)].to_vec()
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
                labels: Arc::from([
                    (Arc::from("component"), Arc::from("proxy")),
                    (Arc::from("tag"), Arc::from(tag)),
                ]),
                value: Value::Gauge(1.0),
            }],
        }
    }

    /// The metrics about these metrics.
    fn own_counts(&self) -> [Family; 4] {
        let stores = [&self.stores.server, &self.stores.client];
        let sum = |count: fn(&crate::metrics::store::Store) -> u64| stores.map(count).iter().sum();
        let overflows = [
            ("series", sum(|store| store.overflowed())),
            (
                "peers",
                self.peers.overflowed() + sum(|store| store.peers_overflowed()),
            ),
            ("destinations", self.destinations.overflowed()),
            ("labels", self.label_overflows.load(Relaxed)),
        ];
        let mut by_cause = count(
            "tower_b3_metrics_overflows_total",
            "What exceeds a limit; it is counted with `unknown` labels.",
            0,
        );
        by_cause.points = overflows
            .iter()
            .map(|(of, count)| Point {
                labels: Arc::from([(Arc::from("of"), Arc::from(*of))]),
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
            labels: Arc::from([]),
            value: counter(count),
        }],
    }
}
