//! From the start of a span to the reuse of its buffer.

use super::{
    parts::{BufferedTag, SpanFields, TextRange},
    span_buffer::SpanBuffer,
};
use crate::{
    clock::Moment,
    context::TraceContext,
    record::standard_tag::{StandardTag, StandardTagNames},
};
#[cfg(feature = "batch")]
use std::mem;
use std::time::Duration;

/// Buffers that have grown beyond this, in bytes, are not reused.
pub(super) const MAX_REUSED_BYTES: usize = 16 * 1024;

impl SpanBuffer {
    /// An empty buffer with room for a typical span.
    pub(crate) fn with_room() -> SpanBuffer {
        SpanBuffer {
            text: String::with_capacity(768),
            tags: Vec::with_capacity(24),
            ..SpanBuffer::default()
        }
    }

    /// Starts a span in an empty buffer.
    pub(crate) fn begin(
        &mut self,
        context: TraceContext,
        at: Moment,
        names: &'static StandardTagNames,
        max_tag_length: usize,
    ) {
        self.fields.context = Some(context);
        self.fields.timestamp = at.micros();
        self.fields.standard_names = names;
        self.max_tag_length = max_tag_length;
        self.limited = true;
    }

    /// Ends the span.
    pub(crate) fn end(&mut self, took: Duration) {
        self.fields.duration = took.as_micros() as u64;
        if self.fields.left_out > 0 {
            self.add_standard_number(StandardTag::LeftOut, self.fields.left_out);
        }
        debug_assert!(
            self.fields.may_repeat_names || (0..self.tags.len()).all(|at| self.is_effective(at)),
            "two tags have the same name, though `may_repeat_names` is not set"
        );
    }

    /// Empties the buffers and keeps their memory, unless they have grown too large.
    pub(crate) fn reset(&mut self) {
        self.fields = SpanFields::default();
        self.clear_buffers();
        self.compact_at = 0;
        self.local_endpoint = None;
        if self.reserved_bytes() > MAX_REUSED_BYTES {
            *self = SpanBuffer {
                sink: self.sink.take(),
                ..SpanBuffer::with_room()
            };
        }
    }

    pub(in crate::record) fn clear_buffers(&mut self) {
        self.window = None;
        self.text.clear();
        self.tags.clear();
        self.annotations.clear();
    }

    #[cfg(feature = "batch")]
    pub(in crate::record) fn swap_buffers(
        &mut self,
        text: &mut String,
        tags: &mut Vec<BufferedTag>,
        annotations: &mut Vec<(u64, TextRange)>,
    ) {
        mem::swap(&mut self.text, text);
        mem::swap(&mut self.tags, tags);
        mem::swap(&mut self.annotations, annotations);
    }

    /// The memory that the buffers have reserved.
    pub(in crate::record) fn reserved_bytes(&self) -> usize {
        self.text.capacity()
            + self.tags.capacity() * size_of::<BufferedTag>()
            + self.annotations.capacity() * size_of::<(u64, TextRange)>()
    }
}
