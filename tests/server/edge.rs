//! At the edge nothing that a stranger says about tracing makes a difference.

use crate::{
    common::{Lab, SPAN, TRACE, drain, get, now, text},
    empty, serve,
};
use http::{HeaderMap, Request};
use std::{collections::BTreeMap, convert::Infallible};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Mode, ServerLayer, TracerBuilder, Trust, current,
    id::TraceReason,
    propagation::{Field, Format, Propagation},
    sample::Sampler,
    tag::Tag,
};

/// Every header by which a caller can say something about tracing, and such as may be taken for one.
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

/// The same saying no, and things that cannot be read.
const NOTHING_READABLE: &str = "b3: 0|x-b3-traceid: x|x-b3-sampled: 0|x-b3-flags: 2|\
    traceparent: 00-0-0-00|x-request-id: not visible\u{ff}|x-datadog-sampling-priority: -1|\
    x-client-trace-id: |x-envoy-force-trace: |x-forwarded-proto: ftp|";

/// What a request without any of them has.
const PLAIN: &str = "host: shop|user-agent: curl|x-tenant: acme";

/// Headers that are no tracer's: they stay on the request, unread.
const NOT_OURS: [&str; 6] = [
    // Added with `forward`: seen by the handler, but not forwarded.
    "x-own-context",
    "x-forwarded-proto",
    "x-forwarded-for",
    "x-envoy-internal",
    "x-envoy-decorator-operation",
    "x-envoy-downstream-service-cluster",
];

/// All that comes of a request, but for what is made anew each time.
#[derive(Debug, PartialEq)]
struct Outcome {
    decision: Option<bool>,
    handler_saw: Vec<String>,
    call_carried: Vec<String>,
    answer: Vec<String>,
    spans: Vec<(String, BTreeMap<String, String>)>,
}

fn outcome(lab: &Lab, layer: &ServerLayer, lines: &str) -> Outcome {
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
        let catalog = service_fn(|request: Request<()>| {
            call_carried = request.headers().clone();
            std::future::ready(Ok::<_, Infallible>(empty()))
        });
        let mut client = lab.tracer.client_layer().layer(catalog);
        drain(now(client.call(Request::new(()))).unwrap().body_mut()).unwrap();
        empty()
    });
    drain(response.body_mut()).unwrap();
    for name in NOT_OURS {
        handler_saw.remove(name);
    }
    let spans = lab.spans.all().into_iter().map(|span| {
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

/// A header's or a tag's value, with what is random in it masked.
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

fn configured(sampler: Sampler, mode: Mode, propagation: Propagation) -> Lab {
    Lab::of(|builder: TracerBuilder| {
        builder
            .sampler(sampler)
            .mode(mode)
            .propagation(propagation)
            .tag_malformed_headers(true)
            .tag(Tag::request_header("tenant", "x-tenant"))
    })
}

fn propagations() -> [Propagation; 4] {
    let own = || [http::HeaderName::from_static("x-own-context")];
    let all = || [Format::B3Multi, Format::B3Single, Format::W3c];
    [
        Propagation::default().forward(own()).unwrap(),
        Propagation::default().forward(own()).unwrap().w3c(false),
        Propagation::default()
            .forward(own())
            .unwrap()
            .formats(all()),
        Propagation::default()
            .do_not_forward(own())
            .do_not_forward([http::HeaderName::from_static("sw8")]),
    ]
}

#[test]
fn whatever_a_stranger_sends_the_outcome_is_the_same() {
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
            // Nobody tells the peer's address.
            Trust::networks(["0.0.0.0/0"]).unwrap().into(),
        ]
    };
    for mode in [Mode::Spans, Mode::RecordOnly, Mode::ForwardOnly] {
        for propagation in propagations() {
            for sampler in samplers() {
                let lab = configured(sampler, mode, propagation.clone());
                for trust in trusts() {
                    let layer = lab.tracer.server_layer().trust(trust);
                    assert_same(&lab, &layer);
                    assert_same(&lab, &layer.clone().rewrite_request_headers(true));
                    assert_same(&lab, &layer.clone().join(true));
                    assert_same(&lab, &layer.exclude_paths(["/items/7"]));
                }
            }
        }
    }
}

#[track_caller]
fn assert_same(lab: &Lab, layer: &ServerLayer) {
    let plain = outcome(lab, layer, PLAIN);
    for lines in [EVERYTHING, NOTHING_READABLE] {
        let stranger = outcome(lab, layer, &format!("{lines}{PLAIN}"));
        assert_eq!(stranger, plain, "{lines}");
    }
    nothing_was_malformed(lab);
}

/// What was dropped was not looked at, or at least not complained about.
#[track_caller]
fn nothing_was_malformed(lab: &Lab) {
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
        assert_eq!(lab.tracer.malformed(field), 0, "{field:?}");
    }
}

#[test]
fn headers_added_with_forward_stay_on_a_strangers_request_but_are_not_forwarded() {
    let own = "authorization: Bearer s3cret|jwt: a|jwt: b";
    for mode in [Mode::Spans, Mode::RecordOnly, Mode::ForwardOnly] {
        let propagation = Propagation::default().forward(["authorization", "jwt"]);
        let lab = configured(Sampler::never(), mode, propagation.unwrap());
        for (trust, forwarded) in [(Trust::nobody(), false), (Trust::everyone(), true)] {
            let layer = lab.tracer.server_layer().trust(trust);
            for layer in [layer.clone(), layer.exclude_paths(["/items/7"])] {
                let outcome = outcome(&lab, &layer, &format!("{own}|sw8: 1|{PLAIN}"));
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
fn the_outcome_of_a_request_that_is_trusted_is_another() {
    let lab = configured(Sampler::never(), Mode::Spans, Propagation::default());
    let layer = lab.tracer.server_layer().trust(Trust::when(|_| false));
    let plain = outcome(&lab, &layer, PLAIN);
    assert_eq!((plain.decision, plain.spans.len()), (Some(false), 0));
    let forced = [
        "x-envoy-force-trace: 1",
        "x-client-trace-id: 1",
        "b3: 1",
        "b3: d",
    ];
    for line in forced {
        let lines = format!("{line}|{PLAIN}");
        let trusted = outcome(&lab, &lab.tracer.server_layer(), &lines);
        assert_eq!((trusted.decision, trusted.spans.len()), (Some(true), 2));
        assert_eq!(outcome(&lab, &layer, &lines), plain);
    }
}

#[test]
fn no_decision_comes_along_with_an_id_that_is_preserved() {
    let by_id = |percent| Sampler::percentage_by_request_id(percent).unwrap();
    for (mode, sampler, decision, reason) in [
        (Mode::Spans, Sampler::always(), Some(true), None),
        (Mode::Spans, Sampler::never(), Some(false), None),
        (Mode::Spans, by_id(0.0), Some(false), None),
        // This one is ours.
        (
            Mode::Spans,
            by_id(100.0),
            Some(true),
            Some(TraceReason::Sampled),
        ),
        (Mode::RecordOnly, Sampler::never(), Some(false), None),
        (Mode::ForwardOnly, Sampler::always(), None, None),
    ] {
        let lab = configured(sampler, mode, Propagation::default());
        let layer = lab
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
            let id: tower_b3::id::RequestId = id.parse().unwrap();
            assert_eq!(id.as_str().len(), 36);
            assert!(id.as_str().starts_with("11111111-2222-"), "{id}");
            assert_eq!(id.trace_reason(), reason, "{mode:?} {sent}");
            lab.spans.take(usize::from(decision == Some(true)));
        }
    }
}

// The tag of what was dropped.

const LINK: &str = "link.trace_id";

#[test]
fn a_stranger_cannot_be_excluded_by_what_it_says_about_tracing() {
    let lab = Lab::new();
    let layer = lab
        .tracer
        .server_layer()
        .exclude(|head| head.headers().contains_key("x-request-id"))
        .exclude(|head| head.headers().contains_key("sw8"));
    let lines = "x-request-id: mine|sw8: 1";
    drain(serve(&layer, get("/", lines), |_| empty()).body_mut()).unwrap();
    lab.spans.take(0);
    let edge = layer.trust(Trust::nobody());
    drain(serve(&edge, get("/", lines), |_| empty()).body_mut()).unwrap();
    lab.spans.take(1);
}

#[test]
fn what_was_dropped_is_a_tag_where_that_is_asked_for() {
    let lab = Lab::new();
    let edge = lab.tracer.server_layer().trust(Trust::nobody());
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
        // Nothing that can be read.
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
            drain(serve(layer, get("/", &lines), |_| empty()).body_mut()).unwrap();
            let span = lab.spans.take_one();
            assert_eq!(span.tag(LINK).as_deref(), tag, "{lines}");
            assert_eq!(span.parent_id(), None, "{lines}");
            assert_ne!(span.trace_id().to_string(), TRACE, "{lines}");
        }
    }
    nothing_was_malformed(&lab);
}

#[test]
fn a_trace_that_goes_on_is_no_link() {
    let lab = Lab::new();
    let layer = lab.tracer.server_layer().tag_dropped_trace(true);
    let lines = format!("b3: {TRACE}-{SPAN}-1");
    drain(serve(&layer, get("/", &lines), |_| empty()).body_mut()).unwrap();
    let span = lab.spans.take_one();
    assert_eq!(span.trace_id().to_string(), TRACE);
    assert_eq!(span.tag(LINK), None);
}

#[test]
fn a_custom_tag_of_the_links_name_wins() {
    let lab = Lab::of(|builder| builder.tag(Tag::literal(LINK, "mine")));
    let layer = lab.tracer.server_layer().trust(Trust::nobody());
    let lines = format!("b3: {TRACE}-{SPAN}-1");
    let layer = layer.tag_dropped_trace(true);
    drain(serve(&layer, get("/", &lines), |_| empty()).body_mut()).unwrap();
    assert_eq!(lab.spans.take_one().tag(LINK).as_deref(), Some("mine"));
}
