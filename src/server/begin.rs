//! The steps from a request to its exchange: receive, decide, start.

use super::{
    receive::Received,
    settings::ServerSettings,
    start::{TracedRequest, set_route},
};
use crate::{
    direction::{Direction, Mode},
    exchange::Exchange,
    head::RequestHead,
    id::RequestId,
    observe::RequestHeaders,
    propagation::{Forwarded, HeaderValues, REQUEST_ID, TracingHeader, insert_if_room},
    span::{OpenSpan, RequestContext, slot},
    tracer::DynamicSettings,
};
use http::{HeaderValue, Request};

impl ServerSettings {
    pub(super) fn begin<B: 'static>(
        &self,
        dynamic: &DynamicSettings,
        request: &mut Request<B>,
    ) -> Exchange {
        let mut open = slot::blank();
        let received = self.receive(request, &mut open);
        let mut headers = None;
        if self.forwards(&received) {
            if received.outer.is_some() {
                return self.stay_in_outer_span(request, &received, open);
            }
            self.forward_received_headers(dynamic, request, &received, &mut open);
        } else {
            headers = self.trace(dynamic, request, &received, &mut open);
        }
        if received.observed {
            self.observe(request, headers, &received, &mut open);
        }
        if open.is_followed() {
            open.take_route_from_below();
            set_route(&RequestHead::of(request), &mut open);
        }
        if self.context_in_extensions {
            request.extensions_mut().insert(RequestContext::of(&open));
        }
        Exchange::of_request(open, request)
    }

    /// Shows the request to the observers. `headers` is what [`trace`](Self::trace) has found.
    pub(super) fn observe<B>(
        &self,
        request: &mut Request<B>,
        headers: Option<RequestHeaders>,
        received: &Received,
        open: &mut OpenSpan,
    ) {
        let inner = &self.tracer.inner;
        let headers = received.untrusted_headers.or(headers);
        let trusted = received.peer_trusted;
        inner.observe(open, Direction::Server, request, headers, trusted);
        open.exchange.peer_address = self.peer(&RequestHead::of(request));
    }

    /// Decides about the trace, and starts the span. Returns what observers need of the headers that
    /// the request came with, if it is observed.
    ///
    /// The order matters. The headers are read in one pass, before any of them is changed, and tags
    /// are made of what that pass found. The request id is the exception: tags have the one that the
    /// handler will see. It is written to the request before user code names the span, and before the
    /// headers are captured for outgoing requests.
    fn trace<B>(
        &self,
        dynamic: &DynamicSettings,
        request: &mut Request<B>,
        received: &Received,
        open: &mut OpenSpan,
    ) -> Option<RequestHeaders> {
        let mut values = HeaderValues::default();
        let incoming = self.decide(dynamic, request, received, &mut values, open);
        let headers = received
            .observed
            .then(|| RequestHeaders::of_values(&values));
        if !received.excluded {
            let is_local_root = received.outer.is_none();
            self.tracer.inner.start(open, is_local_root);
        }
        open.exchange.echo_request_id = self.echo_request_id;
        let new_id = changed_request_id(&open.inherited.forwarded, &values);
        if new_id.is_some() {
            values.set(TracingHeader::RequestId, new_id.as_ref());
        }
        if open.is_recorded() {
            let traced = TracedRequest {
                head: RequestHead::of(request).trust_forwarded_proto(received.peer_trusted),
                values: &values,
                incoming: &incoming,
                received,
            };
            self.tag(dynamic, &traced, open);
        }
        if let Some(id) = new_id {
            insert_if_room(request.headers_mut(), REQUEST_ID, id);
        }
        if open.is_recorded() {
            self.name(&RequestHead::of(request), open);
        }
        #[cfg(feature = "log-ids")]
        open.start_log_span();
        self.prepare_outgoing_requests(dynamic, request, received, open);
        headers
    }

    /// Captures or rewrites the request's headers, where the settings ask for it.
    fn prepare_outgoing_requests<B>(
        &self,
        dynamic: &DynamicSettings,
        request: &mut Request<B>,
        received: &Received,
        open: &mut OpenSpan,
    ) {
        let inner = &*self.tracer.inner;
        if inner.mode.server == Mode::RecordOnly && !received.excluded {
            self.capture_headers(request.headers(), received, open);
            if !open.is_recorded() {
                // Client layers decide about sampling themselves, so they may need tags.
                self.gather_client_tags(dynamic, request, open);
            }
        } else if let (true, Some(context)) = (self.rewrite_request_headers, open.context()) {
            // The headers that are forwarded are on this request already.
            let forwarded = &open.inherited.forwarded;
            let propagation = &inner.propagation;
            propagation.inject(&context, forwarded, request.headers_mut());
        }
    }
}

/// The request id as a header, if it is not the one that the request has.
fn changed_request_id(forwarded: &Forwarded, values: &HeaderValues<'_>) -> Option<HeaderValue> {
    let id = forwarded.request_id();
    id.filter(|id| values.tracing(TracingHeader::RequestId) != Some(id.as_header()))
        .map(RequestId::to_header)
}
