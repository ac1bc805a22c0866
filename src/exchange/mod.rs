//! One request and its response, seen from either side: the future, the body, the end.
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
    propagation::{REQUEST_ID, put},
    span::Open,
    tag::{self, GrpcStatus, Names},
    user_code::{debug_text, guarded},
};
use end::End;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::Body;
use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}

/// A span and what is known of its exchange so far.
pub(crate) struct Exchange {
    pub(crate) open: Option<Box<Open>>,
    side: Side,
    names: &'static Names,
    method: Method,
    grpc: bool,
    /// Whether the answer is one of gRPC too, and of a method that there is.
    answered: bool,
    unimplemented: bool,
    echo: bool,
    /// The response's, once its head is there.
    status: Option<StatusCode>,
    /// Bytes of the response's body so far, and how many there should be.
    bytes: u64,
    expected: Option<u64>,
    /// Whether the body panicked when it was asked how long it is or whether it is at its end.
    hint_panicked: AtomicBool,
}

impl Exchange {
    pub(crate) fn new(
        open: Option<Box<Open>>,
        side: Side,
        names: &'static Names,
        method: Method,
    ) -> Exchange {
        Exchange {
            open,
            side,
            names,
            method,
            grpc: false,
            answered: false,
            unimplemented: false,
            echo: false,
            status: None,
            bytes: 0,
            expected: None,
            hint_panicked: AtomicBool::new(false),
        }
    }

    /// Whether the request is one of gRPC.
    pub(crate) fn grpc(&mut self, grpc: bool) {
        self.grpc = grpc;
    }

    /// Whether the response says which request id it answers.
    pub(crate) fn echo(&mut self, echo: bool) {
        self.echo = echo;
    }

    /// The head of the response is there.
    fn head<B: Body>(&mut self, response: &mut Response<B>) {
        let status = response.status();
        self.status = Some(status);
        let Some(open) = &mut self.open else {
            return;
        };
        if self.echo && !response.headers().contains_key(REQUEST_ID) {
            if let Some(id) = open.forwarded.request_id() {
                let id = id.to_header();
                put(response.headers_mut(), REQUEST_ID, id);
            }
        }
        let size = guarded(|| response.body().size_hint().exact()).flatten();
        self.expected = match has_body(&self.method, status) {
            true => size.or_else(|| tag::content_length(response.headers())),
            false => Some(0),
        };
        if let Some(record) = open.record() {
            self.names.status(record, Some(status));
            if self.grpc {
                self.answered = tag::is_grpc(response.headers());
                self.grpc_status(response.headers());
            }
        }
        if is_upgrade(&self.method, status) {
            // However long the response is kept.
            self.close(End::Upgraded);
        }
    }

    /// gRPC's status, from trailers or from the headers of a response without a body. Where it is
    /// in both, the one in trailers stands.
    fn grpc_status(&mut self, headers: &HeaderMap) {
        let record = self.open.as_mut().and_then(|open| open.record());
        if let (Some(record), Some(status)) = (record, GrpcStatus::of(headers)) {
            self.names.grpc(record, &status);
            self.answered = true;
            self.unimplemented = status.is_unimplemented();
        }
    }

    /// Nothing of the response is outstanding, whatever its head said.
    fn complete(&mut self) {
        self.expected = Some(0);
    }

    /// The service, its future or the response's body failed.
    fn fail(&mut self, error: &dyn fmt::Debug) {
        let record = self.open.as_mut().and_then(|open| open.record());
        // The error's text is not written for nobody.
        let reason = record.map(|record| debug_text(error, record.max_tag_length()));
        self.close(End::Error(reason.as_deref().unwrap_or_default()));
    }

    /// The exchange is over: the last word on status, name and size, and the span ends, once. Its
    /// context stays until the body is dropped.
    fn close(&mut self, end: End<'_>) {
        let Some(open) = &mut self.open else {
            return;
        };
        let renamed = open.is_renamed();
        let route = open.take_route();
        if let Some(record) = open.record() {
            if self.status.is_none() {
                self.names.status(record, None);
            }
            end.tag(record, self.side);
            self.names.response_size(record, self.bytes);
            self.names.route(record, &route);
            // Whoever sends nonsense must not choose the name: a path that is called one of gRPC
            // counts once the answer is one too, or where there was none and no route is known.
            let grpc = match self.status {
                Some(_) => self.answered && !self.unimplemented,
                None => route.is_empty(),
            };
            let named = renamed || self.grpc && grpc && record.is_named();
            match (named, &*route) {
                (true, _) => {}
                (false, "") => record.set_name(&[self.method.as_str()]),
                (false, route) => record.set_name(&[self.method.as_str(), " ", route]),
            }
        }
        open.give_route(route);
        open.end();
    }

    /// How an exchange ends that is dropped before it was closed.
    fn end_when_dropped(&self, open: &Open) -> End<'static> {
        match self.status {
            _ if open.panicked || self.hint_panicked.load(Relaxed) => End::Panicked,
            None => End::Cancelled,
            Some(_) if self.expected.is_some_and(|size| self.bytes >= size) => End::Complete,
            Some(_) => End::BodyDropped,
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let Some(open) = &self.open else {
            return;
        };
        self.close(self.end_when_dropped(open));
        if let Some(open) = self.open.take() {
            open.finish();
        }
    }
}

/// Notes a panic of a body's method that cannot change the exchange.
struct NotePanic<'a>(&'a Exchange);

impl Drop for NotePanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.hint_panicked.store(true, Relaxed);
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
