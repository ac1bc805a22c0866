//! What context a request is served in: joined, below its caller, or new; what goes on from there.

use crate::{
    common::{Lab, PARENT, SPAN, Script, Step, TRACE, drain, get, headers, now, text, values},
    empty, serve, serve_all,
};
use http::{HeaderMap, Request, Response};
use proptest::prelude::*;
use std::convert::Infallible;
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Context, Direction, Mode, Sampling, ServerLayer, TraceContext, Trust, current,
    id::TraceIdKind,
    propagation::{Format, Propagation},
    record::Kind,
};

const CALLER: &str = "b3: 463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1-0020000000000001";

/// The headers of a call that is made by the handler.
fn called(lab: &Lab) -> HeaderMap {
    called_with(lab, Request::new(()))
}

fn called_with(lab: &Lab, request: Request<()>) -> HeaderMap {
    let catalog = service_fn(|request: Request<()>| {
        let mut response = empty();
        *response.headers_mut() = request.headers().clone();
        std::future::ready(Ok::<_, Infallible>(response))
    });
    let mut client = lab.tracer.client_layer().layer(catalog);
    let mut response = now(client.call(request)).unwrap();
    drain(response.body_mut()).unwrap();
    std::mem::take(response.headers_mut())
}

/// What is current in the handler of this request, and the headers of a call it makes.
fn handled(lab: &Lab, layer: &ServerLayer, lines: &str) -> (Option<TraceContext>, HeaderMap) {
    let mut seen = None;
    serve_all(layer, get("/", lines), |_| {
        seen = Some((current(), called(lab)));
        empty()
    });
    seen.unwrap()
}

#[test]
fn a_caller_gets_a_child() {
    let lab = Lab::new();
    let span = lab.span_of(get("/", CALLER));
    assert_eq!(span.trace_id().to_string(), TRACE);
    assert_eq!(span.parent_id().unwrap().to_string(), SPAN);
    assert_ne!(span.id().to_string(), SPAN);
    assert_eq!(span.kind(), Some(Kind::Server));
    assert!(!span.is_shared() && !span.is_debug() && span.is_local_root());
}

#[test]
fn every_request_of_one_caller_gets_its_own_span_id() {
    let lab = Lab::new();
    let one = lab.span_of(get("/", CALLER));
    let other = lab.span_of(get("/", CALLER));
    assert_ne!(one.id(), other.id());
}

#[test]
fn a_joined_span_shares_its_callers_id() {
    let lab = Lab::new();
    let layer = lab.tracer.server_layer().join(true);
    serve_all(&layer, get("/", CALLER), |_| empty());
    let span = lab.spans.take_one();
    assert_eq!(span.id().to_string(), SPAN);
    assert_eq!(span.parent_id().unwrap().to_string(), PARENT);
    assert!(span.is_shared());
}

#[test]
fn with_nobody_to_join_a_span_is_not_shared() {
    let lab = Lab::new();
    let layer = lab.tracer.server_layer().join(true);
    for lines in ["", "b3: 1", "x-b3-traceid: 1", "b3: malformed"] {
        serve_all(&layer, get("/", lines), |_| empty());
        let span = lab.spans.take_one();
        assert!(!span.is_shared(), "{lines}");
        assert_eq!(span.parent_id(), None, "{lines}");
    }
}

#[test]
fn a_root_spans_id_is_the_low_half_of_the_traces() {
    for kind in [
        TraceIdKind::Random128,
        TraceIdKind::Random64,
        TraceIdKind::TimePrefixed,
    ] {
        let lab = Lab::of(|builder| builder.trace_ids(kind));
        let span = lab.span_of(get("/", ""));
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
    let lab = Lab::of(|builder| builder.trace_ids(TraceIdKind::TimePrefixed));
    let span = lab.span_of(get("/", ""));
    let prefix = span.trace_id().high() >> 32;
    let started = span.timestamp() / 1_000_000;
    assert!(prefix.abs_diff(started) <= 1, "{prefix} at {started}");
}

#[test]
fn a_64_bit_trace_stays_one() {
    let lab = Lab::new();
    let lines = "x-b3-traceid: 48485a3953bb6124|x-b3-spanid: a2fb4a1d1a96d312";
    let (_, out) = handled(&lab, &lab.tracer.server_layer(), lines);
    assert_eq!(text(&out, "x-b3-traceid"), "48485a3953bb6124");
    lab.spans.take(2);
}

#[test]
fn calls_are_children_of_the_server_span() {
    let lab = Lab::new();
    let (context, out) = handled(&lab, &lab.tracer.server_layer(), CALLER);
    let [client, server] = lab.spans.take(2).try_into().unwrap();
    assert_eq!(context, Some(server.context()));
    assert_eq!(client.parent_id(), Some(server.id()));
    assert_eq!(text(&out, "x-b3-traceid"), TRACE);
    assert_eq!(text(&out, "x-b3-parentspanid"), server.id().to_string());
    assert_eq!(text(&out, "x-b3-spanid"), client.id().to_string());
    assert_eq!(text(&out, "x-b3-sampled"), "1");
    assert!(!out.contains_key("b3") && !out.contains_key("x-b3-flags"));
}

#[test]
fn a_streamed_bodys_own_calls_are_children() {
    let lab = Lab::new();
    let tracer = lab.tracer.clone();
    let body = move || {
        let tracer = tracer.clone();
        Script::new([
            Step::Data("head"),
            Step::run(move || {
                let tracer = tracer.clone();
                let lab = Lab {
                    spans: Default::default(),
                    tracer,
                };
                called(&lab);
            }),
            Step::Data("rest"),
        ])
    };
    serve_all(&lab.tracer.server_layer(), get("/", CALLER), |_| {
        Response::new(body())
    });
    let [client, server] = lab.spans.take(2).try_into().unwrap();
    assert_eq!(client.parent_id(), Some(server.id()));
}

#[test]
fn unsampled_still_sets_a_context_and_reports_nothing() {
    let lab = Lab::new();
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
        let (context, out) = handled(&lab, &lab.tracer.server_layer(), lines);
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
    lab.spans.take(0);
}

#[test]
fn a_state_without_ids_starts_a_trace_with_that_state() {
    let lab = Lab::new();
    let layer = lab.tracer.server_layer();
    for lines in [
        "b3: 0",
        "x-b3-sampled: 0",
        "x-b3-traceid: 1|x-b3-sampled: 0",
    ] {
        let (context, out) = handled(&lab, &layer, lines);
        assert_eq!(context.unwrap().parent_id(), None, "{lines}");
        assert_eq!(text(&out, "x-b3-sampled"), "0", "{lines}");
    }
    let never = Lab::of(|builder| builder.sampler(tower_b3::sample::Sampler::never()));
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
fn debug_goes_on_in_both_headers_and_on_the_spans() {
    let lab = Lab::of(|builder| builder.sampler(tower_b3::sample::Sampler::never()));
    for lines in [
        "x-b3-flags: 1",
        "b3: d",
        "b3: x--d",
        "x-b3-flags: 1|x-b3-sampled: 0",
    ] {
        let (_, out) = handled(&lab, &lab.tracer.server_layer(), lines);
        assert_eq!(text(&out, "x-b3-flags"), "1", "{lines}");
        assert_eq!(text(&out, "x-b3-sampled"), "1", "{lines}");
        assert!(lab.spans.take(2).iter().all(|span| span.is_debug()));
    }
}

#[test]
fn traceparent_is_joined_and_written_on() {
    let lab = Lab::new();
    let lines = format!("traceparent: 00-{TRACE}-{SPAN}-01|tracestate: a=1|tracestate: b=2");
    let (_, out) = handled(&lab, &lab.tracer.server_layer(), &lines);
    let [client, server] = lab.spans.take(2).try_into().unwrap();
    assert_eq!(server.parent_id().unwrap().to_string(), SPAN);
    assert_eq!(
        text(&out, "traceparent"),
        format!("00-{TRACE}-{}-01", client.id())
    );
    assert_eq!(values(&out, "tracestate"), [b"a=1", b"b=2"]);
    assert_eq!(text(&out, "x-b3-traceid"), TRACE);
}

#[test]
fn a_traceparent_of_another_trace_goes_on_untouched() {
    let lab = Lab::new();
    let other = "00-11111111111111111111111111111111-2222222222222222-00";
    let lines = format!("{CALLER}|traceparent: {other}");
    let (_, out) = handled(&lab, &lab.tracer.server_layer(), &lines);
    assert_eq!(text(&out, "traceparent"), other);
    assert_eq!(text(&out, "x-b3-traceid"), TRACE);
    lab.spans.take(2);
}

#[test]
fn a_malformed_traceparent_does_not_go_on() {
    let lab = Lab::new();
    let (_, out) = handled(&lab, &lab.tracer.server_layer(), "traceparent: 00-0-0-01");
    assert!(!out.contains_key("traceparent"));
    lab.spans.take(2);
}

const OPAQUE: &str = "x-ot-span-context: 1|x-cloud-trace-context: 2|grpc-trace-bin: 3|\
    x-datadog-trace-id: 4|x-datadog-parent-id: 5|x-datadog-sampling-priority: 6|sw8: 7|\
    x-amzn-trace-id: 8|x-client-trace-id: 9|x-ot-span-context: \u{ff}";

#[test]
fn opaque_headers_go_on_as_they_came() {
    let lab = Lab::new();
    let (_, out) = handled(&lab, &lab.tracer.server_layer(), OPAQUE);
    let came = headers(OPAQUE);
    for name in came.keys() {
        assert_eq!(values(&out, name.as_str()), values(&came, name.as_str()));
    }
    assert!(!out.contains_key("x-envoy-force-trace"));
    lab.spans.take(2);
}

#[test]
fn other_headers_do_not_go_on() {
    let lab = Lab::new();
    let lines = "cookie: secret|authorization: secret|x-envoy-force-trace: 1|accept: */*";
    let (_, out) = handled(&lab, &lab.tracer.server_layer(), lines);
    for name in headers(lines).keys() {
        assert!(!out.contains_key(name), "{name}");
    }
    lab.spans.take(2);
}

#[test]
fn the_list_of_what_goes_on_can_be_extended_and_cut() {
    let propagation = Propagation::default()
        .forward(["end-user", "jwt"])
        .unwrap()
        .do_not_forward(["sw8"].map(http::HeaderName::from_static));
    let lines = "end-user: jason|jwt: a|jwt: b|sw8: 7|x-amzn-trace-id: 8";
    for mode in [Mode::Spans, Mode::RecordOnly, Mode::ForwardOnly] {
        let lab = Lab::of(|builder| builder.propagation(propagation.clone()).mode(mode));
        let (_, out) = handled(&lab, &lab.tracer.server_layer(), lines);
        assert_eq!(values(&out, "jwt"), [b"a", b"b"]);
        assert_eq!(text(&out, "end-user"), "jason");
        assert_eq!(text(&out, "x-amzn-trace-id"), "8");
        assert!(!out.contains_key("sw8"), "{mode:?}");
        lab.spans
            .take(if mode == Mode::ForwardOnly { 0 } else { 2 });
    }
}

#[test]
fn an_excluded_path_makes_no_spans_and_hands_its_context_on_unchanged() {
    let lab = Lab::new();
    let layer = lab.tracer.server_layer().exclude_paths(["/health"]);
    for (state, sampled) in [("1", Some("1")), ("0", Some("0")), ("d", Some("1"))] {
        let lines = format!("b3: {TRACE}-{SPAN}-{state}-{PARENT}|sw8: 7|x-request-id: r");
        let mut out = HeaderMap::new();
        serve_all(&layer, get("/health?deep=1", &lines), |_| {
            assert_eq!(current().unwrap().span_id().to_string(), SPAN);
            let local = tower_b3::span("not recorded");
            local.in_scope(|| out = called(&lab));
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
        out = called(&lab);
        empty()
    });
    assert!(!out.contains_key("x-b3-sampled"), "undecided stays so");
    lab.spans.take(0);
}

#[test]
fn below_an_excluded_path_new_ids_are_not_sampled() {
    let lab = Lab::new();
    let layer = lab
        .tracer
        .server_layer()
        .exclude(|head| head.path().starts_with("/health"));
    let mut ids = Vec::new();
    for lines in ["", "b3: malformed", "x-b3-traceid: 1", "x-b3-sampled: 0"] {
        serve_all(&layer, get("/health/live", lines), |_| {
            for _ in 0..2 {
                let out = called(&lab);
                assert_eq!(text(&out, "x-b3-sampled"), "0", "{lines}");
                ids.push(text(&out, "x-b3-traceid").to_owned());
            }
            empty()
        });
    }
    assert!(ids.chunks(2).all(|pair| pair[0] == pair[1]));
    lab.spans.take(0);
    // Others are not excluded.
    serve_all(&layer, get("/", ""), |_| empty());
    lab.spans.take(1);
}

#[test]
fn calls_made_for_an_excluded_path_have_no_spans_whoever_makes_the_server_spans() {
    for mode in [Mode::Spans, Mode::ForwardOnly, Mode::RecordOnly] {
        let lab = Lab::of(|builder| builder.mode_for(Direction::Server, mode));
        let layer = lab.tracer.server_layer().exclude_paths(["/health"]);
        serve_all(&layer, get("/health", CALLER), |_| {
            assert_eq!(text(&called(&lab), "x-b3-spanid"), SPAN, "{mode:?}");
            empty()
        });
        lab.spans.take(0);
    }
}

#[test]
fn paths_are_excluded_as_a_whole() {
    let lab = Lab::new();
    let layer = lab
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
        lab.spans.take(made);
    }
}

const STRANGER: &str = "b3: 463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-d|\
    x-b3-traceid: 463ac35c9f6413ad48485a3953bb6124|x-b3-spanid: a2fb4a1d1a96d312|x-b3-spanid: 2|\
    x-b3-parentspanid: 1|x-b3-sampled: 0|x-b3-flags: 1|\
    traceparent: 00-463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-01|tracestate: a=b|\
    x-envoy-force-trace: 1|x-request-id: stranger|accept: */*|cookie: c|";

fn stranger() -> String {
    format!("{STRANGER}{OPAQUE}")
}

#[test]
fn at_the_edge_every_tracing_header_is_removed_and_a_trace_begins() {
    let lab = Lab::of(|builder| builder.sampler(tower_b3::sample::Sampler::never()));
    let layer = lab.tracer.server_layer().trust(Trust::nobody());
    let mut out = HeaderMap::new();
    serve_all(&layer, get("/", &stranger()), |request| {
        let mut left: Vec<_> = request.headers().keys().map(|name| name.as_str()).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "cookie", "x-request-id"]);
        assert_ne!(text(request.headers(), "x-request-id"), "stranger");
        let context = current().unwrap();
        assert_ne!(context.trace_id().to_string(), TRACE);
        assert_eq!(
            (context.parent_id(), context.sampling()),
            (None, Sampling::Deny)
        );
        out = called(&lab);
        empty()
    });
    let mut names: Vec<_> = out.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "x-b3-parentspanid",
            "x-b3-sampled",
            "x-b3-spanid",
            "x-b3-traceid",
            "x-request-id"
        ]
    );
    lab.spans.take(0);
}

#[test]
fn at_the_edge_the_sampler_decides() {
    let lab = Lab::new();
    let layer = lab.tracer.server_layer().trust(Trust::nobody());
    serve_all(&layer, get("/", "b3: 0|x-request-id: r"), |_| empty());
    let span = lab.spans.take_one();
    assert_eq!(span.parent_id(), None);
    assert_eq!(span.tag("guid:x-client-trace-id"), None);
}

#[test]
fn a_predicate_says_who_is_trusted() {
    let lab = Lab::new();
    let trusted = Trust::when(|head| {
        // It sees the request as it came.
        assert!(head.headers().contains_key("b3"));
        head.headers().contains_key("x-internal")
    });
    let layer = lab.tracer.server_layer().trust(trusted);
    for (lines, joined) in [
        (CALLER.to_owned(), false),
        (format!("{CALLER}|x-internal: 1"), true),
    ] {
        serve_all(&layer, get("/", &lines), |request| {
            assert_eq!(request.headers().contains_key("b3"), joined);
            empty()
        });
        let span = lab.spans.take_one();
        assert_eq!(span.trace_id().to_string() == TRACE, joined, "{lines}");
    }
}

#[test]
fn inbound_headers_stay_as_they_came() {
    let lab = Lab::new();
    let lines = format!("{CALLER}|x-b3-sampled: maybe|x-b3-sampled: 1|x-request-id: r");
    serve_all(&lab.tracer.server_layer(), get("/", &lines), |request| {
        assert_eq!(*request.headers(), headers(&lines));
        empty()
    });
    lab.spans.take_one();
}

#[test]
fn inbound_headers_are_rewritten_when_asked() {
    let lab = Lab::new();
    let layer = lab.tracer.server_layer().rewrite_request_headers(true);
    for lines in [CALLER.to_owned(), String::new(), stranger()] {
        let mut seen = HeaderMap::new();
        serve_all(&layer, get("/", &lines), |request| {
            seen = request.headers().clone();
            empty()
        });
        let span = lab.spans.take_one();
        assert_eq!(text(&seen, "x-b3-traceid"), span.trace_id().to_string());
        assert_eq!(
            values(&seen, "x-b3-spanid"),
            [span.id().to_string().as_bytes()]
        );
        let parent = span.parent_id().map(|id| id.to_string());
        assert_eq!(
            seen.get("x-b3-parentspanid").map(|id| id.to_str().unwrap()),
            parent.as_deref()
        );
        assert_eq!(text(&seen, "x-b3-sampled"), "1");
        assert!(!seen.contains_key("b3"));
    }
}

#[test]
fn the_context_is_in_the_extensions_when_asked() {
    let lab = Lab::new();
    let plain = lab.tracer.server_layer();
    let with = plain.clone().context_in_extensions(true);
    let lines = format!("{CALLER}|x-request-id: r|sw8: 7");
    serve_all(&plain, get("/", &lines), |request| {
        assert!(request.extensions().get::<Context>().is_none());
        empty()
    });
    let mut carried = None;
    serve_all(&with, get("/", &lines), |request| {
        carried = request.extensions().get::<Context>().cloned();
        empty()
    });
    let [_, span] = lab.spans.take(2).try_into().unwrap();
    let carried = carried.unwrap();
    assert_eq!(carried.trace_context(), Some(span.context()));
    assert_eq!(carried.request_id().unwrap().as_str(), "r");
    // In a task of its own, a call is still a child, with all that is forwarded.
    let mut request = Request::new(());
    request.extensions_mut().insert(carried);
    let out = called_with(&lab, request);
    assert_eq!((text(&out, "sw8"), text(&out, "x-request-id")), ("7", "r"));
    assert_eq!(lab.spans.take_one().parent_id(), Some(span.id()));
}

#[test]
fn forward_only_hands_headers_on_byte_for_byte() {
    let lab = Lab::of(|builder| builder.mode(Mode::ForwardOnly));
    let lines = "x-b3-traceid: not hex|b3: \u{e9}|x-b3-traceid: 463ac35c9f6413ad48485a3953bb6124|\
        x-request-id: a b|x-envoy-force-trace: |traceparent: x|tracestate: 2|tracestate: 1|\
        sw8: \u{ff}|x-request-id: second|b3: 1|x-b3-flags:  1 |cookie: c";
    let mut came = headers(lines);
    let (context, out) = handled(&lab, &lab.tracer.server_layer(), lines);
    assert_eq!(context, None);
    came.remove("cookie");
    assert_eq!(out, came);
    lab.spans.take(0);
}

#[test]
fn forward_only_generates_and_changes_nothing() {
    let lab = Lab::of(|builder| builder.mode(Mode::ForwardOnly));
    let mut response = serve(
        &lab.tracer.server_layer(),
        get("/", "accept: */*"),
        |request| {
            assert_eq!(*request.headers(), headers("accept: */*"));
            tower_b3::tag("ignored", "1");
            let local = tower_b3::span("ignored");
            assert_eq!(local.context(), None);
            assert!(local.in_scope(|| called(&lab)).is_empty());
            empty()
        },
    );
    assert!(response.headers().is_empty());
    drain(response.body_mut()).unwrap();
    lab.spans.take(0);
}

#[test]
fn forward_only_starts_no_trace_of_its_own() {
    let lab = Lab::of(|builder| builder.mode(Mode::ForwardOnly));
    let out = lab.tracer.span("batch").in_scope(|| called(&lab));
    assert!(out.is_empty(), "{out:?}");
    lab.spans.take(0);
}

#[test]
fn the_configured_formats_are_written_whatever_came_in() {
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
        let lab = Lab::of(|builder| {
            builder.propagation(Propagation::default().formats(formats.to_vec()))
        });
        let (_, out) = handled(&lab, &lab.tracer.server_layer(), CALLER);
        for name in ["b3", "traceparent", "x-b3-traceid"] {
            assert_eq!(
                out.contains_key(name),
                written.contains(&name),
                "{formats:?} {name}"
            );
        }
        lab.spans.take(2);
    }
}

fn any_lines() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    let name = proptest::sample::select(vec![
        "b3",
        "x-b3-traceid",
        "x-b3-spanid",
        "x-b3-parentspanid",
        "x-b3-sampled",
        "x-b3-flags",
        "traceparent",
        "tracestate",
        "x-request-id",
        "x-envoy-force-trace",
        "x-client-trace-id",
        "sw8",
        "host",
        "content-length",
        "content-type",
        "user-agent",
        "x-forwarded-proto",
        "x-tenant",
    ]);
    let bytes = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        "[ -~]{0,60}".prop_map(String::into_bytes),
        Just(vec![b'a'; 2000]),
    ];
    proptest::collection::vec((name, bytes), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_header_bytes_whatsoever_succeed(lines in any_lines(), edge: bool, forward: bool) {
        let lab = Lab::of(|builder| {
            let tag = tower_b3::tag::Tag::request_header("tenant", "x-tenant");
            let mode = if forward { Mode::ForwardOnly } else { Mode::Spans };
            builder.tag(tag).mode(mode).tag_malformed_headers(true)
        });
        let trust = if edge { Trust::nobody() } else { Trust::everyone() };
        let layer = lab.tracer.server_layer().trust(trust).rewrite_request_headers(edge);
        let mut request = Request::get("/a?b").body(()).unwrap();
        for (name, value) in &lines {
            if let Ok(value) = http::HeaderValue::from_bytes(value) {
                request.headers_mut().append(*name, value);
            }
        }
        let mut answered = false;
        serve_all(&layer, request, |_| {
            answered = true;
            called(&lab);
            empty()
        });
        prop_assert!(answered);
        let finished = lab.spans.all().len();
        // Both spans, or none where a header said no.
        let sound = if forward { finished == 0 } else { finished == 2 || finished == 0 && !edge };
        prop_assert!(sound);
    }
}
