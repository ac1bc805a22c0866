//! Zipkin's formats.

mod json;

pub use json::zipkin_json;
