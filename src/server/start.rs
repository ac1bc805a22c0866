//! The third step of a request: the tags and the name of a SERVER span that is recorded.

use super::{receive::Received, settings::ServerSettings};
use crate::{
    direction::Direction,
    head::RequestHead,
    observe::Grpc,
    propagation::{HeaderValues, Incoming},
    record::{Kind, StandardTag},
    span::OpenSpan,
    tags::{self, RequestTagSettings},
    tracer::DynamicSettings,
    user_code::guarded,
};

/// A request whose span is recorded.
pub(super) struct TracedRequest<'a> {
    pub(super) head: RequestHead<'a>,
    /// The headers that the request came with, and the request id that its handler will see.
    pub(super) values: &'a HeaderValues<'a>,
    pub(super) incoming: &'a Incoming,
    pub(super) received: &'a Received,
}

impl ServerSettings {
    /// Tags the span, and notes what is known about the exchange.
    pub(super) fn tag(
        &self,
        dynamic: &DynamicSettings,
        request: &TracedRequest<'_>,
        open: &mut OpenSpan,
    ) {
        let inner = &*self.tracer.inner;
        let TracedRequest { head, values, .. } = request;
        let is_grpc = tags::is_grpc_request(values);
        let Some((record, inherited, facts)) = open.recorded_parts() else {
            return;
        };
        facts.direction = Some(Direction::Server);
        facts.method = head.method().clone();
        facts.grpc = Grpc::requested(is_grpc);
        facts.request_bytes = tags::request_length(values);
        record.fields.kind = Some(Kind::Server);
        record.fields.shared = self.joins(request.incoming);
        record.fields.may_repeat_names |= dynamic.tags_repeat_standard_names;
        let tags = RequestTagSettings {
            component: &inner.component,
            url_limits: inner.url_limits,
            grpc: is_grpc,
        };
        inner
            .tag_convention
            .add_request_tags(record, head, values, &tags);
        if let Some(peer) = self.peer(head) {
            record.set_remote_address(Some(peer.ip()), Some(peer.port()));
            record.add_remote_address(StandardTag::PeerAddress);
        }
        dynamic.tags.write(record, head, values, None);
        let fallbacks = &mut inherited.tag_fallbacks;
        let max_length = record.max_tag_length();
        let sources = &dynamic.client_tag_sources;
        sources.gather(head, values, max_length, fallbacks);
        if inner.tag_malformed_headers && !request.incoming.is_well_formed() {
            let malformed = request.incoming.malformed();
            let all: Vec<String> = malformed.map(|one| one.to_string()).collect();
            record.add_standard(StandardTag::MalformedHeaders, &all.join(", "));
        }
        if let Some(trace_id) = request.received.dropped_trace {
            record.add_standard(StandardTag::DroppedTrace, &trace_id.to_string());
        }
    }

    /// Names the span by its request. A route that is set later, and the response, can
    /// still change the name when the exchange ends.
    pub(super) fn name(&self, head: &RequestHead<'_>, open: &mut OpenSpan) {
        if let (Grpc::Requested, Some(record)) = (open.exchange.grpc, open.record()) {
            record.set_name(&[tags::grpc_name(head.path())]);
        }
        let name_with = self.name_with.as_ref();
        if let Some(name) = name_with.and_then(|name| guarded(|| name(head)).flatten()) {
            open.rename(&name);
        }
    }
}

/// Sets the route that a router outside of the layer has matched.
pub(super) fn set_route(head: &RequestHead<'_>, open: &mut OpenSpan) {
    #[cfg(feature = "axum")]
    if let Some(path) = head.extensions().get::<axum::extract::MatchedPath>() {
        open.set_route(path.as_str());
    }
    #[cfg(not(feature = "axum"))]
    let _ = (head, open);
}
