//! Flush and shutdown, from any thread or runtime.

use crate::{
    LONG, assert_adds_up, assert_settled, quick, quick_options, report, until,
    zipkin_server::{Answer, Server},
};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::{Arc, mpsc},
    task::{Context, Poll, Wake, Waker},
    thread,
    time::{Duration, Instant},
};
use tower_b3::{
    Tracer,
    report::{BatchReporter, Message, Outcome, Sender},
    zipkin::JsonEncoder,
};

const HOUR: Duration = Duration::from_secs(3600);

/// A minimal executor, without timers or I/O.
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park_timeout(LONG),
        }
    }
}

/// Shuts down a reporter with ten spans in this way. All spans must arrive.
fn shut_down(how: impl FnOnce(&tower_b3::zipkin::ZipkinReporter)) {
    let server = Server::start([], Answer::Accept);
    let zipkin = quick(server.url())
        .options(quick_options().max_age(HOUR))
        .build()
        .unwrap();
    report(&zipkin, "get", 10);
    how(&zipkin);
    let stats = zipkin.stats();
    assert_settled(&stats, &server);
    assert_eq!((stats.sent, stats.dropped.total()), (10, 0));
    // Later spans are counted. Another flush or shutdown changes nothing and returns at once.
    report(&zipkin, "late", 3);
    let started = Instant::now();
    assert!(zipkin.flush(LONG));
    let again = zipkin.shutdown(LONG);
    assert!(block_on(zipkin.flush_async(LONG)));
    assert_eq!(block_on(zipkin.shutdown_async(LONG)), again);
    assert!(started.elapsed() < Duration::from_secs(5));
    assert!(again.in_time);
    assert_eq!((again.lost, again.stats.dropped.closed), (0, 3));
    assert_eq!(zipkin.stats().sent, 10);
    assert_adds_up(&zipkin.stats());
}

fn current_thread() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

#[test]
fn shuts_down_outside_a_runtime() {
    shut_down(|zipkin| assert_eq!(zipkin.shutdown(LONG).lost, 0));
    shut_down(|zipkin| assert_eq!(block_on(zipkin.shutdown_async(LONG)).lost, 0));
    shut_down(|zipkin| {
        assert!(block_on(zipkin.flush_async(LONG)));
        zipkin.shutdown(Duration::MAX);
    });
}

#[test]
fn shuts_down_inside_a_runtime() {
    shut_down(|zipkin| {
        current_thread().block_on(async { assert_eq!(zipkin.shutdown(LONG).lost, 0) });
    });
    shut_down(|zipkin| {
        let report = current_thread().block_on(zipkin.shutdown_async(LONG));
        assert_eq!(report.lost, 0);
    });
    shut_down(|zipkin| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let zipkin = zipkin.clone();
        let report =
            runtime.block_on(async { tokio::spawn(async move { zipkin.shutdown(LONG) }).await });
        assert_eq!(report.unwrap().lost, 0);
    });
}

#[test]
fn a_guard_shuts_down() {
    shut_down(|zipkin| drop(zipkin.guard()));
    shut_down(|zipkin| {
        let guard = zipkin.guard().timeout(LONG);
        let panicked = catch_unwind(AssertUnwindSafe(move || {
            let _guard = guard;
            panic!("as it happens");
        }));
        assert!(panicked.is_err());
    });
}

#[test]
fn several_threads_shut_down_at_once() {
    shut_down(|zipkin| {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(zipkin.shutdown(LONG).lost, 0));
            }
        });
    });
}

#[test]
fn sends_while_the_application_runtime_is_blocked_or_gone() {
    let server = Server::start([], Answer::Accept);
    let runtime = current_thread();
    let zipkin = runtime.block_on(async { quick(server.url()).build().unwrap() });
    runtime.block_on(async {
        report(&zipkin, "get", 1);
        // This blocks the only thread.
        server.until("arrives", |seen| seen.acknowledged.len() == 1);
    });
    drop(runtime);
    report(&zipkin, "get", 1);
    server.until("arrives", |seen| seen.acknowledged.len() == 2);
    assert_eq!(zipkin.shutdown(LONG).lost, 0);
}

#[test]
fn a_shutdown_without_a_response_takes_its_timeout() {
    for answer in [Answer::Silence, Answer::Status(500, String::new(), "")] {
        for deadline in [Duration::ZERO, Duration::from_millis(200)] {
            let server = Server::start([], answer.clone());
            let zipkin = quick(server.url())
                .options(quick_options().queue_limit(100))
                .build()
                .unwrap();
            report(&zipkin, "get", 10);
            until("under way", || zipkin.stats().in_flight == 10);
            report(&zipkin, "get", 20);
            let started = Instant::now();
            let report = zipkin.shutdown(deadline);
            assert!(report.in_time);
            let took = started.elapsed();
            assert!(
                (deadline..deadline + Duration::from_secs(2)).contains(&took),
                "{took:?}"
            );
            assert_eq!((report.lost, report.stats.dropped.closed), (30, 30));
            assert_settled(&report.stats, &server);
            assert_eq!(zipkin.shutdown(LONG), report);
            let text = "30 spans lost at shutdown: 30 finished, 0 sent in 0 batches, 0 queued, \
                        0 in flight, 30 dropped (closed 30)";
            assert_eq!(report.to_string(), text);
        }
    }
}

#[test]
fn a_retry_after_the_deadline_is_not_waited_for() {
    let answer = Answer::Status(429, "retry-after: 30\r\n".into(), "");
    let server = Server::start([], answer);
    let zipkin = quick(server.url()).build().unwrap();
    report(&zipkin, "get", 10);
    let started = Instant::now();
    assert_eq!(zipkin.shutdown(Duration::from_secs(15)).lost, 10);
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_collector_that_recovers_before_the_deadline_gets_all_spans() {
    let script = vec![Answer::Status(503, String::new(), ""); 4];
    let server = Server::start(script, Answer::Accept);
    // Without a shutdown that waits, the waits would be long.
    let zipkin =
        quick(server.url()).options(quick_options().backoff(Duration::from_millis(50), HOUR));
    let zipkin = zipkin.build().unwrap();
    report(&zipkin, "get", 10);
    assert_eq!(zipkin.shutdown(LONG).lost, 0);
    assert_settled(&zipkin.stats(), &server);
}

/// Whether this process has a thread with this name. Known on Linux only.
fn is_alive(thread: &str) -> bool {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return false;
    };
    tasks.flatten().any(|task| {
        let name = std::fs::read_to_string(task.path().join("comm"));
        name.is_ok_and(|name| name.trim() == thread)
    })
}

#[test]
fn the_thread_ends_with_the_last_handle() {
    for (name, by) in [
        ("b3-drop-all", 0),
        ("b3-drop-tracer", 1),
        ("b3-drop-outage", 2),
    ] {
        let script = if by == 2 {
            vec![Answer::Silence; 2]
        } else {
            vec![]
        };
        let server = Server::start(script, Answer::Accept);
        let zipkin = quick(server.url()).options(quick_options().thread_name(name).max_age(HOUR));
        let zipkin = zipkin.build().unwrap();
        assert!(is_alive(name) || cfg!(not(target_os = "linux")));
        if by == 0 {
            report(&zipkin, "get", 10);
        } else {
            // The queued spans keep the tracer alive, and the tracer the reporter.
            let tracer = Tracer::builder("orders").reporter(zipkin.clone());
            let tracer = tracer.build().unwrap();
            (0..10).for_each(|_| drop(tracer.span("get")));
            let flusher = zipkin.clone();
            thread::spawn(move || flusher.flush(Duration::from_millis(1)));
        }
        drop(zipkin);
        server.until("sent", |seen| seen.acknowledged.len() == 10);
        until("the thread's end", || !is_alive(name));
    }
}

/// A sender that calls a function.
pub struct Do<F>(pub F);

impl<F: FnMut(Message) -> Outcome + Send + 'static> Sender for Do<F> {
    async fn send(&mut self, message: Message) -> Outcome {
        (self.0)(message)
    }
}

#[test]
fn flush_and_shutdown_do_not_block_inside_the_sender() {
    let (give, given) = mpsc::sync_channel::<BatchReporter>(1);
    let mut reporter = None;
    let sender = Do(move |_| {
        let reporter = reporter.get_or_insert_with(|| given.recv().unwrap());
        assert!(!reporter.flush(LONG));
        assert!(!reporter.shutdown(LONG).in_time);
        Outcome::Accepted
    });
    let reporter = BatchReporter::builder(JsonEncoder, sender).build().unwrap();
    give.send(reporter.clone()).unwrap();
    report(&reporter, "get", 10);
    let started = Instant::now();
    assert!(reporter.flush(LONG));
    assert!(started.elapsed() < LONG / 2);
    let stats = reporter.shutdown(LONG).stats;
    assert_eq!((stats.sent, stats.dropped.total()), (10, 0));
}

#[test]
fn a_blocked_sender_does_not_block_flush_and_shutdown() {
    let (release, blocked) = mpsc::channel::<()>();
    let sender = Do(move |_| {
        let _ = blocked.recv();
        Outcome::Accepted
    });
    let reporter = BatchReporter::builder(JsonEncoder, sender).build().unwrap();
    report(&reporter, "get", 1);
    let started = Instant::now();
    assert!(!reporter.flush(Duration::from_millis(50)));
    let report = reporter.shutdown(Duration::from_millis(50));
    assert!(!report.in_time);
    assert_eq!(report.lost, 1);
    assert!(started.elapsed() < LONG / 2);
    drop(release);
    until("the end", || reporter.stats().sent == 1);
}
