//! Headers that are forwarded from a request to the calls made for it.

use crate::{
    CALLER, called,
    common::{SPAN, TRACE, TestTracer, drain, get, headers, sent_headers, text, values, with_ids},
    empty, handled, serve, serve_all,
};
use http::{HeaderMap, Request};
use std::thread;
use tower_b3::{
    Mode, RequestContext,
    propagation::{Format, Propagation},
};

#[test]
fn traceparent_is_continued_and_propagated() {
    let test = TestTracer::new();
    let lines = format!("traceparent: 00-{TRACE}-{SPAN}-01|tracestate: a=1|tracestate: b=2");
    let (_, out) = handled(&test, &test.tracer.server_layer(), &lines);
    let spans = test.spans.take(2);
    with_ids().assert(
        &spans,
        "
        trace 463ac35c9f6413ad48485a3953bb6124
        shop  SERVER  GET     parent=a2fb4a1d1a96d312 http.status_code=200
        shop  CLIENT  └─ GET  http.status_code=200
        ",
    );
    let client = &spans[0];
    assert_eq!(
        text(&out, "traceparent"),
        format!("00-{TRACE}-{}-01", client.id())
    );
    assert_eq!(values(&out, "tracestate"), [b"a=1", b"b=2"]);
    assert_eq!(text(&out, "x-b3-traceid"), TRACE);
}

#[test]
fn a_traceparent_of_another_trace_is_forwarded_unchanged() {
    let test = TestTracer::new();
    let other = "00-11111111111111111111111111111111-2222222222222222-00";
    let lines = format!("{CALLER}|traceparent: {other}");
    let (_, out) = handled(&test, &test.tracer.server_layer(), &lines);
    assert_eq!(text(&out, "traceparent"), other);
    assert_eq!(text(&out, "x-b3-traceid"), TRACE);
    test.spans.take(2);
}

#[test]
fn a_malformed_traceparent_is_not_forwarded() {
    let test = TestTracer::new();
    let (_, out) = handled(&test, &test.tracer.server_layer(), "traceparent: 00-0-0-01");
    assert!(!out.contains_key("traceparent"));
    test.spans.take(2);
}

pub const OPAQUE: &str = "x-ot-span-context: 1|x-cloud-trace-context: 2|grpc-trace-bin: 3|\
    x-datadog-trace-id: 4|x-datadog-parent-id: 5|x-datadog-sampling-priority: 6|sw8: 7|\
    x-amzn-trace-id: 8|x-client-trace-id: 9|x-ot-span-context: \u{ff}";

#[test]
fn opaque_headers_are_forwarded_unchanged() {
    let test = TestTracer::new();
    let (_, out) = handled(&test, &test.tracer.server_layer(), OPAQUE);
    let came = headers(OPAQUE);
    for name in came.keys() {
        assert_eq!(values(&out, name.as_str()), values(&came, name.as_str()));
    }
    assert!(!out.contains_key("x-envoy-force-trace"));
    test.spans.take(2);
}

#[test]
fn other_headers_are_not_forwarded() {
    let test = TestTracer::new();
    let lines = "cookie: secret|authorization: secret|x-envoy-force-trace: 1|accept: */*";
    let (_, out) = handled(&test, &test.tracer.server_layer(), lines);
    for name in headers(lines).keys() {
        assert!(!out.contains_key(name), "{name}");
    }
    test.spans.take(2);
}

#[test]
fn the_list_of_forwarded_headers_can_be_extended_and_reduced() {
    let propagation = Propagation::default()
        .forward(["end-user", "jwt"])
        .unwrap()
        .do_not_forward(["sw8"])
        .unwrap();
    let lines = "end-user: jason|jwt: a|jwt: b|sw8: 7|x-amzn-trace-id: 8";
    for mode in [Mode::Spans, Mode::RecordOnly, Mode::ForwardOnly] {
        let test = TestTracer::of(|builder| builder.propagation(propagation.clone()).mode(mode));
        let (_, out) = handled(&test, &test.tracer.server_layer(), lines);
        assert_eq!(values(&out, "jwt"), [b"a", b"b"]);
        assert_eq!(text(&out, "end-user"), "jason");
        assert_eq!(text(&out, "x-amzn-trace-id"), "8");
        assert!(!out.contains_key("sw8"), "{mode:?}");
        test.spans
            .take(if mode == Mode::ForwardOnly { 0 } else { 2 });
    }
}

#[test]
fn the_configured_formats_are_written_for_any_inbound_format() {
    use Format::{B3Multi, B3Single, W3c};
    for (formats, written) in [
        (&[B3Multi][..], &["x-b3-traceid"][..]),
        (&[B3Single], &["b3"]),
        (&[W3c], &["traceparent"]),
        (
            &[B3Multi, B3Single, W3c],
            &["b3", "traceparent", "x-b3-traceid"],
        ),
    ] {
        let test = TestTracer::of(|builder| {
            builder.propagation(Propagation::default().formats(formats.to_vec()))
        });
        let (_, out) = handled(&test, &test.tracer.server_layer(), CALLER);
        for name in ["b3", "traceparent", "x-b3-traceid"] {
            assert_eq!(
                out.contains_key(name),
                written.contains(&name),
                "{formats:?} {name}"
            );
        }
        test.spans.take(2);
    }
}

#[test]
fn forward_only_forwards_headers_byte_for_byte() {
    let test = TestTracer::of(|builder| builder.mode(Mode::ForwardOnly));
    let lines = "x-b3-traceid: not hex|b3: \u{e9}|x-b3-traceid: 463ac35c9f6413ad48485a3953bb6124|\
        x-request-id: a b|x-envoy-force-trace: |traceparent: x|tracestate: 2|tracestate: 1|\
        sw8: \u{ff}|x-request-id: second|b3: 1|x-b3-flags:  1 |cookie: c";
    let mut came = headers(lines);
    let (context, out) = handled(&test, &test.tracer.server_layer(), lines);
    assert_eq!(context, None);
    came.remove("cookie");
    assert_eq!(out, came);
    test.spans.take(0);
}

#[test]
fn forward_only_generates_and_changes_nothing() {
    let test = TestTracer::of(|builder| builder.mode(Mode::ForwardOnly));
    let mut response = serve(
        &test.tracer.server_layer(),
        get("/", "accept: */*"),
        |request| {
            assert_eq!(*request.headers(), headers("accept: */*"));
            tower_b3::tag("ignored", "1");
            let local = tower_b3::span("ignored");
            assert_eq!(local.context(), None);
            assert!(local.in_scope(|| called(&test)).is_empty());
            empty()
        },
    );
    assert!(response.headers().is_empty());
    drain(response.body_mut()).unwrap();
    test.spans.take(0);
}

#[test]
fn forward_only_starts_no_trace_of_its_own() {
    let test = TestTracer::of(|builder| builder.mode(Mode::ForwardOnly));
    let out = test.tracer.span("batch").in_scope(|| called(&test));
    assert!(out.is_empty(), "{out:?}");
    test.spans.take(0);
}

#[test]
fn forwarded_headers_are_in_the_extensions_too() {
    let test = TestTracer::of(|builder| builder.mode(Mode::ForwardOnly));
    let layer = test.tracer.server_layer().context_in_extensions(true);
    let mut out = HeaderMap::new();
    serve_all(&layer, get("/", "x-b3-traceid: no id"), |request| {
        let context = request
            .extensions()
            .get::<RequestContext>()
            .unwrap()
            .clone();
        let client = test.tracer.client_layer();
        let call = move || {
            let mut request = Request::new(());
            request.extensions_mut().insert(context);
            sent_headers(&client, request)
        };
        out = thread::spawn(call).join().unwrap();
        empty()
    });
    assert_eq!(text(&out, "x-b3-traceid"), "no id");
    test.spans.assert_empty();
}
