//! `Inherited`: what a span passes to the spans and requests below it.

#[cfg(feature = "log-ids")]
use super::log_span::LogSpan;
use super::route_from_below::RouteFromBelow;
use crate::{
    clock::Moment, context::TraceContext, propagation::Forwarded, record::SpanSink,
    tags::FallbackValues,
};
use std::sync::Arc;

/// What a client layer does with requests that are sent below a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum OutgoingRequests {
    /// Starts a CLIENT span, whose context the request carries.
    #[default]
    StartSpan,
    /// Starts no span. The request carries the span's own context.
    KeepContext,
    /// Copies the headers of the request being served, as they were received. If the client layer
    /// makes spans, their parent is the one in those headers.
    ForwardReceivedHeaders,
}

/// What a span passes to the spans and requests below it.
#[derive(Clone, Default)]
pub(crate) struct Inherited {
    pub(crate) context: Option<TraceContext>,
    /// The request id and the headers that are forwarded.
    pub(crate) forwarded: Forwarded,
    pub(crate) outgoing_requests: OutgoingRequests,
    /// The trace is sampled, but a rate limit keeps this process from recording its part of it.
    pub(crate) suppressed: bool,
    /// Values of the request being served, for custom tags of CLIENT spans.
    pub(crate) tag_fallbacks: FallbackValues,
    /// The pair of clock readings from which all spans of a request tell the time, so that they
    /// agree with each other even if the system clock is set.
    pub(crate) clock: Option<Moment>,
    /// Where spans below are reported; `None` if the trace is not recorded here.
    pub(crate) sink: Option<Arc<SpanSink>>,
    /// Where the route of the request being served goes, if it is of interest.
    pub(super) route: Option<Arc<RouteFromBelow>>,
    #[cfg(feature = "log-ids")]
    pub(super) log_span: Option<LogSpan>,
}

impl Inherited {
    /// A copy that shares no memory with the request that it came from: a header value that outlives
    /// the request would keep its whole read buffer allocated.
    pub(super) fn detached(&self) -> Inherited {
        Inherited {
            context: self.context,
            forwarded: self.forwarded.detached(),
            outgoing_requests: self.outgoing_requests,
            suppressed: self.suppressed,
            tag_fallbacks: self.tag_fallbacks.clone(),
            clock: self.clock,
            sink: self.sink.clone(),
            route: self.route.clone(),
            #[cfg(feature = "log-ids")]
            log_span: self.log_span.clone(),
        }
    }

    /// Copies what a child of `parent` inherits into the memory that is already allocated. The child
    /// makes its own context.
    pub(crate) fn inherit(&mut self, parent: &Inherited) {
        self.forwarded.copy_from(&parent.forwarded);
        self.inherit_without_headers(parent);
    }

    /// The same without the headers that are forwarded.
    pub(crate) fn inherit_without_headers(&mut self, parent: &Inherited) {
        self.tag_fallbacks.copy_from(&parent.tag_fallbacks);
        self.suppressed = parent.suppressed;
        self.clock = parent.clock;
    }

    /// Empties it, and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.context = None;
        self.forwarded.clear();
        self.outgoing_requests = OutgoingRequests::default();
        self.suppressed = false;
        self.tag_fallbacks.clear();
        self.clock = None;
        self.sink = None;
        self.route = None;
        #[cfg(feature = "log-ids")]
        {
            self.log_span = None;
        }
    }
}
