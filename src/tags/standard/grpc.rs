//! gRPC: which requests and responses belong to it, and the status of a response.

use super::{read_headers::AT_CONTENT_TYPE, request::add_header};
use crate::{
    digits::parse_digits,
    propagation::HeaderValues,
    record::{SpanBuffer, StandardTag},
};
use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// Adds the status of a gRPC response. It is in the trailers, or in the headers of a response without a
/// body.
pub(crate) fn grpc_status(buffer: &mut SpanBuffer, status: &GrpcStatus<'_>) {
    // Both the headers and the trailers may have a status.
    buffer.fields.may_repeat_names = true;
    match status.code() {
        Some(code) => buffer.add_standard_number(StandardTag::GrpcStatus, u64::from(code)),
        None => add_header(buffer, StandardTag::GrpcStatus, Some(status.code)),
    }
    add_header(buffer, StandardTag::GrpcMessage, status.message);
    if status.is_error() {
        buffer.mark_failed();
    }
}

/// `grpc-status` and `grpc-message`.
pub(crate) struct GrpcStatus<'a> {
    code: &'a HeaderValue,
    message: Option<&'a HeaderValue>,
}

impl<'a> GrpcStatus<'a> {
    pub(crate) fn of(headers: &'a HeaderMap) -> Option<GrpcStatus<'a>> {
        Some(GrpcStatus {
            code: headers.get(GRPC_STATUS)?,
            message: headers.get(GRPC_MESSAGE),
        })
    }

    pub(crate) fn code(&self) -> Option<u16> {
        parse_digits(self.code.to_str().ok()?)
    }

    /// Whether the status is an error in Envoy: unknown, deadline exceeded, resource exhausted,
    /// unimplemented, internal, unavailable, data loss. A status that is not a number is unknown.
    fn is_error(&self) -> bool {
        matches!(self.code(), None | Some(2 | 4 | 8 | 12 | 13 | 14 | 15))
    }
}

pub(crate) fn is_grpc_request(header_values: &HeaderValues<'_>) -> bool {
    header_values.get(AT_CONTENT_TYPE).is_some_and(is_grpc_type)
}

pub(crate) fn has_grpc_type(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(is_grpc_type)
}

fn is_grpc_type(content_type: &HeaderValue) -> bool {
    let rest = content_type.as_bytes().strip_prefix(b"application/grpc");
    matches!(rest, Some([] | [b'+' | b';', ..]))
}

/// `package.Service/Method` from a gRPC path; empty if the path has another form.
pub(crate) fn grpc_name(path: &str) -> &str {
    let name = path.strip_prefix('/').unwrap_or_default();
    match name.split_once('/') {
        Some((service, method)) if !service.is_empty() && !method.contains('/') => name,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_that_is_not_a_number_is_an_error() {
        let is_error = |code| {
            let headers = HeaderMap::from_iter([(GRPC_STATUS, HeaderValue::from_static(code))]);
            GrpcStatus::of(&headers).is_some_and(|status| status.is_error())
        };
        assert!(!is_error("0") && is_error("2"));
        assert!(is_error("+0"));
    }
}
