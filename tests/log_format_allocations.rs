//! In the steady state, ids on log lines allocate nothing.
//!
//! In a process of its own: the allocator counts.
#![cfg(feature = "log-format")]

mod common;

use allocation_counter::measure;
use common::{PARENT, SPAN, TRACE, drain, get, now};
use http::{Request, Response};
use std::{convert::Infallible, future::ready, io};
use tower::{Layer, Service, service_fn};
use tower_b3::{Mode, Tracer, logs::WithIds, report::NoopReporter};
use tracing::Subscriber;

const LINES: u64 = 100;

/// The number of allocations of 100 lines in a request.
fn allocations(mode: Mode, subscriber: impl Subscriber + Send + Sync + 'static) -> u64 {
    let tracer = Tracer::builder("shop").reporter(NoopReporter).mode(mode);
    let tracer = tracer.build().unwrap();
    let mut allocated = 0;
    tracing::subscriber::with_default(subscriber, || {
        let handler = service_fn(|_: Request<()>| {
            let log = || (0..LINES).for_each(|item| tracing::info!(item, "loaded"));
            log();
            allocated = measure(log).count_total;
            ready(Ok::<_, Infallible>(Response::new(String::new())))
        });
        let mut service = tracer.server_layer().layer(handler);
        let request = get(
            "/items",
            &format!(
                "x-b3-traceid: {TRACE}|x-b3-spanid: {SPAN}|x-b3-parentspanid: {PARENT}|\
                 x-b3-sampled: 1|x-request-id: 6f0b3f1e-6a0b-4d1c-8f3e-0d6b5a4c3e21"
            ),
        );
        let mut response = now(service.call(request)).unwrap();
        drain(response.body_mut()).unwrap();
    });
    allocated
}

#[test]
fn a_line_allocates_what_its_inner_format_does() {
    let text = || tracing_subscriber::fmt().with_writer(io::sink);
    let json = || text().json();
    for mode in [Mode::Spans, Mode::ForwardOnly] {
        assert_eq!(
            allocations(mode, text().map_event_format(WithIds::text).finish()),
            allocations(mode, text().finish()),
        );
        assert_eq!(
            allocations(mode, json().map_event_format(WithIds::json).finish()),
            allocations(mode, json().finish()),
        );
    }
}
