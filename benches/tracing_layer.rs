//! What the layer for `tracing-subscriber` adds to a span with three fields. Compare with `registry`,
//! which is the subscriber without it.

use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use tower_b3::{Tracer, TracingLayer, report::NoopReporter, sample::Sampler};
use tracing::{Dispatch, dispatcher};
use tracing_subscriber::{Layer, filter::LevelFilter, layer::SubscriberExt};

fn tracer(sampler: Sampler) -> Tracer {
    let tracer = Tracer::builder("shop")
        .sampler(sampler)
        .reporter(NoopReporter);
    tracer.build().expect("a valid tracer")
}

fn span(order: u64) {
    let span = tracing::info_span!("load", order, user = "ada", cached = false);
    span.in_scope(|| black_box(order));
}

/// A span as a function makes it, in a request that is sampled, not sampled, or in none.
fn spans(c: &mut Criterion) {
    let registry = || tracing_subscriber::registry();
    let subscribers = [
        ("registry", Dispatch::new(registry())),
        ("layer", Dispatch::new(registry().with(TracingLayer::new()))),
        (
            "filtered",
            Dispatch::new(registry().with(TracingLayer::new().with_filter(LevelFilter::WARN))),
        ),
    ];
    let requests = [
        ("no request", None),
        ("not sampled", Some(tracer(Sampler::never()))),
        ("sampled", Some(tracer(Sampler::always()))),
    ];
    for (subscriber, dispatch) in &subscribers {
        for (request, tracer) in &requests {
            let name = format!("{subscriber}, {request}");
            let mut bench = || {
                dispatcher::with_default(dispatch, || {
                    c.bench_function(&name, |b| b.iter(|| span(black_box(7))));
                });
            };
            match tracer {
                Some(tracer) => tracer.span("request").in_scope(bench),
                None => bench(),
            }
        }
    }
}

/// The crate's own local span, for comparison.
fn local(c: &mut Criterion) {
    let tracer = tracer(Sampler::always());
    tracer.span("request").in_scope(|| {
        c.bench_function("tower_b3::span, sampled", |b| {
            b.iter(|| {
                let mut span = tower_b3::span("load");
                span.tag("order", black_box(7).to_string());
                span.tag("user", "ada");
                span.tag("cached", "false");
                span.in_scope(|| black_box(7));
            });
        });
    });
}

criterion_group!(benches, spans, local);
criterion_main!(benches);
