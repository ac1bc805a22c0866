//! Writing a trace context and the forwarded headers to a request.

use super::{
    b3,
    forwarded::Forwarded,
    names,
    settings::{Formats, Propagation},
    tracing_header::{TracingHeader, TracingHeaderSet},
    w3c,
};
use crate::context::{Sampling, TraceContext};
use http::{HeaderMap, HeaderName, HeaderValue};

impl Propagation {
    /// Writes a context and the forwarded headers to an outgoing request.
    ///
    /// Trace headers that the request already has are replaced. Headers of B3 formats that are not
    /// written are removed, because they would be stale. An opaque header or `x-request-id` that the
    /// request already has is kept.
    pub fn inject(&self, context: &TraceContext, forwarded: &Forwarded, headers: &mut HeaderMap) {
        self.inject_replacing(self.tracing_headers(headers), context, forwarded, headers);
    }

    /// The tracing headers that are in the map.
    pub(crate) fn tracing_headers(&self, headers: &HeaderMap) -> TracingHeaderSet {
        self.table.tracing_headers(headers)
    }

    /// As [`inject`](Self::inject), for a map that has exactly the tracing headers in `present`.
    pub(crate) fn inject_replacing(
        &self,
        present: TracingHeaderSet,
        context: &TraceContext,
        forwarded: &Forwarded,
        headers: &mut HeaderMap,
    ) {
        self.inject_formats(self.formats, present, context, forwarded, headers);
    }

    pub(super) fn inject_formats(
        &self,
        formats: Formats,
        present: TracingHeaderSet,
        context: &TraceContext,
        forwarded: &Forwarded,
        headers: &mut HeaderMap,
    ) {
        if formats.multi {
            self.write_b3_multi(present, context, headers);
        } else {
            remove(present, TracingHeader::TraceId, headers);
            remove(present, TracingHeader::SpanId, headers);
            remove(present, TracingHeader::ParentSpanId, headers);
            remove(present, TracingHeader::Sampled, headers);
            remove(present, TracingHeader::Flags, headers);
        }
        if formats.single {
            insert_if_room(headers, names::B3, b3::write_single(context));
        } else {
            remove(present, TracingHeader::B3, headers);
        }
        // `traceparent` cannot express that sampling is undecided. A `traceparent` with the wrong decision
        // would be worse than none.
        let is_decided = context.sampling() != Sampling::Defer;
        let is_forwarded = || {
            forwarded
                .headers()
                .any(|(name, _)| *name == names::TRACEPARENT)
        };
        if is_decided && (formats.w3c || forwarded.traceparent) || formats.w3c && !is_forwarded() {
            insert_if_room(headers, names::TRACEPARENT, w3c::write(context));
        }
        if let Some(id) = forwarded.request_id() {
            if !present.contains(TracingHeader::RequestId) {
                insert_if_room(headers, names::REQUEST_ID, id.to_header());
            }
        }
        forwarded.add_to(headers);
    }

    /// Writes `x-b3-*`, and removes those that the context does not have.
    fn write_b3_multi(
        &self,
        present: TracingHeaderSet,
        context: &TraceContext,
        headers: &mut HeaderMap,
    ) {
        let debug = context.sampling() == Sampling::Debug;
        let (trace_id, span_id, parent_id) = b3::write_ids(context);
        insert_if_room(headers, names::TRACE_ID, trace_id);
        insert_if_room(headers, names::SPAN_ID, span_id);
        match parent_id {
            Some(parent_id) => insert_if_room(headers, names::PARENT_SPAN_ID, parent_id),
            None => remove(present, TracingHeader::ParentSpanId, headers),
        }
        match context.sampling().decision() {
            Some(sampled) if !(debug && self.debug_by_flags_alone) => {
                let state = HeaderValue::from_static(if sampled { "1" } else { "0" });
                insert_if_room(headers, names::SAMPLED, state);
            }
            _ => remove(present, TracingHeader::Sampled, headers),
        }
        match debug {
            true => insert_if_room(headers, names::FLAGS, HeaderValue::from_static("1")),
            false => remove(present, TracingHeader::Flags, headers),
        }
    }
}

/// Removes a tracing header if it is present. The check saves a hash of the name.
#[inline(always)]
fn remove(present: TracingHeaderSet, header: TracingHeader, headers: &mut HeaderMap) {
    if present.contains(header) {
        headers.remove(header.name());
    }
}

/// Inserts a header unless the map is full. `HeaderMap::insert` would panic.
pub(crate) fn insert_if_room(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    let _ = headers.try_insert(name, value);
}
