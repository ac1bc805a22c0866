//! Extraction: limits, malformed values, settings.

use crate::{S, T, extract, shown, table::headers_of};
use http::{HeaderMap, HeaderName};
use tower_b3::{
    Sampling, TraceContext,
    propagation::{Field, Propagation},
};

#[test]
fn values_over_256_bytes_are_malformed() {
    let padded =
        |value: &str, length: usize| format!("{value}{}", " ".repeat(length - value.len()));
    let deferred = |length| {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-b3-traceid", T),
            ("x-b3-spanid", S),
            ("x-b3-sampled", "0"),
        ] {
            headers.insert(name, padded(value, length).parse().unwrap());
        }
        shown(&extract(&headers))
    };
    assert_eq!(deferred(256), format!("{T}/{S}/- deny"));
    assert_eq!(deferred(257), "new defer");
    for (name, value, short) in [
        ("b3", format!("{T}-{S}-0"), format!("{T}/{S}/- deny")),
        (
            "traceparent",
            format!("00-{T}-{S}-01"),
            format!("{T}/{S}/- accept"),
        ),
        ("x-b3-flags", "1".to_owned(), "new debug".to_owned()),
    ] {
        let read = |length| {
            let name = HeaderName::from_static(name);
            let value = padded(&value, length).parse().unwrap();
            extract(&HeaderMap::from_iter([(name, value)]))
        };
        assert_eq!(shown(&read(256)), short, "{name}");
        let long = read(257);
        assert_eq!(shown(&long), "new defer", "{name}");
        let fact = long.malformed().next().unwrap();
        assert_eq!(fact.to_string(), format!("{name}: over 256 bytes"));
    }
}

#[test]
fn malformed_values_are_reported_by_field() {
    for (headers, field) in [
        ("b3: x", Field::B3),
        ("b3: T-S-1-P-", Field::B3),
        ("b3: ZZ-S-0", Field::B3),
        ("x-b3-traceid: x|x-b3-spanid: S", Field::TraceId),
        ("x-b3-traceid: T|x-b3-spanid: Z", Field::SpanId),
        (
            "x-b3-traceid: T|x-b3-spanid: S|x-b3-parentspanid: é",
            Field::ParentSpanId,
        ),
        ("x-b3-sampled: maybe", Field::Sampled),
        ("x-b3-traceid: T", Field::TraceId),
        ("x-b3-spanid: S", Field::SpanId),
        ("traceparent: 00-T-S-0", Field::Traceparent),
        ("x-request-id: a b", Field::RequestId),
    ] {
        let incoming = extract(&headers_of(headers));
        assert!(
            incoming.malformed().any(|fact| fact.field == field),
            "{headers}: {incoming:?}"
        );
    }
}

#[test]
fn with_w3c_off_its_headers_are_not_read_but_forwarded() {
    let off = Propagation::default().w3c(false);
    let inbound = headers_of("traceparent: 00-T-S-01|tracestate: a=1|tracestate: b=2");
    let (incoming, forwarded) = off.extract(&inbound);
    assert_eq!(shown(&incoming), "new defer");
    let mut out = HeaderMap::new();
    off.inject(&TraceContext::root(Sampling::Accept), &forwarded, &mut out);
    assert_eq!(out["traceparent"], inbound["traceparent"]);
    assert_eq!(out.get_all("tracestate").iter().count(), 2);
}
