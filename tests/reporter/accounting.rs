//! Every span is accounted for at any moment, under load.

use crate::{
    LONG, assert_adds_up, assert_settled, quick, quick_options, span,
    zipkin_server::{Answer, Server},
};
use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};
use tower_b3::{report::Reporter, zipkin::ZipkinReporter};

/// Checks the counts again and again. Returns how often.
fn check_counts_until(done: &AtomicBool, zipkin: &ZipkinReporter) -> u64 {
    let (mut before, mut checks) = (zipkin.stats(), 0);
    while !done.load(Relaxed) {
        let stats = zipkin.stats();
        assert_adds_up(&stats);
        assert!(stats.queued <= 300, "{stats:?}");
        // Counts never decrease.
        assert!(stats.finished >= before.finished);
        assert!(stats.sent >= before.sent);
        assert!(stats.dropped.total() >= before.dropped.total());
        (before, checks) = (stats, checks + 1);
    }
    checks
}

#[test]
fn the_counts_add_up_at_any_moment() {
    let server = Server::start([], Answer::RejectNamed("bad"));
    let zipkin = quick(server.url())
        .options(quick_options().queue_limit(300).message_limit(5_000))
        .build()
        .unwrap();
    const EACH: u64 = 10_000;
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let checking = scope.spawn(|| check_counts_until(&done, &zipkin));
        let producers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    for number in 0..EACH {
                        let bad = number % 1_000 == 7;
                        zipkin.report(span(if bad { "bad" } else { "good" }));
                        if number % 500 == 0 {
                            zipkin.flush(LONG);
                        }
                    }
                })
            })
            .collect();
        producers
            .into_iter()
            .for_each(|producer| producer.join().unwrap());
        assert!(zipkin.flush(LONG));
        done.store(true, Relaxed);
        assert!(checking.join().unwrap() > 10);
    });
    let stats = zipkin.stats();
    assert_settled(&stats, &server);
    assert_eq!(stats.finished, 4 * EACH);
    let dropped = stats.dropped;
    assert_eq!(
        dropped.total(),
        dropped.refused + dropped.queue_full,
        "{dropped}"
    );
    server.seen(|seen| {
        assert_eq!(stats.batches, {
            let good = |request: &&crate::zipkin_server::Request| {
                request.spans.iter().all(|span| span["name"] == "good")
            };
            seen.requests.iter().filter(good).count() as u64
        })
    });
}

#[test]
fn the_counts_add_up_after_a_shutdown_under_load() {
    for _ in 0..20 {
        let server = Server::start([], Answer::Accept);
        let zipkin = quick(server.url())
            .options(quick_options().queue_limit(500))
            .build()
            .unwrap();
        thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| (0..2_000).for_each(|_| zipkin.report(span("get"))));
            }
            let report = zipkin.shutdown(LONG);
            assert!(report.in_time);
            assert_adds_up(&report.stats);
        });
        let stats = zipkin.stats();
        assert_settled(&stats, &server);
        assert_eq!(stats.finished, 6_000);
    }
}
