//! `TagNames`: what the standard tags are called with Envoy and with OpenTelemetry.

use crate::record::{COMMON_NAMES, StandardTag, StandardTagNames};

/// The names of the standard tags.
///
/// | tag | Envoy (default) | OpenTelemetry |
/// |---|---|---|
/// | component | `component` | – |
/// | method | `http.method` | `http.request.method` |
/// | URL, without query and credentials | `http.url` | `url.full` |
/// | route | – (in the name) | `http.route` |
/// | protocol | `http.protocol`: `HTTP/1.1` | `network.protocol.version`: `1.1` |
/// | status | `http.status_code` | `http.response.status_code` |
/// | user agent | `user_agent` | `user_agent.original` |
/// | bytes of the bodies | `request_size`, `response_size` | `http.request.body.size`, `http.response.body.size` |
/// | how the exchange ended | `response_flags`: `DC` | the same |
/// | request id | `guid:x-request-id` | `http.request.header.x-request-id` |
/// | client's trace id | `guid:x-client-trace-id` | `http.request.header.x-client-trace-id` |
/// | IP address of the peer | `peer.address` | `network.peer.address` |
/// | gRPC | `grpc.path`, `grpc.authority`, `grpc.content_type`, `grpc.timeout`, `grpc.status_code`, `grpc.message` | `rpc.method`, `server.address`, –, –, `rpc.grpc.status_code`, `rpc.grpc.message` |
/// | failed or canceled | `error`: `true`, `error.reason`, `canceled` | the same |
/// | the id of a [dropped trace](crate::ServerLayer::tag_dropped_trace) | `link.trace_id` | the same |
/// | malformed trace headers | `malformed_headers` | the same |
/// | number of tags and annotations left out at the limit | `left_out` | the same |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TagNames {
    /// As an Envoy or Istio sidecar writes them.
    #[default]
    Envoy,
    /// As in OpenTelemetry's semantic conventions.
    OpenTelemetry,
}

/// The names of one convention, and how it writes values.
#[derive(Debug)]
pub(crate) struct TagConvention {
    pub(crate) tags: StandardTagNames,
    /// Whether the protocol is written as `HTTP/1.1` instead of `1.1`.
    pub(super) protocol_prefix: bool,
}

static ENVOY: TagConvention = TagConvention {
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

static OPEN_TELEMETRY: TagConvention = TagConvention {
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

impl TagNames {
    pub(crate) fn convention(self) -> &'static TagConvention {
        match self {
            TagNames::Envoy => &ENVOY,
            TagNames::OpenTelemetry => &OPEN_TELEMETRY,
        }
    }
}
