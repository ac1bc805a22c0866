//! OpenTelemetry's protocol, OTLP: for an OpenTelemetry Collector, Jaeger, and most others.

mod encode;
mod fields;
mod grpc;
mod http;
mod reporter;

pub use encode::OtlpEncoder;
pub use reporter::{OtlpReporter, OtlpReporterBuilder, Protocol};
