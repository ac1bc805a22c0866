//! Reading the visible span, and which of the tags with the same name is effective.

use super::{
    parts::{BufferedTag, TagName, TagRank, TextRange, ValueSource},
    span_buffer::SpanBuffer,
};
use crate::record::TagValue;
use std::cmp::Ordering;

impl SpanBuffer {
    pub(crate) fn max_tag_length(&self) -> usize {
        self.max_tag_length
    }

    pub(crate) fn is_named(&self) -> bool {
        !self.read(self.fields.name).is_empty()
    }

    pub(in crate::record) fn text(&self) -> &str {
        match &self.window {
            Some(window) => &self.text[window.text.clone()],
            None => &self.text,
        }
    }

    pub(in crate::record) fn tags(&self) -> &[BufferedTag] {
        match &self.window {
            Some(window) => &self.tags[window.tags.clone()],
            None => &self.tags,
        }
    }

    pub(in crate::record) fn annotations(&self) -> &[(u64, TextRange)] {
        match &self.window {
            Some(window) => &self.annotations[window.annotations.clone()],
            None => &self.annotations,
        }
    }

    pub(in crate::record) fn read(&self, range: TextRange) -> &str {
        self.text()
            .get(range.start as usize..range.end as usize)
            .unwrap_or_default()
    }

    pub(in crate::record) fn remote_service(&self) -> &str {
        self.read(self.fields.remote_service)
    }

    pub(in crate::record) fn tag_name(&self, tag: &BufferedTag) -> &str {
        match tag.name {
            TagName::Standard(standard) => self.fields.standard_names[standard as usize],
            TagName::InText(length) => self.read(TextRange {
                start: tag.range.start.saturating_sub(length),
                end: tag.range.start,
            }),
        }
    }

    pub(in crate::record) fn tag_value(&self, tag: &BufferedTag) -> TagValue<'_> {
        match (tag.source, self.fields.remote_ip) {
            (ValueSource::Number, _) => TagValue::Number(tag.range.to_number()),
            (ValueSource::RemoteAddress, Some(ip)) => TagValue::Address(ip),
            _ => TagValue::Text(self.read(tag.range)),
        }
    }

    /// Whether no other tag overrides the tag at this index.
    pub(in crate::record) fn is_effective(&self, index: usize) -> bool {
        let tags = self.tags();
        let tag = &tags[index];
        // A handler's tag replaces its earlier tag of the same name, so there is only one.
        if tag.rank == TagRank::Handler {
            return true;
        }
        let name = self.tag_name(tag);
        !tags.iter().enumerate().any(|(other_index, other)| {
            let overrides = match other.rank.cmp(&tag.rank) {
                Ordering::Greater => true,
                Ordering::Less => false,
                Ordering::Equal if tag.rank == TagRank::Custom => other_index < index,
                Ordering::Equal => other_index > index,
            };
            overrides && self.tag_name(other) == name
        })
    }
}
