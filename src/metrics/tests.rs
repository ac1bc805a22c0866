//! What cannot be seen from outside: time, and changes of the plan.

use super::{
    attributes::Attributes,
    exposition::{Point, Value},
    handle::Metrics,
    labels::StandardLabel,
    measurement::Measurement,
    plan::{ComputedValues, LabelValue, Measured, MetricKind, MetricPlan, Plan},
    workload::Workload,
};
use crate::direction::Direction;
use http::HeaderName;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant, SystemTime},
};

const MINUTE: Duration = Duration::from_secs(60);

fn points_at(metrics: &Metrics, name: &str, now: Instant) -> Vec<Point> {
    let families = metrics.families_at(now, SystemTime::now());
    let family = families.into_iter().find(|family| family.name == name);
    family.map(|family| family.points).unwrap_or_default()
}

fn points(metrics: &Metrics, name: &str) -> Vec<Point> {
    points_at(metrics, name, Instant::now())
}

fn number(point: &Point) -> f64 {
    match &point.value {
        Value::Counter { count, .. } => *count as f64,
        Value::Gauge(value) => *value,
        Value::Histogram(histogram) => histogram.sum,
    }
}

fn label<'a>(point: &'a Point, name: &str) -> Option<&'a str> {
    let mut labels = point.labels.iter();
    let label = labels.find(|(label, _)| &**label == name);
    label.map(|(_, value)| value.as_str())
}

fn record_at(metrics: &Metrics, code: u16, at: Instant) {
    let mut measured = Measurement::new(code, Duration::ZERO);
    measured.ended = at;
    metrics.record(Direction::Server, &measured);
}

#[test]
fn a_series_goes_after_one_to_two_intervals_and_starts_again_at_zero() {
    let metrics = Metrics::builder(Workload::new("webapp"))
        .expire_after(MINUTE)
        .build();
    let start = Instant::now();
    let codes = |now| {
        let points = points_at(&metrics, "istio_requests_total", now);
        let shown = points.iter().map(|point| {
            let code = label(point, "response_code").unwrap();
            (code.parse().unwrap(), number(point) as u64)
        });
        shown.collect::<Vec<(u16, u64)>>()
    };
    record_at(&metrics, 200, start);
    record_at(&metrics, 200, start);
    record_at(&metrics, 404, start);
    assert_eq!(codes(start), [(200, 2), (404, 1)]);
    record_at(&metrics, 404, start + MINUTE);
    // Not used in the second interval, which is not over yet.
    assert_eq!(codes(start + 2 * MINUTE - MINUTE / 2), [(200, 2), (404, 2)]);
    assert_eq!(codes(start + 2 * MINUTE), [(404, 2)]);
    record_at(&metrics, 200, start + 2 * MINUTE);
    assert_eq!(codes(start + 2 * MINUTE), [(200, 1), (404, 2)]);
    // Without a scrape in between.
    record_at(&metrics, 200, start + 7 * MINUTE);
    assert_eq!(codes(start + 7 * MINUTE), [(200, 1)]);
    let expired = points_at(
        &metrics,
        "tower_b3_metrics_expired_series_total",
        start + 7 * MINUTE,
    );
    assert_eq!(number(&expired[0]), 3.0);
    assert_eq!(
        points_at(&metrics, "istio_build", start + 9 * MINUTE).len(),
        1
    );
}

#[test]
fn idle_series_make_room_for_others() {
    let metrics = Metrics::builder(Workload::new("webapp"))
        .expire_after(MINUTE)
        .max_series(2)
        .build();
    let start = Instant::now();
    for round in 0..5 {
        let at = start + 2 * round * MINUTE;
        for code in [200, 201] {
            record_at(&metrics, code + 2 * round as u16, at);
        }
    }
    let overflows = points_at(&metrics, "tower_b3_metrics_overflows_total", start);
    assert_eq!(number(&overflows[0]), 0.0);
}

struct Fixed(&'static [&'static str]);

impl ComputedValues for Fixed {
    fn request_headers(&self) -> &[HeaderName] {
        &[]
    }

    fn response_headers(&self) -> &[HeaderName] {
        &[]
    }

    fn compute(&self, _: &dyn Attributes, out: &mut Vec<String>) {
        out.extend(self.0.iter().map(|value| (*value).to_owned()));
    }
}

/// The standard metrics and another label, of `requests_total`.
fn with_label(label: &str, values: &'static [&'static str], value: usize) -> Plan {
    let mut plan = Plan::standard(Direction::Server);
    let added = (label.to_owned(), LabelValue::Value(value));
    plan.metrics[0].labels.push(added);
    plan.values = Arc::new(Fixed(values));
    plan.value_count = values.len();
    plan
}

/// An exchange with these attributes, of which the test's values need none.
struct Nothing;

impl Attributes for Nothing {
    fn direction(&self) -> Direction {
        Direction::Server
    }
}

fn record(metrics: &Metrics) {
    let mut measured = Measurement::new(200, Duration::from_millis(5));
    measured.attributes = Some(&Nothing);
    metrics.record(Direction::Server, &measured);
}

#[test]
fn counts_stay_when_the_plan_changes() {
    let metrics = Metrics::builder(Workload::new("webapp")).build();
    let shown = |name: &str, of: &str| {
        let points = points(&metrics, name);
        let points = points
            .iter()
            .map(|point| (label(point, of).map(str::to_owned), number(point)));
        points.collect::<Vec<_>>()
    };
    let value = |text: &str| Some(text.to_owned());
    record(&metrics);
    metrics.set_plan(Direction::Server, with_label("tenant", &["x", "acme"], 1));
    assert_eq!(
        shown("istio_requests_total", "tenant"),
        [(value("unknown"), 1.0)]
    );
    record(&metrics);
    let both = [(value("acme"), 1.0), (value("unknown"), 1.0)];
    assert_eq!(shown("istio_requests_total", "tenant"), both);
    // The others have no such label, and one series.
    assert_eq!(shown("istio_request_bytes", "tenant"), [(None, 0.0)]);
    assert_eq!(
        shown("istio_request_duration_milliseconds", "x"),
        [(None, 10.0)]
    );

    // The same label, from a value with another number.
    metrics.set_plan(Direction::Server, with_label("tenant", &["acme"], 0));
    record(&metrics);
    let both = [(value("acme"), 2.0), (value("unknown"), 1.0)];
    assert_eq!(shown("istio_requests_total", "tenant"), both);

    // Without most labels, and later with them again.
    for _ in 0..5 {
        let mut plan = Plan::standard(Direction::Server);
        plan.metrics[0]
            .labels
            .retain(|(name, _)| name == "reporter");
        metrics.set_plan(Direction::Server, plan);
        record(&metrics);
    }
    assert_eq!(shown("istio_requests_total", "tenant"), [(None, 8.0)]);
    let mut none = Plan::standard(Direction::Server);
    none.metrics.clear();
    metrics.set_plan(Direction::Server, none);
    assert_eq!(shown("istio_requests_total", "reporter"), []);
    metrics.set_plan(Direction::Server, Plan::standard(Direction::Server));
    assert_eq!(
        shown("istio_requests_total", "reporter"),
        [(value("destination"), 8.0)]
    );
}

#[test]
fn own_metrics_count_set_and_observe_computed_values() {
    let metrics = Metrics::builder(Workload::new("webapp")).build();
    let own = |name: &str, kind, value| MetricPlan {
        name: name.to_owned(),
        help: "Own.".to_owned(),
        kind,
        measured: Measured::Value(value),
        labels: vec![(
            "reporter".to_owned(),
            LabelValue::Standard(StandardLabel::Reporter),
        )],
    };
    let plan = |values: &'static [&'static str]| {
        let mut plan = Plan::standard(Direction::Server);
        plan.metrics.extend([
            own("istio_calls", MetricKind::Counter, 0),
            own("istio_level", MetricKind::Gauge, 1),
            own("istio_size", MetricKind::Histogram, 2),
            own("istio_wrong", MetricKind::Counter, 3),
        ]);
        plan.values = Arc::new(Fixed(values));
        plan.value_count = values.len();
        plan
    };
    metrics.set_plan(Direction::Server, plan(&["2", "7", "100", "-1"]));
    record(&metrics);
    record(&metrics);
    let shown = || {
        ["istio_calls", "istio_level", "istio_size", "istio_wrong"].map(|name| {
            let points = points(&metrics, name);
            (points.len(), number(&points[0]))
        })
    };
    assert_eq!(shown(), [(1, 4.0), (1, 7.0), (1, 200.0), (1, 0.0)]);
    // Values that are no labels make no series.
    assert_eq!(points(&metrics, "istio_requests_total").len(), 1);
    metrics.set_plan(Direction::Server, plan(&["3", "5", "1", "true"]));
    assert_eq!(shown(), [(1, 4.0), (1, 7.0), (1, 200.0), (1, 0.0)]);
    record(&metrics);
    assert_eq!(shown(), [(1, 7.0), (1, 5.0), (1, 201.0), (1, 0.0)]);
}

#[test]
fn nothing_is_lost_while_the_plan_changes() {
    let metrics = Metrics::builder(Workload::new("webapp")).build();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let counting: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| (0..20_000).for_each(|_| record(&metrics))))
            .collect();
        scope.spawn(|| {
            while !done.load(Relaxed) {
                metrics.set_plan(Direction::Server, with_label("tenant", &["a"], 0));
                metrics.set_plan(Direction::Server, Plan::standard(Direction::Server));
            }
        });
        for thread in counting {
            thread.join().unwrap();
        }
        done.store(true, Relaxed);
    });
    let requests = points(&metrics, "istio_requests_total");
    assert_eq!(requests.iter().map(number).sum::<f64>(), 80_000.0);
}
