//! `Exchange`: the events of an exchange, from its response's head to its end.
//!
//! The response future and the response body call it. They decide which event has happened; what it
//! does to the span is decided here, in the order that the events come in:
//!
//! 1. `head`: the response's head. The status is known, and how long the body should be.
//! 2. `data`: each frame of the body.
//! 3. `trailers`, `fail` or the end of the body call `close`, and so does the drop of an exchange that
//!    is not closed yet.

use super::{
    end::{self, End},
    response_head::{has_body, is_upgrade},
};
use crate::{
    propagation::REQUEST_ID,
    span::{Grpc, OpenSpan},
    tags::{self, GrpcStatus},
    user_code::{debug_text, guarded},
};
use http::{HeaderMap, Response, header::Entry};
use http_body::Body;
use std::fmt;

/// A request and its response, with the span around them.
pub(crate) struct Exchange {
    /// `None` if there is nothing to keep current or to record.
    pub(crate) open: Option<Box<OpenSpan>>,
}

impl Exchange {
    /// An exchange in this span, which holds the facts about it.
    pub(crate) fn new(open: Box<OpenSpan>) -> Exchange {
        Exchange { open: Some(open) }
    }

    /// An exchange without a span.
    pub(crate) fn untraced() -> Exchange {
        Exchange { open: None }
    }

    /// Whether the span is recorded, and has not ended.
    pub(super) fn is_recorded(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.is_recorded())
    }

    /// The response's head has arrived.
    pub(super) fn head<B: Body>(&mut self, response: &mut Response<B>) {
        let Some(open) = &mut self.open else {
            return;
        };
        if open.exchange.echo_request_id {
            echo_request_id(open, response.headers_mut());
        }
        if !open.is_recorded() {
            return;
        }
        let status = response.status();
        let facts = &mut open.exchange;
        facts.status = Some(status);
        let size = guarded(|| response.body().size_hint().exact()).flatten();
        facts.expected_bytes = match has_body(&facts.method, status) {
            true => size.or_else(|| tags::content_length(response.headers())),
            false => Some(0),
        };
        let upgraded = is_upgrade(&facts.method, status);
        let grpc = facts.grpc == Grpc::Requested;
        if let Some((record, facts)) = open.record_and_facts() {
            tags::status(record, Some(status));
            if grpc {
                if tags::is_grpc_response(response.headers()) {
                    facts.grpc = Grpc::Answered { status: None };
                }
                // In the headers if the response has no body, then without trailers.
                self.grpc_status(response.headers());
            }
        }
        if upgraded {
            // At once, however long the caller keeps the response next to its socket.
            self.close(End::Upgraded);
        }
    }

    /// A frame of the body with data.
    pub(super) fn data(&mut self, bytes: u64) {
        if let Some(open) = &mut self.open {
            open.exchange.response_bytes += bytes;
        }
    }

    /// The trailers, with which a body ends.
    pub(super) fn trailers(&mut self, trailers: &HeaderMap) {
        let facts = self.open.as_ref().map(|open| &open.exchange);
        if facts.is_some_and(|facts| facts.grpc != Grpc::No) {
            self.grpc_status(trailers);
        }
        self.close(End::Complete);
    }

    /// Reads the gRPC status from headers or trailers. Trailers come later, and win.
    fn grpc_status(&mut self, headers: &HeaderMap) {
        let Some(open) = &mut self.open else {
            return;
        };
        if let (Some((record, facts)), Some(status)) =
            (open.record_and_facts(), GrpcStatus::of(headers))
        {
            tags::grpc_status(record, &status);
            let status = status.code();
            facts.grpc = Grpc::Answered { status };
        }
    }

    /// Nothing of the response is outstanding, even if its head announced more.
    pub(super) fn complete(&mut self) {
        if let Some(open) = &mut self.open {
            open.exchange.expected_bytes = Some(0);
        }
    }

    /// The service, its future or the response's body failed.
    pub(super) fn fail(&mut self, error: &dyn fmt::Debug) {
        let record = self.open.as_mut().and_then(|open| open.record());
        // The error is formatted only if the span is recorded.
        let reason = record.map(|record| debug_text(error, record.max_tag_length()));
        self.close(End::Error(reason.as_deref().unwrap_or_default()));
    }

    /// Ends the exchange: here everything about it is known. `open.exchange` holds method, route,
    /// status, gRPC status and sizes, `open` the context and the clock, and `end` says how it ended.
    ///
    /// The span ends, once: later calls find it no longer recorded. Its context stays for the drop of
    /// the body, which may log or make requests.
    pub(super) fn close(&mut self, end: End<'_>) {
        let Some(open) = &mut self.open else {
            return;
        };
        let renamed = open.is_renamed();
        if let Some((record, facts)) = open.record_and_facts() {
            end.tag(record, facts);
            if !renamed {
                end::name(record, facts);
            }
        }
        open.end();
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(open) = self.open.as_ref().filter(|open| open.is_recorded()) {
            self.close(End::of_dropped(open));
        }
        if let Some(open) = self.open.take() {
            open.finish();
        }
    }
}

/// Adds the request id to a response that has none.
// `#[inline]` puts it into the crate that uses the layer, where the header map's methods are inlined too.
#[inline]
fn echo_request_id(open: &OpenSpan, headers: &mut HeaderMap) {
    if let Some(id) = open.inherited.forwarded.request_id() {
        // An entry hashes the name once; a look-up and an insertion would hash it twice. A map that is
        // full is left as it is.
        if let Ok(Entry::Vacant(place)) = headers.try_entry(REQUEST_ID) {
            let _ = place.try_insert(id.to_header());
        }
    }
}
