use super::{ConfigError, reader::Node};
use crate::tag::{Format, RequestField, Tag, is_variable_name, tag_name_error};
use std::collections::BTreeMap;

/// Custom tags by name, in whose order they are set.
pub(super) type CustomTags = BTreeMap<String, CustomTag>;

/// What one of `customTags` says.
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

const KINDS: [&str; 4] = ["literal", "environment", "header", "formatter"];

impl CustomTag {
    /// The tags of a mapping, by name.
    pub(super) fn read_all(node: &Node<'_>) -> Result<CustomTags, ConfigError> {
        let mut tags = CustomTags::new();
        for (name, node) in node.entries()? {
            if let Some(reason) = tag_name_error(name) {
                return Err(node.error(reason));
            }
            if tags
                .insert(name.to_owned(), CustomTag::read(&node)?)
                .is_some()
            {
                return Err(node.error("set twice"));
            }
        }
        Ok(tags)
    }

    fn read(node: &Node<'_>) -> Result<CustomTag, ConfigError> {
        node.only(&KINDS)?;
        let kinds: Vec<&str> = KINDS
            .into_iter()
            .filter(|kind| node.get(kind).is_some())
            .collect();
        let [kind] = kinds[..] else {
            let number = if kinds.is_empty() { "none" } else { "two" };
            // Only Telemetry has formatters.
            let known = match kinds.contains(&"formatter") {
                true => KINDS.join(", "),
                false => KINDS[..3].join(", "),
            };
            return Err(node.error(format!("{number} of {known}")));
        };
        let Some(node) = node.get(kind) else {
            return Err(node.error("none"));
        };
        match kind {
            "literal" => Ok(CustomTag::Literal(value(&node)?.to_owned())),
            "environment" => {
                let (name, default) = named(&node, |name| {
                    is_variable_name(name.text()?)
                        .then_some(())
                        .ok_or_else(|| name.error("cannot be the name of an environment variable"))
                })?;
                Ok(CustomTag::Environment { name, default })
            }
            "header" => {
                let (name, default) = named(&node, |name| {
                    let place = RequestField::parse(name.text()?);
                    place
                        .map(drop)
                        .ok_or_else(|| name.error("cannot be the name of a header"))
                })?;
                Ok(CustomTag::Header { name, default })
            }
            _ => {
                let format = value(&node)?;
                match Format::parse(format) {
                    Ok(_) => Ok(CustomTag::Formatter(format.to_owned())),
                    Err(error) => match node.get("value") {
                        Some(value) => Err(value.error(error.to_string())),
                        None => Err(node.error(error.to_string())),
                    },
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

/// `{ value: v }`
fn value<'a>(node: &Node<'a>) -> Result<&'a str, ConfigError> {
    node.only(&["value"])?;
    required(node, "value")?.some_text()
}

/// `{ name: n, defaultValue: d }`
fn named(
    node: &Node<'_>,
    check: impl FnOnce(&Node<'_>) -> Result<(), ConfigError>,
) -> Result<(String, Option<String>), ConfigError> {
    node.only(&["name", "defaultValue"])?;
    let name = required(node, "name")?;
    name.some_text()?;
    check(&name)?;
    let default = node.get("defaultValue");
    let default = default.map(|default| default.text()).transpose()?;
    Ok((name.text()?.to_owned(), default.map(str::to_owned)))
}

/// A field that must be there.
pub(super) fn required<'a>(node: &Node<'a>, name: &str) -> Result<Node<'a>, ConfigError> {
    node.get(name)
        .ok_or_else(|| node.error(format!("no {name}")))
}
