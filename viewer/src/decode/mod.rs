//! Reads spans in the forms in which clients send them and tools export them.

mod error;
mod export;
mod gzip;
mod jaeger;
mod otlp;
mod wire;
mod zipkin;

pub use error::DecodeError;
pub use export::any_export;
pub(crate) use export::any_inflated_export;
pub use jaeger::jaeger_json;
pub use otlp::{Otlp, otlp_json, otlp_protobuf};
pub use zipkin::{zipkin_json, zipkin_proto3};

pub(crate) use gzip::{Inflated, gunzip, is_gzip};
