//! The batching reporters against collectors that fail in every way.
#![cfg(feature = "zipkin")]

mod accounting;
mod build_errors;
mod faults;
#[cfg(feature = "gzip")]
mod gzip;
mod json_lines;
mod last_handle;
mod options;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "otlp")]
mod otlp_server;
mod panics;
mod queue;
mod redirect;
mod retries;
mod shutdown;
mod tail;
#[cfg(feature = "tls")]
mod tls;
mod tower;
mod untraced;
mod zipkin_server;

use std::{
    collections::BTreeSet,
    io::Read,
    time::{Duration, Instant},
};
use test_kit::log;
use tower_b3::{
    Sampling, TraceContext,
    record::SpanRecord,
    report::{BatchOptions, HttpOptions, HttpSender, Reporter, Stats},
    zipkin::{ZipkinReporter, ZipkinReporterBuilder},
};
use zipkin_server::{Answer, Server};

/// Longer than anything takes that succeeds.
const LONG: Duration = Duration::from_secs(20);

/// Short times, so that tests take little time.
fn quick_options() -> BatchOptions {
    BatchOptions::new()
        .max_age(Duration::from_millis(10))
        .request_timeout(Duration::from_millis(300))
        .backoff(Duration::from_millis(2), Duration::from_millis(20))
}

fn quick(to: impl Into<HttpOptions>) -> ZipkinReporterBuilder {
    ZipkinReporter::builder(to).options(quick_options())
}

fn span(name: &str) -> SpanRecord {
    SpanRecord::builder(TraceContext::root(Sampling::Accept))
        .name(name)
        .tag("some", "text")
        .build()
}

/// Reports this many spans, and returns their ids.
fn report(reporter: &impl Reporter, name: &str, spans: usize) -> BTreeSet<String> {
    let one = |_| {
        let span = span(name);
        let id = span.id().to_string();
        reporter.report(span);
        id
    };
    (0..spans).map(one).collect()
}

fn assert_adds_up(stats: &Stats) {
    let sum = stats.queued + stats.in_flight + stats.sent + stats.dropped.total();
    assert_eq!(stats.finished, sum, "{stats:?}");
}

/// No span is in flight, the counts add up, and each sent span was acknowledged once.
fn assert_settled(stats: &Stats, server: &Server) {
    assert_adds_up(stats);
    assert_eq!((stats.queued, stats.in_flight), (0, 0), "{stats:?}");
    server.seen(|seen| {
        assert_eq!(stats.sent, seen.acknowledged.len() as u64, "{stats:?}");
        let more = seen.acknowledged.values().find(|times| **times != 1);
        assert_eq!(more, None);
    });
}

/// Decompresses gzip.
fn unzip(bytes: &[u8]) -> Vec<u8> {
    let mut unzipped = Vec::new();
    let mut gzip = flate2::read::GzDecoder::new(bytes);
    gzip.read_to_end(&mut unzipped).unwrap();
    unzipped
}

/// Waits until the condition holds.
fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn spans_arrive_on_one_connection() {
    let server = Server::start([], Answer::Accept);
    let zipkin = quick(HttpOptions::new(server.url()).header("x-key", "1"));
    let zipkin = zipkin.build().unwrap();
    for round in 1..=5 {
        let ids = report(&zipkin, "get", 10);
        assert!(zipkin.flush(LONG));
        server.seen(|seen| {
            assert!(ids.iter().all(|id| seen.acknowledged.contains_key(id)));
            assert_eq!(seen.acknowledged.len(), round * 10);
        });
    }
    let stats = zipkin.stats();
    assert_settled(&stats, &server);
    server.seen(|seen| {
        assert_eq!(seen.connections, 1);
        assert_eq!(stats.batches, seen.requests.len() as u64);
        let bytes: usize = seen.requests.iter().map(|request| request.bytes).sum();
        assert_eq!(stats.bytes, bytes as u64);
        let head = &seen.requests[0].head;
        assert!(
            head.starts_with("post /api/v2/spans http/1.1\r\n"),
            "{head}"
        );
        for header in [
            "content-type: application/json",
            concat!("user-agent: tower-b3/", env!("CARGO_PKG_VERSION")),
            &format!("host: {}", server.address),
            "x-key: 1",
        ] {
            assert!(
                head.contains(&format!("\r\n{header}\r\n")),
                "{header}: {head}"
            );
        }
    });
    assert_eq!(stats.last_error, None);
    assert_eq!(stats.retries, 0);
}

#[test]
fn the_last_authorization_option_wins() {
    let server = Server::start([], Answer::Accept);
    let options = || HttpOptions::new(server.url()).header("authorization", "none");
    let basic = "basic qwxhzgrpbjpvcgvuihnlc2ftzq==";
    for (options, value) in [
        (options().bearer("abc.d-e"), "bearer abc.d-e"),
        (
            options().bearer("abc").basic("Aladdin", "open sesame"),
            basic,
        ),
        (options().basic("a", "b").header("Authorization", "x"), "x"),
    ] {
        let zipkin = quick(options).build().unwrap();
        report(&zipkin, "get", 1);
        assert!(zipkin.flush(LONG));
        // The server keeps heads in lower case.
        server.seen(|seen| {
            let head = &seen.requests.last().unwrap().head;
            let header = format!("\r\nauthorization: {value}\r\n");
            assert!(head.contains(&header), "{head}");
            assert_eq!(head.matches("authorization").count(), 1);
        });
    }
    let zipkin = || HttpOptions::new("http://zipkin");
    let sender = HttpSender::new(zipkin().basic("me", "secret")).unwrap();
    assert!(!format!("{sender:?}").contains("Basic"), "{sender:?}");
    let sender = HttpSender::new(zipkin().bearer("secret")).unwrap();
    assert!(!format!("{sender:?}").contains("secret"), "{sender:?}");
}

#[test]
fn spans_are_sent_by_age_and_by_number() {
    let server = Server::start([], Answer::Accept);
    let zipkin = quick(server.url()).build().unwrap();
    report(&zipkin, "get", 1);
    server.until("old", |seen| seen.acknowledged.len() == 1);
    let hour = Duration::from_secs(3600);
    let zipkin = quick(server.url()).options(quick_options().max_age(hour).message_limit(10_000));
    let zipkin = zipkin.build().unwrap();
    report(&zipkin, "get", 5_000);
    server.until("many", |seen| seen.acknowledged.len() > 3_000);
    let sizes = server.seen(|seen| seen.requests.iter().map(|r| r.bytes).max());
    assert!((9_000..=10_000).contains(&sizes.unwrap()), "{sizes:?}");
}
