//! Who decides whether a trace is sampled, and in which order.

use crate::{
    common::{SPAN, TRACE, TestTracer, get, now, text},
    empty, serve_all,
};
use http::Request;
use std::{
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Sampling, Tracer, Trust, current,
    sample::{Sampler, SamplingParameters},
    scope,
};

impl TestTracer {
    /// The sampling decision on a request, whose span is taken.
    fn decision(&self, lines: &str) -> Sampling {
        let mut seen = None;
        serve_all(&self.tracer.server_layer(), get("/", lines), |_| {
            seen = current();
            empty()
        });
        let seen = seen.unwrap().sampling();
        assert_eq!(self.spans.take_all().len(), usize::from(seen.is_sampled()));
        seen
    }
}

fn never() -> TestTracer {
    TestTracer::of(|builder| builder.sampler(Sampler::never()))
}

#[test]
fn without_a_sampler_everything_is_sampled() {
    assert_eq!(TestTracer::new().decision(""), Sampling::Accept);
}

#[test]
fn an_explicit_state_overrides_every_sampler() {
    let ids = format!("{TRACE}-{SPAN}");
    assert_eq!(never().decision(&format!("b3: {ids}-1")), Sampling::Accept);
    assert_eq!(never().decision(&format!("b3: {ids}-d")), Sampling::Debug);
    assert_eq!(
        TestTracer::new().decision(&format!("b3: {ids}-0")),
        Sampling::Deny
    );
    let w3c = format!("traceparent: 00-{ids}-01");
    assert_eq!(never().decision(&w3c), Sampling::Accept);
}

#[test]
fn an_explicit_deny_overrides_force() {
    let lines = "b3: 0|x-envoy-force-trace: true|x-client-trace-id: c";
    assert_eq!(TestTracer::new().decision(lines), Sampling::Deny);
    let lines = "x-b3-sampled: 0|x-envoy-force-trace: true";
    assert_eq!(TestTracer::new().decision(lines), Sampling::Deny);
}

#[test]
fn the_sampler_decides_on_undecided_ids() {
    let lines = format!("b3: {TRACE}-{SPAN}");
    assert_eq!(TestTracer::new().decision(&lines), Sampling::Accept);
    assert_eq!(never().decision(&lines), Sampling::Deny);
}

#[test]
fn force_headers_sample_whatever_their_value() {
    for lines in [
        "x-envoy-force-trace: true",
        "x-envoy-force-trace: ",
        "x-envoy-force-trace: false",
        "x-client-trace-id: c",
        "x-client-trace-id: ",
    ] {
        assert_eq!(never().decision(lines), Sampling::Accept, "{lines}");
    }
}

#[test]
fn a_client_trace_id_is_a_tag() {
    let test = never();
    let span = test.span_of(get("/", "x-client-trace-id: mine"));
    assert_eq!(span.tag("guid:x-client-trace-id").as_deref(), Some("mine"));
}

#[test]
fn an_untrusted_request_cannot_force_sampling() {
    let test = never();
    let layer = test.tracer.server_layer().trust(Trust::nobody());
    for lines in [
        "x-envoy-force-trace: 1",
        "x-client-trace-id: c",
        "b3: d",
        "b3: 1",
    ] {
        serve_all(&layer, get("/", lines), |_| empty());
    }
    test.spans.take(0);
}

#[test]
fn the_overall_limit_denies_forced_and_sampled_traces_and_propagates_0() {
    let test = TestTracer::of(|builder| builder.overall_sampling(0.0));
    for lines in ["", "x-envoy-force-trace: 1", "x-client-trace-id: c"] {
        assert_eq!(test.decision(lines), Sampling::Deny, "{lines}");
    }
    let catalog = service_fn(|request: Request<()>| {
        assert_eq!(text(request.headers(), "x-b3-sampled"), "0");
        ready(Ok::<_, &'static str>(empty()))
    });
    let mut client = test.tracer.client_layer().layer(catalog);
    serve_all(&test.tracer.server_layer(), get("/", ""), |_| {
        drop(now(client.call(Request::new(()))).unwrap());
        empty()
    });
}

#[test]
fn the_overall_limit_never_stops_an_explicit_state() {
    let test = TestTracer::of(|builder| builder.overall_sampling(0.0));
    for (lines, state) in [
        ("b3: 1", Sampling::Accept),
        ("x-b3-sampled: 1", Sampling::Accept),
        ("b3: d", Sampling::Debug),
        (
            "traceparent: 00-463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-01",
            Sampling::Accept,
        ),
    ] {
        assert_eq!(test.decision(lines), state, "{lines}");
    }
}

#[test]
fn forced_traces_over_their_rate_are_denied() {
    let test = TestTracer::of(|builder| builder.sampler(Sampler::always()).forced_rate_limit(3));
    let forced = (0..20).map(|_| test.decision("x-envoy-force-trace: 1"));
    let sampled = forced.filter(|state| state.is_sampled()).count();
    // Twenty requests may span the end of a second.
    assert!((3..=6).contains(&sampled), "{sampled}");
    let none = TestTracer::of(|builder| builder.forced_rate_limit(0));
    assert_eq!(none.decision("x-client-trace-id: c"), Sampling::Deny);
    assert_eq!(none.decision(""), Sampling::Accept);
    assert_eq!(
        none.decision("b3: 1|x-envoy-force-trace: 1"),
        Sampling::Accept
    );
}

#[test]
fn the_debug_rate_limit_stops_recording_but_not_propagation() {
    let test = TestTracer::of(|builder| builder.debug_rate_limit(0));
    let catalog = service_fn(|request: Request<()>| {
        assert_eq!(text(request.headers(), "x-b3-flags"), "1");
        assert_eq!(text(request.headers(), "x-b3-traceid"), TRACE);
        ready(Ok::<_, &'static str>(empty()))
    });
    let mut client = test.tracer.client_layer().layer(catalog);
    for _ in 0..5 {
        let lines = format!("b3: {TRACE}-{SPAN}-d");
        serve_all(&test.tracer.server_layer(), get("/", &lines), |_| {
            assert_eq!(current().unwrap().sampling(), Sampling::Debug);
            assert!(scope::handle().is_none());
            drop(now(client.call(Request::new(()))).unwrap());
            tower_b3::span("local").in_scope(|| {
                drop(now(client.call(Request::new(()))).unwrap());
            });
            empty()
        });
    }
    // Neither these requests nor the calls made for them are recorded.
    test.spans.take(0);
    assert_eq!(test.tracer.debug_limited(), 5);
}

#[test]
fn a_debug_rate_limit_applies_to_debug_requests_only() {
    let test = TestTracer::of(|builder| builder.debug_rate_limit(0));
    assert_eq!(test.decision("b3: 1"), Sampling::Accept);
    assert_eq!(test.decision(""), Sampling::Accept);
    assert_eq!(test.tracer.debug_limited(), 0);
}

#[test]
fn the_sampler_can_be_changed_at_run_time() {
    let test = TestTracer::new();
    let layer = test.tracer.server_layer();
    for (sampler, made) in [
        (Sampler::never(), 0),
        (Sampler::always(), 1),
        (Sampler::percentage(0.0).unwrap(), 0),
        (Sampler::percentage(100.0).unwrap(), 1),
    ] {
        test.tracer.set_sampler(sampler);
        serve_all(&layer, get("/", ""), |_| empty());
        test.spans.take(made);
    }
}

#[test]
fn the_sampler_is_asked_once_and_only_for_undecided_requests() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let sampler = Sampler::custom(move |parameters: &SamplingParameters<'_>| {
        count.fetch_add(1, SeqCst);
        parameters.head().unwrap().path() == "/"
    });
    let test = TestTracer::of(|builder| builder.sampler(sampler));
    for (lines, asked_by_then) in [
        ("b3: 1", 0),
        ("b3: 0", 0),
        ("x-b3-flags: 1", 0),
        ("x-envoy-force-trace: 1", 0),
        ("", 1),
        ("b3: 463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312", 2),
    ] {
        test.decision(lines);
        assert_eq!(asked.load(SeqCst), asked_by_then, "{lines}");
    }
}

#[test]
fn a_percentage_decides_consistently_for_one_trace_id() {
    let one = TestTracer::of(|builder| builder.sampler(Sampler::percentage(30.0).unwrap()));
    let other = TestTracer::of(|builder| builder.sampler(Sampler::percentage(30.0).unwrap()));
    for low in [0, 1, 2999, 3000, 9999, 10_000, 12_999, 13_000] {
        let lines = format!(
            "x-b3-traceid: {:x}|x-b3-spanid: 1",
            0x1_0000_0000_0000_0000_u128 + low
        );
        let expected = Sampling::from(low % 10_000 < 3000);
        assert_eq!(one.decision(&lines), expected, "{low}");
        assert_eq!(other.decision(&lines), expected, "{low}");
    }
}

#[test]
fn a_panicking_sampler_fails_no_request_and_no_other_span() {
    let test = TestTracer::of(|builder| {
        builder.sampler(Sampler::custom(|parameters: &SamplingParameters<'_>| {
            let path = parameters.head().unwrap().path();
            assert_ne!(path, "/panic", "expected");
            true
        }))
    });
    let layer = test.tracer.server_layer();
    serve_all(&layer, get("/panic", ""), |_| empty());
    assert_eq!(current(), None);
    serve_all(&layer, get("/", ""), |_| empty());
    test.spans.take_one();
}

#[test]
fn client_sampling_limits_only_traces_forced_by_clients() {
    let test = TestTracer::of(|builder| builder.sampler(Sampler::never()).client_sampling(0.0));
    assert_eq!(test.decision("x-client-trace-id: c"), Sampling::Deny);
    // As if the header were absent: the next rule decides.
    let forced = "x-client-trace-id: c|x-envoy-force-trace: 1";
    assert_eq!(test.decision(forced), Sampling::Accept);
    let explicit = "x-client-trace-id: c|b3: 1";
    assert_eq!(test.decision(explicit), Sampling::Accept);
    let test = TestTracer::of(|builder| builder.client_sampling(0.0));
    assert_eq!(test.decision("x-client-trace-id: c"), Sampling::Accept);

    let test = TestTracer::of(|builder| builder.sampler(Sampler::never()).client_sampling(50.0));
    let sampled = |_: &u32| test.decision("x-client-trace-id: c") == Sampling::Accept;
    let hits = (0..2_000).filter(sampled).count();
    // Ten standard deviations are 224.
    assert!((776..1224).contains(&hits), "{hits}");
}

#[test]
fn an_invalid_percentage_is_an_error_that_names_the_setting() {
    let built = Tracer::builder("shop").client_sampling(101.0).build();
    let error = built.unwrap_err().to_string();
    assert_eq!(
        error,
        "client_sampling: 101 is not a percentage from 0 to 100"
    );
}
