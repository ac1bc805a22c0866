//! The kind and the remote endpoint of local spans, as Zipkin and OTLP get them.

use crate::{check_zipkin, messages, otlp_spans, value, zipkin};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use tower_b3::{
    Tracer,
    otlp::OtlpEncoder,
    record::{Kind, SpanRecord},
    report::InMemoryReporter,
    zipkin::{JsonEncoder, Proto3Encoder},
};

/// Spans of local work that are sides of an exchange, as a handler makes them.
fn spans_of_every_kind() -> Vec<SpanRecord> {
    let spans = InMemoryReporter::default();
    let tracer = Tracer::builder("shop").reporter(spans.clone()).build();
    let tracer = tracer.unwrap();
    let mut message = Vec::<(String, Vec<u8>)>::new();
    tracer.span("work").in_scope(|| {
        let query = tower_b3::span("SELECT").kind(Kind::Client);
        let query = query.remote_service("postgres");
        drop(query.remote_address(([10, 0, 0, 3], 5432).into()));
        let send = tracer.producer_span(&mut message, "send");
        drop(send.remote_service("kafka"));
    });
    drop(
        tracer
            .consumer_span(&message, "poll")
            .remote_service("kafka"),
    );
    spans.take()
}

#[test]
fn zipkin_gets_the_kind_and_the_remote_endpoint_of_local_spans() {
    let spans = spans_of_every_kind();
    let [json] = &messages(JsonEncoder, &spans)[..] else {
        panic!("one message");
    };
    let json: serde_json::Value = serde_json::from_slice(&json.body).unwrap();
    let seen = json.as_array().unwrap().iter().map(|span| {
        (
            span["name"].as_str().unwrap(),
            span["kind"].as_str(),
            span.get("remoteEndpoint").cloned(),
        )
    });
    let seen: Vec<_> = seen.collect();
    let postgres = serde_json::json!({
        "serviceName": "postgres", "ipv4": "10.0.0.3", "port": 5432
    });
    let kafka = serde_json::json!({ "serviceName": "kafka" });
    assert_eq!(
        seen,
        [
            ("SELECT", Some("CLIENT"), Some(postgres)),
            ("send", Some("PRODUCER"), Some(kafka.clone())),
            ("work", None, None),
            ("poll", Some("CONSUMER"), Some(kafka)),
        ]
    );
    let [proto3] = &messages(Proto3Encoder, &spans)[..] else {
        panic!("one message");
    };
    let read = zipkin::ListOfSpans::decode(&*proto3.body).unwrap().spans;
    assert_eq!(
        read.iter().map(|span| span.kind).collect::<Vec<_>>(),
        [1, 3, 0, 4]
    );
    for (read, written) in read.into_iter().zip(&spans) {
        check_zipkin(read, written);
    }
}

#[test]
fn otlp_gets_the_kind_and_the_peer_of_local_spans() {
    let spans = spans_of_every_kind();
    let [message] = &messages(OtlpEncoder, &spans)[..] else {
        panic!("one message");
    };
    let read = otlp_spans(message);
    let seen = read.iter().map(|(_, span)| {
        let attributes = span.attributes.iter();
        let peer = attributes.map(|attribute| format!("{}={}", attribute.key, value(attribute)));
        (span.kind(), peer.collect::<Vec<_>>().join(" "))
    });
    let seen: Vec<_> = seen.collect();
    let postgres = "peer.service=postgres network.peer.address=10.0.0.3 network.peer.port=5432";
    assert_eq!(
        seen,
        [
            (SpanKind::Client, postgres.to_owned()),
            (SpanKind::Producer, "peer.service=kafka".to_owned()),
            (SpanKind::Internal, String::new()),
            (SpanKind::Consumer, "peer.service=kafka".to_owned()),
        ]
    );
}
