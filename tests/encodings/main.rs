//! The binary encodings, decoded by `prost` from the declarations of Zipkin's messages, and by the
//! types of OpenTelemetry.
#![cfg(feature = "otlp")]

mod kinds;

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
    trace::v1::{Span as OtlpSpan, span::SpanKind, status::StatusCode},
};
use proptest::{collection::vec, option, prelude::*};
use prost::Message as _;
use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::mpsc,
    time::Duration,
};
use tower_b3::{
    Sampling, TraceContext,
    id::{SpanId, TraceId},
    otlp::OtlpEncoder,
    record::{Endpoint, EndpointRef, Kind, SpanRecord},
    report::{BatchOptions, BatchReporter, Encoder, Message, Outcome, Reporter, Sender},
    zipkin::Proto3Encoder,
};

/// Zipkin's messages, as its API declares them.
mod zipkin {
    use prost::Message;
    use std::collections::HashMap;

    #[derive(Clone, PartialEq, Message)]
    pub struct ListOfSpans {
        #[prost(message, repeated, tag = "1")]
        pub spans: Vec<Span>,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Span {
        #[prost(bytes = "vec", tag = "1")]
        pub trace_id: Vec<u8>,
        #[prost(bytes = "vec", tag = "2")]
        pub parent_id: Vec<u8>,
        #[prost(bytes = "vec", tag = "3")]
        pub id: Vec<u8>,
        #[prost(int32, tag = "4")]
        pub kind: i32,
        #[prost(string, tag = "5")]
        pub name: String,
        #[prost(fixed64, tag = "6")]
        pub timestamp: u64,
        #[prost(uint64, tag = "7")]
        pub duration: u64,
        #[prost(message, optional, tag = "8")]
        pub local_endpoint: Option<Endpoint>,
        #[prost(message, optional, tag = "9")]
        pub remote_endpoint: Option<Endpoint>,
        #[prost(message, repeated, tag = "10")]
        pub annotations: Vec<Annotation>,
        #[prost(map = "string, string", tag = "11")]
        pub tags: HashMap<String, String>,
        #[prost(bool, tag = "12")]
        pub debug: bool,
        #[prost(bool, tag = "13")]
        pub shared: bool,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Endpoint {
        #[prost(string, tag = "1")]
        pub service_name: String,
        #[prost(bytes = "vec", tag = "2")]
        pub ipv4: Vec<u8>,
        #[prost(bytes = "vec", tag = "3")]
        pub ipv6: Vec<u8>,
        #[prost(int32, tag = "4")]
        pub port: i32,
    }

    #[derive(Clone, PartialEq, Message)]
    pub struct Annotation {
        #[prost(fixed64, tag = "1")]
        pub timestamp: u64,
        #[prost(string, tag = "2")]
        pub value: String,
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[ -~]{0,12}",
        3 => "\\PC{0,40}",
        2 => any::<String>(),
        1 => "[a-z]{0,200}".prop_map(|text| text.repeat(7)),
    ]
}

fn endpoint() -> impl Strategy<Value = Endpoint> {
    let ip = option::of(prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>().prop_map(IpAddr::from),
        any::<[u8; 4]>().prop_map(|ip| {
            IpAddr::from(Ipv6Addr::from([
                0,
                0,
                0,
                0,
                0,
                0xffff,
                u16::from_be_bytes([ip[0], ip[1]]),
                u16::from_be_bytes([ip[2], ip[3]]),
            ]))
        }),
    ]);
    (text(), ip, any::<u16>()).prop_map(|(service, ip, port)| {
        let endpoint = Endpoint::service(service);
        match ip {
            Some(ip) => endpoint.with_address(SocketAddr::new(ip, port)),
            None => endpoint.with_port(port),
        }
    })
}

prop_compose! {
    fn spans()(
        trace in prop_oneof![1_u128.., 1_u128..u128::from(u64::MAX)],
        id in 1_u64..,
        parent: u64,
        sampling in prop::sample::select(vec![Sampling::Accept, Sampling::Debug]),
        kind in option::of(prop::sample::select(vec![Kind::Server, Kind::Client, Kind::Producer, Kind::Consumer])),
        name in text(),
        timestamp in 0_u64..1 << 53,
        duration in 0_u64..1 << 40,
        local in endpoint(),
        remote in endpoint(),
        annotations in vec((0_u64..1 << 53, text()), 0..4),
        tags in vec((text(), text()), 0..8),
        error in option::of(text()),
        shared: bool,
    ) -> SpanRecord {
        let context = TraceContext::new(
            TraceId::new(trace).unwrap(), SpanId::new(id).unwrap(), SpanId::new(parent), sampling);
        let mut span = SpanRecord::builder(context)
            .name(&name)
            .timestamp(timestamp)
            .duration(Duration::from_micros(duration))
            .local_endpoint(local)
            .remote_endpoint(remote)
            .shared(shared);
        if let Some(kind) = kind {
            span = span.kind(kind);
        }
        for (micros, text) in &annotations {
            span = span.annotation(*micros, text);
        }
        for (name, value) in &tags {
            span = span.tag(name, value);
        }
        if let Some(reason) = error {
            span = span.tag("error", "true").tag("error.reason", &reason);
        }
        span.build()
    }
}

struct ToChannel(mpsc::Sender<Message>);

impl Sender for ToChannel {
    async fn send(&mut self, message: Message) -> Outcome {
        let _ = self.0.send(message);
        Outcome::Accepted
    }
}

/// The messages that a reporter makes of these spans.
fn messages(encoder: impl Encoder, spans: &[SpanRecord]) -> Vec<Message> {
    let (sender, messages) = mpsc::channel();
    let reporter = BatchReporter::builder(encoder, ToChannel(sender))
        .build()
        .unwrap();
    for span in spans {
        reporter.report(span.clone());
    }
    assert!(reporter.flush(Duration::from_secs(10)));
    let stats = reporter.stats();
    assert_eq!(stats.sent, spans.len() as u64, "{stats}");
    reporter.shutdown(Duration::from_secs(10));
    messages.iter().collect()
}

fn tags(span: &SpanRecord) -> BTreeMap<String, String> {
    let tags = span.tags();
    tags.map(|(name, value)| (name.to_owned(), value.to_string()))
        .collect()
}

fn check_endpoint(read: Option<zipkin::Endpoint>, written: EndpointRef<'_>) {
    assert_eq!(read.is_none(), written.is_empty());
    let read = read.unwrap_or_default();
    assert_eq!(read.service_name, written.service_name.unwrap_or_default());
    assert_eq!(read.port, written.port.map_or(0, i32::from));
    let (v4, v6) = match written.ip.map(|ip| ip.to_canonical()) {
        Some(IpAddr::V4(ip)) => (ip.octets().to_vec(), Vec::new()),
        Some(IpAddr::V6(ip)) => (Vec::new(), ip.octets().to_vec()),
        None => (Vec::new(), Vec::new()),
    };
    assert_eq!((read.ipv4, read.ipv6), (v4, v6));
}

fn check_zipkin(read: zipkin::Span, written: &SpanRecord) {
    assert_eq!(read.trace_id, written.trace_id().get().to_be_bytes());
    assert_eq!(read.id, written.id().get().to_be_bytes());
    let parent = written
        .parent_id()
        .map(|id| id.get().to_be_bytes().to_vec());
    assert_eq!(read.parent_id, parent.unwrap_or_default());
    let kinds = [
        None,
        Some(Kind::Client),
        Some(Kind::Server),
        Some(Kind::Producer),
        Some(Kind::Consumer),
    ];
    assert_eq!(kinds[read.kind as usize], written.kind());
    assert_eq!(read.name, written.name());
    assert_eq!(read.timestamp, written.timestamp());
    assert_eq!(u128::from(read.duration), written.duration().as_micros());
    check_endpoint(read.local_endpoint, written.local_endpoint());
    check_endpoint(read.remote_endpoint, written.remote_endpoint());
    let annotations: Vec<_> = read
        .annotations
        .iter()
        .map(|a| (a.timestamp, &*a.value))
        .collect();
    assert_eq!(annotations, written.annotations().collect::<Vec<_>>());
    assert_eq!(
        read.tags.into_iter().collect::<BTreeMap<_, _>>(),
        tags(written)
    );
    assert_eq!(read.debug, written.is_debug());
    assert_eq!(read.shared, written.is_shared());
}

fn value(attribute: &KeyValue) -> String {
    match attribute
        .value
        .as_ref()
        .and_then(|value| value.value.as_ref())
    {
        Some(Value::StringValue(text)) => text.clone(),
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{other:?}"),
    }
}

fn otlp_kind(kind: Option<Kind>) -> SpanKind {
    match kind {
        Some(Kind::Server) => SpanKind::Server,
        Some(Kind::Client) => SpanKind::Client,
        Some(Kind::Producer) => SpanKind::Producer,
        Some(Kind::Consumer) => SpanKind::Consumer,
        _ => SpanKind::Internal,
    }
}

fn check_otlp(service: &str, read: OtlpSpan, written: &SpanRecord) {
    assert_eq!(
        service,
        written.local_endpoint().service_name.unwrap_or_default()
    );
    assert_eq!(read.trace_id, written.trace_id().get().to_be_bytes());
    assert_eq!(read.span_id, written.id().get().to_be_bytes());
    let parent = written
        .parent_id()
        .map(|id| id.get().to_be_bytes().to_vec());
    assert_eq!(read.parent_span_id, parent.unwrap_or_default());
    assert_eq!(read.name, written.name());
    assert_eq!(read.kind(), otlp_kind(written.kind()));
    assert_eq!(read.start_time_unix_nano, written.timestamp() * 1000);
    let took = Duration::from_nanos(read.end_time_unix_nano - read.start_time_unix_nano);
    assert_eq!(took, written.duration());
    let mut expected = tags(written);
    let (error, reason) = (expected.remove("error"), expected.remove("error.reason"));
    let remote = written.remote_endpoint();
    let mut attributes: Vec<(String, String)> = expected.into_iter().collect();
    let peer = [
        ("peer.service", remote.service_name.map(str::to_owned)),
        (
            "network.peer.address",
            remote.ip.map(|ip| ip.to_canonical().to_string()),
        ),
        (
            "network.peer.port",
            remote.port.map(|port| port.to_string()),
        ),
    ];
    attributes.extend(
        peer.into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?))),
    );
    attributes.sort();
    let mut read_attributes: Vec<_> = read
        .attributes
        .iter()
        .map(|attribute| (attribute.key.clone(), value(attribute)))
        .collect();
    read_attributes.sort();
    assert_eq!(read_attributes, attributes);
    let events: Vec<_> = read
        .events
        .iter()
        .map(|e| (e.time_unix_nano / 1000, &*e.name))
        .collect();
    assert_eq!(events, written.annotations().collect::<Vec<_>>());
    match read.status {
        Some(status) => {
            assert_eq!(status.code(), StatusCode::Error);
            assert_eq!(status.message, reason.unwrap_or_default());
        }
        None => assert_eq!((error, reason), (None, None)),
    }
    assert_eq!(read.flags & 1, 1);
}

fn otlp_spans(message: &Message) -> Vec<(String, OtlpSpan)> {
    let request = ExportTraceServiceRequest::decode(&*message.body).unwrap();
    let mut spans = Vec::new();
    for resource in request.resource_spans {
        let attributes = resource
            .resource
            .map(|resource| resource.attributes)
            .unwrap_or_default();
        let service = attributes
            .iter()
            .find(|attribute| attribute.key == "service.name");
        let service = service.map(value).unwrap_or_default();
        for scope in resource.scope_spans {
            assert_eq!(scope.scope.unwrap().name, "tower-b3");
            spans.extend(scope.spans.into_iter().map(|span| (service.clone(), span)));
        }
    }
    spans
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn decoded_proto3_spans_are_equal(spans in vec(spans(), 1..12)) {
        let messages = messages(Proto3Encoder, &spans);
        let read = messages.iter().flat_map(|message| {
            assert_eq!(message.content_type, "application/x-protobuf");
            zipkin::ListOfSpans::decode(&*message.body).unwrap().spans
        });
        let read: Vec<_> = read.collect();
        prop_assert_eq!(read.len(), spans.len());
        for (read, written) in read.into_iter().zip(&spans) {
            check_zipkin(read, written);
        }
    }

    #[test]
    fn decoded_otlp_spans_are_equal(spans in vec(spans(), 1..12)) {
        let messages = messages(OtlpEncoder, &spans);
        let read: Vec<_> = messages.iter().flat_map(otlp_spans).collect();
        prop_assert_eq!(read.len(), spans.len());
        for ((service, read), written) in read.into_iter().zip(&spans) {
            check_otlp(&service, read, written);
        }
    }
}

fn named(service: &'static str, bytes: usize) -> SpanRecord {
    SpanRecord::builder(TraceContext::root(Sampling::Accept))
        .local_endpoint(Endpoint::service(service))
        .tag("text", &"x".repeat(bytes))
        .build()
}

#[test]
fn messages_do_not_exceed_their_limit() {
    fn fits(encoder: impl Encoder + Clone) {
        let (sender, messages) = mpsc::channel();
        let reporter = BatchReporter::builder(encoder, ToChannel(sender))
            .options(BatchOptions::new().message_limit(5_000))
            .build()
            .unwrap();
        let services = ["a", "b", "a-longer-name-of-a-service"];
        for at in 0..2_000 {
            reporter.report(named(services[at % 3], at % 700));
        }
        reporter.shutdown(Duration::from_secs(10));
        let messages: Vec<_> = messages.iter().collect();
        assert_eq!(
            messages.iter().map(|message| message.spans).sum::<usize>(),
            2_000
        );
        let most = messages
            .iter()
            .map(|message| message.body.len())
            .max()
            .unwrap();
        assert!((3_000..=5_000).contains(&most), "{most}");
    }
    fits(Proto3Encoder);
    fits(OtlpEncoder);
}

#[test]
fn adjacent_spans_of_a_service_share_a_resource() {
    let spans: Vec<_> = ["a", "a", "b", "b", "b", "a"]
        .map(|service| named(service, 1))
        .into();
    let [message] = &messages(OtlpEncoder, &spans)[..] else {
        panic!("one message");
    };
    let request = ExportTraceServiceRequest::decode(&*message.body).unwrap();
    let sizes = request
        .resource_spans
        .iter()
        .map(|resource| resource.scope_spans[0].spans.len());
    assert_eq!(sizes.collect::<Vec<_>>(), [2, 3, 1]);
}
