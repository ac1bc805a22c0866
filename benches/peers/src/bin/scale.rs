//! How the cost grows with the requests in flight on one thread, and with a second thread.
//!
//! Columns: measurement, count, peer, median of ns per request, median of ns added to the baseline
//! in the same round.

use bytes::Bytes;
use http::{Request, Response};
use load::{Body, Head};
use peers::{
    ASLEEP, Flush, Runner, SLICE, Scenario, Visitor, build, build_apart, median, shuffle,
    with_peer_around,
};
use std::{
    convert::Infallible,
    error::Error,
    future::poll_fn,
    hint::black_box,
    pin::pin,
    sync::Barrier,
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};
use tower::{Service, service_fn};

const PEERS: [&str; 4] = ["baseline", "floor", "tower-b3", "fastrace"];
const ROUNDS: usize = 24;
const REQUESTS: usize = 4096;

/// A peer around a handler that is pending once.
trait InFlight {
    /// Serves [`REQUESTS`] requests, with this many in flight.
    fn serve(&mut self, in_flight: usize) -> Duration;

    fn flush(&self);
}

struct Waves<S> {
    service: S,
    head: Head,
    flush: Flush,
}

impl<S, RB> InFlight for Waves<S>
where
    S: Service<Request<Body>, Response = Response<RB>, Error = Infallible>,
    RB: http_body::Body<Data = Bytes>,
{
    fn serve(&mut self, in_flight: usize) -> Duration {
        let mut context = Context::from_waker(Waker::noop());
        let mut took = Duration::ZERO;
        for _ in 0..REQUESTS / in_flight {
            let requests: Vec<_> = (0..in_flight)
                .map(|_| self.head.request(Body::default()))
                .collect();
            let mut futures = Vec::with_capacity(in_flight);
            let start = Instant::now();
            for request in requests {
                let mut future = Box::pin(self.service.call(request));
                assert!(future.as_mut().poll(&mut context).is_pending());
                futures.push(future);
            }
            for mut future in futures {
                let Poll::Ready(Ok(response)) = future.as_mut().poll(&mut context) else {
                    panic!("it waits once");
                };
                let (head, body) = response.into_parts();
                black_box(&head);
                let mut body = pin!(body);
                while !body.is_end_stream() {
                    let Poll::Ready(Some(_)) = body.as_mut().poll_frame(&mut context) else {
                        break;
                    };
                }
            }
            took += start.elapsed();
        }
        took
    }

    fn flush(&self) {
        (self.flush)();
    }
}

struct MakeWaves(Scenario);

impl Visitor<Body> for MakeWaves {
    type Out = Box<dyn InFlight>;

    fn visit<S, RB>(self, service: S, flush: Flush) -> Self::Out
    where
        S: Service<Request<Body>, Response = Response<RB>, Error = Infallible, Future: Send>
            + Clone
            + Send
            + 'static,
        RB: http_body::Body<Data = Bytes, Error: Error + Send + Sync> + Send + 'static,
    {
        Box::new(Waves {
            service,
            head: Head::of(self.0),
            flush,
        })
    }
}

fn waves(peer: &str, scenario: Scenario) -> Box<dyn InFlight> {
    let leaf = service_fn(|request: Request<Body>| async move {
        drop(request);
        let mut waited = false;
        poll_fn(|_| match std::mem::replace(&mut waited, true) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
        Ok::<_, Infallible>(load::response())
    });
    with_peer_around(peer, scenario, MakeWaves(scenario), leaf)
}

/// Times all peers in turn, and prints the results.
fn compare(what: &str, mut time: impl FnMut(usize) -> f64) {
    let mut order: Vec<usize> = (0..PEERS.len()).collect();
    let mut seen = vec![Vec::new(); PEERS.len()];
    for round in 0..ROUNDS + 2 {
        shuffle(&mut order);
        for &at in &order {
            let ns = time(at);
            // The first rounds warm up.
            if round >= 2 {
                seen[at].push(ns);
            }
        }
    }
    for (at, peer) in PEERS.iter().enumerate() {
        let added = seen[at]
            .iter()
            .zip(&seen[0])
            .map(|(peer, bare)| peer - bare);
        let (ns, added) = (median(seen[at].clone()), median(added.collect()));
        println!("{what}\t{peer}\t{ns:.0}\t{added:.0}");
    }
}

fn growth() {
    let build_all = || PEERS.map(|peer| waves(peer, Scenario::In1));
    let mut peers = build_apart(build_all);
    for in_flight in [1, 4, 16, 64, 256] {
        compare(&format!("in1 in flight\t{in_flight}"), |at| {
            let took = peers[at].serve(in_flight);
            peers[at].flush();
            took.as_nanos() as f64 / REQUESTS as f64
        });
    }
}

/// The ns per request on each of this many threads.
fn on_threads(runner: &dyn Runner, threads: usize, slices: usize) -> f64 {
    // Batches may be shorter than a thread takes to start.
    let started = &Barrier::new(threads);
    let run = |mut runner: Box<dyn Runner>| {
        move || {
            started.wait();
            runner.serve(slices).as_nanos() as f64 / (slices * SLICE) as f64
        }
    };
    let sum: f64 = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads)
            .map(|_| scope.spawn(run(runner.another())))
            .collect();
        let ns = threads.into_iter().map(|thread| thread.join().expect("ns"));
        ns.sum()
    });
    runner.flush();
    sum / threads as f64
}

/// Batches of sampled requests are short, so that their spans are freed, on a third thread, outside the
/// clock.
fn threads(scenario: Scenario, slices: usize) {
    let runners = PEERS.map(|peer| build(peer, scenario));
    for threads in [1, 2] {
        compare(&format!("{} threads\t{threads}", scenario.name()), |at| {
            on_threads(&*runners[at], threads, slices)
        });
    }
}

fn main() {
    let exe = std::env::current_exe().expect("a path");
    // Some peers have global state, which belongs to one scenario.
    match std::env::args().nth(1).as_deref() {
        Some("growth") => growth(),
        Some("threads-in0") => threads(Scenario::In0, 4 * REQUESTS / SLICE),
        Some("threads-in1") => threads(Scenario::In1, ASLEEP),
        _ => {
            println!("what\tcount\tpeer\tns\tadded_ns");
            for part in ["growth", "threads-in0", "threads-in1"] {
                let status = std::process::Command::new(&exe).arg(part).status();
                assert!(status.is_ok_and(|status| status.success()), "{part}");
            }
        }
    }
}
