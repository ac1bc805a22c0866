//! Adding tags: standard tags, custom tags of the tracer, and tags of the handler.
//!
//! Which tags a request or a response has is decided in [`tags`](mod@crate::tags).

use super::{
    error_tag::{is_error_tag, split_error_tag},
    parts::{BufferedTag, TagName, TagRank, TextRange, ValueSource},
    span_buffer::{MAX_NAME_BYTES, SpanBuffer},
};
use crate::{
    record::standard_tag::StandardTag,
    text::{cut, is_blank},
};
use std::mem;

/// The maximum number of tags, and of annotations, that a handler can add to a span.
pub(super) const MAX_HANDLER_TAGS: usize = 128;

impl SpanBuffer {
    fn has_name(&self, tag: StandardTag) -> bool {
        !self.fields.standard_names[tag as usize].is_empty()
    }

    /// Adds a standard tag, unless its value is empty.
    #[inline]
    pub(crate) fn add_standard(&mut self, tag: StandardTag, value: &str) {
        if self.has_name(tag) && !value.is_empty() {
            let range = self.append(cut(value, self.max_tag_length));
            self.push_standard(tag, ValueSource::Text, range);
        }
    }

    /// Adds a standard tag whose value is the concatenation of these parts.
    pub(crate) fn add_standard_parts(&mut self, tag: StandardTag, parts: &[&str]) {
        if !self.has_name(tag) {
            return;
        }
        let start = self.text.len();
        self.append_parts(parts, self.max_tag_length);
        if self.text.len() > start {
            let range = self.range_from(start);
            self.push_standard(tag, ValueSource::Text, range);
        }
    }

    pub(crate) fn add_standard_number(&mut self, tag: StandardTag, number: u64) {
        if self.has_name(tag) {
            let range = TextRange::from_number(number);
            self.push_standard(tag, ValueSource::Number, range);
        }
    }

    /// Adds a standard tag whose value is the remote endpoint's IP address.
    pub(crate) fn add_remote_address(&mut self, tag: StandardTag) {
        if self.has_name(tag) && self.fields.remote_ip.is_some() {
            self.push_standard(tag, ValueSource::RemoteAddress, TextRange::default());
        }
    }

    /// Adds the standard tag `error`, unless it is there.
    pub(crate) fn mark_failed(&mut self) {
        if !mem::replace(&mut self.fields.has_error_tag, true) {
            self.add_standard(StandardTag::Error, "true");
        }
    }

    /// Adds a custom tag, unless its value is empty.
    pub(crate) fn add_custom(&mut self, name: &str, value: &str) {
        split_error_tag(name, value, |name, value| {
            self.add_named(name, value, TagRank::Custom);
        });
    }

    /// A buffer with only these custom tags, to be [appended](Self::append_tags) to spans with the
    /// same `max_tag_length`.
    pub(crate) fn of_custom_tags<'a>(
        tags: impl IntoIterator<Item = (&'a str, &'a str)>,
        max_tag_length: usize,
    ) -> SpanBuffer {
        let mut buffer = SpanBuffer {
            max_tag_length,
            limited: true,
            ..SpanBuffer::default()
        };
        for (name, value) in tags {
            buffer.add_custom(name, value);
        }
        buffer
    }

    /// Appends all tags of `other` with one copy of its text.
    pub(crate) fn append_tags(&mut self, other: &SpanBuffer) {
        let TextRange { start, .. } = self.append(&other.text);
        self.tags.extend(other.tags.iter().map(|tag| BufferedTag {
            range: tag.range.moved(start),
            ..*tag
        }));
    }

    /// Sets a tag on behalf of the handler, as [`set_handler_tag`](Self::set_handler_tag) does. A
    /// reason in the tag `error` goes into a tag of its own.
    pub(crate) fn set_tag(&mut self, name: &str, value: &str) {
        split_error_tag(name, value, |name, value| self.set_handler_tag(name, value));
    }

    /// Sets a tag of the handler, replacing its earlier tag of the same name. A tag with a blank name
    /// or an empty value is ignored.
    pub(crate) fn set_handler_tag(&mut self, name: &str, value: &str) {
        let name = cut(name, self.limit(MAX_NAME_BYTES));
        if is_blank(name) || value.is_empty() {
            return;
        }
        self.fields.may_repeat_names = true;
        let by_handler = |tag: &&BufferedTag| tag.rank == TagRank::Handler;
        let earlier = self
            .tags
            .iter()
            .position(|tag| tag.rank == TagRank::Handler && self.tag_name(tag) == name);
        let Some(index) = earlier else {
            let is_full =
                self.tags.iter().filter(by_handler).count() >= self.limit(MAX_HANDLER_TAGS);
            if is_full && !is_error_tag(name) {
                self.fields.left_out += 1;
                return;
            }
            return self.add_named(name, value, TagRank::Handler);
        };
        let name_length = name.len() as u32;
        self.remove_if_last(self.tags[index].range.with_prefix(name_length));
        self.tags[index].range = self.append_named(name, value);
        self.compact();
    }

    /// Counts tags that were left out before they came here.
    #[cfg(feature = "tracing-layer")]
    pub(crate) fn count_left_out(&mut self, tags: u64) {
        self.fields.left_out += tags;
    }

    #[cfg(feature = "tracing-layer")]
    pub(crate) fn has_tags(&self) -> bool {
        !self.tags.is_empty()
    }

    /// Copies of the handler's tags whose names are of interest.
    #[cfg(feature = "tracing-layer")]
    pub(crate) fn texts_of_handler_tags(
        &self,
        is_of_interest: impl Fn(&str) -> bool,
    ) -> Vec<(String, String)> {
        let by_handler = self.tags.iter().filter(|tag| tag.rank == TagRank::Handler);
        let texts = by_handler.map(|tag| (self.tag_name(tag), self.read(tag.range)));
        let of_interest = texts.filter(|(name, _)| is_of_interest(name));
        of_interest
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// Removes a tag of the handler.
    #[cfg(feature = "tracing-layer")]
    pub(crate) fn remove_handler_tag(&mut self, name: &str) {
        let is_it = |tag: &BufferedTag| tag.rank == TagRank::Handler && self.tag_name(tag) == name;
        if let Some(index) = self.tags.iter().position(is_it) {
            self.tags.remove(index);
        }
    }

    fn add_named(&mut self, name: &str, value: &str, rank: TagRank) {
        if value.is_empty() {
            return;
        }
        let name = cut(name, self.limit(MAX_NAME_BYTES));
        let range = self.append_named(name, value);
        let length = u32::try_from(name.len()).unwrap_or(u32::MAX);
        self.tags.push(BufferedTag {
            name: TagName::InText(length),
            source: ValueSource::Text,
            rank,
            range,
        });
    }

    /// Appends a name and, directly after it, a value. Returns the range of the value.
    fn append_named(&mut self, name: &str, value: &str) -> TextRange {
        self.text.push_str(name);
        self.append(cut(value, self.max_tag_length))
    }

    #[inline]
    fn push_standard(&mut self, tag: StandardTag, source: ValueSource, range: TextRange) {
        self.tags.push(BufferedTag {
            name: TagName::Standard(tag),
            source,
            rank: TagRank::Standard,
            range,
        });
    }
}
