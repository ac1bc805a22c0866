use crate::{
    decode::DecodeError,
    model::{Span, read_list},
};

/// Reads Zipkin's JSON, version 2: an array of spans. An empty message is an empty list.
///
/// # Errors
///
/// If any span is not valid.
pub fn zipkin_json(json: &[u8]) -> Result<Vec<Span>, DecodeError> {
    if json.is_empty() {
        return Ok(Vec::new());
    }
    read_list(json).map_err(DecodeError::new)
}
