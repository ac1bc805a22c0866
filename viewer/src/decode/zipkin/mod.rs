//! Zipkin's formats.

mod json;
mod proto3;

pub use json::zipkin_json;
pub use proto3::zipkin_proto3;
