//! The two B3 formats.

use super::{
    MOST_BYTES,
    incoming::{Field, Flaws, Reason},
};
use crate::{
    context::{Sampling, TraceContext},
    id::{SpanId, TraceId},
};
use bytes::Bytes;
use http::HeaderValue;

/// What a `b3` header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Single {
    Ids(TraceContext),
    State(Sampling),
    /// The reason, and the state that is read all the same.
    Malformed(Reason, Sampling),
}

/// Reads `b3`: `{trace}-{span}[-{state}][-{parent}]`, or a state alone.
pub(super) fn read_single(value: &HeaderValue) -> Single {
    let value = value.as_bytes();
    if value.len() > MOST_BYTES {
        return Single::Malformed(Reason::TooLong, Sampling::Defer);
    }
    if let Some(context) = read_usual(value) {
        return Single::Ids(context);
    }
    let value = value.trim_ascii();
    if let Some(state) = state(value) {
        return Single::State(state);
    }
    let mut fields = value.splitn(6, |&byte| byte == b'-');
    let mut next = || fields.next();
    let (trace, span, third, fourth) = (next(), next(), next(), next());
    let more = next().is_some();
    let context = match (trace, span, more) {
        (Some(trace), Some(span), false) => fields_of(trace, span, third, fourth),
        _ => Err(Reason::Shape),
    };
    match context {
        Ok(context) => Single::Ids(context),
        Err(reason) => {
            let state = third.filter(|_| !more).and_then(state);
            Single::Malformed(reason, state.unwrap_or_default())
        }
    }
}

/// The context, if each field is where it nearly always is: after a trace id of 32 or 16 digits.
fn read_usual(value: &[u8]) -> Option<TraceContext> {
    let (trace, rest) = match (value.get(32), value.get(16)) {
        (Some(b'-'), _) => value.split_at(32),
        (_, Some(b'-')) => value.split_at(16),
        _ => return None,
    };
    let (span, rest) = rest.strip_prefix(b"-")?.split_first_chunk::<16>()?;
    let decided = |field: &u8| state(std::slice::from_ref(field));
    let (sampling, parent_id) = match rest {
        [] => (Sampling::Defer, None),
        [b'-', field] => (decided(field)?, None),
        [b'-', field, b'-', parent @ ..] => (decided(field)?, sixteen(parent).ok()?),
        _ => return None,
    };
    let trace_id = TraceId::from_hex(trace).ok()?;
    let span_id = SpanId::from_hex(span).ok()?;
    Some(TraceContext::new(trace_id, span_id, parent_id, sampling))
}

fn fields_of(
    trace: &[u8],
    span: &[u8],
    third: Option<&[u8]>,
    fourth: Option<&[u8]>,
) -> Result<TraceContext, Reason> {
    if !matches!(trace.len(), 16 | 32) {
        return Err(Reason::Shape);
    }
    let trace_id = TraceId::from_hex(trace).map_err(reason)?;
    let span_id = sixteen(span)?.ok_or(Reason::Zero)?;
    let (sampling, parent_id) = match (third, fourth) {
        (None, _) => (Sampling::Defer, None),
        (Some(third), None) => match state(third) {
            Some(state) => (state, None),
            None => (Sampling::Defer, sixteen(third)?),
        },
        (Some(third), Some(fourth)) => {
            (state(third).ok_or(Reason::UnknownValue)?, sixteen(fourth)?)
        }
    };
    Ok(TraceContext::new(trace_id, span_id, parent_id, sampling))
}

/// Sixteen digits; `None` if all are zero.
fn sixteen(digits: &[u8]) -> Result<Option<SpanId>, Reason> {
    if digits.len() != 16 {
        return Err(Reason::Shape);
    }
    match SpanId::from_hex(digits).map_err(reason) {
        Ok(id) => Ok(Some(id)),
        Err(Reason::Zero) => Ok(None),
        Err(other) => Err(other),
    }
}

fn state(field: &[u8]) -> Option<Sampling> {
    match field {
        b"0" => Some(Sampling::Deny),
        b"1" => Some(Sampling::Accept),
        b"d" => Some(Sampling::Debug),
        _ => None,
    }
}

fn reason(flaw: crate::id::HexError) -> Reason {
    use crate::id::HexError;
    match flaw {
        HexError::Empty | HexError::TooLong { .. } => Reason::Shape,
        HexError::NotHex { .. } => Reason::NotHex,
        HexError::Zero => Reason::Zero,
    }
}

/// The first value of each `x-b3-*` header.
#[derive(Default)]
pub(super) struct Multi<'a> {
    pub(super) trace_id: Option<&'a HeaderValue>,
    pub(super) span_id: Option<&'a HeaderValue>,
    pub(super) parent_id: Option<&'a HeaderValue>,
    pub(super) sampled: Option<&'a HeaderValue>,
    pub(super) flags: Option<&'a HeaderValue>,
}

impl Multi<'_> {
    /// Trace id, span id and parent id; `None` unless the first two can be read.
    pub(super) fn ids(&self, flaws: &mut Flaws) -> Option<(TraceId, SpanId, Option<SpanId>)> {
        let trace_id = read_id(self.trace_id, Field::TraceId, flaws, TraceId::from_hex);
        let span_id = read_id(self.span_id, Field::SpanId, flaws, SpanId::from_hex);
        match (trace_id, span_id) {
            (Some(trace_id), Some(span_id)) => Some((trace_id, span_id, self.parent(flaws))),
            (Some(_), None) => {
                flaws.note(Field::TraceId, Reason::Alone);
                None
            }
            (None, Some(_)) => {
                flaws.note(Field::SpanId, Reason::Alone);
                None
            }
            (None, None) => None,
        }
    }

    fn parent(&self, flaws: &mut Flaws) -> Option<SpanId> {
        // An all-zero parent is how some peers write "none".
        let mut own = Flaws::default();
        let parent = read_id(
            self.parent_id,
            Field::ParentSpanId,
            &mut own,
            SpanId::from_hex,
        );
        if let Some(reason) = own.get(Field::ParentSpanId).filter(|&r| r != Reason::Zero) {
            flaws.note(Field::ParentSpanId, reason);
        }
        parent
    }

    /// The ids, if they show that a sidecar advanced these headers and left `single` behind:
    /// the same trace, one span further on.
    pub(super) fn advanced_from(
        &self,
        single: &TraceContext,
    ) -> Option<(TraceId, SpanId, Option<SpanId>)> {
        self.trace_id?;
        let (trace_id, span_id, parent_id) = self.ids(&mut Flaws::default())?;
        let advanced = trace_id == single.trace_id() && parent_id == Some(single.span_id());
        advanced.then_some((trace_id, span_id, parent_id))
    }

    pub(super) fn sampling(&self, flaws: &mut Flaws) -> Sampling {
        if let Some(flags) = self.flags {
            match flags.as_bytes() {
                long if long.len() > MOST_BYTES => flaws.note(Field::Flags, Reason::TooLong),
                flags if flags.trim_ascii() == b"1" => return Sampling::Debug,
                _ => {}
            }
        }
        let Some(sampled) = self.sampled.map(HeaderValue::as_bytes) else {
            return Sampling::Defer;
        };
        if let Some(decided) = decided(sampled) {
            return decided;
        }
        if sampled.len() > MOST_BYTES {
            flaws.note(Field::Sampled, Reason::TooLong);
            return Sampling::Defer;
        }
        let sampled = sampled.trim_ascii();
        decided(sampled).unwrap_or_else(|| {
            flaws.note(Field::Sampled, Reason::UnknownValue);
            Sampling::Defer
        })
    }
}

/// What `x-b3-sampled` says.
#[inline]
fn decided(sampled: &[u8]) -> Option<Sampling> {
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
    flaws: &mut Flaws,
    read: impl Fn(&[u8]) -> Result<T, crate::id::HexError>,
) -> Option<T> {
    let value = value?.as_bytes();
    if let Ok(id) = read(value) {
        return Some(id);
    }
    if value.len() > MOST_BYTES {
        flaws.note(field, Reason::TooLong);
        return None;
    }
    // White space around an id is rare, and looking for it costs as much as reading the id.
    read(value.trim_ascii())
        .map_err(|flaw| flaws.note(field, reason(flaw)))
        .ok()
}

/// Trace id, span id and parent id as header values, cut from one buffer.
pub(super) fn write_ids(context: &TraceContext) -> (HeaderValue, HeaderValue, Option<HeaderValue>) {
    let mut digits = [0; 64];
    digits[..32].copy_from_slice(&context.trace_id().digits());
    digits[32..48].copy_from_slice(&context.span_id().digits());
    if let Some(parent) = context.parent_id() {
        digits[48..].copy_from_slice(&parent.digits());
    }
    let digits = Bytes::from_owner(digits);
    let trace_id = value(digits.slice(context.trace_id().omitted_digits()..32));
    let span_id = value(digits.slice(32..48));
    let parent_id = context.parent_id().map(|_| value(digits.slice(48..)));
    (trace_id, span_id, parent_id)
}

/// The value of a `b3` header; `None` of a context that cannot be written has no case.
pub(super) fn write_single(context: &TraceContext) -> HeaderValue {
    let mut text = [b'-'; 68];
    let mut end = 0;
    let mut put = |bytes: &[u8]| {
        text[end..end + bytes.len()].copy_from_slice(bytes);
        end += bytes.len();
    };
    put(&context.trace_id().digits()[context.trace_id().omitted_digits()..]);
    put(b"-");
    put(&context.span_id().digits());
    match context.sampling() {
        Sampling::Defer => {}
        Sampling::Deny => put(b"-0"),
        Sampling::Accept => put(b"-1"),
        Sampling::Debug => put(b"-d"),
    }
    // `t-s-p`, a parent without a state, is Brave's own; others refuse it.
    let decided = context.sampling() != Sampling::Defer;
    if let Some(parent) = context.parent_id().filter(|_| decided) {
        put(b"-");
        put(&parent.digits());
    }
    value(Bytes::copy_from_slice(&text[..end]))
}

/// Digits and hyphens as a header's value.
pub(super) fn value(text: Bytes) -> HeaderValue {
    HeaderValue::from_maybe_shared(text).unwrap_or(const { HeaderValue::from_static("0") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn contexts() -> impl Strategy<Value = TraceContext> {
        let state = prop::sample::select(vec![
            Sampling::Defer,
            Sampling::Deny,
            Sampling::Accept,
            Sampling::Debug,
        ]);
        let trace = prop_oneof![1_u128.., 1_u128..u128::from(u64::MAX)];
        (trace, 1_u64.., any::<u64>(), state).prop_map(|(trace, span, parent, state)| {
            TraceContext::new(
                TraceId::new(trace).unwrap(),
                SpanId::new(span).unwrap(),
                SpanId::new(parent),
                state,
            )
        })
    }

    /// Reads by splitting into strings, as slowly as one likes.
    fn model(text: &str) -> Single {
        let state = |field: &str| match field {
            "0" => Some(Sampling::Deny),
            "1" => Some(Sampling::Accept),
            "d" => Some(Sampling::Debug),
            _ => None,
        };
        let hex = |field: &str| {
            let all = field.chars().all(|c| c.is_ascii_hexdigit());
            all.then(|| u128::from_str_radix(field, 16).unwrap())
        };
        let id = |field: &str| (field.len() == 16).then(|| hex(field)).flatten();
        if let Some(state) = state(text) {
            return Single::State(state);
        }
        let fields: Vec<&str> = text.split('-').collect();
        let ids = || {
            let trace = fields.first().filter(|f| f.len() == 16 || f.len() == 32)?;
            let trace = TraceId::new(hex(trace)?)?;
            let span = SpanId::new(id(fields.get(1)?)? as u64)?;
            let (state, parent) = match fields[2..] {
                [] => (None, None),
                [one] if state(one).is_some() => (state(one), None),
                [one] => (None, Some(id(one)?)),
                [one, two] => (Some(state(one)?), Some(id(two)?)),
                _ => return None,
            };
            let parent = parent.and_then(|parent| SpanId::new(parent as u64));
            Some(TraceContext::new(
                trace,
                span,
                parent,
                state.unwrap_or_default(),
            ))
        };
        match ids() {
            Some(context) => Single::Ids(context),
            None => {
                let kept = (3..=4).contains(&fields.len()).then(|| state(fields[2]));
                Single::Malformed(Reason::Shape, kept.flatten().unwrap_or_default())
            }
        }
    }

    fn without_reason(single: Single) -> Single {
        match single {
            Single::Malformed(_, state) => Single::Malformed(Reason::Shape, state),
            other => other,
        }
    }

    proptest! {
        #[test]
        fn single_round_trips(context in contexts()) {
            let read = read_single(&write_single(&context));
            let parent = context.parent_id().filter(|_| context.sampling() != Sampling::Defer);
            let expected = TraceContext::new(
                context.trace_id(), context.span_id(), parent, context.sampling());
            prop_assert_eq!(read, Single::Ids(expected));
        }

        #[test]
        fn single_agrees_with_the_model(
            text in "(0{16}|0{32}|[0-9a-fA-F]{16}|[0-9a-f]{32}|[0-9a-f]{0,17})(-(0{16}|[0-9a-fA-F]{16}|[01d]|[0-9a-fx]{0,17})){0,5}"
        ) {
            let value = HeaderValue::from_str(&text).unwrap();
            prop_assert_eq!(without_reason(read_single(&value)), model(&text));
        }

        #[test]
        fn single_agrees_with_the_model_on_anything(text in "[0-9a-f dx+-]{0,70}") {
            let value = HeaderValue::from_str(&text).unwrap();
            prop_assert_eq!(without_reason(read_single(&value)), model(text.trim()));
        }

        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                read_single(&value);
            }
        }

        #[test]
        fn multi_ids_round_trip(context in contexts()) {
            let (trace_id, span_id, parent_id) = write_ids(&context);
            let multi = Multi {
                trace_id: Some(&trace_id),
                span_id: Some(&span_id),
                parent_id: parent_id.as_ref(),
                ..Multi::default()
            };
            let expected = (context.trace_id(), context.span_id(), context.parent_id());
            prop_assert_eq!(multi.ids(&mut Flaws::default()), Some(expected));
        }
    }
}
