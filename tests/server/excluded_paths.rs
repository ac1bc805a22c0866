//! Paths without spans, such as health checks.

use crate::{
    CALLER, called,
    common::{PARENT, SPAN, TRACE, TestTracer, get, text},
    empty, serve_all,
};
use http::HeaderMap;
use tower_b3::{Direction, Mode, Sampling, current};

#[test]
fn an_excluded_path_makes_no_spans_and_propagates_its_context_unchanged() {
    let test = TestTracer::new();
    let layer = test.tracer.server_layer().exclude_paths(["/health"]);
    for (state, sampled) in [("1", Some("1")), ("0", Some("0")), ("d", Some("1"))] {
        let lines = format!("b3: {TRACE}-{SPAN}-{state}-{PARENT}|sw8: 7|x-request-id: r");
        let mut out = HeaderMap::new();
        serve_all(&layer, get("/health?deep=1", &lines), |_| {
            assert_eq!(current().unwrap().span_id().to_string(), SPAN);
            let local = tower_b3::span("not recorded");
            local.in_scope(|| out = called(&test));
            empty()
        });
        assert_eq!(text(&out, "x-b3-traceid"), TRACE);
        assert_eq!(text(&out, "x-b3-spanid"), SPAN);
        assert_eq!(text(&out, "x-b3-parentspanid"), PARENT);
        assert_eq!(
            out.get("x-b3-sampled").map(|v| v.to_str().unwrap()),
            sampled
        );
        assert_eq!(out.contains_key("x-b3-flags"), state == "d");
        assert_eq!((text(&out, "sw8"), text(&out, "x-request-id")), ("7", "r"));
    }
    let lines = format!("b3: {TRACE}-{SPAN}");
    let mut out = HeaderMap::new();
    serve_all(&layer, get("/health", &lines), |_| {
        out = called(&test);
        empty()
    });
    assert!(!out.contains_key("x-b3-sampled"), "it stays undecided");
    test.spans.take(0);
}

#[test]
fn an_excluded_path_generates_unsampled_ids() {
    let test = TestTracer::new();
    let layer = test
        .tracer
        .server_layer()
        .exclude(|head| head.path().starts_with("/health"));
    let mut ids = Vec::new();
    for lines in ["", "b3: malformed", "x-b3-traceid: 1", "x-b3-sampled: 0"] {
        serve_all(&layer, get("/health/live", lines), |_| {
            for _ in 0..2 {
                let out = called(&test);
                assert_eq!(text(&out, "x-b3-sampled"), "0", "{lines}");
                ids.push(text(&out, "x-b3-traceid").to_owned());
            }
            empty()
        });
    }
    assert!(ids.chunks(2).all(|pair| pair[0] == pair[1]));
    test.spans.take(0);
    // Other paths are not excluded.
    serve_all(&layer, get("/", ""), |_| empty());
    test.spans.take(1);
}

#[test]
fn calls_made_for_an_excluded_path_have_no_spans_in_any_mode() {
    for mode in [Mode::Spans, Mode::ForwardOnly, Mode::RecordOnly] {
        let test = TestTracer::of(|builder| builder.mode_for(Direction::Server, mode));
        let layer = test.tracer.server_layer().exclude_paths(["/health"]);
        serve_all(&layer, get("/health", CALLER), |_| {
            assert_eq!(text(&called(&test), "x-b3-spanid"), SPAN, "{mode:?}");
            empty()
        });
        test.spans.take(0);
    }
}

#[test]
fn paths_are_excluded_as_a_whole() {
    let test = TestTracer::new();
    let layer = test
        .tracer
        .server_layer()
        .exclude_paths(["/health", "/ready"]);
    for (path, made) in [
        ("/health", 0),
        ("/ready", 0),
        ("/health/", 1),
        ("/healthy", 1),
    ] {
        serve_all(&layer, get(path, ""), |_| empty());
        test.spans.take(made);
    }
}

#[test]
fn an_excluded_path_forwards_traceparent_unchanged() {
    let test = TestTracer::new();
    let layer = test.tracer.server_layer().exclude_paths(["/healthz"]);
    let traceparent = format!("00-{TRACE}-{SPAN}-01");
    let lines = format!("b3: {TRACE}-{SPAN}|traceparent: {traceparent}");
    let mut out = HeaderMap::new();
    serve_all(&layer, get("/healthz", &lines), |_| {
        out = called(&test);
        assert_eq!(current().unwrap().sampling(), Sampling::Defer);
        empty()
    });
    assert_eq!(text(&out, "traceparent"), traceparent);
    assert_eq!(text(&out, "x-b3-spanid"), SPAN);
    assert!(!out.contains_key("x-b3-sampled"));
    test.spans.assert_empty();
}
