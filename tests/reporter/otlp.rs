//! The OTLP reporter, over HTTP and gRPC.

use super::{
    LONG, assert_adds_up, log,
    otlp_server::{Reply, Server},
    quick_options, report, span, until,
    untraced::assert_untraced,
};
use http::Version;
use std::{collections::BTreeSet, net::TcpListener, time::Duration};
use tower_b3::{
    otlp::{OtlpReporter, OtlpReporterBuilder, Protocol},
    report::{HttpOptions, Reporter, Stats},
};

const PROTOCOLS: [Protocol; 2] = [Protocol::Http, Protocol::Grpc];

fn quick(server: &Server, protocol: Protocol) -> OtlpReporterBuilder {
    quick_to(server.url(), protocol)
}

fn quick_to(to: impl Into<HttpOptions>, protocol: Protocol) -> OtlpReporterBuilder {
    OtlpReporter::builder(to)
        .protocol(protocol)
        .options(quick_options())
}

/// No span is in flight, the counts add up, and each sent span was accepted once.
fn assert_settled(stats: &Stats, server: &Server) {
    assert_adds_up(stats);
    assert_eq!((stats.queued, stats.in_flight), (0, 0), "{stats:?}");
    let accepted = server.accepted();
    assert_eq!(stats.sent, accepted.len() as u64, "{stats:?}");
    assert!(accepted.values().all(|times| *times == 1));
}

fn assert_arrived(ids: &BTreeSet<String>, server: &Server) {
    assert!(server.accepted().keys().eq(ids));
}

#[test]
fn a_grpc_request_follows_the_specification() {
    let server = Server::start([], Reply::Accept);
    let collector = HttpOptions::new(server.url()).bearer("abc");
    let otlp = quick_to(collector, Protocol::Grpc).build().unwrap();
    let mut ids = BTreeSet::new();
    for _ in 0..5 {
        ids.extend(report(&otlp, "get", 10));
        assert!(otlp.flush(LONG));
    }
    let stats = otlp.stats();
    assert_settled(&stats, &server);
    assert_arrived(&ids, &server);
    assert_eq!((stats.retries, stats.last_error), (0, None));
    assert_eq!(server.connections(), 1);
    let requests = server.seen();
    assert_eq!(stats.batches, requests.len() as u64);
    // The prefix of gRPC is not counted.
    let bytes: usize = requests.iter().map(|seen| seen.body.len() - 5).sum();
    assert_eq!(stats.bytes, bytes as u64);
    for seen in requests {
        let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        assert_eq!(seen.version, Version::HTTP_2);
        assert_eq!(seen.path, path);
        assert_eq!(seen.headers["content-type"], "application/grpc");
        assert_eq!(seen.headers["te"], "trailers");
        assert_untraced(&seen.headers);
        assert_eq!(seen.headers["authorization"], "Bearer abc");
        assert!(!seen.headers.contains_key("grpc-encoding"));
        assert_eq!(seen.body[0], 0);
    }
}

#[test]
#[cfg(feature = "gzip")]
fn a_compressed_message_is_declared() {
    for protocol in PROTOCOLS {
        let server = Server::start([], Reply::Accept);
        let otlp = quick(&server, protocol).gzip(true).build().unwrap();
        let ids = report(&otlp, "get", 100);
        assert!(otlp.flush(LONG));
        assert_settled(&otlp.stats(), &server);
        assert_arrived(&ids, &server);
        for seen in server.seen() {
            let headers = ["content-encoding", "grpc-encoding"];
            let headers = headers.map(|name| seen.headers.get(name).is_some());
            let grpc = protocol == Protocol::Grpc;
            assert_eq!(headers, [!grpc, grpc]);
            assert!(!grpc || seen.body[0] == 1);
        }
    }
}

const TEXT: &str = "text/plain";

/// No span is lost, and none arrives twice. Each fault is one retry. A slow machine makes no others, because
/// the client's timeout is as long as the test's.
#[test]
fn transient_faults_lose_no_spans() {
    for (protocol, script) in [
        (Protocol::Grpc, vec![Reply::Error(14, "not yet")]),
        (
            Protocol::Grpc,
            vec![Reply::LateError(4, "slow"), Reply::Error(10, "")],
        ),
        (
            Protocol::Grpc,
            vec![
                Reply::Error(1, ""),
                Reply::Error(11, ""),
                Reply::Error(15, ""),
            ],
        ),
        (Protocol::Grpc, vec![Reply::Reset; 3]),
        (Protocol::Grpc, vec![Reply::HeadAndReset, Reply::HangUp]),
        (
            Protocol::Grpc,
            vec![Reply::Http(503, TEXT, b""), Reply::Http(429, TEXT, b"")],
        ),
        (
            Protocol::Http,
            vec![Reply::Http(503, TEXT, b""), Reply::Http(408, TEXT, b"")],
        ),
        (Protocol::Http, vec![Reply::Reset, Reply::HangUp]),
    ] {
        let what = format!("{protocol:?} {script:?}");
        let faults = script.len() as u64;
        let server = Server::start(script, Reply::Accept);
        let patient = quick_options().request_timeout(LONG);
        let otlp = quick(&server, protocol).options(patient).build().unwrap();
        let ids = report(&otlp, "get", 300);
        assert!(otlp.flush(LONG), "{what}");
        let stats = otlp.stats();
        assert_settled(&stats, &server);
        assert_arrived(&ids, &server);
        assert_eq!(stats.retries, faults, "{what}");
        assert!(!stats.last_error.unwrap().ongoing, "{what}");
    }
}

/// No span is lost. On a slow machine other answers may come too late as well: then there are more retries,
/// and spans arrive more than once.
#[test]
fn a_request_without_an_answer_loses_no_spans() {
    for (protocol, script) in [
        (Protocol::Grpc, vec![Reply::HeadAndReset, Reply::Head]),
        (Protocol::Grpc, vec![Reply::HangUp, Reply::Silence]),
        (
            Protocol::Http,
            vec![Reply::Reset, Reply::HangUp, Reply::Silence],
        ),
    ] {
        let what = format!("{protocol:?} {script:?}");
        let faults = script.len() as u64;
        let server = Server::start(script, Reply::Accept);
        let otlp = quick(&server, protocol).build().unwrap();
        let ids = report(&otlp, "get", 300);
        assert!(otlp.flush(LONG), "{what}");
        let stats = otlp.stats();
        assert_adds_up(&stats);
        assert_eq!(stats.sent, ids.len() as u64, "{what}");
        assert_arrived(&ids, &server);
        assert!(stats.retries >= faults, "{what} {stats:?}");
        assert!(!stats.last_error.unwrap().ongoing, "{what}");
    }
}

#[test]
fn a_dead_connection_is_replaced() {
    for protocol in PROTOCOLS {
        let server = Server::start([Reply::Accept, Reply::Dead], Reply::Accept);
        let otlp = quick(&server, protocol).build().unwrap();
        for _ in 0..3 {
            report(&otlp, "get", 10);
            assert!(otlp.flush(LONG));
        }
        let stats = otlp.stats();
        assert_settled(&stats, &server);
        assert_eq!((stats.sent, stats.retries), (30, 1));
        assert_eq!(server.connections(), 2);
    }
}

#[test]
fn an_unavailable_collector_is_retried() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let otlp = quick_to(format!("http://{address}"), Protocol::Grpc);
    let otlp = otlp.build().unwrap();
    let ids = report(&otlp, "get", 10);
    until("retries", || otlp.stats().retries > 3);
    assert_adds_up(&otlp.stats());
    let error = otlp.stats().last_error.unwrap();
    assert!(error.ongoing);
    assert!(error.message.contains("onnection refused"), "{error:?}");
    let server = Server::start_at(address, [], Reply::Accept, None);
    assert!(otlp.flush(LONG));
    assert_settled(&otlp.stats(), &server);
    assert_arrived(&ids, &server);
}

#[test]
fn a_refusal_drops_the_message_and_is_logged() {
    log::start();
    for (reply, reason) in [
        (
            Reply::Error(12, "no such service"),
            "UNIMPLEMENTED: no such service",
        ),
        (Reply::LateError(16, "who%3F"), "UNAUTHENTICATED: who?"),
        (Reply::Error(7, ""), "PERMISSION_DENIED"),
        (Reply::Error(8, "quota"), "RESOURCE_EXHAUSTED: quota"),
        (Reply::Error(99, "new"), "grpc-status 99: new"),
        (
            Reply::Http(404, "text/plain", b"here is nothing"),
            "404 Not Found: here is nothing",
        ),
        (
            Reply::Http(200, "text/html", b"<html>"),
            "200 OK without a grpc-status: this is not a gRPC server",
        ),
    ] {
        let server = Server::start([reply], Reply::Accept);
        let otlp = quick(&server, Protocol::Grpc).build().unwrap();
        report(&otlp, "get", 3);
        assert!(otlp.flush(LONG));
        let stats = otlp.stats();
        assert_settled(&stats, &server);
        assert_eq!((stats.dropped.refused, stats.retries), (3, 0));
        assert_eq!(stats.last_error.unwrap().message, reason);
        let lines = log::lines(&server.url());
        let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        let began = format!(
            "WARN cannot deliver spans to {}{path}: {reason};",
            server.url()
        );
        assert!(
            lines.len() == 1 && lines[0].starts_with(&began),
            "{lines:?}"
        );
    }
}

#[test]
fn a_bad_span_is_dropped_alone() {
    for protocol in PROTOCOLS {
        let server = Server::start([], Reply::RejectNamed("bad"));
        let hour = Duration::from_secs(3600);
        let otlp = quick(&server, protocol)
            .options(quick_options().max_age(hour))
            .build()
            .unwrap();
        let mut ids = report(&otlp, "good", 100);
        report(&otlp, "bad", 1);
        ids.extend(report(&otlp, "good", 100));
        assert!(otlp.flush(LONG));
        let stats = otlp.stats();
        assert_settled(&stats, &server);
        assert_arrived(&ids, &server);
        assert_eq!((stats.dropped.refused, stats.dropped.total()), (1, 1));
        let error = stats.last_error.unwrap().message;
        let reason = match protocol {
            Protocol::Grpc => "is refused: INVALID_ARGUMENT: bad span",
            _ => "is refused: 400 Bad Request: bad span",
        };
        assert!(error.ends_with(reason), "{error}");
    }
}

#[test]
fn a_message_too_large_for_the_collector_is_split() {
    for protocol in PROTOCOLS {
        let server = Server::start([], Reply::RejectOver(2_000));
        let otlp = quick(&server, protocol).build().unwrap();
        let mut ids = report(&otlp, "get", 200);
        otlp.report(span(&"x".repeat(3_000)));
        ids.extend(report(&otlp, "get", 200));
        assert!(otlp.flush(LONG));
        let stats = otlp.stats();
        assert_settled(&stats, &server);
        assert_arrived(&ids, &server);
        assert_eq!((stats.dropped.too_large, stats.dropped.total()), (1, 1));
    }
}

#[test]
fn spans_rejected_by_partial_success_are_counted() {
    log::start();
    for protocol in PROTOCOLS {
        let reason = match protocol {
            Protocol::Grpc => "left out over gRPC",
            _ => "left out over HTTP",
        };
        let some = Reply::AcceptBut(3, reason);
        let all = Reply::AcceptBut(10, reason);
        let warning = Reply::AcceptBut(0, "old");
        let server = Server::start([some, all, warning], Reply::Accept);
        let hour = Duration::from_secs(3600);
        let otlp = quick(&server, protocol)
            .options(quick_options().max_age(hour))
            .build()
            .unwrap();
        for (sent, refused) in [(7, 3), (7, 13), (17, 13), (27, 13)] {
            report(&otlp, "get", 10);
            assert!(otlp.flush(LONG));
            let stats = otlp.stats();
            assert_settled(&stats, &server);
            assert_eq!((stats.sent, stats.dropped.refused), (sent, refused));
            assert_eq!((stats.dropped.total(), stats.retries), (refused, 0));
        }
        let error = otlp.stats().last_error.unwrap();
        assert_eq!(
            error.message,
            format!("3 of 10 spans are refused: {reason}")
        );
        assert!(!error.ongoing);
        // Logged once, not for every message.
        let lines = log::lines(reason);
        let line = format!("WARN 3 of 10 spans are refused: {reason}; for a minute, ");
        assert!(lines.len() == 1 && lines[0].starts_with(&line), "{lines:?}");
    }
}

#[test]
fn a_grpc_url_must_have_no_path() {
    for (url, error) in [
        ("http://collector:4317", None),
        ("http://collector:4317/", None),
        (
            "http://collector:4317/v1/traces",
            Some("url: must have no path: gRPC defines the path"),
        ),
        (
            "http://collector:4317/?key=1",
            Some("url: must have no path: gRPC defines the path"),
        ),
        (
            "collector:4317",
            Some("url: no scheme: it must start with http:// or https://"),
        ),
    ] {
        let built = quick_to(url.to_owned(), Protocol::Grpc).build();
        assert_eq!(built.err().map(|error| error.to_string()).as_deref(), error);
    }
}

#[test]
fn redirects_from_http_to_grpc() {
    let server = Server::start([Reply::Http(404, "text/plain", b"")], Reply::Accept);
    let otlp = quick(&server, Protocol::Http).build().unwrap();
    report(&otlp, "get", 10);
    assert!(otlp.flush(LONG));
    assert_eq!(otlp.stats().dropped.refused, 10);
    otlp.redirect(quick(&server, Protocol::Grpc)).unwrap();
    let ids = report(&otlp, "get", 10);
    assert!(otlp.flush(LONG));
    assert_settled(&otlp.stats(), &server);
    assert_arrived(&ids, &server);
    let versions: Vec<_> = server.seen().iter().map(|seen| seen.version).collect();
    assert_eq!(versions, [Version::HTTP_11, Version::HTTP_2]);
}

#[cfg(feature = "tls")]
mod tls {
    use super::*;
    use crate::tls::Authority;

    fn start(authority: &Authority, protocols: &[&str]) -> (Server, OtlpReporterBuilder) {
        let tls = authority.server(None, protocols);
        let address = "127.0.0.1:0".parse().unwrap();
        let server = Server::start_at(address, [], Reply::Accept, Some(tls));
        let url = format!("https://{}", server.address);
        let collector = HttpOptions::new(url).ca_certificate(authority.pem());
        let builder =
            quick_to(collector, Protocol::Grpc).options(quick_options().request_timeout(LONG));
        (server, builder)
    }

    #[test]
    fn grpc_works_over_tls() {
        let (server, builder) = start(&Authority::new(), &["h2"]);
        let otlp = builder.build().unwrap();
        let ids = report(&otlp, "get", 10);
        assert!(otlp.flush(LONG));
        assert_settled(&otlp.stats(), &server);
        assert_arrived(&ids, &server);
    }

    #[test]
    fn grpc_over_tls_needs_http2() {
        let (server, builder) = start(&Authority::new(), &["http/1.1"]);
        let otlp = builder
            .options(
                quick_options()
                    .request_timeout(LONG)
                    .retry_for(Duration::ZERO),
            )
            .build()
            .unwrap();
        report(&otlp, "get", 10);
        assert!(otlp.flush(LONG));
        let stats = otlp.stats();
        assert_settled(&stats, &server);
        assert_eq!(stats.dropped.retries_exhausted, 10);
        let error = stats.last_error.unwrap().message;
        assert!(error.contains("NoApplicationProtocol"), "{error}");
    }
}
