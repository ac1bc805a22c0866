//! [`Node`]: a value and its path. The blocks and documents above read their fields through it, so
//! that every error names the path of the field, what was found and what is allowed.

use super::tree::{Tree, parse_number};
use crate::{
    config_error::ConfigError,
    printable::{self, misleads, quoted},
    sample::Threshold,
};
use std::borrow::Cow;

#[derive(Clone)]
pub(super) struct Node<'a> {
    tree: &'a Tree,
    path: String,
}

impl<'a> Node<'a> {
    pub(super) fn new(tree: &'a Tree, path: impl Into<String>) -> Node<'a> {
        Node {
            tree,
            path: path.into(),
        }
    }

    pub(super) fn tree(&self) -> &'a Tree {
        self.tree
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    pub(super) fn error(&self, reason: impl AsRef<str>) -> ConfigError {
        ConfigError::new(self.path.as_str(), reason)
    }

    /// An error for a value of the wrong type or with an unknown name.
    pub(super) fn expected(&self, expected: &str) -> ConfigError {
        self.error(format!("expected {expected}, found {}", found(self.tree)))
    }

    fn inside(&self, name: &str, tree: &'a Tree) -> Node<'a> {
        let unclear = |letter: char| letter.is_whitespace() || misleads(letter);
        let name = if name.is_empty() || name.contains(unclear) {
            quoted(name)
        } else {
            printable::name(name)
        };
        let path = match self.path.as_str() {
            "" => name.to_string(),
            path => format!("{path}.{name}"),
        };
        Node { tree, path }
    }

    /// The field of this name in camelCase, which may be written in snake_case. `None` if it is
    /// absent or null, or if this is not a mapping.
    pub(super) fn get(&self, name: &str) -> Option<Node<'a>> {
        let Tree::Map(entries) = self.tree else {
            return None;
        };
        let (key, tree) = entries.iter().find(|(key, _)| camel_case(key) == name)?;
        (*tree != Tree::Null).then(|| self.inside(key, tree))
    }

    /// The field of exactly this name.
    pub(super) fn exactly(&self, name: &str) -> Option<Node<'a>> {
        let Tree::Map(entries) = self.tree else {
            return None;
        };
        let (key, tree) = entries.iter().find(|(key, _)| key == name)?;
        (*tree != Tree::Null).then(|| self.inside(key, tree))
    }

    /// As [`get`](Self::get), for a field that must be set.
    pub(super) fn required(&self, name: &str) -> Result<Node<'a>, ConfigError> {
        self.get(name)
            .ok_or_else(|| self.error(format!("missing field `{name}`")))
    }

    /// The field at this path.
    pub(super) fn at(&self, names: &[&str]) -> Option<Node<'a>> {
        names
            .iter()
            .try_fold(self.clone(), |node, name| node.get(name))
    }

    /// Checks that this is a mapping, that it has only known fields, and none of them twice.
    pub(super) fn reject_unknown_fields(&self, known: &[&str]) -> Result<(), ConfigError> {
        let Tree::Map(entries) = self.tree else {
            return Err(self.expected("a mapping"));
        };
        let mut seen: Vec<Cow<'_, str>> = Vec::new();
        for (key, tree) in entries {
            let name = camel_case(key);
            let field = self.inside(key, tree);
            if !known.contains(&name.as_ref()) {
                let known = in_backticks(known);
                return Err(field.error(format!("unknown field; known fields: {known}")));
            }
            if seen.contains(&name) {
                return Err(field.error("set twice"));
            }
            seen.push(name);
        }
        Ok(())
    }

    /// Checks that none of these fields is set twice, here or inside of each other: only one of the
    /// two would count.
    pub(super) fn once(&self, fields: &[&str]) -> Result<(), ConfigError> {
        match self.tree {
            Tree::Map(entries) => {
                let mut seen: Vec<Cow<'_, str>> = Vec::new();
                for (key, tree) in entries {
                    let name = camel_case(key);
                    if !fields.contains(&name.as_ref()) {
                        continue;
                    }
                    let field = self.inside(key, tree);
                    if seen.contains(&name) {
                        return Err(field.error("set twice"));
                    }
                    seen.push(name);
                    field.once(fields)?;
                }
                Ok(())
            }
            Tree::List(_) => self.items()?.try_for_each(|item| item.once(fields)),
            _ => Ok(()),
        }
    }

    /// The entries of a mapping with names of any kind.
    pub(super) fn entries(&self) -> Result<Vec<(&'a str, Node<'a>)>, ConfigError> {
        match self.tree {
            Tree::Map(entries) => Ok(entries
                .iter()
                .map(|(key, tree)| (key.as_str(), self.inside(key, tree)))
                .collect()),
            _ => Err(self.expected("a mapping")),
        }
    }

    pub(super) fn items(&self) -> Result<impl Iterator<Item = Node<'a>> + use<'a>, ConfigError> {
        let Tree::List(list) = self.tree else {
            return Err(self.expected("a list"));
        };
        let path = self.path.clone();
        let item = move |(at, tree)| Node::new(tree, format!("{path}[{at}]"));
        Ok(list.iter().enumerate().map(item))
    }

    pub(super) fn text(&self) -> Result<&'a str, ConfigError> {
        match self.tree {
            Tree::Text(text) => Ok(text),
            Tree::Number(_) | Tree::Bool(_) => Err(self.expected("a string (put it in quotes)")),
            _ => Err(self.expected("a string")),
        }
    }

    pub(super) fn non_empty_text(&self) -> Result<&'a str, ConfigError> {
        match self.text()? {
            "" => Err(self.error("must not be empty")),
            text => Ok(text),
        }
    }

    /// The text of a field, if it is set and not empty.
    pub(super) fn text_of(&self, name: &str) -> Result<Option<String>, ConfigError> {
        let text = self.get(name).map(|field| field.text()).transpose()?;
        Ok(text.filter(|text| !text.is_empty()).map(str::to_owned))
    }

    pub(super) fn flag(&self) -> Result<bool, ConfigError> {
        match self.tree {
            Tree::Bool(flag) => Ok(*flag),
            _ => Err(self.expected("true or false")),
        }
    }

    /// As [`flag`](Self::flag), but also in quotes: Envoy's JSON allows both.
    pub(super) fn flag_or_text(&self) -> Result<bool, ConfigError> {
        match self.tree {
            Tree::Text(text) if text == "true" => Ok(true),
            Tree::Text(text) if text == "false" => Ok(false),
            _ => self.flag(),
        }
    }

    /// A number, also in quotes: the JSON format of protocol buffers allows both.
    fn number(&self) -> Result<f64, ConfigError> {
        match self.tree {
            Tree::Number(value) => Ok(*value),
            Tree::Text(text) => parse_number(text).ok_or_else(|| self.expected("a number")),
            _ => Err(self.expected("a number")),
        }
    }

    pub(super) fn percentage(&self) -> Result<f64, ConfigError> {
        let percent = self.number()?;
        match Threshold::new(percent) {
            Ok(_) => Ok(percent),
            Err(error) => Err(self.error(error.to_string())),
        }
    }

    /// A whole number from `least` to `most`.
    pub(super) fn whole(&self, least: u32, most: u32) -> Result<u32, ConfigError> {
        let value = self.number()?;
        let whole = value.is_sign_positive() && value.fract() == 0.0;
        if whole && (f64::from(least)..=f64::from(most)).contains(&value) {
            Ok(value as u32)
        } else {
            Err(self.error(format!(
                "{value} is not a whole number from {least} to {most}"
            )))
        }
    }

    /// A whole number of 32 bits with a sign.
    #[cfg(feature = "metrics-config")]
    pub(super) fn int32(&self) -> Result<i32, ConfigError> {
        let value = self.number()?;
        let (least, most) = (i32::MIN, i32::MAX);
        if value.fract() == 0.0 && (f64::from(least)..=f64::from(most)).contains(&value) {
            Ok(value as i32)
        } else {
            Err(self.error(format!(
                "{value} is not a whole number from {least} to {most}"
            )))
        }
    }

    /// The length in a field. 0 counts as unset, because protocol buffers cannot tell the two apart.
    pub(super) fn length(&self, name: &str) -> Result<Option<u32>, ConfigError> {
        let length = self.get(name);
        let length = length.map(|length| length.whole(0, u32::MAX)).transpose()?;
        Ok(length.filter(|&length| length != 0))
    }

    /// One of these words, or its number in the protocol buffer's enum.
    pub(super) fn word<T: Copy>(&self, words: &[(&str, u32, T)]) -> Result<T, ConfigError> {
        let known = words.iter().find(|(word, number, _)| match self.tree {
            Tree::Text(text) => text == word,
            Tree::Number(value) => value.is_sign_positive() && *value == f64::from(*number),
            _ => false,
        });
        known.map(|(_, _, value)| *value).ok_or_else(|| {
            let words: Vec<&str> = words.iter().map(|(word, _, _)| *word).collect();
            self.expected(&format!("one of {}", in_backticks(&words)))
        })
    }
}

/// `custom_tags` as `customTags`, by the rules of protocol buffers.
pub(super) fn camel_case(name: &str) -> Cow<'_, str> {
    if !name.contains('_') {
        return Cow::Borrowed(name);
    }
    let mut camel = String::with_capacity(name.len());
    let mut upper = false;
    for letter in name.chars() {
        match letter {
            '_' => upper = true,
            letter if upper => {
                camel.push(letter.to_ascii_uppercase());
                upper = false;
            }
            letter => camel.push(letter),
        }
    }
    Cow::Owned(camel)
}

/// A list of names for an error.
pub(super) fn in_backticks(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}

fn found(tree: &Tree) -> String {
    match tree {
        Tree::Null => "null".to_owned(),
        Tree::Bool(flag) => flag.to_string(),
        Tree::Number(number) => number.to_string(),
        Tree::Text(text) => quoted(text).to_string(),
        Tree::List(_) => "a list".to_owned(),
        Tree::Map(_) => "a mapping".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snake_case_becomes_camel_case() {
        for (snake, camel) in [
            ("sampling", "sampling"),
            ("customTags", "customTags"),
            ("max_path_tag_length", "maxPathTagLength"),
            ("trace_id_128bit", "traceId128bit"),
            ("enable_64bit_trace_id", "enable64bitTraceId"),
        ] {
            assert_eq!(camel_case(snake), camel);
        }
    }
}
