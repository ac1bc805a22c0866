//! Recording an exchange allocates nothing once its series exists.

use allocation_counter::measure;
use std::time::Duration;
use tower_b3::{
    Direction,
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
