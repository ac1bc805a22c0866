//! Recording an exchange allocates nothing once its series exists.

use crate::common::now;
use allocation_counter::measure;
use http::{Request, Response};
use std::{convert::Infallible, future::ready, time::Duration};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Direction, Tracer,
    id::{SpanId, TraceId},
    metrics::{Measurement, Metrics, Naming, Workload},
};

const ROUNDS: u64 = 1_000;

fn allocations(mut call: impl FnMut(u64)) -> u64 {
    (0..ROUNDS).for_each(&mut call);
    measure(|| (0..ROUNDS).for_each(&mut call)).count_total
}

fn measured(number: u64) -> Measurement<'static> {
    let code = 200 + (number % 20) as u16;
    let mut measured = Measurement::new(code, Duration::from_millis(number));
    measured.request_bytes = number;
    measured.grpc = number % 2 == 0;
    measured.request_messages = number % 3;
    (measured.method, measured.route) = ("GET", "/items/{id}");
    measured
}

#[test]
fn recording_allocates_nothing() {
    for naming in [Naming::Istio, Naming::Red, Naming::OpenTelemetry] {
        let metrics = Metrics::builder(Workload::new("webapp").namespace("shop"))
            .naming(naming)
            .build();
        let ids = (TraceId::random(), SpanId::random());
        for sampled in [None, Some(ids)] {
            let count = allocations(|number| {
                let mut measured = measured(number);
                measured.sampled = sampled;
                measured.destination = metrics.destination("catalog:80");
                metrics.record(Direction::Client, &measured);
            });
            assert_eq!(count, 0, "{naming:?} {sampled:?}");
        }
    }
}

/// What a server with these names allocates for requests with a scheme.
fn allocated_by_server(naming: Naming) -> u64 {
    let metrics = Metrics::builder(Workload::new("webapp"))
        .naming(naming)
        .build();
    let tracer = Tracer::builder("webapp").metrics(&metrics).build().unwrap();
    let service =
        service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(Response::new(String::new()))));
    let mut server = tracer.server_layer().layer(service);
    let mut requests: Vec<Request<()>> = Vec::new();
    for number in 0..2 * ROUNDS {
        let scheme = ["http", "https", "wss"][number as usize % 3];
        let request = Request::get("/items/7").header("x-forwarded-proto", scheme);
        requests.push(request.body(()).unwrap());
    }
    allocations(|_| {
        let request = requests.pop().unwrap();
        drop(now(server.call(request)).unwrap());
    })
}

#[test]
fn the_scheme_of_a_request_allocates_nothing() {
    let other = allocated_by_server(Naming::Red);
    assert_eq!(allocated_by_server(Naming::OpenTelemetry), other);
}
