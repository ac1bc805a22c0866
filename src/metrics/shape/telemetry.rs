//! `metrics` of Telemetry resources, merged as Istio merges them.

use super::{
    names::METRICS_BY_ENUM,
    plugin_config::{MetricEntry, PluginConfig},
};
use crate::direction::{Direction, PerDirection};
use std::{collections::BTreeMap, time::Duration};

/// An entry of `metrics`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct TelemetryMetrics {
    /// Empty: those of the previous entry, or the mesh's default.
    pub(crate) providers: Vec<String>,
    pub(crate) overrides: Vec<Override>,
    pub(crate) reporting_interval: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Override {
    /// The metric's name without `istio_`. `None` for all standard metrics.
    pub(crate) metric: Option<String>,
    /// `None` for both.
    pub(crate) direction: Option<Direction>,
    pub(crate) disabled: Option<bool>,
    pub(crate) tags: BTreeMap<String, TagOverride>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TagOverride {
    Upsert(String),
    Remove,
}

/// The merged settings of a provider in one direction.
#[derive(Clone, Default)]
struct Merged {
    all_disabled: bool,
    /// By metric.
    overrides: BTreeMap<String, MetricOverride>,
}

#[derive(Clone, Default)]
struct MetricOverride {
    disabled: bool,
    tags: BTreeMap<String, TagOverride>,
}

/// Merges entries in their order: root namespace, namespace, workload. `None` if there are no metrics.
///
/// `default_providers` are those of the mesh, `has_metrics` returns whether a provider is for metrics.
pub(crate) fn merge(
    entries: &[TelemetryMetrics],
    default_providers: &[String],
    has_metrics: impl Fn(&str) -> bool,
) -> PerDirection<Option<PluginConfig>> {
    let named = entries.iter().rev().map(|entry| &entry.providers[..]);
    let mut named = named.filter(|providers| !providers.is_empty());
    let in_use = named.next().unwrap_or(default_providers);
    let Some(provider) = in_use.iter().find(|provider| has_metrics(provider)) else {
        return PerDirection::both(None);
    };
    let mut merged = PerDirection::<Merged>::default();
    let mut reporting_interval = None;
    let mut providers = default_providers;
    for entry in entries {
        if !entry.providers.is_empty() {
            providers = &entry.providers;
        }
        if !providers.contains(provider) {
            continue;
        }
        reporting_interval = entry.reporting_interval.or(reporting_interval);
        for one in &entry.overrides {
            for direction in Direction::BOTH {
                if one.direction.is_none_or(|only| only == direction) {
                    merged.of_mut(direction).apply(one);
                }
            }
        }
    }
    merged.map(|merged| merged.config(reporting_interval))
}

impl Merged {
    fn apply(&mut self, one: &Override) {
        if one.metric.is_none() && one.disabled == Some(true) {
            self.all_disabled = true;
            return;
        }
        // Where an earlier override made Istio remove the filter, this one adds it again with all its metrics.
        self.all_disabled = false;
        let all = METRICS_BY_ENUM.iter().map(|(_, metric)| *metric);
        let metrics: Vec<&str> = match &one.metric {
            Some(metric) => vec![metric],
            None => all.collect(),
        };
        for metric in metrics {
            let merged = self.overrides.entry(metric.to_owned()).or_default();
            merged.disabled = one.disabled.unwrap_or(merged.disabled);
            let tags = one.tags.iter();
            merged
                .tags
                .extend(tags.map(|(name, tag)| (name.clone(), tag.clone())));
        }
    }

    fn config(self, reporting_interval: Option<Duration>) -> Option<PluginConfig> {
        if self.all_disabled {
            return None;
        }
        let metrics = self.overrides.into_iter().map(|(name, merged)| {
            let mut entry = MetricEntry {
                name,
                drop: merged.disabled,
                ..MetricEntry::default()
            };
            for (name, tag) in merged.tags {
                match tag {
                    TagOverride::Remove => entry.tags_to_remove.push(name),
                    TagOverride::Upsert(value) => {
                        entry.dimensions.insert(name, value);
                    }
                }
            }
            entry
        });
        Some(PluginConfig {
            metrics: metrics.collect(),
            reporting_interval,
            ..PluginConfig::default()
        })
    }
}
