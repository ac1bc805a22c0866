//! Names and values of tags, for completion.

use super::Store;
use std::collections::BTreeSet;

/// More values than this are no help: the first ones are kept.
const MOST_VALUES: usize = 100;
/// Values with more bytes are texts or URLs, which nobody chooses from a list.
const LONGEST_VALUE: usize = 120;

impl Store {
    /// The names of all tags, sorted.
    pub(crate) fn tag_names(&self) -> Vec<Box<str>> {
        let traces = self.snapshot();
        let spans = traces.iter().flat_map(|trace| trace.spans());
        let names = spans.flat_map(|span| span.tags.iter().map(|(name, _)| &**name));
        let names: BTreeSet<&str> = names.collect();
        names.into_iter().map(Box::from).collect()
    }

    /// Values of a tag, sorted: the first hundred.
    pub(crate) fn tag_values(&self, name: &str) -> Vec<Box<str>> {
        let traces = self.snapshot();
        let spans = traces.iter().flat_map(|trace| trace.spans());
        let mut values: BTreeSet<&str> = BTreeSet::new();
        for value in spans.filter_map(|span| span.tag(name)) {
            if value.len() <= LONGEST_VALUE && values.insert(value) && values.len() > MOST_VALUES {
                values.pop_last();
            }
        }
        values.into_iter().map(Box::from).collect()
    }
}
