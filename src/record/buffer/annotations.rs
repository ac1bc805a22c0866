//! Adding annotations.

use super::{span_buffer::SpanBuffer, tags::MAX_HANDLER_TAGS};
use crate::text::{cut, is_blank};

impl SpanBuffer {
    /// Adds an event, unless its text is blank.
    pub(crate) fn annotate(&mut self, micros: u64, text: &str) {
        if is_blank(text) {
            return;
        }
        if self.annotations.len() >= self.limit(MAX_HANDLER_TAGS) {
            self.fields.left_out += 1;
            return;
        }
        let text = self.append(cut(text, self.max_tag_length));
        self.annotations.push((micros, text));
    }
}
