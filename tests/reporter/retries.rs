//! Requests that fail and are sent again.

use crate::{
    LONG, assert_adds_up, assert_settled,
    faults::status,
    quick, quick_options, report,
    zipkin_server::{Answer, Server},
};
use std::time::Duration;

fn retry_after(status: u16, value: &str) -> Answer {
    Answer::Status(status, format!("retry-after: {value}\r\n"), "")
}

/// No span is lost, and none arrives twice. Each fault is one retry. A slow machine makes no others, because
/// the client's timeout is as long as the test's.
#[test]
fn transient_faults_lose_no_spans() {
    for (script, retries) in [
        (vec![Answer::Reset], 1),
        (vec![Answer::Garbage; 2], 2),
        (vec![status(500); 5], 5),
        (vec![status(503), status(408), status(429), status(599)], 4),
        (vec![retry_after(429, "0"), retry_after(503, "nonsense")], 2),
        (vec![retry_after(429, "Sun, 06 Nov 1994 08:49:37 GMT")], 1),
        (vec![Answer::Reset, status(500), Answer::Garbage], 3),
        (vec![Answer::AcceptLate(Duration::from_millis(400))], 0),
        (vec![Answer::AcceptWithoutEnd; 2], 0),
    ] {
        let what = format!("{script:?}");
        let server = Server::start(script, Answer::Accept);
        let patient = quick_options().request_timeout(LONG);
        let zipkin = quick(server.url()).options(patient).build().unwrap();
        let ids = report(&zipkin, "get", 300);
        assert!(zipkin.flush(LONG), "{what}");
        let stats = zipkin.stats();
        assert_settled(&stats, &server);
        assert_eq!(stats.sent, ids.len() as u64, "{what}");
        assert_eq!(stats.retries, retries, "{what}");
        let error = stats.last_error;
        assert!(error.is_none_or(|error| !error.ongoing), "{what}");
    }
}

/// No span is lost. On a slow machine other answers may come too late as well: then there are more retries,
/// and spans arrive more than once.
#[test]
fn a_request_without_an_answer_loses_no_spans() {
    for script in [
        vec![Answer::Silence],
        vec![Answer::Silence, Answer::Reset, status(500), Answer::Garbage],
    ] {
        let what = format!("{script:?}");
        let faults = script.len() as u64;
        let server = Server::start(script, Answer::Accept);
        let zipkin = quick(server.url()).build().unwrap();
        let ids = report(&zipkin, "get", 300);
        assert!(zipkin.flush(LONG), "{what}");
        let stats = zipkin.stats();
        assert_adds_up(&stats);
        assert_eq!(stats.sent, ids.len() as u64, "{what}");
        server.seen(|seen| assert!(seen.acknowledged.keys().eq(&ids), "{what}"));
        assert!(stats.retries >= faults, "{what} {stats:?}");
        assert!(!stats.last_error.unwrap().ongoing, "{what}");
    }
}

#[test]
fn a_late_response_counts_as_none() {
    let late = Answer::AcceptLate(Duration::from_millis(600));
    let server = Server::start([late], Answer::Accept);
    let zipkin = quick(server.url()).build().unwrap();
    let ids = report(&zipkin, "get", 3);
    assert!(zipkin.flush(LONG));
    let stats = zipkin.stats();
    assert_adds_up(&stats);
    assert_eq!((stats.sent, stats.retries), (3, 1));
    assert_eq!(stats.last_error.unwrap().message, "no answer within 300ms");
    // The collector has received them twice, and merges them by their ids.
    server.until("twice", |seen| {
        ids.iter().all(|id| seen.acknowledged[id] == 2)
    });
}

#[test]
fn retry_after_is_respected() {
    let server = Server::start([retry_after(429, "1")], Answer::Accept);
    let zipkin = quick(server.url()).build().unwrap();
    report(&zipkin, "get", 1);
    // Even while a flush waits.
    assert!(zipkin.flush(LONG));
    let waited = server.seen(|seen| seen.requests[1].at - seen.requests[0].at);
    assert!(waited >= Duration::from_secs(1), "{waited:?}");
}

#[test]
fn retries_end_after_the_configured_time() {
    for answer in [Answer::Silence, Answer::Garbage, status(500)] {
        let server = Server::start([], answer);
        let zipkin = quick(server.url()).options(quick_options().retry_for(Duration::ZERO));
        let zipkin = zipkin.build().unwrap();
        report(&zipkin, "get", 10);
        assert!(zipkin.flush(LONG));
        let stats = zipkin.stats();
        assert_settled(&stats, &server);
        assert_eq!(stats.dropped.retries_exhausted, 10, "{stats:?}");
        assert_eq!(stats.dropped.total(), 10);
    }
}
