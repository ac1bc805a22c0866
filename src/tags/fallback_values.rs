/// Values of the request being served, by the source they were read from. CLIENT spans use them for
/// tags whose source the outgoing request does not have.
///
/// One buffer holds all texts, so that a request in the steady state allocates nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct FallbackValues {
    text: String,
    /// For each entry, where its source ends and where its value ends.
    ends: Vec<(usize, usize)>,
}

impl FallbackValues {
    pub(super) fn add(&mut self, source: &str, value: &str) {
        self.text.push_str(source);
        let source_end = self.text.len();
        self.text.push_str(value);
        self.ends.push((source_end, self.text.len()));
    }

    /// The value that was added last: an inner server layer may have added to an outer one's.
    pub(super) fn get(&self, source: &str) -> Option<&str> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end));
        starts
            .zip(&self.ends)
            .filter(|(start, (source_end, _))| self.text.get(*start..*source_end) == Some(source))
            .last()
            .and_then(|(_, (source_end, end))| self.text.get(*source_end..*end))
    }

    pub(crate) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Copies `other` into the memory that is already allocated.
    pub(crate) fn copy_from(&mut self, other: &FallbackValues) {
        self.text.clone_from(&other.text);
        self.ends.clone_from(&other.ends);
    }
}
