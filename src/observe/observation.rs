//! `Observation`: what the observers keep of one exchange.

use super::{
    BodyCount, EndedExchange, Facts, MessageCounter, MessageSinks, Observers, RequestBodySize,
    ResponseHead, observers::AnyState,
};
use crate::{clock::Moment, direction::Direction, head::RequestHead, user_code::guarded};
use bytes::Buf;
use http::HeaderMap;
use std::{any::Any, fmt, sync::Arc, time::Duration};

/// The observers of an exchange, and their states. Empty if nobody observes it, or if it has ended.
#[derive(Default)]
pub(crate) struct Observation {
    observers: Option<Arc<Observers>>,
    /// One for each observer. They stay when the exchange has ended, for the next one.
    states: Vec<AnyState>,
    started: Option<Moment>,
    /// The time from the start to the response's head.
    head_after: Option<Duration>,
    /// How much of the request's body has been read, if that is counted.
    request_count: Option<Arc<BodyCount>>,
    /// The gRPC messages of the response so far.
    response_messages: MessageCounter,
    /// Who is told of gRPC messages when they pass.
    sinks: MessageSinks,
}

impl Observation {
    /// Whether somebody waits for the end of the exchange.
    pub(crate) fn is_active(&self) -> bool {
        self.observers.is_some()
    }

    /// How many bytes of an error's text the observers get; `None` if there are none.
    pub(crate) fn max_error_length(&self) -> Option<usize> {
        Some(self.observers.as_ref()?.max_error_length)
    }

    /// Returns the size of the request's body. A body that does not know its size, or has gRPC messages,
    /// is counted from now on instead, if it is of a type that can be counted.
    pub(crate) fn count_request(&mut self, body: &mut dyn Any, is_grpc: bool) -> Option<u64> {
        let observers = self.observers.as_ref()?;
        #[cfg(feature = "metrics")]
        if is_grpc {
            for (observer, state) in observers.list.iter().zip(&mut self.states) {
                if let Some(sink) = guarded(|| observer.message_sink(state)).flatten() {
                    self.sinks.add(sink);
                }
            }
        }
        let counters = &observers.body_counters;
        match counters.count(body, is_grpc, &self.sinks)? {
            RequestBodySize::Known(bytes) => Some(bytes),
            RequestBodySize::Counted(count) => {
                self.request_count = Some(count);
                None
            }
        }
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

    /// Makes a state for each observer.
    pub(crate) fn prepare(&mut self, observers: &Observers) {
        self.states.truncate(observers.list.len());
        for (at, observer) in observers.list.iter().enumerate() {
            match self.states.get_mut(at) {
                // The state is left from an exchange of the same observer, or of one like it.
                Some(state) if observer.owns(state) => {}
                Some(state) => *state = observer.new_state(),
                None => self.states.push(observer.new_state()),
            }
        }
    }

    /// Lets the observers read and write headers of the request that are not the application's.
    #[cfg(feature = "metrics")]
    pub(crate) fn exchange_in_request(
        &mut self,
        observers: &Observers,
        direction: Direction,
        headers: &mut HeaderMap,
        peer_trusted: bool,
    ) {
        for (observer, state) in observers.list.iter().zip(&mut self.states) {
            observer.exchange_in_request(state, direction, headers, peer_trusted);
        }
    }

    /// The same for the response.
    #[cfg(feature = "metrics")]
    pub(crate) fn exchange_in_response(&mut self, headers: &mut HeaderMap) {
        let Some(observers) = &self.observers else {
            return;
        };
        for (observer, state) in observers.list.iter().zip(&mut self.states) {
            observer.exchange_in_response(state, headers);
        }
    }

    /// Shows the request to the observers, which are [prepared](Self::prepare).
    pub(crate) fn begin(
        &mut self,
        observers: &Arc<Observers>,
        started: Moment,
        direction: Direction,
        request: &RequestHead<'_>,
    ) {
        for (observer, state) in observers.list.iter().zip(&mut self.states) {
            guarded(|| observer.request(state, direction, request));
        }
        self.observers = Some(Arc::clone(observers));
        self.started = Some(started);
        self.head_after = None;
        self.response_messages = MessageCounter::default();
        self.sinks.clear();
    }

    /// Shows the head of the response to the observers.
    pub(crate) fn response(&mut self, response: &ResponseHead<'_>) {
        let Some(observers) = &self.observers else {
            return;
        };
        self.head_after = self.started.map(|started| started.elapsed());
        for (observer, state) in observers.list.iter().zip(&mut self.states) {
            guarded(|| observer.response(state, response));
        }
    }

    /// Shows the trailers of the response to the observers.
    pub(crate) fn trailers(&mut self, trailers: &HeaderMap) {
        if let Some(observers) = &self.observers {
            for (observer, state) in observers.list.iter().zip(&mut self.states) {
                guarded(|| observer.trailers(state, trailers));
            }
        }
    }

    /// Shows the end of the exchange to the observers, once.
    pub(crate) fn end(&mut self, mut facts: Facts<'_>) {
        let (Some(observers), Some(started)) = (self.observers.take(), self.started.take()) else {
            return;
        };
        let count = self.request_count.take();
        if let Some(count) = &count {
            facts.request_bytes = Some(count.bytes());
        }
        if facts.is_grpc {
            facts.request_messages = count.map(|count| count.messages());
            facts.response_messages = Some(self.response_messages.count());
        }
        self.sinks.clear();
        let exchange = EndedExchange::new(facts, started, self.head_after);
        for (observer, state) in observers.list.iter().zip(&mut self.states) {
            guarded(|| observer.ended(state, &exchange));
            guarded(|| observer.reset(state));
        }
    }
}

impl fmt::Debug for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observation")
            .field("started", &self.started)
            .finish_non_exhaustive()
    }
}
