//! OpenTelemetry's protocol: `ExportTraceServiceRequest` as protocol buffers or JSON.

mod attributes;
mod convert;
mod json;
mod message;
mod protobuf;

pub use convert::Otlp;
pub use json::otlp_json;
pub use protobuf::otlp_protobuf;

pub(super) use json::otlp_result_json;
