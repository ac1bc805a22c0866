//! Changes of the plan, and computed values.

use super::{
    attributes::Attributes,
    exposition::Point,
    handle::Metrics,
    labels::StandardLabel,
    measurement::Measurement,
    plan::{ComputedValues, LabelValue, Measured, MetricKind, MetricPlan, Plan},
    store::StoreChanges,
    tests::{label, number, points_at},
    workload::Workload,
};
use crate::direction::Direction;
use http::HeaderName;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

fn points(metrics: &Metrics, name: &str) -> Vec<Point> {
    points_at(metrics, name, Instant::now())
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

fn set_plan(metrics: &Metrics, plan: Plan) {
    metrics.replace_plan(Direction::Server, plan, StoreChanges::default());
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
    let exposed = |name: &str, of: &str| {
        let points = points(&metrics, name);
        let points = points
            .iter()
            .map(|point| (label(point, of).map(str::to_owned), number(point)));
        points.collect::<Vec<_>>()
    };
    let value = |text: &str| Some(text.to_owned());
    record(&metrics);
    set_plan(&metrics, with_label("tenant", &["x", "acme"], 1));
    assert_eq!(
        exposed("istio_requests_total", "tenant"),
        [(value("unknown"), 1.0)]
    );
    record(&metrics);
    let both = [(value("acme"), 1.0), (value("unknown"), 1.0)];
    assert_eq!(exposed("istio_requests_total", "tenant"), both);
    // The others have no such label, and one series.
    assert_eq!(exposed("istio_request_bytes", "tenant"), [(None, 0.0)]);
    assert_eq!(
        exposed("istio_request_duration_milliseconds", "x"),
        [(None, 10.0)]
    );

    // The same label, from a value with another number.
    set_plan(&metrics, with_label("tenant", &["acme"], 0));
    record(&metrics);
    let both = [(value("acme"), 2.0), (value("unknown"), 1.0)];
    assert_eq!(exposed("istio_requests_total", "tenant"), both);

    // Without most labels, and later with them again.
    for _ in 0..5 {
        let mut plan = Plan::standard(Direction::Server);
        plan.metrics[0]
            .labels
            .retain(|(name, _)| name == "reporter");
        set_plan(&metrics, plan);
        record(&metrics);
    }
    assert_eq!(exposed("istio_requests_total", "tenant"), [(None, 8.0)]);
    let mut none = Plan::standard(Direction::Server);
    none.metrics.clear();
    set_plan(&metrics, none);
    assert_eq!(exposed("istio_requests_total", "reporter"), []);
    set_plan(&metrics, Plan::standard(Direction::Server));
    assert_eq!(
        exposed("istio_requests_total", "reporter"),
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
    set_plan(&metrics, plan(&["2", "7", "100", "-1"]));
    record(&metrics);
    record(&metrics);
    let exposed = || {
        ["istio_calls", "istio_level", "istio_size", "istio_wrong"].map(|name| {
            let points = points(&metrics, name);
            (points.len(), number(&points[0]))
        })
    };
    assert_eq!(exposed(), [(1, 4.0), (1, 7.0), (1, 200.0), (1, 0.0)]);
    // Values that are no labels make no series.
    assert_eq!(points(&metrics, "istio_requests_total").len(), 1);
    set_plan(&metrics, plan(&["3", "5", "1", "true"]));
    assert_eq!(exposed(), [(1, 4.0), (1, 7.0), (1, 200.0), (1, 0.0)]);
    record(&metrics);
    assert_eq!(exposed(), [(1, 7.0), (1, 5.0), (1, 201.0), (1, 0.0)]);
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
                set_plan(&metrics, with_label("tenant", &["a"], 0));
                set_plan(&metrics, Plan::standard(Direction::Server));
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
