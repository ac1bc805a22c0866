//! Allocations per local span on the thread that finishes it, with a batching reporter.

use allocation_counter::measure;
use std::{
    future::pending,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};
use tower_b3::{
    Tracer,
    record::Kind,
    report::{BatchOptions, BatchReporter, Message, Outcome, Sender, TailSampler},
    zipkin::JsonEncoder,
};

const LONG: Duration = Duration::from_secs(20);
const SPANS: usize = 200;
const DATABASE: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 5432));
/// Each span is the root of a trace and generates the request id for calls made inside it.
const REQUEST_IDS: u64 = SPANS as u64;

struct Nowhere;

impl Sender for Nowhere {
    async fn send(&mut self, _: Message) -> Outcome {
        Outcome::Accepted
    }
}

#[test]
fn in_the_steady_state_a_span_allocates_nothing() {
    let reporter = BatchReporter::builder(JsonEncoder, Nowhere)
        .build()
        .unwrap();
    let tracer = Tracer::builder("orders").reporter(reporter.clone());
    let tracer = tracer.build().unwrap();
    let spans = || {
        for number in 0..SPANS {
            tracer.span("reconcile").in_scope(|| {
                tower_b3::tag("tenant", "acme");
                if number % 10 == 0 {
                    tower_b3::annotate("halfway");
                }
            });
        }
    };
    // Until all reused buffers have grown to their final size.
    for _ in 0..10 {
        spans();
        assert!(reporter.flush(LONG));
    }
    for _ in 0..10 {
        let allocated = measure(spans);
        assert_eq!(allocated.count_total, REQUEST_IDS, "{allocated:?}");
        assert!(reporter.flush(LONG));
    }
    assert_eq!(reporter.stats().sent, 20 * SPANS as u64);
}

#[test]
fn in_the_steady_state_a_tail_sampler_allocates_nothing() {
    let reporter = BatchReporter::builder(JsonEncoder, Nowhere)
        .build()
        .unwrap();
    let tail = TailSampler::builder(reporter.clone()).remember(Duration::ZERO);
    let tail = tail.build();
    let tracer = Tracer::builder("orders").reporter(tail.clone());
    let tracer = tracer.build().unwrap();
    let requests = || {
        for number in 0..SPANS {
            tracer.span("request").in_scope(|| {
                let load = tower_b3::span("load").kind(Kind::Client);
                let load = load.remote_service("postgres").remote_address(DATABASE);
                load.in_scope(|| tower_b3::tag("tenant", "acme"));
                if number % 10 == 0 {
                    tower_b3::scope::error("no rows");
                }
            });
        }
    };
    for _ in 0..10 {
        requests();
        assert!(reporter.flush(LONG));
    }
    for _ in 0..10 {
        let allocated = measure(requests);
        assert_eq!(allocated.count_total, REQUEST_IDS, "{allocated:?}");
        assert!(reporter.flush(LONG));
    }
    assert_eq!(tail.stats().kept, 2 * 20 * SPANS as u64 / 10);
}

/// Says that it has received a message, and never finishes sending it.
struct Silence(Arc<AtomicBool>);

impl Sender for Silence {
    async fn send(&mut self, _: Message) -> Outcome {
        self.0.store(true, Relaxed);
        pending().await
    }
}

#[test]
fn with_a_full_queue_a_span_allocates_nothing() {
    let sending = Arc::new(AtomicBool::new(false));
    let sender = Silence(Arc::clone(&sending));
    let options = BatchOptions::new()
        .queue_limit(50)
        .max_age(Duration::from_millis(1));
    let reporter = BatchReporter::builder(JsonEncoder, sender).options(options);
    let reporter = reporter.build().unwrap();
    let tracer = Tracer::builder("orders").reporter(reporter.clone());
    let tracer = tracer.build().unwrap();
    drop(tracer.span("under way"));
    let deadline = Instant::now() + LONG;
    while !sending.load(Relaxed) {
        assert!(Instant::now() < deadline);
        thread::sleep(Duration::from_millis(1));
    }
    let spans = || (0..SPANS).for_each(|_| drop(tracer.span("reconcile")));
    spans();
    let allocated = measure(spans);
    assert_eq!(allocated.count_total, REQUEST_IDS, "{allocated:?}");
    assert_eq!(reporter.stats().dropped.queue_full, 2 * SPANS as u64 - 50);
    reporter.shutdown(Duration::ZERO);
}
