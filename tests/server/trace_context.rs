//! The context in which a request is served: joined, a child of the caller's, or new.

use crate::{
    CALLER,
    common::{SPAN, Script, Step, TRACE, TestTracer, get, sent_headers, text, with_ids},
    empty, handled, serve_all,
};
use http::{Request, Response};
use tower_b3::{Sampling, id::TraceIdKind, sample::Sampler};

#[test]
fn a_server_span_is_a_child_of_the_callers_span() {
    let test = TestTracer::new();
    let span = test.span_of(get("/", CALLER));
    assert_ne!(span.id().to_string(), SPAN);
    assert!(span.is_local_root());
    with_ids().assert(
        &[span],
        "
        trace 463ac35c9f6413ad48485a3953bb6124
        shop  SERVER  GET  parent=a2fb4a1d1a96d312 http.status_code=200
        ",
    );
}

#[test]
fn each_request_of_one_caller_gets_its_own_span_id() {
    let test = TestTracer::new();
    let one = test.span_of(get("/", CALLER));
    let other = test.span_of(get("/", CALLER));
    assert_ne!(one.id(), other.id());
}

#[test]
fn a_joined_span_shares_the_callers_span_id() {
    let test = TestTracer::new();
    let layer = test.tracer.server_layer().join(true);
    serve_all(&layer, get("/", CALLER), |_| empty());
    with_ids().span_ids(true).assert(
        &[test.spans.take_one()],
        "
        trace 463ac35c9f6413ad48485a3953bb6124
        shop  SERVER  GET  shared id=a2fb4a1d1a96d312 parent=0020000000000001 http.status_code=200
        ",
    );
}

#[test]
fn a_span_without_a_caller_to_join_is_not_shared() {
    let test = TestTracer::new();
    let layer = test.tracer.server_layer().join(true);
    for lines in ["", "b3: 1", "x-b3-traceid: 1", "b3: malformed"] {
        serve_all(&layer, get("/", lines), |_| empty());
        let span = test.spans.take_one();
        assert!(!span.is_shared(), "{lines}");
        assert_eq!(span.parent_id(), None, "{lines}");
    }
}

#[test]
fn a_root_span_id_is_the_low_half_of_the_trace_id() {
    for kind in [
        TraceIdKind::Random128,
        TraceIdKind::Random64,
        TraceIdKind::TimePrefixed,
    ] {
        let test = TestTracer::of(|builder| builder.trace_ids(kind));
        let span = test.span_of(get("/", ""));
        assert_eq!(span.id().get(), span.trace_id().low());
        assert_eq!(span.parent_id(), None);
        let short = kind == TraceIdKind::Random64;
        assert_eq!(
            span.trace_id().to_string().len(),
            if short { 16 } else { 32 }
        );
    }
}

#[test]
fn time_prefixed_ids_start_with_the_time() {
    let test = TestTracer::of(|builder| builder.trace_ids(TraceIdKind::TimePrefixed));
    let span = test.span_of(get("/", ""));
    let prefix = span.trace_id().high() >> 32;
    let started = span.timestamp() / 1_000_000;
    assert!(prefix.abs_diff(started) <= 1, "{prefix} at {started}");
}

#[test]
fn a_64_bit_trace_id_keeps_its_length() {
    let test = TestTracer::new();
    let lines = "x-b3-traceid: 48485a3953bb6124|x-b3-spanid: a2fb4a1d1a96d312";
    let (_, out) = handled(&test, &test.tracer.server_layer(), lines);
    assert_eq!(text(&out, "x-b3-traceid"), "48485a3953bb6124");
    test.spans.take(2);
}

#[test]
fn calls_are_children_of_the_server_span() {
    let test = TestTracer::new();
    let (context, out) = handled(&test, &test.tracer.server_layer(), CALLER);
    let spans = test.spans.take(2);
    with_ids().assert(
        &spans,
        "
        trace 463ac35c9f6413ad48485a3953bb6124
        shop  SERVER  GET     parent=a2fb4a1d1a96d312 http.status_code=200
        shop  CLIENT  └─ GET  http.status_code=200
        ",
    );
    let [client, server] = spans.try_into().unwrap();
    assert_eq!(context, Some(server.context()));
    assert_eq!(text(&out, "x-b3-traceid"), TRACE);
    assert_eq!(text(&out, "x-b3-parentspanid"), server.id().to_string());
    assert_eq!(text(&out, "x-b3-spanid"), client.id().to_string());
    assert_eq!(text(&out, "x-b3-sampled"), "1");
    assert!(!out.contains_key("b3") && !out.contains_key("x-b3-flags"));
}

#[test]
fn calls_made_by_a_streaming_body_are_children() {
    let test = TestTracer::new();
    let tracer = test.tracer.clone();
    let body = move || {
        let tracer = tracer.clone();
        Script::new([
            Step::Data("head"),
            Step::run(move || {
                sent_headers(&tracer.client_layer(), Request::new(()));
            }),
            Step::Data("rest"),
        ])
    };
    serve_all(&test.tracer.server_layer(), get("/", CALLER), |_| {
        Response::new(body())
    });
    test.spans.assert_tree(
        "
        shop  SERVER  GET     http.status_code=200
        shop  CLIENT  └─ GET  http.status_code=200
        ",
    );
}

#[test]
fn an_unsampled_request_has_a_context_and_reports_nothing() {
    let test = TestTracer::new();
    for (lines, state) in [
        (
            "b3: 463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-0",
            "0",
        ),
        (
            "x-b3-traceid: 463ac35c9f6413ad48485a3953bb6124|x-b3-spanid: a2fb4a1d1a96d312|x-b3-sampled: false",
            "0",
        ),
        (
            "traceparent: 00-463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-00",
            "0",
        ),
    ] {
        let (context, out) = handled(&test, &test.tracer.server_layer(), lines);
        let context = context.unwrap();
        assert_eq!(context.sampling(), Sampling::Deny, "{lines}");
        assert_eq!(context.parent_id().unwrap().to_string(), SPAN);
        assert_eq!(text(&out, "x-b3-sampled"), state);
        assert_eq!(text(&out, "x-b3-traceid"), TRACE);
        assert_eq!(
            text(&out, "x-b3-parentspanid"),
            context.span_id().to_string()
        );
    }
    test.spans.take(0);
}

#[test]
fn a_sampling_state_without_ids_starts_a_trace_with_that_state() {
    let test = TestTracer::new();
    let layer = test.tracer.server_layer();
    for lines in [
        "b3: 0",
        "x-b3-sampled: 0",
        "x-b3-traceid: 1|x-b3-sampled: 0",
    ] {
        let (context, out) = handled(&test, &layer, lines);
        assert_eq!(context.unwrap().parent_id(), None, "{lines}");
        assert_eq!(text(&out, "x-b3-sampled"), "0", "{lines}");
    }
    let never = TestTracer::of(|builder| builder.sampler(Sampler::never()));
    for lines in [
        "b3: 1",
        "x-b3-sampled: true",
        "x-b3-spanid: 1|x-b3-sampled: 1",
    ] {
        let (context, out) = handled(&never, &never.tracer.server_layer(), lines);
        assert_eq!(context.unwrap().parent_id(), None, "{lines}");
        assert_eq!(text(&out, "x-b3-sampled"), "1", "{lines}");
        never.spans.take(2);
    }
}

#[test]
fn debug_is_propagated_in_flags_and_sampled() {
    let test = TestTracer::of(|builder| builder.sampler(Sampler::never()));
    for lines in [
        "x-b3-flags: 1",
        "b3: d",
        "b3: x--d",
        "x-b3-flags: 1|x-b3-sampled: 0",
    ] {
        let (_, out) = handled(&test, &test.tracer.server_layer(), lines);
        assert_eq!(text(&out, "x-b3-flags"), "1", "{lines}");
        assert_eq!(text(&out, "x-b3-sampled"), "1", "{lines}");
        assert!(test.spans.take(2).iter().all(|span| span.is_debug()));
    }
}
