//! Sampling by request id: the same decisions, and the same reasons written, as Envoy's.

use http::{Request, Response};
use std::convert::Infallible;
use tower::{Layer, ServiceExt, service_fn};
use tower_b3::{Sampling, Tracer, TracerBuilder, Trust, sample::Sampler};

fn tracer(percent: f64) -> TracerBuilder {
    let sampler = Sampler::percentage_by_request_id(percent).unwrap();
    Tracer::builder("shop").sampler(sampler)
}

/// The request id that the handler sees, and whether the request is sampled.
fn served(tracer: TracerBuilder, trust: Trust, headers: &[(&str, &str)]) -> (String, Sampling) {
    let layer = tracer.build().unwrap().server_layer();
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
    let mut request = Request::builder();
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response =
        futures_util::FutureExt::now_or_never(service.oneshot(request.body(()).unwrap()));
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
fn reasons_travel_and_headers_force() {
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
fn the_local_decision_is_written_even_where_a_state_overrules_it() {
    let sent = id(1, '4');
    let headers = |state| [("x-request-id", sent.as_str()), ("x-b3-sampled", state)];
    let (seen, sampling) = served(tracer(100.0), Trust::Mesh, &headers("0"));
    assert_eq!((seen, sampling), (id(1, '9'), Sampling::Deny));
    let (seen, sampling) = served(tracer(0.0), Trust::Mesh, &headers("1"));
    assert_eq!((seen, sampling), (id(1, '4'), Sampling::Accept));
}

#[test]
fn limits_take_a_reason_back() {
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
fn ids_that_are_no_uuids_are_sampled_by_trace_id_and_left_alone() {
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
    // Hashed, but not of 36 characters.
    let short = "00000001222243338444555555555555";
    let (seen, sampling) = served(tracer(0.02), Trust::Mesh, &[("x-request-id", short)]);
    assert_eq!((&*seen, sampling), (short, Sampling::Accept));
}

#[test]
fn a_strangers_reason_is_reset() {
    let sent = id(1, 'a');
    let headers = [("x-request-id", sent.as_str())];
    let (seen, sampling) = served(tracer(0.0), Trust::Edge, &headers);
    assert_eq!((seen, sampling), (id(1, '4'), Sampling::Deny));
    let (seen, sampling) = served(tracer(100.0), Trust::Edge, &headers);
    assert_eq!((seen, sampling), (id(1, '9'), Sampling::Accept));
}

#[test]
fn other_samplers_leave_ids_alone() {
    let tracer = Tracer::builder("shop").sampler(Sampler::never());
    let sent = id(1, 'a');
    let (seen, sampling) = served(tracer, Trust::Mesh, &[("x-request-id", &sent)]);
    assert_eq!((seen, sampling), (sent, Sampling::Deny));
}
