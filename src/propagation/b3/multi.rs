//! `x-b3-traceid`, `x-b3-spanid`, `x-b3-parentspanid`, `x-b3-sampled` and `x-b3-flags`.

use super::digits::{header_value, reason};
use crate::{
    context::{Sampling, TraceContext},
    id::{HexError, SpanId, TraceId},
    propagation::incoming::{Field, MAX_VALUE_BYTES, MalformedFields, Reason},
};
use bytes::Bytes;
use http::HeaderValue;

/// Trace id, span id and parent id.
pub(in crate::propagation) type Ids = (TraceId, SpanId, Option<SpanId>);

/// The first value of each `x-b3-*` header.
#[derive(Default)]
pub(in crate::propagation) struct MultiHeaders<'a> {
    pub(in crate::propagation) trace_id: Option<&'a HeaderValue>,
    pub(in crate::propagation) span_id: Option<&'a HeaderValue>,
    pub(in crate::propagation) parent_id: Option<&'a HeaderValue>,
    pub(in crate::propagation) sampled: Option<&'a HeaderValue>,
    pub(in crate::propagation) flags: Option<&'a HeaderValue>,
}

impl MultiHeaders<'_> {
    /// The ids; `None` unless trace id and span id are readable.
    pub(in crate::propagation) fn ids(&self, malformed: &mut MalformedFields) -> Option<Ids> {
        let trace_id = read_id(self.trace_id, Field::TraceId, malformed, TraceId::from_hex);
        let span_id = read_id(self.span_id, Field::SpanId, malformed, SpanId::from_hex);
        match (trace_id, span_id) {
            (Some(trace_id), Some(span_id)) => Some((trace_id, span_id, self.parent(malformed))),
            (Some(_), None) => {
                malformed.add(Field::TraceId, Reason::Alone);
                None
            }
            (None, Some(_)) => {
                malformed.add(Field::SpanId, Reason::Alone);
                None
            }
            (None, None) => None,
        }
    }

    fn parent(&self, malformed: &mut MalformedFields) -> Option<SpanId> {
        let mut of_parent = MalformedFields::default();
        let parent = read_id(
            self.parent_id,
            Field::ParentSpanId,
            &mut of_parent,
            SpanId::from_hex,
        );
        // Some implementations write an all-zero parent id for a root span.
        let reason = of_parent.get(Field::ParentSpanId);
        if let Some(reason) = reason.filter(|&reason| reason != Reason::Zero) {
            malformed.add(Field::ParentSpanId, reason);
        }
        parent
    }

    /// The ids, if they are of a child of `single`. Then a sidecar has updated these headers and
    /// passed on `b3` unchanged.
    pub(in crate::propagation) fn ids_of_child(&self, single: &TraceContext) -> Option<Ids> {
        self.trace_id?;
        let (trace_id, span_id, parent_id) = self.ids(&mut MalformedFields::default())?;
        let is_child = trace_id == single.trace_id() && parent_id == Some(single.span_id());
        is_child.then_some((trace_id, span_id, parent_id))
    }

    pub(in crate::propagation) fn sampling(&self, malformed: &mut MalformedFields) -> Sampling {
        if let Some(flags) = self.flags {
            match flags.as_bytes() {
                long if long.len() > MAX_VALUE_BYTES => {
                    malformed.add(Field::Flags, Reason::TooLong);
                }
                flags if flags.trim_ascii() == b"1" => return Sampling::Debug,
                _ => {}
            }
        }
        let Some(sampled) = self.sampled.map(HeaderValue::as_bytes) else {
            return Sampling::Defer;
        };
        if let Some(decision) = decision(sampled) {
            return decision;
        }
        if sampled.len() > MAX_VALUE_BYTES {
            malformed.add(Field::Sampled, Reason::TooLong);
            return Sampling::Defer;
        }
        decision(sampled.trim_ascii()).unwrap_or_else(|| {
            malformed.add(Field::Sampled, Reason::UnknownValue);
            Sampling::Defer
        })
    }
}

/// The decision that `x-b3-sampled` states.
#[inline]
fn decision(sampled: &[u8]) -> Option<Sampling> {
    match sampled {
        b"1" => Some(Sampling::Accept),
        b"0" => Some(Sampling::Deny),
        word if word.eq_ignore_ascii_case(b"true") => Some(Sampling::Accept),
        word if word.eq_ignore_ascii_case(b"false") => Some(Sampling::Deny),
        _ => None,
    }
}

fn read_id<T>(
    value: Option<&HeaderValue>,
    field: Field,
    malformed: &mut MalformedFields,
    read: impl Fn(&[u8]) -> Result<T, HexError>,
) -> Option<T> {
    let value = value?.as_bytes();
    if let Ok(id) = read(value) {
        return Some(id);
    }
    if value.len() > MAX_VALUE_BYTES {
        malformed.add(field, Reason::TooLong);
        return None;
    }
    // White space around an id is rare, and looking for it costs as much as reading the id.
    read(value.trim_ascii())
        .map_err(|error| malformed.add(field, reason(error)))
        .ok()
}

/// Trace id, span id and parent id as header values, which are slices of one allocation.
pub(in crate::propagation) fn write_ids(
    context: &TraceContext,
) -> (HeaderValue, HeaderValue, Option<HeaderValue>) {
    let mut digits = [0; 64];
    digits[..32].copy_from_slice(&context.trace_id().digits());
    digits[32..48].copy_from_slice(&context.span_id().digits());
    if let Some(parent) = context.parent_id() {
        digits[48..].copy_from_slice(&parent.digits());
    }
    let digits = Bytes::from_owner(digits);
    let trace_id = header_value(digits.slice(context.trace_id().omitted_digits()..32));
    let span_id = header_value(digits.slice(32..48));
    let parent_id = context
        .parent_id()
        .map(|_| header_value(digits.slice(48..)));
    (trace_id, span_id, parent_id)
}
