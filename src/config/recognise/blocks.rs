//! Tracing blocks: that of a ProxyConfig and that of a Telemetry are told apart by their fields.

use crate::{
    config::{
        model::TracingConfig,
        node::{Node, camel_case},
        proxy::{self, Proxy},
        telemetry::{self, Telemetry},
        tree::Tree,
    },
    config_error::ConfigError,
    direction::PerDirection,
};

/// Reads `tracing` of a ProxyConfig, `tracing` of a Telemetry, or one entry of the latter.
pub(super) fn read_block(node: &Node<'_>) -> Result<TracingConfig, ConfigError> {
    match node.tree() {
        Tree::List(_) => Telemetry::read_list(node).map(of_telemetry),
        Tree::Map(_) if has_any(node, &fields_of_telemetry_only()) => {
            Telemetry::read(node).map(of_telemetry)
        }
        Tree::Map(_) => Proxy::read(node).map(of_proxy),
        _ => Err(node.expected("a mapping or a list")),
    }
}

/// Whether this is the contents of a block.
pub(super) fn is_block(node: &Node<'_>) -> bool {
    has_any(node, &proxy::FIELDS) || has_any(node, &telemetry::FIELDS)
}

fn fields_of_telemetry_only() -> Vec<&'static str> {
    let fields = telemetry::FIELDS.into_iter();
    fields
        .filter(|field| !proxy::FIELDS.contains(field))
        .collect()
}

/// Whether any of these fields exists, even if it is null.
pub(super) fn has_any(node: &Node<'_>, fields: &[&str]) -> bool {
    match node.tree() {
        Tree::Map(entries) => entries
            .iter()
            .any(|(key, _)| fields.contains(&camel_case(key).as_ref())),
        _ => false,
    }
}

pub(super) fn of_telemetry(telemetry: PerDirection<Telemetry>) -> TracingConfig {
    TracingConfig {
        telemetry,
        ..TracingConfig::default()
    }
}

pub(super) fn of_proxy(proxy: Proxy) -> TracingConfig {
    TracingConfig {
        proxy,
        ..TracingConfig::default()
    }
}
