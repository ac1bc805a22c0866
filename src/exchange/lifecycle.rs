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
    end,
    panic_watch::PanicWatch,
    response_head::{has_body, is_upgrade},
};
#[cfg(feature = "metrics")]
use crate::observe::{OpenExchange, chunk_lines};
use crate::{
    direction::Direction,
    observe::{CLASSIFIED_LENGTH, End, Ending, Grpc, ResponseHead},
    propagation::REQUEST_ID,
    span::OpenSpan,
    tags::{self, GrpcStatus},
    text::cut,
    user_code::{debug_text, guarded},
};
use bytes::Buf;
use http::{HeaderMap, Request, Response, header::Entry};
use http_body::Body;
use std::fmt;
#[cfg(feature = "metrics")]
use std::time::{Duration, SystemTime};

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

    /// The same. If the exchange is observed, the request's body is counted while it is read.
    pub(crate) fn of_request<B: 'static>(
        open: Box<OpenSpan>,
        request: &mut Request<B>,
    ) -> Exchange {
        let mut exchange = Exchange::new(open);
        #[cfg(feature = "metrics")]
        if let Some(open) = exchange.open.as_mut() {
            if open.exchange.grpc != Grpc::No {
                find_sinks(open);
            }
        }
        let size = {
            let _watch = PanicWatch::of(&exchange);
            exchange.open.as_ref().and_then(|open| {
                let is_grpc = open.exchange.grpc != Grpc::No;
                open.observation.count_request(request.body_mut(), is_grpc)
            })
        };
        if let Some(open) = exchange.open.as_mut().filter(|open| open.is_observed()) {
            open.observation.set_request_size(size);
        }
        exchange
    }

    /// An exchange without a span.
    pub(crate) fn untraced() -> Exchange {
        Exchange { open: None }
    }

    /// Whether the exchange has not ended, and its end is of interest: its span is recorded, or it is
    /// observed.
    pub(super) fn is_followed(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.is_followed())
    }

    /// The response's head has arrived.
    pub(super) fn head<B: Body>(&mut self, response: &mut Response<B>) {
        let Some(open) = &mut self.open else {
            return;
        };
        if open.exchange.echo_request_id {
            echo_request_id(open, response.headers_mut());
        }
        if !open.is_followed() {
            return;
        }
        let status = response.status();
        let facts = &mut open.exchange;
        facts.status = Some(status);
        let size = guarded(|| response.body().size_hint().exact()).flatten();
        #[cfg(feature = "metrics")]
        {
            facts.response_framing.announced = size;
        }
        facts.expected_bytes = match has_body(&facts.method, status) {
            true => size.or_else(|| tags::content_length(response.headers())),
            false => Some(0),
        };
        let upgraded = is_upgrade(&facts.method, status);
        let grpc = facts.grpc == Grpc::Requested;
        if grpc && tags::has_grpc_type(response.headers()) {
            facts.grpc = Grpc::Answered { status: None };
        }
        #[cfg(feature = "metrics")]
        open.observation.change_response(response.headers_mut());
        if let Some(direction) = open.exchange.direction {
            let head = ResponseHead::of(response);
            open.observation.response(direction, &head);
        }
        if let Some(record) = open.record() {
            tags::status(record, Some(status));
        }
        if grpc {
            // In the headers if the response has no body, then without trailers.
            self.grpc_status(response.headers());
        }
        if upgraded {
            // At once, however long the caller keeps the response next to its socket.
            self.close(Ending::Upgraded, "");
        }
    }

    /// A frame of the body with data.
    pub(super) fn data(&mut self, data: &impl Buf) {
        if let Some(open) = &mut self.open {
            let facts = &mut open.exchange;
            let size = guarded(|| data.remaining()).unwrap_or(0) as u64;
            facts.response_bytes += size;
            #[cfg(feature = "metrics")]
            {
                facts.response_framing.chunk_lines += chunk_lines(size);
            }
            if matches!(facts.grpc, Grpc::Answered { .. }) {
                open.observation.count_response(data);
            }
        }
    }

    /// The trailers, with which a body ends.
    pub(super) fn trailers(&mut self, trailers: &HeaderMap) {
        let Some(open) = &mut self.open else {
            return;
        };
        open.observation.trailers(trailers);
        if open.exchange.grpc != Grpc::No {
            self.grpc_status(trailers);
        }
        self.close(Ending::Complete, "");
    }

    /// Reads the gRPC status from headers or trailers. Trailers come later, and win unless their status is
    /// empty.
    fn grpc_status(&mut self, headers: &HeaderMap) {
        let Some(open) = &mut self.open else {
            return;
        };
        if let Some(status) = GrpcStatus::of(headers) {
            if let Some(record) = open.record() {
                tags::grpc_status(record, &status);
            }
            let earlier = open.exchange.grpc.status();
            let status = match status.is_empty() {
                true => earlier,
                false => Some(status.code()),
            };
            open.exchange.grpc = Grpc::Answered { status };
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
        let Some(open) = &mut self.open else {
            return;
        };
        let max_length = match open.record() {
            Some(record) => Some(record.max_tag_length()),
            None => open.observation.max_error_length(),
        };
        // The error is formatted only if the span or an observer needs it.
        let Some(max_length) = max_length else {
            return self.close(Ending::Failed, "");
        };
        let judges = open.is_observed() && open.exchange.direction == Some(Direction::Client);
        let text = match judges {
            true => debug_text(error, max_length.max(CLASSIFIED_LENGTH)),
            false => debug_text(error, max_length),
        };
        if judges {
            open.observation.fail(&text);
        }
        self.close(Ending::Failed, cut(&text, max_length));
    }

    /// Ends the exchange: here everything about it is known. `open.exchange` holds method, route,
    /// status, gRPC status and sizes, `open` the context and the clock, `ending` says how it ended, and
    /// `error` what a failed one failed with.
    ///
    /// Observers are called and the span ends, once: later calls do nothing, because no observer is left. Its
    /// context stays for the drop of the body, which may log or make requests.
    pub(super) fn close(&mut self, ending: Ending, error: &str) {
        let Some(open) = &mut self.open else {
            return;
        };
        open.note_route_from_below();
        observe(open, ending, error);
        let renamed = open.is_renamed();
        if let Some((record, facts)) = open.record_and_facts() {
            end::tag(record, facts, ending, error);
            if !renamed {
                end::name(record, facts);
            }
        }
        open.end();
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if let Some(open) = self.open.as_ref().filter(|open| open.is_followed()) {
            self.close(end::of_dropped(open), "");
        }
        if let Some(open) = self.open.take() {
            open.finish();
        }
    }
}

/// Asks the observers for the sinks of gRPC messages.
#[cfg(feature = "metrics")]
fn find_sinks(open: &mut OpenSpan) {
    let OpenSpan {
        exchange: facts,
        observation,
        inherited,
        ..
    } = open;
    let Some(started) = observation.started() else {
        return;
    };
    observation.find_sinks(&OpenExchange {
        method: &facts.method,
        version: facts.version,
        route: &facts.route,
        started: SystemTime::UNIX_EPOCH + Duration::from_micros(started.micros()),
        request_id: inherited.forwarded.request_id(),
        peer_address: facts.peer_address,
    });
}

/// Tells the observers how the exchange ended.
fn observe(open: &mut OpenSpan, ending: Ending, error: &str) {
    let end = End {
        ending,
        error,
        context: open.inherited.context.as_ref(),
        is_recorded: open.is_recorded(),
        request_id: open.inherited.forwarded.request_id(),
    };
    open.observation.end(&open.exchange, end);
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
