//! The reporter against a collector that fails in every way.
#![cfg(feature = "zipkin")]

mod faults;
#[cfg(feature = "gzip")]
mod gzip;
mod json_lines;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(feature = "otlp")]
mod otlp_server;
mod panics;
mod queue;
mod redirect;
mod server;
mod settings;
mod shutdown;
mod sums;
#[cfg(feature = "tls")]
mod tls;
mod tower;

use server::{Answer, Server};
use std::{
    collections::BTreeSet,
    io::Read,
    time::{Duration, Instant},
};
use test_kit::log;
use tower_b3::{
    Sampling, TraceContext,
    record::SpanRecord,
    report::{HttpSender, Reporter, Stats, TowerSender},
    zipkin::{ZipkinReporter, ZipkinReporterBuilder},
};

/// Longer than anything takes that works.
const LONG: Duration = Duration::from_secs(20);

/// A reporter that is in a hurry.
fn quick(url: String) -> ZipkinReporterBuilder {
    ZipkinReporter::builder(url)
        .max_age(Duration::from_millis(10))
        .request_timeout(Duration::from_millis(300))
        .backoff(Duration::from_millis(2), Duration::from_millis(20))
}

fn span(name: &str) -> SpanRecord {
    SpanRecord::builder(TraceContext::root(Sampling::Accept))
        .name(name)
        .tag("some", "text")
        .build()
}

/// Reports this many spans; their ids.
fn report(reporter: &impl Reporter, name: &str, spans: usize) -> BTreeSet<String> {
    let one = |_| {
        let span = span(name);
        let id = span.id().to_string();
        reporter.report(span);
        id
    };
    (0..spans).map(one).collect()
}

fn assert_sums(stats: &Stats) {
    let sum = stats.queued + stats.in_flight + stats.sent + stats.dropped.total();
    assert_eq!(stats.finished, sum, "{stats:?}");
}

/// Nothing is under way any more; the sum holds; what was sent is what was acknowledged, once.
fn assert_settled(stats: &Stats, server: &Server) {
    assert_sums(stats);
    assert_eq!((stats.queued, stats.in_flight), (0, 0), "{stats:?}");
    server.seen(|seen| {
        assert_eq!(stats.sent, seen.acknowledged.len() as u64, "{stats:?}");
        let more = seen.acknowledged.values().find(|times| **times != 1);
        assert_eq!(more, None);
    });
}

/// What was compressed with gzip.
fn unzip(bytes: &[u8]) -> Vec<u8> {
    let mut unzipped = Vec::new();
    let mut gzip = flate2::read::GzDecoder::new(bytes);
    gzip.read_to_end(&mut unzipped).unwrap();
    unzipped
}

/// Asks again and again until it holds.
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
    let zipkin = quick(server.url()).header("x-key", "1").build().unwrap();
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
            "b3: 0",
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
fn the_last_authorization_counts() {
    let server = Server::start([], Answer::Accept);
    let builder = || quick(server.url()).header("authorization", "none");
    let basic = "basic qwxhzgrpbjpvcgvuihnlc2ftzq==";
    for (builder, value) in [
        (builder().bearer("abc.d-e"), "bearer abc.d-e"),
        (
            builder().bearer("abc").basic("Aladdin", "open sesame"),
            basic,
        ),
        (builder().basic("a", "b").header("Authorization", "x"), "x"),
    ] {
        let zipkin = builder.build().unwrap();
        report(&zipkin, "get", 1);
        assert!(zipkin.flush(LONG));
        // The server shows heads in lower case.
        server.seen(|seen| {
            let head = &seen.requests.last().unwrap().head;
            let header = format!("\r\nauthorization: {value}\r\n");
            assert!(head.contains(&header), "{head}");
            assert_eq!(head.matches("authorization").count(), 1);
        });
    }
    let sender = HttpSender::new("http://zipkin").unwrap();
    let sender = sender.basic("me", "secret").unwrap();
    assert!(!format!("{sender:?}").contains("Basic"), "{sender:?}");
    let sender = sender.bearer("secret").unwrap();
    assert!(!format!("{sender:?}").contains("secret"), "{sender:?}");
}

#[test]
fn spans_are_sent_when_they_are_old_and_when_they_are_many() {
    let server = Server::start([], Answer::Accept);
    let zipkin = quick(server.url()).build().unwrap();
    report(&zipkin, "get", 1);
    server.until("old", |seen| seen.acknowledged.len() == 1);
    let hour = Duration::from_secs(3600);
    let zipkin = quick(server.url()).max_age(hour).message_limit(10_000);
    let zipkin = zipkin.build().unwrap();
    report(&zipkin, "get", 5_000);
    server.until("many", |seen| seen.acknowledged.len() > 3_000);
    let sizes = server.seen(|seen| seen.requests.iter().map(|r| r.bytes).max());
    assert!((9_000..=10_000).contains(&sizes.unwrap()), "{sizes:?}");
}

#[test]
fn build_errors_name_the_field_and_the_reason() {
    let zipkin = || quick("http://127.0.0.1:9".to_owned());
    let zero = Duration::ZERO;
    for (builder, error) in [
        (quick("".into()), "url: empty"),
        (
            quick("/api/v2/spans".into()),
            "url: no scheme: it begins with http://",
        ),
        (
            quick("zipkin".into()),
            "url: no scheme: it begins with http://",
        ),
        (quick("http://".into()), "url: no host"),
        (quick("http://:9411/".into()), "url: no host"),
        (
            quick("http://zipkin:+9411/".into()),
            "url: the port is not a number from 1 to 65535",
        ),
        (
            quick("http://zipkin:65536/".into()),
            "url: the port is not a number from 1 to 65535",
        ),
        (
            quick("http://[::1]94:11/".into()),
            "url: the host is not a name or an IP address",
        ),
        (
            quick("http://zipkin:".into()),
            "url: a colon after the host, but no port",
        ),
        (
            quick("ftp://zipkin/".into()),
            "url: the scheme is neither http nor https",
        ),
        #[cfg(not(feature = "tls"))]
        (
            quick("https://zipkin/".into()),
            "url: https needs TLS, which this sender does not have",
        ),
        (
            quick("http://me:secret@zipkin/".into()),
            "url: credentials in the URL: set them with basic",
        ),
        (
            zipkin().header("a b", "c"),
            "header: \"a b\" is not the name of a header",
        ),
        (
            zipkin().header("key", "a\nb"),
            "header: the value of key is not allowed in HTTP",
        ),
        (
            zipkin().header("B3", "1"),
            "header: b3 is set by the sender",
        ),
        (zipkin().bearer(""), "bearer: the token is empty"),
        (zipkin().bearer("a\nb"), "bearer: not allowed in HTTP"),
        (
            zipkin().basic("a:b", "c"),
            "basic: a colon in the user's name, which would end there",
        ),
        (zipkin().queue_limit(0), "queue_limit: zero"),
        (zipkin().queue_bytes(0), "queue_bytes: zero"),
        (zipkin().message_limit(0), "message_limit: zero"),
        (zipkin().max_age(zero), "max_age: zero"),
        (zipkin().request_timeout(zero), "request_timeout: zero"),
        (zipkin().backoff(zero, LONG), "backoff: zero"),
        (
            zipkin().backoff(LONG, zero),
            "backoff: the longest is shorter than the first",
        ),
        (zipkin().thread_name("a\0b"), "thread_name: contains NUL"),
    ] {
        assert_eq!(builder.build().unwrap_err().to_string(), error);
    }
}

/// A client would take each of these for something else than what is written, the usual port say.
#[test]
fn a_url_that_could_mean_another_place_is_refused_wherever_it_is_given() {
    let service = || {
        ::tower::service_fn(
            async |_: http::Request<http_body_util::Full<bytes::Bytes>>| {
                Ok::<_, std::io::Error>(http::Response::new(
                    http_body_util::Empty::<bytes::Bytes>::new(),
                ))
            },
        )
    };
    let running = quick("http://127.0.0.1:9".to_owned()).build().unwrap();
    for url in [
        "http://127.0.0.1:94110/api/v2/spans",
        "https://127.0.0.1:94110/api/v2/spans",
        "http://zipkin:/",
        "http://zipkin:0/",
        "http://zipkin:+80/",
        "http://me:hunter2@zipkin/",
        "http://me:hunter2/x@zipkin/",
        "http://zipkin/#hunter2",
        "http://[fe80::1%25eth0]:9411/",
        "http://zip kin/",
        "http://zipkin.süd/",
        "http://127.1:9411/",
        "unix:/run/hunter2.sock",
    ] {
        let zipkin = || ZipkinReporter::builder(url).bearer("s3cret");
        #[cfg(feature = "otlp")]
        let otlp = || tower_b3::otlp::OtlpReporter::builder(url).bearer("s3cret");
        #[cfg(feature = "otlp")]
        let grpc = || otlp().protocol(tower_b3::otlp::Protocol::Grpc);
        let errors = [
            zipkin().build().map(drop),
            running.redirect(zipkin()),
            HttpSender::new(url).map(drop),
            TowerSender::new(url, service()).map(drop),
            #[cfg(feature = "otlp")]
            otlp().build().map(drop),
            #[cfg(feature = "otlp")]
            grpc().build().map(drop),
        ];
        for error in errors {
            let error = error.expect_err(url);
            assert_eq!(error.field(), "url", "{url}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
