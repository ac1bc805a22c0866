//! Istio's filters in an EnvoyFilter: the stats filter and attribute generation, as Wasm filters with
//! their settings in a string, and as filters of their own.

use crate::{
    config::{node::Node, tree::Tree},
    config_error::ConfigError,
    direction::Direction,
};

/// A patch that adds one of Istio's filters.
pub(in crate::config) struct Patch<'a> {
    pub(in crate::config) filter: EnvoyFilter,
    /// Empty for gateways.
    pub(in crate::config) directions: Vec<Direction>,
    pub(in crate::config) settings: Settings<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::config) enum EnvoyFilter {
    Stats,
    Attributes,
}

pub(in crate::config) enum Settings<'a> {
    Node(Node<'a>),
    /// JSON or YAML in a string.
    Text(Node<'a>, &'a str),
    /// None: the defaults.
    Default,
}

impl<'a> Patch<'a> {
    /// The patch, if it adds one of these filters. Other patches are not checked.
    pub(in crate::config) fn of(node: &Node<'a>) -> Result<Option<Patch<'a>>, ConfigError> {
        let Some(value) = node.at(&["patch", "value"]) else {
            return Ok(None);
        };
        let apply_to = node.get("applyTo").and_then(|kind| kind.text().ok());
        let (Some("HTTP_FILTER"), Some(config)) = (apply_to, value.get("typedConfig")) else {
            return Ok(None);
        };
        let name = value.get("name").and_then(|name| name.text().ok());
        let Some((filter, settings)) = filter(&config, name.unwrap_or_default()) else {
            return Ok(None);
        };
        Ok(Some(Patch {
            filter,
            directions: directions(node)?,
            settings,
        }))
    }
}

fn directions(node: &Node<'_>) -> Result<Vec<Direction>, ConfigError> {
    let Some(context) = node.at(&["match", "context"]) else {
        return Ok(Direction::BOTH.into());
    };
    let directions = context.word(&[
        ("ANY", 0, &Direction::BOTH[..]),
        ("SIDECAR_INBOUND", 1, &[Direction::Server]),
        ("SIDECAR_OUTBOUND", 2, &[Direction::Client]),
        ("GATEWAY", 3, &[]),
        ("WAYPOINT", 4, &[]),
    ])?;
    Ok(directions.to_vec())
}

/// Which filter this is, and its settings.
fn filter<'a>(typed: &Node<'a>, name: &str) -> Option<(EnvoyFilter, Settings<'a>)> {
    let (kind, contents) = message(typed)?;
    if kind.ends_with("/stats.PluginConfig") {
        return Some((EnvoyFilter::Stats, Settings::Node(contents)));
    }
    if !kind.ends_with(".filters.http.wasm.v3.Wasm") {
        return None;
    }
    let config = contents.get("config")?;
    let code = config.at(&["vmConfig", "code", "local", "inlineString"]);
    let code = code.and_then(|code| code.text().ok()).unwrap_or_default();
    let is = |plugin: &str, filter: &str| code == plugin || code.is_empty() && name == filter;
    let filter = if is("envoy.wasm.stats", "istio.stats") {
        EnvoyFilter::Stats
    } else if is("envoy.wasm.attributegen", "istio.attributegen") {
        EnvoyFilter::Attributes
    } else {
        return None;
    };
    let Some(settings) = config.get("configuration") else {
        return Some((filter, Settings::Default));
    };
    // A `StringValue`, a `Struct`, or the string itself.
    let settings = match (settings.tree(), settings.get("value")) {
        (Tree::Map(_), Some(value)) => value,
        _ => settings,
    };
    Some(match settings.tree() {
        Tree::Text(text) => (filter, Settings::Text(settings, text)),
        _ => (filter, Settings::Node(settings)),
    })
}

/// The type of a message and its contents, which may be in a `TypedStruct`.
fn message<'a>(typed: &Node<'a>) -> Option<(&'a str, Node<'a>)> {
    let kind = typed.exactly("@type")?.text().ok()?;
    if !kind.ends_with(".TypedStruct") {
        return Some((kind, typed.clone()));
    }
    let kind = typed.get("typeUrl")?.text().ok()?;
    Some((kind, typed.get("value")?))
}
