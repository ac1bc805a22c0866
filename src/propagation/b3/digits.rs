//! What both formats, and `traceparent`, need for ids as digits.

use crate::{id::HexError, propagation::incoming::Reason};
use bytes::Bytes;
use http::HeaderValue;

pub(super) fn reason(error: HexError) -> Reason {
    match error {
        HexError::Empty | HexError::TooLong { .. } => Reason::Shape,
        HexError::NotHex { .. } => Reason::NotHex,
        HexError::Zero => Reason::Zero,
    }
}

/// Makes a header value of digits and hyphens, which cannot fail.
pub(in crate::propagation) fn header_value(text: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(text).unwrap_or(const { HeaderValue::from_static("0") })
}
