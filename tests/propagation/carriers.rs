//! Carriers other than HTTP headers: maps, lists of pairs, the metadata of tonic.

use crate::{
    P, S, T,
    any_headers::{any_context, value_text},
    properties, shown,
};
use bytes::Bytes;
use http::HeaderMap;
use proptest::{collection::vec, prelude::*, sample::select};
use std::{
    collections::{BTreeMap, HashMap},
    str,
};
use tonic::metadata::MetadataMap;
use tower_b3::{
    Sampling, TraceContext,
    id::RequestId,
    propagation::{Carrier, CarrierMut, Format, Forwarded, Propagation},
};

type Pairs = Vec<(String, Vec<u8>)>;

fn pairs(lines: &[(&str, &str)]) -> Pairs {
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).into());
    lines.iter().map(pair).collect()
}

fn texts(pairs: &Pairs) -> Vec<(&str, &str)> {
    let pairs = pairs.iter();
    pairs
        .map(|(name, value)| (&**name, str::from_utf8(value).unwrap()))
        .collect()
}

fn context(sampling: Sampling) -> TraceContext {
    let parent = Some(P.parse().unwrap());
    TraceContext::new(T.parse().unwrap(), S.parse().unwrap(), parent, sampling)
}

fn any_name() -> impl Strategy<Value = String> {
    let known = select(vec![
        "b3",
        "B3",
        "x-b3-traceid",
        "X-B3-TraceId",
        "X-B3-SpanId",
        "x-b3-spanid",
        "X-B3-ParentSpanId",
        "x-b3-sampled",
        "X-B3-Flags",
        "traceparent",
        "Traceparent",
        "tracestate",
        "x-request-id",
        "sw8",
    ]);
    prop_oneof![20 => known.prop_map(str::to_owned), 1 => any::<String>()]
}

/// Writes to the carrier, over what it has, and reads from it.
fn round_trip<C: CarrierMut>(propagation: &Propagation, context: &TraceContext, mut carrier: C) {
    let mut forwarded = Forwarded::default();
    let id = RequestId::random();
    forwarded.set_request_id(id.clone());
    for name in ["b3", "x-b3-traceid", "x-b3-flags", "traceparent"] {
        carrier.set(name, "stale");
    }
    propagation.inject_into(context, &forwarded, &mut carrier);
    let (incoming, forwarded) = propagation.extract_from(&carrier);
    let (trace_id, span_id) = (context.trace_id(), context.span_id());
    let expected = TraceContext::new(trace_id, span_id, None, context.sampling());
    assert_eq!(incoming.context(), Some(expected));
    assert_eq!(forwarded.request_id(), Some(&id));
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1024,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_message_is_read_as_headers_are(
        message in vec((any_name(), value_text()), 0..12),
    ) {
        properties::agree_on_message(message);
    }

    #[test]
    fn contexts_survive_every_carrier(
        context in any_context(),
        formats in select(vec![
            vec![Format::B3Single],
            vec![Format::B3Multi],
            vec![Format::B3Multi, Format::B3Single, Format::W3c],
        ]),
    ) {
        let propagation = Propagation::default().message_formats(formats);
        round_trip(&propagation, &context, HeaderMap::new());
        round_trip(&propagation, &context, Pairs::new());
        round_trip(&propagation, &context, Vec::<(String, String)>::new());
        round_trip(&propagation, &context, Vec::<(String, Bytes)>::new());
        round_trip(&propagation, &context, HashMap::<String, String>::new());
        round_trip(&propagation, &context, HashMap::<Box<str>, Vec<u8>>::new());
        round_trip(&propagation, &context, BTreeMap::<String, Vec<u8>>::new());
        let mut metadata = MetadataMap::new();
        round_trip(&propagation, &context, metadata.as_mut());
        let (incoming, _) = propagation.extract_from(metadata.as_ref());
        prop_assert_eq!(incoming.context().map(|read| read.span_id()), Some(context.span_id()));
    }
}

#[test]
fn b3_without_the_parent_is_written_to_messages() {
    let propagation = Propagation::default();
    for (sampling, state) in [
        (Sampling::Defer, ""),
        (Sampling::Deny, "-0"),
        (Sampling::Accept, "-1"),
        (Sampling::Debug, "-d"),
    ] {
        let mut message = Pairs::new();
        propagation.inject_into(&context(sampling), &Forwarded::default(), &mut message);
        assert_eq!(texts(&message), [("b3", &*format!("{T}-{S}{state}"))]);
    }
}

#[test]
fn other_formats_are_written_when_configured() {
    let propagation = Propagation::default().message_formats([Format::B3Multi, Format::W3c]);
    let mut message = BTreeMap::<String, String>::new();
    propagation.inject_into(
        &context(Sampling::Deny),
        &Forwarded::default(),
        &mut message,
    );
    let written: Vec<_> = message
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(
        written,
        [
            ("traceparent", &*format!("00-{T}-{S}-00")),
            ("x-b3-sampled", "0"),
            ("x-b3-spanid", S),
            ("x-b3-traceid", T),
        ]
    );
    // Requests have formats of their own.
    let mut headers = HeaderMap::new();
    propagation.inject(
        &context(Sampling::Deny),
        &Forwarded::default(),
        &mut headers,
    );
    assert!(!headers.contains_key("traceparent") && headers.contains_key("x-b3-traceid"));
}

#[test]
fn stale_headers_are_removed_in_any_case_and_others_are_kept() {
    let mut message = pairs(&[
        ("X-B3-TraceId", P),
        ("x-b3-traceid", P),
        ("X-B3-Flags", "1"),
        ("B3", "0"),
        ("content-type", "text/plain"),
        ("Sw8", "the handler's"),
        ("X-Request-Id", "the handler's"),
        ("TraceParent", "not ours"),
    ]);
    let inbound = pairs(&[
        ("sw8", "forwarded"),
        ("x-request-id", "r"),
        ("tracestate", "a=b"),
    ]);
    let propagation = Propagation::default();
    let (_, forwarded) = propagation.extract_from(&inbound);
    propagation.inject_into(&context(Sampling::Accept), &forwarded, &mut message);
    assert_eq!(
        texts(&message),
        [
            ("content-type", "text/plain"),
            ("Sw8", "the handler's"),
            ("X-Request-Id", "the handler's"),
            ("TraceParent", "not ours"),
            ("b3", &*format!("{T}-{S}-1")),
            ("tracestate", "a=b"),
        ]
    );
}

#[test]
fn headers_that_were_added_are_read_and_not_written() {
    let propagation = Propagation::default().forward(["jwt"]).unwrap();
    let message = pairs(&[("JWT", "secret"), ("sw8", "1"), ("sw8", "2")]);
    let (_, forwarded) = propagation.extract_from(&message);
    let mut out = Pairs::new();
    propagation.inject_into(&context(Sampling::Accept), &forwarded, &mut out);
    assert_eq!(texts(&out)[1..], [("sw8", "1")]);
    let mut request = HeaderMap::new();
    propagation.inject(&context(Sampling::Accept), &forwarded, &mut request);
    assert_eq!(request["jwt"], "secret");
    assert_eq!(request.get_all("sw8").iter().count(), 2);
}

#[test]
fn bad_values_are_malformed_and_never_absent() {
    let read = |message: &Pairs| {
        let (incoming, forwarded) = Propagation::default().extract_from(message);
        let malformed: Vec<String> = incoming.malformed().map(|one| one.to_string()).collect();
        assert!(forwarded.request_id().is_none());
        format!("{}; {}", shown(&incoming), malformed.join(", "))
    };
    let value = |bytes: &[u8]| vec![("b3".to_owned(), bytes.to_vec())];
    let good = format!("{T}-{S}-1");
    assert_eq!(read(&value(good.as_bytes())), format!("{T}/{S}/- accept; "));
    let with_zero = format!("{T}-{S}-1\0");
    assert_eq!(
        read(&value(with_zero.as_bytes())),
        "new defer; b3: wrong length or shape"
    );
    let with_line_end = format!("{T}\n{}", &good[33..]);
    assert_eq!(
        read(&value(with_line_end.as_bytes())),
        "new defer; b3: wrong length or shape"
    );
    let not_utf8 = [&[0xff; 32], &good.as_bytes()[32..]].concat();
    assert_eq!(read(&value(&not_utf8)), "new accept; b3: not hexadecimal");
    let with_controls = [&[0x01; 32], &good.as_bytes()[32..]].concat();
    assert_eq!(
        read(&value(&with_controls)),
        "new accept; b3: not hexadecimal"
    );
    assert_eq!(
        read(&value(&[b'0'; 1 << 20])),
        "new defer; b3: over 256 bytes"
    );
    let id = vec![("x-request-id".to_owned(), b"a\0b".to_vec())];
    assert_eq!(
        read(&id),
        "new defer; x-request-id: not 1 to 256 visible ASCII characters"
    );
    let id = vec![("x-request-id".to_owned(), vec![b'a'; 1 << 20])];
    assert_eq!(
        read(&id),
        "new defer; x-request-id: not 1 to 256 visible ASCII characters"
    );
}

/// Requests below the message carry them, and a server refuses requests with too large headers.
#[test]
fn opaque_headers_of_a_message_are_bounded() {
    let mut message = pairs(&[("sw8", &"a".repeat(8 * 1024 - 3)), ("tracestate", "a")]);
    let names = |message: &Pairs| {
        let (_, forwarded) = Propagation::default().extract_from(message);
        let names = forwarded.headers().map(|(name, _)| name.to_string());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&message), ["sw8"]);
    message[0].1.push(b'a');
    assert_eq!(names(&message), ["tracestate"]);
    message[0].1 = b"a\r\nset-cookie: b".to_vec();
    assert_eq!(names(&message), ["tracestate"]);
    let many = vec![("sw8".to_owned(), b"1".to_vec()); 100_000];
    assert_eq!(names(&many).len(), 8 * 1024 / 4);
    let long_names = vec![("b".repeat(1 << 20), b"1".to_vec()); 10];
    assert!(names(&long_names).is_empty());
}

#[test]
fn a_carrier_can_be_borrowed_or_dynamic() {
    let array = [("b3", format!("{T}-{S}-1"))];
    let dynamic: &dyn Carrier = &array;
    let (incoming, _) = Propagation::default().extract_from(dynamic);
    assert_eq!(shown(&incoming), format!("{T}/{S}/- accept"));
    let mut map = HashMap::<String, String>::new();
    let dynamic: &mut dyn CarrierMut = &mut map;
    Propagation::default().inject_into(&context(Sampling::Deny), &Forwarded::default(), dynamic);
    assert_eq!(map.len(), 1);
}
