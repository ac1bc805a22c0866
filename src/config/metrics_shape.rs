//! From the merged documents to the shape of the metrics.

use super::{file::ConfigFile, metrics::Metrics, model::TracingConfig};
#[cfg(any(feature = "otlp", feature = "zipkin"))]
use crate::tracer::TracerBuilder;
use crate::{
    config_error::ConfigError,
    direction::PerDirection,
    metrics::{
        MetricsShape,
        shape::{PluginConfig, ShapeSource, merge},
    },
    tracer::Tracer,
    user_code::guarded,
};
use std::sync::Arc;

/// Istio's provider of metrics. Since Istio 1.18 it is the mesh's default.
const PROMETHEUS: &str = "prometheus";

impl TracingConfig {
    /// The metrics as the configuration shapes them: by `metrics` of Telemetry resources, by
    /// `configOverride` of an IstioOperator, and by EnvoyFilters, WasmPlugins and annotations. Without
    /// any of them, these are Istio's standard metrics.
    ///
    /// ```
    /// use tower_b3::{Direction, config::TracingConfig};
    ///
    /// let config = TracingConfig::from_yaml(
    ///     "
    /// apiVersion: telemetry.istio.io/v1
    /// kind: Telemetry
    /// metadata: { name: by-method, namespace: istio-system }
    /// spec:
    ///   metrics:
    ///   - providers: [ { name: prometheus } ]
    ///     overrides:
    ///     - match: { metric: REQUEST_COUNT, mode: SERVER }
    ///       tagOverrides:
    ///         request_method: { value: request.method }
    /// ",
    /// )?;
    /// let shape = config.metrics_shape()?;
    /// let last = shape.labels(Direction::Server, "istio_requests_total").last();
    /// assert_eq!(last, Some("request_method"));
    /// # Ok::<(), tower_b3::config::ConfigError>(())
    /// ```
    ///
    /// What Istio accepts although it has no effect, such as an expression that is not CEL, is logged
    /// as a warning.
    ///
    /// # Errors
    ///
    /// Something has no effect, and the configuration is [`strict`](Self::strict).
    #[cfg_attr(docsrs, doc(cfg(feature = "metrics-config")))]
    pub fn metrics_shape(&self) -> Result<MetricsShape, ConfigError> {
        let (shape, problems) = MetricsShape::build(&self.metrics.source());
        match problems.first() {
            Some(problem) if self.strict => {
                return Err(ConfigError::general(format!("metrics: {problem}")));
            }
            _ => {}
        }
        for problem in problems {
            tracing::warn!("metrics: {problem}");
        }
        if !self.metrics.without_effect.is_empty() {
            let names: Vec<&str> = self
                .metrics
                .without_effect
                .iter()
                .map(String::as_str)
                .collect();
            let names = names.join(", ");
            tracing::info!("metrics: settings of Envoy without effect: {names}");
        }
        Ok(shape)
    }
}

impl ConfigFile {
    /// As [`TracingConfig::metrics_shape`], for the file as it was last read.
    ///
    /// # Errors
    ///
    /// Those of [`TracingConfig::metrics_shape`]. The error names the file.
    #[cfg_attr(docsrs, doc(cfg(feature = "metrics-config")))]
    pub fn metrics_shape(&self) -> Result<MetricsShape, ConfigError> {
        let shape = self.config().metrics_shape();
        shape.map_err(|error| error.in_file(self.path()))
    }
}

impl ConfigFile {
    /// Calls this with the new shape of the metrics when a change of the file changes it, on the thread
    /// that [watches](Self::watch) the file. The metrics of the tracer have their new shape already: this
    /// is for others.
    #[cfg_attr(docsrs, doc(cfg(feature = "metrics-config")))]
    #[must_use]
    pub fn on_metrics_change(
        mut self,
        listener: impl Fn(MetricsShape) + Send + Sync + 'static,
    ) -> ConfigFile {
        self.metrics_listener = Some(Arc::new(listener));
        self
    }

    /// The shape of the changed file's metrics, if it is not that of this one and somebody uses it.
    pub(super) fn changed_shape(
        &self,
        changed: &ConfigFile,
        tracer: &Tracer,
    ) -> Result<Option<MetricsShape>, ConfigError> {
        let same = self.config().metrics == changed.config().metrics;
        if same || !self.shapes_metrics(tracer) {
            return Ok(None);
        }
        changed.metrics_shape().map(Some)
    }

    /// Whether a change of the shape concerns somebody.
    pub(super) fn shapes_metrics(&self, tracer: &Tracer) -> bool {
        self.metrics_listener.is_some() || !tracer.inner.metrics.is_empty()
    }

    /// Gives the new shape to the tracer's metrics and to the listener.
    pub(super) fn reshape(&self, tracer: &Tracer, shape: MetricsShape) {
        for metrics in &tracer.inner.metrics {
            metrics.reshape(&shape);
        }
        if let Some(listener) = &self.metrics_listener {
            guarded(|| listener(shape));
        }
    }
}

#[cfg(any(feature = "otlp", feature = "zipkin"))]
impl TracingConfig {
    /// Gives the builder's metrics their shape, if there are any and the configuration says something
    /// about them.
    pub(super) fn shape_metrics(&self, builder: &TracerBuilder) -> Result<(), ConfigError> {
        let all = builder.counting();
        if all.is_empty() || self.metrics == Metrics::default() {
            return Ok(());
        }
        let shape = self.metrics_shape()?;
        for metrics in all {
            metrics.shape_at_start(&shape);
        }
        Ok(())
    }
}

impl Metrics {
    fn source(&self) -> ShapeSource {
        let default = || vec![PROMETHEUS.to_owned()];
        let defaults = self.default_providers.clone().unwrap_or_else(default);
        let has_metrics = |name: &str| {
            let configured = self.providers.get(&name.to_lowercase());
            configured.copied().unwrap_or(name == PROMETHEUS)
        };
        let telemetry = merge(&self.telemetry, &defaults, has_metrics);
        let stats = |telemetry: Option<PluginConfig>, stats: &PluginConfig| {
            telemetry.map(|telemetry| telemetry.over(stats.clone()))
        };
        ShapeSource {
            stats: PerDirection {
                server: stats(telemetry.server, &self.stats.server),
                client: stats(telemetry.client, &self.stats.client),
            },
            attributes: self.attributes(),
            buckets: self.buckets.clone(),
            eviction_interval: self.eviction_interval,
        }
    }
}
