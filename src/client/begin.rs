//! The steps from an outgoing request to its exchange: find the parent, start the span, write headers.

use super::{
    parent::Placement, route_template::RouteTemplate, settings::ClientSettings,
    write::HeadersToWrite,
};
use crate::{
    direction::Direction,
    exchange::Exchange,
    head::RequestHead,
    id::RequestId,
    propagation::{HeaderValues, REQUEST_ID, TracingHeader},
    span::{OpenSpan, slot},
};
use http::Request;

impl ClientSettings {
    pub(super) fn begin<B: 'static>(&self, request: &mut Request<B>) -> Exchange {
        let inner = &*self.tracer.inner;
        // First of all: no trace header may be written to a request that must not carry any.
        let propagates = self.propagates_to(&RequestHead::of(request));
        let placement = self.place(request, propagates);
        if !propagates {
            // After the parent has been read from the headers that a handler set.
            inner.propagation.strip(request.headers_mut());
            request.headers_mut().remove(REQUEST_ID);
        }
        let Placement::Span {
            mut open,
            is_local_root,
            to_write,
        } = placement
        else {
            return self.untraced(request, propagates);
        };
        inner.start(&mut open, is_local_root);
        if open.is_recorded() {
            self.tag_and_write(request, to_write, &mut open);
            self.name(&RequestHead::of(request), &mut open);
        } else {
            let present = inner.propagation.tracing_headers(request.headers());
            self.write(to_write, present, &open.inherited, request.headers_mut());
        }
        if inner.prepare_observation(&mut open) {
            inner.observe(&mut open, Direction::Client, request, None, propagates);
        }
        set_route(request, &mut open);
        Exchange::of_request(open, request)
    }

    /// The exchange of a request without a span: there is nothing to record, and the current span stays
    /// current.
    fn untraced<B: 'static>(&self, request: &mut Request<B>, propagates: bool) -> Exchange {
        let inner = &*self.tracer.inner;
        if inner.observers.is_empty() {
            return Exchange::untraced();
        }
        let mut open = slot::blank();
        if !inner.prepare_observation(&mut open) {
            open.finish();
            return Exchange::untraced();
        }
        open.keeps_outer_span = true;
        if let Some(id) = request
            .headers()
            .get(REQUEST_ID)
            .and_then(RequestId::from_header)
        {
            open.inherited.forwarded.set_request_id(id);
        }
        inner.observe(&mut open, Direction::Client, request, None, propagates);
        set_route(request, &mut open);
        Exchange::of_request(open, request)
    }

    /// Tags a span that is recorded, and writes the request's headers.
    ///
    /// Tags describe the request as it is sent. Usually the only written header that they show is the
    /// request id, so one pass over the headers serves both. If a custom tag shows another written
    /// header, or headers are forwarded, the headers are written first, which takes a second pass.
    /// In a full header map, with 24,576 names, the tag has a request id that could not be written.
    fn tag_and_write<B>(
        &self,
        request: &mut Request<B>,
        to_write: HeadersToWrite,
        open: &mut OpenSpan,
    ) {
        let inner = &*self.tracer.inner;
        let dynamic = inner.dynamic_settings(Direction::Client);
        let forwards = !open.inherited.forwarded.headers.is_empty();
        let write_first = dynamic.tags_read_context || forwards;
        if write_first {
            let present = inner.propagation.tracing_headers(request.headers());
            self.write(to_write, present, &open.inherited, request.headers_mut());
        }
        open.exchange.direction = Some(Direction::Client);
        open.exchange.method = request.method().clone();
        let head = RequestHead::of(request);
        let mut values = HeaderValues::default();
        let table = &dynamic.header_table;
        table.read_into::<false>(head.headers(), None, &mut values);
        let present = values.tracing_headers();
        let Some((record, inherited, facts)) = open.recorded_parts() else {
            return;
        };
        if !present.contains(TracingHeader::RequestId) && to_write != HeadersToWrite::Nothing {
            let id = inherited.forwarded.request_id().map(RequestId::as_header);
            values.set(TracingHeader::RequestId, id);
        }
        self.tag(
            &dynamic,
            &head,
            &values,
            &inherited.tag_fallbacks,
            record,
            facts,
        );
        if !write_first {
            self.write(to_write, present, inherited, request.headers_mut());
        }
    }
}

/// Notes the route of a request that the application knows.
fn set_route<B>(request: &Request<B>, open: &mut OpenSpan) {
    if !open.is_followed() {
        return;
    }
    if let Some(route) = request.extensions().get::<RouteTemplate>() {
        open.set_route(route.as_str());
    }
}
