//! `EndedExchange`: the facts about an exchange that has ended.

#[cfg(feature = "metrics")]
use super::BodyFraming;
use super::{Ending, ExchangeFacts, Grpc, ResponseFlags, TransportFailure};
#[cfg(feature = "metrics")]
use crate::tags::GrpcCode;
use crate::{clock::Moment, context::TraceContext, direction::Direction, id::RequestId};
use http::{Method, StatusCode, Version};
#[cfg(feature = "metrics")]
use std::time::Instant;
use std::{
    net::SocketAddr,
    time::{Duration, SystemTime},
};

/// What the end of an exchange adds to the facts about it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct End<'a> {
    pub(crate) ending: Ending,
    /// Empty unless the exchange failed.
    pub(crate) error: &'a str,
    pub(crate) context: Option<&'a TraceContext>,
    pub(crate) is_recorded: bool,
    pub(crate) request_id: Option<&'a RequestId>,
}

/// A request and its response, after the end.
#[derive(Debug)]
pub struct EndedExchange<'a> {
    pub(super) direction: Direction,
    pub(super) facts: &'a ExchangeFacts,
    pub(super) end: End<'a>,
    pub(super) failure: TransportFailure,
    pub(super) request_bytes: Option<u64>,
    #[cfg(feature = "metrics")]
    pub(super) request_framing: BodyFraming,
    pub(super) request_messages: Option<u64>,
    pub(super) response_messages: Option<u64>,
    pub(super) started: Moment,
    pub(super) head_after: Option<Duration>,
    pub(super) duration: Duration,
}

impl<'a> EndedExchange<'a> {
    /// Whether the service answered the request, or sent it.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// The request's method.
    pub fn method(&self) -> &'a Method {
        &self.facts.method
    }

    /// The request's HTTP version.
    pub fn version(&self) -> Version {
        self.facts.version
    }

    /// The template of the route, such as `/items/{id}`: from axum's matched path, from
    /// [`scope::route`](crate::scope::route), or from a [`RouteTemplate`](crate::RouteTemplate). `None` if
    /// unknown.
    pub fn route(&self) -> Option<&'a str> {
        Some(self.facts.route.as_str()).filter(|route| !route.is_empty())
    }

    /// The response's status; `None` if there was no response.
    pub fn status(&self) -> Option<StatusCode> {
        self.facts.status
    }

    /// The status as a number. Where there was no response, it is the one that Envoy would report: 503
    /// if the service failed or could not be reached, 504 for a timeout, 0 if the caller went away.
    pub fn response_code(&self) -> u16 {
        match self.facts.status {
            Some(status) => status.as_u16(),
            None => self.response_flags().code_without_response(),
        }
    }

    /// What went wrong, as Envoy's response flags.
    pub fn response_flags(&self) -> ResponseFlags {
        let facts = self.facts;
        let expected = facts.expected_bytes;
        let outstanding = expected.map(|bytes| bytes.saturating_sub(facts.response_bytes));
        ResponseFlags::of(self.direction, self.end.ending, self.failure, outstanding)
    }

    /// Why the response has its code, as in Envoy's `%RESPONSE_CODE_DETAILS%`: `via_upstream` for every
    /// complete response.
    pub fn response_code_details(&self) -> &'static str {
        let has_response = self.facts.status.is_some();
        self.response_flags().code_details(has_response)
    }

    /// Whether the request is a gRPC request.
    pub fn is_grpc(&self) -> bool {
        self.facts.grpc != Grpc::No
    }

    /// `grpc-status` from the response's trailers, or else from its headers. `None` if the exchange is
    /// not gRPC, or the status is missing or not a number.
    pub fn grpc_status(&self) -> Option<u16> {
        self.facts.grpc.status()?.number()
    }

    /// The same, including a status that is not a number.
    #[cfg(feature = "metrics")]
    pub(crate) fn grpc_code(&self) -> Option<GrpcCode> {
        self.facts.grpc.status()
    }

    /// How the exchange ended.
    pub fn ending(&self) -> Ending {
        self.end.ending
    }

    /// The `Debug` text of the error with which the exchange [failed](Ending::Failed), cut to
    /// [`max_tag_length`](crate::TracerBuilder::max_tag_length).
    pub fn error(&self) -> Option<&'a str> {
        Some(self.end.error).filter(|_| self.end.ending == Ending::Failed)
    }

    /// The number of bytes of the request's body: those that were read, if the body has no known size and is
    /// of a type that can be [counted](crate::TracerBuilder::count_request_bodies); otherwise the announced
    /// size. `None` if there is none.
    pub fn request_bytes(&self) -> Option<u64> {
        self.request_bytes
    }

    /// How many bytes of the response's body were passed on.
    pub fn response_bytes(&self) -> u64 {
        self.facts.response_bytes
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn request_framing(&self) -> BodyFraming {
        self.request_framing
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn response_framing(&self) -> BodyFraming {
        self.facts.response_framing
    }

    /// The number of gRPC messages of the request that have been read. `None` if the exchange is not gRPC,
    /// or the body is of a type that cannot be
    /// [counted](crate::TracerBuilder::count_request_bodies).
    pub fn request_messages(&self) -> Option<u64> {
        self.request_messages
    }

    /// The number of gRPC messages of the response that were passed on. `None` if the exchange is not
    /// gRPC.
    pub fn response_messages(&self) -> Option<u64> {
        self.response_messages
    }

    /// When the layer received the request.
    pub fn started(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_micros(self.started.micros())
    }

    /// The time from the request to the head of the response; `None` if there was none.
    pub fn duration_to_head(&self) -> Option<Duration> {
        self.head_after
    }

    /// The time from the request to the end.
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// When it ended, without reading the clock again.
    #[cfg(feature = "metrics")]
    pub(crate) fn ended_at(&self) -> Instant {
        self.started.instant() + self.duration
    }

    /// The context of the exchange's span. `None` if there is no such span, because a sidecar makes
    /// them.
    pub fn context(&self) -> Option<TraceContext> {
        self.end.context.copied()
    }

    /// Whether the exchange's span is recorded and reported here.
    pub fn is_recorded(&self) -> bool {
        self.end.is_recorded
    }

    /// The address of the peer that sent the request to the server layer, as
    /// [`ServerLayer::peer_address`](crate::ServerLayer::peer_address) or axum's `ConnectInfo` provides it.
    /// `None` for a client.
    pub fn peer_address(&self) -> Option<SocketAddr> {
        self.facts.peer_address
    }

    /// The request id.
    pub fn request_id(&self) -> Option<&'a RequestId> {
        self.end.request_id
    }
}
