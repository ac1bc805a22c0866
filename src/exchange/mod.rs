//! One request and its response, on the server's or the client's side: future, body, end.
//!
//! The open span has one owner at a time: the exchange in the future, the thread's slot during a
//! poll, then the exchange in the body. So it is finished once by construction, by whoever holds
//! it last. The ways an exchange can end are the variants of [`End`]; [`Exchange::close`] is the
//! one place where a span ends.

mod body;
mod end;
mod future;

pub use body::ResponseBody;
pub use future::ResponseFuture;

use crate::{
    propagation::REQUEST_ID,
    record::StandardTag,
    span::{Grpc, OpenSpan},
    tag::{self, GrpcStatus},
    user_code::{debug_text, guarded},
};
use end::End;
use http::{HeaderMap, Method, Response, StatusCode, header::Entry};
use http_body::Body;
use std::{fmt, sync::atomic::Ordering::Relaxed};

/// A request and its response, with the span that is around them. There is none where nothing is
/// made or recorded.
pub(crate) struct Exchange {
    pub(crate) open: Option<Box<OpenSpan>>,
}

impl Exchange {
    /// One whose facts are in the span.
    pub(crate) fn new(open: Box<OpenSpan>) -> Exchange {
        Exchange { open: Some(open) }
    }

    /// One without a span.
    pub(crate) fn untraced() -> Exchange {
        Exchange { open: None }
    }

    /// The head of the response is there.
    fn head<B: Body>(&mut self, response: &mut Response<B>) {
        let Some(open) = &mut self.open else {
            return;
        };
        if open.exchange.echo {
            if let Some(id) = open.inherited.forwarded.request_id() {
                // One hash of the name, where a look-up and an insertion would be two.
                if let Ok(Entry::Vacant(place)) = response.headers_mut().try_entry(REQUEST_ID) {
                    let _ = place.try_insert(id.to_header());
                }
            }
        }
        if !open.is_recorded() {
            return;
        }
        let status = response.status();
        let facts = &mut open.exchange;
        facts.status = Some(status);
        let size = guarded(|| response.body().size_hint().exact()).flatten();
        facts.expected = match has_body(&facts.method, status) {
            true => size.or_else(|| tag::content_length(response.headers())),
            false => Some(0),
        };
        let upgraded = is_upgrade(&facts.method, status);
        let grpc = facts.grpc == Grpc::Requested;
        if let Some(record) = open.record() {
            tag::status(record, Some(status));
            if grpc {
                if tag::is_grpc_response(response.headers()) {
                    open.exchange.grpc = Grpc::Answered;
                }
                self.grpc_status(response.headers());
            }
        }
        if upgraded {
            // However long the response is kept.
            self.close(End::Upgraded);
        }
    }

    /// Whether anybody wants to know how the exchange ends.
    fn is_recorded(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.is_recorded())
    }

    /// A part of the body.
    fn data(&mut self, bytes: u64) {
        if let Some(open) = &mut self.open {
            open.exchange.bytes += bytes;
        }
    }

    fn trailers(&mut self, trailers: &HeaderMap) {
        let facts = self.open.as_ref().map(|open| &open.exchange);
        if facts.is_some_and(|facts| facts.grpc != Grpc::No) {
            self.grpc_status(trailers);
        }
        self.close(End::Complete);
    }

    /// gRPC's status, from trailers or from the headers of a response without a body. Where it is
    /// in both, the one in trailers stands.
    fn grpc_status(&mut self, headers: &HeaderMap) {
        let Some(open) = &mut self.open else {
            return;
        };
        if let (Some(record), Some(status)) = (open.record(), GrpcStatus::of(headers)) {
            tag::grpc_status(record, &status);
            open.exchange.grpc = match status.is_unimplemented() {
                true => Grpc::Unimplemented,
                false => Grpc::Answered,
            };
        }
    }

    /// Nothing of the response is outstanding, even if its head said otherwise.
    fn complete(&mut self) {
        if let Some(open) = &mut self.open {
            open.exchange.expected = Some(0);
        }
    }

    /// The service, its future or the response's body failed.
    fn fail(&mut self, error: &dyn fmt::Debug) {
        let record = self.open.as_mut().and_then(|open| open.record());
        // The error is formatted only if the span is recorded.
        let reason = record.map(|record| debug_text(error, record.max_tag_length()));
        self.close(End::Error(reason.as_deref().unwrap_or_default()));
    }

    /// The exchange is over: status, name and size are final, and the span ends, once. Its context
    /// stays until the body is dropped.
    fn close(&mut self, end: End<'_>) {
        let Some(open) = &mut self.open else {
            return;
        };
        let renamed = open.is_renamed();
        if let Some((record, route, facts)) = open.record_and_facts() {
            if facts.status.is_none() {
                tag::status(record, None);
            }
            end.tag(record, facts.side);
            record.add_standard_number(StandardTag::ResponseSize, facts.bytes);
            record.add_standard(StandardTag::Route, route);
            // A peer must not choose names by sending nonsense: the path of a gRPC request is the
            // name only if the response is gRPC too, or if there is neither response nor route.
            let by_path = match (facts.grpc, facts.status) {
                (Grpc::Answered, Some(_)) => true,
                (Grpc::Requested, None) => route.is_empty(),
                _ => false,
            };
            let named = renamed || by_path && record.is_named();
            match (named, route) {
                (true, _) => {}
                (false, "") => record.set_name(&[facts.method.as_str()]),
                (false, route) => record.set_name(&[facts.method.as_str(), " ", route]),
            }
        }
        open.end();
    }
}

/// How an exchange ends that is dropped before it was closed.
fn end_when_dropped(open: &OpenSpan) -> End<'static> {
    let facts = &open.exchange;
    match facts.status {
        _ if open.panicked || facts.hint_panicked.load(Relaxed) => End::Panicked,
        None => End::Cancelled,
        Some(_) if facts.expected.is_some_and(|size| facts.bytes >= size) => End::Complete,
        Some(_) => End::BodyDropped,
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(open) = self.open.as_ref().filter(|open| open.is_recorded()) {
            self.close(end_when_dropped(open));
        }
        if let Some(open) = self.open.take() {
            open.finish();
        }
    }
}

/// Notes a panic of a body's method that cannot change the exchange.
struct NotePanic<'a> {
    exchange: &'a Exchange,
    panicking: bool,
}

impl<'a> NotePanic<'a> {
    fn of(exchange: &'a Exchange) -> NotePanic<'a> {
        NotePanic {
            exchange,
            panicking: std::thread::panicking(),
        }
    }
}

impl Drop for NotePanic<'_> {
    fn drop(&mut self) {
        let panicked = !self.panicking && std::thread::panicking();
        if let (true, Some(open)) = (panicked, &self.exchange.open) {
            open.exchange.hint_panicked.store(true, Relaxed);
        }
    }
}

/// Whether a response has a body that hyper would poll to its end.
fn has_body(method: &Method, status: StatusCode) -> bool {
    let bodiless = method == Method::HEAD
        || status.is_informational()
        || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    !bodiless && !is_upgrade(method, status)
}

fn is_upgrade(method: &Method, status: StatusCode) -> bool {
    status == StatusCode::SWITCHING_PROTOCOLS || method == Method::CONNECT && status.is_success()
}
