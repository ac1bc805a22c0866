//! Single faults: which spans are dropped, why, and how often each span arrives.

use crate::{
    LONG, assert_adds_up, assert_settled, log, quick, quick_options, report, span, until,
    zipkin_server::{Answer, Server},
};
use std::{
    net::TcpListener,
    thread,
    time::{Duration, Instant},
};
use tower_b3::{
    Sampling, TraceContext,
    record::SpanRecord,
    report::{BatchReporter, Message, Outcome, Reporter, ReporterError, Sender},
    zipkin::{JsonEncoder, ZipkinReporter},
};

const HOUR: Duration = Duration::from_secs(3600);

pub fn status(status: u16) -> Answer {
    Answer::Status(status, String::new(), "what is wrong")
}

#[test]
fn a_connection_closed_while_idle_loses_no_spans() {
    let server = Server::start([], Answer::AcceptAndClose);
    let zipkin = quick(server.url()).build().unwrap();
    for _ in 0..10 {
        report(&zipkin, "get", 3);
        assert!(zipkin.flush(LONG));
    }
    let stats = zipkin.stats();
    assert_settled(&stats, &server);
    assert_eq!((stats.sent, stats.dropped.total()), (30, 0));
}

#[test]
fn an_unavailable_collector_is_retried() {
    log::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let url = format!("http://{address}/");
    let zipkin = quick(url.clone()).build().unwrap();
    report(&zipkin, "get", 10);
    until("retries", || zipkin.stats().retries > 3);
    let stats = zipkin.stats();
    assert_adds_up(&stats);
    assert_eq!((stats.in_flight, stats.dropped.total()), (10, 0));
    let error = stats.last_error.unwrap();
    assert!(error.ongoing);
    assert!(error.message.contains("onnection refused"), "{error:?}");
    report(&zipkin, "get", 10);
    assert!(!zipkin.flush(Duration::from_millis(50)));
    let server = Server::start_at(address, [], Answer::Accept);
    assert!(zipkin.flush(LONG));
    let stats = zipkin.stats();
    assert_settled(&stats, &server);
    assert_eq!(stats.sent, 20);
    assert!(!stats.last_error.unwrap().ongoing);

    // One line at the start of the outage, and one at its end.
    let lines = log::lines(&url);
    assert_eq!(lines.len(), 2, "{lines:#?}");
    let began = format!("WARN cannot deliver spans to {url}api/v2/spans: ");
    assert!(lines[0].starts_with(&began), "{lines:#?}");
    let over = format!("INFO spans are delivered to {url}api/v2/spans again, after ");
    assert!(lines[1].starts_with(&over), "{lines:#?}");
}

#[test]
fn a_bad_span_is_dropped_alone() {
    for (good, bad) in [(0, 1), (1, 1), (500, 1), (500, 20)] {
        let server = Server::start([], Answer::RejectNamed("bad"));
        let hour = Duration::from_secs(3600);
        let zipkin = quick(server.url())
            .options(quick_options().max_age(hour))
            .build()
            .unwrap();
        let mut ids = report(&zipkin, "good", good / 2);
        report(&zipkin, "bad", bad);
        ids.extend(report(&zipkin, "good", good - good / 2));
        assert!(zipkin.flush(LONG));
        let stats = zipkin.stats();
        assert_settled(&stats, &server);
        assert_eq!(stats.dropped.refused, bad as u64);
        assert_eq!(stats.dropped.total(), bad as u64);
        server.seen(|seen| assert!(seen.acknowledged.keys().eq(&ids)));
        let error = stats.last_error.unwrap().message;
        assert!(
            error.ends_with("is refused: 400 Bad Request: bad span"),
            "{error}"
        );
    }
}

#[test]
fn a_collector_that_refuses_everything_is_not_sent_each_span_alone() {
    let server = Server::start([], status(400));
    let hour = Duration::from_secs(3600);
    let zipkin = quick(server.url())
        .options(quick_options().max_age(hour))
        .build()
        .unwrap();
    report(&zipkin, "get", 512);
    assert!(zipkin.flush(LONG));
    assert_eq!(zipkin.stats().dropped.refused, 512);
    let first = server.seen(|seen| seen.requests.len());
    assert!((9..=30).contains(&first), "{first}");
    // From now on, each message is sent once, whole.
    for round in 1..=3 {
        report(&zipkin, "get", 100);
        assert!(zipkin.flush(LONG));
        assert_eq!(zipkin.stats().dropped.refused, 512 + 100 * round);
        assert_eq!(
            server.seen(|seen| seen.requests.len()),
            first + round as usize
        );
    }
    // Until a message is accepted. Then messages are split again.
    server.set(Answer::RejectNamed("bad"));
    report(&zipkin, "good", 100);
    assert!(zipkin.flush(LONG));
    report(&zipkin, "good", 100);
    report(&zipkin, "bad", 1);
    assert!(zipkin.flush(LONG));
    let stats = zipkin.stats();
    assert_settled(&stats, &server);
    assert_eq!((stats.sent, stats.dropped.refused), (200, 813));
}

#[test]
fn a_message_too_large_for_the_collector_is_split() {
    let server = Server::start([], Answer::RejectOver(2_000));
    let zipkin = quick(server.url()).build().unwrap();
    let mut ids = report(&zipkin, "get", 200);
    let large = "x".repeat(3_000);
    zipkin.report(span(&large));
    ids.extend(report(&zipkin, "get", 200));
    assert!(zipkin.flush(LONG));
    let stats = zipkin.stats();
    assert_settled(&stats, &server);
    assert_eq!(stats.dropped.too_large, 1);
    assert_eq!(stats.dropped.total(), 1);
    server.seen(|seen| assert!(seen.acknowledged.keys().eq(&ids)));
}

#[test]
fn no_message_is_larger_than_its_limit() {
    let server = Server::start([], Answer::Accept);
    let hour = Duration::from_secs(3600);
    let zipkin = quick(server.url()).options(quick_options().max_age(hour).message_limit(1_000));
    let zipkin = zipkin.build().unwrap();
    let mut ids = report(&zipkin, "get", 50);
    zipkin.report(span(&"x".repeat(1_000)));
    ids.extend(report(&zipkin, "get", 50));
    assert!(zipkin.flush(LONG));
    let stats = zipkin.stats();
    assert_settled(&stats, &server);
    assert_eq!((stats.dropped.too_large, stats.dropped.total()), (1, 1));
    server.seen(|seen| {
        assert!(seen.acknowledged.keys().eq(&ids));
        assert!(seen.requests.iter().all(|request| request.bytes <= 1_000));
    });
}

#[test]
fn other_refusals_drop_the_message() {
    log::start();
    for code in [405, 404, 401, 302, 304] {
        let server = Server::start([status(code)], Answer::Accept);
        let zipkin = quick(server.url()).build().unwrap();
        report(&zipkin, "get", 1);
        assert!(zipkin.flush(LONG));
        let stats = zipkin.stats();
        assert_settled(&stats, &server);
        assert_eq!((stats.dropped.refused, stats.retries), (1, 0));
        assert!(
            stats
                .last_error
                .unwrap()
                .message
                .starts_with(&code.to_string())
        );
        report(&zipkin, "get", 1);
        assert!(zipkin.flush(LONG));
        let lines = log::lines(&server.url());
        assert_eq!(lines.len(), 2, "{lines:#?}");
        let began = format!("WARN cannot deliver spans to {}: {code} ", server.url());
        assert!(lines[0].starts_with(&began), "{lines:#?}");
        assert!(
            lines[1].ends_with("with 1 dropped (refused 1) of 2 spans"),
            "{lines:#?}"
        );
    }
}

#[test]
fn a_compressed_response_is_not_logged() {
    for (coding, reason) in [
        ("identity", "403 Forbidden: (not text)"),
        ("gzip", "403 Forbidden"),
        ("br", "403 Forbidden"),
    ] {
        let coding = format!("content-encoding: {coding}\r\n");
        let answer = Answer::Status(403, coding, "(not text)");
        let server = Server::start([], answer);
        let zipkin = quick(server.url()).build().unwrap();
        report(&zipkin, "get", 1);
        assert!(zipkin.flush(LONG));
        assert_eq!(zipkin.stats().last_error.unwrap().message, reason);
    }
}

/// Puts ten spans into a message to a server that does not answer, so that no more leave the queue.
fn put_ten_in_flight(zipkin: &ZipkinReporter, server: &Server) {
    report(zipkin, "get", 10);
    zipkin.flush(Duration::from_millis(1));
    server.until("under way", |seen| {
        let last = seen.requests.last();
        last.is_some_and(|request| request.spans.len() == 10)
    });
}

#[test]
fn the_queue_bounds_an_outage_by_spans() {
    let server = Server::start([], Answer::Silence);
    let zipkin = quick(server.url()).options(quick_options().max_age(HOUR).queue_limit(100));
    let zipkin = zipkin.build().unwrap();
    put_ten_in_flight(&zipkin, &server);
    report(&zipkin, "get", 1_000);
    let stats = zipkin.stats();
    assert_adds_up(&stats);
    assert_eq!((stats.queued, stats.in_flight), (100, 10));
    assert_eq!(stats.dropped.queue_full, 900);
    server.set(Answer::Accept);
    assert!(zipkin.flush(LONG));
    let stats = zipkin.stats();
    assert_settled(&stats, &server);
    assert_eq!((stats.sent, stats.dropped.total()), (110, 900));
}

/// 64 KiB of text in each span, and a limit of 4 MiB.
#[test]
fn the_queue_bounds_an_outage_by_bytes() {
    const TEXT: usize = 64 * 1024;
    const LIMIT: usize = 4 * 1024 * 1024;
    let server = Server::start([], Answer::Silence);
    let zipkin = quick(server.url()).options(quick_options().max_age(HOUR).queue_bytes(LIMIT));
    let zipkin = zipkin.build().unwrap();
    put_ten_in_flight(&zipkin, &server);
    let text = "x".repeat(TEXT);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    let context = TraceContext::root(Sampling::Accept);
                    let span = SpanRecord::builder(context).name("get").tag("text", &text);
                    zipkin.report(span.build());
                    assert_adds_up(&zipkin.stats());
                }
            });
        }
    });
    let stats = zipkin.stats();
    assert_adds_up(&stats);
    let most = (LIMIT / TEXT) as u64;
    assert!((1..=most).contains(&stats.queued), "{stats:?}");
    assert_eq!(stats.dropped.queue_full, 400 - stats.queued);
    server.set(Answer::Accept);
    assert!(zipkin.flush(LONG));
    let stats = zipkin.stats();
    assert_settled(&stats, &server);
    let dropped = stats.dropped;
    assert_eq!(dropped.total(), dropped.queue_full);

    // The limit for small spans is still their number.
    server.set(Answer::Silence);
    put_ten_in_flight(&zipkin, &server);
    report(&zipkin, "get", 2_000);
    let stats = zipkin.stats();
    assert_adds_up(&stats);
    assert_eq!(stats.queued, 2_000);
    assert_eq!(stats.dropped, dropped);
    zipkin.shutdown(Duration::ZERO);
}

#[test]
fn an_unstable_collector_gets_all_spans() {
    let mut server = Server::start([], Answer::Accept);
    let zipkin: ZipkinReporter = quick(server.url()).build().unwrap();
    let mut servers = vec![server.clone()];
    let end = Instant::now() + Duration::from_millis(1_500);
    let mut ids = std::collections::BTreeSet::new();
    for round in 0_u32.. {
        if Instant::now() > end {
            break;
        }
        ids.extend(report(&zipkin, "get", 5));
        thread::sleep(Duration::from_millis(1));
        if round % 100 == 50 {
            server.stop();
        } else if round % 100 == 90 {
            server = Server::start_at(server.address, [], Answer::Accept);
            servers.push(server.clone());
        }
    }
    server.stop();
    let server = Server::start_at(server.address, [], Answer::Accept);
    servers.push(server);
    assert!(zipkin.flush(LONG));
    let stats = zipkin.stats();
    assert_adds_up(&stats);
    assert_eq!((stats.sent, stats.dropped.total()), (ids.len() as u64, 0));
    // The acknowledgement of a request may be lost, so spans may arrive more than once.
    let arrived = |id| {
        servers
            .iter()
            .any(|server| server.seen(|seen| seen.acknowledged.contains_key(id)))
    };
    assert!(ids.iter().all(arrived));
}

/// A sender with the texts of a hostile server.
struct Hostile;

const HOSTILE: &str = "\u{1b}[2Jno\nERROR forged\u{202e}";

impl Sender for Hostile {
    async fn send(&mut self, _: Message) -> Outcome {
        Outcome::refused(HOSTILE.repeat(1_000))
    }

    fn destination(&self) -> String {
        HOSTILE.to_owned()
    }
}

#[test]
fn texts_of_a_sender_are_escaped_and_bounded() {
    log::start();
    let reporter = BatchReporter::builder(JsonEncoder, Hostile);
    let reporter = reporter.build().unwrap();
    reporter.report(SpanRecord::builder(TraceContext::root(Sampling::Accept)).build());
    assert!(reporter.flush(LONG));
    let message = reporter.stats().last_error.unwrap().message;
    assert!(
        message.starts_with(r"\u{1b}[2Jno\nERROR forged\u{202e}"),
        "{message}"
    );
    assert!(
        !message.contains(|letter: char| letter.is_control()),
        "{message:?}"
    );
    assert!(message.len() < 2_000, "{}", message.len());
    let logged = log::lines("forged");
    assert_eq!(logged.len(), 1, "{logged:?}");
    assert!(
        !logged[0].contains(|letter: char| letter.is_control()),
        "{logged:?}"
    );
    let error = ReporterError::new("url", HOSTILE).to_string();
    assert_eq!(error, r"url: \u{1b}[2Jno\nERROR forged\u{202e}");
}
