//! The settings of Istio's stats filter (`PluginConfig`).

use crate::{
    config::{http_settings::duration, node::Node, tree::Tree},
    config_error::ConfigError,
    metrics::shape::{
        Definition, MetricEntry, MetricKind, PluginConfig, label_name_error, metric_name_error,
        sanitized, share_a_name,
    },
    printable::quoted,
};
use std::collections::{BTreeMap, BTreeSet};

/// Those after `reporter` have had no effect since Istio 1.28, or are gone.
const FIELDS: [&str; 13] = [
    "@type",
    "metrics",
    "definitions",
    "disableHostHeaderFallback",
    "tcpReportingDuration",
    "reporter",
    "rotationInterval",
    "gracefulDeletionInterval",
    "debug",
    "statPrefix",
    "maxPeerCacheSize",
    "fieldSeparator",
    "valueSeparator",
];

/// The prefix of Istio's metrics. Another one has no effect.
const PREFIX: &str = "istio";

/// Reads the settings, and adds what has no effect.
pub(in crate::config) fn read_plugin_config(
    node: &Node<'_>,
    without_effect: &mut BTreeSet<String>,
) -> Result<PluginConfig, ConfigError> {
    node.reject_unknown_fields(&FIELDS)?;
    is_for_waypoints(node)?;
    for name in ["rotationInterval", "gracefulDeletionInterval"] {
        if node.get(name).is_some() {
            without_effect.insert(name.to_owned());
        }
    }
    if let Some(prefix) = node.text_of("statPrefix")?.filter(|text| text != PREFIX) {
        without_effect.insert(format!("statPrefix {}", quoted(&prefix)));
    }
    let metrics = node
        .get("metrics")
        .map(|list| all(&list, metric))
        .transpose()?;
    let definitions = node.get("definitions");
    let definitions = definitions.map(|list| definitions_of(&list)).transpose()?;
    let fallback = node.get("disableHostHeaderFallback");
    let interval = node.get("tcpReportingDuration");
    Ok(PluginConfig {
        metrics: metrics.unwrap_or_default(),
        definitions: definitions.unwrap_or_default(),
        disable_host_header_fallback: fallback.map(|flag| flag.flag_or_text()).transpose()?,
        reporting_interval: interval.map(|interval| duration(&interval)).transpose()?,
    })
}

/// Refuses settings of waypoints for a workload.
pub(in crate::config) fn reject_waypoint_settings(node: &Node<'_>) -> Result<(), ConfigError> {
    match node.get("reporter") {
        Some(reporter) if is_for_waypoints(node)? => {
            Err(reporter.error("SERVER_GATEWAY is for waypoints, not for workloads"))
        }
        _ => Ok(()),
    }
}

fn is_for_waypoints(node: &Node<'_>) -> Result<bool, ConfigError> {
    let words = [("UNSPECIFIED", 0, false), ("SERVER_GATEWAY", 1, true)];
    let reporter = node.get("reporter");
    let is_gateway = reporter.map(|reporter| reporter.word(&words)).transpose()?;
    Ok(is_gateway.unwrap_or(false))
}

fn all<T>(
    list: &Node<'_>,
    read: fn(&Node<'_>) -> Result<T, ConfigError>,
) -> Result<Vec<T>, ConfigError> {
    list.items()?.map(|item| read(&item)).collect()
}

fn metric(node: &Node<'_>) -> Result<MetricEntry, ConfigError> {
    // Istio has never implemented `match`.
    node.reject_unknown_fields(&["name", "dimensions", "tagsToRemove", "drop", "match"])?;
    let mut dimensions = BTreeMap::new();
    if let Some(entries) = node.get("dimensions") {
        for (label, value) in entries.entries()? {
            if let Some(reason) = label_name_error(label) {
                return Err(value.error(reason));
            }
            let text = expression(&value)?;
            if dimensions.insert(label.to_owned(), text).is_some() {
                return Err(value.error("set twice"));
            }
        }
    }
    let mut tags_to_remove = Vec::new();
    if let Some(tags) = node.get("tagsToRemove") {
        for tag in tags.items()? {
            tags_to_remove.push(tag.non_empty_text()?.to_owned());
        }
    }
    let drop = node
        .get("drop")
        .map(|flag| flag.flag_or_text())
        .transpose()?;
    let name = node.text_of("name")?.unwrap_or_default();
    if drop == Some(true) && name.is_empty() {
        return Err(node.error("`drop` needs the `name` of a metric"));
    }
    Ok(MetricEntry {
        name,
        dimensions,
        tags_to_remove,
        drop: drop.unwrap_or(false),
    })
}

/// The definitions, of which none has a name in an exposition that another one has.
fn definitions_of(list: &Node<'_>) -> Result<Vec<Definition>, ConfigError> {
    let mut definitions: Vec<Definition> = Vec::new();
    for item in list.items()? {
        let added = definition(&item)?;
        let exposed = |definition: &Definition| (sanitized(&definition.name), definition.kind);
        let (name, kind) = exposed(&added);
        let overlapping = definitions.iter().find(|other| {
            let (other, other_kind) = exposed(other);
            other != name && share_a_name((&other, other_kind), (&name, kind))
        });
        if let Some(other) = overlapping {
            let other = quoted(&other.name);
            let reason = format!("its names in an exposition overlap with those of {other}");
            return Err(item.required("name")?.error(reason));
        }
        definitions.push(added);
    }
    Ok(definitions)
}

fn definition(node: &Node<'_>) -> Result<Definition, ConfigError> {
    node.reject_unknown_fields(&["name", "value", "type"])?;
    let name = node.required("name")?;
    let text = name.text()?;
    let kind = node.get("type").map(|kind| {
        kind.word(&[
            ("COUNTER", 0, MetricKind::Counter),
            ("GAUGE", 1, MetricKind::Gauge),
            ("HISTOGRAM", 2, MetricKind::Histogram),
        ])
    });
    let kind = kind.transpose()?.unwrap_or(MetricKind::Counter);
    if let Some(reason) = metric_name_error(text, kind) {
        return Err(name.error(reason));
    }
    Ok(Definition {
        name: text.to_owned(),
        value: expression(&node.required("value")?)?,
        kind,
    })
}

/// An expression: a text, or a number or truth value, which YAML reads as such.
pub(in crate::config) fn expression(node: &Node<'_>) -> Result<String, ConfigError> {
    match node.tree() {
        Tree::Number(number) => Ok(number.to_string()),
        Tree::Bool(flag) => Ok(flag.to_string()),
        _ => node.non_empty_text().map(str::to_owned),
    }
}
