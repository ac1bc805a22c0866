//! `TracingHeader`: the headers that have a meaning here, unlike opaque headers.

use super::names;
use http::HeaderName;

/// A header whose value or presence is interpreted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum TracingHeader {
    B3,
    TraceId,
    SpanId,
    ParentSpanId,
    Sampled,
    Flags,
    Traceparent,
    Tracestate,
    RequestId,
    ForceTrace,
    ClientTraceId,
}

impl TracingHeader {
    pub(super) const COUNT: usize = TracingHeader::ClientTraceId as usize + 1;

    pub(super) const ALL: [(HeaderName, TracingHeader); TracingHeader::COUNT] = [
        (names::B3, TracingHeader::B3),
        (names::TRACE_ID, TracingHeader::TraceId),
        (names::SPAN_ID, TracingHeader::SpanId),
        (names::PARENT_SPAN_ID, TracingHeader::ParentSpanId),
        (names::SAMPLED, TracingHeader::Sampled),
        (names::FLAGS, TracingHeader::Flags),
        (names::TRACEPARENT, TracingHeader::Traceparent),
        (names::TRACESTATE, TracingHeader::Tracestate),
        (names::REQUEST_ID, TracingHeader::RequestId),
        (names::FORCE_TRACE, TracingHeader::ForceTrace),
        (names::CLIENT_TRACE_ID, TracingHeader::ClientTraceId),
    ];

    /// [`ALL`](Self::ALL) at an address.
    pub(super) fn all() -> &'static [(HeaderName, TracingHeader); TracingHeader::COUNT] {
        static ALL: [(HeaderName, TracingHeader); TracingHeader::COUNT] = TracingHeader::ALL;
        &ALL
    }

    pub(crate) fn name(self) -> &'static HeaderName {
        &TracingHeader::all()[self as usize].0
    }

    /// Whether this crate writes the header, so that it is never forwarded unchanged.
    pub(super) fn is_written(self) -> bool {
        !matches!(
            self,
            TracingHeader::Tracestate | TracingHeader::ForceTrace | TracingHeader::ClientTraceId
        )
    }
}

/// Whether the trace context is written to the header of this name.
pub(crate) fn carries_context(name: &HeaderName) -> bool {
    TracingHeader::ALL.into_iter().any(|(other, header)| {
        other == *name && header.is_written() && header != TracingHeader::RequestId
    })
}

/// A set of tracing headers, with one bit each.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TracingHeaderSet(pub(super) u32);

impl TracingHeaderSet {
    pub(crate) fn contains(self, header: TracingHeader) -> bool {
        self.0 & 1 << header as u8 != 0
    }
}
