//! `Observation`: what the observers keep of one exchange.

use super::{EndedExchange, Facts, Observers, ResponseHead, observers::AnyState};
use crate::{clock::Moment, direction::Direction, head::RequestHead, user_code::guarded};
use http::HeaderMap;
use std::{fmt, sync::Arc, time::Duration};

/// The observers of an exchange, and their states. Empty if nobody observes it, or if it has ended.
#[derive(Default)]
pub(crate) struct Observation {
    observers: Option<Arc<Observers>>,
    /// One for each observer. They stay when the exchange has ended, for the next one.
    states: Vec<AnyState>,
    started: Option<Moment>,
    /// The time from the start to the response's head.
    head_after: Option<Duration>,
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

    /// Shows the request to the observers.
    pub(crate) fn begin(
        &mut self,
        observers: &Arc<Observers>,
        started: Moment,
        direction: Direction,
        request: &RequestHead<'_>,
    ) {
        self.states.truncate(observers.list.len());
        for (at, observer) in observers.list.iter().enumerate() {
            match self.states.get_mut(at) {
                // The state is left from an exchange of the same observer, or of one like it.
                Some(state) if observer.owns(state) => {}
                Some(state) => *state = observer.new_state(),
                None => self.states.push(observer.new_state()),
            }
            if let Some(state) = self.states.get_mut(at) {
                guarded(|| observer.request(state, direction, request));
            }
        }
        self.observers = Some(Arc::clone(observers));
        self.started = Some(started);
        self.head_after = None;
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
    pub(crate) fn end(&mut self, facts: Facts<'_>) {
        let (Some(observers), Some(started)) = (self.observers.take(), self.started.take()) else {
            return;
        };
        let exchange = EndedExchange::new(facts, started, self.head_after);
        for (observer, state) in observers.list.iter().zip(&mut self.states) {
            guarded(|| observer.ended(state, &exchange));
            guarded(|| observer.reset(state));
        }
    }

    /// Forgets the exchange, and keeps the states' memory.
    pub(crate) fn clear(&mut self) {
        self.observers = None;
        self.started = None;
        self.head_after = None;
    }
}

impl fmt::Debug for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observation")
            .field("started", &self.started)
            .finish_non_exhaustive()
    }
}
