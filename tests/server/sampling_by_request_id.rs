//! Sampling by request id: decides, and writes the reason into the id, as Envoy does.

use futures_util::FutureExt;
use http::{Request, Response};
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
    sample::{Rules, Sampler, SamplingParameters, ShouldSample},
};

pub fn tracer(percent: f64) -> TracerBuilder {
    let sampler = Sampler::percentage_by_request_id(percent).unwrap();
    Tracer::builder("shop").sampler(sampler)
}

/// The request id that the handler sees, and whether the request is sampled.
pub fn served(tracer: TracerBuilder, trust: Trust, headers: &[(&str, &str)]) -> (String, Sampling) {
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
        let (seen, sampling) = served(
            tracer(percent),
            Trust::everyone(),
            &[("x-request-id", &sent)],
        );
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
        let (seen, sampling) = served(tracer(0.0), Trust::everyone(), &headers);
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
    let (seen, sampling) = served(tracer(100.0), Trust::everyone(), &headers("0"));
    assert_eq!((seen, sampling), (id(1, '9'), Sampling::Deny));
    let (seen, sampling) = served(tracer(0.0), Trust::everyone(), &headers("1"));
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
    served_at(tracer, Trust::everyone(), path, headers)
}

/// A user's sampler around another one.
struct Wrapper(Sampler);

impl ShouldSample for Wrapper {
    fn should_sample(&self, parameters: &SamplingParameters<'_>) -> bool {
        self.0.should_sample(parameters)
    }

    fn is_by_request_id(&self) -> bool {
        self.0.is_by_request_id()
    }

    fn is_stateless(&self, parameters: &SamplingParameters<'_>) -> bool {
        self.0.is_stateless(parameters)
    }
}

#[test]
fn rules_inside_a_custom_sampler_decide_and_write_as_they_do_alone() {
    let percent = |percent| Sampler::percentage_by_request_id(percent).unwrap();
    let rules = Rules::otherwise(percent(0.0)).path("/half", percent(50.0));
    let alone = Sampler::rules(rules.clone());
    for wrapped in [
        Sampler::custom(rules),
        Sampler::custom(alone.clone()),
        Sampler::custom(Wrapper(alone.clone())),
        Sampler::rules(Rules::otherwise(Sampler::custom(alone.clone()))),
    ] {
        let [alone, wrapped] = [alone.clone(), wrapped]
            .map(|sampler| {
                Tracer::builder("shop")
                    .sampler(sampler)
                    .overall_sampling(60.0)
            })
            .map(|builder| builder.build().unwrap());
        for trust in [Trust::everyone(), Trust::nobody()] {
            for (path, first, reason, state) in [
                ("/half", 4999, '4', None),
                ("/half", 5000, '4', None),
                ("/half", 4999, '4', Some("0")),
                ("/half", 5000, '4', Some("1")),
                ("/", 1, '4', None),
                ("/", 1, '9', None),
                ("/", 1, 'a', None),
                ("/", 6000, '9', None),
            ] {
                let id = id(first, reason);
                let state = state.map(|state| ("x-b3-sampled", state));
                let headers: Vec<_> = state.into_iter().chain([("x-request-id", &*id)]).collect();
                let served = |tracer| served_at(tracer, trust.clone(), path, &headers);
                assert_eq!(served(&wrapped), served(&alone), "{path} {headers:?}");
            }
        }
    }
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
    let own = Sampler::custom(move |_: &SamplingParameters<'_>| count.fetch_add(1, SeqCst) == 0);
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
        let (seen, sampling) = served(limited, Trust::everyone(), &headers);
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
            let (seen, sampling) = served_by(&tracer, Trust::everyone(), &headers);
            assert_eq!((seen, sampling), (id(1, 'a'), Sampling::from(state == "1")));
        }
    }
    let (seen, sampling) = served_by(&tracer, Trust::everyone(), &forced);
    assert_eq!((seen, sampling), (id(1, 'a'), Sampling::Accept));
}

#[test]
fn request_ids_that_are_not_uuids_are_sampled_by_trace_id_and_kept() {
    for sent in ["not-a-uuid", "zzzzzzzz-2222-a333-8444-555555555555"] {
        let headers = [("x-request-id", sent)];
        assert_eq!(
            served(tracer(100.0), Trust::everyone(), &headers),
            (sent.to_owned(), Sampling::Accept)
        );
        assert_eq!(
            served(tracer(0.0), Trust::everyone(), &headers),
            (sent.to_owned(), Sampling::Deny)
        );
    }
    // Used for the decision, although it does not have 36 characters.
    let short = "00000001222243338444555555555555";
    let (seen, sampling) = served(tracer(0.02), Trust::everyone(), &[("x-request-id", short)]);
    assert_eq!((&*seen, sampling), (short, Sampling::Accept));
}

#[test]
fn an_untrusted_trace_reason_is_reset() {
    let sent = id(1, 'a');
    let headers = [("x-request-id", sent.as_str())];
    let (seen, sampling) = served(tracer(0.0), Trust::nobody(), &headers);
    assert_eq!((seen, sampling), (id(1, '4'), Sampling::Deny));
    let (seen, sampling) = served(tracer(100.0), Trust::nobody(), &headers);
    assert_eq!((seen, sampling), (id(1, '9'), Sampling::Accept));
}

#[test]
fn other_samplers_keep_the_request_id() {
    let tracer = Tracer::builder("shop").sampler(Sampler::never());
    let sent = id(1, 'a');
    let (seen, sampling) = served(tracer, Trust::everyone(), &[("x-request-id", &sent)]);
    assert_eq!((seen, sampling), (sent, Sampling::Deny));
}
