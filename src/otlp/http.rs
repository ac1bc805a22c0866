use super::fields::{Fields, Value};
use crate::{
    printable::one_line,
    report::{Answer, Dialect, Outcome},
};
use http::header::CONTENT_TYPE;

/// OTLP over HTTP. A collector may take a message and leave out some of its spans.
#[derive(Debug)]
pub(super) struct OverHttp;

impl Dialect for OverHttp {
    fn path(&self) -> &'static str {
        "/v1/traces"
    }

    fn outcome(&self, answer: &Answer, spans: usize) -> Outcome {
        let content_type = answer.headers.get(CONTENT_TYPE);
        let is_ours = content_type.is_none_or(|value| value == "application/x-protobuf");
        match &answer.body {
            Ok(body) if is_ours && answer.status.is_success() => taken(body, spans),
            Ok(body) if is_ours => answer.outcome_saying(&message(body)),
            _ => answer.outcome(),
        }
    }
}

/// What came of so many spans, as an `ExportTraceServiceResponse` says.
pub(super) fn taken(response: &[u8], spans: usize) -> Outcome {
    let (mut refused, mut reason) = (0, String::new());
    for (field, value) in Fields(response) {
        let (1, Value::Bytes(partial_success)) = (field, value) else {
            continue;
        };
        for field in Fields(partial_success) {
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
            tracing::debug!("the collector has taken all spans, and says: {reason}");
        }
        return Outcome::Accepted;
    }
    if reason.is_empty() {
        reason = "the collector does not say why".to_owned();
    }
    Outcome::PartlyAccepted { refused, reason }
}

/// The message of a `google.rpc.Status`, or the text that stands in its place.
fn message(status: &[u8]) -> String {
    let message = Fields(status).find_map(|field| match field {
        (2, Value::Bytes(text)) => Some(text),
        _ => None,
    });
    String::from_utf8_lossy(message.unwrap_or(status)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_that_were_left_out_are_found() {
        let partly = |refused, reason: &str| Outcome::PartlyAccepted {
            refused,
            reason: reason.to_owned(),
        };
        let silent = "the collector does not say why";
        for (response, outcome) in [
            (&b""[..], Outcome::Accepted),
            (b"\x0a\x00", Outcome::Accepted),
            (b"\x0a\x04\x12\x02hi", Outcome::Accepted),
            (b"\x0a\x02\x08\x02", partly(2, silent)),
            (b"\x0a\x08\x08\x02\x12\x04a\nb ", partly(2, "a b")),
            // More than there were.
            (b"\x0a\x02\x08\x7f", partly(10, silent)),
            // A negative number.
            (
                b"\x0a\x0b\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                Outcome::Accepted,
            ),
        ] {
            assert_eq!(taken(response, 10), outcome, "{response:?}");
        }
    }

    #[test]
    fn an_error_is_a_status_or_a_text() {
        assert_eq!(message(b"\x08\x03\x12\x03bad"), "bad");
        assert_eq!(message(b"<html>"), "<html>");
    }
}
