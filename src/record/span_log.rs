//! `SpanLog`: many finished spans, one after the other in a few buffers.
//!
//! A request's thread appends a copy of each span and keeps the record for its next span. The
//! reporter's thread reads the spans in place with a [`SpanReader`]. No memory moves between threads
//! for a single span: freeing a span's buffers on the reporter's thread costs the request's thread
//! more than the copy does.

use super::{
    Endpoint, SpanRecord,
    buffer::{BufferedTag, SpanFields, TextRange, Window},
};
use std::{mem, sync::Arc};

/// Collects spans on a request's thread.
#[derive(Default)]
pub(crate) struct SpanLog {
    text: String,
    tags: Vec<BufferedTag>,
    annotations: Vec<(u64, TextRange)>,
    spans: Vec<LoggedSpan>,
    /// The local endpoints: one more each time that it differs from the span before.
    endpoints: Vec<Option<Arc<Endpoint>>>,
    bytes: usize,
}

/// The fields of a span, and where its other parts end in the buffers.
struct LoggedSpan {
    fields: SpanFields,
    text_end: usize,
    tags_end: usize,
    annotations_end: usize,
    endpoint: usize,
}

impl SpanLog {
    /// The number of bytes that a span takes in a log.
    pub(crate) fn size_of(span: &SpanRecord) -> usize {
        let record = span.record();
        size_of::<LoggedSpan>()
            + record.text().len()
            + size_of_val(record.tags())
            + size_of_val(record.annotations())
    }

    /// The number of bytes that the spans take.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Appends a copy of a span [of this size](Self::size_of).
    pub(crate) fn push(&mut self, span: &SpanRecord, size: usize) {
        self.bytes += size;
        let record = span.record();
        let endpoint = match (&record.local_endpoint, &record.sink) {
            (Some(endpoint), _) => Some(endpoint),
            (None, Some(sink)) => Some(&sink.settings().endpoint),
            (None, None) => None,
        };
        if self.endpoints.last().map(address_of) != Some(endpoint.map(Arc::as_ptr)) {
            self.endpoints.push(endpoint.cloned());
        }
        self.text.push_str(record.text());
        self.tags.extend_from_slice(record.tags());
        self.annotations.extend_from_slice(record.annotations());
        self.spans.push(LoggedSpan {
            fields: record.fields,
            text_end: self.text.len(),
            tags_end: self.tags.len(),
            annotations_end: self.annotations.len(),
            endpoint: self.endpoints.len() - 1,
        });
    }
}

fn address_of(endpoint: &Option<Arc<Endpoint>>) -> Option<*const Endpoint> {
    endpoint.as_ref().map(Arc::as_ptr)
}

/// Reads the spans of a log, on the reporter's thread.
#[derive(Default)]
pub(crate) struct SpanReader {
    /// Holds the log's buffers. One span of them is visible at a time.
    span: SpanRecord,
    spans: Vec<LoggedSpan>,
    endpoints: Vec<Option<Arc<Endpoint>>>,
    /// The index of the next span.
    next: usize,
    /// The number of bytes that the spans take.
    bytes: usize,
}

impl SpanReader {
    pub(crate) fn is_done(&self) -> bool {
        self.next == self.spans.len()
    }

    /// Takes the spans of a log, which gets the empty buffers of the spans that were read before.
    pub(crate) fn take(&mut self, log: &mut SpanLog) {
        self.remove_all();
        let record = self.span.record_mut();
        record.swap_buffers(&mut log.text, &mut log.tags, &mut log.annotations);
        mem::swap(&mut self.spans, &mut log.spans);
        mem::swap(&mut self.endpoints, &mut log.endpoints);
        mem::swap(&mut self.bytes, &mut log.bytes);
    }

    /// Removes the spans, and frees the buffers if they have reserved more than `max_reserved` bytes.
    /// Returns the number of bytes that the spans took.
    pub(crate) fn clear(&mut self, max_reserved: usize) -> usize {
        let bytes = self.bytes;
        let record = self.span.record_mut();
        let reserved = record.reserved_bytes() + self.spans.capacity() * size_of::<LoggedSpan>();
        if reserved > max_reserved {
            *self = SpanReader::default();
        } else {
            self.remove_all();
        }
        bytes
    }

    fn remove_all(&mut self) {
        self.bytes = 0;
        self.span.record_mut().clear_buffers();
        self.spans.clear();
        self.endpoints.clear();
        self.next = 0;
    }

    /// Makes the next span visible.
    pub(crate) fn next(&mut self) -> Option<&SpanRecord> {
        let span = self.spans.get(self.next)?;
        let previous = self.next.checked_sub(1).map(|at| &self.spans[at]);
        let window = Window {
            text: previous.map_or(0, |previous| previous.text_end)..span.text_end,
            tags: previous.map_or(0, |previous| previous.tags_end)..span.tags_end,
            annotations: previous.map_or(0, |previous| previous.annotations_end)
                ..span.annotations_end,
        };
        self.next += 1;
        let record = self.span.record_mut();
        record.fields = span.fields;
        record.window = Some(window);
        record
            .local_endpoint
            .clone_from(&self.endpoints[span.endpoint]);
        Some(&self.span)
    }
}
