//! YAML, and therefore JSON, as [trees](super::tree), in bounded time and memory.

use super::tree::{Budget, Tree, parse_number};
use crate::{config_error::ConfigError, file};
use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use std::collections::{HashMap, HashSet};

/// The longest text that is read, in bytes.
const MAX_TEXT: usize = file::MAX_BYTES;

/// Reads the documents of a text; empty ones are left out.
pub(super) fn parse(text: &str, budget: &mut Budget) -> Result<Vec<Tree>, ConfigError> {
    if text.len() > MAX_TEXT {
        let reason = format!("longer than {} MiB", MAX_TEXT >> 20);
        return Err(ConfigError::general(reason));
    }
    // Some editors leave a byte order mark behind.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder::new(budget);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let place = error.marker();
            error_at(place.line(), place.col(), error.info())
        })?;
        builder
            .take(event)
            .map_err(|reason| error_in(&span, &reason))?;
    }
    Ok(builder.documents)
}

fn error_in(span: &Span, reason: &str) -> ConfigError {
    error_at(span.start.line(), span.start.col(), reason)
}

/// The parser counts columns from 0.
fn error_at(line: usize, column: usize, reason: &str) -> ConfigError {
    ConfigError::general(format!("line {line}, column {}: {reason}", column + 1))
}

const KEY_NOT_TEXT: &str = "a mapping key must be a string";

/// Builds trees from the parser's events.
struct Builder<'b> {
    budget: &'b mut Budget,
    documents: Vec<Tree>,
    /// Lists and mappings that have not ended, each with its anchor.
    open: Vec<(OpenValue, usize)>,
    anchored: HashMap<usize, Tree>,
}

enum OpenValue {
    List(Vec<Tree>),
    Map(OpenMap),
}

#[derive(Default)]
struct OpenMap {
    own: Vec<(String, Tree)>,
    /// What `<<` merges in. The mapping's own entries override it.
    merged: Vec<(String, Tree)>,
    /// The key whose value comes next.
    key: Option<Key>,
}

enum Key {
    Name(String),
    /// `<<`
    Merge,
}

impl<'b> Builder<'b> {
    fn new(budget: &'b mut Budget) -> Builder<'b> {
        Builder {
            budget,
            documents: Vec::new(),
            open: Vec::new(),
            anchored: HashMap::new(),
        }
    }

    fn take(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.budget.spend_value(text.len(), 0)?;
                let is_text =
                    tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                let plain = style == ScalarStyle::Plain;
                if let Some(key) = self.key_wanted() {
                    *key = Some(match text.as_ref() {
                        "<<" if plain => Key::Merge,
                        name => Key::Name(name.to_owned()),
                    });
                    return self.remember(anchor, &Tree::Text(text.into_owned()));
                }
                let value = if plain && !is_text {
                    plain_value(&text)
                } else {
                    Tree::Text(text.into_owned())
                };
                self.value(value, anchor)
            }
            Event::Alias(anchor) => self.alias(anchor),
            Event::SequenceStart(anchor, _) => self.open(OpenValue::List(Vec::new()), anchor),
            Event::MappingStart(anchor, _) => self.open(OpenValue::Map(OpenMap::default()), anchor),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some((OpenValue::List(list), anchor)) => self.value(Tree::List(list), anchor),
                Some((OpenValue::Map(map), anchor)) => self.value(map.end(), anchor),
                None => Ok(()),
            },
            Event::DocumentStart(_) => {
                self.anchored.clear();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn alias(&mut self, anchor: usize) -> Result<(), String> {
        let Some(value) = self.anchored.get(&anchor) else {
            let reason = "the alias is inside of the value that it refers to, or refers to a value \
                of another document";
            return Err(reason.to_owned());
        };
        // Spent before the value is copied.
        self.budget.spend(value.weight())?;
        let value = value.clone();
        if let (Some(key), Tree::Text(name)) = (self.key_wanted(), &value) {
            *key = Some(Key::Name(name.clone()));
            return Ok(());
        }
        self.value(value, 0)
    }

    /// Where the next scalar goes if it is a mapping's key.
    fn key_wanted(&mut self) -> Option<&mut Option<Key>> {
        match self.open.last_mut() {
            Some((OpenValue::Map(map), _)) if map.key.is_none() => Some(&mut map.key),
            _ => None,
        }
    }

    fn open(&mut self, value: OpenValue, anchor: usize) -> Result<(), String> {
        if self.key_wanted().is_some() {
            return Err(KEY_NOT_TEXT.to_owned());
        }
        self.budget.spend_value(0, self.open.len() + 1)?;
        self.open.push((value, anchor));
        Ok(())
    }

    /// Adds a finished value to the list, the mapping or the documents that it belongs to.
    fn value(&mut self, value: Tree, anchor: usize) -> Result<(), String> {
        self.remember(anchor, &value)?;
        match self.open.last_mut() {
            None if value == Tree::Null => {}
            None => self.documents.push(value),
            Some((OpenValue::List(list), _)) => list.push(value),
            Some((OpenValue::Map(map), _)) => match map.key.take() {
                Some(Key::Name(name)) => map.own.push((name, value)),
                Some(Key::Merge) => map.merge(value)?,
                None => return Err(KEY_NOT_TEXT.to_owned()),
            },
        }
        Ok(())
    }

    /// Keeps the value of an anchor for the aliases that refer to it.
    fn remember(&mut self, anchor: usize, value: &Tree) -> Result<(), String> {
        if anchor != 0 {
            self.budget.spend(value.weight())?;
            self.anchored.insert(anchor, value.clone());
        }
        Ok(())
    }
}

impl OpenMap {
    fn merge(&mut self, value: Tree) -> Result<(), String> {
        match value {
            Tree::Map(entries) => self.merged.extend(entries),
            Tree::List(list) => {
                for value in list {
                    self.merge(value)?;
                }
            }
            _ => return Err("`<<` can only merge mappings".to_owned()),
        }
        Ok(())
    }

    fn end(mut self) -> Tree {
        let mut names: HashSet<String> = if self.merged.is_empty() {
            HashSet::new()
        } else {
            self.own.iter().map(|(name, _)| name.clone()).collect()
        };
        for (name, value) in self.merged {
            if names.insert(name.clone()) {
                self.own.push((name, value));
            }
        }
        Tree::Map(self.own)
    }
}

/// A value without quotes, as the core schema of YAML 1.2 defines it.
fn plain_value(text: &str) -> Tree {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Tree::Null,
        "true" | "True" | "TRUE" => Tree::Bool(true),
        "false" | "False" | "FALSE" => Tree::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Tree::Number(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" => Tree::Number(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Tree::Number(f64::NEG_INFINITY),
        _ => match parse_number(text) {
            Some(number) => Tree::Number(number),
            None => Tree::Text(text.to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Tree {
        let mut trees = parse(text, &mut Budget::new()).unwrap();
        assert_eq!(trees.len(), 1, "{trees:?}");
        trees.remove(0)
    }

    fn error(text: &str) -> String {
        parse(text, &mut Budget::new()).unwrap_err().to_string()
    }

    fn map<const N: usize>(entries: [(&str, Tree); N]) -> Tree {
        Tree::Map(entries.map(|(name, value)| (name.to_owned(), value)).into())
    }

    fn text(text: &str) -> Tree {
        Tree::Text(text.to_owned())
    }

    #[test]
    fn plain_values_are_typed_and_quoted_values_are_text() {
        for (yaml, tree) in [
            ("10", Tree::Number(10.0)),
            ("-0.5e1", Tree::Number(-5.0)),
            ("+.5", Tree::Number(0.5)),
            (".inf", Tree::Number(f64::INFINITY)),
            ("inf", text("inf")),
            ("1e", text("1e")),
            ("1.2.3", text("1.2.3")),
            ("True", Tree::Bool(true)),
            ("yes", text("yes")),
            ("\"true\"", text("true")),
            ("'10'", text("10")),
            ("!!str 10", text("10")),
            ("|\n  10\n", text("10\n")),
            ("\u{feff}a", text("a")),
        ] {
            assert_eq!(one(yaml), tree, "{yaml}");
        }
    }

    #[test]
    fn json_is_yaml() {
        let tree = map([
            ("a", Tree::List(vec![Tree::Number(1.0), Tree::Null])),
            ("b", map([("c", text("d\u{e9}\n"))])),
        ]);
        assert_eq!(
            one("{\"a\":[1,null],\n\t\"b\":{\"c\":\"d\\u00e9\\n\"}}"),
            tree
        );
        assert_eq!(one("a: [1, ~]\nb:\n  c: \"d\u{e9}\\n\"\n"), tree);
    }

    #[test]
    fn empty_documents_are_left_out() {
        assert_eq!(parse("", &mut Budget::new()), Ok(vec![]));
        assert_eq!(
            parse("---\n# nothing\n---\n", &mut Budget::new()),
            Ok(vec![])
        );
        let two = parse("---\na\n---\n---\nb\n...\n", &mut Budget::new());
        assert_eq!(two, Ok(vec![text("a"), text("b")]));
    }

    #[test]
    fn aliases_and_merge_keys_are_resolved() {
        assert_eq!(
            one("a: &x { n: 1, m: 2 }\nb: *x\nc: { <<: *x, n: 3 }\nd: &y e\n*y : f"),
            map([
                (
                    "a",
                    map([("n", Tree::Number(1.0)), ("m", Tree::Number(2.0))])
                ),
                (
                    "b",
                    map([("n", Tree::Number(1.0)), ("m", Tree::Number(2.0))])
                ),
                (
                    "c",
                    map([("n", Tree::Number(3.0)), ("m", Tree::Number(2.0)),])
                ),
                ("d", text("e")),
                ("e", text("f")),
            ])
        );
    }

    #[test]
    fn errors_have_a_line_and_a_column() {
        assert_eq!(
            error("a: 1\nb: [1"),
            "line 3, column 1: while parsing a flow sequence, expected ',' or ']'"
        );
        assert_eq!(
            error("a: 1\n[b]: 2"),
            "line 2, column 1: a mapping key must be a string"
        );
        assert_eq!(
            error("a: &x [*x]"),
            "line 1, column 8: the alias is inside of the value that it refers to, or refers to a \
             value of another document"
        );
        assert_eq!(
            error("<<: 1"),
            "line 1, column 5: `<<` can only merge mappings"
        );
    }

    #[test]
    fn length_depth_and_size_are_limited() {
        assert_eq!(error(&" ".repeat(MAX_TEXT + 1)), "longer than 1 MiB");
        let deep = "[".repeat(65);
        assert_eq!(
            error(&deep),
            "line 1, column 65: nested more than 64 levels deep"
        );
        assert_eq!(
            one(&format!("{}{}", "[".repeat(64), "]".repeat(64))).weight(),
            64 * 64
        );
        // A billion laughs.
        let mut laughs = "a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n".to_owned();
        for level in 1..10 {
            let alias = format!("*a{}", level - 1);
            let list = vec![alias; 10].join(", ");
            laughs.push_str(&format!("a{level}: &a{level} [{list}]\n"));
        }
        let error = error(&laughs);
        assert!(
            error.ends_with("more than 16 MiB of values after aliases are resolved"),
            "{error}"
        );
    }
}
