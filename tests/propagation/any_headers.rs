//! Any headers are read as by the slow model, and injected contexts are extracted unchanged.

use crate::{P, S, T, T64, Z, properties};
use http::{HeaderMap, HeaderValue};
use proptest::{collection::vec, prelude::*};
use tower_b3::{
    Sampling, TraceContext,
    id::{SpanId, TraceId},
};

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
pub fn value_text() -> impl Strategy<Value = Vec<u8>> {
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
        1 => vec(any::<u8>(), 0..64),
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

/// Each header up to twice, mostly with values of its own kind.
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
    let headers = NAMES.map(|name| vec(fitting(name), 0..=2).boxed());
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

pub fn any_context() -> impl Strategy<Value = TraceContext> {
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
        // Inputs that failed once belong in `fuzz/seeds`.
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn any_headers_are_read_as_by_the_model(headers in any_headers()) {
        properties::agree(&headers);
    }

    #[test]
    fn any_value_is_read_as_by_the_model(value in value_text()) {
        for (_, property) in properties::ALL {
            property(&value);
        }
    }

    #[test]
    fn injected_contexts_are_extracted_unchanged(context in any_context()) {
        properties::round_trip(&context);
    }
}
