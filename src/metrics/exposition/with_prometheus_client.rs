//! [`PrometheusClientCollector`]: the metrics in a registry of `prometheus-client`.

use super::{
    family::{Family, Kind, Point, Value},
    merged::families_of,
};
use crate::metrics::handle::Metrics;
use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet},
    metrics::MetricType,
};
use std::fmt;

/// Exposes [`Metrics`] in a registry of `prometheus-client`, without exemplars: the crate has no way to
/// encode those of other libraries.
///
/// ```
/// use prometheus_client::registry::Registry;
/// use tower_b3::metrics::{Metrics, Workload};
///
/// let metrics = Metrics::builder(Workload::new("webapp").namespace("shop")).build();
/// let mut registry = Registry::default();
/// registry.register_collector(Box::new(metrics.prometheus_client_collector()));
///
/// let mut text = String::new();
/// prometheus_client::encoding::text::encode(&mut text, &registry)?;
/// assert!(text.contains("istio_build"));
/// # Ok::<(), std::fmt::Error>(())
/// ```
#[derive(Debug)]
pub struct PrometheusClientCollector {
    metrics: Vec<Metrics>,
}

impl Metrics {
    /// A collector for a registry of `prometheus-client`.
    pub fn prometheus_client_collector(&self) -> PrometheusClientCollector {
        PrometheusClientCollector {
            metrics: vec![self.clone()],
        }
    }
}

impl PrometheusClientCollector {
    /// Adds other metrics. A second collector in one registry would write each family twice, which the
    /// registry does not detect and Prometheus rejects.
    ///
    /// Metrics of the same name are one family. Series with equal labels are added; of gauges, and of the
    /// counts of reporters, one is exposed.
    ///
    /// ```
    /// use prometheus_client::registry::Registry;
    /// use tower_b3::metrics::{Metrics, Naming, Workload};
    ///
    /// let istio = Metrics::builder(Workload::new("webapp")).build();
    /// let red = Metrics::builder(Workload::new("webapp")).naming(Naming::Red).build();
    /// let mut registry = Registry::default();
    /// registry.register_collector(Box::new(istio.prometheus_client_collector().and(&red)));
    /// ```
    #[must_use]
    pub fn and(mut self, metrics: &Metrics) -> PrometheusClientCollector {
        self.metrics.push(metrics.clone());
        self
    }
}

impl Collector for PrometheusClientCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for family in families_of(&self.metrics) {
            encode_family(&mut encoder, &family)?;
        }
        Ok(())
    }
}

fn encode_family(encoder: &mut DescriptorEncoder<'_>, family: &Family) -> fmt::Result {
    // The crate adds `_total` to every counter. One of another name keeps it as an unknown type.
    let total = family.name.strip_suffix("_total");
    let (name, kind) = match (family.kind, total) {
        (Kind::Counter, Some(name)) => (name, MetricType::Counter),
        (Kind::Counter, None) => (family.name.as_str(), MetricType::Unknown),
        (Kind::Gauge, _) => (family.name.as_str(), MetricType::Gauge),
        (Kind::Histogram, _) => (family.name.as_str(), MetricType::Histogram),
    };
    // The crate does not escape it.
    let help = family.help.escape_default().to_string();
    let mut encoder = encoder.encode_descriptor(name, &help, None, kind)?;
    for point in &family.points {
        encode_point(&mut encoder, point, total.is_some())?;
    }
    Ok(())
}

fn encode_point(encoder: &mut MetricEncoder<'_>, point: &Point, is_total: bool) -> fmt::Result {
    let labels: Vec<(&str, &str)> = point
        .labels
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    let mut encoder = encoder.encode_family(&labels)?;
    match &point.value {
        Value::Counter { count, .. } if is_total => {
            encoder.encode_counter::<NoLabelSet, _, u64>(count, None)
        }
        Value::Counter { count, .. } => encoder.encode_gauge(&(*count as f64)),
        Value::Gauge(value) => encoder.encode_gauge(value),
        Value::Histogram(histogram) => {
            let bounds = histogram.bounds.iter().copied().chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = bounds.zip(histogram.counts.iter().copied()).collect();
            let (sum, count) = (histogram.sum, histogram.count());
            encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
        }
    }
}
