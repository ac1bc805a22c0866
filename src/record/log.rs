//! Finished spans, one after the other in a few buffers.
//!
//! A request's thread appends a copy of each span and keeps the record for its next one; the
//! reporter's thread looks at them where they are. So no memory is handed from thread to thread
//! span by span.

use super::{
    Endpoint, SpanRecord,
    buffer::{Fixed, Place, Tag, Window},
};
use std::{mem, sync::Arc};

#[derive(Default)]
pub(crate) struct SpanLog {
    text: String,
    tags: Vec<Tag>,
    annotations: Vec<(u64, Place)>,
    spans: Vec<Logged>,
    /// The services that made the spans: one more each time that the service changes.
    endpoints: Vec<Option<Arc<Endpoint>>>,
    bytes: usize,
}

/// A span, and where its parts end.
struct Logged {
    fixed: Fixed,
    text_end: usize,
    tags_end: usize,
    annotations_end: usize,
    endpoint: usize,
}

impl SpanLog {
    /// The bytes that a span takes in a log.
    pub(crate) fn size_of(span: &SpanRecord) -> usize {
        let record = span.record();
        size_of::<Logged>()
            + record.text().len()
            + size_of_val(record.tags())
            + size_of_val(record.annotations())
    }

    /// The bytes that its spans take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends a copy of a span [of this size](Self::size_of).
    pub(crate) fn push(&mut self, span: &SpanRecord, size: usize) {
        self.bytes += size;
        let record = span.record();
        let endpoint = match (&record.local, &record.sink) {
            (Some(own), _) => Some(own),
            (None, Some(sink)) => Some(&sink.settings().endpoint),
            (None, None) => None,
        };
        if self.endpoints.last().map(pointer) != Some(endpoint.map(Arc::as_ptr)) {
            self.endpoints.push(endpoint.cloned());
        }
        self.text.push_str(record.text());
        self.tags.extend_from_slice(record.tags());
        self.annotations.extend_from_slice(record.annotations());
        self.spans.push(Logged {
            fixed: record.fixed,
            text_end: self.text.len(),
            tags_end: self.tags.len(),
            annotations_end: self.annotations.len(),
            endpoint: self.endpoints.len() - 1,
        });
    }
}

fn pointer(endpoint: &Option<Arc<Endpoint>>) -> Option<*const Endpoint> {
    endpoint.as_ref().map(Arc::as_ptr)
}

/// Goes through the spans of a log.
#[derive(Default)]
pub(crate) struct SpanReader {
    /// Holds the log's buffers, of which it shows one span at a time.
    span: SpanRecord,
    spans: Vec<Logged>,
    endpoints: Vec<Option<Arc<Endpoint>>>,
    /// The number of the span that comes next.
    next: usize,
    /// The bytes that the spans take.
    bytes: usize,
}

impl SpanReader {
    pub(crate) fn is_done(&self) -> bool {
        self.next == self.spans.len()
    }

    /// Takes the spans of a log, and gives it the buffers of those read before in exchange.
    pub(crate) fn take(&mut self, log: &mut SpanLog) {
        self.forget();
        let record = self.span.record_mut();
        record.swap_buffers(&mut log.text, &mut log.tags, &mut log.annotations);
        mem::swap(&mut self.spans, &mut log.spans);
        mem::swap(&mut self.endpoints, &mut log.endpoints);
        mem::swap(&mut self.bytes, &mut log.bytes);
    }

    /// Forgets the spans, and frees their buffers if these have reserved more than `keep` bytes.
    /// Returns the bytes that the spans took.
    pub(crate) fn clear(&mut self, keep: usize) -> usize {
        let bytes = self.bytes;
        let record = self.span.record_mut();
        let reserved = record.reserved() + self.spans.capacity() * size_of::<Logged>();
        if reserved > keep {
            *self = SpanReader::default();
        } else {
            self.forget();
        }
        bytes
    }

    fn forget(&mut self) {
        self.bytes = 0;
        self.span.record_mut().clear_buffers();
        self.spans.clear();
        self.endpoints.clear();
        self.next = 0;
    }

    pub(crate) fn next(&mut self) -> Option<&SpanRecord> {
        let span = self.spans.get(self.next)?;
        let before = self.next.checked_sub(1).map(|at| &self.spans[at]);
        let window = Window {
            text: before.map_or(0, |before| before.text_end)..span.text_end,
            tags: before.map_or(0, |before| before.tags_end)..span.tags_end,
            annotations: before.map_or(0, |before| before.annotations_end)..span.annotations_end,
        };
        self.next += 1;
        let record = self.span.record_mut();
        record.fixed = span.fixed;
        record.window = Some(window);
        record.local.clone_from(&self.endpoints[span.endpoint]);
        Some(&self.span)
    }
}
