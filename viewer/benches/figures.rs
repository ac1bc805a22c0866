//! What the program costs: the time to start, the memory when idle and when full, and the spans that
//! one core takes in. It measures the program's processor time, so other programs disturb it little.
//!
//! `cargo bench -p tower-b3-viewer` prints a table. It needs Linux.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tower_b3::{
    Sampling, TraceContext,
    id::{SpanId, TraceId},
    otlp::OtlpEncoder,
    record::{Endpoint, Kind, SpanRecord},
    report::{BatchOptions, BatchReporter, Encoder, Message, Outcome, Reporter, Sender},
    zipkin::{JsonEncoder, Proto3Encoder},
};

const SPANS: usize = 200_000;
const SPANS_PER_TRACE: u64 = 10;
const STARTS: usize = 20;

struct Program {
    child: Child,
    address: SocketAddr,
    /// From the start of the process to the first response.
    started: Duration,
}

impl Program {
    fn start() -> Program {
        let start = Instant::now();
        let mut child = Command::new(env!("CARGO_BIN_EXE_tower-b3-viewer"))
            .args(["--listen", "127.0.0.1:0", "--otlp", "off"])
            // All spans fit.
            .args(["--max-bytes", "1GiB"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on http://");
        let address = address
            .and_then(|address| address.parse().ok())
            .expect("an address");
        assert!(
            exchange(
                address,
                b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
            )
            .contains("UP")
        );
        let started = start.elapsed();
        Program {
            child,
            address,
            started,
        }
    }

    fn post(&self, path: &str, kind: &str, body: &[u8]) {
        let length = body.len();
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n"
        )
        .into_bytes();
        request.extend_from_slice(body);
        let answer = exchange(self.address, &request);
        assert!(answer.starts_with("HTTP/1.1 20"), "{answer}");
    }

    /// A field of `/proc/…/status` in MiB.
    fn mebibytes(&self, field: &str) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("Linux");
        let line = status
            .lines()
            .find(|line| line.starts_with(field))
            .expect(field);
        let kibibytes: f64 = line
            .split_whitespace()
            .nth(1)
            .and_then(|n| n.parse().ok())
            .expect("a number");
        kibibytes / 1024.0
    }

    /// The processor time so far, in seconds.
    fn processor_time(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("Linux");
        let (_, fields) = stat.rsplit_once(") ").expect("a name in parentheses");
        let ticks = fields.split(' ').skip(11).take(2);
        let ticks: f64 = ticks.filter_map(|field| field.parse::<f64>().ok()).sum();
        ticks / 100.0
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.write_all(request).expect("the request is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("a response");
    answer
}

/// A span as a service with default settings reports it.
fn record(number: u64) -> SpanRecord {
    let trace = TraceId::new(
        u128::from(number / SPANS_PER_TRACE + 1) << 64 | u128::from(number / SPANS_PER_TRACE + 1),
    );
    let parent = SpanId::new(number % SPANS_PER_TRACE);
    let id = SpanId::new(number % SPANS_PER_TRACE + 1);
    let (trace, id) = (trace.expect("not zero"), id.expect("not zero"));
    SpanRecord::builder(TraceContext::new(trace, id, parent, Sampling::Accept))
        .name("catalog.shop.svc.cluster.local:8080/*")
        .kind(Kind::Server)
        .timestamp(1_795_729_000_000_000 + number * 100)
        .duration(Duration::from_micros(1_500))
        .local_endpoint(
            Endpoint::service("catalog.shop").with_address(([10, 0, 0, 1], 8080).into()),
        )
        .tag("component", "proxy")
        .tag(
            "http.url",
            &format!("http://catalog:8080/items/{}", number % 1_000),
        )
        .tag("http.method", "GET")
        .tag("http.status_code", "200")
        .tag("http.protocol", "HTTP/1.1")
        .tag("user_agent", "curl/8.5.0")
        .tag("request_size", "0")
        .tag("response_size", "512")
        .tag("response_flags", "-")
        .tag("guid:x-request-id", "446e7480-f881-96bf-ba00-0242ac120002")
        .tag("peer.address", "10.0.0.7")
        .build()
}

struct ToChannel(std::sync::mpsc::Sender<Message>);

impl Sender for ToChannel {
    async fn send(&mut self, message: Message) -> Outcome {
        let _ = self.0.send(message);
        Outcome::Accepted
    }
}

fn messages(encoder: impl Encoder) -> Vec<Message> {
    let (sender, messages) = std::sync::mpsc::channel();
    let reporter = BatchReporter::builder(encoder, ToChannel(sender))
        .options(BatchOptions::new())
        .build()
        .expect("a reporter");
    for number in 0..SPANS as u64 {
        reporter.report(record(number));
        if number % 1_000 == 0 {
            reporter.flush(Duration::from_secs(10));
        }
    }
    reporter.shutdown(Duration::from_secs(10));
    messages.iter().collect()
}

fn take_in(name: &str, path: &str, messages: &[Message]) {
    let program = Program::start();
    let before = program.processor_time();
    for message in messages {
        program.post(path, message.content_type, &message.body);
    }
    let took = program.processor_time() - before;
    let spans: usize = messages.iter().map(|message| message.spans).sum();
    let bytes: usize = messages.iter().map(|message| message.body.len()).sum();
    println!(
        "{name:8} {:8.0} spans/s on one core, {} bytes a span, {:.0} MiB for {spans} spans",
        spans as f64 / took,
        bytes / spans,
        program.mebibytes("VmRSS"),
    );
}

fn main() {
    let programs: Vec<Program> = (0..STARTS).map(|_| Program::start()).collect();
    let mut starts: Vec<Duration> = programs.iter().map(|program| program.started).collect();
    starts.sort();
    println!(
        "start    {:.1} ms to the first response (median of {STARTS}; slowest {:.1} ms)",
        starts[STARTS / 2].as_secs_f64() * 1e3,
        starts[STARTS - 1].as_secs_f64() * 1e3
    );
    println!(
        "idle     {:.1} MiB resident",
        programs[0].mebibytes("VmRSS")
    );
    drop(programs);
    take_in("JSON", "/api/v2/spans", &messages(JsonEncoder));
    take_in("proto3", "/api/v2/spans", &messages(Proto3Encoder));
    take_in("OTLP", "/v1/traces", &messages(OtlpEncoder));
}
