//! The observers of a tracer, without the types of their states.

use super::{BodyCounters, EndedExchange, ExchangeObserver, ResponseHead};
#[cfg(feature = "metrics")]
use super::{HeaderScan, MessageSink, OpenExchange};
use crate::{
    direction::{Direction, PerDirection},
    head::RequestHead,
    shard,
    user_code::guarded,
};
use http::HeaderMap;
use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

/// The state of some observer.
pub(crate) type AnyState = Box<dyn Any + Send + Sync>;

/// An [`ExchangeObserver`] whose type is erased.
pub(crate) trait AnyObserver: Send + Sync {
    fn new_state(&self) -> AnyState;
    /// Whether the state has the type of this observer's states.
    fn accepts_state(&self, state: &AnyState) -> bool;
    fn request(&self, state: &mut AnyState, direction: Direction, request: &RequestHead<'_>);
    fn response(&self, state: &mut AnyState, direction: Direction, response: &ResponseHead<'_>);
    fn trailers(&self, state: &mut AnyState, trailers: &HeaderMap) {
        let _ = (state, trailers);
    }

    /// Reads the request before the handler and other observers. Returns whether it
    /// [changes](Self::change_request) the headers. Metadata is exchanged only with a trusted peer.
    #[cfg(feature = "metrics")]
    fn read_request(
        &self,
        state: &mut AnyState,
        direction: Direction,
        request: &RequestHead<'_>,
        headers: &HeaderScan,
        peer_trusted: bool,
    ) -> bool {
        let _ = (state, direction, request, headers, peer_trusted);
        false
    }

    /// Changes headers of the request that are not the application's, before the handler and other observers
    /// read it.
    #[cfg(feature = "metrics")]
    fn change_request(&self, state: &mut AnyState, direction: Direction, headers: &mut HeaderMap) {
        let _ = (state, direction, headers);
    }

    /// Reads and changes headers of the response that are not the application's.
    #[cfg(feature = "metrics")]
    fn change_response(&self, state: &mut AnyState, headers: &mut HeaderMap) {
        let _ = (state, headers);
    }

    /// The sink for the gRPC messages of an exchange.
    #[cfg(feature = "metrics")]
    fn message_sink(
        &self,
        state: &mut AnyState,
        exchange: &OpenExchange<'_>,
    ) -> Option<Arc<dyn MessageSink>> {
        let _ = (state, exchange);
        None
    }

    /// Whether it needs a [`HeaderScan`] of the requests of this direction.
    #[cfg(feature = "metrics")]
    fn wants_header_scan(&self, direction: Direction) -> bool {
        let _ = direction;
        false
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

    /// Makes a state ready for the next exchange.
    fn reset(&self, state: &mut AnyState) {
        let _ = state;
    }
}

impl<O: ExchangeObserver> AnyObserver for O {
    fn new_state(&self) -> AnyState {
        Box::new(O::State::default())
    }

    fn accepts_state(&self, state: &AnyState) -> bool {
        state.is::<O::State>()
    }

    fn request(&self, state: &mut AnyState, direction: Direction, request: &RequestHead<'_>) {
        if let Some(state) = state.downcast_mut() {
            ExchangeObserver::request(self, state, direction, request);
        }
    }

    fn response(&self, state: &mut AnyState, _: Direction, response: &ResponseHead<'_>) {
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
    /// The unique number of their tracer.
    pub(super) tracer_number: u64,
    /// In the order in which they were added.
    pub(super) list: Vec<Arc<dyn AnyObserver>>,
    /// How many bytes of an error's text are kept.
    pub(super) max_error_length: usize,
    pub(super) body_counters: BodyCounters,
    /// Whether one needs the [`duration_to_head`](EndedExchange::duration_to_head): the clock is read for it.
    pub(super) want_duration_to_head: bool,
    /// Whether one needs a scan of a request's headers.
    want_header_scan: PerDirection<bool>,
}

#[cfg(feature = "metrics")]
fn want_header_scan(list: &[Arc<dyn AnyObserver>], direction: Direction) -> bool {
    let mut list = list.iter();
    list.any(|observer| observer.wants_header_scan(direction))
}

#[cfg(not(feature = "metrics"))]
fn want_header_scan(_: &[Arc<dyn AnyObserver>], _: Direction) -> bool {
    false
}

/// The observers, once for each shard of threads: an exchange keeps a reference, and threads must not
/// contend for the reference count.
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
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let observers = Observers {
            tracer_number: NEXT.fetch_add(1, Relaxed),
            want_duration_to_head: list
                .iter()
                .any(|observer| observer.wants_duration_to_head()),
            want_header_scan: PerDirection {
                server: want_header_scan(&list, Direction::Server),
                client: want_header_scan(&list, Direction::Client),
            },
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

    /// Whether one needs a scan of the headers of requests of this direction.
    pub(crate) fn want_header_scan(&self, direction: Direction) -> bool {
        let observers = self.0.first();
        observers.is_some_and(|observers| *observers.want_header_scan.of(direction))
    }

    /// The observers, by the reference of the calling thread; `None` if there are none.
    pub(crate) fn of_current_thread(&self) -> Option<&Arc<Observers>> {
        self.0.get(shard::current())
    }

    /// Flushes each observer. Returns whether nothing is left.
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
