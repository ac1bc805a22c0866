//! The observers of a tracer, without the types of their states.

use super::{BodyCounters, EndedExchange, ExchangeObserver, ResponseHead};
#[cfg(feature = "metrics")]
use super::{MessageSink, OpenExchange};
use crate::{direction::Direction, head::RequestHead, shard, user_code::guarded};
use http::HeaderMap;
#[cfg(feature = "metrics")]
use http::Uri;
use std::{
    any::Any,
    sync::Arc,
    time::{Duration, Instant},
};

/// The state of some observer.
pub(crate) type AnyState = Box<dyn Any + Send + Sync>;

/// An [`ExchangeObserver`] whose type is erased.
pub(crate) trait AnyObserver: Send + Sync {
    fn new_state(&self) -> AnyState;
    fn owns(&self, state: &AnyState) -> bool;
    fn request(&self, state: &mut AnyState, direction: Direction, request: &RequestHead<'_>);
    fn response(&self, state: &mut AnyState, response: &ResponseHead<'_>);
    fn trailers(&self, state: &mut AnyState, trailers: &HeaderMap) {
        let _ = (state, trailers);
    }

    /// Reads or writes headers that are not the application's, before everybody else sees the request, which
    /// is to this URI. `peer_trusted` says whether the other side may tell, and be told, something.
    #[cfg(feature = "metrics")]
    fn exchange_in_request(
        &self,
        state: &mut AnyState,
        direction: Direction,
        uri: &Uri,
        headers: &mut HeaderMap,
        peer_trusted: bool,
    ) {
        let _ = (state, direction, uri, headers, peer_trusted);
    }

    /// The same for the response.
    #[cfg(feature = "metrics")]
    fn exchange_in_response(&self, state: &mut AnyState, headers: &mut HeaderMap) {
        let _ = (state, headers);
    }

    /// Whom to tell of the gRPC messages of an exchange whose request it has seen.
    #[cfg(feature = "metrics")]
    fn message_sink(
        &self,
        state: &mut AnyState,
        exchange: &OpenExchange<'_>,
    ) -> Option<Arc<dyn MessageSink>> {
        let _ = (state, exchange);
        None
    }

    /// Whether it needs the [`duration_to_head`](EndedExchange::duration_to_head).
    fn wants_duration_to_head(&self) -> bool {
        true
    }

    fn ended(&self, state: &mut AnyState, exchange: &EndedExchange<'_>);

    fn is_active(&self) -> bool {
        true
    }

    fn flush(&self, timeout: Duration) -> bool {
        let _ = timeout;
        true
    }

    fn reset(&self, state: &mut AnyState);
}

impl<O: ExchangeObserver> AnyObserver for O {
    fn new_state(&self) -> AnyState {
        Box::new(O::State::default())
    }

    fn owns(&self, state: &AnyState) -> bool {
        state.is::<O::State>()
    }

    fn request(&self, state: &mut AnyState, direction: Direction, request: &RequestHead<'_>) {
        if let Some(state) = state.downcast_mut() {
            ExchangeObserver::request(self, state, direction, request);
        }
    }

    fn response(&self, state: &mut AnyState, response: &ResponseHead<'_>) {
        if let Some(state) = state.downcast_mut() {
            ExchangeObserver::response(self, state, response);
        }
    }

    fn trailers(&self, state: &mut AnyState, trailers: &HeaderMap) {
        if let Some(state) = state.downcast_mut() {
            ExchangeObserver::trailers(self, state, trailers);
        }
    }

    fn is_active(&self) -> bool {
        ExchangeObserver::is_active(self)
    }

    fn flush(&self, timeout: Duration) -> bool {
        ExchangeObserver::flush(self, timeout)
    }

    fn ended(&self, state: &mut AnyState, exchange: &EndedExchange<'_>) {
        if let Some(state) = state.downcast_mut() {
            ExchangeObserver::ended(self, state, exchange);
        }
    }

    fn reset(&self, state: &mut AnyState) {
        if let Some(state) = state.downcast_mut() {
            ExchangeObserver::reset(self, state);
        }
    }
}

/// The observers of a tracer.
#[derive(Clone)]
pub(crate) struct Observers {
    /// In the order in which they were added.
    pub(super) list: Vec<Arc<dyn AnyObserver>>,
    /// How many bytes of an error's text are kept.
    pub(super) max_error_length: usize,
    pub(super) body_counters: BodyCounters,
    /// Whether one needs the [`duration_to_head`](EndedExchange::duration_to_head): the clock is read for it.
    pub(super) want_duration_to_head: bool,
}

/// The observers, once for each shard of threads: an exchange keeps a reference, and counting it must
/// not contend with other threads.
pub(crate) struct ObserversOfThreads(Vec<Arc<Observers>>);

impl ObserversOfThreads {
    pub(crate) fn new(
        list: Vec<Arc<dyn AnyObserver>>,
        max_error_length: usize,
        body_counters: BodyCounters,
    ) -> ObserversOfThreads {
        let shards = match list.is_empty() {
            true => 0,
            false => shard::count(),
        };
        let observers = Observers {
            want_duration_to_head: list
                .iter()
                .any(|observer| observer.wants_duration_to_head()),
            list,
            max_error_length,
            body_counters,
        };
        let shard = |_| Arc::new(observers.clone());
        ObserversOfThreads((0..shards).map(shard).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The observers, by the reference of the calling thread; `None` if there are none.
    pub(crate) fn of_current_thread(&self) -> Option<&Arc<Observers>> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(shard::thread_number() % self.0.len())
    }

    /// Has each observer write what is left. Returns whether nothing is left.
    pub(crate) fn flush(&self, timeout: Duration) -> bool {
        let started = Instant::now();
        let list = self.0.first().map(|observers| observers.list.as_slice());
        let mut all = true;
        for observer in list.unwrap_or_default() {
            let left = timeout.saturating_sub(started.elapsed());
            all &= guarded(|| observer.flush(left)).unwrap_or(false);
        }
        all
    }
}
