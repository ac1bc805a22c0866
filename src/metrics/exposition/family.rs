//! [`Family`]: a metric with all its label sets and values, independent of text formats.

use crate::metrics::exemplar::Exemplar;
use std::sync::Arc;

/// A metric with all its values.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Family {
    /// As in Prometheus, such as `istio_requests_total`.
    pub name: String,
    /// The help text.
    pub help: String,
    /// The type of its values.
    pub kind: Kind,
    /// The values, ordered by their labels.
    pub points: Vec<Point>,
}

/// The type of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Can be set to any value.
    Gauge,
    /// Counts in buckets.
    Histogram,
}

/// Names and values of labels.
pub(super) type Labels = Arc<[(Arc<str>, Arc<str>)]>;

/// One value of a metric, and its labels.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Point {
    /// Names and values, in the order in which Envoy writes them. Metrics with the same labels share them.
    pub labels: Arc<[(Arc<str>, Arc<str>)]>,
    /// The value.
    pub value: Value,
}

/// The value of a metric.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Of a counter.
    Counter {
        /// The count.
        count: u64,
        /// A recent sampled request that was counted.
        exemplar: Option<Exemplar>,
    },
    /// Of a gauge.
    Gauge(f64),
    /// Of a histogram.
    Histogram(HistogramValue),
}

/// The value of a histogram.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HistogramValue {
    /// The inclusive upper bounds of the buckets. One more bucket has no bound.
    pub bounds: Arc<[f64]>,
    /// How many values each bucket has, not cumulative.
    pub counts: Vec<u64>,
    /// The sum of all values.
    pub sum: f64,
    /// A recent sampled request in each bucket. Trailing buckets without one may be left out.
    pub exemplars: Vec<Option<Exemplar>>,
}

impl HistogramValue {
    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Each bound, the last one infinity, with the number of values up to it.
    pub fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> {
        let bounds = self.bounds.iter().copied().chain([f64::INFINITY]);
        let counts = self.counts.iter().scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        });
        bounds.zip(counts)
    }
}

/// One line of the text format.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Sample {
    /// The name of the metric, for histograms with `_bucket`, `_sum` or `_count`.
    pub name: String,
    /// Names and values; of a bucket, the last one is `le`.
    pub labels: Vec<(Arc<str>, Arc<str>)>,
    /// The number.
    pub value: f64,
}

impl Family {
    /// The lines of the text format, for other exporters.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_b3::{Direction, metrics::{Measurement, Metrics, Workload}};
    ///
    /// let metrics = Metrics::builder(Workload::new("webapp")).build();
    /// metrics.record(Direction::Server, &Measurement::new(200, Duration::from_millis(7)));
    /// let families = metrics.families();
    /// let mut samples = families.iter().flat_map(|family| family.samples());
    /// let sum = samples.find(|sample| sample.name == "istio_request_duration_milliseconds_sum");
    /// assert_eq!(sum.map(|sum| sum.value), Some(7.0));
    /// ```
    pub fn samples(&self) -> impl Iterator<Item = Sample> {
        self.points
            .iter()
            .flat_map(|point| point.samples(&self.name))
    }
}

impl Point {
    fn samples(&self, name: &str) -> Vec<Sample> {
        let sample = |suffix: &str, value: f64| Sample {
            name: format!("{name}{suffix}"),
            labels: self.labels.to_vec(),
            value,
        };
        match &self.value {
            Value::Counter { count, .. } => vec![sample("", *count as f64)],
            Value::Gauge(value) => vec![sample("", *value)],
            Value::Histogram(histogram) => {
                let buckets = histogram.cumulative().map(|(bound, count)| {
                    let mut bucket = sample("_bucket", count as f64);
                    let bound = match bound.is_finite() {
                        true => bound.to_string(),
                        false => "+Inf".to_owned(),
                    };
                    bucket.labels.push((Arc::from("le"), Arc::from(bound)));
                    bucket
                });
                let sum = sample("_sum", histogram.sum);
                let count = sample("_count", histogram.count() as f64);
                buckets.chain([sum, count]).collect()
            }
        }
    }
}
