//! Names, namespaces and labels of documents. Outside of the tracing blocks nothing is an error.

use crate::{
    config::{node::Node, tree::Tree},
    printable,
};
use std::collections::BTreeMap;

/// The text of a field, if it is text.
pub(super) fn text_of<'a>(node: &Node<'a>, name: &str) -> Option<&'a str> {
    node.get(name).and_then(|field| field.text().ok())
}

pub(super) fn namespace(node: &Node<'_>) -> Option<String> {
    let metadata = node.get("metadata")?;
    text_of(&metadata, "namespace").map(str::to_owned)
}

/// Labels as text, whatever their type: leaving one out would make a selector select more.
pub(super) fn labels(node: &Node<'_>) -> BTreeMap<String, String> {
    let entries = node.entries().unwrap_or_default().into_iter();
    let text = |value: Node<'_>| match value.tree() {
        Tree::Text(text) => text.clone(),
        Tree::Number(number) => number.to_string(),
        Tree::Bool(flag) => flag.to_string(),
        _ => String::new(),
    };
    entries
        .map(|(name, value)| (name.to_owned(), text(value)))
        .collect()
}

/// How errors name a document: `document 2, Telemetry istio-system/mesh-default`.
pub(super) fn title(node: &Node<'_>, position: Option<String>) -> String {
    let metadata = node.get("metadata");
    let of = |field| {
        metadata
            .as_ref()
            .and_then(|metadata| text_of(metadata, field))
    };
    let shown = |text| printable::name(text).to_string();
    let mut title = String::new();
    if let Some(kind) = text_of(node, "kind") {
        title.push_str(&shown(kind));
        if let Some(name) = of("name") {
            title.push(' ');
            if let Some(namespace) = of("namespace") {
                title.push_str(&shown(namespace));
                title.push('/');
            }
            title.push_str(&shown(name));
        }
    }
    match position {
        Some(position) if title.is_empty() => position,
        Some(position) => format!("{position}, {title}"),
        None => title,
    }
}
