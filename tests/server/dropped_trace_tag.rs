//! At the edge: the tag with the id of the trace that was dropped.

use crate::{
    common::{SPAN, TRACE, TestTracer, get},
    edge::nothing_was_malformed,
    empty, serve_all,
};
use tower_b3::{Trust, tags::Tag};

const LINK: &str = "link.trace_id";

#[test]
fn the_dropped_trace_id_is_a_tag_if_enabled() {
    let test = TestTracer::new();
    let edge = test.tracer.server_layer().trust(Trust::nobody());
    let tagging = edge.clone().tag_dropped_trace(true);
    for (lines, tag) in [
        (format!("b3: {TRACE}-{SPAN}-0"), Some(TRACE)),
        (
            format!("x-b3-traceid: {TRACE}|x-b3-spanid: {SPAN}"),
            Some(TRACE),
        ),
        (
            format!("b3: malformed|x-b3-traceid: {TRACE}|x-b3-spanid: {SPAN}"),
            Some(TRACE),
        ),
        (format!("traceparent: 00-{TRACE}-{SPAN}-00"), Some(TRACE)),
        (
            format!("x-b3-traceid: 48485A3953BB6124|x-b3-spanid: {SPAN}"),
            Some("48485a3953bb6124"),
        ),
        // No valid ids.
        (String::new(), None),
        ("b3: 1".to_owned(), None),
        ("b3: d".to_owned(), None),
        (format!("b3: {TRACE}"), None),
        (format!("x-b3-traceid: {TRACE}"), None),
        (
            format!("x-b3-traceid: {TRACE}<script>|x-b3-spanid: {SPAN}"),
            None,
        ),
        (
            format!("x-b3-traceid: {}|x-b3-spanid: {SPAN}", "1".repeat(5000)),
            None,
        ),
        (
            "x-amzn-trace-id: Root=1-5759e988-bd862e3fe1be46a994272793".to_owned(),
            None,
        ),
    ] {
        for (layer, tag) in [(&edge, None), (&tagging, tag)] {
            serve_all(layer, get("/", &lines), |_| empty());
            let span = test.spans.take_one();
            assert_eq!(span.tag(LINK).as_deref(), tag, "{lines}");
            assert_eq!(span.parent_id(), None, "{lines}");
            assert_ne!(span.trace_id().to_string(), TRACE, "{lines}");
        }
    }
    nothing_was_malformed(&test);
}

#[test]
fn a_trace_that_is_continued_has_no_dropped_trace_tag() {
    let test = TestTracer::new();
    let layer = test.tracer.server_layer().tag_dropped_trace(true);
    let lines = format!("b3: {TRACE}-{SPAN}-1");
    serve_all(&layer, get("/", &lines), |_| empty());
    let span = test.spans.take_one();
    assert_eq!(span.trace_id().to_string(), TRACE);
    assert_eq!(span.tag(LINK), None);
}

#[test]
fn a_custom_tag_overrides_the_dropped_trace_tag() {
    let test = TestTracer::of(|builder| builder.tag(Tag::literal(LINK, "mine")));
    let layer = test.tracer.server_layer().trust(Trust::nobody());
    let lines = format!("b3: {TRACE}-{SPAN}-1");
    let layer = layer.tag_dropped_trace(true);
    serve_all(&layer, get("/", &lines), |_| empty());
    assert_eq!(test.spans.take_one().tag(LINK).as_deref(), Some("mine"));
}
