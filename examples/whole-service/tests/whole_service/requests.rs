//! The requests to `orders`.

use crate::programs::Programs;
use std::thread::{self, JoinHandle};
use test_kit::{
    Process, eventually,
    http::{Response, exchange, get, send},
};

/// The ids of a request that its caller did not sample.
pub const UNSAMPLED: [(&str, &str); 3] = [
    ("x-b3-traceid", "463ac35c9f6413ad48485a3953bb6124"),
    ("x-b3-spanid", "a2fb4a1d1a96d312"),
    ("x-b3-sampled", "0"),
];

/// Waits until a program has logged this many lines with this text.
fn wait_for_lines(program: &Process, text: &str, count: usize) {
    eventually(text, || {
        let stderr = program.stderr();
        let lines = stderr.lines().filter(|line| line.contains(text));
        (lines.count() >= count).then_some(())
    });
}

/// Sends every request but the one that is in progress at the end.
pub fn send_all(programs: &Programs) {
    let orders = programs.orders.address();
    let found = get(orders, "/api/orders/1", &[("accept-encoding", "gzip")]);
    assert_eq!(found.status, 200, "{found:?}");
    assert_eq!(found.header("content-encoding"), Some("gzip"));
    assert_eq!(get(orders, "/api/orders/1", &UNSAMPLED).status, 200);
    for (path, status) in [
        ("/api/orders/2", 503),
        ("/api/orders/3", 502),
        ("/api/orders/9", 404),
        ("/api/quotes/4", 504),
        ("/nowhere", 404),
        ("/healthz", 200),
    ] {
        assert_eq!(get(orders, path, &[]).status, status, "{path}");
    }
    preflight(programs);
    hang_up(programs);
}

/// A browser asks whether it may send a request from another site.
fn preflight(programs: &Programs) {
    let answer = exchange(
        programs.orders.address(),
        b"OPTIONS /api/orders/1 HTTP/1.1\r\nhost: orders\r\nconnection: close\r\n\
          origin: http://shop.example\r\naccess-control-request-method: GET\r\n\r\n",
    );
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}

/// A client that closes its connection while its request waits for the warehouse and nothing else.
fn hang_up(programs: &Programs) {
    let stalled = "the warehouse does not answer";
    let request = b"GET /api/orders/4 HTTP/1.1\r\nhost: orders\r\n\r\n";
    let connection = send(programs.orders.address(), request);
    wait_for_lines(&programs.inventory, stalled, 2);
    wait_for_lines(&programs.orders, "priced", 5);
    wait_for_lines(&programs.orders, "discounted", 5);
    drop(connection);
}

/// A request that is in progress when this returns, and ends by its timeout.
pub fn leave_in_progress(programs: &Programs) -> JoinHandle<Response> {
    let orders = programs.orders.address();
    let request = thread::spawn(move || get(orders, "/api/quotes/4", &[]));
    wait_for_lines(&programs.inventory, "the warehouse does not answer", 3);
    request
}
