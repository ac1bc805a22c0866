//! `End`: the ways in which an exchange can end, and the span's last tags and name, which depend on it.

use crate::{
    direction::Direction,
    record::{SpanBuffer, StandardTag},
    span::{ExchangeFacts, Grpc, OpenSpan},
    tags,
};
use std::sync::atomic::Ordering::Relaxed;

/// How an exchange ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End<'a> {
    /// Nothing of the response is outstanding.
    Complete,
    /// The response's head upgraded the connection: what follows is not part of the exchange.
    Upgraded,
    /// The service, its future or the response's body failed with this error text.
    Error(&'a str),
    /// The service, its future or the response's body panicked.
    Panicked,
    /// The future was dropped before the response's head arrived.
    Cancelled,
    /// The response's body was dropped before its end.
    BodyDropped,
}

impl End<'static> {
    /// How an exchange ends that is dropped before it was closed.
    pub(super) fn of_dropped(open: &OpenSpan) -> End<'static> {
        let facts = &open.exchange;
        let received = |expected| facts.response_bytes >= expected;
        match facts.status {
            _ if open.panicked || facts.hint_panicked.load(Relaxed) => End::Panicked,
            None => End::Cancelled,
            Some(_) if facts.expected_bytes.is_some_and(received) => End::Complete,
            Some(_) => End::BodyDropped,
        }
    }
}

impl End<'_> {
    /// Writes the tags that are known at the end.
    pub(super) fn tag(self, record: &mut SpanBuffer, facts: &ExchangeFacts) {
        if facts.status.is_none() {
            tags::status(record, None);
        }
        self.tag_failure(record, facts);
        if let Some(bytes) = facts.request_bytes {
            record.add_standard_number(StandardTag::RequestSize, bytes);
        }
        record.add_standard_number(StandardTag::ResponseSize, facts.response_bytes);
        record.add_standard(StandardTag::Route, &facts.route);
    }

    fn tag_failure(self, record: &mut SpanBuffer, facts: &ExchangeFacts) {
        let is_client = facts.direction == Some(Direction::Client);
        match self {
            End::Complete | End::Upgraded => {}
            End::Error(reason) => tags::failed(record, reason),
            End::Panicked => tags::failed(record, "panic"),
            End::Cancelled if is_client => tags::canceled(record),
            End::Cancelled => {
                record.mark_failed();
                tags::disconnected(record);
            }
            // The client has a response, and did not want the rest of it.
            End::BodyDropped if is_client => {}
            End::BodyDropped => tags::disconnected(record),
        }
    }
}

/// Names a span that user code has not named.
pub(super) fn name(record: &mut SpanBuffer, facts: &ExchangeFacts) {
    // A gRPC span is named by its path when it starts. That name stays only if the server has such a
    // method, or if there is neither a response nor a route: otherwise any peer could choose names by
    // sending nonsense with gRPC's content type.
    let keeps_path = match facts.status {
        Some(_) => facts.grpc.method_exists(),
        None => facts.grpc == Grpc::Requested && facts.route.is_empty(),
    };
    if keeps_path && record.is_named() {
        return;
    }
    match facts.route.as_str() {
        "" => record.set_name(&[facts.method.as_str()]),
        route => record.set_name(&[facts.method.as_str(), " ", route]),
    }
}
