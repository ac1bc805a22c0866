//! Sampling by request id, compared with a model of Envoy's rules.

use crate::sampling_by_request_id::{served, tracer};
use proptest::{option::of, prelude::*, sample::select};
use tower_b3::{Sampling, Trust};

/// Everything that the decision on a request depends on.
#[derive(Debug, Clone)]
struct Facts {
    request_id: String,
    /// The low half of the inbound trace id, which makes decisions by trace id reproducible.
    trace_low: u64,
    state: Sampling,
    client: bool,
    force: bool,
    /// In hundredths of a percent.
    percent: u32,
    overall: Option<u32>,
    client_sampling: Option<bool>,
    forced_are_limited: bool,
}

fn facts() -> impl Strategy<Value = Facts> {
    // Near the limits of small percentages more often than at random.
    let digits = prop_oneof![
        "[0-9a-f]{8}",
        "0000000[0-9a-f]",
        "000026[0-9a-f]{2}",
        "[0-9A-F]{8}"
    ];
    let request_id = prop_oneof![
        6 => (digits.clone(), "[0-9a-f]").prop_map(|(digits, reason)| {
            format!("{digits}-2222-{reason}333-8444-555555555555")
        }),
        2 => (digits, "[0-9a-f]{24}").prop_map(|(digits, rest)| digits + &rest),
        1 => "[!-~]{36}",
        1 => "[!-~]{1,40}",
    ];
    let percent = || prop_oneof![Just(0), Just(10_000), 0..=40_u32, 0..=10_000_u32];
    let state = select(vec![
        Sampling::Defer,
        Sampling::Defer,
        Sampling::Deny,
        Sampling::Accept,
        Sampling::Debug,
    ]);
    (
        (
            request_id,
            any::<u64>(),
            state,
            any::<bool>(),
            any::<bool>(),
        ),
        (
            percent(),
            of(percent()),
            any::<Option<bool>>(),
            any::<bool>(),
        ),
    )
        .prop_map(|(request, settings)| {
            let (request_id, trace_low, state, client, force) = request;
            let (percent, overall, client_sampling, forced_are_limited) = settings;
            Facts {
                request_id,
                trace_low,
                state,
                client,
                force,
                percent,
                overall,
                client_sampling,
                forced_are_limited,
            }
        })
}

/// The decision by Envoy's documented steps, extended where Envoy has no rule.
fn model(facts: &Facts) -> (String, Sampling) {
    let mut id: Vec<char> = facts.request_id.chars().collect();
    let first: String = id.iter().take(8).collect();
    let is_hex = first.len() == 8 && first.chars().all(|c| c.is_ascii_hexdigit());
    let number = is_hex.then(|| u64::from_str_radix(&first, 16).unwrap());
    let bucket = number.unwrap_or(facts.trace_low) % 10_000;
    // Percentages are parsed from decimal and multiplied as `f64`, which loses some hundredths.
    let hits = |hundredths: u32| {
        let percent: f64 = format!("{}.{:02}", hundredths / 100, hundredths % 100)
            .parse()
            .unwrap();
        (bucket as f64) < (10_000.0 * (percent / 100.0)).floor()
    };
    let travelled = match id.get(14) {
        Some(&reason) if id.len() == 36 && is_hex && "9ab".contains(reason) => Some(reason),
        _ => None,
    };
    let mut reason = travelled;
    if reason.is_none() && facts.client && facts.client_sampling != Some(false) {
        reason = Some('b');
    }
    if reason.is_none() && facts.force {
        reason = Some('a');
    }
    if reason.is_none() && hits(facts.percent) {
        reason = Some('9');
    }
    let is_forced = matches!(reason, Some('a' | 'b'));
    // Decisions made upstream do not count against the limit.
    let is_limited = facts.forced_are_limited && facts.state == Sampling::Defer;
    if is_limited && is_forced || !facts.overall.is_none_or(hits) {
        reason = None;
    }
    if id.len() == 36 && is_hex {
        match (reason, travelled) {
            (Some(reason), _) => id[14] = reason,
            (None, Some(_)) => id[14] = '4',
            (None, None) => {}
        }
    }
    let sampling = match facts.state {
        Sampling::Defer => Sampling::from(reason.is_some()),
        explicit => explicit,
    };
    (id.into_iter().collect(), sampling)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn decisions_match_the_model(facts in facts()) {
        let mut builder = tracer(f64::from(facts.percent) / 100.0);
        if let Some(overall) = facts.overall {
            builder = builder.overall_sampling(f64::from(overall) / 100.0);
        }
        if let Some(all) = facts.client_sampling {
            builder = builder.client_sampling(if all { 100.0 } else { 0.0 });
        }
        if facts.forced_are_limited {
            builder = builder.forced_rate_limit(0);
        }
        let trace_id = format!("{:016x}{:016x}", 1, facts.trace_low);
        let mut headers = vec![
            ("x-request-id", &*facts.request_id),
            ("x-b3-traceid", &*trace_id),
            ("x-b3-spanid", "a2fb4a1d1a96d312"),
        ];
        headers.extend(match facts.state {
            Sampling::Deny => Some(("x-b3-sampled", "0")),
            Sampling::Accept => Some(("x-b3-sampled", "1")),
            Sampling::Debug => Some(("x-b3-flags", "1")),
            _ => None,
        });
        headers.extend(facts.client.then_some(("x-client-trace-id", "")));
        headers.extend(facts.force.then_some(("x-envoy-force-trace", "")));
        prop_assert_eq!(served(builder, Trust::everyone(), &headers), model(&facts));
    }
}
