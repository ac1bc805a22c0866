//! OpenTelemetry's protocol, OTLP: for an OpenTelemetry Collector, Jaeger, and most others.

mod encode;

pub use encode::OtlpEncoder;
