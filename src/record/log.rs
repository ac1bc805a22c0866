//! Finished spans, one behind the other in a few buffers.
//!
//! A request's thread appends a copy of each span and keeps the record for its next one; the
//! reporter's thread reads them back. So no memory is handed from thread to thread.

use super::{
    Endpoint, SpanRecord,
    buffer::{Fixed, Place, Tag},
};
use std::sync::Arc;

#[derive(Default)]
pub(crate) struct SpanLog {
    text: String,
    tags: Vec<Tag>,
    annotations: Vec<(u64, Place)>,
    spans: Vec<Logged>,
    /// The services that made the spans, each as often as another one came in between.
    endpoints: Vec<Option<Arc<Endpoint>>>,
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
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// The bytes that a span takes in a log.
    pub(crate) fn size_of(span: &SpanRecord) -> usize {
        let record = span.record();
        size_of::<Logged>()
            + record.text.len()
            + size_of_val(&*record.tags)
            + size_of_val(&*record.annotations)
    }

    pub(crate) fn push(&mut self, span: &SpanRecord) {
        let record = span.record();
        let endpoint = match (&record.local, &record.sink) {
            (Some(own), _) => Some(own),
            (None, Some(sink)) => Some(&sink.settings().endpoint),
            (None, None) => None,
        };
        if self.endpoints.last().map(pointer) != Some(endpoint.map(Arc::as_ptr)) {
            self.endpoints.push(endpoint.cloned());
        }
        self.text.push_str(&record.text);
        self.tags.extend_from_slice(&record.tags);
        self.annotations.extend_from_slice(&record.annotations);
        self.spans.push(Logged {
            fixed: record.fixed,
            text_end: self.text.len(),
            tags_end: self.tags.len(),
            annotations_end: self.annotations.len(),
            endpoint: self.endpoints.len() - 1,
        });
    }

    /// Copies the span with this number; gives the bytes that it takes here.
    pub(crate) fn read(&self, number: usize, to: &mut SpanRecord) -> usize {
        let (text, tags, annotations) = match number.checked_sub(1).map(|at| &self.spans[at]) {
            Some(before) => (before.text_end, before.tags_end, before.annotations_end),
            None => (0, 0, 0),
        };
        let span = &self.spans[number];
        let record = to.record_mut();
        record.reset();
        record.fixed = span.fixed;
        record.text.push_str(&self.text[text..span.text_end]);
        let tags = &self.tags[tags..span.tags_end];
        record.tags.extend_from_slice(tags);
        let annotations = &self.annotations[annotations..span.annotations_end];
        record.annotations.extend_from_slice(annotations);
        record.local.clone_from(&self.endpoints[span.endpoint]);
        SpanLog::size_of(to)
    }

    /// Empties the log. Its memory is kept, but for what is more than this many bytes.
    pub(crate) fn clear(&mut self, keep: usize) {
        self.spans.clear();
        self.endpoints.clear();
        self.text.clear();
        self.tags.clear();
        self.annotations.clear();
        if self.reserved() > keep {
            *self = SpanLog::default();
        }
    }

    fn reserved(&self) -> usize {
        self.text.capacity()
            + self.tags.capacity() * size_of::<Tag>()
            + self.annotations.capacity() * size_of::<(u64, Place)>()
            + self.spans.capacity() * size_of::<Logged>()
    }
}

fn pointer(endpoint: &Option<Arc<Endpoint>>) -> Option<*const Endpoint> {
    endpoint.as_ref().map(Arc::as_ptr)
}
