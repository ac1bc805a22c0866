//! [`PrometheusCollector`]: the metrics in a registry of the `prometheus` crate.

use super::{
    family::{Family, Kind, Point, Value},
    merged::families_of,
};
use crate::metrics::handle::Metrics;
use prometheus::{
    core::{Collector, Desc},
    proto::{Bucket, Counter, Gauge, Histogram, LabelPair, Metric, MetricFamily, MetricType},
};
use std::{collections::HashMap, fmt};

/// Exposes [`Metrics`] in a registry of the `prometheus` crate, without exemplars, which it does not support.
///
/// ```
/// use prometheus::{Encoder, Registry, TextEncoder};
/// use tower_b3::metrics::{Metrics, Workload};
///
/// let metrics = Metrics::builder(Workload::new("webapp").namespace("shop")).build();
/// let registry = Registry::new();
/// registry.register(Box::new(metrics.prometheus_collector()?))?;
///
/// let text = TextEncoder::new().encode_to_string(&registry.gather())?;
/// assert!(text.contains("istio_build"));
/// # Ok::<(), prometheus::Error>(())
/// ```
pub struct PrometheusCollector {
    metrics: Vec<Metrics>,
    /// Identifies the collector in the registry.
    desc: Desc,
}

impl Metrics {
    /// A collector for a registry of the `prometheus` crate.
    ///
    /// # Errors
    ///
    /// None is known: the registry's own type is fallible.
    pub fn prometheus_collector(&self) -> prometheus::Result<PrometheusCollector> {
        let name = "tower_b3_metrics_series".to_owned();
        let help = "Combinations of labels that are counted.".to_owned();
        Ok(PrometheusCollector {
            metrics: vec![self.clone()],
            desc: Desc::new(name, help, Vec::new(), HashMap::new())?,
        })
    }
}

impl PrometheusCollector {
    /// Adds other metrics, because a registry takes one such collector only. Metrics of the same name are
    /// one family. Series with equal labels are added; of gauges, and of the counts of reporters, one is
    /// exposed.
    #[must_use]
    pub fn and(mut self, metrics: &Metrics) -> PrometheusCollector {
        self.metrics.push(metrics.clone());
        self
    }
}

impl Collector for PrometheusCollector {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        families_of(&self.metrics).iter().map(family).collect()
    }
}

impl fmt::Debug for PrometheusCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrometheusCollector")
            .finish_non_exhaustive()
    }
}

fn family(family: &Family) -> MetricFamily {
    let mut out = MetricFamily::default();
    out.set_name(family.name.clone());
    out.set_help(family.help.clone());
    out.set_field_type(match family.kind {
        Kind::Counter => MetricType::COUNTER,
        Kind::Gauge => MetricType::GAUGE,
        Kind::Histogram => MetricType::HISTOGRAM,
    });
    out.set_metric(family.points.iter().map(metric).collect());
    out
}

fn metric(point: &Point) -> Metric {
    let labels = point.labels.iter().map(|(name, value)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_string());
        pair.set_value(value.to_string());
        pair
    });
    let mut out = Metric::from_label(labels.collect());
    match &point.value {
        Value::Counter { count, .. } => {
            let mut counter = Counter::default();
            counter.set_value(*count as f64);
            out.set_counter(counter);
        }
        Value::Gauge(value) => {
            let mut gauge = Gauge::default();
            gauge.set_value(*value);
            out.set_gauge(gauge);
        }
        Value::Histogram(value) => {
            // The encoder adds the last one, as `+Inf`. It would write this one as `inf`.
            let finite = value.cumulative().filter(|(bound, _)| bound.is_finite());
            let buckets = finite.map(|(bound, count)| {
                let mut bucket = Bucket::default();
                bucket.set_upper_bound(bound);
                bucket.set_cumulative_count(count);
                bucket
            });
            let mut histogram = Histogram::default();
            histogram.set_bucket(buckets.collect());
            histogram.set_sample_sum(value.sum);
            histogram.set_sample_count(value.count());
            out.set_histogram(histogram);
        }
    }
    out
}
