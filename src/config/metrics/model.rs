//! [`Metrics`]: what one document says about metrics, and how two are merged.

use crate::{
    config::node::Node,
    config_error::ConfigError,
    direction::PerDirection,
    metrics::shape::{GeneratedAttribute, PluginConfig, TelemetryMetrics, appended},
    metrics::{Buckets, MetricsShape},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// Is called with the shape of the metrics when it changes.
pub(in crate::config) type MetricsListener = Arc<dyn Fn(MetricsShape) + Send + Sync>;

#[derive(Debug, Clone, PartialEq, Default)]
pub(in crate::config) struct Metrics {
    /// `metrics` of Telemetry resources, the most general first.
    pub(in crate::config) telemetry: Vec<TelemetryMetrics>,
    /// Settings of the stats filter itself.
    pub(in crate::config) stats: PerDirection<PluginConfig>,
    pub(in crate::config) attributes: PerDirection<Vec<GeneratedAttribute>>,
    /// `defaultProviders.metrics` of the mesh.
    pub(in crate::config) default_providers: Option<Vec<String>>,
    /// `extensionProviders` by name in lower case: whether they are for metrics.
    pub(in crate::config) providers: BTreeMap<String, bool>,
    pub(in crate::config) buckets: Buckets,
    pub(in crate::config) eviction_interval: Option<Duration>,
    /// What is set but has no effect, for a log line.
    pub(in crate::config) without_effect: BTreeSet<String>,
}

impl Metrics {
    /// These settings, and the other's where these are unset. Lists are appended to the other's, since
    /// of two entries the later one counts.
    pub(in crate::config) fn over(self, other: Metrics) -> Metrics {
        let mut providers = other.providers;
        providers.extend(self.providers);
        let mut without_effect = other.without_effect;
        without_effect.extend(self.without_effect);
        Metrics {
            telemetry: appended(other.telemetry, self.telemetry),
            stats: PerDirection {
                server: self.stats.server.over(other.stats.server),
                client: self.stats.client.over(other.stats.client),
            },
            attributes: PerDirection {
                server: appended(other.attributes.server, self.attributes.server),
                client: appended(other.attributes.client, self.attributes.client),
            },
            default_providers: self.default_providers.or(other.default_providers),
            providers,
            buckets: if self.buckets.is_empty() {
                other.buckets
            } else {
                self.buckets
            },
            eviction_interval: self.eviction_interval.or(other.eviction_interval),
            without_effect,
        }
    }

    /// What a MeshConfig says.
    pub(in crate::config) fn of_mesh(node: &Node<'_>) -> Result<Metrics, ConfigError> {
        let mut metrics = Metrics::default();
        if let Some(providers) = node.get("extensionProviders") {
            for provider in providers.items()? {
                let name = provider.required("name")?.non_empty_text()?.to_lowercase();
                let is_for_metrics = provider.get("prometheus").is_some() || has_empty(&provider);
                // Of two with the same name Istio takes the first.
                metrics.providers.entry(name).or_insert(is_for_metrics);
            }
        }
        if let Some(defaults) = node.at(&["defaultProviders", "metrics"]) {
            let names = defaults.items()?;
            let names = names.map(|name| name.non_empty_text().map(str::to_owned));
            metrics.default_providers = Some(names.collect::<Result<_, _>>()?);
        }
        if let Some(proxy) = node.get("defaultConfig") {
            metrics.without_effect.extend(super::stats_matcher(&proxy));
        }
        Ok(metrics)
    }
}

/// Whether `prometheus` is there without a value, as in `prometheus:`.
fn has_empty(provider: &Node<'_>) -> bool {
    let entries = provider.entries().unwrap_or_default();
    entries.iter().any(|(name, _)| *name == "prometheus")
}
