//! The standard tags of a request.

use super::{
    authority::{authority_with_host, text},
    read_headers::{
        AT_CONTENT_LENGTH, AT_CONTENT_TYPE, AT_FORWARDED_PROTO, AT_HOST, AT_USER_AGENT,
    },
    response::parse_number,
    tag_names::TagConvention,
};
use crate::{
    head::RequestHead,
    propagation::{HeaderValues, TracingHeader},
    record::{SpanBuffer, StandardTag},
    text::cut,
};
use http::{HeaderName, HeaderValue, Version};
use std::borrow::Cow;

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Which part of a URL is in its tag.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UrlLimits {
    /// The maximum length of the path, in bytes.
    pub(crate) path: usize,
    /// Whether the query is included.
    pub(crate) query: bool,
}

/// What the tags of a request depend on besides its head and its headers.
pub(crate) struct RequestTagSettings<'a> {
    pub(crate) component: &'a str,
    pub(crate) url_limits: UrlLimits,
    pub(crate) grpc: bool,
}

/// The content-length of a request. Its tag is added when the exchange ends.
pub(crate) fn request_length(header_values: &HeaderValues<'_>) -> Option<u64> {
    parse_number(header_values.get(AT_CONTENT_LENGTH)?)
}

impl TagConvention {
    /// Adds the tags of a request. Returns its host and port, which is also the remote endpoint of a
    /// CLIENT span.
    pub(crate) fn add_request_tags<'a>(
        &self,
        buffer: &mut SpanBuffer,
        head: &RequestHead<'a>,
        header_values: &HeaderValues<'a>,
        settings: &RequestTagSettings<'_>,
    ) -> Cow<'a, str> {
        buffer.add_standard(StandardTag::Component, settings.component);
        buffer.add_standard(StandardTag::Method, head.method().as_str());
        let host = authority_with_host(head, header_values.get(AT_HOST));
        add_url(buffer, head, header_values, settings, &host);
        buffer.add_standard(StandardTag::Protocol, self.protocol(head.version()));
        add_header(
            buffer,
            StandardTag::UserAgent,
            header_values.get(AT_USER_AGENT),
        );
        add_header(
            buffer,
            StandardTag::RequestId,
            header_values.tracing(TracingHeader::RequestId),
        );
        add_header(
            buffer,
            StandardTag::ClientTraceId,
            header_values.tracing(TracingHeader::ClientTraceId),
        );
        if settings.grpc {
            buffer.add_standard(StandardTag::GrpcPath, head.path());
            buffer.add_standard(StandardTag::GrpcAuthority, &host);
            add_header(
                buffer,
                StandardTag::GrpcContentType,
                header_values.get(AT_CONTENT_TYPE),
            );
            let timeout = head.headers().get(GRPC_TIMEOUT);
            add_header(buffer, StandardTag::GrpcTimeout, timeout);
        }
        host
    }

    fn protocol(&self, version: Version) -> &'static str {
        let full = protocol(version);
        if self.protocol_prefix {
            full
        } else {
            full.strip_prefix("HTTP/").unwrap_or(full)
        }
    }
}

/// Adds the URL without credentials, and without the query unless configured.
fn add_url<'a>(
    buffer: &mut SpanBuffer,
    head: &RequestHead<'a>,
    header_values: &HeaderValues<'a>,
    settings: &RequestTagSettings<'_>,
    host: &str,
) {
    let path = match head.uri().path_and_query() {
        Some(whole) if settings.url_limits.query => whole.as_str(),
        _ => head.path(),
    };
    let path = cut(path, settings.url_limits.path);
    if host.is_empty() {
        return buffer.add_standard(StandardTag::Url, path);
    }
    let forwarded = header_values.get(AT_FORWARDED_PROTO);
    let forwarded = forwarded.filter(|_| head.trusts_forwarded_proto());
    let scheme = scheme_with_forwarded(head, forwarded);
    buffer.add_standard_parts(StandardTag::Url, &[scheme, "://", host, path]);
}

/// The scheme of a request: that of its URI, or else what a trusted peer says.
#[cfg(feature = "access-log")]
pub(crate) fn scheme<'a>(head: &RequestHead<'a>) -> &'a str {
    let trusted = head.trusts_forwarded_proto();
    let forwarded = trusted.then(|| head.headers().get(super::read_headers::FORWARDED_PROTO));
    scheme_with_forwarded(head, forwarded.flatten())
}

/// As [`scheme`], with an `x-forwarded-proto` that is trusted.
fn scheme_with_forwarded<'a>(
    head: &RequestHead<'a>,
    forwarded: Option<&'a HeaderValue>,
) -> &'a str {
    let forwarded = || match forwarded?.as_bytes() {
        b"https" => Some("https"),
        b"http" => Some("http"),
        other => std::str::from_utf8(other).ok().filter(|other| {
            let is_scheme_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
            (1..=16).contains(&other.len()) && other.bytes().all(is_scheme_byte)
        }),
    };
    let scheme = head.uri().scheme_str();
    scheme.or_else(forwarded).unwrap_or("http")
}

/// The protocol as in `HTTP/1.1`; empty for an unknown version.
pub(crate) fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_11 => "HTTP/1.1",
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        _ => "",
    }
}

pub(super) fn add_header(buffer: &mut SpanBuffer, tag: StandardTag, value: Option<&HeaderValue>) {
    if let Some(value) = value {
        buffer.add_standard(tag, &text(value));
    }
}
