//! Reading a tree field by field, so that an error names the path of what is wrong.

use super::{
    ConfigError,
    tree::{Tree, number},
};
use crate::printable::{self, misleads, quoted};
use std::borrow::Cow;

/// A value and its path.
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

    fn wrong(&self, expected: &str) -> ConfigError {
        self.error(format!("{}, not {expected}", shown(self.tree)))
    }

    fn inside(&self, name: &str, tree: &'a Tree) -> Node<'a> {
        let unclear = |letter: char| letter.is_whitespace() || misleads(letter);
        let name = match name.is_empty() || name.contains(unclear) {
            true => quoted(name),
            false => printable::name(name),
        };
        let path = match self.path.as_str() {
            "" => name.to_string(),
            path => format!("{path}.{name}"),
        };
        Node { tree, path }
    }

    /// The field of this name in camelCase, be it written so or in snake_case; `None` where it is
    /// absent or null, or this is no mapping.
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

    /// The field at the end of these names.
    pub(super) fn at(&self, names: &[&str]) -> Option<Node<'a>> {
        names
            .iter()
            .try_fold(self.clone(), |node, name| node.get(name))
    }

    /// Makes sure that this is a mapping of these fields and no others, each once.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), ConfigError> {
        let Tree::Map(entries) = self.tree else {
            return Err(self.wrong("a mapping"));
        };
        let mut seen: Vec<Cow<'_, str>> = Vec::new();
        for (key, tree) in entries {
            let name = camel_case(key);
            let field = self.inside(key, tree);
            if !known.contains(&name.as_ref()) {
                let known = known.join(", ");
                return Err(field.error(format!("no such field; there are {known}")));
            }
            if seen.contains(&name) {
                return Err(field.error("set twice"));
            }
            seen.push(name);
        }
        Ok(())
    }

    /// Makes sure that none of these fields, in one another, is set twice: only one would count.
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

    /// The entries of a mapping whose names are anybody's.
    pub(super) fn entries(&self) -> Result<Vec<(&'a str, Node<'a>)>, ConfigError> {
        match self.tree {
            Tree::Map(entries) => Ok(entries
                .iter()
                .map(|(key, tree)| (key.as_str(), self.inside(key, tree)))
                .collect()),
            _ => Err(self.wrong("a mapping")),
        }
    }

    pub(super) fn items(&self) -> Result<impl Iterator<Item = Node<'a>> + use<'a>, ConfigError> {
        let Tree::List(list) = self.tree else {
            return Err(self.wrong("a list"));
        };
        let path = self.path.clone();
        let item = move |(at, tree)| Node::new(tree, format!("{path}[{at}]"));
        Ok(list.iter().enumerate().map(item))
    }

    pub(super) fn text(&self) -> Result<&'a str, ConfigError> {
        match self.tree {
            Tree::Text(text) => Ok(text),
            Tree::Number(_) | Tree::Bool(_) => Err(self.wrong("text: put it in quotes")),
            _ => Err(self.wrong("text")),
        }
    }

    /// Text that is not empty.
    pub(super) fn some_text(&self) -> Result<&'a str, ConfigError> {
        match self.text()? {
            "" => Err(self.error("empty")),
            text => Ok(text),
        }
    }

    /// The text of a field, if it is there and not empty.
    pub(super) fn text_of(&self, name: &str) -> Result<Option<String>, ConfigError> {
        let text = self.get(name).map(|field| field.text()).transpose()?;
        Ok(text.filter(|text| !text.is_empty()).map(str::to_owned))
    }

    pub(super) fn flag(&self) -> Result<bool, ConfigError> {
        match self.tree {
            Tree::Bool(flag) => Ok(*flag),
            _ => Err(self.wrong("true or false")),
        }
    }

    /// As Envoy reads JSON: in quotes too.
    pub(super) fn flag_or_text(&self) -> Result<bool, ConfigError> {
        match self.tree {
            Tree::Text(text) if text == "true" => Ok(true),
            Tree::Text(text) if text == "false" => Ok(false),
            _ => self.flag(),
        }
    }

    /// A number, in quotes too, as protocol buffers have it in JSON.
    fn number(&self) -> Result<f64, ConfigError> {
        match self.tree {
            Tree::Number(value) => Ok(*value),
            Tree::Text(text) => number(text).ok_or_else(|| self.wrong("a number")),
            _ => Err(self.wrong("a number")),
        }
    }

    pub(super) fn percentage(&self) -> Result<f64, ConfigError> {
        let percent = self.number()?;
        match crate::sample::Threshold::new(percent) {
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

    /// One of these words, or its number.
    pub(super) fn word<T: Copy>(&self, words: &[(&str, u32, T)]) -> Result<T, ConfigError> {
        let meant = words.iter().find(|(word, number, _)| match self.tree {
            Tree::Text(text) => text == word,
            Tree::Number(value) => value.is_sign_positive() && *value == f64::from(*number),
            _ => false,
        });
        meant.map(|(_, _, value)| *value).ok_or_else(|| {
            let words: Vec<&str> = words.iter().map(|(word, _, _)| *word).collect();
            self.wrong(&format!("one of {}", words.join(", ")))
        })
    }
}

/// `custom_tags` as `customTags`: how protocol buffers turn one into the other.
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

fn shown(tree: &Tree) -> String {
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
    fn snake_case_is_camel_case() {
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
