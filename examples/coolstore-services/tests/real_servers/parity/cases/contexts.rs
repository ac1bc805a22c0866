//! Cases with incoming trace contexts: valid, malformed, in every format.

use crate::parity::case::{Case, LOW, P, S, T, case};

/// Valid `x-b3-*`.
pub fn contexts() -> Vec<Case> {
    let webapp = |name| case("webapp", name);
    vec![
        webapp("no headers"),
        webapp("multi").ids(T, S).parent(P).sampled("1"),
        webapp("multi without a parent").ids(T, S).sampled("1"),
        webapp("multi undecided").ids(T, S),
        webapp("64 bits").ids(LOW, S).sampled("1"),
        webapp("a high half of zeros")
            .ids("000000000000000048485a3953bb6124", S)
            .sampled("1"),
        webapp("short ids").ids("abc", "12").sampled("1"),
        webapp("upper case")
            .ids(&T.to_uppercase(), "A2FB4A1D1A96D312")
            .sampled("1"),
        webapp("two trace ids")
            .ids(T, S)
            .header("x-b3-traceid", LOW)
            .sampled("1"),
        webapp("a trace id alone")
            .header("x-b3-traceid", T)
            .sampled("1"),
        webapp("a span id alone")
            .header("x-b3-spanid", S)
            .sampled("1"),
        webapp("a parent alone").parent(P),
        webapp("opaque headers")
            .header("x-ot-span-context", "ot")
            .header("x-cloud-trace-context", "cloud")
            .header("grpc-trace-bin", "AAAA")
            .header("x-datadog-trace-id", "1")
            .header("x-datadog-parent-id", "2")
            .header("x-datadog-sampling-priority", "1")
            .header("sw8", "1-a-b")
            .header("x-amzn-trace-id", "Root=1-a-b")
            .header("tracestate", "a=b"),
    ]
}

/// Values of `x-b3-sampled` and `x-b3-flags`.
pub fn states() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "0", "true", "false", "TRUE", "True", "False", "d", "yes", "2", "",
    ]
    .into_iter()
    .map(|state| {
        case("webapp", format!("sampled {state:?}"))
            .ids(T, S)
            .sampled(state)
    })
    .collect();
    let webapp = |name| case("webapp", name);
    cases.extend([
        webapp("sampled 0 without ids").sampled("0"),
        webapp("sampled 1 without ids").sampled("1"),
        webapp("flags 1").ids(T, S).header("x-b3-flags", "1"),
        webapp("flags 1, sampled 0")
            .ids(T, S)
            .sampled("0")
            .header("x-b3-flags", "1"),
        webapp("flags 0, sampled 1")
            .ids(T, S)
            .sampled("1")
            .header("x-b3-flags", "0"),
    ]);
    cases
}

/// Valid `b3`, sent to a service that writes `x-b3-*` and to one that writes `b3`.
pub fn single() -> Vec<Case> {
    let mut cases = Vec::new();
    for setup in ["webapp", "webapp-b3"] {
        let one = |name, value: String| case(setup, format!("b3 {name}")).b3(value);
        cases.extend([
            one("with everything", format!("{T}-{S}-1-{P}")),
            one("of 64 bits", format!("{LOW}-{S}-1")),
            one("undecided", format!("{T}-{S}")),
            one("denied", format!("{T}-{S}-0")),
            one("debug", format!("{T}-{S}-d")),
            one("debug with a parent", format!("{T}-{S}-d-{P}")),
            one("0 alone", "0".to_owned()),
            one("1 alone", "1".to_owned()),
            one("d alone", "d".to_owned()),
        ]);
    }
    let webapp = |name| case("webapp", name);
    cases.extend([
        webapp("two b3")
            .b3(format!("{T}-{S}-1"))
            .b3(format!("{LOW}-{P}-0")),
        webapp("b3 and other x-b3-*")
            .b3(format!("{T}-{S}-0"))
            .ids(LOW, P)
            .sampled("1"),
        webapp("b3 and x-b3-* of the next span")
            .b3(format!("{T}-{P}-1"))
            .ids(T, S)
            .parent(P)
            .sampled("1"),
        webapp("b3 0 and ids").b3("0").ids(T, S).sampled("1"),
    ]);
    cases
}

/// Malformed headers.
pub fn malformed() -> Vec<Case> {
    let trace = |name, id: &str| case("webapp", name).ids(id, S).sampled("1");
    let single = |name, value: String| case("webapp", name).b3(value);
    vec![
        trace("a trace id of 31 digits", &T[1..]),
        trace("a trace id that is not a number", "zzz"),
        trace("a trace id with 0x", "0x1f"),
        trace("a trace id of zeros", "00000000000000000000000000000000"),
        trace("a parent that is not a number", T).parent("zz"),
        case("webapp", "a span id of zeros")
            .ids(T, "0000000000000000")
            .sampled("1"),
        single("b3 garbage", "garbage".to_owned()),
        single("b3 empty", String::new()),
        single("b3 garbage, good x-b3-*", "garbage".to_owned())
            .ids(T, S)
            .sampled("1"),
        single("b3 empty, good x-b3-*", String::new())
            .ids(T, S)
            .sampled("1"),
        single("b3 with a parent and no state", format!("{T}-{S}-{P}")),
        single("b3 with an unknown state", format!("{T}-{S}-x")),
        single("b3 with a trailing hyphen", format!("{T}-{S}-")),
        single("b3 with a bad parent", format!("{T}-{S}-1-{P}x")),
        single("b3 with one letter", "x".to_owned()),
    ]
}

pub fn w3c() -> Vec<Case> {
    let traceparent = || format!("00-{T}-{S}-01");
    let mut cases = Vec::new();
    for setup in ["w3c", "b3-alone", "webapp"] {
        let one = |name| case(setup, name);
        cases.extend([
            one("traceparent")
                .header("traceparent", traceparent())
                .header("tracestate", "a=b"),
            one("traceparent, not sampled").header("traceparent", format!("00-{T}-{S}-00")),
            one("traceparent garbage").header("traceparent", "garbage"),
            one("traceparent of another trace")
                .ids(LOW, P)
                .sampled("0")
                .header("traceparent", traceparent()),
        ]);
    }
    cases.extend([
        case("w3c", "no headers"),
        case("w3c", "64 bits").ids(LOW, S).sampled("1"),
        case("w3c", "sampled 0, traceparent sampled")
            .sampled("0")
            .header("traceparent", traceparent()),
    ]);
    cases
}
