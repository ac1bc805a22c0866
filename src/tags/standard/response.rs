//! The standard tags of a response, and of the end of an exchange.

use crate::{
    digits::parse_digits,
    record::{SpanBuffer, StandardTag},
};
use http::{HeaderMap, HeaderValue, StatusCode, header::CONTENT_LENGTH};

/// Adds the status of a response, or 0 if there was no response.
pub(crate) fn status(buffer: &mut SpanBuffer, status: Option<StatusCode>) {
    let code = status.map_or(0, |status| status.as_u16());
    buffer.add_standard_number(StandardTag::Status, u64::from(code));
    if status.is_some_and(|status| status.is_server_error() || status.as_u16() >= 600) {
        buffer.mark_failed();
    }
}

/// Tags a span whose peer disconnected before the exchange was complete.
pub(crate) fn disconnected(buffer: &mut SpanBuffer) {
    buffer.add_standard(StandardTag::ResponseFlags, "DC");
}

pub(crate) fn failed(buffer: &mut SpanBuffer, reason: &str) {
    buffer.mark_failed();
    buffer.add_standard(StandardTag::ErrorReason, reason);
}

pub(crate) fn canceled(buffer: &mut SpanBuffer) {
    buffer.mark_failed();
    buffer.add_standard(StandardTag::Canceled, "true");
}

pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    parse_number(headers.get(CONTENT_LENGTH)?)
}

/// Parses a header's number. A sign is not accepted.
pub(super) fn parse_number(value: &HeaderValue) -> Option<u64> {
    parse_digits(value.to_str().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_in_a_header_has_no_sign() {
        let number = |text| parse_number(&HeaderValue::from_static(text));
        assert_eq!(number("12"), Some(12));
        assert_eq!(number("+12"), None);
    }
}
