/// What the request being served says to the sources of tags, in one buffer.
#[derive(Debug, Clone, Default)]
pub(crate) struct FoundTags {
    text: String,
    /// Where each source and each value ends.
    ends: Vec<(usize, usize)>,
}

impl FoundTags {
    pub(crate) fn add(&mut self, source: &str, value: &str) {
        self.text.push_str(source);
        let middle = self.text.len();
        self.text.push_str(value);
        self.ends.push((middle, self.text.len()));
    }

    /// The last value that was added: an inner server layer may have added to an outer one's.
    pub(crate) fn get(&self, source: &str) -> Option<&str> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(_, end)| *end));
        starts
            .zip(&self.ends)
            .filter(|(start, (middle, _))| self.text.get(*start..*middle) == Some(source))
            .last()
            .and_then(|(_, (middle, end))| self.text.get(*middle..*end))
    }

    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    /// Copies `other` into the memory that is there.
    pub(super) fn copy_from(&mut self, other: &FoundTags) {
        self.text.clone_from(&other.text);
        self.ends.clone_from(&other.ends);
    }
}
