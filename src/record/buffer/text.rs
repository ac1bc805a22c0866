//! Writing to the text of a buffer, and removing what was replaced.

use super::{
    lifecycle::MAX_REUSED_BYTES,
    parts::{TagName, TextRange, ValueSource},
    span_buffer::{MAX_NAME_BYTES, SpanBuffer},
};
#[cfg(feature = "tracing-layer")]
use crate::record::RemoteNameSource;
use crate::{
    record::Endpoint,
    text::{cut, is_blank},
};
use std::{mem, net::IpAddr};

impl SpanBuffer {
    /// Sets the name of the span to the concatenation of these parts.
    pub(crate) fn set_name(&mut self, parts: &[&str]) {
        self.remove_if_last(self.fields.name);
        let start = self.text.len();
        self.append_parts(parts, self.limit(MAX_NAME_BYTES));
        self.fields.name = self.range_from(start);
        self.compact();
    }

    pub(crate) fn set_remote_endpoint(&mut self, endpoint: &Endpoint) {
        if let Some(service) = &endpoint.service_name {
            self.set_remote_service(service);
        }
        self.fields.remote_ip = endpoint.ip;
        self.fields.remote_port = endpoint.port;
    }

    pub(crate) fn set_remote_service(&mut self, service: &str) {
        self.fields.remote_service = self.append(cut(service, self.limit(MAX_NAME_BYTES)));
    }

    /// Sets the name of the remote service on behalf of the handler, any number of times. A blank name
    /// is ignored.
    pub(crate) fn replace_remote_service(&mut self, service: &str) {
        if !is_blank(service) {
            self.remove_if_last(self.fields.remote_service);
            self.set_remote_service(service);
            self.compact();
        }
    }

    /// The same, unless the name is already known from a better source.
    #[cfg(feature = "tracing-layer")]
    pub(crate) fn set_remote_service_from(&mut self, source: RemoteNameSource, service: &str) {
        if source >= self.fields.remote_name_source && !is_blank(service) {
            self.fields.remote_name_source = source;
            self.replace_remote_service(service);
        }
    }

    pub(crate) fn set_remote_address(&mut self, ip: Option<IpAddr>, port: Option<u16>) {
        self.fields.remote_ip = ip;
        self.fields.remote_port = port.filter(|&port| port != 0);
    }

    /// `max`, or no limit for a span that is built by hand.
    pub(super) fn limit(&self, max: usize) -> usize {
        if self.limited { max } else { usize::MAX }
    }

    #[inline]
    pub(super) fn append(&mut self, text: &str) -> TextRange {
        let start = self.text.len();
        self.text.push_str(text);
        self.range_from(start)
    }

    /// Appends the parts, cut to `max_bytes` in total.
    pub(super) fn append_parts(&mut self, parts: &[&str], max_bytes: usize) {
        let end = self.text.len().saturating_add(max_bytes);
        for part in parts {
            let room = end - self.text.len();
            self.text.push_str(cut(part, room));
        }
    }

    /// The range of the text from `start` to its end.
    pub(super) fn range_from(&self, start: usize) -> TextRange {
        // Text beyond 4 GiB is not readable.
        let position = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        TextRange {
            start: position(start),
            end: position(self.text.len()),
        }
    }

    /// Removes text that is no longer needed, if it is at the end.
    pub(super) fn remove_if_last(&mut self, range: TextRange) {
        if range.end as usize == self.text.len() {
            self.text.truncate(range.start as usize);
        }
    }

    /// Rewrites the text without replaced parts once they may take more room than the rest: a
    /// handler that sets a tag in a loop must not fill the memory.
    #[inline]
    pub(super) fn compact(&mut self) {
        if self.text.len() >= self.compact_at.max(MAX_REUSED_BYTES) {
            self.rewrite_text();
        }
    }

    #[cold]
    fn rewrite_text(&mut self) {
        let old = mem::take(&mut self.text);
        let text = &mut self.text;
        // Copies the range and the bytes of a name before it.
        let mut keep = |range: &mut TextRange, name_length: u32| {
            let copied = range.with_prefix(name_length);
            text.push_str(
                old.get(copied.start as usize..copied.end as usize)
                    .unwrap_or(""),
            );
            let end = text.len() as u32;
            *range = TextRange {
                start: end - (range.end - range.start),
                end,
            };
        };
        keep(&mut self.fields.name, 0);
        keep(&mut self.fields.remote_service, 0);
        for tag in &mut self.tags {
            match (tag.name, tag.source) {
                (TagName::InText(length), _) => keep(&mut tag.range, length),
                (TagName::Standard(_), ValueSource::Text) => keep(&mut tag.range, 0),
                (TagName::Standard(_), _) => {}
            }
        }
        for (_, annotation) in &mut self.annotations {
            keep(annotation, 0);
        }
        self.compact_at = 2 * self.text.len();
    }
}
