//! [`MetricsShape`]: the settings of metrics in a configuration.

use super::{
    attribute_generation::GeneratedAttribute,
    build::{no_metrics, plan, remove_conflicting_metrics},
    plugin_config::PluginConfig,
};
use crate::{
    direction::{Direction, PerDirection},
    metrics::{
        Buckets,
        plan::{LabelValue, Plan},
    },
};
use std::time::Duration;

/// The merged settings of the documents.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ShapeSource {
    /// `None` if there are no metrics in this direction.
    pub(crate) stats: PerDirection<Option<PluginConfig>>,
    pub(crate) attributes: PerDirection<Vec<GeneratedAttribute>>,
    pub(crate) buckets: Buckets,
    pub(crate) eviction_interval: Option<Duration>,
}

/// The metrics of both directions by a configuration: which are recorded, their labels, buckets, and the
/// expiry of series. From [`TracingConfig::metrics_shape`](crate::config::TracingConfig::metrics_shape), for
/// [`MetricsBuilder::shape`](crate::metrics::MetricsBuilder::shape) and [`Metrics::reshape`](crate::metrics::Metrics::reshape).
#[derive(Debug, Clone)]
pub struct MetricsShape {
    plans: PerDirection<Plan>,
    buckets: Buckets,
    eviction_interval: Option<Duration>,
}

impl MetricsShape {
    /// The shape, and the settings that have no effect, for log lines.
    pub(crate) fn build(source: &ShapeSource) -> (MetricsShape, Vec<String>) {
        let mut problems = Vec::new();
        let mut of = |direction| match source.stats.of(direction) {
            Some(config) => {
                let (plan, more) = plan(direction, config, source.attributes.of(direction));
                problems.extend(more);
                plan
            }
            None => no_metrics(direction),
        };
        let mut plans = PerDirection {
            server: of(Direction::Server),
            client: of(Direction::Client),
        };
        remove_conflicting_metrics(&plans.server, &mut plans.client, &mut problems);
        let shape = MetricsShape {
            plans,
            buckets: source.buckets.clone(),
            eviction_interval: source.eviction_interval,
        };
        let mut distinct: Vec<String> = Vec::new();
        for problem in problems {
            if !distinct.contains(&problem) {
                distinct.push(problem);
            }
        }
        (shape, distinct)
    }

    /// What the layers of this direction record.
    pub(crate) fn plan(&self, direction: Direction) -> &Plan {
        self.plans.of(direction)
    }

    /// The names of the metrics that the layers of this direction record.
    pub fn metrics(&self, direction: Direction) -> impl Iterator<Item = &str> {
        let metrics = self.plan(direction).metrics.iter();
        metrics.map(|metric| metric.name.as_str())
    }

    /// The names of a metric's labels, in their order. Empty if there is no such metric.
    pub fn labels(&self, direction: Direction, metric: &str) -> impl Iterator<Item = &str> {
        let mut metrics = self.plan(direction).metrics.iter();
        let metric = metrics.find(|plan| plan.name == metric);
        let labels = metric.map_or(&[][..], |metric| &metric.labels);
        labels
            .iter()
            .map(|(name, _): &(String, LabelValue)| name.as_str())
    }

    /// How often the gRPC messages of an open stream are reported. Default: 5 s.
    pub fn reporting_interval(&self, direction: Direction) -> Duration {
        self.plan(direction).reporting_interval
    }

    /// Whether the request's host names the service if nothing else does.
    pub fn host_header_fallback(&self, direction: Direction) -> bool {
        self.plan(direction).host_header_fallback
    }

    /// The bounds of a histogram's buckets, if they are set.
    pub fn buckets(&self, metric: &str) -> Option<&[f64]> {
        self.buckets.bounds(metric)
    }

    /// How long a series is kept after its last use, at least, if it is set.
    pub fn eviction_interval(&self) -> Option<Duration> {
        self.eviction_interval
    }

    pub(in crate::metrics) fn all_buckets(&self) -> &Buckets {
        &self.buckets
    }
}
