//! The first step of a request: whether the peer is trusted, whether the request is excluded, and
//! whether another server layer around this one has done all of this already.

use super::settings::ServerSettings;
use crate::{
    context::TraceContext,
    direction::Direction,
    head::RequestHead,
    id::{RequestId, TraceId},
    observe::RequestHeaders,
    propagation::{Propagation, REQUEST_ID, insert_if_room},
    span::{OpenSpan, OutgoingRequests, ServedRequest, slot},
};
use http::{HeaderMap, Request};

/// What is known about a request before its trace headers are read.
pub(super) struct Received {
    pub(super) peer_trusted: bool,
    /// The trace that a peer that is not trusted claimed to belong to.
    pub(super) dropped_trace: Option<TraceId>,
    /// The SERVER context of a server layer around this one.
    pub(super) outer: Option<TraceContext>,
    /// No spans are made for the request.
    pub(super) excluded: bool,
    /// Whether this layer shows the request to observers.
    pub(super) observed: bool,
    /// What observers need of the headers that came from a peer that is not trusted, before some of them
    /// were removed.
    pub(super) untrusted_headers: Option<RequestHeaders>,
}

impl ServerSettings {
    /// Decides whether the peer is trusted, and removes the tracing headers of a peer that is not trusted.
    pub(super) fn receive<B>(&self, request: &mut Request<B>, open: &mut OpenSpan) -> Received {
        let served = slot::with_current(|outer| outer.served_request).flatten();
        let peer_trusted = match served {
            // A layer around this one has decided, and has removed the headers that it does not trust.
            Some(served) => served.peer_trusted,
            None => self.trust.trusts_everyone() || self.trusts_peer(&RequestHead::of(request)),
        };
        let inner = &*self.tracer.inner;
        let mut dropped_trace = None;
        let mut untrusted_headers = None;
        if !peer_trusted && served.is_none() {
            dropped_trace = self.dropped_trace(request.headers());
            if inner.observers.want_header_scan(Direction::Server) {
                untrusted_headers = Some(RequestHeaders::of(request.headers(), true));
            }
            self.remove_untrusted(request.headers_mut());
        }
        // After the removal: a predicate of the user's sees what the handler will see.
        let excluded = self.excludes(&RequestHead::of(request));
        let observed_outside = served.is_some_and(|served| served.observed);
        let observed = !excluded && !observed_outside && inner.prepare_observation(open);
        open.served_request = Some(ServedRequest {
            peer_trusted,
            observed: observed || observed_outside,
        });
        Received {
            peer_trusted,
            dropped_trace,
            outer: served.and_then(|_| continue_outer(&inner.propagation, open)),
            excluded,
            observed,
            untrusted_headers,
        }
    }

    fn trusts_peer(&self, head: &RequestHead<'_>) -> bool {
        self.trust.trusts(head, || Some(self.peer(head)?.ip()))
    }

    /// The trace that the headers of an untrusted peer name, if it is to be tagged.
    fn dropped_trace(&self, headers: &HeaderMap) -> Option<TraceId> {
        if !self.tag_dropped_trace {
            return None;
        }
        let (incoming, _) = self.tracer.inner.propagation.extract(headers);
        incoming.context().map(|context| context.trace_id())
    }

    /// Removes what a peer that is not trusted says about tracing.
    fn remove_untrusted(&self, headers: &mut HeaderMap) {
        self.tracer.inner.propagation.strip(headers);
        if !self.preserve_external_request_id {
            headers.remove(REQUEST_ID);
            return;
        }
        let id = headers.get(REQUEST_ID).and_then(RequestId::from_header);
        // The id is kept without the sampling decision in it: this service does not follow that
        // decision, and the next one must not either.
        if let Some(id) = id.filter(|id| id.trace_reason().is_some()) {
            insert_if_room(headers, REQUEST_ID, id.with_trace_reason(None).to_header());
        }
    }
}

/// The SERVER context of a layer around this one, which has read the headers. What its span passes on
/// is copied to `open`. `None` if no such layer serves the request in this task.
fn continue_outer(propagation: &Propagation, open: &mut OpenSpan) -> Option<TraceContext> {
    slot::with_current(|outer| {
        let excluded = outer.inherited.outgoing_requests == OutgoingRequests::KeepContext;
        let continues = outer.served_request.is_some() && !excluded;
        let context = outer.context().filter(|_| continues)?;
        open.inherited.inherit(&outer.inherited);
        if outer.inherited.outgoing_requests == OutgoingRequests::ForwardReceivedHeaders {
            // The captured headers include trace headers, which must not be sent next to ours.
            open.inherited.forwarded = propagation.extract_captured(&outer.inherited.forwarded);
        }
        Some(context)
    })
    .flatten()
}
