//! Properties of any input. Each function takes the bytes of one input and panics if its property
//! does not hold. `tests/propagation` runs them over the seeds on stable Rust.

use crate::model::{self, Read};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::LazyLock;
use tower_b3::{
    Sampling, TraceContext,
    id::RequestId,
    propagation::{Format, Forwarded, Propagation},
};

static DEFAULT: LazyLock<Propagation> = LazyLock::new(Propagation::default);

/// Panics if the property does not hold for this input.
pub type Property = fn(&[u8]);

/// The properties by the names of their targets.
pub const ALL: [(&str, Property); 6] = [
    ("b3_single", b3_single),
    ("b3_multi", b3_multi),
    ("traceparent", traceparent),
    ("request_id", request_id),
    ("extract_inject", extract_inject),
    ("carrier", carrier),
];

/// Any `b3` is read as the model reads it, and survives a round trip.
pub fn b3_single(input: &[u8]) {
    agree_on("b3", input);
}

/// Any `x-b3-*` headers, one `name: value` a line.
pub fn b3_multi(input: &[u8]) {
    let mut headers = lines(input);
    for name in ["b3", "traceparent"] {
        headers.remove(name);
    }
    agree(&headers);
}

/// Any `traceparent`.
pub fn traceparent(input: &[u8]) {
    agree_on("traceparent", input);
}

/// Any `x-request-id` is kept verbatim, or not at all.
pub fn request_id(input: &[u8]) {
    let Ok(value) = HeaderValue::from_bytes(input) else {
        return;
    };
    let visible = input.iter().all(|byte| (b'!'..=b'~').contains(byte));
    let kept = visible && !input.is_empty() && input.len() <= 256;
    let id = RequestId::from_header(&value);
    assert_eq!(id.is_some(), kept);
    let parsed = value.to_str().ok().and_then(|text| text.parse().ok());
    assert_eq!(parsed, id);
    let inbound = HeaderMap::from_iter([(HeaderName::from_static("x-request-id"), value.clone())]);
    let (_, forwarded) = DEFAULT.extract(&inbound);
    assert_eq!(forwarded.request_id(), id.as_ref());
    let mut out = HeaderMap::new();
    let root = TraceContext::root(Sampling::Accept);
    DEFAULT.inject(&root, &forwarded, &mut out);
    assert_eq!(out.get("x-request-id"), kept.then_some(&value));
}

/// Any headers, one `name: value` per line: read as the model reads them, and headers injected over
/// them are read back.
pub fn extract_inject(input: &[u8]) {
    agree(&lines(input));
}

/// The headers of any message, one `name: value` per line, with bytes and names that HTTP does not allow.
pub fn carrier(input: &[u8]) {
    let lines = input.split(|&byte| byte == b'\n');
    let entries = lines.filter_map(|line| {
        let colon = line.iter().position(|&byte| byte == b':')?;
        let value = line[colon + 1..].strip_prefix(b" ");
        let name = String::from_utf8_lossy(&line[..colon]).into_owned();
        Some((name, value.unwrap_or(&line[colon + 1..]).to_vec()))
    });
    agree_on_message(entries.collect());
}

/// A message is read as HTTP headers are, if they can have the same values, and what is injected into it
/// is read back.
pub fn agree_on_message(mut message: Vec<(String, Vec<u8>)>) {
    let (incoming, forwarded) = DEFAULT.extract_from(&message);
    if let Some(headers) = as_headers(&message) {
        assert_eq!(Read::of(&incoming), model::read(&headers), "{message:?}");
    }
    let Some(context) = incoming.context() else {
        return;
    };
    let child = context.child();
    DEFAULT.inject_into(&child, &forwarded, &mut message);
    let (read, _) = DEFAULT.extract_from(&message);
    let expected = TraceContext::new(child.trace_id(), child.span_id(), None, child.sampling());
    assert_eq!(read.context(), Some(expected), "{message:?}");
    let multi =
        ["traceid", "spanid", "parentspanid", "sampled", "flags"].map(|end| format!("x-b3-{end}"));
    let is_stale = |name: &str| multi.iter().any(|multi| multi.eq_ignore_ascii_case(name));
    assert!(
        !message.iter().any(|(name, _)| is_stale(name)),
        "{message:?}"
    );
    let once = message.clone();
    DEFAULT.inject_into(&child, &forwarded, &mut message);
    message.sort();
    assert!(once.iter().all(|entry| message.contains(entry)) && once.len() == message.len());
}

/// The entries whose names are those of headers; `None` if one of these has a value that no header has.
fn as_headers(message: &[(String, Vec<u8>)]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in message {
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            headers.append(name, HeaderValue::from_bytes(value).ok()?);
        }
    }
    Some(headers)
}

fn agree_on(name: &'static str, input: &[u8]) {
    if let Ok(value) = HeaderValue::from_bytes(input) {
        agree(&HeaderMap::from_iter([(
            HeaderName::from_static(name),
            value,
        )]));
    }
}

/// Reads `name: value` lines; skips lines that are not valid headers.
fn lines(input: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in input.split(|&byte| byte == b'\n') {
        let Some(colon) = line.iter().position(|&byte| byte == b':') else {
            continue;
        };
        let value = line[colon + 1..].strip_prefix(b" ");
        let value = HeaderValue::from_bytes(value.unwrap_or(&line[colon + 1..]));
        let name = HeaderName::from_bytes(&line[..colon]);
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}

/// The library and the model agree, and round trips hold for what they read.
pub fn agree(headers: &HeaderMap) {
    static WITHOUT_W3C: LazyLock<Propagation> = LazyLock::new(|| Propagation::default().w3c(false));
    let (incoming, forwarded) = DEFAULT.extract(headers);
    assert_eq!(Read::of(&incoming), model::read(headers), "{headers:?}");
    // Without W3C, only the effect of `traceparent` changes.
    let mut b3_only = headers.clone();
    b3_only.remove("traceparent");
    let (without, _) = WITHOUT_W3C.extract(headers);
    assert_eq!(Read::of(&without), model::read(&b3_only), "{headers:?}");
    if let Some(context) = incoming.context() {
        round_trip(&context);
        assert_injection_replaces_headers(&context, &forwarded, headers);
    }
}

/// Every combination of formats, and the propagation that writes it.
static WRITERS: LazyLock<Vec<(&[Format], Propagation)>> = LazyLock::new(|| {
    use Format::{B3Multi, B3Single, W3c};
    const FORMATS: [&[Format]; 7] = [
        &[B3Multi],
        &[B3Single],
        &[W3c],
        &[B3Multi, B3Single],
        &[B3Multi, W3c],
        &[B3Single, W3c],
        &[B3Multi, B3Single, W3c],
    ];
    let writer = |(formats, flags_alone): (&'static [Format], bool)| {
        let propagation = Propagation::default()
            .formats(formats.iter().copied())
            .debug_by_flags_alone(flags_alone);
        (formats, propagation)
    };
    let all = FORMATS
        .into_iter()
        .flat_map(|formats| [(formats, false), (formats, true)]);
    all.map(writer).collect()
});

/// An injected context is extracted again, except for what the formats cannot carry.
pub fn round_trip(context: &TraceContext) {
    for (formats, propagation) in WRITERS.iter() {
        let mut headers = HeaderMap::new();
        propagation.inject(context, &Forwarded::default(), &mut headers);
        let (read, _) = propagation.extract(&headers);
        let expected = carried(context, formats);
        assert_eq!(read.context(), Some(expected), "{formats:?}: {headers:?}");
        assert_eq!(read.malformed().count(), 0, "{formats:?}: {headers:?}");
    }
}

/// The part of a context that these formats can carry.
fn carried(context: &TraceContext, formats: &[Format]) -> TraceContext {
    let has = |format| formats.contains(&format);
    let (mut parent, mut sampling) = (context.parent_id(), context.sampling());
    if formats == [Format::W3c] {
        // `traceparent` carries neither parent nor debug nor undecided.
        parent = None;
        sampling = Sampling::from(sampling.is_sampled());
    } else if has(Format::B3Single) && sampling == Sampling::Defer {
        // A parent without a state is not written, because other tracers refuse it. A span that is
        // its own parent looks as if a sidecar had advanced `x-b3-*`, and keeps it.
        let own = Some(context.span_id());
        parent = parent.filter(|_| has(Format::B3Multi) && parent == own);
    }
    TraceContext::new(context.trace_id(), context.span_id(), parent, sampling)
}

/// Injection replaces all earlier trace headers, and injecting twice changes nothing.
fn assert_injection_replaces_headers(
    context: &TraceContext,
    forwarded: &Forwarded,
    there: &HeaderMap,
) {
    let child = context.child();
    let mut out = there.clone();
    DEFAULT.inject(&child, forwarded, &mut out);
    let (read, _) = DEFAULT.extract(&out);
    assert_eq!(read.context(), Some(child), "{there:?} became {out:?}");
    let once = out.clone();
    DEFAULT.inject(&child, forwarded, &mut out);
    assert_eq!(out, once);
    assert!(!out.contains_key("b3"));
}
