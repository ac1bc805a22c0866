//! Reading, writing and forwarding together, as the layers use them.

use super::{Format, Forwarded, Propagation};
use crate::context::{Sampling, TraceContext};
use http::{HeaderMap, HeaderValue, header::HOST};

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn all(headers: &HeaderMap) -> Vec<(&str, &str)> {
    let mut all: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    all.sort_unstable();
    all
}

const TRACE: &str = "463ac35c9f6413ad48485a3953bb6124";
const SPAN: &str = "a2fb4a1d1a96d312";
const PARENT: &str = "0020000000000001";

fn context(sampling: Sampling) -> TraceContext {
    let id = |text: &str| text.parse().unwrap();
    TraceContext::new(TRACE.parse().unwrap(), id(SPAN), Some(id(PARENT)), sampling)
}

fn injected(propagation: &Propagation, context: &TraceContext, there: HeaderMap) -> HeaderMap {
    let mut headers = there;
    propagation.inject(context, &Forwarded::default(), &mut headers);
    headers
}

#[test]
fn only_b3_multi_is_written_by_default_and_stale_headers_are_removed() {
    let stale = headers(&[
        ("host", "catalog"),
        ("b3", "0"),
        ("x-b3-traceid", "1"),
        ("x-b3-traceid", "2"),
        ("x-b3-flags", "1"),
        ("X-B3-ParentSpanId", "3"),
    ]);
    let written = injected(
        &Propagation::default(),
        &context(Sampling::Deny),
        stale.clone(),
    );
    assert_eq!(
        all(&written),
        [
            ("host", "catalog"),
            ("x-b3-parentspanid", PARENT),
            ("x-b3-sampled", "0"),
            ("x-b3-spanid", SPAN),
            ("x-b3-traceid", TRACE),
        ]
    );
    let root = TraceContext::root(Sampling::Defer);
    let written = injected(&Propagation::default(), &root, stale);
    assert!(!written.contains_key("x-b3-parentspanid"));
    assert!(!written.contains_key("x-b3-sampled"));
    assert!(!written.contains_key("x-b3-flags"));
    assert!(written.contains_key(HOST));
}

#[test]
fn debug_is_written_to_sampled_and_flags_by_default() {
    let debug = context(Sampling::Debug);
    let both = injected(&Propagation::default(), &debug, HeaderMap::new());
    assert_eq!(
        (&both["x-b3-flags"], &both["x-b3-sampled"]),
        (&"1".parse().unwrap(), &"1".parse().unwrap())
    );
    let flags = Propagation::default().debug_by_flags_alone(true);
    let flags = injected(&flags, &debug, headers(&[("x-b3-sampled", "0")]));
    assert_eq!(flags["x-b3-flags"], "1");
    assert!(!flags.contains_key("x-b3-sampled"));
}

#[test]
fn other_formats_are_written_when_configured() {
    let single = Propagation::default().formats([Format::B3Single]);
    let written = injected(
        &single,
        &context(Sampling::Debug),
        headers(&[("x-b3-sampled", "0")]),
    );
    let value = format!("{TRACE}-{SPAN}-d-{PARENT}");
    assert_eq!(all(&written), [("b3", &*value)]);

    let w3c = Propagation::default().formats([Format::W3c]);
    let written = injected(&w3c, &context(Sampling::Accept), headers(&[("b3", "0")]));
    let value = format!("00-{TRACE}-{SPAN}-01");
    assert_eq!(all(&written), [("traceparent", &*value)]);

    let short = TraceContext::new(
        "48485a3953bb6124".parse().unwrap(),
        SPAN.parse().unwrap(),
        None,
        Sampling::Deny,
    );
    let all_three =
        Propagation::default().formats([Format::B3Multi, Format::B3Single, Format::W3c]);
    let written = injected(&all_three, &short, HeaderMap::new());
    assert_eq!(
        written["traceparent"],
        format!("00-{:032}-{SPAN}-00", 0)
            .replace(&format!("{:032}", 0), "000000000000000048485a3953bb6124")
    );
    assert_eq!(written["b3"], format!("48485a3953bb6124-{SPAN}-0"));
    assert_eq!(written["x-b3-traceid"], "48485a3953bb6124");
}

#[test]
fn traceparent_is_rewritten_in_its_own_trace_and_forwarded_otherwise() {
    let traceparent = format!("00-{TRACE}-{SPAN}-00");
    let propagation = Propagation::default();
    for (more, rewritten) in [
        (vec![], true),
        (vec![("x-b3-traceid", TRACE), ("x-b3-spanid", PARENT)], true),
        (
            vec![("x-b3-traceid", PARENT), ("x-b3-spanid", PARENT)],
            false,
        ),
    ] {
        let mut inbound = headers(&[("traceparent", &*traceparent), ("tracestate", "a=b")]);
        inbound.extend(headers(&more));
        let (incoming, forwarded) = propagation.extract(&inbound);
        let context = incoming.context().unwrap();
        let child = context.with_sampling(Sampling::Accept).child();
        let mut out = HeaderMap::new();
        propagation.inject(&child, &forwarded, &mut out);
        assert_eq!(out["tracestate"], "a=b");
        assert_eq!(out["traceparent"] != traceparent, rewritten, "{more:?}");
        if rewritten {
            assert!(
                out["traceparent"]
                    .to_str()
                    .unwrap()
                    .contains(&child.span_id().to_string())
            );
        }
    }
    let off = Propagation::default().w3c(false);
    let (incoming, forwarded) = off.extract(&headers(&[("traceparent", &*traceparent)]));
    assert_eq!(incoming.context(), None);
    let mut out = HeaderMap::new();
    off.inject(&context(Sampling::Accept), &forwarded, &mut out);
    assert_eq!(out["traceparent"], traceparent);
}

#[test]
fn opaque_headers_are_forwarded_with_all_values_and_overwrite_none() {
    let inbound = headers(&[
        ("x-ot-span-context", "one"),
        ("sw8", "from inbound"),
        ("x-ot-span-context", "two"),
        ("x-client-trace-id", "mine"),
        ("x-envoy-force-trace", "true"),
        ("x-request-id", "r"),
        ("end-user", "jason"),
        ("cookie", "secret"),
    ]);
    let propagation = Propagation::default()
        .forward(["end-user"])
        .unwrap()
        .do_not_forward(["x-client-trace-id"])
        .unwrap();
    let (incoming, forwarded) = propagation.extract(&inbound);
    assert!(incoming.is_forced() && incoming.is_client_forced());
    let mut out = headers(&[("sw8", "the handler's")]);
    propagation.inject(&context(Sampling::Accept), &forwarded, &mut out);
    for name in [
        "x-b3-traceid",
        "x-b3-spanid",
        "x-b3-parentspanid",
        "x-b3-sampled",
    ] {
        out.remove(name);
    }
    assert_eq!(
        all(&out),
        [
            ("end-user", "jason"),
            ("sw8", "the handler's"),
            ("x-ot-span-context", "one"),
            ("x-ot-span-context", "two"),
            ("x-request-id", "r"),
        ]
    );
}

#[test]
fn strip_keeps_the_request_id_and_added_headers() {
    let mut headers = headers(&[
        ("b3", "x"),
        ("x-b3-traceid", "x"),
        ("x-b3-spanid", "x"),
        ("x-b3-spanid", "y"),
        ("x-b3-parentspanid", "x"),
        ("x-b3-sampled", "x"),
        ("x-b3-flags", "x"),
        ("traceparent", "x"),
        ("tracestate", "x"),
        ("x-envoy-force-trace", "x"),
        ("x-client-trace-id", "x"),
        ("x-amzn-trace-id", "x"),
        ("x-request-id", "x"),
        ("accept", "x"),
        ("jwt", "x"),
        ("sw8", "x"),
    ]);
    let propagation = Propagation::default().forward(["jwt", "sw8"]).unwrap();
    let propagation = propagation.do_not_forward(["x-amzn-trace-id"]).unwrap();
    propagation.strip(&mut headers);
    assert_eq!(
        all(&headers),
        [("accept", "x"), ("jwt", "x"), ("x-request-id", "x")]
    );
}

#[test]
fn malformed_headers_are_listed_with_reasons() {
    let problems = |pairs: &[(&'static str, &str)]| {
        let (incoming, _) = Propagation::default().extract(&headers(pairs));
        let mut problems: Vec<_> = incoming
            .malformed()
            .map(|header| header.to_string())
            .collect();
        problems.sort();
        problems
    };
    let long = "a".repeat(257);
    assert!(problems(&[("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN)]).is_empty());
    assert!(problems(&[("b3", "1"), ("x-b3-flags", "0"), ("x-request-id", "")]).is_empty());
    assert_eq!(problems(&[("b3", "")]), ["b3: wrong length or shape"]);
    assert_eq!(problems(&[("b3", &long)]), ["b3: over 256 bytes"]);
    assert_eq!(
        problems(&[
            ("x-b3-traceid", "zz"),
            ("x-b3-sampled", "yes"),
            ("x-request-id", "a b")
        ]),
        [
            "x-b3-sampled: unknown value",
            "x-b3-traceid: not hexadecimal",
            "x-request-id: not 1 to 256 visible ASCII characters",
        ]
    );
    assert_eq!(
        problems(&[("x-b3-traceid", TRACE), ("traceparent", "00-x")]),
        [
            "traceparent: wrong length or shape",
            "x-b3-traceid: trace id or span id without the other",
        ]
    );
    assert_eq!(
        problems(&[
            ("x-b3-traceid", "0"),
            ("x-b3-spanid", SPAN),
            ("x-b3-parentspanid", "0")
        ]),
        [
            "x-b3-spanid: trace id or span id without the other",
            "x-b3-traceid: all zero",
        ]
    );
    assert_eq!(
        problems(&[
            ("x-b3-traceid", TRACE),
            ("x-b3-spanid", SPAN),
            ("x-b3-parentspanid", "-")
        ]),
        ["x-b3-parentspanid: not hexadecimal"]
    );
}
