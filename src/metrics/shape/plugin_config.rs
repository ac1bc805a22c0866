//! [`PluginConfig`]: the settings of Istio's stats filter, to which all other forms are converted.

use crate::metrics::plan::MetricKind;
use std::{collections::BTreeMap, time::Duration};

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct PluginConfig {
    /// In their order: later ones override earlier ones.
    pub(crate) metrics: Vec<MetricEntry>,
    /// Of two with the same name, the first applies.
    pub(crate) definitions: Vec<Definition>,
    pub(crate) disable_host_header_fallback: Option<bool>,
    /// `tcp_reporting_duration`: how often gRPC messages of an open stream are reported.
    pub(crate) reporting_interval: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct MetricEntry {
    /// Without `istio_`. Empty for all metrics.
    pub(crate) name: String,
    pub(crate) dimensions: BTreeMap<String, String>,
    pub(crate) tags_to_remove: Vec<String>,
    pub(crate) drop: bool,
}

/// A user-defined metric.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Definition {
    /// Without `istio_`.
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) kind: MetricKind,
}

impl PluginConfig {
    /// Merges the settings. These override the other's.
    pub(crate) fn over(self, other: PluginConfig) -> PluginConfig {
        PluginConfig {
            metrics: appended(other.metrics, self.metrics),
            // Of two definitions the first applies.
            definitions: appended(self.definitions, other.definitions),
            disable_host_header_fallback: self
                .disable_host_header_fallback
                .or(other.disable_host_header_fallback),
            reporting_interval: self.reporting_interval.or(other.reporting_interval),
        }
    }
}

/// Appends entries, unless the list already ends with them.
pub(crate) fn appended<T: PartialEq>(mut entries: Vec<T>, later: Vec<T>) -> Vec<T> {
    if !entries.ends_with(&later) {
        entries.extend(later);
    }
    entries
}
