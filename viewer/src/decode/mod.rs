//! Reads spans in the forms in which clients send them and tools export them.

mod gzip;
mod zipkin;

pub use zipkin::zipkin_json;

pub(crate) use gzip::{Inflated, gunzip};

use crate::model::Span;
use std::fmt;

/// STUB
pub fn any_export(bytes: &[u8]) -> Result<Vec<Span>, DecodeError> {
    zipkin_json(bytes)
}

/// Why a message is not a list of spans: a sentence that names the span, the field and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodeError(String);

impl DecodeError {
    pub(crate) fn new(reason: impl Into<String>) -> DecodeError {
        DecodeError(reason.into())
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DecodeError {}
