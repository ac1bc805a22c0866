//! A span costs no allocations beyond the registry's.

use crate::scene::Scene;
use allocation_counter::measure;
use tower_b3::{Tracer, TracingLayer, report::NoopReporter, sample::Sampler};
use tracing::info_span;

#[tracing::instrument(skip(_other))]
fn load(order: u64, user: &str, _other: bool) {
    tower_b3::tag("items", "3");
    info_span!("parse", cached = false).in_scope(|| {});
}

#[test]
fn a_span_allocates_nothing_in_the_steady_state() {
    for sampler in [Sampler::always(), Sampler::never()] {
        let scene = Scene::with(Sampler::always(), |_| TracingLayer::new());
        let tracer = Tracer::builder("shop")
            .sampler(sampler)
            .reporter(NoopReporter);
        let tracer = tracer.build().unwrap();
        scene.outside(|| {
            tracer.span("request").in_scope(|| {
                (0..100).for_each(|order| load(order, "ada", true));
                let info = measure(|| (0..100).for_each(|order| load(order, "ada", true)));
                assert_eq!(info.count_total, 0);
            });
        });
    }
}
