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
        GrpcCode::Number(code) => buffer.add_standard_number(StandardTag::GrpcStatus, code.into()),
        GrpcCode::NotANumber => add_header(buffer, StandardTag::GrpcStatus, Some(status.code)),
    }
    add_header(buffer, StandardTag::GrpcMessage, status.message);
    if status.is_error() {
        buffer.mark_failed();
    }
}

/// What `grpc-status` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GrpcCode {
    /// gRPC knows 0 to 16.
    Number(u16),
    NotANumber,
}

impl GrpcCode {
    pub(crate) fn number(self) -> Option<u16> {
        match self {
            GrpcCode::Number(code) => Some(code),
            GrpcCode::NotANumber => None,
        }
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

    pub(crate) fn code(&self) -> GrpcCode {
        let number = self.code.to_str().ok().and_then(parse_digits);
        number.map_or(GrpcCode::NotANumber, GrpcCode::Number)
    }

    /// Whether there is no value. Envoy takes this for a missing status.
    pub(crate) fn is_empty(&self) -> bool {
        self.code.is_empty()
    }

    /// Whether the status is an error in Envoy: unknown, deadline exceeded, resource exhausted,
    /// unimplemented, internal, unavailable, data loss. A status that is not a number is unknown.
    fn is_error(&self) -> bool {
        matches!(
            self.code().number(),
            None | Some(2 | 4 | 8 | 12 | 13 | 14 | 15)
        )
    }
}

pub(crate) fn is_grpc_request(header_values: &HeaderValues<'_>) -> bool {
    header_values.get(AT_CONTENT_TYPE).is_some_and(is_grpc_type)
}

pub(crate) fn has_grpc_type(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(is_grpc_type)
}

/// As Envoy decides, which knows no parameters of this type.
fn is_grpc_type(content_type: &HeaderValue) -> bool {
    let content_type = content_type.as_bytes().trim_ascii();
    let rest = content_type.strip_prefix(b"application/grpc");
    matches!(rest, Some([] | [b'+', ..]))
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
    fn grpc_has_no_parameters_and_is_in_lower_case() {
        let is_grpc = |text| is_grpc_type(&HeaderValue::from_static(text));
        for text in [
            "application/grpc",
            "application/grpc+proto",
            " application/grpc\t",
        ] {
            assert!(is_grpc(text), "{text}");
        }
        for text in [
            "application/grpc;charset=utf-8",
            "application/grpc ; charset=utf-8",
            "application/grpc-web",
            "Application/GRPC",
            "",
        ] {
            assert!(!is_grpc(text), "{text}");
        }
    }

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
