//! What the end of an exchange does to its span: the last tags, and the name.

use crate::{
    direction::Direction,
    observe::{Ending, ExchangeFacts, Grpc},
    record::{SpanBuffer, StandardTag},
    span::OpenSpan,
    tags,
};
use std::sync::atomic::Ordering::Relaxed;

/// How an exchange ends that is dropped before it was closed.
pub(super) fn of_dropped(open: &OpenSpan) -> Ending {
    let facts = &open.exchange;
    let received = |expected| facts.response_bytes >= expected;
    match facts.status {
        _ if open.panicked || facts.hint_panicked.load(Relaxed) => Ending::Panicked,
        None => Ending::Canceled,
        Some(_) if facts.expected_bytes.is_some_and(received) => Ending::Complete,
        Some(_) => Ending::BodyDropped,
    }
}

/// Writes the tags that are known at the end. `error` is what a failed exchange failed with.
pub(super) fn tag(record: &mut SpanBuffer, facts: &ExchangeFacts, ending: Ending, error: &str) {
    if facts.status.is_none() {
        tags::status(record, None);
    }
    tag_failure(record, facts, ending, error);
    if let Some(bytes) = facts.request_bytes {
        record.add_standard_number(StandardTag::RequestSize, bytes);
    }
    record.add_standard_number(StandardTag::ResponseSize, facts.response_bytes);
    record.add_standard(StandardTag::Route, &facts.route);
}

fn tag_failure(record: &mut SpanBuffer, facts: &ExchangeFacts, ending: Ending, error: &str) {
    let is_client = facts.direction == Some(Direction::Client);
    match ending {
        Ending::Complete | Ending::Upgraded => {}
        Ending::Failed => tags::failed(record, error),
        Ending::Panicked => tags::failed(record, "panic"),
        Ending::Canceled if is_client => tags::canceled(record),
        Ending::Canceled => {
            record.mark_failed();
            tags::disconnected(record);
        }
        // The client has a response, and did not want the rest of it.
        Ending::BodyDropped if is_client => {}
        Ending::BodyDropped => tags::disconnected(record),
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
