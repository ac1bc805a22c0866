//! OpenTelemetry's protocol, OTLP: for an OpenTelemetry Collector, Jaeger, and most others.
//!
//! [`OtlpReporter`] is a [`BatchReporter`](crate::report::BatchReporter) of [`OtlpEncoder`] and
//! [`HttpSender`](crate::report::HttpSender), which speaks HTTP or gRPC by the dialects `http` and
//! `grpc`.

mod encoder;
mod field_reader;
mod grpc;
mod http;
mod reporter;

pub use encoder::OtlpEncoder;
pub use reporter::{OtlpReporter, OtlpReporterBuilder, Protocol};
