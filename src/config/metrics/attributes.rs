//! Settings of Istio's attribute generation (`istio.attributegen`).

use crate::{
    config::{node::Node, tree::Tree},
    config_error::ConfigError,
    metrics::shape::{AttributeMatch, GeneratedAttribute},
};

/// Reads `{ attributes: [ … ] }`.
pub(in crate::config) fn read_attributes(
    node: &Node<'_>,
) -> Result<Vec<GeneratedAttribute>, ConfigError> {
    node.reject_unknown_fields(&["@type", "attributes", "debug"])?;
    let list = node.required("attributes")?;
    list.items()?.map(|item| read_attribute(&item)).collect()
}

fn read_attribute(node: &Node<'_>) -> Result<GeneratedAttribute, ConfigError> {
    node.reject_unknown_fields(&["outputAttribute", "match"])?;
    let name = node.required("outputAttribute")?.non_empty_text()?;
    let matches = match node.get("match") {
        Some(list) => list.items()?.map(|item| read_match(&item)).collect(),
        None => Ok(Vec::new()),
    };
    Ok(GeneratedAttribute {
        name: name.to_owned(),
        matches: matches?,
    })
}

fn read_match(node: &Node<'_>) -> Result<AttributeMatch, ConfigError> {
    node.reject_unknown_fields(&["value", "condition"])?;
    let condition = node.get("condition");
    let condition = condition.map(|condition| match condition.tree() {
        Tree::Bool(flag) => Ok(flag.to_string()),
        _ => condition.text().map(str::to_owned),
    });
    Ok(AttributeMatch {
        value: node.required("value")?.text()?.to_owned(),
        condition: condition.transpose()?.unwrap_or_default(),
    })
}
