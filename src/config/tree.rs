//! The values that all formats are read into, and how much memory they may take. The other
//! modules of `config` build on it: [`yaml`](super::yaml) and serde build trees, and
//! [`node`](super::node) reads them.

/// The deepest nesting.
pub(super) const MAX_DEPTH: usize = 64;
/// How many bytes all trees of a text may take, roughly, once aliases are resolved.
const MAX_WEIGHT: usize = 16 * 1024 * 1024;
/// What a value takes in addition to its text.
const VALUE_WEIGHT: usize = 64;

/// A value. A mapping keeps the order of its entries, and entries with the same name.
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
    pub(super) fn weight(&self) -> usize {
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

/// What is left to spend on a text, including the texts inside of it (an annotation, a ConfigMap).
pub(super) struct Budget(usize);

impl Budget {
    pub(super) fn new() -> Budget {
        Budget(MAX_WEIGHT)
    }

    pub(super) fn spend(&mut self, weight: usize) -> Result<(), String> {
        match self.0.checked_sub(weight) {
            Some(rest) => {
                self.0 = rest;
                Ok(())
            }
            None => Err(format!(
                "more than {} MiB of values after aliases are resolved",
                MAX_WEIGHT >> 20
            )),
        }
    }

    /// Spends what a value with a text of this length takes, at this depth.
    pub(super) fn spend_value(&mut self, text: usize, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("nested more than {MAX_DEPTH} levels deep"));
        }
        self.spend(VALUE_WEIGHT + text)
    }
}

/// A decimal number.
pub(super) fn parse_number(text: &str) -> Option<f64> {
    // `parse` also takes `inf` and `nan`, which are plain words in YAML.
    let letters =
        text.contains(|letter: char| letter.is_alphabetic() && letter != 'e' && letter != 'E');
    let digits = text.contains(|digit: char| digit.is_ascii_digit());
    (digits && !letters).then(|| text.parse().ok()).flatten()
}
