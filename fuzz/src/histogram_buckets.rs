//! Properties of any annotation with buckets.

use std::time::Duration;
use tower_b3::{
    Direction,
    metrics::{Buckets, Measurement, Metrics, Workload},
};

/// Input: the text of the annotation. It is read, or the error says what was found; with what is read, a
/// value is counted once.
pub fn histogram_buckets(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let buckets = match Buckets::from_json(text) {
        Ok(buckets) => buckets,
        Err(error) => {
            let error = error.to_string();
            assert!(error.contains(": expected "), "{error}");
            assert!(error.contains(", found \""), "{error}");
            assert!(!error.contains('\n'), "{error}");
            return;
        }
    };
    let metrics = Metrics::builder(Workload::new("webapp"))
        .buckets(buckets)
        .build();
    metrics.record(
        Direction::Server,
        &Measurement::new(200, Duration::from_millis(7)),
    );
    let counted = "istio_request_duration_milliseconds_count{";
    let text = metrics.text();
    let line = text.lines().find(|line| line.starts_with(counted));
    assert!(line.is_some_and(|line| line.ends_with("} 1")), "{text}");
}
