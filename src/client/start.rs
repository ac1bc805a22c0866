//! The tags, the remote endpoint and the name of a CLIENT span that is recorded.

use super::settings::ClientSettings;
use crate::{
    head::RequestHead,
    hosts,
    observe::{ExchangeFacts, Grpc},
    propagation::HeaderValues,
    record::{Kind, SpanBuffer},
    span::OpenSpan,
    tags::{self, FallbackValues, RequestTagSettings},
    tracer::DynamicSettings,
    user_code::guarded,
};
use std::net::IpAddr;

impl ClientSettings {
    /// Tags the span, and notes what is known about the exchange.
    pub(super) fn tag<'a>(
        &self,
        dynamic: &DynamicSettings,
        head: &RequestHead<'a>,
        values: &HeaderValues<'a>,
        fallbacks: &FallbackValues,
        record: &mut SpanBuffer,
        facts: &mut ExchangeFacts,
    ) {
        let inner = &*self.tracer.inner;
        let is_grpc = tags::is_grpc_request(values);
        facts.grpc = Grpc::requested(is_grpc);
        facts.request_bytes = tags::request_length(values);
        record.fields.kind = Some(Kind::Client);
        record.fields.may_repeat_names |= dynamic.tags_repeat_standard_names;
        let tags = RequestTagSettings {
            component: &inner.component,
            url_limits: inner.url_limits,
            grpc: is_grpc,
        };
        let authority = inner
            .tag_convention
            .add_request_tags(record, head, values, &tags);
        self.set_remote_endpoint(record, &authority);
        dynamic.tags.write(record, head, values, Some(fallbacks));
        if is_grpc {
            record.set_name(&[tags::grpc_name(head.path())]);
        }
    }

    /// Names the span by its request. The response can still change the name when the
    /// exchange ends.
    pub(super) fn name(&self, head: &RequestHead<'_>, open: &mut OpenSpan) {
        let name_with = self.name_with.as_ref();
        if let Some(name) = name_with.and_then(|name| guarded(|| name(head)).flatten()) {
            open.rename(&name);
        }
    }

    fn set_remote_endpoint(&self, record: &mut SpanBuffer, authority: &str) {
        let (host, port) = hosts::split_port(authority);
        let ip = hosts::address(host);
        match (&self.remote_service, ip) {
            (Some(service), _) => record.set_remote_service(service),
            // An IPv4-mapped address in brackets: the service has the name of the IPv4 address.
            (None, Some(ip @ IpAddr::V4(_))) if host.starts_with('[') => {
                record.set_remote_service(&ip.to_string())
            }
            (None, _) => record.set_remote_service(host.strip_suffix('.').unwrap_or(host)),
        }
        record.set_remote_address(ip, port);
    }
}
