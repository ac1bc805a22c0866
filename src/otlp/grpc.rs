//! OTLP over gRPC: a prefixed message over HTTP/2, and its status in the trailers.
//!
//! This is all of gRPC that one unary request needs. The connection is the HTTP sender's.

use super::{
    field_reader::{FieldReader, Value},
    http::export_outcome,
};
use crate::{
    digits::parse_digits,
    printable::one_line,
    report::{CollectorResponse, Dialect, Message, Outcome},
};
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue,
    header::{CONTENT_TYPE, TE},
};
use percent_encoding::percent_decode;
use std::time::Duration;

#[derive(Debug)]
pub(super) struct OverGrpc;

/// The length of the prefix: a byte for the compression, and four for the length.
const PREFIX_LEN: usize = 5;

/// The names of the status codes, by number.
const STATUS_NAMES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

impl Dialect for OverGrpc {
    fn path(&self) -> &'static str {
        "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
    }

    fn needs_http2(&self) -> bool {
        true
    }

    /// The status comes after the body, so the body is waited for.
    fn body_timeout(&self) -> Option<Duration> {
        None
    }

    fn body(&self, message: Message, headers: &mut HeaderMap) -> Result<Bytes, http::Error> {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(TE, HeaderValue::from_static("trailers"));
        if let Some(encoding) = message.content_encoding {
            headers.insert("grpc-encoding", HeaderValue::try_from(encoding)?);
        }
        // A length that does not fit is wrong, and refused: no collector accepts such a message.
        let len = u32::try_from(message.body.len()).unwrap_or(u32::MAX);
        let mut body = Vec::with_capacity(PREFIX_LEN + message.body.len());
        body.push(message.content_encoding.is_some().into());
        body.extend_from_slice(&len.to_be_bytes());
        body.extend_from_slice(&message.body);
        Ok(body.into())
    }

    fn outcome(&self, response: &CollectorResponse, spans: usize) -> Outcome {
        // In a response without a body, the status is among the headers.
        let status = [&response.trailers, &response.headers]
            .into_iter()
            .find_map(|headers| Some((headers, headers.get("grpc-status")?)));
        match (status, &response.body) {
            (Some((headers, code)), body) => {
                let code = code.to_str().unwrap_or_default();
                match (parse_digits(code), body) {
                    (Some(0), Ok(body)) => {
                        export_outcome(body.get(PREFIX_LEN..).unwrap_or_default(), spans)
                    }
                    (Some(0), Err(_)) => Outcome::Accepted,
                    _ => error_outcome(code, headers),
                }
            }
            (None, _) if !response.status.is_success() => response.outcome(),
            (None, Err(reason)) => Outcome::retry(reason),
            (None, Ok(_)) => Outcome::refused(format!(
                "{} without a grpc-status: this is not a gRPC server",
                response.status
            )),
        }
    }
}

/// The outcome of a status other than `OK`, by OTLP's specification.
fn error_outcome(code: &str, headers: &HeaderMap) -> Outcome {
    let name = parse_digits(code).and_then(|number: usize| STATUS_NAMES.get(number).copied());
    let mut reason = match name {
        Some(name) => name.to_owned(),
        None => format!("grpc-status {}", one_line(code)),
    };
    let message = headers.get("grpc-message");
    let message = message.map(|text| one_line(&percent_decoded(text.as_bytes())));
    if let Some(message) = message.filter(|message| !message.is_empty()) {
        reason = format!("{reason}: {message}");
    }
    let after = retry_delay(headers);
    match name.unwrap_or_default() {
        "INVALID_ARGUMENT" => Outcome::BadRequest { reason },
        "RESOURCE_EXHAUSTED" | "OUT_OF_RANGE" if is_too_large(&reason) => {
            Outcome::TooLarge { reason }
        }
        // Without a `RetryInfo`, the specification says not to retry.
        "RESOURCE_EXHAUSTED" if after.is_none() => Outcome::Refused { reason },
        "CANCELLED" | "DEADLINE_EXCEEDED" | "RESOURCE_EXHAUSTED" | "ABORTED" | "OUT_OF_RANGE"
        | "UNAVAILABLE" | "DATA_LOSS" => Outcome::Retry { reason, after },
        _ => Outcome::Refused { reason },
    }
}

/// By the texts of gRPC's libraries for Go, Java, C++ and Rust, since there is no code for it.
fn is_too_large(reason: &str) -> bool {
    let reason = reason.to_ascii_lowercase();
    [
        "larger than max",
        "exceeds maximum size",
        "message length too large",
    ]
    .iter()
    .any(|text| reason.contains(text))
}

/// The delay in the `RetryInfo` of a `google.rpc.Status`.
fn retry_delay(headers: &HeaderMap) -> Option<Duration> {
    let status = base64_decoded(headers.get("grpc-status-details-bin")?.as_bytes())?;
    let mut details = FieldReader(&status).filter_map(|field| match field {
        (3, Value::Bytes(detail)) => Some(detail),
        _ => None,
    });
    details.find_map(|detail| {
        let url = bytes(detail, 1)?;
        url.ends_with(b"google.rpc.RetryInfo").then_some(())?;
        // A delay of zero is not encoded.
        let delay = bytes(bytes(detail, 2)?, 1).unwrap_or_default();
        let part = |part| {
            let number = FieldReader(delay).find_map(|field| match field {
                (field, Value::Number(number)) if field == part => Some(number),
                _ => None,
            });
            number.unwrap_or_default()
        };
        let nanos = part(2).min(999_999_999) as u32;
        Some(Duration::new(part(1).min(i64::MAX as u64), nanos))
    })
}

/// The first field with this number.
fn bytes(message: &[u8], number: u64) -> Option<&[u8]> {
    FieldReader(message).find_map(|field| match field {
        (field, Value::Bytes(bytes)) if field == number => Some(bytes),
        _ => None,
    })
}

fn percent_decoded(text: &[u8]) -> String {
    percent_decode(text).decode_utf8_lossy().into_owned()
}

/// Decodes a binary header, with or without padding.
fn base64_decoded(text: &[u8]) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    GeneralPurpose::new(&alphabet::STANDARD, LENIENT)
        .decode(text)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| {
                let value = HeaderValue::from_static(value);
                (http::HeaderName::from_static(name), value)
            })
            .collect()
    }

    #[test]
    fn messages_are_percent_decoded() {
        for (text, decoded) in [
            ("plain", "plain"),
            ("100%25 f%C3%BCr%0Ame", "100% für\nme"),
            ("%", "%"),
            ("%4", "%4"),
            ("%+1 %zz", "%+1 %zz"),
        ] {
            assert_eq!(percent_decoded(text.as_bytes()), decoded);
        }
    }

    #[test]
    fn binary_headers_are_base64_decoded() {
        for (text, decoded) in [
            ("", Some(&b""[..])),
            ("Zg==", Some(b"f")),
            ("Zg", Some(b"f")),
            ("Zm8", Some(b"fo")),
            ("Zm9vYmFy", Some(b"foobar")),
            ("+/+/", Some(&[0xfb, 0xff, 0xbf])),
            ("Zm9 v", None),
        ] {
            assert_eq!(base64_decoded(text.as_bytes()).as_deref(), decoded);
        }
    }

    /// Status { code: 14, message: "later", details: [RetryInfo { 2.5 s }] }, as gRPC writes it.
    const DETAILS: &str = concat!(
        "CA4SBWxhdGVyGjYKKHR5cGUuZ29vZ2xlYXBpcy5jb20vZ29vZ2xlLnJwYy5S",
        "ZXRyeUluZm8SCgoICAIQgMq17gE"
    );

    #[test]
    fn the_delay_of_a_retry_info_is_read() {
        let delay = |details| retry_delay(&headers(&[("grpc-status-details-bin", details)]));
        assert_eq!(delay(DETAILS), Some(Duration::from_millis(2_500)));
        assert_eq!(delay("CA4SBWxhdGVy"), None);
        assert_eq!(delay("!"), None);
        assert_eq!(retry_delay(&HeaderMap::new()), None);
    }

    #[test]
    fn status_codes_have_the_outcomes_of_the_specification() {
        let outcome = |code, message| error_outcome(code, &headers(&[("grpc-message", message)]));
        for retried in ["1", "4", "10", "11", "14", "15"] {
            let outcome = outcome(retried, "x");
            assert!(matches!(outcome, Outcome::Retry { after: None, .. }));
        }
        for refused in [
            "2", "5", "6", "7", "8", "9", "12", "13", "16", "17", "", "-1",
        ] {
            let outcome = outcome(refused, "x");
            assert!(matches!(outcome, Outcome::Refused { .. }), "{refused}");
        }
        assert_eq!(
            outcome("16", "who%3F"),
            Outcome::refused("UNAUTHENTICATED: who?")
        );
        assert_eq!(outcome("12", ""), Outcome::refused("UNIMPLEMENTED"));
        for code in ["99", "+3", ""] {
            let refused = Outcome::refused(format!("grpc-status {code}: x"));
            assert_eq!(outcome(code, "x"), refused);
        }
        assert!(matches!(outcome("3", "x"), Outcome::BadRequest { .. }));
        for (code, message) in [
            ("8", "grpc: received message larger than max (5 vs. 4)"),
            ("8", "gRPC message exceeds maximum size 4: 5"),
            (
                "11",
                "Error, decoded message length too large: found 5 bytes",
            ),
        ] {
            assert!(matches!(outcome(code, message), Outcome::TooLarge { .. }));
        }
        let exhausted = error_outcome("8", &headers(&[("grpc-status-details-bin", DETAILS)]));
        let after = Some(Duration::from_millis(2_500));
        let reason = "RESOURCE_EXHAUSTED".to_owned();
        assert_eq!(exhausted, Outcome::Retry { reason, after });
    }
}
