//! Applies the shape of a configuration to metrics: when they are built, and later.

use super::{
    builder::MetricsBuilder,
    handle::Metrics,
    naming::Naming,
    plan::Plan,
    shape::MetricsShape,
    store::{Generation, StoreChanges},
};
use crate::direction::Direction;
use std::sync::atomic::Ordering::Relaxed;

impl MetricsBuilder {
    /// Applies the shape of a configuration: the metrics and their labels, the buckets, the expiry of series,
    /// the reporting interval of gRPC messages, and whether the `host` of a request names its service.
    /// [`buckets`](Self::buckets) and [`expire_after`](Self::expire_after) override it.
    ///
    /// `ConfigFile::start` does this for the metrics of its tracer, and reloads the file.
    ///
    /// ```
    /// use tower_b3::{config::TracingConfig, metrics::{Metrics, Workload}};
    ///
    /// let config = TracingConfig::from_yaml(
    ///     "
    /// kind: Pod
    /// metadata:
    ///   name: webapp
    ///   annotations:
    ///     sidecar.istio.io/statsHistogramBuckets: '{\"istiocustom\": [5, 50, 500]}'
    ///     sidecar.istio.io/statsEvictionInterval: 1h
    /// ",
    /// )?;
    /// let metrics = Metrics::builder(Workload::new("webapp"))
    ///     .shape(&config.metrics_shape()?)
    ///     .build();
    /// # let _ = metrics;
    /// # Ok::<(), tower_b3::config::ConfigError>(())
    /// ```
    ///
    /// Istio's configuration is about Istio's metrics: with another [`naming`](Self::naming) it has no
    /// effect, which is logged as a warning.
    #[cfg_attr(docsrs, doc(cfg(feature = "metrics-config")))]
    #[must_use]
    pub fn shape(mut self, shape: &MetricsShape) -> MetricsBuilder {
        self.shape = Some(shape.clone());
        self
    }
}

impl Metrics {
    /// Records the metrics and labels of this shape from now on. Series that are in both keep their
    /// counts.
    ///
    /// Buckets and the expiry of series stay as they were [built](MetricsBuilder::shape). With a
    /// [`Naming`] other than Istio's the shape has no effect, which is logged as a warning, once.
    #[cfg_attr(docsrs, doc(cfg(feature = "metrics-config")))]
    pub fn reshape(&self, shape: &MetricsShape) {
        self.apply(shape, |_| StoreChanges::default());
    }

    /// Like [`reshape`](Self::reshape), with the buckets and the expiry, unless code has set them.
    pub(crate) fn shape_at_start(&self, shape: &MetricsShape) {
        let in_code = self.inner.set_in_code;
        self.apply(shape, |shape| StoreChanges {
            buckets: (!in_code.buckets).then(|| shape.all_buckets().clone()),
            expiry: (!in_code.expiry).then(|| shape.eviction_interval()),
        });
    }

    fn apply(&self, shape: &MetricsShape, changes: impl Fn(&MetricsShape) -> StoreChanges) {
        let naming = self.inner.naming;
        if naming != Naming::Istio {
            if !self.inner.refused_shape.swap(true, Relaxed) {
                tracing::warn!(
                    "metrics: the configuration has no effect, because it is about Istio's metrics, \
                     and these are named by Naming::{naming:?}"
                );
            }
            return;
        }
        for direction in Direction::BOTH {
            self.replace_plan(direction, shape.plan(direction).clone(), changes(shape));
        }
    }

    /// Records by another plan from now on. Series of metrics that stay keep their counts.
    pub(super) fn replace_plan(&self, direction: Direction, plan: Plan, changes: StoreChanges) {
        if plan.value_count > 0 {
            self.inner.peers.keep_metadata();
        }
        let generation = Generation::of_plan(plan, &self.inner.own_labels.all);
        self.inner.stores.of(direction).replace(generation, changes);
    }
}
