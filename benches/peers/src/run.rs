//! Drives a peer, one request after the other.

use crate::stacks::{Flush, Visitor, with_peer};
use bytes::Bytes;
use http::{Request, Response};
use load::{Body, Head, Scenario, prepare_out, serve};
use std::{
    cell::Cell,
    convert::Infallible,
    error::Error,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tower::Service;

/// Requests are built before the clock starts, and this many are then served at a time: few, so
/// that they are as warm in the cache as those of a server that has just parsed them.
pub const SLICE: usize = 64;

/// Slices between two flushes while reporters work: enough to wake every reporter many times, so
/// that they take and free spans while requests are served, as in a busy server.
pub const AWAKE: usize = 256;

/// Slices between two flushes while reporters sleep: too few to wake any of them, so that their
/// work is not timed, as in a server with little traffic.
pub const ASLEEP: usize = 3;

thread_local! {
    /// Whether this thread is serving requests.
    pub static SERVING: Cell<bool> = const { Cell::new(false) };
}

/// A peer that serves requests.
pub trait Runner: Send {
    /// Serves this many slices of [`SLICE`] requests and returns the time they took. Some spans may
    /// still be queued; see [`flush`](Runner::flush).
    fn serve(&mut self, slices: usize) -> Duration;

    /// Waits until the reporter's thread has freed everything.
    fn flush(&self);

    /// The same service, for another thread.
    fn another(&self) -> Box<dyn Runner>;
}

struct Run<S> {
    service: S,
    requests: Vec<Request<Body>>,
    head: Arc<Head>,
    calls_out: bool,
    flush: Arc<Mutex<Flush>>,
}

impl<S, RB> Runner for Run<S>
where
    S: Service<Request<Body>, Response = Response<RB>, Error = Infallible> + Clone + Send + 'static,
    RB: http_body::Body<Data = Bytes>,
{
    fn serve(&mut self, slices: usize) -> Duration {
        let mut took = Duration::ZERO;
        for _ in 0..slices {
            let requests = (0..SLICE).map(|_| self.head.request(Body::default()));
            self.requests.extend(requests);
            if self.calls_out {
                prepare_out(SLICE);
            }
            SERVING.set(true);
            let start = Instant::now();
            while let Some(request) = self.requests.pop() {
                serve(&mut self.service, request);
            }
            took += start.elapsed();
            SERVING.set(false);
        }
        took
    }

    fn flush(&self) {
        (self.flush.lock().expect("no panic"))();
    }

    fn another(&self) -> Box<dyn Runner> {
        Box::new(Run {
            service: self.service.clone(),
            requests: Vec::with_capacity(SLICE),
            head: self.head.clone(),
            calls_out: self.calls_out,
            flush: self.flush.clone(),
        })
    }
}

/// Makes a runner of a service, for requests with this head.
pub(crate) struct MakeRun {
    pub head: Arc<Head>,
    pub calls_out: bool,
}

impl Visitor<Body> for MakeRun {
    type Out = Box<dyn Runner>;

    fn visit<S, RB>(self, service: S, flush: Flush) -> Self::Out
    where
        S: Service<Request<Body>, Response = Response<RB>, Error = Infallible, Future: Send>
            + Clone
            + Send
            + 'static,
        RB: http_body::Body<Data = Bytes, Error: Error + Send + Sync> + Send + 'static,
    {
        Box::new(Run {
            service,
            requests: Vec::with_capacity(SLICE),
            head: self.head,
            calls_out: self.calls_out,
            flush: Arc::new(Mutex::new(flush)),
        })
    }
}

pub fn build(peer: &str, scenario: Scenario) -> Box<dyn Runner> {
    let run = MakeRun {
        head: Arc::new(Head::of(scenario)),
        calls_out: scenario.calls_out(),
    };
    with_peer(peer, scenario, run)
}
