//! Both programs, as processes that are ended by SIGTERM: every function of a request is a span at its
//! place, every log line has the ids of its span, and nothing is lost.

#![cfg(unix)]

mod logs;
mod programs;
mod requests;
mod tree;

use programs::Programs;
use tree::{Trace, traces};

/// The trees of all sampled requests, in the order of their text.
const TRACES: &str = include_str!("traces.txt");

#[test]
fn every_function_is_a_span_and_every_log_line_has_its_ids() {
    let mut programs = Programs::start();
    requests::send_all(&programs);
    let in_progress = requests::leave_in_progress(&programs);

    // All spans are still queued, and one request is in progress.
    assert_eq!(programs.zipkin.received().len(), 0);
    assert!(programs.orders.stop().success(), "{}", programs.orders);
    let response = in_progress.join().expect("a response");
    assert_eq!(response.status, 504, "{response:?}");
    assert!(programs.inventory.stop().success());

    let traces = traces(&programs.zipkin.received());
    let mut trees: Vec<String> = traces.iter().map(Trace::tree).collect();
    trees.sort();
    let trees = trees.join("\n");
    assert_eq!(trees, TRACES, "{trees}");

    let lines = logs::lines(&programs);
    logs::assert_only_start_and_stop_have_no_ids(&lines);
    logs::assert_ids_of_spans(&lines, &traces);
    logs::assert_ids_of_the_unsampled_request(&lines, &traces);
}
