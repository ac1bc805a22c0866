//! Headers in, headers out: the project's table, a shared one where there is one, and what must
//! hold for any headers.

#[path = "../fuzz/src/model.rs"]
mod model;
#[path = "../fuzz/src/properties.rs"]
mod properties;

use http::{HeaderMap, HeaderName, HeaderValue};
use proptest::prelude::*;
use std::path::PathBuf;
use tower_b3::{
    Sampling, TraceContext,
    id::{SpanId, TraceId},
    propagation::{Field, Format, Incoming, Propagation},
};

const T: &str = "463ac35c9f6413ad48485a3953bb6124";
const T64: &str = "48485a3953bb6124";
const S: &str = "a2fb4a1d1a96d312";
const P: &str = "0020000000000001";
const Z: &str = "0000000000000000";

/// Rows: headers as `name: value` lines, and what is read from them, as `trace/span/parent state`
/// with `-` for what is absent and `new` where there are no ids.
///
/// `T`, `S`, `P` stand for the ids above, `t` for the 64-bit trace id, `Z` for sixteen zeros.
const TABLE: &[(&str, &str, &str)] = &[
    ("nothing", "accept: */*", "new defer"),
    // `b3` with ids.
    ("ids and accept", "b3: T-S-1", "T/S/- accept"),
    ("ids and deny", "b3: T-S-0", "T/S/- deny"),
    ("ids and debug", "b3: T-S-d", "T/S/- debug"),
    ("ids alone", "b3: T-S", "T/S/- defer"),
    ("all four fields", "b3: T-S-1-P", "T/S/P accept"),
    ("a parent without a state", "b3: T-S-P", "T/S/P defer"),
    ("a 64-bit trace id", "b3: t-S-1", "t/S/- accept"),
    (
        "a zero high half is a 64-bit id",
        "b3: Zt-S-1",
        "t/S/- accept",
    ),
    ("a zero parent is absent", "b3: T-S-1-Z", "T/S/- accept"),
    ("a zero parent without a state", "b3: T-S-Z", "T/S/- defer"),
    ("names in any case", "B3: T-S-1", "T/S/- accept"),
    ("white space around", "b3: \t T-S-1 \t", "T/S/- accept"),
    (
        "upper case is read",
        "b3: 463AC35C9F6413AD48485A3953BB6124-A2FB4A1D1A96D312-1",
        "T/S/- accept",
    ),
    (
        "x-b3-* is not consulted",
        "b3: T-S-1|x-b3-traceid: P|x-b3-spanid: P|x-b3-sampled: 0",
        "T/S/- accept",
    ),
    ("nor its debug", "b3: T-S-0|x-b3-flags: 1", "T/S/- deny"),
    (
        "nor its state for a deferred b3",
        "b3: T-S|x-b3-traceid: T|x-b3-spanid: S|x-b3-sampled: 0",
        "T/S/- defer",
    ),
    (
        "nor traceparent",
        "b3: T-S|traceparent: 00-T-P-01",
        "T/S/- defer",
    ),
    (
        "of a repeated b3 the first counts",
        "b3: T-S-0|b3: T-P-1",
        "T/S/- deny",
    ),
    ("also when it is malformed", "b3: x|b3: T-P-1", "new defer"),
    // A sidecar advanced `x-b3-*` only.
    (
        "advanced: ids of x-b3-*, state of b3",
        "b3: T-S-1|x-b3-traceid: T|x-b3-spanid: P|x-b3-parentspanid: S|x-b3-sampled: 0",
        "T/P/S accept",
    ),
    (
        "advanced: state of x-b3-* if b3 has none",
        "b3: T-S|x-b3-traceid: T|x-b3-spanid: P|x-b3-parentspanid: S|x-b3-sampled: 0",
        "T/P/S deny",
    ),
    (
        "advanced: debug of x-b3-* if b3 has none",
        "b3: T-S|x-b3-traceid: T|x-b3-spanid: P|x-b3-parentspanid: S|x-b3-flags: 1",
        "T/P/S debug",
    ),
    (
        "advanced: b3's deny over debug",
        "b3: T-S-0|x-b3-traceid: T|x-b3-spanid: P|x-b3-parentspanid: S|x-b3-flags: 1",
        "T/P/S deny",
    ),
    (
        "advanced, a padded 64-bit trace",
        "b3: t-S-1|x-b3-traceid: Zt|x-b3-spanid: P|x-b3-parentspanid: S",
        "t/P/S accept",
    ),
    (
        "advanced, in upper case",
        "b3: T-S-1|x-b3-traceid: 463AC35C9F6413AD48485A3953BB6124|x-b3-spanid: P|x-b3-parentspanid: A2FB4A1D1A96D312",
        "T/P/S accept",
    ),
    (
        "not advanced: another trace",
        "b3: T-S-1|x-b3-traceid: t|x-b3-spanid: P|x-b3-parentspanid: S",
        "T/S/- accept",
    ),
    (
        "not advanced: another parent",
        "b3: T-S-1-P|x-b3-traceid: T|x-b3-spanid: P|x-b3-parentspanid: P",
        "T/S/P accept",
    ),
    (
        "not advanced: no span id",
        "b3: T-S-1|x-b3-traceid: T|x-b3-parentspanid: S",
        "T/S/- accept",
    ),
    // `b3` is a state alone.
    (
        "state and ids of x-b3-*",
        "b3: 0|x-b3-traceid: T|x-b3-spanid: S|x-b3-sampled: 1",
        "T/S/- deny",
    ),
    (
        "state over flags",
        "b3: 1|x-b3-traceid: T|x-b3-spanid: S|x-b3-parentspanid: P|x-b3-flags: 1",
        "T/S/P accept",
    ),
    (
        "debug and ids of x-b3-*",
        "b3: d|x-b3-traceid: T|x-b3-spanid: S|x-b3-sampled: 0",
        "T/S/- debug",
    ),
    ("deny alone", "b3: 0", "new deny"),
    ("accept alone", "b3: 1", "new accept"),
    ("debug alone", "b3: d", "new debug"),
    ("state alone, white space around", "b3:  0\t", "new deny"),
    (
        "state alone, ids unreadable",
        "b3: d|x-b3-traceid: T|x-b3-spanid: xyz|x-b3-sampled: 0",
        "new debug",
    ),
    (
        "state alone and traceparent",
        "b3: 0|traceparent: 00-T-S-01",
        "T/S/- deny",
    ),
    ("an upper-case D is no state", "b3: D", "new defer"),
    ("a word is no state", "b3: true", "new defer"),
    // `b3` malformed.
    (
        "falls back to ids and state",
        "b3: T--1|x-b3-traceid: T|x-b3-spanid: S|x-b3-sampled: 0",
        "T/S/- deny",
    ),
    ("falls back to debug", "b3: T--0|x-b3-flags: 1", "new debug"),
    (
        "keeps its state if nothing else decides",
        "b3: T-x-0|x-b3-traceid: T|x-b3-spanid: S",
        "T/S/- deny",
    ),
    (
        "keeps its state, of three fields",
        "b3: x-S-1",
        "new accept",
    ),
    (
        "keeps its state, of four fields",
        "b3: x-S-d-P",
        "new debug",
    ),
    ("keeps its state, of empty fields", "b3: --0", "new deny"),
    (
        "keeps no state of five fields",
        "b3: T-S-1-P-1",
        "new defer",
    ),
    ("keeps no state of two fields", "b3: T-0", "new defer"),
    ("keeps no fourth field", "b3: T-x-y-0", "new defer"),
    (
        "its state stands over traceparent's",
        "b3: T-x-0|traceparent: 00-T-S-01",
        "T/S/- deny",
    ),
    (
        "traceparent decides where it is silent",
        "b3: x|traceparent: 00-T-S-00",
        "T/S/- deny",
    ),
    ("never ids from a malformed b3", "b3: T-S-2", "new defer"),
    ("an empty b3", "b3: ", "new defer"),
    ("only white space", "b3: \t ", "new defer"),
    ("an empty trace id", "b3: -S-1", "new accept"),
    ("an empty span id", "b3: T--", "new defer"),
    ("a trailing hyphen", "b3: T-S-", "new defer"),
    (
        "a trailing hyphen after the state",
        "b3: T-S-1-",
        "new accept",
    ),
    ("a trailing hyphen after all", "b3: T-S-1-P-", "new defer"),
    (
        "a trailing hyphen after a state alone",
        "b3: 0-",
        "new defer",
    ),
    ("a trace id alone", "b3: T", "new defer"),
    (
        "20 digits are no trace id",
        "b3: 463ac35c9f6413ad4848-S-1",
        "new accept",
    ),
    (
        "15 digits are no trace id",
        "b3: 463ac35c9f6413a-S-1",
        "new accept",
    ),
    ("33 digits are no trace id", "b3: T0-S-0", "new deny"),
    (
        "15 digits are no span id",
        "b3: T-a2fb4a1d1a96d31-0",
        "new deny",
    ),
    ("17 digits are no span id", "b3: T-S0-0", "new deny"),
    (
        "a malformed parent makes b3 malformed",
        "b3: T-S-1-x",
        "new accept",
    ),
    (
        "a short parent too",
        "b3: T-S-0-002000000000001",
        "new deny",
    ),
    (
        "a parent of sixteen other characters too",
        "b3: T-S-xxxxxxxxxxxxxxxx",
        "new defer",
    ),
    ("a long state", "b3: T-S-11", "new defer"),
    ("two values in one", "b3: T-S-1,T-S-0", "new defer"),
    ("a zero trace id", "b3: ZZ-S-0", "new deny"),
    ("a zero 64-bit trace id", "b3: Z-S-1", "new accept"),
    ("a zero span id", "b3: T-Z-d", "new debug"),
    (
        "a zero trace id and x-b3-*",
        "b3: ZZ-S-0|x-b3-traceid: T|x-b3-spanid: P|x-b3-sampled: 1",
        "T/P/- accept",
    ),
    (
        "a sign",
        "b3: +63ac35c9f6413ad48485a3953bb6124-S-1",
        "new accept",
    ),
    (
        "0x",
        "b3: 0x3ac35c9f6413ad48485a3953bb6124-S-1",
        "new accept",
    ),
    ("white space inside", "b3: T -S-1", "new accept"),
    ("not ASCII", "b3: T-a2fb4a1d1a96d31é-1", "new accept"),
    ("full-width digits", "b3: T-S-１", "new defer"),
    // `x-b3-*`.
    (
        "multi: ids",
        "x-b3-traceid: T|x-b3-spanid: S",
        "T/S/- defer",
    ),
    (
        "multi: all",
        "X-B3-TraceId: T|X-B3-SpanId: S|X-B3-ParentSpanId: P|X-B3-Sampled: 1",
        "T/S/P accept",
    ),
    (
        "multi: short ids are padded",
        "x-b3-traceid: 1|x-b3-spanid: 2|x-b3-parentspanid: 3",
        "0000000000000001/0000000000000002/0000000000000003 defer",
    ),
    (
        "multi: 17 digits",
        "x-b3-traceid: 1t|x-b3-spanid: S",
        "0000000000000001t/S/- defer",
    ),
    (
        "multi: 33 digits",
        "x-b3-traceid: T0|x-b3-spanid: S",
        "new defer",
    ),
    (
        "multi: 33 digits, the first a zero",
        "x-b3-traceid: 0T|x-b3-spanid: S",
        "new defer",
    ),
    (
        "multi: a span id of 17 digits",
        "x-b3-traceid: T|x-b3-spanid: 0S|x-b3-sampled: 0",
        "new deny",
    ),
    (
        "multi: empty ids",
        "x-b3-traceid: |x-b3-spanid: |x-b3-sampled: 1",
        "new accept",
    ),
    (
        "multi: upper case",
        "x-b3-traceid: 463AC35C9F6413AD48485A3953BB6124|x-b3-spanid: A2FB4A1D1A96D312",
        "T/S/- defer",
    ),
    (
        "multi: a sign",
        "x-b3-traceid: +1|x-b3-spanid: S",
        "new defer",
    ),
    (
        "multi: minus",
        "x-b3-traceid: T|x-b3-spanid: -1",
        "new defer",
    ),
    ("multi: 0x", "x-b3-traceid: 0x1|x-b3-spanid: S", "new defer"),
    (
        "multi: an underscore",
        "x-b3-traceid: 1_0|x-b3-spanid: S",
        "new defer",
    ),
    (
        "multi: white space around",
        "x-b3-traceid: \tT |x-b3-spanid:  S|x-b3-sampled:  1 ",
        "T/S/- accept",
    ),
    (
        "multi: white space inside",
        "x-b3-traceid: 46 3a|x-b3-spanid: S",
        "new defer",
    ),
    (
        "multi: not ASCII",
        "x-b3-traceid: é|x-b3-spanid: S|x-b3-sampled: 0",
        "new deny",
    ),
    (
        "multi: a zero trace id",
        "x-b3-traceid: ZZ|x-b3-spanid: S|x-b3-sampled: 0",
        "new deny",
    ),
    (
        "multi: a zero span id",
        "x-b3-traceid: T|x-b3-spanid: 0|x-b3-flags: 1",
        "new debug",
    ),
    (
        "multi: a zero id and traceparent",
        "x-b3-traceid: T|x-b3-spanid: Z|traceparent: 00-T-S-01",
        "T/S/- accept",
    ),
    (
        "multi: a zero parent is absent",
        "x-b3-traceid: T|x-b3-spanid: S|x-b3-parentspanid: 0",
        "T/S/- defer",
    ),
    (
        "multi: a malformed parent is absent",
        "x-b3-traceid: T|x-b3-spanid: S|x-b3-parentspanid: PP|x-b3-sampled: 1",
        "T/S/- accept",
    ),
    (
        "multi: an empty parent is absent",
        "x-b3-traceid: T|x-b3-spanid: S|x-b3-parentspanid: ",
        "T/S/- defer",
    ),
    (
        "multi: a trace id alone, deny stands",
        "x-b3-traceid: T|x-b3-sampled: 0",
        "new deny",
    ),
    (
        "multi: a trace id alone, debug stands",
        "x-b3-traceid: T|x-b3-flags: 1",
        "new debug",
    ),
    ("multi: a span id alone", "x-b3-spanid: S", "new defer"),
    (
        "multi: a parent id alone",
        "x-b3-parentspanid: P|x-b3-sampled: 1",
        "new accept",
    ),
    (
        "multi: a trace id alone and traceparent",
        "x-b3-traceid: T|x-b3-sampled: 0|traceparent: 00-T-S-01",
        "T/S/- deny",
    ),
    (
        "multi: repeated",
        "x-b3-traceid: T|x-b3-traceid: t|x-b3-spanid: S|x-b3-spanid: P|x-b3-sampled: 0|x-b3-sampled: 1",
        "T/S/- deny",
    ),
    (
        "multi: repeated, the first malformed",
        "x-b3-traceid: x|x-b3-traceid: T|x-b3-spanid: S|x-b3-sampled: |x-b3-sampled: 1",
        "new defer",
    ),
    (
        "multi: repeated flags",
        "x-b3-flags: 0|x-b3-flags: 1|x-b3-sampled: 0",
        "new deny",
    ),
    // States.
    ("sampled 1", "x-b3-sampled: 1", "new accept"),
    ("sampled true", "x-b3-sampled: true", "new accept"),
    ("sampled True", "x-b3-sampled: True", "new accept"),
    ("sampled 0", "x-b3-sampled: 0", "new deny"),
    ("sampled false", "x-b3-sampled: false", "new deny"),
    ("sampled FALSE", "x-b3-sampled: FALSE", "new deny"),
    ("sampled empty", "x-b3-sampled: ", "new defer"),
    ("sampled d", "x-b3-sampled: d", "new defer"),
    ("sampled 2", "x-b3-sampled: 2", "new defer"),
    ("sampled 01", "x-b3-sampled: 01", "new defer"),
    ("sampled yes", "x-b3-sampled: yes", "new defer"),
    ("flags 1", "x-b3-flags: 1", "new debug"),
    (
        "flags 1 over deny",
        "x-b3-traceid: T|x-b3-spanid: S|x-b3-sampled: 0|x-b3-flags: 1",
        "T/S/- debug",
    ),
    (
        "flags 1, white space around",
        "x-b3-flags:  1 ",
        "new debug",
    ),
    (
        "flags 0 is ignored",
        "x-b3-sampled: 1|x-b3-flags: 0",
        "new accept",
    ),
    (
        "flags 2 is ignored",
        "x-b3-sampled: 0|x-b3-flags: 2",
        "new deny",
    ),
    ("flags 01 is ignored", "x-b3-flags: 01", "new defer"),
    ("flags true is ignored", "x-b3-flags: true", "new defer"),
    ("flags 3 is ignored", "x-b3-flags: 3", "new defer"),
    // W3C.
    ("traceparent", "traceparent: 00-T-S-01", "T/S/- accept"),
    (
        "traceparent not sampled",
        "traceparent: 00-T-S-00",
        "T/S/- deny",
    ),
    (
        "traceparent, other flags",
        "traceparent: 00-T-S-02",
        "T/S/- deny",
    ),
    (
        "traceparent, all flags",
        "traceparent: 00-T-S-ff",
        "T/S/- accept",
    ),
    (
        "traceparent of 64 bits",
        "traceparent: 00-Zt-S-01",
        "t/S/- accept",
    ),
    (
        "B3's accept decides",
        "x-b3-sampled: 1|traceparent: 00-T-S-00",
        "T/S/- accept",
    ),
    (
        "B3's debug decides",
        "x-b3-flags: 1|traceparent: 00-T-S-00",
        "T/S/- debug",
    ),
    ("a later version", "traceparent: 01-T-S-01", "T/S/- accept"),
    (
        "a later version with more",
        "traceparent: fe-T-S-01-x",
        "T/S/- accept",
    ),
    (
        "a later version with more, but no hyphen",
        "traceparent: fe-T-S-01x",
        "new defer",
    ),
    ("version ff", "traceparent: ff-T-S-01", "new defer"),
    (
        "version 00 with more",
        "traceparent: 00-T-S-01-x",
        "new defer",
    ),
    (
        "version 00 with a hyphen",
        "traceparent: 00-T-S-01-",
        "new defer",
    ),
    (
        "upper case is malformed in W3C",
        "traceparent: 00-463AC35C9F6413AD48485A3953BB6124-S-01",
        "new defer",
    ),
    ("upper-case flags", "traceparent: 00-T-S-0A", "new defer"),
    ("zero trace in W3C", "traceparent: 00-ZZ-S-01", "new defer"),
    ("zero span in W3C", "traceparent: 00-T-Z-01", "new defer"),
    ("16 digits in W3C", "traceparent: 00-t-S-01", "new defer"),
    ("one digit of flags", "traceparent: 00-T-S-1", "new defer"),
    ("no flags", "traceparent: 00-T-S", "new defer"),
    ("one digit of version", "traceparent: 0-T-S-01", "new defer"),
    (
        "malformed traceparent and deny",
        "traceparent: x|x-b3-sampled: 0",
        "new deny",
    ),
];

fn expand(text: &str) -> String {
    // Ids stand where a field or a value starts or other letters cannot be meant.
    let mut out = String::new();
    for c in text.chars() {
        match c {
            'T' => out.push_str(T),
            't' => out.push_str(T64),
            'S' => out.push_str(S),
            'P' => out.push_str(P),
            'Z' => out.push_str(Z),
            other => out.push(other),
        }
    }
    out
}

/// Values that are words, not ids.
const WORDS: [&str; 6] = ["true", "True", "false", "FALSE", "yes", "*/*"];

fn headers_of(row: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in row.split('|') {
        let (name, value) = line.split_once(": ").unwrap();
        let value = if WORDS.contains(&value) {
            value.to_owned()
        } else {
            expand(value)
        };
        headers.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_bytes(value.as_bytes()).unwrap(),
        );
    }
    headers
}

fn state(sampling: Sampling) -> &'static str {
    match sampling {
        Sampling::Defer => "defer",
        Sampling::Deny => "deny",
        Sampling::Accept => "accept",
        Sampling::Debug => "debug",
    }
}

fn shown(incoming: &Incoming) -> String {
    let state = state(incoming.sampling());
    match incoming.context() {
        None => format!("new {state}"),
        Some(context) => {
            assert_eq!(context.sampling(), incoming.sampling());
            let parent = context
                .parent_id()
                .map_or("-".to_owned(), |id| id.to_string());
            format!(
                "{}/{}/{parent} {state}",
                context.trace_id(),
                context.span_id()
            )
        }
    }
}

fn extract(headers: &HeaderMap) -> Incoming {
    Propagation::default().extract(headers).0
}

#[test]
fn the_table_is_read_as_it_says() {
    let mut wrong = Vec::new();
    for (row, headers, expected) in TABLE {
        let (ids, state) = expected.split_once(' ').unwrap();
        let expected = match ids {
            "new" => (*expected).to_owned(),
            ids => format!("{} {state}", expand(ids)),
        };
        let read = shown(&extract(&headers_of(headers)));
        if read != expected {
            wrong.push(format!("{row}: read {read}, expected {expected}"));
        }
    }
    println!("{} rows of the project's own table", TABLE.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_is_read_by_the_model_too() {
    for (row, headers, _) in TABLE {
        println!("{row}");
        properties::agree(&headers_of(headers));
    }
}

#[test]
fn a_value_of_256_bytes_is_read_and_one_more_is_not() {
    let padded =
        |value: &str, length: usize| format!("{value}{}", " ".repeat(length - value.len()));
    let deferred = |length| {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("x-b3-traceid", T),
            ("x-b3-spanid", S),
            ("x-b3-sampled", "0"),
        ] {
            headers.insert(name, padded(value, length).parse().unwrap());
        }
        shown(&extract(&headers))
    };
    assert_eq!(deferred(256), format!("{T}/{S}/- deny"));
    assert_eq!(deferred(257), "new defer");
    for (name, value, short) in [
        ("b3", format!("{T}-{S}-0"), format!("{T}/{S}/- deny")),
        (
            "traceparent",
            format!("00-{T}-{S}-01"),
            format!("{T}/{S}/- accept"),
        ),
        ("x-b3-flags", "1".to_owned(), "new debug".to_owned()),
    ] {
        let read = |length| {
            let name = HeaderName::from_static(name);
            let value = padded(&value, length).parse().unwrap();
            extract(&HeaderMap::from_iter([(name, value)]))
        };
        assert_eq!(shown(&read(256)), short, "{name}");
        let long = read(257);
        assert_eq!(shown(&long), "new defer", "{name}");
        let fact = long.malformed().next().unwrap();
        assert_eq!(fact.to_string(), format!("{name}: over 256 bytes"));
    }
}

#[test]
fn what_is_malformed_is_never_equal_to_nothing() {
    for (headers, field) in [
        ("b3: x", Field::B3),
        ("b3: T-S-1-P-", Field::B3),
        ("b3: ZZ-S-0", Field::B3),
        ("x-b3-traceid: x|x-b3-spanid: S", Field::TraceId),
        ("x-b3-traceid: T|x-b3-spanid: Z", Field::SpanId),
        (
            "x-b3-traceid: T|x-b3-spanid: S|x-b3-parentspanid: é",
            Field::ParentSpanId,
        ),
        ("x-b3-sampled: maybe", Field::Sampled),
        ("x-b3-traceid: T", Field::TraceId),
        ("x-b3-spanid: S", Field::SpanId),
        ("traceparent: 00-T-S-0", Field::Traceparent),
        ("x-request-id: a b", Field::RequestId),
    ] {
        let incoming = extract(&headers_of(headers));
        assert!(
            incoming.malformed().any(|fact| fact.field == field),
            "{headers}: {incoming:?}"
        );
    }
}

#[test]
fn w3c_can_be_switched_off_and_is_opaque_then() {
    let off = Propagation::default().w3c(false);
    let inbound = headers_of("traceparent: 00-T-S-01|tracestate: a=1|tracestate: b=2");
    let (incoming, forwarded) = off.extract(&inbound);
    assert_eq!(shown(&incoming), "new defer");
    let mut out = HeaderMap::new();
    off.inject(&TraceContext::root(Sampling::Accept), &forwarded, &mut out);
    assert_eq!(out["traceparent"], inbound["traceparent"]);
    assert_eq!(out.get_all("tracestate").iter().count(), 2);
}

#[test]
fn every_b3_header_that_is_not_written_is_removed() {
    let stale = headers_of(
        "b3: T-S-1|b3: 0|x-b3-traceid: T|x-b3-traceid: t|x-b3-spanid: S|x-b3-parentspanid: P|x-b3-sampled: 0|x-b3-flags: 1",
    );
    let root = TraceContext::root(Sampling::Accept);
    for (formats, left) in [
        (vec![], vec![]),
        (vec![Format::B3Single], vec!["b3"]),
        (vec![Format::W3c], vec!["traceparent"]),
        (
            vec![Format::B3Multi],
            vec!["x-b3-sampled", "x-b3-spanid", "x-b3-traceid"],
        ),
    ] {
        let propagation = Propagation::default().formats(formats);
        let mut out = stale.clone();
        propagation.inject(&root, &Default::default(), &mut out);
        let mut names: Vec<_> = out.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, left);
        assert!(
            names
                .iter()
                .all(|name| out.get_all(*name).iter().count() == 1)
        );
    }
}

#[derive(serde::Deserialize)]
struct Case {
    id: String,
    headers: std::collections::BTreeMap<String, Values>,
    expect: Expected,
}

#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Many(Vec<String>),
}

#[derive(serde::Deserialize)]
struct Expected {
    outcome: String,
    trace_id: Option<String>,
    span_id: Option<String>,
    parent_id: Option<String>,
    state: String,
}

impl Case {
    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, values) in &self.headers {
            let values = match values {
                Values::One(value) => std::slice::from_ref(value),
                Values::Many(values) => values,
            };
            for value in values {
                headers.append(
                    HeaderName::from_bytes(name.as_bytes()).unwrap(),
                    HeaderValue::from_bytes(value.as_bytes()).unwrap(),
                );
            }
        }
        headers
    }

    /// As [`shown`] shows it.
    fn expected(&self) -> String {
        let expect = &self.expect;
        let id = |id: &Option<String>| id.clone().unwrap_or("-".to_owned());
        match expect.outcome.as_str() {
            "context" => format!(
                "{}/{}/{} {}",
                id(&expect.trace_id),
                id(&expect.span_id),
                id(&expect.parent_id),
                expect.state
            ),
            "sampling-only" | "new" => format!("new {}", expect.state),
            other => panic!("{}: unknown outcome {other}", self.id),
        }
    }
}

/// A table that other implementations share, where there is one.
#[test]
fn the_shared_table_is_read_as_it_says() {
    let path = match std::env::var_os("TOWER_B3_CASES") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/cases/b3-extract.json"),
    };
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("no shared table: there is no file {}", path.display());
        return;
    };
    let cases: Vec<Case> = serde_json::from_str(&text).unwrap();
    let mut wrong = Vec::new();
    for case in &cases {
        let read = shown(&extract(&case.headers()));
        if read != case.expected() {
            wrong.push(format!(
                "{}: read {read}, expected {}",
                case.id,
                case.expected()
            ));
        }
        properties::agree(&case.headers());
    }
    println!("{} rows of {}", cases.len(), path.display());
    assert!(!cases.is_empty());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn id_text() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => Just(T.to_owned()),
        3 => Just(T64.to_owned()),
        6 => Just(S.to_owned()),
        4 => Just(P.to_owned()),
        1 => Just(Z.to_owned()),
        1 => Just(Z.repeat(2)),
        1 => Just(format!("{Z}{T64}")),
        1 => Just(T.to_uppercase()),
        2 => "[0-9a-fA-F]{0,34}",
        1 => "[0-9a-fgxX+_ é-]{0,18}",
    ]
}

fn state_text() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => "[01d]",
        2 => "(true|TRUE|False|D|2|01|11)",
        1 => "[ -~]{0,3}",
    ]
}

/// A value that is well-formed, or nearly so, or garbage, of any header.
fn value_text() -> impl Strategy<Value = Vec<u8>> {
    let single = (id_text(), id_text(), state_text(), id_text(), 0..7_usize).prop_map(
        |(trace, span, state, parent, shape)| match shape {
            0 => state,
            1 => format!("{trace}-{span}"),
            2 => format!("{trace}-{span}-{parent}"),
            3 => format!("{trace}-{span}-{state}-{parent}"),
            4 => format!("{trace}-{span}-{state}-{parent}-{state}"),
            5 => format!("{trace}-{span}-{state}-"),
            _ => format!("{trace}-{span}-{state}"),
        },
    );
    let traceparent = (
        "(00|01|cc|ff|0)",
        id_text(),
        id_text(),
        "(00|01|03|0|zz|0A)",
        "(|||-|-x)",
    )
        .prop_map(|(version, trace, span, flags, more)| {
            format!("{version}-{trace}-{span}-{flags}{more}")
        });
    let text = prop_oneof![
        4 => id_text(),
        4 => state_text(),
        4 => single,
        3 => traceparent,
        1 => Just("0".repeat(256)),
        1 => Just("0".repeat(257)),
    ];
    let spaced = (text, "[ \t]{0,2}", "[ \t]{0,2}")
        .prop_map(|(text, before, after)| format!("{before}{text}{after}").into_bytes());
    prop_oneof![
        20 => spaced,
        1 => proptest::collection::vec(any::<u8>(), 0..64),
    ]
}

const NAMES: [&str; 7] = [
    "b3",
    "x-b3-traceid",
    "x-b3-spanid",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-flags",
    "traceparent",
];

/// Each header with a value that suits it most of the time, or a repeated one.
fn any_headers() -> impl Strategy<Value = HeaderMap> {
    let fitting = |name: &'static str| {
        let value = match name {
            "x-b3-traceid" | "x-b3-spanid" | "x-b3-parentspanid" => {
                id_text().prop_map(String::into_bytes).boxed()
            }
            "x-b3-sampled" | "x-b3-flags" => state_text().prop_map(String::into_bytes).boxed(),
            _ => value_text().boxed(),
        };
        prop_oneof![4 => value, 1 => value_text().boxed()].prop_map(move |value| (name, value))
    };
    let headers = NAMES.map(|name| proptest::collection::vec(fitting(name), 0..=2).boxed());
    let headers: Vec<_> = headers.into_iter().collect();
    headers.prop_map(|pairs| {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs.into_iter().flatten() {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(name, value);
            }
        }
        headers
    })
}

fn any_context() -> impl Strategy<Value = TraceContext> {
    let trace = prop_oneof![1_u128.., (1_u64..).prop_map(u128::from)];
    let state = prop_oneof![
        Just(Sampling::Defer),
        Just(Sampling::Deny),
        Just(Sampling::Accept),
        Just(Sampling::Debug)
    ];
    (trace, 1_u64.., any::<u64>(), state).prop_map(|(trace, span, parent, state)| {
        TraceContext::new(
            TraceId::new(trace).unwrap(),
            SpanId::new(span).unwrap(),
            SpanId::new(parent).filter(|parent| parent.get() % 4 != 0),
            state,
        )
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2048,
        // Seeds of what failed once belong into `fuzz/seeds`.
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_headers_are_read_as_the_slow_model_reads_them(headers in any_headers()) {
        properties::agree(&headers);
    }

    #[test]
    fn a_value_of_any_shape_is_read_as_the_slow_model_reads_it(value in value_text()) {
        for (_, property) in properties::ALL {
            property(&value);
        }
    }

    #[test]
    fn what_is_injected_is_extracted(context in any_context()) {
        properties::round_trip(&context);
    }
}

#[test]
fn every_seed_holds() {
    let seeds = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    for (target, property) in properties::ALL {
        let mut ran = 0;
        for entry in std::fs::read_dir(seeds.join(target)).unwrap() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            property(&std::fs::read(&path).unwrap());
            ran += 1;
        }
        assert!(ran >= 10, "{target} has only {ran} seeds");
    }
}

/// Seeds, changed in one place after the other: a small fuzzer that never changes its mind.
#[test]
fn every_seed_holds_with_a_byte_changed() {
    let seeds = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    for (target, property) in properties::ALL {
        for entry in std::fs::read_dir(seeds.join(target)).unwrap() {
            let seed = std::fs::read(entry.unwrap().path()).unwrap();
            for at in 0..seed.len().min(160) {
                for byte in [b'-', 0xff] {
                    let mut changed = seed.clone();
                    changed[at] = byte;
                    property(&changed);
                }
                let mut shorter = seed.clone();
                shorter.remove(at);
                property(&shorter);
                property(&seed[..at]);
            }
        }
    }
}
