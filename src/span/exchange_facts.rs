use http::{Method, StatusCode};
use std::sync::atomic::AtomicBool;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Side {
    #[default]
    Server,
    Client,
}

/// How far an exchange is one of gRPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Grpc {
    #[default]
    No,
    /// The request is.
    Requested,
    /// The response is, too.
    Answered,
    /// The response is, and says that there is no such method.
    Unimplemented,
}

impl Grpc {
    /// What a request alone tells.
    pub(crate) fn requested(is_grpc: bool) -> Grpc {
        match is_grpc {
            true => Grpc::Requested,
            false => Grpc::No,
        }
    }
}

/// What is known of the exchange that a span is about. It is in the span's box, so that moving an
/// exchange from a future to a body moves a pointer.
#[derive(Debug, Default)]
pub(crate) struct ExchangeFacts {
    pub(crate) side: Side,
    pub(crate) method: Method,
    pub(crate) grpc: Grpc,
    /// Whether the response says which request id it answers.
    pub(crate) echo: bool,
    /// The response's, once its head is there.
    pub(crate) status: Option<StatusCode>,
    /// Bytes of the response's body so far, and how many there should be.
    pub(crate) bytes: u64,
    pub(crate) expected: Option<u64>,
    /// Whether the body panicked when it was asked how long it is or whether it is at its end.
    pub(crate) hint_panicked: AtomicBool,
}
