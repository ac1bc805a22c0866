//! Nothing is lost, however many threads count and scrape.

use crate::{answered, count, points, webapp};
use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::Duration,
};
use tower_b3::{
    Direction,
    metrics::{Measurement, Metrics, Value},
};

const THREADS: u64 = 8;
const EACH: u64 = 100_000;

fn total(metrics: &Metrics, name: &str) -> u64 {
    points(metrics, name).iter().map(count).sum()
}

#[test]
fn every_request_of_eight_threads_is_counted_under_scrapes() {
    let metrics = Metrics::builder(webapp()).build();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let counting: Vec<_> = (0..THREADS)
            .map(|thread| {
                let metrics = metrics.clone();
                scope.spawn(move || {
                    for number in 0..EACH {
                        let code = 200 + ((thread + number) % 7) as u16;
                        let mut measured =
                            Measurement::new(code, Duration::from_millis(number % 100));
                        measured.request_bytes = number;
                        metrics.record(Direction::Server, &measured);
                    }
                })
            })
            .collect();
        let scraping = scope.spawn(|| {
            let mut last = 0;
            while !done.load(Relaxed) {
                let seen = total(&metrics, "istio_requests_total");
                assert!(seen >= last, "{seen} after {last}");
                last = seen;
            }
        });
        for thread in counting {
            thread.join().unwrap();
        }
        done.store(true, Relaxed);
        scraping.join().unwrap();
    });
    let all = THREADS * EACH;
    assert_eq!(total(&metrics, "istio_requests_total"), all);
    assert_eq!(total(&metrics, "istio_request_duration_milliseconds"), all);
    assert_eq!(points(&metrics, "istio_requests_total").len(), 7);
    let sums = points(&metrics, "istio_request_bytes").into_iter();
    let sum: f64 = sums
        .map(|point| match point.value {
            Value::Histogram(histogram) => histogram.sum,
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!(sum, (THREADS * (EACH * (EACH - 1) / 2)) as f64);
}

#[test]
fn what_exceeds_the_limit_is_counted_with_unknown_labels() {
    let metrics = Metrics::builder(webapp()).max_series(10).build();
    for host in 0..1_000 {
        let mut measured = answered(200);
        measured.destination = metrics.destination(&format!("host-{host}.example.com"));
        metrics.record(Direction::Client, &measured);
    }
    for code in 0..100 {
        metrics.record(Direction::Server, &answered(200 + code));
        metrics.record(Direction::Server, &answered(200 + code));
    }
    let points = points(&metrics, "istio_requests_total");
    let of = |reporter: &str| {
        let points = points
            .iter()
            .filter(move |point| crate::label(point, "reporter") == reporter);
        points.collect::<Vec<_>>()
    };
    // A quarter of ten hosts, and all others in one series.
    assert_eq!(of("source").len(), 3);
    assert_eq!(of("source").into_iter().map(count).sum::<u64>(), 1_000);
    assert_eq!(of("destination").len(), 11);
    assert_eq!(of("destination").into_iter().map(count).sum::<u64>(), 200);
    let overflow = of("destination")
        .into_iter()
        .find(|point| crate::label(point, "response_code") == "unknown");
    assert_eq!(count(overflow.unwrap()), 180);
    let overflows = crate::points(&metrics, "tower_b3_metrics_overflows_total");
    let overflows: Vec<_> = overflows
        .iter()
        .map(|point| (crate::label(point, "of"), count(point)))
        .collect();
    assert_eq!(
        overflows,
        [
            ("series", 180),
            ("peers", 0),
            ("destinations", 998),
            ("labels", 0)
        ]
    );
}
