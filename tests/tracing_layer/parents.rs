//! Spans that are entered twice, cloned, closed late, or have a parent of their own.

use crate::scene::Scene;
use tracing::info_span;

#[test]
fn entered_twice_and_cloned() {
    let scene = Scene::new();
    scene.run(|| {
        let span = info_span!("load");
        let again = span.clone();
        let outer = span.enter();
        let inner = again.enter();
        tower_b3::span("in both").in_scope(|| {});
        drop(outer);
        tower_b3::span("in one").in_scope(|| {});
        drop(inner);
        tower_b3::span("in none").in_scope(|| {});
        span.in_scope(|| tower_b3::tag("later", "too"));
    });
    scene.spans.assert_tree(
        "
        shop  request
        shop  └─ load        later=too
        shop     └─ in both
        shop     └─ in one
        shop  └─ in none
        ",
    );
}

#[test]
fn closed_after_its_request() {
    let scene = Scene::new();
    let late = scene.run(|| info_span!("late"));
    scene.spans.assert_tree("shop  request");
    scene.outside(|| {
        late.in_scope(|| tower_b3::span("below").in_scope(|| {}));
        drop(late);
    });
    let [below, late] = &scene.spans.take(2)[..] else {
        unreachable!()
    };
    assert_eq!((below.name(), late.name()), ("below", "late"));
    assert_eq!(below.parent_id(), Some(late.id()));
}

#[test]
fn a_parent_that_is_given() {
    let scene = Scene::new();
    scene.run(|| {
        let parent = info_span!("parent");
        info_span!("other").in_scope(|| {
            let child = info_span!(parent: &parent, "child");
            child.in_scope(|| tower_b3::span("grandchild").in_scope(|| {}));
            info_span!("of other").in_scope(|| {});
        });
    });
    scene.spans.assert_tree(
        "
        shop  request
        shop  └─ parent
        shop     └─ child
        shop        └─ grandchild
        shop  └─ other
        shop     └─ of other
        ",
    );
}

#[test]
fn no_parent() {
    let scene = Scene::new();
    scene.run(|| {
        info_span!(parent: None, "apart").in_scope(|| {
            assert_eq!(tower_b3::current(), None);
            info_span!("below").in_scope(|| assert_eq!(tower_b3::current(), None));
            // Also below a span of no trace.
            let outside = info_span!("of no trace");
            info_span!(parent: &outside, "below it").in_scope(|| {
                assert_eq!(tower_b3::current(), None);
            });
        });
        assert!(tower_b3::current().is_some());
    });
    scene.spans.assert_tree("shop  request");
}

#[test]
fn what_it_follows_from_is_an_annotation() {
    let scene = Scene::new();
    let batch = scene.run(|| {
        let message = info_span!("message");
        let batch = info_span!("batch");
        batch.follows_from(&message);
        let context = message.in_scope(tower_b3::current).unwrap();
        format!("follows from {}-{}", context.trace_id(), context.span_id())
    });
    let span = scene.spans.take_where(|span| span.name() == "batch");
    let annotations: Vec<_> = span
        .annotations()
        .map(|(_, text)| text.to_owned())
        .collect();
    assert_eq!(annotations, [batch]);
    scene.spans.assert_tree("shop  request\nshop  └─ message");
}

#[test]
fn a_span_of_no_trace_changes_nothing() {
    let scene = Scene::new();
    let outside = scene.outside(|| info_span!("connection"));
    scene.run(|| {
        let request = tower_b3::current();
        outside.in_scope(|| assert_eq!(tower_b3::current(), request));
    });
    scene.spans.assert_tree("shop  request");
}
