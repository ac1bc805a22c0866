//! The standard tags: Envoy's names, or OpenTelemetry's.

use crate::{
    digits::whole,
    head::RequestHead,
    record::{Record, cut},
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, USER_AGENT},
};
use std::{borrow::Cow, net::SocketAddr};

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

/// One set of names. An empty one is not written.
#[derive(Debug)]
pub(crate) struct Names {
    component: &'static str,
    method: &'static str,
    url: &'static str,
    route: &'static str,
    protocol: &'static str,
    protocol_prefix: bool,
    status: &'static str,
    user_agent: &'static str,
    request_size: &'static str,
    response_size: &'static str,
    request_id: &'static str,
    client_trace_id: &'static str,
    peer: &'static str,
    grpc_path: &'static str,
    grpc_authority: &'static str,
    grpc_content_type: &'static str,
    grpc_timeout: &'static str,
    grpc_status: &'static str,
    grpc_message: &'static str,
}

static ENVOY: Names = Names {
    component: "component",
    method: "http.method",
    url: "http.url",
    route: "",
    protocol: "http.protocol",
    protocol_prefix: true,
    status: "http.status_code",
    user_agent: "user_agent",
    request_size: "request_size",
    response_size: "response_size",
    request_id: "guid:x-request-id",
    client_trace_id: "guid:x-client-trace-id",
    peer: "peer.address",
    grpc_path: "grpc.path",
    grpc_authority: "grpc.authority",
    grpc_content_type: "grpc.content_type",
    grpc_timeout: "grpc.timeout",
    grpc_status: "grpc.status_code",
    grpc_message: "grpc.message",
};

static OPEN_TELEMETRY: Names = Names {
    component: "",
    method: "http.request.method",
    url: "url.full",
    route: "http.route",
    protocol: "network.protocol.version",
    protocol_prefix: false,
    status: "http.response.status_code",
    user_agent: "user_agent.original",
    request_size: "http.request.body.size",
    response_size: "http.response.body.size",
    request_id: "http.request.header.x-request-id",
    client_trace_id: "http.request.header.x-client-trace-id",
    peer: "network.peer.address",
    grpc_path: "rpc.method",
    grpc_authority: "server.address",
    grpc_content_type: "",
    grpc_timeout: "",
    grpc_status: "rpc.grpc.status_code",
    grpc_message: "rpc.grpc.message",
};

/// The trace that a stranger's request said it belongs to.
pub(crate) const LINK: &str = "link.trace_id";

/// How an exchange went wrong.
const FLAGS: &str = "response_flags";
const REASON: &str = "error.reason";
const CANCELED: &str = "canceled";

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

/// What the tags of a request need beside its head.
pub(crate) struct RequestTags<'a> {
    pub(crate) component: &'a str,
    pub(crate) limits: Limits,
    pub(crate) request_id: Option<&'a HeaderValue>,
    pub(crate) client_trace_id: Option<&'a HeaderValue>,
    /// The peer of a SERVER span.
    pub(crate) peer: Option<SocketAddr>,
    /// Whether `x-forwarded-proto` is to be believed.
    pub(crate) trusted: bool,
    pub(crate) grpc: bool,
}

impl Names {
    /// Every name, for custom tags to collide with.
    pub(crate) fn all(&self) -> [&'static str; 25] {
        [
            self.component,
            self.method,
            self.url,
            self.route,
            self.protocol,
            self.status,
            self.user_agent,
            self.request_size,
            self.response_size,
            self.request_id,
            self.client_trace_id,
            self.peer,
            self.grpc_path,
            self.grpc_authority,
            self.grpc_content_type,
            self.grpc_timeout,
            self.grpc_status,
            self.grpc_message,
            FLAGS,
            "error",
            REASON,
            CANCELED,
            LINK,
            "malformed_headers",
            "left_out",
        ]
    }

    pub(crate) fn request(&self, to: &mut Record, head: &RequestHead<'_>, more: &RequestTags<'_>) {
        let common = Common::of(head.headers());
        to.standard(self.component, &[more.component]);
        match method(head.method()) {
            Some(method) => to.standard_static(self.method, method),
            None => to.standard(self.method, &[head.method().as_str()]),
        }
        let host = authority_or(head, common.host);
        self.url(to, head, more, &host, common.forwarded_proto);
        to.standard_static(self.protocol, self.protocol(head.version()));
        header(to, self.user_agent, common.user_agent);
        if let Some(length) = common.content_length.and_then(number) {
            to.standard_number(self.request_size, length);
        }
        header(to, self.request_id, more.request_id);
        header(to, self.client_trace_id, more.client_trace_id);
        if let Some(peer) = more.peer {
            to.standard_address(self.peer, peer.ip());
        }
        if more.grpc {
            to.standard(self.grpc_path, &[head.path()]);
            to.standard(self.grpc_authority, &[&host]);
            header(to, self.grpc_content_type, head.headers().get(CONTENT_TYPE));
            header(to, self.grpc_timeout, head.headers().get(GRPC_TIMEOUT));
        }
    }

    fn url(
        &self,
        to: &mut Record,
        head: &RequestHead<'_>,
        more: &RequestTags<'_>,
        host: &str,
        forwarded_proto: Option<&HeaderValue>,
    ) {
        let path = match head.uri().path_and_query() {
            Some(whole) if more.limits.query => whole.as_str(),
            _ => head.path(),
        };
        let path = cut(path, more.limits.path);
        if host.is_empty() {
            return to.standard(self.url, &[path]);
        }
        let forwarded = || {
            let proto = forwarded_proto?.to_str().ok()?;
            more.trusted.then_some(proto).filter(|proto| {
                let scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
                !proto.is_empty() && proto.len() <= 16 && proto.bytes().all(scheme)
            })
        };
        let scheme = head.uri().scheme_str().or_else(forwarded).unwrap_or("http");
        to.standard(self.url, &[scheme, "://", host, path]);
    }

    fn protocol(&self, version: Version) -> &'static str {
        let full = protocol(version);
        if self.protocol_prefix {
            full
        } else {
            full.strip_prefix("HTTP/").unwrap_or(full)
        }
    }

    pub(crate) fn route(&self, to: &mut Record, route: &str) {
        to.standard(self.route, &[route]);
    }

    /// The status of a response; 0 where there was none.
    pub(crate) fn status(&self, to: &mut Record, status: Option<StatusCode>) {
        let code = status.map_or(0, |status| status.as_u16());
        to.standard_number(self.status, u64::from(code));
        if status.is_some_and(|status| status.is_server_error() || status.as_u16() >= 600) {
            to.standard_error();
        }
    }

    pub(crate) fn response_size(&self, to: &mut Record, bytes: u64) {
        to.standard_number(self.response_size, bytes);
    }

    /// What a gRPC response says in its trailers, or in its headers if it has no body.
    pub(crate) fn grpc(&self, to: &mut Record, status: &GrpcStatus<'_>) {
        // Trailers may say again what the headers said.
        to.doubtful = true;
        match status.code() {
            Some(code) => to.standard_number(self.grpc_status, u64::from(code)),
            None => header(to, self.grpc_status, Some(status.code)),
        }
        header(to, self.grpc_message, status.message);
        if status.is_error() {
            to.standard_error();
        }
    }
}

/// The other side went away before the exchange was over.
pub(crate) fn disconnected(to: &mut Record) {
    to.standard_static(FLAGS, "DC");
}

pub(crate) fn failed(to: &mut Record, reason: &str) {
    to.standard_error();
    to.standard(REASON, &[reason]);
}

pub(crate) fn canceled(to: &mut Record) {
    to.standard_error();
    to.standard_static(CANCELED, "true");
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

    fn code(&self) -> Option<u16> {
        whole(self.code.to_str().ok()?)
    }

    /// Whether no method answered to the path.
    pub(crate) fn is_unimplemented(&self) -> bool {
        self.code() == Some(12)
    }

    /// Envoy's list: unknown, deadline exceeded, resource exhausted, unimplemented, internal,
    /// unavailable, data loss. A status that is no number is unknown.
    fn is_error(&self) -> bool {
        matches!(self.code(), None | Some(2 | 4 | 8 | 12 | 13 | 14 | 15))
    }
}

/// Whether a request or response is one of gRPC.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    let rest = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.as_bytes().strip_prefix(b"application/grpc"));
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

pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    number(headers.get(CONTENT_LENGTH)?)
}

fn number(value: &HeaderValue) -> Option<u64> {
    whole(value.to_str().ok()?)
}

/// The headers that most spans have a tag of, found in one pass: a look-up costs as much as a
/// third of it.
#[derive(Default)]
struct Common<'a> {
    host: Option<&'a HeaderValue>,
    user_agent: Option<&'a HeaderValue>,
    content_length: Option<&'a HeaderValue>,
    forwarded_proto: Option<&'a HeaderValue>,
}

impl<'a> Common<'a> {
    fn of(headers: &'a HeaderMap) -> Common<'a> {
        let mut common = Common::default();
        for (name, value) in headers {
            let place = if *name == HOST {
                &mut common.host
            } else if *name == USER_AGENT {
                &mut common.user_agent
            } else if *name == CONTENT_LENGTH {
                &mut common.content_length
            } else if *name == FORWARDED_PROTO {
                &mut common.forwarded_proto
            } else {
                continue;
            };
            place.get_or_insert(value);
        }
        common
    }
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
    match whole.rfind('@') {
        Some(at) => Cow::Owned(whole[at + 1..].to_owned()),
        None => whole,
    }
}

/// A header's value as text; what is not UTF-8 in it is replaced.
pub(crate) fn text(value: &HeaderValue) -> Cow<'_, str> {
    utf8(value.as_bytes())
}

/// As `from_utf8_lossy`, which is slow for what is UTF-8 as nearly everything is.
pub(crate) fn utf8(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

fn header(to: &mut Record, name: &'static str, value: Option<&HeaderValue>) {
    if let Some(value) = value {
        to.standard(name, &[&text(value)]);
    }
}

fn method(method: &Method) -> Option<&'static str> {
    Some(match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => return None,
    })
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
