//! Every tag name is written once, in every encoding, whoever has set the tags of that name; blank
//! names are not written.
#![cfg(feature = "otlp")]

use futures_util::FutureExt;
use http::{Request, Response};
use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, any_value::Value},
    trace::v1::ScopeSpans,
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use prost::Message;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    fmt,
    net::SocketAddr,
    slice,
};
use tower::{Layer, ServiceExt, service_fn};
use tower_b3::{
    Sampling, TraceContext, Tracer, Trust,
    otlp::OtlpEncoder,
    record::{Endpoint, SpanRecord},
    report::{Encoder, InMemoryReporter, TraceTree},
    tags::{Tag, TagNames},
    zipkin::{JsonEncoder, Proto3Encoder},
};

const NAMES: [&str; 40] = [
    "a",
    "A",
    "b",
    "component",
    "http.method",
    "http.url",
    "http.protocol",
    "http.status_code",
    "HTTP.Status_Code",
    "user_agent",
    "request_size",
    "response_size",
    "guid:x-request-id",
    "guid:x-client-trace-id",
    "peer.address",
    "grpc.path",
    "grpc.status_code",
    "grpc.message",
    "error",
    "error.reason",
    "Error",
    "canceled",
    "response_flags",
    "link.trace_id",
    "malformed_headers",
    "left_out",
    "peer.service",
    "Peer.Service",
    "network.peer.address",
    "network.peer.port",
    "service.name",
    "http.request.method",
    "url.full",
    "http.route",
    "network.protocol.version",
    "http.response.status_code",
    "http.response.body.size",
    "rpc.grpc.status_code",
    "server.address",
    "yAnnotations",
];

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => select(&NAMES[..]).prop_map(str::to_owned),
        1 => "[ \t]{0,2}",
        1 => "[a-c]{1,2}",
        // A handler's tag name is cut to 256 bytes.
        1 => "[ab]".prop_map(|end| format!("{}{end}", "x".repeat(256))),
    ]
}

fn tag() -> impl Strategy<Value = (String, String)> {
    (name(), select(vec!["1", "2", "true", "false", "10.9.9.9"]))
        .prop_map(|(name, value)| (name, value.to_owned()))
}

#[derive(Debug)]
struct Case {
    names: TagNames,
    /// Every second one is from a header, which may be absent.
    custom: Vec<(String, String)>,
    handler: Vec<(String, String)>,
    peer: Option<SocketAddr>,
    grpc: Option<&'static str>,
    malformed: bool,
    fails: bool,
    many: bool,
}

fn case() -> impl Strategy<Value = Case> {
    let custom = vec(tag(), 0..8).prop_map(|tags| {
        let usable = |name: &str| name.len() <= 256 && !name.trim().is_empty();
        let usable = tags.into_iter().filter(|(name, _)| usable(name));
        usable.collect()
    });
    let peers = [None, Some("10.0.0.1:4711"), Some("[::ffff:10.0.0.1]:80")];
    (
        select(vec![TagNames::Envoy, TagNames::OpenTelemetry]),
        custom,
        vec(tag(), 0..8),
        select(
            peers
                .map(|peer| peer.map(|peer| peer.parse().unwrap()))
                .to_vec(),
        ),
        option::of(select(vec!["0", "2", "12", "none"])),
        any::<(bool, bool, bool)>(),
    )
        .prop_map(|(names, custom, handler, peer, grpc, flags)| Case {
            names,
            custom,
            handler,
            peer,
            grpc,
            malformed: flags.0,
            fails: flags.1,
            many: flags.2,
        })
}

impl Case {
    /// A SERVER span and the CLIENT span of a call made below it.
    fn spans(&self) -> Vec<SpanRecord> {
        let spans = InMemoryReporter::default();
        let custom = self
            .custom
            .iter()
            .enumerate()
            .map(|(at, (name, value))| match at % 2 {
                0 => Tag::literal(name, value),
                _ => Tag::request_header(name, "x-custom").default_value(value),
            });
        let tracer = Tracer::builder("shop")
            .tag_names(self.names)
            .tag_malformed_headers(true)
            .tags(custom)
            .reporter(spans.clone())
            .build()
            .unwrap();
        let peer = self.peer;
        let server = tracer
            .server_layer()
            .trust(Trust::peers(|_| false))
            .tag_dropped_trace(true)
            .peer_address(move |_| peer);
        let client = tracer.client_layer().remote_service("catalog");
        let call = client.layer(service_fn(|_: Request<String>| async { self.answer() }));
        let serve = server.layer(service_fn(|_: Request<String>| {
            for (name, value) in &self.handler {
                tower_b3::tag(name, value);
            }
            for at in 0..if self.many { 200 } else { 0 } {
                tower_b3::tag(format!("many {at}"), "1");
            }
            let call = call
                .clone()
                .oneshot(self.request("http://10.0.0.2:8080/S/M"));
            call.map(|_| self.answer())
        }));
        let response = serve.oneshot(self.request("/S/M")).now_or_never().unwrap();
        drop(response);
        spans.take()
    }

    fn request(&self, uri: &str) -> Request<String> {
        let request = Request::post(uri)
            .header("user-agent", "curl")
            .header("content-length", "0")
            .header("x-client-trace-id", "c")
            .header("x-b3-traceid", "463ac35c9f6413ad48485a3953bb6124")
            .header("x-b3-spanid", "a2fb4a1d1a96d312");
        let request = match self.malformed {
            true => request.header("x-b3-flags", "?").header("x-custom", "here"),
            false => request,
        };
        let request = match self.grpc {
            Some(_) => request.header("content-type", "application/grpc"),
            None => request,
        };
        request.body(String::new()).unwrap()
    }

    fn answer(&self) -> Result<Response<String>, Infallible> {
        let mut response = Response::builder().status(if self.fails { 503 } else { 200 });
        if let Some(status) = self.grpc {
            response = response
                .header("content-type", "application/grpc")
                .header("grpc-status", status)
                .header("grpc-message", "m");
        }
        Ok(response.body(String::new()).unwrap())
    }
}

/// A JSON object's names and values, in their order.
struct Pairs(Vec<(String, String)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
        struct OfMap;
        impl<'de> Visitor<'de> for OfMap {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of text")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(OfMap)
    }
}

#[derive(serde::Deserialize)]
struct JsonSpan {
    tags: Option<Pairs>,
}

#[derive(Clone, PartialEq, Message)]
struct Proto3Spans {
    #[prost(message, repeated, tag = "1")]
    spans: Vec<Proto3Span>,
}

#[derive(Clone, PartialEq, Message)]
struct Proto3Span {
    /// The map as it is on the wire, which shows duplicate entries.
    #[prost(message, repeated, tag = "11")]
    tags: Vec<Proto3Tag>,
}

#[derive(Clone, PartialEq, Message)]
struct Proto3Tag {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

fn unique(names: impl IntoIterator<Item = String>) {
    let mut seen = BTreeSet::new();
    for name in names {
        assert!(seen.insert(name.clone()), "{name} twice");
    }
}

fn encoded(encoder: impl Encoder, span: &SpanRecord) -> Vec<u8> {
    let mut bytes = Vec::new();
    encoder.encode(span, &mut bytes).unwrap();
    bytes
}

fn otlp_attributes(span: &SpanRecord) -> Vec<(String, String)> {
    // The service's name, of a length that takes a byte, then an element of a scope's list.
    let encoded = encoded(OtlpEncoder, span);
    let scope = &encoded[1 + usize::from(encoded[0])..];
    let scope = ScopeSpans::decode(scope).unwrap();
    let attributes = scope.spans[0].attributes.iter();
    let value = |value: &AnyValue| match value.value.as_ref().unwrap() {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    attributes
        .map(|attribute| {
            let value = value(attribute.value.as_ref().unwrap());
            (attribute.key.clone(), value)
        })
        .collect()
}

fn check(span: &SpanRecord) {
    let tags: Vec<_> = span
        .tags()
        .map(|(name, value)| (name.to_owned(), value.to_string()))
        .collect();
    unique(tags.iter().map(|(name, _)| name.clone()));
    assert!(tags.iter().all(|(name, _)| !name.trim().is_empty()));

    // JSON lines are made of the same.
    let json: JsonSpan = serde_json::from_slice(&encoded(JsonEncoder, span)).unwrap();
    assert_eq!(json.tags.map_or(Vec::new(), |tags| tags.0), tags);

    let proto3 = Proto3Spans::decode(&*encoded(Proto3Encoder, span)).unwrap();
    let proto3 = proto3.spans[0].tags.iter();
    let proto3: Vec<_> = proto3
        .map(|tag| (tag.name.clone(), tag.value.clone()))
        .collect();
    assert_eq!(proto3, tags);

    let attributes = otlp_attributes(span);
    unique(attributes.iter().map(|(name, _)| name.clone()));
    let attributes: BTreeMap<_, _> = attributes.into_iter().collect();
    for (name, value) in &tags {
        if !matches!(&**name, "error" | "error.reason") {
            assert_eq!(attributes.get(name), Some(value), "{name}");
        }
    }
    let remote = span.remote_endpoint();
    let peer = [
        ("peer.service", remote.service_name.is_some()),
        ("network.peer.address", remote.ip.is_some()),
        ("network.peer.port", remote.port.is_some()),
    ];
    for (name, known) in peer {
        assert!(!known || attributes.contains_key(name), "no {name}");
    }

    let tree = TraceTree::new(slice::from_ref(span)).to_string();
    assert!(tree.matches(" grpc.status_code=").count() <= 1, "{tree}");
}

proptest! {
    #[test]
    fn of_spans_that_are_recorded(case in case()) {
        let spans = case.spans();
        prop_assert_eq!(spans.len(), 2);
        for span in &spans {
            check(span);
        }
        // The handler's last value wins.
        let server = &spans[1];
        let mut last = BTreeMap::new();
        for (name, value) in &case.handler {
            if name != "error" && !name.trim().is_empty() {
                last.insert(&name[..name.len().min(256)], value);
            }
        }
        for (name, value) in last.iter().filter(|(name, _)| **name != "error.reason") {
            let tag = server.tag(name);
            prop_assert_eq!(tag.as_deref(), Some(value.as_str()), "{}", name);
        }
        // The first custom tag wins, unless the handler sets that name.
        let mut first = BTreeMap::new();
        for (at, (name, value)) in case.custom.iter().enumerate() {
            let value = if at % 2 == 1 && case.malformed { "here" } else { value };
            first.entry(name.as_str()).or_insert(value);
        }
        for (name, value) in &first {
            if !last.contains_key(name) && !matches!(*name, "error" | "error.reason") {
                let tag = server.tag(name);
                prop_assert_eq!(tag.as_deref(), Some(*value), "{}", name);
            }
        }
    }

    #[test]
    fn of_spans_that_are_built(
        tags in vec(tag(), 0..12),
        service in option::of("[a-z]{1,4}"),
        ip: Option<[u8; 4]>,
        port: u16,
    ) {
        let mut remote = service.map_or(Endpoint::default(), Endpoint::service).with_port(port);
        if let Some(ip) = ip {
            remote = remote.with_ip(ip.into());
        }
        let mut span = SpanRecord::builder(TraceContext::root(Sampling::Accept))
            .remote_endpoint(remote);
        for (name, value) in &tags {
            span = span.tag(name, value);
        }
        let span = span.build();
        check(&span);
        let named = tags.into_iter().filter(|(name, _)| !name.trim().is_empty());
        let last: BTreeMap<_, _> = named.collect();
        let tags = span.tags().map(|(name, value)| (name.to_owned(), value.to_string()));
        prop_assert_eq!(tags.collect::<BTreeMap<_, _>>(), last);
    }
}

#[test]
fn a_tag_overrides_the_remote_endpoint() {
    let span = SpanRecord::builder(TraceContext::root(Sampling::Accept))
        .remote_endpoint(Endpoint::service("catalog").with_address("10.0.0.1:80".parse().unwrap()))
        .tag("peer.service", "inventory")
        .tag("network.peer.port", "81")
        .build();
    let mut attributes = otlp_attributes(&span);
    attributes.sort();
    let expected = [
        ("network.peer.address", "10.0.0.1"),
        ("network.peer.port", "81"),
        ("peer.service", "inventory"),
    ];
    assert_eq!(
        attributes,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}
