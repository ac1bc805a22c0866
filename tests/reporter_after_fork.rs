//! A process that forks while its reporter is sending.
#![cfg(all(unix, feature = "zipkin"))]
#![allow(unsafe_code, reason = "std has no fork")]

use std::{
    ffi::c_int,
    thread,
    time::{Duration, Instant},
};
use tower_b3::{
    Tracer,
    report::{BatchOptions, BatchReporter, Message, Outcome, Sender},
    zipkin::JsonEncoder,
};

unsafe extern "C" {
    fn fork() -> c_int;
    fn waitpid(process: c_int, status: *mut c_int, options: c_int) -> c_int;
    fn kill(process: c_int, signal: c_int) -> c_int;
    fn _exit(code: c_int) -> !;
}

const WNOHANG: c_int = 1;
const SIGKILL: c_int = 9;

/// Runs `code` in a forked child: its wait status, or `None` if it does not end.
fn in_child(code: impl FnOnce() -> c_int) -> Option<c_int> {
    let process = unsafe { fork() };
    assert_ne!(process, -1, "there is no child");
    if process == 0 {
        unsafe { _exit(code()) };
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut status = 0;
    while unsafe { waitpid(process, &mut status, WNOHANG) } == 0 {
        if Instant::now() > deadline {
            unsafe {
                kill(process, SIGKILL);
                waitpid(process, &mut status, 0);
            }
            return None;
        }
        thread::sleep(Duration::from_micros(200));
    }
    Some(status)
}

/// Keeps the reporter's thread busy with its last error.
struct Refuses;

impl Sender for Refuses {
    async fn send(&mut self, _: Message) -> Outcome {
        Outcome::refused("no")
    }

    fn destination(&self) -> String {
        "nowhere".to_owned()
    }
}

#[test]
fn a_forked_child_does_not_wait_for_locks_of_its_parent() {
    let reporter = BatchReporter::builder(JsonEncoder, Refuses)
        .options(
            BatchOptions::new()
                .message_limit(500)
                .max_age(Duration::from_millis(1)),
        )
        .build()
        .unwrap();
    let tracer = Tracer::builder("orders").reporter(reporter.clone()).build();
    let tracer = tracer.unwrap();
    let load = tracer.clone();
    let busy = thread::spawn(move || {
        let until = Instant::now() + Duration::from_secs(2);
        while Instant::now() < until {
            drop(load.span("in the parent"));
        }
    });
    while !busy.is_finished() {
        let ended = in_child(|| {
            drop(tracer.span("in the child"));
            let flushed = reporter.flush(Duration::MAX);
            let ended = reporter.shutdown(Duration::MAX);
            let stats = reporter.stats();
            let sum = stats.queued + stats.in_flight + stats.sent + stats.dropped.total();
            c_int::from(flushed || ended.in_time || stats.finished != sum)
        });
        assert_eq!(ended, Some(0));
    }
    busy.join().unwrap();
    assert!(reporter.stats().dropped.refused > 0);
}
