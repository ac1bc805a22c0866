//! Tracing headers of untrusted requests have no effect at all.

use crate::{
    called,
    common::{TRACE, TestTracer, drain, get, text},
    empty,
    forwarding::OPAQUE,
    serve, serve_all,
};
use http::{HeaderMap, HeaderName};
use std::collections::BTreeMap;
use tower_b3::{
    Mode, Sampling, ServerLayer, TracerBuilder, Trust, current,
    id::{RequestId, TraceReason},
    propagation::{Field, Format, Propagation},
    sample::Sampler,
    tags::Tag,
};

/// Every header that affects tracing, and some that look as if they did.
const EVERYTHING: &str = "b3: 463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-d|b3: 0|\
    x-b3-traceid: 463ac35c9f6413ad48485a3953bb6124|x-b3-spanid: a2fb4a1d1a96d312|x-b3-spanid: 2|\
    x-b3-parentspanid: 0020000000000001|x-b3-sampled: 1|x-b3-sampled: 0|x-b3-flags: 1|\
    traceparent: 00-463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-01|\
    tracestate: a=b|tracestate: c=d|\
    x-envoy-force-trace: true|x-client-trace-id: mine|\
    x-request-id: 00000000-2222-a333-8444-555555555555|x-request-id: other|\
    x-ot-span-context: 1|x-cloud-trace-context: 2|grpc-trace-bin: 3|x-datadog-trace-id: 4|\
    x-datadog-parent-id: 5|x-datadog-sampling-priority: 2|sw8: 7|x-amzn-trace-id: Sampled=1|\
    x-own-context: 8|x-forwarded-proto: https|x-forwarded-for: 10.0.0.1|x-envoy-internal: true|\
    x-envoy-decorator-operation: spoofed|x-envoy-downstream-service-cluster: spoofed|";

/// The same headers with denials and malformed values.
const NOTHING_READABLE: &str = "b3: 0|x-b3-traceid: x|x-b3-sampled: 0|x-b3-flags: 2|\
    traceparent: 00-0-0-00|x-request-id: not visible\u{ff}|x-datadog-sampling-priority: -1|\
    x-client-trace-id: |x-envoy-force-trace: |x-forwarded-proto: ftp|";

/// Headers of a request without any of them.
const PLAIN: &str = "host: shop|user-agent: curl|x-tenant: acme";

/// Headers that belong to no tracer: they stay on the request, unread.
const NOT_OURS: [&str; 6] = [
    // Added with `forward`: seen by the handler, but not forwarded.
    "x-own-context",
    "x-forwarded-proto",
    "x-forwarded-for",
    "x-envoy-internal",
    "x-envoy-decorator-operation",
    "x-envoy-downstream-service-cluster",
];

/// Everything observable about a request, apart from generated ids.
#[derive(Debug, PartialEq)]
struct Outcome {
    decision: Option<bool>,
    handler_saw: Vec<String>,
    call_carried: Vec<String>,
    answer: Vec<String>,
    spans: Vec<(String, BTreeMap<String, String>)>,
}

fn outcome(test: &TestTracer, layer: &ServerLayer, lines: &str) -> Outcome {
    let mut decision = None;
    let mut handler_saw = HeaderMap::new();
    let mut call_carried = HeaderMap::new();
    let mut response = serve(layer, get("/items/7", lines), |request| {
        decision = current().and_then(|context| context.sampling().decision());
        if let Some(context) = current() {
            assert_ne!(context.trace_id().to_string(), TRACE);
            assert_eq!(context.parent_id(), None);
        }
        handler_saw = request.headers().clone();
        call_carried = called(test);
        empty()
    });
    drain(response.body_mut()).unwrap();
    for name in NOT_OURS {
        handler_saw.remove(name);
    }
    let spans = test.spans.take_all().into_iter().map(|span| {
        let tags = span.tags();
        let tags = tags.map(|(name, value)| (name.to_owned(), same(name, &value.to_text())));
        (span.name().to_owned(), tags.collect())
    });
    Outcome {
        decision,
        handler_saw: lines_of(&handler_saw),
        call_carried: lines_of(&call_carried),
        answer: lines_of(response.headers()),
        spans: spans.collect(),
    }
}

fn lines_of(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.iter().map(|(name, value)| {
        let value = same(name.as_str(), value.to_str().unwrap());
        format!("{name}: {value}")
    });
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines
}

/// The value of a header or tag, with generated ids masked.
fn same(name: &str, value: &str) -> String {
    match name {
        "b3" | "traceparent" | "x-b3-traceid" | "x-b3-spanid" | "x-b3-parentspanid" => value
            .split('-')
            .map(|part| match part.len() {
                16 | 32 => part.len().to_string(),
                _ => part.to_owned(),
            })
            .collect::<Vec<_>>()
            .join("-"),
        "x-request-id" | "guid:x-request-id" => {
            format!(
                "{} characters, reason {:?}",
                value.len(),
                value.chars().nth(14)
            )
        }
        _ => value.to_owned(),
    }
}

fn configured(sampler: Sampler, mode: Mode, propagation: Propagation) -> TestTracer {
    TestTracer::of(|builder: TracerBuilder| {
        builder
            .sampler(sampler)
            .mode(mode)
            .propagation(propagation)
            .tag_malformed_headers(true)
            .tag(Tag::request_header("tenant", "x-tenant"))
    })
}

fn propagations() -> [Propagation; 4] {
    let own = || [HeaderName::from_static("x-own-context")];
    let all = || [Format::B3Multi, Format::B3Single, Format::W3c];
    [
        Propagation::default().forward(own()).unwrap(),
        Propagation::default().forward(own()).unwrap().w3c(false),
        Propagation::default()
            .forward(own())
            .unwrap()
            .formats(all()),
        Propagation::default()
            .do_not_forward(["x-own-context", "sw8"])
            .unwrap(),
    ]
}

#[test]
fn tracing_headers_of_untrusted_requests_change_nothing() {
    let samplers = || {
        [
            Sampler::always(),
            Sampler::never(),
            Sampler::percentage_by_request_id(0.0).unwrap(),
            Sampler::percentage_by_request_id(100.0).unwrap(),
        ]
    };
    let trusts = || {
        [
            Trust::nobody(),
            Trust::when(|_| false),
            // The peer's address is unknown.
            Trust::networks(["0.0.0.0/0"]).unwrap().into(),
        ]
    };
    for mode in [Mode::Spans, Mode::RecordOnly, Mode::ForwardOnly] {
        for propagation in propagations() {
            for sampler in samplers() {
                let test = configured(sampler, mode, propagation.clone());
                for trust in trusts() {
                    let layer = test.tracer.server_layer().trust(trust);
                    assert_same(&test, &layer);
                    assert_same(&test, &layer.clone().rewrite_request_headers(true));
                    assert_same(&test, &layer.clone().join(true));
                    assert_same(&test, &layer.exclude_paths(["/items/7"]));
                }
            }
        }
    }
}

#[track_caller]
fn assert_same(test: &TestTracer, layer: &ServerLayer) {
    let plain = outcome(test, layer, PLAIN);
    for lines in [EVERYTHING, NOTHING_READABLE] {
        let untrusted_headers = outcome(test, layer, &format!("{lines}{PLAIN}"));
        assert_eq!(untrusted_headers, plain, "{lines}");
    }
    nothing_was_malformed(test);
}

/// Dropped headers are not counted as malformed.
#[track_caller]
pub fn nothing_was_malformed(test: &TestTracer) {
    for field in [
        Field::B3,
        Field::TraceId,
        Field::SpanId,
        Field::ParentSpanId,
        Field::Sampled,
        Field::Flags,
        Field::Traceparent,
        Field::RequestId,
    ] {
        assert_eq!(test.tracer.malformed(field), 0, "{field:?}");
    }
}

#[test]
fn headers_added_with_forward_are_not_forwarded_for_untrusted_requests() {
    let own = "authorization: Bearer s3cret|jwt: a|jwt: b";
    for mode in [Mode::Spans, Mode::RecordOnly, Mode::ForwardOnly] {
        let propagation = Propagation::default().forward(["authorization", "jwt"]);
        let test = configured(Sampler::never(), mode, propagation.unwrap());
        for (trust, forwarded) in [(Trust::nobody(), false), (Trust::everyone(), true)] {
            let layer = test.tracer.server_layer().trust(trust);
            for layer in [layer.clone(), layer.exclude_paths(["/items/7"])] {
                let outcome = outcome(&test, &layer, &format!("{own}|sw8: 1|{PLAIN}"));
                for line in own.split('|') {
                    assert!(outcome.handler_saw.iter().any(|seen| seen == line));
                    let carried = outcome.call_carried.iter().any(|sent| sent == line);
                    assert_eq!(carried, forwarded, "{mode:?} {line}");
                }
                let stripped = !outcome.handler_saw.iter().any(|seen| seen == "sw8: 1");
                assert_eq!(stripped, !forwarded);
            }
        }
    }
}

#[test]
fn trusted_requests_can_force_sampling() {
    let test = configured(Sampler::never(), Mode::Spans, Propagation::default());
    let layer = test.tracer.server_layer().trust(Trust::when(|_| false));
    let plain = outcome(&test, &layer, PLAIN);
    assert_eq!((plain.decision, plain.spans.len()), (Some(false), 0));
    let forced = [
        "x-envoy-force-trace: 1",
        "x-client-trace-id: 1",
        "b3: 1",
        "b3: d",
    ];
    for line in forced {
        let lines = format!("{line}|{PLAIN}");
        let trusted = outcome(&test, &test.tracer.server_layer(), &lines);
        assert_eq!((trusted.decision, trusted.spans.len()), (Some(true), 2));
        assert_eq!(outcome(&test, &layer, &lines), plain);
    }
}

#[test]
fn a_preserved_request_id_brings_no_sampling_decision() {
    let by_id = |percent| Sampler::percentage_by_request_id(percent).unwrap();
    for (mode, sampler, decision, reason) in [
        (Mode::Spans, Sampler::always(), Some(true), None),
        (Mode::Spans, Sampler::never(), Some(false), None),
        (Mode::Spans, by_id(0.0), Some(false), None),
        // This decision is made here.
        (
            Mode::Spans,
            by_id(100.0),
            Some(true),
            Some(TraceReason::Sampled),
        ),
        (Mode::RecordOnly, Sampler::never(), Some(false), None),
        (Mode::ForwardOnly, Sampler::always(), None, None),
    ] {
        let test = configured(sampler, mode, Propagation::default());
        let layer = test
            .tracer
            .server_layer()
            .trust(Trust::nobody())
            .preserve_external_request_id(true);
        for sent in ["9", "a", "b", "4"] {
            let lines = format!("x-request-id: 11111111-2222-{sent}333-8444-555555555555");
            let mut carried = HeaderMap::new();
            let mut response = serve(&layer, get("/", &lines), |request| {
                let decided = current().and_then(|context| context.sampling().decision());
                assert_eq!(decided, decision, "{mode:?}");
                carried = request.headers().clone();
                empty()
            });
            drain(response.body_mut()).unwrap();
            let id = text(&carried, "x-request-id");
            let id: RequestId = id.parse().unwrap();
            assert_eq!(id.as_str().len(), 36);
            assert!(id.as_str().starts_with("11111111-2222-"), "{id}");
            assert_eq!(id.trace_reason(), reason, "{mode:?} {sent}");
            test.spans.take(usize::from(decision == Some(true)));
        }
    }
}

#[test]
fn exclude_does_not_see_tracing_headers_of_untrusted_requests() {
    let test = TestTracer::new();
    let layer = test
        .tracer
        .server_layer()
        .exclude(|head| head.headers().contains_key("x-request-id"))
        .exclude(|head| head.headers().contains_key("sw8"));
    let lines = "x-request-id: mine|sw8: 1";
    serve_all(&layer, get("/", lines), |_| empty());
    test.spans.take(0);
    let edge = layer.trust(Trust::nobody());
    serve_all(&edge, get("/", lines), |_| empty());
    test.spans.take(1);
}

const UNTRUSTED: &str = "b3: 463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-d|\
    x-b3-traceid: 463ac35c9f6413ad48485a3953bb6124|x-b3-spanid: a2fb4a1d1a96d312|x-b3-spanid: 2|\
    x-b3-parentspanid: 1|x-b3-sampled: 0|x-b3-flags: 1|\
    traceparent: 00-463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-01|tracestate: a=b|\
    x-envoy-force-trace: 1|x-request-id: untrusted_headers|accept: */*|cookie: c|";

/// The headers of an untrusted request, with opaque headers of other tracing systems.
pub fn untrusted_headers() -> String {
    format!("{UNTRUSTED}{OPAQUE}")
}

#[test]
fn at_the_edge_all_tracing_headers_are_removed_and_a_trace_begins() {
    let test = TestTracer::of(|builder| builder.sampler(Sampler::never()));
    let layer = test.tracer.server_layer().trust(Trust::nobody());
    let mut out = HeaderMap::new();
    serve_all(&layer, get("/", &untrusted_headers()), |request| {
        let mut left: Vec<_> = request.headers().keys().map(|name| name.as_str()).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "cookie", "x-request-id"]);
        assert_ne!(text(request.headers(), "x-request-id"), "untrusted_headers");
        let context = current().unwrap();
        assert_ne!(context.trace_id().to_string(), TRACE);
        assert_eq!(
            (context.parent_id(), context.sampling()),
            (None, Sampling::Deny)
        );
        out = called(&test);
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
    test.spans.take(0);
}

#[test]
fn at_the_edge_the_sampler_decides() {
    let test = TestTracer::new();
    let layer = test.tracer.server_layer().trust(Trust::nobody());
    serve_all(&layer, get("/", "b3: 0|x-request-id: r"), |_| empty());
    let span = test.spans.take_one();
    assert_eq!(span.parent_id(), None);
    assert_eq!(span.tag("guid:x-client-trace-id"), None);
}
