//! Changing the destination while the reporter runs.

use super::{
    LONG, assert_adds_up, assert_settled, log, quick, quick_options, report, span, until,
    zipkin_server::{Answer, Server},
};
use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
    time::{Duration, Instant},
};
use tower_b3::{
    report::{HttpOptions, Reporter},
    zipkin::Encoding,
};

const HOUR: Duration = Duration::from_secs(3600);

fn status(status: u16) -> Answer {
    Answer::Status(status, String::new(), "")
}

fn wrong_path(server: &Server) -> String {
    format!("http://{}/api/spans", server.address)
}

#[test]
fn a_wrong_path_is_corrected() {
    log::start();
    let wrong = Server::start([], status(405));
    let right = Server::start([], Answer::Accept);
    let zipkin = quick(wrong_path(&wrong)).build().unwrap();
    for lost in 1..=3 {
        report(&zipkin, "get", 10);
        assert!(zipkin.flush(LONG));
        let stats = zipkin.stats();
        assert_settled(&stats, &wrong);
        assert_eq!(stats.dropped.refused, 10 * lost);
    }
    let error = zipkin.stats().last_error.unwrap();
    assert!(
        error.ongoing && error.message.starts_with("405"),
        "{error:?}"
    );
    let lines = log::lines(&wrong_path(&wrong));
    let began = format!("WARN cannot deliver spans to {}: 405 ", wrong_path(&wrong));
    assert!(
        lines.len() == 1 && lines[0].starts_with(&began),
        "{lines:#?}"
    );

    zipkin.redirect(quick(right.url())).unwrap();
    let ids = report(&zipkin, "get", 20);
    assert!(zipkin.flush(LONG));
    let stats = zipkin.stats();
    assert_settled(&stats, &right);
    assert_eq!(
        (stats.finished, stats.sent, stats.dropped.refused),
        (50, 20, 30)
    );
    assert!(!stats.last_error.unwrap().ongoing);
    right.seen(|seen| assert!(seen.acknowledged.keys().eq(&ids)));
    let lines = log::lines(&wrong_path(&wrong));
    let over = format!(
        "INFO spans are now sent to {}; delivery to {} was interrupted for ",
        right.url(),
        wrong_path(&wrong)
    );
    assert!(
        lines.len() == 2 && lines[1].starts_with(&over),
        "{lines:#?}"
    );
    let totals = "3 failed attempts, with 30 dropped (refused 30) of 50 spans";
    assert!(lines[1].ends_with(totals), "{lines:#?}");
}

#[test]
fn a_message_that_waits_is_sent_to_the_new_destination_at_once() {
    let later = |status| Answer::Status(status, "retry-after: 60\r\n".to_owned(), "");
    for answer in [status(503), later(503), later(429)] {
        let wrong = Server::start([], answer);
        let right = Server::start([], Answer::Accept);
        let zipkin = quick(wrong.url())
            .options(quick_options().backoff(HOUR, HOUR))
            .build()
            .unwrap();
        let started = Instant::now();
        let mut ids = report(&zipkin, "get", 10);
        until("an outage", || zipkin.stats().last_error.is_some());
        ids.extend(report(&zipkin, "get", 10));
        assert_eq!(zipkin.stats().sent, 0);
        zipkin.redirect(quick(right.url())).unwrap();
        until("20 spans sent", || zipkin.stats().sent == 20);
        assert!(started.elapsed() < LONG);
        let stats = zipkin.stats();
        assert_settled(&stats, &right);
        assert_eq!(stats.retries, 1);
        right.seen(|seen| assert!(seen.acknowledged.keys().eq(&ids)));
    }
}

#[test]
fn retries_at_a_new_destination_last_as_long_as_for_a_new_message() {
    let wrong = Server::start([], status(503));
    let right = Server::start([status(503), status(503)], Answer::Accept);
    let options = quick_options().retry_for(Duration::from_secs(1));
    let zipkin = quick(wrong.url()).options(options.backoff(HOUR, HOUR));
    let zipkin = zipkin.build().unwrap();
    report(&zipkin, "get", 10);
    until("an outage", || zipkin.stats().last_error.is_some());
    // Longer than a message is retried at one destination.
    thread::sleep(Duration::from_millis(1_100));
    zipkin.redirect(quick(right.url())).unwrap();
    right.until("an attempt", |seen| !seen.requests.is_empty());
    // Each flush causes an attempt.
    until("sent", || {
        zipkin.flush(Duration::from_millis(10));
        zipkin.stats().sent == 10
    });
    assert_settled(&zipkin.stats(), &right);
}

#[test]
fn a_wrong_token_is_corrected() {
    log::start();
    let server = Server::start([status(401)], Answer::Accept);
    let with_token = |token: &str| quick(HttpOptions::new(server.url()).bearer(token));
    let zipkin = with_token("wrong").build().unwrap();
    report(&zipkin, "get", 1);
    assert!(zipkin.flush(LONG));
    zipkin.redirect(with_token("right")).unwrap();
    report(&zipkin, "get", 1);
    assert!(zipkin.flush(LONG));
    let stats = zipkin.stats();
    assert_settled(&stats, &server);
    assert_eq!((stats.sent, stats.dropped.refused), (1, 1));
    server.seen(|seen| {
        let tokens = ["wrong", "right"];
        for (request, token) in seen.requests.iter().zip(tokens) {
            let header = format!("\r\nauthorization: bearer {token}\r\n");
            assert!(request.head.contains(&header), "{}", request.head);
        }
    });
    let lines = log::lines(&server.url());
    assert!(
        lines[1].starts_with("INFO spans are delivered to "),
        "{lines:#?}"
    );
}

#[test]
fn a_new_destination_starts_without_the_refusals_of_the_previous_one() {
    let wrong = Server::start([], status(400));
    let right = Server::start([], Answer::RejectNamed("bad"));
    let zipkin = quick(wrong.url())
        .options(quick_options().max_age(HOUR))
        .build()
        .unwrap();
    report(&zipkin, "get", 100);
    assert!(zipkin.flush(LONG));
    zipkin.redirect(quick(right.url())).unwrap();
    // Spans are refused one by one again.
    report(&zipkin, "bad", 1);
    let ids = report(&zipkin, "good", 100);
    assert!(zipkin.flush(LONG));
    let stats = zipkin.stats();
    assert_settled(&stats, &right);
    assert_eq!((stats.sent, stats.dropped.refused), (100, 101));
    right.seen(|seen| assert!(seen.acknowledged.keys().eq(&ids)));
}

#[test]
fn an_invalid_redirect_changes_nothing() {
    let server = Server::start([], Answer::Accept);
    let zipkin = quick(server.url()).build().unwrap();
    let to = || quick(server.url());
    for (builder, error) in [
        (
            quick("zipkin".to_owned()),
            "url: no scheme: it must start with http:// or https://",
        ),
        (
            quick(HttpOptions::new(server.url()).bearer("")),
            "bearer: the token is empty",
        ),
        (
            to().encoding(Encoding::Proto3),
            "encoding: cannot be changed while the reporter runs",
        ),
        #[cfg(feature = "gzip")]
        (
            to().gzip(true),
            "gzip: cannot be changed while the reporter runs",
        ),
    ] {
        assert_eq!(zipkin.redirect(builder).unwrap_err().to_string(), error);
    }
    report(&zipkin, "get", 10);
    assert!(zipkin.flush(LONG));
    assert_settled(&zipkin.stats(), &server);
    assert_eq!(zipkin.stats().sent, 10);
    zipkin.shutdown(LONG);
    zipkin.redirect(to()).unwrap();
    assert_eq!(zipkin.stats().sent, 10);
}

/// Between two collectors that accept spans and two that do not.
#[test]
fn the_counts_add_up_with_changing_destinations_under_load() {
    let servers = [Answer::Accept, status(405), Answer::Silence, Answer::Accept]
        .map(|answer| Server::start([], answer));
    let zipkin = quick(servers[0].url())
        .options(quick_options().queue_limit(500))
        .build()
        .unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Relaxed) {
                assert_adds_up(&zipkin.stats());
            }
        });
        let producers = [(); 2].map(|()| {
            scope.spawn(|| {
                for number in 0..20_000 {
                    zipkin.report(span("get"));
                    if number % 100 == 0 {
                        thread::sleep(Duration::from_millis(1));
                    }
                }
            })
        });
        for server in servers.iter().cycle().take(80) {
            zipkin.redirect(quick(server.url())).unwrap();
            thread::sleep(Duration::from_millis(5));
        }
        zipkin.redirect(quick(servers[3].url())).unwrap();
        producers
            .into_iter()
            .for_each(|producer| producer.join().unwrap());
        assert!(zipkin.flush(LONG));
        done.store(true, Relaxed);
    });
    let stats = zipkin.stats();
    assert_adds_up(&stats);
    assert_eq!(
        (stats.finished, stats.queued, stats.in_flight),
        (40_000, 0, 0)
    );
    let acknowledged = |server: &Server| server.seen(|seen| seen.acknowledged.len() as u64);
    assert_eq!(
        stats.sent,
        acknowledged(&servers[0]) + acknowledged(&servers[3])
    );
    let dropped = stats.dropped;
    assert_eq!(dropped.total(), dropped.refused + dropped.queue_full);
}
