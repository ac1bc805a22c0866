//! `ExchangeObserver`: the trait that users implement.

use super::{EndedExchange, ResponseHead};
use crate::{direction::Direction, head::RequestHead};
use http::HeaderMap;
use std::time::Duration;

/// Observes the end of every exchange. Added with [`TracerBuilder::observer`](crate::TracerBuilder::observer).
///
/// The methods run on the threads that serve requests: they must not block. If one panics, the request
/// goes on.
///
/// If more of a request or a response is needed than an [`EndedExchange`] has, the state has to keep it when
/// the head passes, because the layers keep neither headers nor bodies. This observer counts by tenant:
///
/// ```
/// use std::{collections::HashMap, sync::{Arc, Mutex}};
/// use tower_b3::{Direction, RequestHead, Tracer, observe::{EndedExchange, ExchangeObserver}};
///
/// #[derive(Clone, Default)]
/// struct CallsByTenant(Arc<Mutex<HashMap<String, u64>>>);
///
/// impl ExchangeObserver for CallsByTenant {
///     type State = String;
///
///     fn request(&self, tenant: &mut String, _: Direction, request: &RequestHead<'_>) {
///         let header = request.headers().get("x-tenant");
///         *tenant = header.and_then(|value| value.to_str().ok()).unwrap_or("none").to_owned();
///     }
///
///     fn ended(&self, tenant: &mut String, exchange: &EndedExchange<'_>) {
///         if exchange.direction() == Direction::Server {
///             *self.0.lock().unwrap().entry(std::mem::take(tenant)).or_default() += 1;
///         }
///     }
/// }
///
/// let calls = CallsByTenant::default();
/// let tracer = Tracer::builder("shop").observer(calls.clone()).build()?;
/// # Ok::<(), tower_b3::BuildError>(())
/// ```
pub trait ExchangeObserver: Send + Sync + 'static {
    /// The state that is kept of one exchange until its end; `()` if none. It is allocated once, and reused
    /// for later exchanges.
    type State: Default + Send + Sync + 'static;

    /// A request has arrived, or is about to be sent. Its headers are those that the handler, or the
    /// server, will see.
    fn request(&self, state: &mut Self::State, direction: Direction, request: &RequestHead<'_>) {
        let _ = (state, direction, request);
    }

    /// The head of the response has arrived, or is about to be sent.
    fn response(&self, state: &mut Self::State, response: &ResponseHead<'_>) {
        let _ = (state, response);
    }

    /// The trailers of the response have arrived, or are about to be sent. The exchange ends next.
    fn trailers(&self, state: &mut Self::State, trailers: &HeaderMap) {
        let _ = (state, trailers);
    }

    /// The exchange has ended. Called exactly once for each exchange, whatever happened to it.
    fn ended(&self, state: &mut Self::State, exchange: &EndedExchange<'_>);

    /// Whether exchanges are observed at present. If no observer of a tracer is active, requests do no work
    /// for observers. It is called when a request starts.
    fn is_active(&self) -> bool {
        true
    }

    /// Writes or sends what is left, within this time. Called by [`Tracer::flush`](crate::Tracer::flush),
    /// and when a `RunningTracer` ends. Returns whether nothing is left.
    fn flush(&self, timeout: Duration) -> bool {
        let _ = timeout;
        true
    }

    /// Makes a state ready for the next exchange. Override it to keep the memory of a buffer.
    fn reset(&self, state: &mut Self::State) {
        *state = Self::State::default();
    }
}

/// A closure that keeps nothing of an exchange.
impl<F> ExchangeObserver for F
where
    F: Fn(&EndedExchange<'_>) + Send + Sync + 'static,
{
    type State = ();

    fn ended(&self, (): &mut (), exchange: &EndedExchange<'_>) {
        self(exchange);
    }
}
