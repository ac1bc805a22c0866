//! `b3`: `{trace id}-{span id}[-{sampling state}][-{parent id}]`, or a sampling state alone.

use super::digits::{header_value, reason};
use crate::{
    context::{Sampling, TraceContext},
    id::{SpanId, TraceId},
    propagation::incoming::{MAX_VALUE_BYTES, Reason},
};
use bytes::Bytes;
use http::HeaderValue;

/// The content of a `b3` header.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::propagation) enum ParsedSingle {
    Ids(TraceContext),
    State(Sampling),
    /// The reason, and the sampling state as far as it is readable.
    Malformed(Reason, Sampling),
}

/// Reads the value. If only the ids are malformed, their sampling state is still used.
pub(in crate::propagation) fn read_single(value: &HeaderValue) -> ParsedSingle {
    let value = value.as_bytes();
    if value.len() > MAX_VALUE_BYTES {
        return ParsedSingle::Malformed(Reason::TooLong, Sampling::Defer);
    }
    if let Some(context) = read_common(value) {
        return ParsedSingle::Ids(context);
    }
    let value = value.trim_ascii();
    if let Some(state) = sampling_state(value) {
        return ParsedSingle::State(state);
    }
    let mut fields = value.splitn(6, |&byte| byte == b'-');
    let mut next = || fields.next();
    let (trace, span, third, fourth) = (next(), next(), next(), next());
    let has_more = next().is_some();
    let context = match (trace, span, has_more) {
        (Some(trace), Some(span), false) => read_fields(trace, span, third, fourth),
        _ => Err(Reason::Shape),
    };
    match context {
        Ok(context) => ParsedSingle::Ids(context),
        Err(reason) => {
            let state = third.filter(|_| !has_more).and_then(sampling_state);
            ParsedSingle::Malformed(reason, state.unwrap_or_default())
        }
    }
}

/// Reads the common form without a search for hyphens: after a trace id of 32 or 16 digits, each
/// field is at a known position. `None` leaves the value to the general case.
fn read_common(value: &[u8]) -> Option<TraceContext> {
    let (trace, rest) = match (value.get(32), value.get(16)) {
        (Some(b'-'), _) => value.split_at(32),
        (_, Some(b'-')) => value.split_at(16),
        _ => return None,
    };
    let (span, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<16>()?;
    let state_of = |field: &u8| sampling_state(std::slice::from_ref(field));
    let (sampling, parent_id) = match rest {
        [] => (Sampling::Defer, None),
        [b'-', field] => (state_of(field)?, None),
        [b'-', field, b'-', parent @ ..] => (state_of(field)?, read_span_id(parent).ok()?),
        _ => return None,
    };
    let trace_id = TraceId::from_hex(trace).ok()?;
    let span_id = SpanId::from_hex(span).ok()?;
    Some(TraceContext::new(trace_id, span_id, parent_id, sampling))
}

fn read_fields(
    trace: &[u8],
    span: &[u8],
    third: Option<&[u8]>,
    fourth: Option<&[u8]>,
) -> Result<TraceContext, Reason> {
    if !matches!(trace.len(), 16 | 32) {
        return Err(Reason::Shape);
    }
    let trace_id = TraceId::from_hex(trace).map_err(reason)?;
    let span_id = read_span_id(span)?.ok_or(Reason::Zero)?;
    let (sampling, parent_id) = match (third, fourth) {
        (None, _) => (Sampling::Defer, None),
        (Some(third), None) => match sampling_state(third) {
            Some(state) => (state, None),
            None => (Sampling::Defer, read_span_id(third)?),
        },
        (Some(third), Some(fourth)) => (
            sampling_state(third).ok_or(Reason::UnknownValue)?,
            read_span_id(fourth)?,
        ),
    };
    Ok(TraceContext::new(trace_id, span_id, parent_id, sampling))
}

/// Reads an id of 16 digits; `None` if all are zero.
fn read_span_id(digits: &[u8]) -> Result<Option<SpanId>, Reason> {
    if digits.len() != 16 {
        return Err(Reason::Shape);
    }
    match SpanId::from_hex(digits).map_err(reason) {
        Ok(id) => Ok(Some(id)),
        Err(Reason::Zero) => Ok(None),
        Err(other) => Err(other),
    }
}

fn sampling_state(field: &[u8]) -> Option<Sampling> {
    match field {
        b"0" => Some(Sampling::Deny),
        b"1" => Some(Sampling::Accept),
        b"d" => Some(Sampling::Debug),
        _ => None,
    }
}

pub(in crate::propagation) fn write_single(context: &TraceContext) -> HeaderValue {
    let mut text = [b'-'; 68];
    let mut end = 0;
    let mut append = |bytes: &[u8]| {
        text[end..end + bytes.len()].copy_from_slice(bytes);
        end += bytes.len();
    };
    append(&context.trace_id().digits()[context.trace_id().omitted_digits()..]);
    append(b"-");
    append(&context.span_id().digits());
    match context.sampling() {
        Sampling::Defer => {}
        Sampling::Deny => append(b"-0"),
        Sampling::Accept => append(b"-1"),
        Sampling::Debug => append(b"-d"),
    }
    // Only Brave writes a parent without a state; other implementations reject it.
    let is_decided = context.sampling() != Sampling::Defer;
    if let Some(parent) = context.parent_id().filter(|_| is_decided) {
        append(b"-");
        append(&parent.digits());
    }
    header_value(Bytes::copy_from_slice(&text[..end]))
}
