//! `ExchangeFacts`: the facts about a request and its response.

#[cfg(feature = "metrics")]
use super::BodyFraming;
use crate::{direction::Direction, tags::GrpcCode};
use http::{Method, StatusCode, Version};
use std::{net::SocketAddr, sync::atomic::AtomicBool};

/// The facts about an exchange. The layers fill them in when the request starts, the exchange while the
/// response arrives, and `Exchange::close` reads all of them when the exchange ends.
///
/// Except for `echo_request_id` they are filled in only if the span is recorded or there is an observer.
/// They are in the span's box, next to the context and the clock, so that moving an exchange
/// from a future to a body moves one pointer.
#[derive(Debug, Default)]
pub(crate) struct ExchangeFacts {
    /// `None` for a span that is not about an exchange.
    pub(crate) direction: Option<Direction>,
    pub(crate) method: Method,
    pub(crate) version: Version,
    /// The route's template; empty if unknown.
    pub(crate) route: String,
    /// Whether the response gets the request id.
    pub(crate) echo_request_id: bool,
    /// `None` until the response's head arrives.
    pub(crate) status: Option<StatusCode>,
    pub(crate) grpc: Grpc,
    /// The request's content-length.
    pub(crate) request_bytes: Option<u64>,
    /// Bytes of the response's body so far.
    pub(crate) response_bytes: u64,
    #[cfg(feature = "metrics")]
    pub(crate) response_framing: BodyFraming,
    /// How many bytes of the body there should be, by the response's head.
    pub(crate) expected_bytes: Option<u64>,
    /// Whether the body's `size_hint` or `is_end_stream` panicked. Atomic, because both have only `&self`.
    pub(crate) hint_panicked: AtomicBool,
    /// The peer of a server, if there is an observer.
    pub(crate) peer_address: Option<SocketAddr>,
}

/// Whether an exchange is a gRPC call, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Grpc {
    #[default]
    No,
    /// The request is a gRPC request.
    Requested,
    /// The response is a gRPC response too, with this status if it has arrived.
    Answered { status: Option<GrpcCode> },
}

/// gRPC's `UNIMPLEMENTED`: there is no such method.
const UNIMPLEMENTED: Option<GrpcCode> = Some(GrpcCode::Number(12));

impl Grpc {
    /// By the request alone.
    pub(crate) fn requested(is_grpc: bool) -> Grpc {
        match is_grpc {
            true => Grpc::Requested,
            false => Grpc::No,
        }
    }

    /// The status of the response; `None` if there is none.
    pub(crate) fn status(self) -> Option<GrpcCode> {
        match self {
            Grpc::Answered { status } => status,
            Grpc::No | Grpc::Requested => None,
        }
    }

    /// Whether a method of the server has answered, which shows that the request's path names one.
    pub(crate) fn method_exists(self) -> bool {
        matches!(self, Grpc::Answered { status } if status != UNIMPLEMENTED)
    }
}

impl ExchangeFacts {
    /// Resets everything, and keeps the memory of the route.
    pub(crate) fn clear(&mut self) {
        self.direction = None;
        self.method = Method::default();
        self.version = Version::default();
        self.route.clear();
        self.echo_request_id = false;
        self.status = None;
        self.grpc = Grpc::default();
        self.request_bytes = None;
        self.response_bytes = 0;
        #[cfg(feature = "metrics")]
        {
            self.response_framing = BodyFraming::default();
        }
        self.expected_bytes = None;
        self.hint_panicked = AtomicBool::new(false);
        self.peer_address = None;
    }
}
