//! YAML and JSON as one kind of tree, in bounded time and memory.

use super::ConfigError;
use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use std::collections::{HashMap, HashSet};

/// The longest text that is read, in bytes.
const MOST_TEXT: usize = crate::file::MAX_BYTES;
/// The deepest nesting.
const MOST_DEPTH: usize = 64;
/// What all trees of one text may take once aliases are followed, in bytes, roughly.
const MOST_WEIGHT: usize = 16 * 1024 * 1024;
/// What a value takes besides its text.
const VALUE_WEIGHT: usize = 64;

/// A value. A mapping keeps the order of its entries, and entries of one name.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Tree {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Tree>),
    Map(Vec<(String, Tree)>),
}

impl Tree {
    fn weight(&self) -> usize {
        let inside: usize = match self {
            Tree::Null | Tree::Bool(_) | Tree::Number(_) => 0,
            Tree::Text(text) => text.len(),
            Tree::List(list) => list.iter().map(Tree::weight).sum(),
            Tree::Map(map) => {
                let entry = |(key, value): &(String, Tree)| key.len() + value.weight();
                map.iter().map(entry).sum()
            }
        };
        VALUE_WEIGHT + inside
    }
}

/// What is left to spend on a text, those inside it included.
pub(super) struct Budget(usize);

impl Budget {
    pub(super) fn new() -> Budget {
        Budget(MOST_WEIGHT)
    }

    pub(super) fn spend(&mut self, weight: usize) -> Result<(), String> {
        match self.0.checked_sub(weight) {
            Some(rest) => {
                self.0 = rest;
                Ok(())
            }
            None => Err(format!(
                "more than {} MiB of values, aliases followed",
                MOST_WEIGHT >> 20
            )),
        }
    }

    /// For a value that others give, at this depth.
    pub(super) fn value(&mut self, text: usize, depth: usize) -> Result<(), String> {
        if depth > MOST_DEPTH {
            return Err(too_deep());
        }
        self.spend(VALUE_WEIGHT + text)
    }
}

fn too_deep() -> String {
    format!("nested more than {MOST_DEPTH} deep")
}

/// The documents of a text of YAML, of which JSON is a part; empty ones are left out.
pub(super) fn parse(text: &str, budget: &mut Budget) -> Result<Vec<Tree>, ConfigError> {
    check_length(text.len())?;
    // A mark of the order of bytes, which editors leave behind.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder::new(budget);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let place = error.marker();
            at(place.line(), place.col(), error.info())
        })?;
        builder
            .take(event)
            .map_err(|reason| located(&span, &reason))?;
    }
    Ok(builder.documents)
}

fn check_length(bytes: usize) -> Result<(), ConfigError> {
    match bytes > MOST_TEXT {
        true => Err(ConfigError::new(
            "",
            format!("longer than {} MiB", MOST_TEXT >> 20),
        )),
        false => Ok(()),
    }
}

fn located(span: &Span, reason: &str) -> ConfigError {
    at(span.start.line(), span.start.col(), reason)
}

/// Columns are counted from 0 by the parser.
fn at(line: usize, column: usize, reason: &str) -> ConfigError {
    ConfigError::new("", format!("line {line}, column {}: {reason}", column + 1))
}

/// Puts trees together from the parser's events.
struct Builder<'b> {
    budget: &'b mut Budget,
    documents: Vec<Tree>,
    /// Lists and mappings that have not ended, each with its anchor.
    open: Vec<(Open, usize)>,
    anchored: HashMap<usize, Tree>,
}

enum Open {
    List(Vec<Tree>),
    Map(Entries),
}

#[derive(Default)]
struct Entries {
    own: Vec<(String, Tree)>,
    /// What is merged in, over which the mapping's own entries stand.
    merged: Vec<(String, Tree)>,
    /// The key whose value comes next.
    key: Option<Key>,
}

enum Key {
    Name(String),
    /// `<<`: what is merged in.
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
                self.budget.spend(VALUE_WEIGHT + text.len())?;
                let is_text =
                    tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                if let Some((
                    Open::Map(Entries {
                        key: key @ None, ..
                    }),
                    _,
                )) = self.open.last_mut()
                {
                    *key = Some(match text.as_ref() {
                        "<<" if style == ScalarStyle::Plain => Key::Merge,
                        name => Key::Name(name.to_owned()),
                    });
                    return self.keep(anchor, &Tree::Text(text.into_owned()));
                }
                let value = match style {
                    ScalarStyle::Plain if !is_text => plain(&text),
                    _ => Tree::Text(text.into_owned()),
                };
                self.value(value, anchor)
            }
            Event::Alias(anchor) => {
                let Some(value) = self.anchored.get(&anchor) else {
                    let reason = "an alias inside of what it stands for, or of another document's";
                    return Err(reason.to_owned());
                };
                // Paid for before it is copied.
                self.budget.spend(value.weight())?;
                let value = value.clone();
                if let (
                    Some((
                        Open::Map(Entries {
                            key: key @ None, ..
                        }),
                        _,
                    )),
                    Tree::Text(name),
                ) = (self.open.last_mut(), &value)
                {
                    *key = Some(Key::Name(name.clone()));
                    return Ok(());
                }
                self.value(value, 0)
            }
            Event::SequenceStart(anchor, _) => self.open(Open::List(Vec::new()), anchor),
            Event::MappingStart(anchor, _) => self.open(Open::Map(Entries::default()), anchor),
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some((Open::List(list), anchor)) => self.value(Tree::List(list), anchor),
                Some((Open::Map(entries), anchor)) => self.value(entries.end(), anchor),
                None => Ok(()),
            },
            Event::DocumentStart(_) => {
                self.anchored.clear();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
        }
    }

    fn open(&mut self, open: Open, anchor: usize) -> Result<(), String> {
        if let Some((Open::Map(Entries { key: None, .. }), _)) = self.open.last() {
            return Err("a key that is not text".to_owned());
        }
        self.budget.value(0, self.open.len() + 1)?;
        self.open.push((open, anchor));
        Ok(())
    }

    /// Puts a value where it belongs.
    fn value(&mut self, value: Tree, anchor: usize) -> Result<(), String> {
        self.keep(anchor, &value)?;
        match self.open.last_mut() {
            None if value == Tree::Null => {}
            None => self.documents.push(value),
            Some((Open::List(list), _)) => list.push(value),
            Some((Open::Map(entries), _)) => match entries.key.take() {
                Some(Key::Name(name)) => entries.own.push((name, value)),
                Some(Key::Merge) => entries.merge(value)?,
                None => return Err("a key that is not text".to_owned()),
            },
        }
        Ok(())
    }

    /// Remembers what an alias may stand for.
    fn keep(&mut self, anchor: usize, value: &Tree) -> Result<(), String> {
        if anchor != 0 {
            self.budget.spend(value.weight())?;
            self.anchored.insert(anchor, value.clone());
        }
        Ok(())
    }
}

impl Entries {
    fn merge(&mut self, value: Tree) -> Result<(), String> {
        match value {
            Tree::Map(entries) => self.merged.extend(entries),
            Tree::List(list) => {
                for value in list {
                    self.merge(value)?;
                }
            }
            _ => return Err("<<: not a mapping".to_owned()),
        }
        Ok(())
    }

    fn end(mut self) -> Tree {
        let mut names: HashSet<String> = match self.merged.is_empty() {
            true => HashSet::new(),
            false => self.own.iter().map(|(name, _)| name.clone()).collect(),
        };
        for (name, value) in self.merged {
            if names.insert(name.clone()) {
                self.own.push((name, value));
            }
        }
        Tree::Map(self.own)
    }
}

/// A value without quotes, as the core schema of YAML 1.2 has it.
fn plain(text: &str) -> Tree {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Tree::Null,
        "true" | "True" | "TRUE" => Tree::Bool(true),
        "false" | "False" | "FALSE" => Tree::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Tree::Number(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" => Tree::Number(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Tree::Number(f64::NEG_INFINITY),
        _ => match number(text) {
            Some(number) => Tree::Number(number),
            None => Tree::Text(text.to_owned()),
        },
    }
}

/// A decimal number.
pub(super) fn number(text: &str) -> Option<f64> {
    // `inf` and `nan` are words in YAML.
    let letters =
        text.contains(|letter: char| letter.is_alphabetic() && letter != 'e' && letter != 'E');
    let digits = text.contains(|digit: char| digit.is_ascii_digit());
    (digits && !letters).then(|| text.parse().ok()).flatten()
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
    fn plain_values_have_types_and_quoted_ones_are_text() {
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
    fn empty_documents_are_none() {
        assert_eq!(parse("", &mut Budget::new()), Ok(vec![]));
        assert_eq!(
            parse("---\n# nothing\n---\n", &mut Budget::new()),
            Ok(vec![])
        );
        let two = parse("---\na\n---\n---\nb\n...\n", &mut Budget::new());
        assert_eq!(two, Ok(vec![text("a"), text("b")]));
    }

    #[test]
    fn aliases_and_merges_are_followed() {
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
    fn errors_say_where() {
        assert_eq!(
            error("a: 1\nb: [1"),
            "line 3, column 1: while parsing a flow sequence, expected ',' or ']'"
        );
        assert_eq!(
            error("a: 1\n[b]: 2"),
            "line 2, column 1: a key that is not text"
        );
        assert_eq!(
            error("a: &x [*x]"),
            "line 1, column 8: an alias inside of what it stands for, or of another document's"
        );
        assert_eq!(error("<<: 1"), "line 1, column 5: <<: not a mapping");
    }

    #[test]
    fn nothing_takes_too_much() {
        assert_eq!(error(&" ".repeat(MOST_TEXT + 1)), "longer than 1 MiB");
        let deep = "[".repeat(65);
        assert_eq!(error(&deep), "line 1, column 65: nested more than 64 deep");
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
            error.ends_with("more than 16 MiB of values, aliases followed"),
            "{error}"
        );
    }
}
