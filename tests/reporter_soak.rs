//! Many spans while the collector is killed and restarted: every span is accounted for, memory
//! stays bounded, no request fails.
//!
//! The short form runs always. The full one, 50,000 spans a second for a minute:
//!
//! ```text
//! TOWER_B3_SOAK=1 cargo test -p tower-b3 --release --test reporter_soak -- --nocapture
//! ```
#![cfg(all(feature = "zipkin", unix))]

use http::{Request, Response};
use http_body::Body;
use http_body_util::BodyExt;
use std::{
    collections::HashSet,
    convert::Infallible,
    env, fs,
    hash::{DefaultHasher, Hasher},
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{self, Child, Command, Stdio},
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};
use tokio::{runtime::Builder, time::sleep};
use tower::{Layer, Service, ServiceExt, service_fn};
use tower_b3::{
    Tracer,
    report::{BatchOptions, Stats},
    zipkin::ZipkinReporter,
};

/// A timeout that only a failure reaches.
const LONG: Duration = Duration::from_secs(30);
/// The port on which the test `collector` listens.
const PORT: &str = "TOWER_B3_SOAK_PORT";
/// What a request of the traced service makes: SERVER, CLIENT, and three of the handler's.
const SPANS_A_REQUEST: u64 = 5;

struct Plan {
    spans_a_second: u64,
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
                spans_a_second: 50_000,
                calm: millis(15_000),
                storm: millis(60_000),
                up: millis(3_000),
                down: millis(2_000),
            }
        } else {
            Plan {
                spans_a_second: 5_000,
                calm: millis(1_000),
                storm: millis(2_000),
                up: millis(350),
                down: millis(250),
            }
        }
    }
}

/// The collector: a process of its own, so that it can be killed at any moment.
/// Does nothing unless `soak` has started it.
#[test]
fn collector() {
    let Ok(port) = env::var(PORT) else { return };
    let port: u16 = port.parse().unwrap();
    // It exits with the test, whose end closes the pipe.
    thread::spawn(|| {
        let _ = io::stdin().read(&mut [0]);
        process::exit(0);
    });
    let start = Instant::now();
    // The previous collector may not have exited yet.
    let listener = loop {
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(listener) => break listener,
            Err(error) => assert!(start.elapsed() < LONG, "{error}"),
        }
        thread::sleep(Duration::from_millis(1));
    };
    for stream in listener.incoming().flatten() {
        thread::spawn(move || collect(stream));
    }
}

/// Prints to standard error what it is about to acknowledge.
fn collect(stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(64 * 1024, stream);
    let (mut line, mut body) = (String::new(), Vec::new());
    loop {
        let mut length = 0;
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let header = line.trim_end().to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            if header.is_empty() {
                break;
            }
        }
        body.resize(length, 0);
        reader.read_exact(&mut body)?;
        let mut hasher = DefaultHasher::new();
        hasher.write(&body);
        let said = format!("ack {} {}\n", hasher.finish(), spans_in(&body));
        io::stderr().write_all(said.as_bytes())?;
        reader
            .get_mut()
            .write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n")?;
    }
}

/// Quotes in text are escaped, so the pattern only matches the start of a span.
fn spans_in(json: &[u8]) -> usize {
    const FIRST: &[u8] = br#"{"traceId":""#;
    let objects = json.iter().enumerate().filter(|(_, byte)| **byte == b'{');
    objects
        .filter(|(at, _)| json[*at..].starts_with(FIRST))
        .count()
}

/// A process that runs the test above, and what it printed until it was killed.
struct Collector {
    process: Child,
    said: JoinHandle<Vec<(u64, u64)>>,
}

impl Collector {
    fn start(port: u16) -> Collector {
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["--exact", "collector", "--nocapture"])
            .env(PORT, port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let said = thread::spawn(move || {
            let acknowledged = |line: io::Result<String>| {
                let line = line.ok()?;
                let mut words = line.strip_prefix("ack ")?.split(' ');
                let mut number = || words.next()?.parse().ok();
                Some((number()?, number()?))
            };
            lines.filter_map(acknowledged).collect()
        });
        Collector { process, said }
    }

    fn kill(mut self) -> Vec<(u64, u64)> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.said.join().unwrap()
    }
}

/// What all collectors have acknowledged.
#[derive(Default)]
struct Acknowledged {
    messages: HashSet<u64>,
    spans: u64,
    /// Messages that a collector had acknowledged, or was about to, when it was killed, and that
    /// the next was sent again: the reporter has not read that acknowledgement.
    again: u64,
    kills: u64,
}

impl Acknowledged {
    fn add(&mut self, said: Vec<(u64, u64)>) {
        for (at, (message, spans)) in said.into_iter().enumerate() {
            if self.messages.insert(message) {
                self.spans += spans;
            } else {
                // There is one message under way at a time, and it comes first after a kill.
                assert_eq!(at, 0, "a message came twice with no kill in between");
                self.again += 1;
            }
        }
    }
}

/// A free port outside the range of ephemeral ports.
fn port() -> u16 {
    let first = 20_000 + (process::id() % 10_000) as u16;
    let mut ports = first..first + 1_000;
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.find(free).expect("a free port")
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

    /// The time that `share` of them do not exceed.
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

/// The traced service: three local spans and a request to another. Read to its end.
fn service(
    tracer: &Tracer,
) -> impl Service<Request<()>, Response = String, Error = Failed> + Clone {
    let inventory = |request: Request<()>| async move {
        assert!(request.headers().contains_key("x-b3-traceid"));
        Ok::<_, Infallible>(Response::new(String::from("7")))
    };
    let inventory = tracer.client_layer().layer(service_fn(inventory));
    let own = tracer.clone();
    let handler = move |_: Request<()>| {
        let (inventory, tracer) = (inventory.clone(), own.clone());
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

/// Sends requests at this rate: how many, and how long each took.
fn drive(tracer: &Tracer, spans_a_second: u64, lasting: Duration) -> (u64, Times) {
    let service = service(tracer);
    let mut times = Times::new();
    let runtime = Builder::new_current_thread().enable_all().build();
    let rate = spans_a_second as f64 / SPANS_A_REQUEST as f64;
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

/// Sets the flag when it is dropped, also by a panic.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

#[test]
fn soak() {
    let plan = Plan::chosen();
    let port = port();
    let zipkin = ZipkinReporter::builder(format!("http://127.0.0.1:{port}/"))
        .options(
            BatchOptions::new()
                .backoff(Duration::from_millis(20), Duration::from_millis(200))
                .request_timeout(Duration::from_secs(20)),
        )
        .build()
        .unwrap();
    let tracer = Tracer::builder("catalog").reporter(zipkin.clone());
    let tracer = tracer.build().unwrap();
    let collector = Collector::start(port);
    let reachable = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(reachable.elapsed() < LONG);
        thread::sleep(Duration::from_millis(5));
    }

    let idle = resident();
    let most = AtomicU64::new(0);
    let (storming, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let mut acknowledged = Acknowledged::default();
    let (calm, storm, collector) = thread::scope(|scope| {
        let looking = scope.spawn(|| {
            while !over.load(Relaxed) {
                assert_sums(&zipkin.stats());
                most.fetch_max(resident().unwrap_or(0), Relaxed);
                thread::sleep(Duration::from_millis(20));
            }
        });
        let killing = scope.spawn(|| {
            let mut collector = collector;
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
            collector
        });
        let driving = Over(&over);
        let calm = drive(&tracer, plan.spans_a_second, plan.calm);
        let calm = (calm, zipkin.stats());
        storming.store(true, Relaxed);
        let storm = drive(&tracer, plan.spans_a_second, plan.storm);
        drop(driving);
        looking.join().unwrap();
        (calm, storm, killing.join().unwrap())
    });
    // The last collector is not killed before the shutdown.
    let end = zipkin.shutdown(LONG);
    acknowledged.add(collector.kill());

    let stats = end.stats;
    let ((calm_requests, calm_times), calm_stats) = calm;
    let (storm_requests, storm_times) = storm;
    let grown = idle.map(|idle| most.load(Relaxed).saturating_sub(idle));
    println!("{stats}");
    println!(
        "{} spans a second for {:?} with the collector there ({}), then for {:?} while it was killed {} times",
        plan.spans_a_second, plan.calm, calm_stats.dropped, plan.storm, acknowledged.kills
    );
    println!(
        "{} spans acknowledged in {} messages; {} messages came again after a kill",
        acknowledged.spans,
        acknowledged.messages.len(),
        acknowledged.again
    );
    for (what, times) in [("there", &calm_times), ("killed", &storm_times)] {
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| times.quantile(share));
        println!("a request, collector {what}: p50 {p50:?}, p99 {p99:?}, p99.9 {p999:?}");
    }
    if let (Some(idle), Some(grown)) = (idle, grown) {
        let mib = |bytes: u64| bytes as f64 / (1 << 20) as f64;
        println!(
            "resident: {:.1} MiB idle, at most {:.1} MiB more",
            mib(idle),
            mib(grown)
        );
    }

    assert!(end.in_time);
    assert_sums(&stats);
    let finished = (calm_requests + storm_requests) * SPANS_A_REQUEST;
    assert_eq!(stats.finished, finished);
    assert_eq!(stats.finished, stats.sent + stats.dropped.total());
    assert_eq!(stats.sent, acknowledged.spans);
    assert_eq!(stats.batches, acknowledged.messages.len() as u64);
    assert_eq!(stats.dropped.total(), stats.dropped.queue_full, "{stats}");
    assert!(acknowledged.kills >= 2 && acknowledged.again <= acknowledged.kills);
    assert!(stats.retries > 0);
    assert!(grown.is_none_or(|grown| grown < 64 << 20), "{grown:?}");
}
