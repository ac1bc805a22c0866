//! One request and its response, seen from either side: the future, the body, the endings.
//!
//! The open span has one owner at a time: the exchange in the future, the thread's slot during a
//! poll, then the exchange in the body. So it is finished once by construction, by whoever holds
//! it last.

mod body;
mod future;

pub use body::ResponseBody;
pub use future::ResponseFuture;

use crate::{
    propagation::{REQUEST_ID, put},
    span::Open,
    tag::{self, GrpcStatus, Names},
};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::Body;
use std::fmt;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client,
}

/// What ends a span that is still open when its exchange is dropped depends on how far it got.
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
    /// Whether nothing of the response is outstanding.
    complete: bool,
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
            complete: false,
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
        let upgraded = status == StatusCode::SWITCHING_PROTOCOLS
            || self.method == Method::CONNECT && status.is_success();
        let bodiless = self.method == Method::HEAD
            || status.is_informational()
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        self.complete = bodiless || upgraded;
        let size = response.body().size_hint().exact();
        self.expected = size.or_else(|| tag::content_length(response.headers()));
        if let Some(record) = open.record() {
            self.names.status(record, Some(status));
            if self.grpc {
                self.answered = tag::is_grpc(response.headers());
                self.grpc_status(response.headers());
            }
        }
        if upgraded {
            // What follows is no part of the exchange, however long the response is kept.
            self.finish();
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

    /// The service or its future failed.
    fn fail(&mut self, reason: &dyn fmt::Debug) {
        if let Some(record) = self.open.as_mut().and_then(|open| open.record()) {
            if self.status.is_none() {
                self.names.status(record, None);
            }
            tag::failed(record, &format!("{reason:?}"));
        }
        self.finish();
    }

    /// The exchange is over: the last word on name and size, and the span ends. Its context stays
    /// until the body is dropped.
    fn finish(&mut self) {
        let Some(open) = &mut self.open else {
            return;
        };
        let renamed = open.is_renamed();
        let route = open.take_route();
        if let Some(record) = open.record() {
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
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let Some(open) = &mut self.open else {
            return;
        };
        let panicked = open.panicked;
        let complete = self.complete || self.expected.is_some_and(|size| self.bytes >= size);
        if let Some(record) = open.record() {
            if self.status.is_none() {
                self.names.status(record, None);
            }
            match (self.side, self.status) {
                _ if panicked => tag::failed(record, "panic"),
                (Side::Server, None) => {
                    record.standard_error();
                    tag::disconnected(record);
                }
                (Side::Server, Some(_)) if !complete => tag::disconnected(record),
                (Side::Client, None) => tag::canceled(record),
                _ => {}
            }
        }
        self.finish();
        if let Some(open) = self.open.take() {
            open.finish();
        }
    }
}
