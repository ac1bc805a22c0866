//! What the encoders of tower-b3 write is read back equal.

mod common {
    pub mod encoded;
}

use common::encoded::{any_text, messages, records};
use proptest::{collection::vec, prelude::*};
use tower_b3::{
    otlp::OtlpEncoder,
    record::SpanRecord,
    report::Reporter,
    zipkin::{JsonEncoder, Proto3Encoder},
};
use tower_b3_viewer::{
    Viewer,
    decode::{otlp_protobuf, zipkin_json, zipkin_proto3},
    model::{Span, TraceId},
    store::Limits,
};

/// The spans as the reporter without HTTP puts them into the store.
fn expected(records: &[SpanRecord]) -> Vec<Span> {
    let one = |record: &SpanRecord| {
        let viewer = Viewer::builder().limits(Limits::default()).build();
        viewer.reporter().report(record.clone());
        let id = TraceId::new(record.trace_id().get()).unwrap();
        let spans = viewer.store().trace(id).unwrap();
        (*spans[0]).clone()
    };
    records.iter().map(one).collect()
}

/// What OTLP cannot say is removed, and what it adds.
fn as_otlp(mut span: Span) -> Span {
    let reason = span.tag("error.reason").map(Box::from);
    let is_error = span.is_error() || reason.is_some();
    span.tags
        .retain(|(name, _)| !matches!(&**name, "error" | "error.reason"));
    if is_error {
        let reason: Box<str> = reason.unwrap_or_else(|| "true".into());
        span.tags.push(("error".into(), reason));
        span.tags.push(("otel.status_code".into(), "ERROR".into()));
    }
    span.tags
        .push(("otel.scope.name".into(), "tower-b3".into()));
    let version = env!("CARGO_PKG_VERSION").into();
    span.tags.push(("otel.scope.version".into(), version));
    span.tags.sort();
    // An endpoint of the local side has no place but its service.
    span.local_endpoint = span.local_endpoint.and_then(|local| {
        let name = local.service_name?;
        Some(tower_b3_viewer::model::Endpoint {
            service_name: Some(name),
            ..Default::default()
        })
    });
    span.debug = false;
    span.shared = false;
    if span.timestamp == 0 {
        span.duration = 0;
    }
    span
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_record_of_a_stored_span(records in vec(records(any_text), 1..8)) {
        let stored = expected(&records);
        let records: Vec<SpanRecord> = stored.iter().map(SpanRecord::from).collect();
        prop_assert_eq!(expected(&records), stored);
    }

    #[test]
    fn json(records in vec(records(any_text), 1..8)) {
        let messages = messages(JsonEncoder, &records);
        let read = messages.iter().map(|message| zipkin_json(&message.body).unwrap());
        prop_assert_eq!(read.flatten().collect::<Vec<_>>(), expected(&records));
    }

    #[test]
    fn proto3(records in vec(records(any_text), 1..8)) {
        let messages = messages(Proto3Encoder, &records);
        let read = messages.iter().map(|message| zipkin_proto3(&message.body).unwrap());
        prop_assert_eq!(read.flatten().collect::<Vec<_>>(), expected(&records));
    }

    #[test]
    fn otlp(records in vec(records(any_text), 1..8)) {
        let messages = messages(OtlpEncoder, &records);
        let read = messages.iter().flat_map(|message| {
            let read = otlp_protobuf(&message.body).unwrap();
            assert_eq!(read.rejected, 0, "{}", read.reason);
            read.spans
        });
        let expected: Vec<Span> = expected(&records).into_iter().map(as_otlp).collect();
        prop_assert_eq!(read.collect::<Vec<_>>(), expected);
    }

    /// What the API writes is what it reads.
    #[test]
    fn the_api(records in vec(records(any_text), 1..8)) {
        let spans = expected(&records);
        let written = serde_json::to_vec(&spans).unwrap();
        prop_assert_eq!(zipkin_json(&written).unwrap(), spans);
    }
}
