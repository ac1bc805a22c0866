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
    // As in Zipkin, what is not UTF-8 is replaced.
    let mut json = String::from_utf8_lossy(json);
    if json.contains('\0') {
        // Brave's writer leaves NULs after spans with some characters, such as U+2028.
        json = json.replace('\0', " ").into();
    }
    read_list(json.as_bytes()).map_err(DecodeError::new)
}
