//! tower-b3 as the benches set it up: defaults, two custom tags, and a reporter that discards
//! spans.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tower_b3::{
    Mode, Tracer, TracerBuilder,
    metrics::{Metrics, Workload},
    record::SpanRecord,
    report::{
        BatchOptions, BatchReporter, EncodeError, Encoded, Encoder, Message, Outcome, Reporter,
        ReporterError, Sender,
    },
    sample::Sampler,
    tags::Tag,
};

/// The number of spans that the null reporter has received from any peer.
pub static REPORTED: AtomicU64 = AtomicU64::new(0);

/// Counts spans and writes nothing.
struct NullEncoder;

impl Encoder for NullEncoder {
    fn content_type(&self) -> &'static str {
        "application/octet-stream"
    }

    fn encode(&self, _span: &SpanRecord, _to: &mut Vec<u8>) -> Result<(), EncodeError> {
        REPORTED.fetch_add(1, Relaxed);
        Ok(())
    }

    /// The number of spans: the limit of a message then limits spans instead of bytes.
    fn message_len(&self, spans: usize, _bytes: usize) -> usize {
        spans
    }

    fn message(&self, _spans: Encoded<'_>, _to: &mut Vec<u8>) {}
}

struct NullSender;

impl Sender for NullSender {
    async fn send(&mut self, _message: Message) -> Outcome {
        Outcome::Accepted
    }
}

/// The batching reporter with its default queue and messages of 512 spans, like OpenTelemetry's.
pub fn null_reporter() -> Result<BatchReporter, ReporterError> {
    BatchReporter::builder(NullEncoder, NullSender)
        .options(BatchOptions::new().message_limit(512))
        .build()
}

/// A tracer that samples all or none of the requests that arrive without a decision.
pub fn tracer(mode: Mode, samples: bool, reporter: impl Reporter) -> Tracer {
    builder(mode, samples, reporter).build().expect("a tracer")
}

/// The same tracer, and metrics of its layers.
pub fn counting_tracer(mode: Mode, samples: bool, reporter: impl Reporter) -> Tracer {
    let workload = Workload::new("orders")
        .namespace("shop")
        .label("app", "orders")
        .label("version", "v1");
    let metrics = Metrics::builder(workload).build();
    let builder = builder(mode, samples, reporter).metrics(&metrics);
    builder.build().expect("a tracer")
}

/// The builder of this tracer.
pub fn builder(mode: Mode, samples: bool, reporter: impl Reporter) -> TracerBuilder {
    let sampler = if samples {
        Sampler::always()
    } else {
        Sampler::never()
    };
    Tracer::builder("orders")
        .mode(mode)
        .sampler(sampler)
        .tag(Tag::literal("env", "prod"))
        .tag(Tag::request_header("tenant", "x-tenant"))
        .reporter(reporter)
}
