//! Sampling by request id: decides, and writes the reason into the id, as Envoy does.

use futures_util::FutureExt;
use http::{Request, Response};
use proptest::{option::of, prelude::*, sample::select};
use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};
use tower::{Layer, ServiceExt, service_fn};
use tower_b3::{
    Sampling, Tracer, TracerBuilder, Trust,
    sample::{Rules, SampleRequest, Sampler},
};

fn tracer(percent: f64) -> TracerBuilder {
    let sampler = Sampler::percentage_by_request_id(percent).unwrap();
    Tracer::builder("shop").sampler(sampler)
}

/// The request id that the handler sees, and whether the request is sampled.
fn served(tracer: TracerBuilder, trust: Trust, headers: &[(&str, &str)]) -> (String, Sampling) {
    served_by(&tracer.build().unwrap(), trust, headers)
}

fn served_by(tracer: &Tracer, trust: Trust, headers: &[(&str, &str)]) -> (String, Sampling) {
    served_at(tracer, trust, "/", headers)
}

fn served_at(
    tracer: &Tracer,
    trust: Trust,
    path: &str,
    headers: &[(&str, &str)],
) -> (String, Sampling) {
    let layer = tracer.server_layer();
    let layer = layer.trust(trust).preserve_external_request_id(true);
    let service = layer.layer(service_fn(|request: Request<()>| async move {
        let on_request = request.headers()["x-request-id"]
            .to_str()
            .unwrap()
            .to_owned();
        assert_eq!(tower_b3::request_id().unwrap().as_str(), on_request);
        let sampling = tower_b3::current().unwrap().sampling();
        let mut response = Response::new(on_request);
        response.extensions_mut().insert(sampling);
        Ok::<_, Infallible>(response)
    }));
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = service.oneshot(request.body(()).unwrap()).now_or_never();
    let response = response.unwrap().unwrap();
    let id = response.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    (id, *response.extensions().get().unwrap())
}

fn id(first: u32, reason: char) -> String {
    format!("{first:08x}-2222-{reason}333-8444-555555555555")
}

#[test]
fn the_first_eight_digits_modulo_ten_thousand_decide() {
    for (first, percent, sampled) in [
        (4999, 50.0, true),
        (5000, 50.0, false),
        (10_000, 50.0, true),
        (0, 0.0, false),
        (9999, 100.0, true),
        (27, 0.29, true),
        (28, 0.29, false),
    ] {
        let sent = id(first, '4');
        let (seen, sampling) = served(tracer(percent), Trust::Mesh, &[("x-request-id", &sent)]);
        assert_eq!(sampling, Sampling::from(sampled), "{first} at {percent}");
        assert_eq!(seen, id(first, if sampled { '9' } else { '4' }));
    }
}

#[test]
fn trace_reasons_are_kept_and_force_headers_set_them() {
    let client = ("x-client-trace-id", "");
    let force = ("x-envoy-force-trace", "");
    for (reason, more, written) in [
        ('9', vec![], '9'),
        ('a', vec![], 'a'),
        ('b', vec![], 'b'),
        ('a', vec![client], 'a'),
        ('4', vec![force], 'a'),
        ('4', vec![client], 'b'),
        ('4', vec![client, force], 'b'),
    ] {
        let sent = id(1, reason);
        let headers: Vec<_> = more.into_iter().chain([("x-request-id", &*sent)]).collect();
        let (seen, sampling) = served(tracer(0.0), Trust::Mesh, &headers);
        assert_eq!(
            (seen, sampling),
            (id(1, written), Sampling::Accept),
            "{headers:?}"
        );
    }
}

#[test]
fn the_local_decision_is_written_even_if_a_state_overrides_it() {
    let sent = id(1, '4');
    let headers = |state| [("x-request-id", sent.as_str()), ("x-b3-sampled", state)];
    let (seen, sampling) = served(tracer(100.0), Trust::Mesh, &headers("0"));
    assert_eq!((seen, sampling), (id(1, '9'), Sampling::Deny));
    let (seen, sampling) = served(tracer(0.0), Trust::Mesh, &headers("1"));
    assert_eq!((seen, sampling), (id(1, '4'), Sampling::Accept));
}

/// Samples by request id for `/`, and with this sampler for `/limited`.
fn rules(limited: Sampler) -> TracerBuilder {
    let by_id = Sampler::percentage_by_request_id(100.0).unwrap();
    let rules = Rules::otherwise(by_id).path("/limited", limited);
    Tracer::builder("shop").sampler(Sampler::rules(rules))
}

/// The request id and the decision of a request for this path.
fn asked(tracer: &Tracer, path: &str, headers: &[(&str, &str)]) -> (String, Sampling) {
    served_at(tracer, Trust::Mesh, path, headers)
}

#[test]
fn sampling_by_request_id_works_within_rules() {
    let by_id = Sampler::percentage_by_request_id(0.0).unwrap();
    let rules = Rules::otherwise(by_id).path("/health", Sampler::never());
    let tracer = Tracer::builder("shop").sampler(Sampler::rules(rules));
    let tracer = tracer.build().unwrap();
    let sent = id(1, '9');
    let (seen, sampling) = asked(&tracer, "/", &[("x-request-id", &sent)]);
    assert_eq!((seen, sampling), (sent, Sampling::Accept));
}

#[test]
fn an_inbound_sampling_state_does_not_count_against_a_rate_limit() {
    let sent = id(1, '4');
    let request_id = ("x-request-id", sent.as_str());
    let stated = [
        [("x-b3-sampled", "0"), request_id],
        [("x-b3-sampled", "1"), request_id],
        [("x-b3-flags", "1"), request_id],
    ];
    let counted = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&counted);
    let own = Sampler::custom(move |_: &SampleRequest<'_>| count.fetch_add(1, SeqCst) == 0);
    let nested = Rules::otherwise(Sampler::rate_limited(1));
    for limited in [Sampler::rate_limited(1), own, Sampler::rules(nested)] {
        let tracer = rules(limited).build().unwrap();
        for headers in &stated {
            for _ in 0..10 {
                let (seen, sampling) = asked(&tracer, "/limited", headers);
                // No decision is made here, so no reason is written.
                assert_eq!(seen, sent);
                assert_eq!(
                    sampling == Sampling::Deny,
                    headers[0] == ("x-b3-sampled", "0")
                );
            }
        }
        // A sampler without a limit is still asked, and its reason written.
        let (seen, _) = asked(&tracer, "/", &stated[0]);
        assert_eq!(seen, id(1, '9'));
        assert_eq!(
            asked(&tracer, "/limited", &[request_id]),
            (id(1, '9'), Sampling::Accept)
        );
    }
    assert_eq!(counted.load(SeqCst), 1);
}

#[test]
fn decisions_made_without_the_sampler_do_not_count_against_a_rate_limit() {
    // By the overall limit: 5,000 of 10,000 request ids are denied.
    let tracer = rules(Sampler::rate_limited(1)).overall_sampling(50.0);
    let tracer = tracer.build().unwrap();
    let refused = id(5_000, '4');
    for _ in 0..10 {
        let headers = [("x-request-id", refused.as_str())];
        let answer = asked(&tracer, "/limited", &headers);
        assert_eq!(answer, (refused.clone(), Sampling::Deny));
    }
    // By an inbound reason, and by force.
    let (reason, forced) = (id(1, '9'), id(1, '4'));
    for headers in [
        vec![("x-request-id", reason.as_str())],
        vec![
            ("x-request-id", forced.as_str()),
            ("x-envoy-force-trace", "1"),
        ],
    ] {
        let (_, sampling) = asked(&tracer, "/limited", &headers);
        assert_eq!(sampling, Sampling::Accept);
    }
    let sent = id(1, '4');
    let (seen, sampling) = asked(&tracer, "/limited", &[("x-request-id", &sent)]);
    assert_eq!((seen, sampling), (id(1, '9'), Sampling::Accept));
}

#[test]
fn limits_reset_the_trace_reason() {
    let sent = id(1, 'b');
    let headers = [("x-request-id", sent.as_str())];
    for limited in [
        tracer(100.0).overall_sampling(0.0),
        tracer(100.0).forced_rate_limit(0),
    ] {
        let (seen, sampling) = served(limited, Trust::Mesh, &headers);
        assert_eq!((seen, sampling), (id(1, '4'), Sampling::Deny));
    }
}

#[test]
fn decisions_made_upstream_do_not_count_against_the_forced_rate_limit() {
    let sampler = Sampler::percentage_by_request_id(0.0).unwrap();
    let tracer = Tracer::builder("shop").sampler(sampler);
    let tracer = tracer.forced_rate_limit(10).build().unwrap();
    let sent = id(1, '4');
    let forced = [
        ("x-request-id", sent.as_str()),
        ("x-envoy-force-trace", "1"),
    ];
    for state in ["0", "1"] {
        for _ in 0..100 {
            let headers = [forced[0], forced[1], ("x-b3-sampled", state)];
            let (seen, sampling) = served_by(&tracer, Trust::Mesh, &headers);
            assert_eq!((seen, sampling), (id(1, 'a'), Sampling::from(state == "1")));
        }
    }
    let (seen, sampling) = served_by(&tracer, Trust::Mesh, &forced);
    assert_eq!((seen, sampling), (id(1, 'a'), Sampling::Accept));
}

#[test]
fn request_ids_that_are_not_uuids_are_sampled_by_trace_id_and_kept() {
    for sent in ["not-a-uuid", "zzzzzzzz-2222-a333-8444-555555555555"] {
        let headers = [("x-request-id", sent)];
        assert_eq!(
            served(tracer(100.0), Trust::Mesh, &headers),
            (sent.to_owned(), Sampling::Accept)
        );
        assert_eq!(
            served(tracer(0.0), Trust::Mesh, &headers),
            (sent.to_owned(), Sampling::Deny)
        );
    }
    // Used for the decision, although it does not have 36 characters.
    let short = "00000001222243338444555555555555";
    let (seen, sampling) = served(tracer(0.02), Trust::Mesh, &[("x-request-id", short)]);
    assert_eq!((&*seen, sampling), (short, Sampling::Accept));
}

#[test]
fn an_untrusted_trace_reason_is_reset() {
    let sent = id(1, 'a');
    let headers = [("x-request-id", sent.as_str())];
    let (seen, sampling) = served(tracer(0.0), Trust::Edge, &headers);
    assert_eq!((seen, sampling), (id(1, '4'), Sampling::Deny));
    let (seen, sampling) = served(tracer(100.0), Trust::Edge, &headers);
    assert_eq!((seen, sampling), (id(1, '9'), Sampling::Accept));
}

#[test]
fn other_samplers_keep_the_request_id() {
    let tracer = Tracer::builder("shop").sampler(Sampler::never());
    let sent = id(1, 'a');
    let (seen, sampling) = served(tracer, Trust::Mesh, &[("x-request-id", &sent)]);
    assert_eq!((seen, sampling), (sent, Sampling::Deny));
}

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
        prop_assert_eq!(served(builder, Trust::Mesh, &headers), model(&facts));
    }
}
