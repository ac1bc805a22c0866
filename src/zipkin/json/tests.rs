//! Spans with any content, parsed by serde_json and compared with their accessors.

use super::*;
use crate::{
    context::{Sampling, TraceContext},
    id::TraceIdKind,
    record::{Endpoint, Kind, SpanRecordBuilder},
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::net::IpAddr;
use std::time::Duration;

/// The message of these spans, parsed by serde_json.
fn read_back(spans: &[SpanRecord]) -> Vec<Value> {
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    for span in spans {
        JsonEncoder.encode(span, &mut bytes).unwrap();
        ends.push(bytes.len());
    }
    let mut message = Vec::new();
    JsonEncoder.message(Encoded::all(&bytes, &ends), &mut message);
    assert_eq!(
        message.len(),
        JsonEncoder.message_len(spans.len(), bytes.len())
    );
    let message = String::from_utf8(message).unwrap();
    assert!(!message.contains("yAnnotations\""), "{message}");
    serde_json::from_str(&message).unwrap()
}

/// The expected JSON of a span, made from its accessors.
fn expected(span: &SpanRecord) -> Value {
    let mut json = Map::new();
    let mut put = |name: &str, value: Value| json.insert(name.to_owned(), value);
    put("traceId", span.trace_id().to_string().into());
    put("id", span.id().to_string().into());
    if let Some(parent) = span.parent_id() {
        put("parentId", parent.to_string().into());
    }
    if let Some(kind) = span.kind() {
        put("kind", kind.as_str().into());
    }
    if !span.name().is_empty() {
        put("name", span.name().into());
    }
    if span.timestamp() > 0 {
        put("timestamp", span.timestamp().into());
    }
    put("duration", (span.duration().as_micros() as u64).into());
    for (name, endpoint) in [
        ("localEndpoint", span.local_endpoint()),
        ("remoteEndpoint", span.remote_endpoint()),
    ] {
        let mut parts = Map::new();
        if let Some(service) = endpoint.service_name {
            parts.insert("serviceName".into(), service.into());
        }
        match endpoint.ip.map(|ip| ip.to_canonical()) {
            Some(IpAddr::V4(ip)) => drop(parts.insert("ipv4".into(), ip.to_string().into())),
            Some(IpAddr::V6(ip)) => drop(parts.insert("ipv6".into(), ip.to_string().into())),
            None => {}
        }
        if let Some(port) = endpoint.port {
            parts.insert("port".into(), port.into());
        }
        if !parts.is_empty() {
            put(name, parts.into());
        }
    }
    let annotations = span.annotations();
    let annotations: Vec<_> = annotations
        .map(|(micros, text)| json!({"timestamp": micros, "value": text}))
        .collect();
    if !annotations.is_empty() {
        put("annotations", annotations.into());
    }
    let tags = span.tags();
    let tags: Map<_, _> = tags
        .map(|(name, value)| (name.to_owned(), value.to_text().into_owned().into()))
        .collect();
    if !tags.is_empty() {
        put("tags", tags.into());
    }
    for (name, set) in [("debug", span.is_debug()), ("shared", span.is_shared())] {
        if set {
            put(name, true.into());
        }
    }
    json.into()
}

fn hostile() -> impl Strategy<Value = String> {
    "(\\PC|[\"\\\\/\u{0}-\u{20}\u{7f}\u{2028}\u{fffd}]){0,12}(yAnnotations)?(\"|s|\\\\)?"
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let ip = prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>().prop_map(IpAddr::from),
        any::<[u8; 4]>().prop_map(|ip| std::net::Ipv4Addr::from(ip).to_ipv6_mapped().into()),
    ];
    let parts = (hostile(), proptest::option::of(ip), any::<u16>());
    parts.prop_map(|(service, ip, port)| {
        let endpoint = Endpoint::service(service).with_port(port);
        match ip {
            Some(ip) => endpoint.with_ip(ip),
            None => endpoint,
        }
    })
}

fn builder() -> impl Strategy<Value = SpanRecordBuilder> {
    let flags = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>());
    flags.prop_map(|(short, child, debug, shared)| {
        let kind = if short {
            TraceIdKind::Random64
        } else {
            TraceIdKind::Random128
        };
        let sampling = if debug {
            Sampling::Debug
        } else {
            Sampling::Accept
        };
        let root = TraceContext::root_of(kind, sampling);
        let context = if child { root.child() } else { root };
        SpanRecord::builder(context).shared(shared)
    })
}

prop_compose! {
    fn any_span()(
        span in builder(),
        kind in proptest::sample::select(vec![
            None,
            Some(Kind::Server),
            Some(Kind::Client),
            Some(Kind::Producer),
            Some(Kind::Consumer),
        ]),
        name in hostile(),
        timestamp: u64,
        micros: u64,
        local in endpoint(),
        remote in endpoint(),
        texts in proptest::collection::vec((hostile(), hostile(), any::<u64>()), 0..4),
    ) -> SpanRecord {
        let mut span = span
            .name(&name)
            .timestamp(timestamp)
            .duration(Duration::from_micros(micros))
            .local_endpoint(local)
            .remote_endpoint(remote);
        if let Some(kind) = kind {
            span = span.kind(kind);
        }
        for (name, value, micros) in &texts {
            span = span.tag(name, value).annotation(*micros, value);
        }
        span.build()
    }
}

proptest! {
    #[test]
    fn any_span_reads_back_equal(spans in proptest::collection::vec(any_span(), 1..4)) {
        let expected: Vec<_> = spans.iter().map(expected).collect();
        prop_assert_eq!(read_back(&spans), expected);
    }

    #[test]
    fn numbers_are_decimal(value in prop_oneof![any::<u64>(), 0_u64..2000]) {
        let mut digits = Vec::new();
        write_number(value, &mut digits);
        prop_assert_eq!(String::from_utf8(digits).unwrap(), value.to_string());
    }
}

#[test]
fn a_large_tag_reads_back_equal() {
    let value = "a \"b\" \u{1}\u{10ffff}".repeat(100_000);
    let context = TraceContext::root(Sampling::Accept);
    let span = SpanRecord::builder(context).tag("large", &value).build();
    assert_eq!(read_back(&[span])[0]["tags"]["large"], value);
}

#[test]
fn a_span_has_the_documented_fields() {
    let context = TraceContext::new(
        "463ac35c9f6413ad48485a3953bb6124".parse().unwrap(),
        "a2fb4a1d1a96d312".parse().unwrap(),
        None,
        Sampling::Accept,
    );
    let span = SpanRecord::builder(context)
        .kind(Kind::Client)
        .name("get /items")
        .timestamp(1_700_000_000_000_000)
        .duration(Duration::from_millis(12))
        .local_endpoint(Endpoint::service("webapp"))
        .remote_endpoint(
            Endpoint::service("catalog").with_address("[::ffff:10.0.0.7]:8080".parse().unwrap()),
        )
        .annotation(1_700_000_000_000_001, "retry")
        .tag("error", "true")
        .shared(true)
        .build();
    let mut json = Vec::new();
    JsonEncoder.encode(&span, &mut json).unwrap();
    let expected = concat!(
        r#"{"traceId":"463ac35c9f6413ad48485a3953bb6124","id":"a2fb4a1d1a96d312","kind":"CLIENT","#,
        r#""name":"get /items","timestamp":1700000000000000,"duration":12000,"#,
        r#""localEndpoint":{"serviceName":"webapp"},"#,
        r#""remoteEndpoint":{"serviceName":"catalog","ipv4":"10.0.0.7","port":8080},"#,
        r#""annotations":[{"timestamp":1700000000000001,"value":"retry"}],"#,
        r#""tags":{"error":"true"},"shared":true}"#,
    );
    assert_eq!(String::from_utf8(json).unwrap(), expected);
}
