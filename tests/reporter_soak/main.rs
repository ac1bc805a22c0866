//! Many spans while the collector is killed and restarted: every span is accounted for, memory
//! stays bounded, no request fails.
//!
//! The short form always runs. The full form, 50,000 spans per second for a minute:
//!
//! ```text
//! TOWER_B3_SOAK=1 cargo test -p tower-b3 --release --test reporter_soak -- --nocapture
//! ```
#![cfg(all(feature = "zipkin", unix))]

mod collector;

use collector::{Acknowledged, Collector, port};
use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use std::{
    convert::Infallible,
    env, fs,
    net::TcpStream,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};
use tokio::{runtime::Builder, time::sleep};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_b3::{
    Tracer,
    report::{BatchOptions, Stats},
    zipkin::ZipkinReporter,
};

/// A timeout that is reached only on failure.
const LONG: Duration = Duration::from_secs(30);
/// The spans of a request: SERVER, CLIENT, and three local spans of the handler.
const SPANS_PER_REQUEST: u64 = 5;

struct Plan {
    spans_per_second: u64,
    /// How long the collector is up at first.
    calm: Duration,
    /// How long it is killed and restarted after that.
    storm: Duration,
    up: Duration,
    down: Duration,
}

impl Plan {
    fn chosen() -> Plan {
        let millis = Duration::from_millis;
        if env::var_os("TOWER_B3_SOAK").is_some() {
            Plan {
                spans_per_second: 50_000,
                calm: millis(15_000),
                storm: millis(60_000),
                up: millis(3_000),
                down: millis(2_000),
            }
        } else {
            Plan {
                spans_per_second: 5_000,
                calm: millis(1_000),
                storm: millis(2_000),
                up: millis(350),
                down: millis(250),
            }
        }
    }
}

/// The resident memory of this process, in bytes.
fn resident() -> Option<u64> {
    let pages = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = pages.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}

/// A histogram of durations, with 16 buckets for each power of two of nanoseconds.
struct Times(Vec<u64>);

impl Times {
    fn new() -> Times {
        Times(vec![0; 64 * 16])
    }

    fn add(&mut self, time: Duration) {
        let nanos = (time.as_nanos() as u64).max(16);
        let doublings = nanos.ilog2();
        let step = (nanos >> (doublings - 4)) & 15;
        self.0[doublings as usize * 16 + step as usize] += 1;
    }

    /// The time that this share of the durations do not exceed.
    fn quantile(&self, share: f64) -> Duration {
        let all: u64 = self.0.iter().sum();
        let mut left = (all as f64 * share) as u64;
        for (at, count) in self.0.iter().enumerate().skip(64) {
            if left < *count {
                return Duration::from_nanos((17 + at as u64 % 16) << (at / 16 - 4));
            }
            left -= count;
        }
        Duration::MAX
    }
}

#[derive(Debug)]
struct Failed;

/// The traced service: three local spans and a request to another service. The response is read to
/// its end.
fn service(
    tracer: &Tracer,
) -> impl Service<Request<()>, Response = String, Error = Failed> + Clone {
    let inventory = |request: Request<()>| async move {
        assert!(request.headers().contains_key("x-b3-traceid"));
        Ok::<_, Infallible>(Response::new(String::from("7")))
    };
    let inventory = tracer.client_layer().layer(service_fn(inventory));
    let serving = tracer.clone();
    let handler = move |_: Request<()>| {
        let (inventory, tracer) = (inventory.clone(), serving.clone());
        async move {
            for name in ["authorize", "look up", "render"] {
                tracer.span(name).in_scope(|| {
                    tower_b3::tag("tenant", "acme");
                });
            }
            let request = Request::get("http://inventory/items/42").body(()).unwrap();
            let response = inventory.oneshot(request).await.map_err(|_| Failed)?;
            Ok::<_, Failed>(Response::new(read(response).await?))
        }
    };
    let server = tracer.server_layer().layer(service_fn(handler));
    server.and_then(read)
}

async fn read<B: Body>(response: Response<B>) -> Result<String, Failed> {
    let body = response.into_body().collect();
    let body = body.await.map_err(|_| Failed)?.to_bytes();
    String::from_utf8(body.to_vec()).map_err(|_| Failed)
}

/// Sends requests at this rate. Returns how many, and how long each took.
fn drive(tracer: &Tracer, spans_per_second: u64, lasting: Duration) -> (u64, Times) {
    let service = service(tracer);
    let mut times = Times::new();
    let runtime = Builder::new_current_thread().enable_all().build();
    let rate = spans_per_second as f64 / SPANS_PER_REQUEST as f64;
    runtime.unwrap().block_on(async {
        let start = Instant::now();
        let mut done = 0;
        while start.elapsed() < lasting {
            let due = (start.elapsed().as_secs_f64() * rate) as u64;
            for _ in done..due {
                let request = Request::get("http://catalog.shop:8080/api/items/42?full=yes")
                    .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0)")
                    .body(())
                    .unwrap();
                let begun = Instant::now();
                let answer = service.clone().oneshot(request).await;
                times.add(begun.elapsed());
                assert_eq!(answer.expect("no request fails"), "7");
            }
            done = due;
            sleep(Duration::from_millis(1)).await;
        }
        (done, times)
    })
}

fn assert_sums(stats: &Stats) {
    let sum = stats.queued + stats.in_flight + stats.sent + stats.dropped.total();
    assert_eq!(stats.finished, sum, "{stats:?}");
}

/// Sets the flag when dropped, including by a panic.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// A reporter and a traced service, with no collector running yet.
fn reporter_and_tracer(port: u16) -> (ZipkinReporter, Tracer) {
    let zipkin = ZipkinReporter::builder(format!("http://127.0.0.1:{port}/"))
        .options(
            BatchOptions::new()
                .backoff(Duration::from_millis(20), Duration::from_millis(200))
                .request_timeout(Duration::from_secs(20)),
        )
        .build()
        .unwrap();
    let tracer = Tracer::builder("catalog").reporter(zipkin.clone());
    (zipkin, tracer.build().unwrap())
}

/// Checks the counts and measures memory until `over`. Returns the largest resident size.
fn watch(zipkin: &ZipkinReporter, over: &AtomicBool) -> u64 {
    let mut largest = 0;
    while !over.load(Relaxed) {
        assert_sums(&zipkin.stats());
        largest = largest.max(resident().unwrap_or(0));
        thread::sleep(Duration::from_millis(20));
    }
    largest
}

/// Kills and restarts the collector while `storming`, until `over`. Returns the running collector.
fn kill_and_restart(
    mut collector: Collector,
    port: u16,
    plan: &Plan,
    (storming, over): (&AtomicBool, &AtomicBool),
) -> (Collector, Acknowledged) {
    let mut acknowledged = Acknowledged::default();
    let wait = |time: Duration| {
        let end = Instant::now() + time;
        while Instant::now() < end && !over.load(Relaxed) {
            thread::sleep(Duration::from_millis(10));
        }
    };
    while !over.load(Relaxed) {
        if !storming.load(Relaxed) {
            wait(Duration::from_millis(10));
            continue;
        }
        wait(plan.up);
        acknowledged.add(collector.kill());
        acknowledged.kills += 1;
        wait(plan.down);
        collector = Collector::start(port);
    }
    (collector, acknowledged)
}

/// The requests of one phase: how many, and how long they took.
type Phase = (u64, Times);

fn print_figures(
    plan: &Plan,
    acknowledged: &Acknowledged,
    (calm, calm_stats): (&Phase, &Stats),
    storm: &Phase,
) {
    println!(
        "{} spans per second for {:?} with the collector up ({}), then for {:?} while it was killed {} times",
        plan.spans_per_second, plan.calm, calm_stats.dropped, plan.storm, acknowledged.kills
    );
    println!(
        "{} spans acknowledged in {} messages; {} messages were sent again after a kill",
        acknowledged.spans,
        acknowledged.messages.len(),
        acknowledged.again
    );
    for (state, (_, times)) in [("up", calm), ("killed", storm)] {
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| times.quantile(share));
        println!("request time, collector {state}: p50 {p50:?}, p99 {p99:?}, p99.9 {p999:?}");
    }
}

#[test]
fn soak() {
    let plan = Plan::chosen();
    let port = port();
    let (zipkin, tracer) = reporter_and_tracer(port);
    let collector = Collector::start(port);
    let reachable = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(reachable.elapsed() < LONG);
        thread::sleep(Duration::from_millis(5));
    }

    let idle = resident();
    let (storming, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let (calm, calm_stats, storm, largest, (collector, mut acknowledged)) =
        thread::scope(|scope| {
            let watching = scope.spawn(|| watch(&zipkin, &over));
            let killing =
                scope.spawn(|| kill_and_restart(collector, port, &plan, (&storming, &over)));
            let driving = Over(&over);
            let calm = drive(&tracer, plan.spans_per_second, plan.calm);
            let calm_stats = zipkin.stats();
            storming.store(true, Relaxed);
            let storm = drive(&tracer, plan.spans_per_second, plan.storm);
            drop(driving);
            let largest = watching.join().unwrap();
            (calm, calm_stats, storm, largest, killing.join().unwrap())
        });
    // The last collector is not killed before the shutdown.
    let end = zipkin.shutdown(LONG);
    acknowledged.add(collector.kill());

    let stats = end.stats;
    println!("{stats}");
    print_figures(&plan, &acknowledged, (&calm, &calm_stats), &storm);
    let grown = idle.map(|idle| largest.saturating_sub(idle));
    if let (Some(idle), Some(grown)) = (idle, grown) {
        let mib = |bytes: u64| bytes as f64 / (1 << 20) as f64;
        let (idle, grown) = (mib(idle), mib(grown));
        println!("resident: {idle:.1} MiB idle, at most {grown:.1} MiB more");
    }

    assert!(end.in_time);
    assert_sums(&stats);
    assert_eq!(stats.finished, (calm.0 + storm.0) * SPANS_PER_REQUEST);
    assert_eq!(stats.finished, stats.sent + stats.dropped.total());
    assert_eq!(stats.sent, acknowledged.spans);
    assert_eq!(stats.batches, acknowledged.messages.len() as u64);
    assert_eq!(stats.dropped.total(), stats.dropped.queue_full, "{stats}");
    assert!(acknowledged.kills >= 2 && acknowledged.again <= acknowledged.kills);
    assert!(stats.retries > 0);
    assert!(grown.is_none_or(|grown| grown < 64 << 20), "{grown:?}");
}
