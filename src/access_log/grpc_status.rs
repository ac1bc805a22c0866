//! The status of a gRPC call as `%GRPC_STATUS%` shows it.

use crate::observe::EndedExchange;

/// How a status is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GrpcFormat {
    /// `NotFound`
    Camel,
    /// `NOT_FOUND`
    Snake,
    Number,
}

/// The names of the statuses from 0 on, as Envoy writes them.
const NAMES: [(&str, &str); 17] = [
    ("OK", "OK"),
    ("Canceled", "CANCELLED"),
    ("Unknown", "UNKNOWN"),
    ("InvalidArgument", "INVALID_ARGUMENT"),
    ("DeadlineExceeded", "DEADLINE_EXCEEDED"),
    ("NotFound", "NOT_FOUND"),
    ("AlreadyExists", "ALREADY_EXISTS"),
    ("PermissionDenied", "PERMISSION_DENIED"),
    ("ResourceExhausted", "RESOURCE_EXHAUSTED"),
    ("FailedPrecondition", "FAILED_PRECONDITION"),
    ("Aborted", "ABORTED"),
    ("OutOfRange", "OUT_OF_RANGE"),
    ("Unimplemented", "UNIMPLEMENTED"),
    ("Internal", "INTERNAL"),
    ("Unavailable", "UNAVAILABLE"),
    ("DataLoss", "DATA_LOSS"),
    ("Unauthenticated", "UNAUTHENTICATED"),
];

impl GrpcFormat {
    /// The name of a status; `None` if it is shown as a number.
    pub(super) fn name(self, status: u16) -> Option<&'static str> {
        let (camel, snake) = NAMES.get(usize::from(status))?;
        match self {
            GrpcFormat::Camel => Some(camel),
            GrpcFormat::Snake => Some(snake),
            GrpcFormat::Number => None,
        }
    }
}

/// The status of a gRPC call. Without `grpc-status`, it follows from the HTTP status, as in Envoy.
/// `None` for other requests, and if the caller has left.
pub(super) fn of(exchange: &EndedExchange<'_>) -> Option<u16> {
    if !exchange.is_grpc() {
        return None;
    }
    exchange.grpc_status().or(match exchange.response_code() {
        0 => None,
        400 => Some(13),
        401 => Some(16),
        403 => Some(7),
        404 => Some(12),
        429 | 502 | 503 | 504 => Some(14),
        _ => Some(2),
    })
}
