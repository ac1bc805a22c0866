//! The standard tags: Envoy's names, or OpenTelemetry's.

use crate::{
    digits::parse_digits,
    head::RequestHead,
    propagation::{Role, Seen, Slot},
    record::{COMMON_NAMES, SpanBuffer, StandardTag, StandardTagNames},
    text::cut,
    words,
};
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode, Version,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT},
};
use std::borrow::Cow;

/// What the standard tags are called.
///
/// | what | Envoy (default) | OpenTelemetry |
/// |---|---|---|
/// | what made the span | `component` | – |
/// | method | `http.method` | `http.request.method` |
/// | URL, without query and credentials | `http.url` | `url.full` |
/// | route | – (in the name) | `http.route` |
/// | protocol | `http.protocol`: `HTTP/1.1` | `network.protocol.version`: `1.1` |
/// | status | `http.status_code` | `http.response.status_code` |
/// | user agent | `user_agent` | `user_agent.original` |
/// | bytes of the bodies | `request_size`, `response_size` | `http.request.body.size`, `http.response.body.size` |
/// | how it ended | `response_flags`: `DC` | the same |
/// | request id | `guid:x-request-id` | `http.request.header.x-request-id` |
/// | client's trace id | `guid:x-client-trace-id` | `http.request.header.x-client-trace-id` |
/// | the peer's IP | `peer.address` | `network.peer.address` |
/// | gRPC | `grpc.path`, `grpc.authority`, `grpc.content_type`, `grpc.timeout`, `grpc.status_code`, `grpc.message` | `rpc.method`, `server.address`, –, –, `rpc.grpc.status_code`, `rpc.grpc.message` |
/// | failure | `error`: `true`, `error.reason`, `canceled` | the same |
/// | the trace that was [dropped](crate::ServerLayer::tag_dropped_trace) | `link.trace_id` | the same |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TagNames {
    /// As an Envoy or Istio sidecar writes them.
    #[default]
    Envoy,
    /// As OpenTelemetry's semantic conventions have them.
    OpenTelemetry,
}

/// One set of names.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) tags: StandardTagNames,
    /// Whether the protocol is `HTTP/1.1`, not `1.1` alone.
    protocol_prefix: bool,
}

static ENVOY: Names = Names {
    protocol_prefix: true,
    tags: StandardTag::names(
        COMMON_NAMES,
        [
            (StandardTag::Component, "component"),
            (StandardTag::Method, "http.method"),
            (StandardTag::Url, "http.url"),
            (StandardTag::Protocol, "http.protocol"),
            (StandardTag::Status, "http.status_code"),
            (StandardTag::UserAgent, "user_agent"),
            (StandardTag::RequestSize, "request_size"),
            (StandardTag::ResponseSize, "response_size"),
            (StandardTag::RequestId, "guid:x-request-id"),
            (StandardTag::ClientTraceId, "guid:x-client-trace-id"),
            (StandardTag::PeerAddress, "peer.address"),
            (StandardTag::GrpcPath, "grpc.path"),
            (StandardTag::GrpcAuthority, "grpc.authority"),
            (StandardTag::GrpcContentType, "grpc.content_type"),
            (StandardTag::GrpcTimeout, "grpc.timeout"),
            (StandardTag::GrpcStatus, "grpc.status_code"),
            (StandardTag::GrpcMessage, "grpc.message"),
        ],
    ),
};

static OPEN_TELEMETRY: Names = Names {
    protocol_prefix: false,
    tags: StandardTag::names(
        COMMON_NAMES,
        [
            (StandardTag::Method, "http.request.method"),
            (StandardTag::Url, "url.full"),
            (StandardTag::Route, "http.route"),
            (StandardTag::Protocol, "network.protocol.version"),
            (StandardTag::Status, "http.response.status_code"),
            (StandardTag::UserAgent, "user_agent.original"),
            (StandardTag::RequestSize, "http.request.body.size"),
            (StandardTag::ResponseSize, "http.response.body.size"),
            (StandardTag::RequestId, "http.request.header.x-request-id"),
            (
                StandardTag::ClientTraceId,
                "http.request.header.x-client-trace-id",
            ),
            (StandardTag::PeerAddress, "network.peer.address"),
            (StandardTag::GrpcPath, "rpc.method"),
            (StandardTag::GrpcAuthority, "server.address"),
            (StandardTag::GrpcStatus, "rpc.grpc.status_code"),
            (StandardTag::GrpcMessage, "rpc.grpc.message"),
        ],
    ),
};

/// The headers that standard tags are made of, which are found in the one pass over a request's.
pub(crate) const READ_HEADERS: [HeaderName; 5] = [
    HOST,
    USER_AGENT,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    FORWARDED_PROTO,
];

const AT_HOST: Slot = Slot::further(0);
const AT_USER_AGENT: Slot = Slot::further(1);
const AT_CONTENT_LENGTH: Slot = Slot::further(2);
const AT_CONTENT_TYPE: Slot = Slot::further(3);
const AT_FORWARDED_PROTO: Slot = Slot::further(4);

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

impl TagNames {
    pub(crate) fn names(self) -> &'static Names {
        match self {
            TagNames::Envoy => &ENVOY,
            TagNames::OpenTelemetry => &OPEN_TELEMETRY,
        }
    }
}

/// How much of a URL is shown.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) path: usize,
    pub(crate) query: bool,
}

/// What the tags of a request need beside its head and its headers.
pub(crate) struct RequestTags<'a> {
    pub(crate) component: &'a str,
    pub(crate) limits: Limits,
    /// Whether `x-forwarded-proto` is to be believed.
    pub(crate) trusted: bool,
    pub(crate) grpc: bool,
}

impl Names {
    /// The tags of a request. Its host is given back, for the remote endpoint.
    pub(crate) fn request<'a>(
        &self,
        to: &mut SpanBuffer,
        head: &RequestHead<'a>,
        seen: &Seen<'a>,
        more: &RequestTags<'_>,
    ) -> Cow<'a, str> {
        to.add_standard(StandardTag::Component, more.component);
        to.add_standard(StandardTag::Method, head.method().as_str());
        let host = authority_or(head, seen.get(AT_HOST));
        url(to, head, seen, more, &host);
        to.add_standard(StandardTag::Protocol, self.protocol(head.version()));
        header(to, StandardTag::UserAgent, seen.get(AT_USER_AGENT));
        header(to, StandardTag::RequestId, seen.role(Role::RequestId));
        header(
            to,
            StandardTag::ClientTraceId,
            seen.role(Role::ClientTraceId),
        );
        if more.grpc {
            to.add_standard(StandardTag::GrpcPath, head.path());
            to.add_standard(StandardTag::GrpcAuthority, &host);
            header(to, StandardTag::GrpcContentType, seen.get(AT_CONTENT_TYPE));
            let timeout = head.headers().get(GRPC_TIMEOUT);
            header(to, StandardTag::GrpcTimeout, timeout);
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

fn url(
    to: &mut SpanBuffer,
    head: &RequestHead<'_>,
    seen: &Seen<'_>,
    more: &RequestTags<'_>,
    host: &str,
) {
    let path = match head.uri().path_and_query() {
        Some(whole) if more.limits.query => whole.as_str(),
        _ => head.path(),
    };
    let path = cut(path, more.limits.path);
    if host.is_empty() {
        return to.add_standard(StandardTag::Url, path);
    }
    let forwarded = || match seen.get(AT_FORWARDED_PROTO)?.as_bytes() {
        _ if !more.trusted => None,
        b"https" => Some("https"),
        b"http" => Some("http"),
        other => std::str::from_utf8(other).ok().filter(|other| {
            let scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
            (1..=16).contains(&other.len()) && other.bytes().all(scheme)
        }),
    };
    let scheme = head.uri().scheme_str().or_else(forwarded).unwrap_or("http");
    to.add_standard_parts(StandardTag::Url, &[scheme, "://", host, path]);
}

/// The status of a response; 0 where there was none.
pub(crate) fn status(to: &mut SpanBuffer, status: Option<StatusCode>) {
    let code = status.map_or(0, |status| status.as_u16());
    to.add_standard_number(StandardTag::Status, u64::from(code));
    if status.is_some_and(|status| status.is_server_error() || status.as_u16() >= 600) {
        to.mark_failed();
    }
}

/// What a gRPC response says in its trailers, or in its headers if it has no body.
pub(crate) fn grpc_status(to: &mut SpanBuffer, status: &GrpcStatus<'_>) {
    // Trailers may say again what the headers said.
    to.fields.may_repeat_names = true;
    match status.code() {
        Some(code) => to.add_standard_number(StandardTag::GrpcStatus, u64::from(code)),
        None => header(to, StandardTag::GrpcStatus, Some(status.code)),
    }
    header(to, StandardTag::GrpcMessage, status.message);
    if status.is_error() {
        to.mark_failed();
    }
}

/// The other side went away before the exchange was over.
pub(crate) fn disconnected(to: &mut SpanBuffer) {
    to.add_standard(StandardTag::ResponseFlags, "DC");
}

pub(crate) fn failed(to: &mut SpanBuffer, reason: &str) {
    to.mark_failed();
    to.add_standard(StandardTag::ErrorReason, reason);
}

pub(crate) fn canceled(to: &mut SpanBuffer) {
    to.mark_failed();
    to.add_standard(StandardTag::Canceled, "true");
}

/// `grpc-status` and `grpc-message`.
pub(crate) struct GrpcStatus<'a> {
    code: &'a HeaderValue,
    message: Option<&'a HeaderValue>,
}

impl<'a> GrpcStatus<'a> {
    pub(crate) fn of(headers: &'a HeaderMap) -> Option<GrpcStatus<'a>> {
        Some(GrpcStatus {
            code: headers.get(GRPC_STATUS)?,
            message: headers.get(GRPC_MESSAGE),
        })
    }

    pub(crate) fn code(&self) -> Option<u16> {
        parse_digits(self.code.to_str().ok()?)
    }

    /// Envoy's list: unknown, deadline exceeded, resource exhausted, unimplemented, internal,
    /// unavailable, data loss. A status that is no number is unknown.
    fn is_error(&self) -> bool {
        matches!(self.code(), None | Some(2 | 4 | 8 | 12 | 13 | 14 | 15))
    }
}

/// Whether a request is a gRPC request.
pub(crate) fn is_grpc_request(seen: &Seen<'_>) -> bool {
    seen.get(AT_CONTENT_TYPE).is_some_and(is_grpc_type)
}

/// Whether a response is a gRPC response.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(is_grpc_type)
}

fn is_grpc_type(content_type: &HeaderValue) -> bool {
    let rest = content_type.as_bytes().strip_prefix(b"application/grpc");
    matches!(rest, Some([] | [b'+' | b';', ..]))
}

/// `package.Service/Method` of a gRPC path; nothing if the path has another shape.
pub(crate) fn grpc_name(path: &str) -> &str {
    let name = path.strip_prefix('/').unwrap_or_default();
    match name.split_once('/') {
        Some((service, method)) if !service.is_empty() && !method.contains('/') => name,
        _ => "",
    }
}

/// The content-length of a request.
pub(crate) fn request_length(seen: &Seen<'_>) -> Option<u64> {
    number(seen.get(AT_CONTENT_LENGTH)?)
}

/// The content-length of a response.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    number(headers.get(CONTENT_LENGTH)?)
}

fn number(value: &HeaderValue) -> Option<u64> {
    parse_digits(value.to_str().ok()?)
}

/// `HTTP/1.1`; empty for a version that is not known.
pub(super) fn protocol(version: Version) -> &'static str {
    match version {
        Version::HTTP_09 => "HTTP/0.9",
        Version::HTTP_10 => "HTTP/1.0",
        Version::HTTP_11 => "HTTP/1.1",
        Version::HTTP_2 => "HTTP/2",
        Version::HTTP_3 => "HTTP/3",
        _ => "",
    }
}

/// Host and port, from the URI or the `Host` header, without credentials.
pub(crate) fn authority<'a>(head: &RequestHead<'a>) -> Cow<'a, str> {
    let host = match head.uri().authority() {
        Some(_) => None,
        None => head.headers().get(HOST),
    };
    authority_or(head, host)
}

/// The same, where the `Host` header is known already.
fn authority_or<'a>(head: &RequestHead<'a>, host: Option<&'a HeaderValue>) -> Cow<'a, str> {
    let whole = match head.uri().authority() {
        Some(authority) => Cow::Borrowed(authority.as_str()),
        None => host.map_or(Cow::Borrowed(""), text),
    };
    if !words::contain(whole.as_bytes(), b'@') {
        return whole;
    }
    match whole.rsplit_once('@') {
        Some((_, host)) => Cow::Owned(host.to_owned()),
        None => whole,
    }
}

/// A header's value as text; what is not UTF-8 in it is replaced.
pub(crate) fn text(value: &HeaderValue) -> Cow<'_, str> {
    // Quicker than to look for UTF-8, and right for nearly every value.
    match value.to_str() {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(value.as_bytes()),
    }
}

fn header(to: &mut SpanBuffer, tag: StandardTag, value: Option<&HeaderValue>) {
    if let Some(value) = value {
        to.add_standard(tag, &text(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_is_not_part_of_a_header_s_number() {
        let number = |text| number(&HeaderValue::from_static(text));
        assert_eq!(number("12"), Some(12));
        assert_eq!(number("+12"), None);
        let status = |code| {
            let headers = HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from_static(code))]);
            GrpcStatus::of(&headers).is_some_and(|status| status.is_error())
        };
        assert!(!status("0") && status("2"));
        assert!(status("+0"), "not a number, so UNKNOWN");
    }
}
