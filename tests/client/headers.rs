//! The parent of a CLIENT span, and the headers of the outgoing request.

use crate::{
    CALLER, called,
    common::{
        PARENT, SPAN, Script, Step, TRACE, TestTracer, drain, get, headers, now, text, values,
        with_ids,
    },
    send, within,
};
use http::{Request, Response};
use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Mode, RequestContext, Sampling, TraceContext, current,
    id::{SpanId, TraceId},
    propagation::{Format, Propagation},
    record::Kind,
    sample::Sampler,
};

fn elsewhere(sampling: Sampling) -> TraceContext {
    let trace = TraceId::new(0xabc0_0000_0000_0000_0000_0000_0000_0001).unwrap();
    TraceContext::new(trace, SpanId::new(7).unwrap(), None, sampling)
}

#[test]
fn the_current_span_is_the_parent() {
    let test = TestTracer::new();
    let out = called(&test, CALLER, "");
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
    assert!(!client.is_local_root());
    assert_eq!(text(&out, "x-b3-traceid"), TRACE);
    assert_eq!(text(&out, "x-b3-spanid"), client.id().to_string());
    assert_eq!(text(&out, "x-b3-parentspanid"), server.id().to_string());
}

#[test]
fn a_context_in_the_extensions_takes_precedence_over_the_current_one() {
    let test = TestTracer::new();
    let mut request = get("http://catalog/", CALLER);
    let context = RequestContext::from(elsewhere(Sampling::Accept));
    request.extensions_mut().insert(context);
    let layer = test.tracer.client_layer();
    within(&test, "", || send(&layer, request));
    let client = test
        .spans
        .take_where(|span| span.kind() == Some(Kind::Client));
    with_ids().assert(
        &[client],
        "
        trace abc00000000000000000000000000001
        shop  CLIENT  GET  parent=0000000000000007 http.status_code=200
        ",
    );
    test.spans
        .assert_tree("shop  SERVER  GET  http.status_code=200");
}

#[test]
fn a_trace_context_in_the_extensions_is_the_parent_too() {
    let test = TestTracer::new();
    for sampling in [Sampling::Accept, Sampling::Debug, Sampling::Deny] {
        let mut request = get("http://catalog/", "");
        request.extensions_mut().insert(elsewhere(sampling));
        let out = send(&test.tracer.client_layer(), request);
        assert_eq!(text(&out, "x-b3-parentspanid"), "0000000000000007");
        let sampled = if sampling.is_sampled() { "1" } else { "0" };
        assert_eq!(text(&out, "x-b3-sampled"), sampled);
        assert_eq!(out.contains_key("x-b3-flags"), sampling == Sampling::Debug);
        assert_eq!(
            test.spans.take_all().len(),
            usize::from(sampling.is_sampled())
        );
    }
}

#[test]
fn the_sampler_decides_for_an_undecided_parent() {
    for (sampler, sampled) in [(Sampler::always(), "1"), (Sampler::never(), "0")] {
        let test = TestTracer::of(|builder| builder.sampler(sampler));
        let mut request = get("http://catalog/", "");
        request.extensions_mut().insert(elsewhere(Sampling::Defer));
        let out = send(&test.tracer.client_layer(), request);
        assert_eq!(text(&out, "x-b3-sampled"), sampled);
        assert_eq!(test.spans.take_all().len(), usize::from(sampled == "1"));
    }
}

#[test]
fn an_undecided_parent_is_decided_once() {
    let test = TestTracer::of(|builder| builder.sampler(Sampler::rate_limited(1)));
    let layer = test.tracer.client_layer();
    RequestContext::from(elsewhere(Sampling::Defer)).in_scope(|| {
        for _ in 0..3 {
            let out = send(&layer, get("http://catalog/", ""));
            assert_eq!(text(&out, "x-b3-sampled"), "1");
        }
    });
    test.spans.take(3);
}

#[test]
fn manually_copied_headers_are_the_parent_without_a_current_context() {
    let test = TestTracer::new();
    for lines in [
        CALLER.to_owned(),
        format!(
            "x-b3-traceid: {TRACE}|x-b3-spanid: {SPAN}|x-b3-sampled: 1|x-b3-parentspanid: {PARENT}"
        ),
        format!("traceparent: 00-{TRACE}-{SPAN}-01"),
    ] {
        let out = send(&test.tracer.client_layer(), get("http://catalog/", &lines));
        let span = test.spans.take_one();
        assert_eq!(span.parent_id().unwrap().to_string(), SPAN, "{lines}");
        assert!(span.is_local_root());
        assert_eq!(values(&out, "x-b3-traceid"), [TRACE.as_bytes()]);
        assert_eq!(values(&out, "x-b3-parentspanid"), [SPAN.as_bytes()]);
        assert_eq!(text(&out, "x-b3-spanid"), span.id().to_string());
        assert!(!out.contains_key("b3"));
    }
}

#[test]
fn manually_copied_headers_can_deny_sampling() {
    let test = TestTracer::new();
    let lines = format!("b3: {TRACE}-{SPAN}-0|x-envoy-force-trace: 1");
    let out = send(&test.tracer.client_layer(), get("http://catalog/", &lines));
    assert_eq!(text(&out, "x-b3-sampled"), "0");
    assert_eq!(text(&out, "x-b3-parentspanid"), SPAN);
    test.spans.take(0);
}

#[test]
fn manually_copied_headers_are_replaced_below_a_current_span() {
    let test = TestTracer::new();
    let stale =
        "b3: 1-2-0|x-b3-traceid: 1|x-b3-traceid: 2|x-b3-spanid: 3|x-b3-flags: 1|x-b3-sampled: 0";
    let out = called(&test, CALLER, stale);
    let [client, _server] = test.spans.take(2).try_into().unwrap();
    assert_eq!(values(&out, "x-b3-traceid"), [TRACE.as_bytes()]);
    assert_eq!(
        values(&out, "x-b3-spanid"),
        [client.id().to_string().as_bytes()]
    );
    assert_eq!(values(&out, "x-b3-sampled"), [b"1"]);
    assert!(!out.contains_key("b3") && !out.contains_key("x-b3-flags"));
}

#[test]
fn without_a_parent_a_trace_begins_with_a_new_request_id() {
    let test = TestTracer::new();
    let out = send(
        &test.tracer.client_layer(),
        get("http://catalog/", "accept: */*"),
    );
    let span = test.spans.take_one();
    assert_eq!(span.parent_id(), None);
    assert_eq!(span.id().get(), span.trace_id().low());
    assert!(span.is_local_root());
    assert_eq!(text(&out, "x-b3-sampled"), "1");
    assert!(!out.contains_key("x-b3-parentspanid"));
    let id = text(&out, "x-request-id");
    assert_eq!(id.len(), 36);
    assert_eq!(span.tag("guid:x-request-id").as_deref(), Some(id));
}

#[test]
fn the_client_does_not_deny_undecided_requests() {
    let test = TestTracer::new();
    for lines in [
        "",
        "b3: malformed",
        "x-b3-sampled: maybe",
        "traceparent: 00-0-0-00",
        "b3: 463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312",
    ] {
        let out = send(&test.tracer.client_layer(), get("http://catalog/", lines));
        assert_eq!(text(&out, "x-b3-sampled"), "1", "{lines}");
        test.spans.take_one();
    }
}

#[test]
fn an_unsampled_trace_propagates_0_with_ids_and_makes_no_span() {
    let test = TestTracer::new();
    let inbound = format!("b3: {TRACE}-{SPAN}-0");
    let out = called(&test, &inbound, "");
    assert_eq!(text(&out, "x-b3-traceid"), TRACE);
    assert_eq!(text(&out, "x-b3-sampled"), "0");
    assert_eq!(text(&out, "x-b3-spanid").len(), 16);
    assert_eq!(text(&out, "x-b3-parentspanid").len(), 16);
    test.spans.take(0);
}

#[test]
fn calls_share_the_request_id_and_have_their_own_span_ids() {
    let test = TestTracer::new();
    let layer = test.tracer.client_layer();
    let (one, other) = within(&test, "", || {
        (
            send(&layer, get("http://catalog/", "")),
            send(&layer, get("http://cart/", "")),
        )
    });
    assert_eq!(one["x-request-id"], other["x-request-id"]);
    assert_ne!(one["x-b3-spanid"], other["x-b3-spanid"]);
    assert_eq!(one["x-b3-parentspanid"], other["x-b3-parentspanid"]);
    test.spans.take(3);
}

#[test]
fn headers_set_by_the_handler_are_not_overwritten() {
    let test = TestTracer::new();
    let inbound = "x-request-id: inbound|sw8: inbound|x-amzn-trace-id: one|x-amzn-trace-id: two";
    let out = called(&test, inbound, "x-request-id: mine|sw8: mine|sw8: too");
    assert_eq!(values(&out, "x-request-id"), [b"mine"]);
    assert_eq!(values(&out, "sw8"), [&b"mine"[..], b"too"]);
    assert_eq!(values(&out, "x-amzn-trace-id"), [b"one", b"two"]);
    let [client, _server] = test.spans.take(2).try_into().unwrap();
    assert_eq!(client.tag("guid:x-request-id").as_deref(), Some("mine"));
}

#[test]
fn manually_copied_opaque_headers_are_not_duplicated() {
    let test = TestTracer::new();
    let lines = "x-request-id: r|sw8: 1|x-ot-span-context: a|x-ot-span-context: b|tracestate: t";
    let out = send(&test.tracer.client_layer(), get("http://catalog/", lines));
    let came = headers(lines);
    for name in came.keys() {
        assert_eq!(
            values(&out, name.as_str()),
            values(&came, name.as_str()),
            "{name}"
        );
    }
    test.spans.take_one();
}

#[test]
fn an_invalid_request_id_is_replaced_without_a_current_context() {
    let test = TestTracer::new();
    for lines in [
        "x-request-id: a b",
        "x-request-id: ",
        "x-request-id: |x-request-id: second",
    ] {
        let out = send(&test.tracer.client_layer(), get("http://catalog/", lines));
        assert_eq!(values(&out, "x-request-id").len(), 1);
        assert_eq!(text(&out, "x-request-id").len(), 36, "{lines}");
        test.spans.take_one();
    }
}

#[test]
fn formats_are_written_as_configured() {
    let all = [Format::B3Multi, Format::B3Single, Format::W3c];
    let propagation = Propagation::default().formats(all);
    let test = TestTracer::of(|builder| builder.propagation(propagation));
    let out = called(&test, CALLER, "");
    let [client, server] = test.spans.take(2).try_into().unwrap();
    let (id, parent) = (client.id(), server.id());
    assert_eq!(text(&out, "b3"), format!("{TRACE}-{id}-1-{parent}"));
    assert_eq!(text(&out, "traceparent"), format!("00-{TRACE}-{id}-01"));
    assert_eq!(text(&out, "x-b3-spanid"), id.to_string());
}

#[test]
fn debug_can_be_written_as_flags_without_sampled() {
    let propagation = Propagation::default().debug_by_flags_alone(true);
    let test = TestTracer::of(|builder| builder.propagation(propagation));
    let out = called(&test, "x-b3-flags: 1", "x-b3-sampled: 0");
    assert_eq!(text(&out, "x-b3-flags"), "1");
    assert!(!out.contains_key("x-b3-sampled"));
    test.spans.take(2);
}

#[test]
fn traceparent_is_written_only_for_the_trace_it_belongs_to() {
    let test = TestTracer::new();
    let same = format!("{CALLER}|traceparent: 00-{TRACE}-{PARENT}-00");
    let out = called(&test, &same, "");
    let [client, _server] = test.spans.take(2).try_into().unwrap();
    assert_eq!(
        text(&out, "traceparent"),
        format!("00-{TRACE}-{}-01", client.id())
    );

    let other = "00-11111111111111111111111111111111-2222222222222222-00";
    let out = called(&test, &format!("{CALLER}|traceparent: {other}"), "");
    assert_eq!(values(&out, "traceparent"), [other.as_bytes()]);
    let out = called(&test, CALLER, "");
    assert!(!out.contains_key("traceparent"));
    // 64-bit ids are padded.
    let out = called(
        &test,
        "traceparent: 00-0000000000000000000000000000000a-000000000000000b-01",
        "",
    );
    assert!(text(&out, "traceparent").starts_with("00-0000000000000000000000000000000a-"));
    assert_eq!(text(&out, "x-b3-traceid"), "000000000000000a");
    test.spans.take(6);
}

#[test]
fn with_w3c_off_its_headers_are_forwarded_unchanged() {
    let test = TestTracer::of(|builder| builder.propagation(Propagation::default().w3c(false)));
    let inbound = format!("traceparent: 00-{TRACE}-{SPAN}-01|tracestate: a=b");
    let out = called(&test, &inbound, "");
    assert_eq!(text(&out, "traceparent"), format!("00-{TRACE}-{SPAN}-01"));
    assert_eq!(text(&out, "tracestate"), "a=b");
    assert_ne!(text(&out, "x-b3-traceid"), TRACE);
    test.spans.take(2);
}

#[test]
fn forward_only_keeps_manually_copied_headers() {
    let test = TestTracer::of(|builder| builder.mode(Mode::ForwardOnly));
    let copied = "b3: malformed|x-b3-sampled: 1|x-request-id: a b";
    let out = send(&test.tracer.client_layer(), get("http://catalog/", copied));
    assert_eq!(out, headers(copied));
    // Headers set by the handler are not overwritten in this mode either.
    let out = called(&test, "b3: 0|sw8: inbound", "b3: 1|b3: d");
    assert_eq!(values(&out, "b3"), [b"1", b"d"]);
    assert_eq!(text(&out, "sw8"), "inbound");
}

#[test]
fn the_client_span_is_current_below_it_and_nowhere_else() {
    let test = TestTracer::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let look = {
        let seen = Arc::clone(&seen);
        move || seen.lock().unwrap().push(current().unwrap())
    };
    let inner = service_fn(move |_: Request<()>| {
        look();
        let (in_future, in_body, in_drop) = (look.clone(), look.clone(), look.clone());
        async move {
            in_future();
            let body = Script::new([Step::run(in_body)]).on_drop(in_drop);
            Ok::<_, Infallible>(Response::new(body))
        }
    });
    let mut client = test.tracer.client_layer().layer(inner);
    within(&test, "", || {
        let server = current();
        let future = client.call(get("http://catalog/", ""));
        assert_eq!(current(), server);
        let mut response = now(future).unwrap();
        assert_eq!(current(), server);
        drain(response.body_mut()).unwrap();
        drop(response);
        assert_eq!(current(), server);
    });
    let [span, _server] = test.spans.take(2).try_into().unwrap();
    assert_eq!(*seen.lock().unwrap(), vec![span.context(); 4]);
}
