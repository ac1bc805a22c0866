//! `Deserialize` for [`TracingConfig`]: as a part of another configuration, in any format that serde
//! supports.

use super::{
    documents::Documents,
    model::TracingConfig,
    tree::{Budget, Tree},
};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Reads the block `tracing` of a ProxyConfig or a Telemetry, or any other document that is
/// recognised. Null is the default.
///
/// ```
/// use tower_b3::{Direction, config::TracingConfig};
///
/// #[derive(serde::Deserialize)]
/// struct Settings {
///     port: u16,
///     tracing: TracingConfig,
/// }
///
/// let settings: Settings = serde_json::from_str(
///     r#"{ "port": 8080, "tracing": { "sampling": 10, "zipkin": { "address": "zipkin:9411" } } }"#,
/// )?;
/// assert_eq!(settings.tracing.sampling(Direction::Server), 10.0);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[cfg_attr(docsrs, doc(cfg(feature = "config")))]
impl<'de> Deserialize<'de> for TracingConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut budget = Budget::new();
        let tree = AnyTree {
            budget: &mut budget,
            depth: 0,
        };
        match tree.deserialize(deserializer)? {
            Tree::Null => Ok(TracingConfig::default()),
            // An empty block is still a block of Istio's, whose defaults then apply.
            Tree::Map(entries) if entries.is_empty() => Ok(TracingConfig {
                istio: true,
                ..TracingConfig::default()
            }),
            tree => Documents::of_tree(&tree, &mut budget)
                .and_then(|documents| documents.all())
                .map_err(Error::custom),
        }
    }
}

/// Reads any value, within the budget.
struct AnyTree<'b> {
    budget: &'b mut Budget,
    depth: usize,
}

impl AnyTree<'_> {
    fn inside(&mut self) -> AnyTree<'_> {
        AnyTree {
            budget: self.budget,
            depth: self.depth + 1,
        }
    }

    fn spend<E: Error>(&mut self, text: &str) -> Result<(), E> {
        self.budget
            .spend_value(text.len(), self.depth)
            .map_err(E::custom)
    }
}

impl<'de> DeserializeSeed<'de> for AnyTree<'_> {
    type Value = Tree;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for AnyTree<'_> {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Istio's tracing configuration")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Number(value as f64))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Number(value as f64))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Tree, E> {
        Ok(Tree::Number(value))
    }

    fn visit_str<E: Error>(mut self, value: &str) -> Result<Tree, E> {
        self.spend(value)?;
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_unit<E: Error>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut access: A) -> Result<Tree, A::Error> {
        self.spend("")?;
        let mut list = Vec::new();
        while let Some(value) = access.next_element_seed(self.inside())? {
            self.spend("")?;
            list.push(value);
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut access: A) -> Result<Tree, A::Error> {
        self.spend("")?;
        let mut map = Vec::new();
        while let Some(key) = access.next_key::<String>()? {
            self.spend(&key)?;
            map.push((key, access.next_value_seed(self.inside())?));
        }
        Ok(Tree::Map(map))
    }
}
