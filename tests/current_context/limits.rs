//! How much a handler can add to a span, and what happens to the rest.

use crate::common::{TestTracer, panics};
use tower_b3::scope;

#[test]
fn blank_tag_names_and_annotations_are_not_recorded() {
    let test = TestTracer::new();
    let mut span = test.tracer.span("work");
    let handle = span.handle().unwrap();
    for blank in ["", " \t", "\u{3000}"] {
        span.tag(blank, "v");
        span.annotate(blank);
        assert!(!handle.tag(blank, "v"));
        assert!(!handle.annotate(blank));
    }
    assert!(handle.tag("a", "v"));
    span.in_scope(|| {
        tower_b3::tag("", "v");
        tower_b3::annotate("");
    });
    let span = test.spans.take_one();
    let tags: Vec<_> = span.tags().map(|(name, _)| name).collect();
    assert_eq!((tags, span.annotations().count()), (vec!["a"], 0));
}

#[test]
fn tags_and_annotations_are_limited_and_the_excess_is_counted() {
    let test = TestTracer::new();
    test.tracer.span("n".repeat(1000)).in_scope(|| {
        for at in 0..100_000 {
            tower_b3::tag("progress", format!("{at} of many"));
            tower_b3::tag("other", at.to_string());
        }
        for at in 0..200 {
            tower_b3::tag(format!("tag {at}"), "value");
            tower_b3::tag(format!("empty {at}"), "");
            tower_b3::annotate("event");
        }
    });
    let span = test.spans.take_one();
    assert_eq!(span.name().len(), 256);
    assert_eq!(span.tag("progress").as_deref(), Some("99999 of many"));
    assert_eq!(span.tag("other").as_deref(), Some("99999"));
    assert_eq!(span.tag("tag 125").as_deref(), Some("value"));
    assert_eq!(span.tag("tag 126"), None);
    assert_eq!(span.annotations().count(), 128);
    // 74 tags and 72 annotations.
    assert_eq!(span.tag("left_out").as_deref(), Some("146"));
}

#[test]
fn an_error_is_recorded_even_when_the_tag_limit_is_reached() {
    let test = TestTracer::new();
    let fill = || (0..300).for_each(|at| tower_b3::tag(format!("tag {at}"), "value"));
    test.tracer.span("error").in_scope(|| {
        fill();
        scope::error("no database");
    });
    test.tracer.span("tag").in_scope(|| {
        fill();
        tower_b3::tag("error", "no database");
    });
    for span in test.spans.take(2) {
        assert!(span.is_error());
        assert_eq!(span.tag("error.reason").as_deref(), Some("no database"));
        assert_eq!(span.tag("left_out").as_deref(), Some("172"));
    }
    assert!(panics(|| test.tracer.span("panic").in_scope(|| {
        fill();
        panic!("expected");
    })));
    let span = test.spans.take_one();
    assert_eq!(span.tag("error.reason").as_deref(), Some("panic"));
}
