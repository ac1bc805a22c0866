//! The cost of reporting a span, on the thread that finished it and on the reporter's thread.

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, measurement::WallTime};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use std::convert::Infallible;
use std::{
    hint::black_box,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tower::{Layer, ServiceExt, service_fn};
use tower_b3::{
    Tracer,
    record::SpanRecord,
    report::{
        BatchOptions, BatchReporter, Encoded, Encoder, InMemoryReporter, Message, Outcome,
        Reporter, Sender,
    },
    tags::Tag,
    zipkin::{JsonEncoder, Proto3Encoder, ZipkinReporter},
};

const LONG: Duration = Duration::from_secs(60);

/// Spans like those of the layers.
fn spans(count: usize) -> Vec<SpanRecord> {
    let spans = InMemoryReporter::default();
    let tracer = Tracer::builder("catalog")
        .tag(Tag::request_header("tenant", "x-tenant"))
        .reporter(spans.clone())
        .build()
        .unwrap();
    let handler = |_: Request<()>| async {
        let body = Full::<&[u8]>::from(&b"[]"[..]);
        Ok::<_, Infallible>(Response::new(body))
    };
    let service = tracer.server_layer().layer(service_fn(handler));
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        for _ in 0..count {
            let request = Request::get("http://catalog.shop.svc.cluster.local:8080/api/items/42")
                .header("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0)")
                .header("x-request-id", "6f0b3f1e-6a0b-4d1c-8f3e-0d6b5a4c3e21")
                .header("x-tenant", "acme")
                .body(())
                .unwrap();
            let response = service.clone().oneshot(request).await.unwrap();
            response.into_body().collect().await.unwrap();
        }
    });
    spans.take()
}

/// Accepts every message at once.
struct Nowhere;

impl Sender for Nowhere {
    async fn send(&mut self, _: Message) -> Outcome {
        Outcome::Accepted
    }
}

fn report(c: &mut Criterion) {
    const EACH: usize = 1_000;
    let mut group = c.benchmark_group("report");
    group.sample_size(20);
    for producers in [1, 2, 8] {
        group.bench_function(format!("producers {producers}"), |b| {
            let reporter = BatchReporter::builder(JsonEncoder, Nowhere);
            let reporter = reporter
                .options(
                    BatchOptions::new()
                        .queue_limit(100_000)
                        .queue_bytes(1 << 30),
                )
                .build()
                .unwrap();
            b.iter_custom(|iterations| {
                let rounds = iterations.div_ceil(EACH as u64);
                let mut total = Duration::ZERO;
                for _ in 0..rounds {
                    let run = || {
                        let spans = spans(EACH);
                        let start = Instant::now();
                        spans.into_iter().for_each(|span| reporter.report(span));
                        start.elapsed()
                    };
                    // The mean of the times that the threads measure themselves.
                    let sum: Duration = thread::scope(|scope| {
                        let threads: Vec<_> = (0..producers).map(|_| scope.spawn(run)).collect();
                        threads
                            .into_iter()
                            .map(|thread| thread.join().unwrap())
                            .sum()
                    });
                    total += sum / producers;
                    reporter.flush(LONG);
                }
                assert_eq!(reporter.stats().dropped.total(), 0);
                total.mul_f64(iterations as f64 / (rounds * EACH as u64) as f64)
            });
        });
    }
}

fn encode(c: &mut Criterion) {
    const SPANS: usize = 10_000;
    let spans = spans(SPANS);
    let mut group = c.benchmark_group("encode 10,000 spans");
    group.throughput(Throughput::Elements(SPANS as u64));
    encode_with(&mut group, "json", JsonEncoder, &spans);
    encode_with(&mut group, "proto3", Proto3Encoder, &spans);
    #[cfg(feature = "otlp")]
    encode_with(&mut group, "otlp", tower_b3::otlp::OtlpEncoder, &spans);
}

fn encode_with(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    encoder: impl Encoder,
    spans: &[SpanRecord],
) {
    let (mut bytes, mut ends, mut message) = (Vec::new(), Vec::new(), Vec::new());
    group.bench_function(name, |b| {
        b.iter(|| {
            bytes.clear();
            ends.clear();
            message.clear();
            for span in spans {
                encoder.encode(span, &mut bytes).unwrap();
                ends.push(bytes.len());
            }
            encoder.message(Encoded::all(&bytes, &ends), &mut message);
            black_box(message.len())
        })
    });
    println!("{} bytes per span", message.len() / spans.len());
}

/// Set in the environment of the sink process.
const SINK: &str = "TOWER_B3_BENCH_SINK";

/// A separate process that reads requests and responds 202. It ends with this process.
struct Sink {
    process: Child,
    url: String,
}

impl Sink {
    fn start() -> Sink {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .env(SINK, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        let mut lines = BufReader::new(process.stdout.take().unwrap());
        lines.read_line(&mut url).unwrap();
        let url = url.trim().to_owned();
        Sink { process, url }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn sink() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("http://{}/", listener.local_addr().unwrap());
    // The pipe closes when the parent process ends.
    thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    for stream in listener.incoming() {
        let stream = stream.unwrap();
        thread::spawn(move || while answer(&stream).is_some() {});
    }
}

/// Responds to a request; `None` at the end of the connection.
fn answer(mut stream: &TcpStream) -> Option<()> {
    let mut buffer = [0; 64 * 1024];
    let mut filled = 0;
    let head = loop {
        match stream.read(&mut buffer[filled..]) {
            Ok(0) | Err(_) => return None,
            Ok(read) => filled += read,
        }
        let read = &buffer[..filled];
        if let Some(end) = read.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
    };
    let text = std::str::from_utf8(&buffer[..head]).unwrap();
    let length = text.split("content-length: ").nth(1).unwrap();
    let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
    let mut left = length - (filled - head);
    while left > 0 {
        left -= stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
    }
    let accepted = b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(accepted).ok()
}

fn end_to_end(c: &mut Criterion) {
    const SPANS: usize = 20_000;
    let sink = Sink::start();
    let zipkin = ZipkinReporter::builder(&sink.url);
    let zipkin = zipkin
        .options(BatchOptions::new().queue_limit(SPANS).queue_bytes(1 << 30))
        .build()
        .unwrap();
    let mut group = c.benchmark_group("end to end");
    group
        .throughput(Throughput::Elements(SPANS as u64))
        .sample_size(10);
    group.bench_function("20,000 spans to a sink, which is a process", |b| {
        b.iter_batched(
            || spans(SPANS),
            |spans| {
                spans.into_iter().for_each(|span| zipkin.report(span));
                assert!(zipkin.flush(LONG));
            },
            criterion::BatchSize::PerIteration,
        );
    });
    assert_eq!(zipkin.stats().dropped.total(), 0);
}

criterion_group!(benches, report, encode, end_to_end);

fn main() {
    if std::env::var_os(SINK).is_some() {
        return sink();
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
