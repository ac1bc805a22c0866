//! Tests that set the time.

use super::{
    exposition::{Point, Value},
    handle::Metrics,
    measurement::Measurement,
    workload::Workload,
};
use crate::direction::Direction;
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

const MINUTE: Duration = Duration::from_secs(60);

pub(super) fn points_at(metrics: &Metrics, name: &str, now: Instant) -> Vec<Point> {
    let families = metrics.families_at(now, Some(SystemTime::now()));
    let family = families.into_iter().find(|family| family.name == name);
    family.map(|family| family.points).unwrap_or_default()
}

pub(super) fn number(point: &Point) -> f64 {
    match &point.value {
        Value::Counter { count, .. } => *count as f64,
        Value::Gauge(value) => *value,
        Value::Histogram(histogram) => histogram.sum,
    }
}

pub(super) fn label<'a>(point: &'a Point, name: &str) -> Option<&'a str> {
    let mut labels = point.labels.iter();
    let label = labels.find(|(label, _)| &**label == name);
    label.map(|(_, value)| &**value)
}

fn record_at(metrics: &Metrics, code: u16, at: Instant) {
    let mut measured = Measurement::new(code, Duration::ZERO);
    measured.ended = at;
    metrics.record(Direction::Server, &measured);
}

#[test]
fn a_series_expires_after_one_to_two_intervals_and_restarts_at_zero() {
    let metrics = Metrics::builder(Workload::new("webapp"))
        .expire_after(MINUTE)
        .build();
    let start = Instant::now();
    let codes = |now| {
        let points = points_at(&metrics, "istio_requests_total", now);
        let exposed = points.iter().map(|point| {
            let code = label(point, "response_code").unwrap();
            (code.parse().unwrap(), number(point) as u64)
        });
        exposed.collect::<Vec<(u16, u64)>>()
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
fn idle_series_free_their_capacity() {
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

#[test]
fn an_overflow_changes_only_counts() {
    let metrics = Metrics::builder(Workload::new("webapp"))
        .expire_after(MINUTE)
        .max_series(2)
        .build();
    let start = Instant::now();
    for code in [200, 201, 202] {
        record_at(&metrics, code, start);
    }
    let state = || Arc::clone(&metrics.inner.stores.server.state());
    let before = state();
    for code in 203..213 {
        record_at(&metrics, code, start);
    }
    assert!(Arc::ptr_eq(&before, &state()));
    // Idle series are searched for once in each interval.
    record_at(&metrics, 200, start + MINUTE);
    record_at(&metrics, 213, start + MINUTE);
    let before = state();
    record_at(&metrics, 214, start + MINUTE);
    assert!(Arc::ptr_eq(&before, &state()));
    // The series of the code 201 has expired.
    record_at(&metrics, 215, start + 2 * MINUTE);
    let points = points_at(&metrics, "istio_requests_total", start + 2 * MINUTE);
    let exposed = points.iter().map(|point| {
        let code = label(point, "response_code").unwrap();
        (code.to_owned(), number(point) as u64)
    });
    let expected = [("200", 2), ("215", 1), ("unknown", 13)];
    let expected = expected.map(|(code, count)| (code.to_owned(), count));
    assert_eq!(exposed.collect::<Vec<_>>(), expected);
    assert_eq!(metrics.inner.stores.server.overflowed(), 13);
}
