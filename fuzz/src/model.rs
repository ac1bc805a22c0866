//! A slow reader of trace headers, written from the table in the guide and not from the code.

use http::HeaderMap;
use tower_b3::{Sampling, propagation::Incoming};

/// Trace id, span id, parent id.
type Ids = (u128, u64, Option<u64>);

/// The trace context in the headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read {
    pub ids: Option<Ids>,
    pub state: Sampling,
}

impl Read {
    /// Converts what the library has read into the model's types.
    pub fn of(incoming: &Incoming) -> Read {
        let ids = incoming.context().map(|context| {
            assert_eq!(context.sampling(), incoming.sampling());
            let parent = context.parent_id().map(|id| id.get());
            (context.trace_id().get(), context.span_id().get(), parent)
        });
        Read {
            ids,
            state: incoming.sampling(),
        }
    }
}

/// A `b3` value: ids and a state, a state alone, or malformed, with a denial if it has one.
enum Single {
    Absent,
    Ids(Ids, Sampling),
    State(Sampling),
    Malformed(Sampling),
}

/// Reads all headers, including `traceparent`.
pub fn read(headers: &HeaderMap) -> Read {
    let single = single(headers);
    let (multi_ids, multi_state) = (multi_ids(headers), multi_state(headers));
    let (ids, state) = match single {
        Single::Absent => (multi_ids, multi_state),
        Single::Ids(ids, state) => match multi_ids {
            Some(multi) if multi.0 == ids.0 && multi.2 == Some(ids.1) => {
                (Some(multi), first_decided(state, multi_state))
            }
            _ => (Some(ids), state),
        },
        Single::State(state) => (multi_ids, state),
        Single::Malformed(kept) => (multi_ids, first_decided(multi_state, kept)),
    };
    if ids.is_some() {
        return Read { ids, state };
    }
    match traceparent(headers) {
        Some((ids, sampled)) => Read {
            ids: Some(ids),
            state: first_decided(state, sampled),
        },
        None => Read { ids: None, state },
    }
}

fn first_decided(one: Sampling, other: Sampling) -> Sampling {
    if one == Sampling::Defer { other } else { one }
}

/// The first value with one character per byte; `None` if absent. A value longer than 256 bytes
/// becomes a text that is not valid in any format.
fn first(headers: &HeaderMap, name: &str) -> Option<String> {
    let bytes = headers.get(name)?.as_bytes();
    if bytes.len() > 256 {
        return Some("too long".to_owned());
    }
    let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
    Some(text.trim_matches([' ', '\t']).to_owned())
}

fn number(text: &str, lengths: impl Fn(usize) -> bool) -> Option<u128> {
    let hex = text.chars().all(|c| c.is_ascii_hexdigit());
    if !hex || text.is_empty() || !lengths(text.len()) {
        return None;
    }
    u128::from_str_radix(text, 16).ok()
}

fn not_zero(number: u128) -> Option<u128> {
    Some(number).filter(|&number| number != 0)
}

fn state(field: &str) -> Option<Sampling> {
    match field {
        "0" => Some(Sampling::Deny),
        "1" => Some(Sampling::Accept),
        "d" => Some(Sampling::Debug),
        _ => None,
    }
}

fn single(headers: &HeaderMap) -> Single {
    let Some(text) = first(headers, "b3") else {
        return Single::Absent;
    };
    if let Some(state) = state(&text) {
        return Single::State(state);
    }
    let fields: Vec<&str> = text.split('-').collect();
    if let Some((ids, state)) = single_ids(&fields) {
        return Single::Ids(ids, state);
    }
    let kept = match fields[..] {
        [_, _, third] | [_, _, third, _] => state(third),
        _ => None,
    };
    Single::Malformed(kept.unwrap_or_default())
}

fn single_ids(fields: &[&str]) -> Option<(Ids, Sampling)> {
    let (trace, span, third, fourth) = match *fields {
        [trace, span] => (trace, span, None, None),
        [trace, span, third] => (trace, span, Some(third), None),
        [trace, span, third, fourth] => (trace, span, Some(third), Some(fourth)),
        _ => return None,
    };
    let trace = not_zero(number(trace, |length| length == 16 || length == 32)?)?;
    let sixteen = |field| number(field, |length| length == 16).map(|number| number as u64);
    let span = Some(sixteen(span)?).filter(|&span| span != 0)?;
    let (sampling, parent) = match (third, fourth) {
        (None, _) => (Sampling::Defer, 0),
        (Some(third), None) => match state(third) {
            Some(state) => (state, 0),
            None => (Sampling::Defer, sixteen(third)?),
        },
        (Some(third), Some(fourth)) => (state(third)?, sixteen(fourth)?),
    };
    Some((
        (trace, span, Some(parent).filter(|&parent| parent != 0)),
        sampling,
    ))
}

fn multi_ids(headers: &HeaderMap) -> Option<Ids> {
    let read = |name, most| {
        first(headers, name)
            .and_then(|text| number(&text, |length| length <= most))
            .and_then(not_zero)
    };
    let trace = read("x-b3-traceid", 32)?;
    let span = read("x-b3-spanid", 16)?;
    let parent = read("x-b3-parentspanid", 16);
    Some((trace, span as u64, parent.map(|parent| parent as u64)))
}

fn multi_state(headers: &HeaderMap) -> Sampling {
    if first(headers, "x-b3-flags").as_deref() == Some("1") {
        return Sampling::Debug;
    }
    let sampled = first(headers, "x-b3-sampled").map(|text| text.to_ascii_lowercase());
    match sampled.as_deref() {
        Some("1" | "true") => Sampling::Accept,
        Some("0" | "false") => Sampling::Deny,
        _ => Sampling::Defer,
    }
}

fn traceparent(headers: &HeaderMap) -> Option<(Ids, Sampling)> {
    let text = first(headers, "traceparent")?;
    let lower = |text: &str, length| {
        let upper = text.chars().any(|c| c.is_ascii_uppercase());
        (!upper)
            .then(|| number(text, |own| own == length))
            .flatten()
    };
    let mut fields = text.splitn(5, '-');
    let version = fields.next()?;
    let trace = not_zero(lower(fields.next()?, 32)?)?;
    let span = not_zero(lower(fields.next()?, 16)?)?;
    let flags = lower(fields.next()?, 2)?;
    lower(version, 2)?;
    let more = fields.next().is_some();
    if version == "ff" || version == "00" && more {
        return None;
    }
    let sampled = Sampling::from(flags % 2 == 1);
    Some(((trace, span as u64, None), sampled))
}
