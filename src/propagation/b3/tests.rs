//! Round trips, and agreement with a simple implementation.

use super::{MultiHeaders, ParsedSingle, read_single, write_ids, write_single};
use crate::{
    context::{Sampling, TraceContext},
    id::{SpanId, TraceId},
    propagation::incoming::{MalformedFields, Reason},
};
use http::HeaderValue;
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

/// A simple implementation that splits strings.
fn model(text: &str) -> ParsedSingle {
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
        return ParsedSingle::State(state);
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
        Some(context) => ParsedSingle::Ids(context),
        None => {
            let kept = (3..=4).contains(&fields.len()).then(|| state(fields[2]));
            ParsedSingle::Malformed(Reason::Shape, kept.flatten().unwrap_or_default())
        }
    }
}

fn without_reason(single: ParsedSingle) -> ParsedSingle {
    match single {
        ParsedSingle::Malformed(_, state) => ParsedSingle::Malformed(Reason::Shape, state),
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
        prop_assert_eq!(read, ParsedSingle::Ids(expected));
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
    fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(value) = HeaderValue::from_bytes(&bytes) {
            read_single(&value);
        }
    }

    #[test]
    fn multi_ids_round_trip(context in contexts()) {
        let (trace_id, span_id, parent_id) = write_ids(&context);
        let multi = MultiHeaders {
            trace_id: Some(&trace_id),
            span_id: Some(&span_id),
            parent_id: parent_id.as_ref(),
            ..MultiHeaders::default()
        };
        let expected = (context.trace_id(), context.span_id(), context.parent_id());
        prop_assert_eq!(multi.ids(&mut MalformedFields::default()), Some(expected));
    }
}
