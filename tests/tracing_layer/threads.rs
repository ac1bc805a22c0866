//! The same spans on several threads at once.

use crate::scene::Scene;
use std::{collections::HashSet, sync::Mutex, thread};
use tracing::{Span, dispatcher, field::Empty, info, info_span};

const THREADS: u64 = 4;
const STEPS: usize = 5_000;
const SHARED: usize = 8;

/// A linear congruential generator.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % bound
    }
}

/// Enters, tags, replaces and drops shared spans, with scopes in between.
fn work(shared: &[Mutex<Span>], seed: u64) {
    let mut random = Random(seed);
    let mut entered = Vec::new();
    for step in 0..STEPS {
        let at = random.below(SHARED);
        let span = shared[at].lock().unwrap().clone();
        match random.below(8) {
            0 => *shared[at].lock().unwrap() = info_span!("shared", step, later = Empty),
            1 => *shared[at].lock().unwrap() = info_span!(parent: &span, "shared", later = Empty),
            2 => drop(span.record("later", step)),
            3 => entered.push(span.entered()),
            4 if !entered.is_empty() => drop(entered.swap_remove(random.below(entered.len()))),
            5 => info!(parent: &span, "an event"),
            6 => tower_b3::span("local").in_scope(|| {
                span.in_scope(|| tower_b3::tag("inside", "of the span"));
            }),
            _ => drop(span.follows_from(&info_span!("other"))),
        }
    }
}

#[test]
fn neither_block_nor_lose_spans() {
    let scene = Scene::new();
    let shared: Vec<_> = (0..SHARED).map(|_| Mutex::new(Span::none())).collect();
    scene.run(|| {
        shared
            .iter()
            .for_each(|span| *span.lock().unwrap() = info_span!("shared"))
    });
    thread::scope(|threads| {
        for seed in 0..THREADS {
            let (scene, shared) = (&scene, &shared);
            threads.spawn(move || {
                dispatcher::with_default(&scene.dispatch, || {
                    scene.tracer.span("request").in_scope(|| work(shared, seed));
                    assert_eq!(tower_b3::current(), None);
                });
            });
        }
    });
    scene.outside(|| drop(shared));
    let spans = scene.spans.take_all();
    let ids: HashSet<_> = spans.iter().map(|span| span.id()).collect();
    assert_eq!(ids.len(), spans.len());
    for span in &spans {
        let orphan = span
            .parent_id()
            .is_some_and(|parent| !ids.contains(&parent));
        assert!(!orphan, "{span:?}");
    }
    let requests = spans.iter().filter(|span| span.name() == "request").count();
    assert_eq!(requests as u64, THREADS + 1);
}
