//! What a subscriber can be told, and must survive.

use crate::{common::SpanCollector, scene::Scene};
use std::{fmt, mem, sync::OnceLock};
use tower_b3::TracingLayer;
use tracing::{
    Callsite, Dispatch, Id, Metadata, Value, callsite::Identifier, dispatcher, field::FieldSet,
    info, info_span, metadata::Kind, subscriber::Interest,
};
use tracing_subscriber::{layer::SubscriberExt, registry, reload};

/// A callsite of a span with as many fields as one likes.
struct ManyFields;

static NAMES: OnceLock<Vec<&'static str>> = OnceLock::new();
static METADATA: OnceLock<Metadata<'static>> = OnceLock::new();
static MANY_FIELDS: ManyFields = ManyFields;

impl Callsite for ManyFields {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        METADATA.get_or_init(|| {
            let names = NAMES.get_or_init(|| {
                let name = |n| &*format!("field-{n}").leak();
                (0..10_000).map(name).collect()
            });
            let fields = FieldSet::new(names, Identifier(&MANY_FIELDS));
            Metadata::new(
                "many",
                "shop",
                tracing::Level::INFO,
                None,
                None,
                None,
                fields,
                Kind::SPAN,
            )
        })
    }
}

#[test]
fn ten_thousand_fields() {
    let scene = Scene::new();
    scene.run(|| {
        let metadata: &'static Metadata<'static> = {
            MANY_FIELDS.metadata();
            METADATA.get().unwrap()
        };
        let span = tracing::Span::new(metadata, &metadata.fields().value_set(&[]));
        for field in metadata.fields().iter() {
            span.record(&field, 1);
        }
        // As many at once as `tracing` can pass on, again and again.
        let fields: Vec<_> = metadata.fields().iter().collect();
        for fields in fields.chunks_exact(32) {
            let values: Vec<_> = fields
                .iter()
                .map(|field| (field, Some(&2_u64 as &dyn Value)))
                .collect();
            let values: [_; 32] = values.try_into().unwrap_or_else(|_| unreachable!());
            span.record_all(&metadata.fields().value_set(&values));
        }
    });
    let span = scene.spans.take_where(|span| span.name() == "many");
    assert_eq!(span.tags().count(), 128 + 1);
    let left_out: u64 = span.tag("left_out").unwrap().parse().unwrap();
    assert_eq!(left_out, 10_000 - 128 + 9_984 - 128);
    scene.spans.assert_tree("shop  request");
}

#[test]
fn a_field_of_a_mebibyte() {
    struct Endless;
    impl fmt::Debug for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            loop {
                f.write_str("endless ")?;
            }
        }
    }
    let scene = Scene::new();
    let text = "ä".repeat(512 * 1024);
    scene.run(|| {
        info_span!("text", text, debug = ?text, display = %text, endless = ?Endless).in_scope(
            || {
                info!(endless = ?Endless, "{text}");
            },
        );
    });
    let span = scene.spans.take_where(|span| span.name() == "text");
    for tag in ["text", "debug", "display", "endless"] {
        let length = span.tag(tag).unwrap().len();
        assert!((1023..=1024).contains(&length), "{tag}: {length}");
    }
    assert!(span.annotations().all(|(_, text)| text.len() <= 1024));
    scene.spans.assert_tree("shop  request");
}

/// A value whose `Debug` logs, makes spans, panics.
struct Busy(bool);

impl fmt::Debug for Busy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        info!(inner = ?Some(1), "an event in a Debug");
        info_span!("in a Debug", number = 1).in_scope(|| tower_b3::tag("from", "a Debug"));
        assert!(!self.0, "expected");
        f.write_str("busy")
    }
}

#[test]
fn a_debug_that_logs_and_one_that_panics() {
    let scene = Scene::new();
    scene.run(|| {
        let span = info_span!("fields", a = ?Busy(false), b = ?Busy(true), c = 3);
        span.in_scope(|| info!(a = ?Busy(true), "an event"));
        span.record("c", tracing::field::debug(Busy(false)));
    });
    let spans = scene.spans.take_all();
    let span = spans.iter().find(|span| span.name() == "fields").unwrap();
    let tags: Vec<_> = span
        .tags()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    assert_eq!(tags, ["a=busy", "c=busy", "from=a Debug"]);
    // A subscriber that is not global hears little of what happens inside of itself; of a global one
    // see `tracing_layer_global`.
    let spans = spans.iter().map(|span| span.name());
    assert_eq!(
        spans.collect::<Vec<_>>(),
        ["in a Debug", "fields", "request"]
    );
}

#[test]
fn enter_exit_and_close_in_any_order() {
    let scene = Scene::new();
    scene.run(|| {
        let request = tower_b3::current();
        let (first, second) = (info_span!("first"), info_span!("second"));
        let [id, other] = [&first, &second].map(|span| span.id().unwrap());
        let dispatch = &scene.dispatch;
        // Exit before enter, of a span that there is and of one that there is not.
        dispatch.exit(&id);
        dispatch.exit(&Id::from_u64(u64::MAX));
        dispatch.enter(&Id::from_u64(u64::MAX));
        assert_eq!(tower_b3::current(), request);
        // Closed while it is entered, and exited later.
        dispatch.enter(&id);
        dispatch.enter(&other);
        drop(second);
        info!("of the first");
        assert_ne!(tower_b3::current(), request);
        drop(first);
        assert_eq!(tower_b3::current(), request);
        dispatch.exit(&id);
        dispatch.exit(&other);
        dispatch.exit(&other);
        assert_eq!(tower_b3::current(), request);
    });
    let first = scene.spans.take_where(|span| span.name() == "first");
    assert_eq!(first.annotations().count(), 1);
    scene.spans.assert_tree("shop  request\nshop  └─ second");
}

#[test]
fn spans_that_are_never_exited() {
    let scene = Scene::new();
    scene.run(|| {
        let request = tower_b3::current();
        for _ in 0..5_000 {
            let span = info_span!("forgotten");
            scene.dispatch.enter(&span.id().unwrap());
        }
        assert_eq!(tower_b3::current(), request);
    });
    assert_eq!(tower_b3::current(), None);
    assert_eq!(scene.spans.take_all().len(), 5_001);
}

#[test]
fn a_span_that_is_never_closed_is_reported_when_the_layer_goes() {
    let mut scene = Scene::new();
    scene.run(|| {
        let span = info_span!("leaked");
        mem::forget(span.enter());
        mem::forget(span.clone());
    });
    scene.spans.assert_tree("shop  request");
    scene.dispatch = Dispatch::none();
    // The clone holds on to the subscriber, as the thread does to its list.
    scene.spans.assert_empty();
}

#[test]
fn a_layer_that_is_replaced_while_spans_are_open() {
    let mut scene = Scene::new();
    let (layer, handle) = reload::Layer::new(TracingLayer::new());
    scene.dispatch = Dispatch::new(registry().with(layer));
    scene.run(|| {
        let request = tower_b3::current();
        let span = info_span!("before");
        let entered = span.enter();
        assert_ne!(tower_b3::current(), request);
        handle.reload(TracingLayer::new()).unwrap();
        assert_eq!(tower_b3::current(), request);
        info_span!("between").in_scope(|| {});
        drop(entered);
        span.record("late", 1);
        drop(span);
        info_span!("after").in_scope(|| {});
    });
    scene.spans.assert_tree(
        "
        shop  request
        shop  └─ before
        shop  └─ between
        shop  └─ after
        ",
    );
}

#[test]
fn two_subscribers_with_the_same_ids() {
    let spans = SpanCollector::new();
    let tracer = spans.tracer("shop");
    let [first, second] = [(); 2].map(|()| Dispatch::new(registry().with(TracingLayer::new())));
    let span = |name: &'static str| info_span!("span", name);
    let request = tracer.span("request");
    request.in_scope(|| {
        let one = dispatcher::with_default(&first, || span("one"));
        let two = dispatcher::with_default(&second, || span("two"));
        assert_eq!(one.id(), two.id());
        let entered = one.enter();
        let inner = two.enter();
        drop(entered);
        tower_b3::tag("in", "two");
        drop(inner);
        tower_b3::tag("in", "request");
    });
    spans.assert_tree(
        "
        shop  request  in=request
        shop  └─ span  name=one
        shop  └─ span  name=two in=two
        ",
    );
}
