//! What an event says to its span: an annotation, and that it failed.

use super::fields::Fields;
use crate::span::OpenSpan;

/// Writes an event to a span.
pub(super) fn write(fields: &Fields, annotated: bool, is_error: bool, open: &mut OpenSpan) {
    if !open.is_recorded() {
        return;
    }
    if annotated {
        open.annotate(&annotation(fields));
    }
    if is_error {
        open.error(&reason(fields));
    }
}

/// The message and the other fields, as a log line has them: `order paid amount=12 currency=EUR`.
fn annotation(fields: &Fields) -> String {
    let mut text = fields.get("message").unwrap_or_default().to_owned();
    for (name, value) in fields.iter().filter(|(name, _)| *name != "message") {
        if !text.is_empty() {
            text.push(' ');
        }
        text.extend([name, "=", value]);
    }
    text
}

/// The message, and the error if there is one. `#[instrument(err)]` gives an error without a message.
fn reason(fields: &Fields) -> String {
    let error = ["error", "err"]
        .into_iter()
        .find_map(|name| fields.get(name));
    match (fields.get("message"), error) {
        (Some(message), Some(error)) => format!("{message}: {error}"),
        (None, Some(error)) => error.to_owned(),
        _ => annotation(fields),
    }
}
