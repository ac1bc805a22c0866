use super::field_reader::{FieldReader, Value};
use crate::{
    printable::one_line,
    report::{CollectorResponse, Dialect, Outcome},
};
use http::header::CONTENT_TYPE;

/// OTLP over HTTP. A collector may accept a message and reject some of its spans.
#[derive(Debug)]
pub(super) struct OverHttp;

impl Dialect for OverHttp {
    fn path(&self) -> &'static str {
        "/v1/traces"
    }

    fn outcome(&self, response: &CollectorResponse, spans: usize) -> Outcome {
        let content_type = response.headers.get(CONTENT_TYPE);
        let is_protobuf = content_type.is_none_or(|value| value == "application/x-protobuf");
        match &response.body {
            Ok(body) if is_protobuf && response.status.is_success() => export_outcome(body, spans),
            Ok(body) if is_protobuf => response.outcome_with_text(&status_message(body)),
            _ => response.outcome(),
        }
    }
}

/// The outcome for this many spans, by an `ExportTraceServiceResponse`.
pub(super) fn export_outcome(response: &[u8], spans: usize) -> Outcome {
    let (mut refused, mut reason) = (0, String::new());
    for (field, value) in FieldReader(response) {
        let (1, Value::Bytes(partial_success)) = (field, value) else {
            continue;
        };
        for field in FieldReader(partial_success) {
            match field {
                (1, Value::Number(number)) => refused = number as i64,
                (2, Value::Bytes(text)) => reason = one_line(&String::from_utf8_lossy(text)),
                _ => {}
            }
        }
    }
    let refused = usize::try_from(refused).unwrap_or_default().min(spans);
    if refused == 0 {
        if !reason.is_empty() {
            tracing::debug!("the collector accepted all spans, with a warning: {reason}");
        }
        return Outcome::Accepted;
    }
    if reason.is_empty() {
        reason = "the collector gave no reason".to_owned();
    }
    Outcome::PartlyAccepted { refused, reason }
}

/// The message of a `google.rpc.Status`, or the text that was sent instead.
fn status_message(status: &[u8]) -> String {
    let message = FieldReader(status).find_map(|field| match field {
        (2, Value::Bytes(text)) => Some(text),
        _ => None,
    });
    String::from_utf8_lossy(message.unwrap_or(status)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejected_spans_are_counted() {
        let partly = |refused, reason: &str| Outcome::PartlyAccepted {
            refused,
            reason: reason.to_owned(),
        };
        let no_reason = "the collector gave no reason";
        for (response, outcome) in [
            (&b""[..], Outcome::Accepted),
            (b"\x0a\x00", Outcome::Accepted),
            (b"\x0a\x04\x12\x02hi", Outcome::Accepted),
            (b"\x0a\x02\x08\x02", partly(2, no_reason)),
            (b"\x0a\x08\x08\x02\x12\x04a\nb ", partly(2, "a b")),
            // More than there were in the message.
            (b"\x0a\x02\x08\x7f", partly(10, no_reason)),
            // A negative number.
            (
                b"\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                Outcome::Accepted,
            ),
        ] {
            assert_eq!(export_outcome(response, 10), outcome, "{response:?}");
        }
    }

    #[test]
    fn an_error_is_a_status_or_plain_text() {
        assert_eq!(status_message(b"\x08\x03\x12\x03bad"), "bad");
        assert_eq!(status_message(b"<html>"), "<html>");
    }
}
