//! `Observation`: the observers of one exchange, and their states.

#[cfg(feature = "metrics")]
use super::{BodyFraming, HeaderScan, OpenExchange};
use super::{
    End, EndedExchange, ExchangeFacts, Grpc, MessageCounter, MessageSinks, Observers,
    RequestBodySize, ResponseHead, TransportFailure,
    observers::{AnyObserver, AnyState},
};
use crate::{clock::Moment, direction::Direction, head::RequestHead, user_code::guarded};
use bytes::Buf;
use http::HeaderMap;
use std::{any::Any, fmt, sync::Arc, time::Duration};

/// The observers of an exchange, and their states. Empty if there are none, or if the exchange has ended.
#[derive(Default)]
pub(crate) struct Observation {
    observers: Option<Arc<Observers>>,
    /// One for each observer, and possibly more of another tracer. They are reused for the next exchange.
    states: Vec<State>,
    /// The number of the tracer whose observers made the states.
    states_of_tracer: u64,
    started: Option<Moment>,
    /// The time from the start to the response's head.
    head_after: Option<Duration>,
    /// The size of the request's body, if it is known beside its content-length.
    request_size: Option<RequestBodySize>,
    /// The gRPC messages of the response so far.
    response_messages: MessageCounter,
    /// Why there is no response, if the exchange failed.
    failure: TransportFailure,
    /// Notified of gRPC messages when they pass.
    sinks: MessageSinks,
}

/// The state of one observer.
struct State {
    /// Whether the observer observes this exchange.
    active: bool,
    kept: AnyState,
}

impl Observation {
    /// Whether the exchange has observers and has not ended.
    pub(crate) fn is_active(&self) -> bool {
        self.observers.is_some()
    }

    /// How many bytes of an error's text the observers get; `None` without observers.
    pub(crate) fn max_error_length(&self) -> Option<usize> {
        Some(self.observers.as_ref()?.max_error_length)
    }

    /// The size of the request's body. A body that does not know its size, or has gRPC messages, is counted
    /// from now on, if it is of a type that can be counted.
    ///
    /// A panic of the user code that wraps the body propagates: the body is lost with it.
    pub(crate) fn count_request(
        &self,
        body: &mut dyn Any,
        is_grpc: bool,
    ) -> Option<RequestBodySize> {
        let observers = self.observers.as_ref()?;
        observers.body_counters.count(body, is_grpc, &self.sinks)
    }

    /// Keeps what [`count_request`](Self::count_request) has returned.
    pub(crate) fn set_request_size(&mut self, size: Option<RequestBodySize>) {
        self.request_size = size;
    }

    /// When the exchange started.
    #[cfg(feature = "metrics")]
    pub(crate) fn started(&self) -> Option<Moment> {
        self.started
    }

    /// Collects the sinks of the observers for gRPC messages.
    #[cfg(feature = "metrics")]
    pub(crate) fn find_sinks(&mut self, exchange: &OpenExchange<'_>) {
        if let Some(observers) = &self.observers {
            for (observer, state) in active(observers, &mut self.states) {
                if let Some(sink) = guarded(|| observer.message_sink(state, exchange)).flatten() {
                    self.sinks.add(sink);
                }
            }
        }
    }

    /// Records that the exchange fails with an error of this text.
    pub(crate) fn fail(&mut self, error: &str) {
        self.failure = TransportFailure::of(error);
    }

    /// Counts the gRPC messages in a frame of the response.
    pub(crate) fn count_response(&mut self, data: &impl Buf) {
        if self.is_active() {
            let before = self.response_messages.count();
            guarded(|| self.response_messages.frame(data));
            let passed = self.response_messages.count() - before;
            guarded(|| self.sinks.response(passed));
        }
    }

    /// Determines which observers are active for an exchange, and makes their states. Returns whether one is.
    pub(crate) fn prepare(&mut self, observers: &Observers) -> bool {
        if self.states_of_tracer != observers.tracer_number {
            self.make_states(observers);
        }
        let mut any = false;
        for (observer, state) in observers.list.iter().zip(&mut self.states) {
            state.active = guarded(|| observer.is_active()).unwrap_or(false);
            any |= state.active;
        }
        any
    }

    #[cold]
    fn make_states(&mut self, observers: &Observers) {
        for (at, observer) in observers.list.iter().enumerate() {
            match self.states.get_mut(at) {
                // From an observer of the same type.
                Some(state) if observer.accepts_state(&state.kept) => {}
                Some(state) => state.kept = observer.new_state(),
                None => self.states.push(State {
                    active: false,
                    kept: observer.new_state(),
                }),
            }
        }
        self.states_of_tracer = observers.tracer_number;
    }

    /// Lets the observers read the request first. Returns whether one changes headers of it that are not the
    /// application's.
    #[cfg(feature = "metrics")]
    pub(crate) fn read_request(
        &mut self,
        observers: &Observers,
        direction: Direction,
        request: &RequestHead<'_>,
        headers: &HeaderScan,
        peer_trusted: bool,
    ) -> bool {
        let mut changes = false;
        for (observer, state) in active(observers, &mut self.states) {
            changes |= observer.read_request(state, direction, request, headers, peer_trusted);
        }
        changes
    }

    /// Lets the observers change these headers.
    #[cfg(feature = "metrics")]
    pub(crate) fn change_request(
        &mut self,
        observers: &Observers,
        direction: Direction,
        headers: &mut HeaderMap,
    ) {
        for (observer, state) in active(observers, &mut self.states) {
            observer.change_request(state, direction, headers);
        }
    }

    /// Lets the observers read and change headers of the response that are not the application's.
    #[cfg(feature = "metrics")]
    pub(crate) fn change_response(&mut self, headers: &mut HeaderMap) {
        let Some(observers) = &self.observers else {
            return;
        };
        for (observer, state) in active(observers, &mut self.states) {
            observer.change_response(state, headers);
        }
    }

    /// Passes the request to the observers, which are [prepared](Self::prepare).
    pub(crate) fn begin(
        &mut self,
        observers: &Arc<Observers>,
        started: Moment,
        direction: Direction,
        request: &RequestHead<'_>,
    ) {
        for (observer, state) in active(observers, &mut self.states) {
            guarded(|| observer.request(state, direction, request));
        }
        self.observers = Some(Arc::clone(observers));
        self.started = Some(started);
        self.head_after = None;
        self.request_size = None;
        self.response_messages = MessageCounter::default();
        self.failure = TransportFailure::default();
        self.sinks.clear();
    }

    /// Passes the head of the response to the observers.
    pub(crate) fn response(&mut self, direction: Direction, response: &ResponseHead<'_>) {
        let Some(observers) = &self.observers else {
            return;
        };
        if observers.want_duration_to_head {
            self.head_after = self.started.map(|started| started.elapsed());
        }
        for (observer, state) in active(observers, &mut self.states) {
            guarded(|| observer.response(state, direction, response));
        }
    }

    /// Passes the trailers of the response to the observers.
    pub(crate) fn trailers(&mut self, trailers: &HeaderMap) {
        if let Some(observers) = &self.observers {
            for (observer, state) in active(observers, &mut self.states) {
                guarded(|| observer.trailers(state, trailers));
            }
        }
    }

    /// Passes the end of the exchange to the observers, once.
    pub(crate) fn end(&mut self, facts: &ExchangeFacts, end: End<'_>) {
        let (Some(observers), Some(started)) = (self.observers.take(), self.started.take()) else {
            return;
        };
        let Some(direction) = facts.direction else {
            return;
        };
        let is_grpc = facts.grpc != Grpc::No;
        let mut exchange = EndedExchange {
            direction,
            facts,
            end,
            failure: self.failure,
            request_bytes: facts.request_bytes,
            #[cfg(feature = "metrics")]
            request_framing: BodyFraming {
                announced: Some(facts.request_bytes.unwrap_or(0)),
                chunk_lines: 0,
            },
            request_messages: None,
            response_messages: is_grpc.then(|| self.response_messages.count()),
            started,
            head_after: self.head_after,
            duration: started.elapsed(),
        };
        match self.request_size.take() {
            Some(RequestBodySize::Known(bytes)) => {
                exchange.request_bytes = Some(bytes);
                #[cfg(feature = "metrics")]
                {
                    exchange.request_framing.announced = Some(bytes);
                }
            }
            Some(RequestBodySize::Counted(count)) => {
                exchange.request_bytes = Some(count.bytes());
                exchange.request_messages = is_grpc.then(|| count.messages());
                #[cfg(feature = "metrics")]
                {
                    exchange.request_framing = count.framing();
                }
            }
            None => {}
        }
        self.sinks.clear();
        for (observer, state) in active(&observers, &mut self.states) {
            guarded(|| observer.ended(state, &exchange));
            guarded(|| observer.reset(state));
        }
    }
}

/// The active observers, with their states.
fn active<'a>(
    observers: &'a Observers,
    states: &'a mut [State],
) -> impl Iterator<Item = (&'a Arc<dyn AnyObserver>, &'a mut AnyState)> {
    let all = observers.list.iter().zip(states);
    all.filter_map(|(observer, state)| state.active.then_some((observer, &mut state.kept)))
}

impl fmt::Debug for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observation")
            .field("started", &self.started)
            .finish_non_exhaustive()
    }
}
