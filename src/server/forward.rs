//! Requests without a SERVER span: their headers are forwarded as they came.

use super::{receive::Received, settings::ServerSettings, start::set_route};
use crate::{
    direction::Mode,
    exchange::Exchange,
    head::RequestHead,
    span::{OpenSpan, OutgoingRequests, RequestContext, slot},
    tracer::DynamicSettings,
};
use http::{HeaderMap, Request};

impl ServerSettings {
    /// Whether the request gets no span, and its headers go on as they came.
    pub(super) fn forwards(&self, received: &Received) -> bool {
        let mode = self.tracer.inner.mode;
        // If the request is excluded, the client layer must not make spans either. That takes a
        // context to keep, unless the client layer only forwards anyway.
        let forwards_calls = mode.client == Mode::ForwardOnly || !received.excluded;
        mode.server == Mode::ForwardOnly && forwards_calls
    }

    /// Leaves the span of the outer server layer current, so client layers use its context.
    pub(super) fn stay_in_outer_span<B: 'static>(
        &self,
        request: &mut Request<B>,
        received: &Received,
        mut open: Box<OpenSpan>,
    ) -> Exchange {
        if self.context_in_extensions {
            let outer = RequestContext::current().unwrap_or_default();
            request.extensions_mut().insert(outer);
        }
        if !received.observed {
            open.finish();
            return Exchange::untraced();
        }
        open.keeps_outer_span = true;
        self.observe(request, None, received, &mut open);
        set_route(&RequestHead::of(request), &mut open);
        // A further layer inside of this one must not show the request again.
        slot::with_current(|outer| outer.served_request = open.served_request);
        Exchange::of_request(open, request)
    }

    /// Makes client layers send the request's own headers.
    pub(super) fn forward_received_headers<B>(
        &self,
        dynamic: &DynamicSettings,
        request: &Request<B>,
        received: &Received,
        open: &mut OpenSpan,
    ) {
        self.capture_headers(request.headers(), received, open);
        self.gather_client_tags(dynamic, request, open);
    }

    /// Keeps the request's own headers to be sent by client layers, and nothing else.
    pub(super) fn capture_headers(
        &self,
        headers: &HeaderMap,
        received: &Received,
        open: &mut OpenSpan,
    ) {
        open.inherited.outgoing_requests = OutgoingRequests::ForwardReceivedHeaders;
        let propagation = &self.tracer.inner.propagation;
        let forwarded = &mut open.inherited.forwarded;
        forwarded.clear();
        propagation.capture_into(headers, forwarded);
        if !received.peer_trusted {
            propagation.remove_added(forwarded);
        }
    }

    /// Gathers the request's values for tags of CLIENT spans, where no SERVER span is recorded.
    pub(super) fn gather_client_tags<B>(
        &self,
        dynamic: &DynamicSettings,
        request: &Request<B>,
        open: &mut OpenSpan,
    ) {
        let sources = &dynamic.client_tag_sources;
        if !sources.is_empty() {
            let head = RequestHead::of(request);
            let values = dynamic.header_table.read(request.headers(), None);
            let max_length = self.tracer.inner.max_tag_length();
            let fallbacks = &mut open.inherited.tag_fallbacks;
            sources.gather(&head, &values, max_length, fallbacks);
        }
    }
}
