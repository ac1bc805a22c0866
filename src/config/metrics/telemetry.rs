//! `metrics` of a Telemetry.

use super::plugin_config::expression;
use crate::{
    config::{http_settings::duration, node::Node},
    config_error::ConfigError,
    direction::Direction,
    metrics::shape::{
        METRICS_BY_ENUM, Override, TagOverride, TelemetryMetrics, label_name_error, metric_of_enum,
    },
};
use std::collections::BTreeMap;

/// Reads the list `metrics`.
pub(in crate::config) fn read_telemetry(
    node: &Node<'_>,
) -> Result<Vec<TelemetryMetrics>, ConfigError> {
    node.items()?.map(|entry| read_entry(&entry)).collect()
}

fn read_entry(node: &Node<'_>) -> Result<TelemetryMetrics, ConfigError> {
    node.reject_unknown_fields(&["providers", "overrides", "reportingInterval"])?;
    let mut entry = TelemetryMetrics::default();
    if let Some(providers) = node.get("providers") {
        for provider in providers.items()? {
            provider.reject_unknown_fields(&["name"])?;
            let name = provider.required("name")?.non_empty_text()?;
            entry.providers.push(name.to_owned());
        }
    }
    if let Some(overrides) = node.get("overrides") {
        for one in overrides.items()? {
            entry.overrides.push(read_override(&one)?);
        }
    }
    let interval = node.get("reportingInterval");
    entry.reporting_interval = interval.map(|interval| duration(&interval)).transpose()?;
    Ok(entry)
}

fn read_override(node: &Node<'_>) -> Result<Override, ConfigError> {
    node.reject_unknown_fields(&["match", "disabled", "tagOverrides"])?;
    let selected = node.get("match").map(|selected| read_match(&selected));
    let (metric, direction) = selected.transpose()?.unwrap_or((None, None));
    let disabled = node.get("disabled").map(|flag| flag.flag()).transpose()?;
    let mut tags = BTreeMap::new();
    if let Some(overrides) = node.get("tagOverrides") {
        for (label, tag) in overrides.entries()? {
            if let Some(reason) = label_name_error(label) {
                return Err(tag.error(reason));
            }
            if tags.insert(label.to_owned(), read_tag(&tag)?).is_some() {
                return Err(tag.error("set twice"));
            }
        }
    }
    Ok(Override {
        metric,
        direction,
        disabled,
        tags,
    })
}

/// The metric, unless it is for all, and the direction, unless it is for both.
fn read_match(node: &Node<'_>) -> Result<(Option<String>, Option<Direction>), ConfigError> {
    node.reject_unknown_fields(&["metric", "customMetric", "mode"])?;
    let metric = match (node.get("metric"), node.get("customMetric")) {
        (None, None) => None,
        (Some(metric), None) => {
            let mut words = vec![("ALL_METRICS", 0, None)];
            let metrics = (1..).zip(METRICS_BY_ENUM);
            words.extend(metrics.map(|(number, (word, metric))| (word, number, Some(metric))));
            metric.word(&words)?.map(str::to_owned)
        }
        (None, Some(custom)) => {
            let name = custom.non_empty_text()?;
            // Istio looks up this name among those of its own metrics too.
            Some(metric_of_enum(name).unwrap_or(name).to_owned())
        }
        (Some(_), Some(_)) => {
            return Err(node.error("set only one of `metric`, `customMetric`"));
        }
    };
    let mode = node.get("mode").map(|mode| {
        mode.word(&[
            ("CLIENT_AND_SERVER", 0, None),
            ("CLIENT", 1, Some(Direction::Client)),
            ("SERVER", 2, Some(Direction::Server)),
        ])
    });
    Ok((metric, mode.transpose()?.flatten()))
}

fn read_tag(node: &Node<'_>) -> Result<TagOverride, ConfigError> {
    node.reject_unknown_fields(&["operation", "value"])?;
    let operation = node.get("operation");
    let remove =
        operation.map(|operation| operation.word(&[("UPSERT", 0, false), ("REMOVE", 1, true)]));
    match (remove.transpose()?.unwrap_or(false), node.get("value")) {
        (true, Some(value)) => Err(value.error("must not be set for the operation REMOVE")),
        (true, None) => Ok(TagOverride::Remove),
        (false, _) => expression(&node.required("value")?).map(TagOverride::Upsert),
    }
}
