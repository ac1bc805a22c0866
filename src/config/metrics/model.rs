//! [`Metrics`]: what one document says about metrics, and how two are merged.

use super::attribute_filter::{AttributeFilter, in_order};
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
    /// In their order, unless their places say otherwise.
    pub(in crate::config) attribute_filters: PerDirection<Vec<AttributeFilter>>,
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
            attribute_filters: filters_after(self.attribute_filters, other.attribute_filters),
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

    /// The attributes in the order in which they are generated.
    pub(in crate::config) fn attributes(&self) -> PerDirection<Vec<GeneratedAttribute>> {
        PerDirection {
            server: in_order(&self.attribute_filters.server),
            client: in_order(&self.attribute_filters.client),
        }
    }

    /// Replaces the filters that generate attributes by those of these documents, in their order.
    pub(in crate::config) fn set_filters_of<'a>(
        &mut self,
        documents: impl Iterator<Item = &'a Metrics>,
    ) {
        let filters = documents.map(|document| document.attribute_filters.clone());
        self.attribute_filters = filters.fold(PerDirection::default(), |earlier, later| {
            filters_after(later, earlier)
        });
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

fn filters_after(
    later: PerDirection<Vec<AttributeFilter>>,
    earlier: PerDirection<Vec<AttributeFilter>>,
) -> PerDirection<Vec<AttributeFilter>> {
    PerDirection {
        server: appended(earlier.server, later.server),
        client: appended(earlier.client, later.client),
    }
}

/// Whether `prometheus` is there without a value, as in `prometheus:`.
fn has_empty(provider: &Node<'_>) -> bool {
    let entries = provider.entries().unwrap_or_default();
    entries.iter().any(|(name, _)| *name == "prometheus")
}
