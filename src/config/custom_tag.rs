//! `customTags` of a Telemetry or a ProxyConfig.

use super::node::{Node, in_backticks};
use crate::{
    config_error::ConfigError,
    printable::quoted,
    tags::{RequestField, Tag, TagFormat, is_variable_name, tag_name_error},
};
use std::collections::BTreeMap;

/// Custom tags by name. Spans get them in this order.
pub(super) type CustomTags = BTreeMap<String, CustomTag>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CustomTag {
    Literal(String),
    Environment {
        name: String,
        default: Option<String>,
    },
    Header {
        name: String,
        default: Option<String>,
    },
    Formatter(String),
}

/// The last one exists only in Telemetry.
const KINDS: [&str; 4] = ["literal", "environment", "header", "formatter"];

impl CustomTag {
    /// Reads a mapping from names to tags.
    pub(super) fn read_all(node: &Node<'_>) -> Result<CustomTags, ConfigError> {
        let mut tags = CustomTags::new();
        for (name, node) in node.entries()? {
            if let Some(reason) = tag_name_error(name) {
                return Err(node.error(reason));
            }
            let tag = CustomTag::read(&node)?;
            if tags.insert(name.to_owned(), tag).is_some() {
                return Err(node.error("set twice"));
            }
        }
        Ok(tags)
    }

    fn read(node: &Node<'_>) -> Result<CustomTag, ConfigError> {
        node.reject_unknown_fields(&KINDS)?;
        let mut set = KINDS
            .into_iter()
            .filter_map(|kind| Some((kind, node.get(kind)?)));
        let (Some((kind, value)), None) = (set.next(), set.next()) else {
            let kinds = match node.get("formatter") {
                Some(_) => &KINDS[..],
                None => &KINDS[..3],
            };
            return Err(node.error(format!("set exactly one of {}", in_backticks(kinds))));
        };
        match kind {
            "literal" => Ok(CustomTag::Literal(value_of(&value)?.to_owned())),
            "environment" => {
                let (name, default) =
                    name_and_default(&value, "environment variable", is_variable_name)?;
                Ok(CustomTag::Environment { name, default })
            }
            "header" => {
                let (name, default) =
                    name_and_default(&value, "header", |name| RequestField::parse(name).is_some())?;
                Ok(CustomTag::Header { name, default })
            }
            _ => {
                let format = value_of(&value)?;
                match TagFormat::parse(format) {
                    Ok(_) => Ok(CustomTag::Formatter(format.to_owned())),
                    Err(error) => Err(value.required("value")?.error(error.to_string())),
                }
            }
        }
    }

    pub(super) fn tag(&self, tag: &str) -> Tag {
        match self {
            CustomTag::Literal(value) => Tag::literal(tag, value),
            CustomTag::Environment { name, default } => {
                with_default(Tag::environment(tag, name), default)
            }
            CustomTag::Header { name, default } => {
                with_default(Tag::request_header(tag, name), default)
            }
            CustomTag::Formatter(format) => Tag::formatter(tag, format),
        }
    }
}

fn with_default(tag: Tag, default: &Option<String>) -> Tag {
    match default {
        Some(value) => tag.default_value(value),
        None => tag,
    }
}

/// Reads `{ value: v }`.
fn value_of<'a>(node: &Node<'a>) -> Result<&'a str, ConfigError> {
    node.reject_unknown_fields(&["value"])?;
    node.required("value")?.non_empty_text()
}

/// Reads `{ name: n, defaultValue: d }`.
fn name_and_default(
    node: &Node<'_>,
    named: &str,
    is_valid: impl FnOnce(&str) -> bool,
) -> Result<(String, Option<String>), ConfigError> {
    node.reject_unknown_fields(&["name", "defaultValue"])?;
    let name = node.required("name")?;
    let text = name.non_empty_text()?;
    if !is_valid(text) {
        let reason = format!("{} is not a valid {named} name", quoted(text));
        return Err(name.error(reason));
    }
    let default = node.get("defaultValue");
    let default = default.map(|default| default.text()).transpose()?;
    Ok((text.to_owned(), default.map(str::to_owned)))
}
