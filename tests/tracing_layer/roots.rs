//! Spans outside of requests.

use crate::scene::Scene;
use tower_b3::{TracingLayer, sample::Sampler};
use tracing::info_span;

fn work() {
    info_span!("job", number = 7).in_scope(|| {
        info_span!("step").in_scope(|| {});
        info_span!(parent: None, "apart").in_scope(|| {});
    });
}

#[test]
fn no_trace_starts_by_accident() {
    let scene = Scene::new();
    scene.outside(|| {
        work();
        info_span!("job").in_scope(|| assert_eq!(tower_b3::current(), None));
    });
    scene.spans.assert_empty();
}

#[test]
fn a_tracer_starts_traces() {
    let scene = Scene::with(Sampler::always(), |tracer| {
        TracingLayer::new().root_spans(tracer)
    });
    scene.outside(work);
    let spans = scene.spans.take(3);
    let apart = spans.iter().find(|span| span.name() == "apart").unwrap();
    assert!(apart.parent_id().is_none() && apart.is_local_root());
    let job = spans.iter().find(|span| span.name() == "job").unwrap();
    assert_eq!(job.tag("number").as_deref(), Some("7"));
    assert_ne!(apart.trace_id(), job.trace_id());
    let step = spans.iter().find(|span| span.name() == "step").unwrap();
    assert_eq!(step.parent_id(), Some(job.id()));
}

#[test]
fn the_sampler_decides_on_them() {
    let scene = Scene::with(Sampler::never(), |tracer| {
        TracingLayer::new().root_spans(tracer)
    });
    scene.outside(|| {
        info_span!("job").in_scope(|| {
            let context = tower_b3::current().unwrap();
            assert!(!context.sampling().is_sampled());
            assert!(tower_b3::request_id().is_some());
            info_span!("step").in_scope(|| assert_eq!(tower_b3::current(), Some(context)));
        });
    });
    scene.spans.assert_empty();
}
