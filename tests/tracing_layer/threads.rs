//! The same spans on several threads at once.

use crate::scene::Scene;
use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};
use tower_b3::{TracingLayer, record::SpanRecord};
use tracing::{
    Dispatch, Id, Span, Subscriber, dispatcher, field::Empty, info, info_span, span::Attributes,
};
use tracing_subscriber::{
    Layer,
    layer::{Context, SubscriberExt},
    registry,
    registry::LookupSpan,
};

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

/// The names of the spans that are made by the subscriber.
const NAMES: [&str; 2] = ["shared", "other"];

/// Counts the spans of these names that the subscriber makes and closes.
#[derive(Clone, Default)]
struct Counts {
    made: Arc<AtomicUsize>,
    closed: Arc<AtomicUsize>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Counts {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        if NAMES.contains(&attributes.metadata().name()) {
            self.made.fetch_add(1, Relaxed);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        if NAMES.contains(&context.metadata(&id).unwrap().name()) {
            self.closed.fetch_add(1, Relaxed);
        }
    }
}

/// A subscriber with this layer above the one under test.
fn with_layer<L>(layer: L) -> Dispatch
where
    L: Layer<tracing_subscriber::layer::Layered<TracingLayer, registry::Registry>> + Send + Sync,
{
    Dispatch::new(registry().with(TracingLayer::new()).with(layer))
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

/// How many of the spans have one of these names.
fn count_of_subscriber(spans: &[SpanRecord]) -> usize {
    let is_it = |span: &&SpanRecord| NAMES.contains(&span.name());
    spans.iter().filter(is_it).count()
}

#[test]
fn neither_block_nor_lose_spans() {
    let (mut scene, counts) = (Scene::new(), Counts::default());
    scene.dispatch = with_layer(counts.clone());
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
    let mut spans = scene.spans.take_all();
    assert_eq!(count_of_subscriber(&spans), counts.closed.load(Relaxed));
    // In about 2 of 100 runs the registry does not close all spans: see
    // `spans_that_the_registry_fails_to_close_end_with_the_layer`.
    scene.dispatch = Dispatch::none();
    spans.extend(scene.spans.take_all());
    assert_eq!(count_of_subscriber(&spans), counts.made.load(Relaxed));
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

/// Refers to a span while the first other span is closed. Meanwhile another thread drops the span's last
/// handle, so that the registry clears it where the reference is dropped.
#[derive(Clone, Default)]
struct Reference(Arc<Mutex<Option<(Span, Dispatch)>>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Reference {
    fn on_close(&self, _: Id, context: Context<'_, S>) {
        let last_handle = self.0.lock().unwrap().take();
        let Some((span, dispatch)) = last_handle else {
            return;
        };
        let reference = context.span(&span.id().unwrap());
        let other = thread::spawn(move || dispatcher::with_default(&dispatch, || drop(span)));
        other.join().unwrap();
        drop(reference);
    }
}

/// `Registry::try_close` refers to the span while it drops a handle. If another thread drops the last
/// handle in this moment, the first thread clears the span within `try_close`. The span's parent, if
/// that closes it, is then never cleared, and its own parent never closed (`tracing-subscriber` 0.3.23:
/// `CLOSE_COUNT` counts the closes of both spans together).
#[test]
fn spans_that_the_registry_fails_to_close_end_with_the_layer() {
    let (mut scene, reference) = (Scene::new(), Reference::default());
    scene.dispatch = with_layer(reference.clone());
    scene.run(|| {
        let outer = info_span!("outer");
        let middle = info_span!(parent: &outer, "middle");
        let inner = info_span!(parent: &middle, "inner");
        let other = info_span!("other");
        *reference.0.lock().unwrap() = Some((inner, scene.dispatch.clone()));
        drop((outer, middle));
        drop(other);
    });
    scene.dispatch = Dispatch::none();
    scene.spans.assert_tree(
        "
        shop  request
        shop  └─ outer
        shop     └─ middle
        shop        └─ inner
        shop  └─ other
        ",
    );
}
