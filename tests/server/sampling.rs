//! Who decides whether a trace is sampled, and in which order.

use crate::{
    common::{Lab, SPAN, TRACE, get, text},
    empty, serve_all,
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering::SeqCst},
};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Sampling, Trust, current,
    sample::{Sampler, SamplingParameters},
};

impl Lab {
    /// What is decided on a request; its span, if any, is taken.
    fn decision(&self, lines: &str) -> Sampling {
        let mut seen = None;
        serve_all(&self.tracer.server_layer(), get("/", lines), |_| {
            seen = current();
            empty()
        });
        let seen = seen.unwrap().sampling();
        assert_eq!(self.spans.all().len(), usize::from(seen.is_sampled()));
        seen
    }
}

fn never() -> Lab {
    Lab::of(|builder| builder.sampler(Sampler::never()))
}

#[test]
fn without_a_sampler_everything_is_sampled() {
    assert_eq!(Lab::new().decision(""), Sampling::Accept);
}

#[test]
fn an_explicit_state_stands_over_every_sampler() {
    let ids = format!("{TRACE}-{SPAN}");
    assert_eq!(never().decision(&format!("b3: {ids}-1")), Sampling::Accept);
    assert_eq!(never().decision(&format!("b3: {ids}-d")), Sampling::Debug);
    assert_eq!(Lab::new().decision(&format!("b3: {ids}-0")), Sampling::Deny);
    let w3c = format!("traceparent: 00-{ids}-01");
    assert_eq!(never().decision(&w3c), Sampling::Accept);
}

#[test]
fn an_explicit_no_stands_over_force() {
    let lines = "b3: 0|x-envoy-force-trace: true|x-client-trace-id: c";
    assert_eq!(Lab::new().decision(lines), Sampling::Deny);
    let lines = "x-b3-sampled: 0|x-envoy-force-trace: true";
    assert_eq!(Lab::new().decision(lines), Sampling::Deny);
}

#[test]
fn undecided_ids_are_decided_on_by_the_sampler() {
    let lines = format!("b3: {TRACE}-{SPAN}");
    assert_eq!(Lab::new().decision(&lines), Sampling::Accept);
    assert_eq!(never().decision(&lines), Sampling::Deny);
}

#[test]
fn force_trace_samples_whatever_its_value() {
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
fn a_client_trace_id_is_a_tag_and_goes_on() {
    let lab = never();
    let span = lab.span_of(get("/", "x-client-trace-id: mine"));
    assert_eq!(span.tag("guid:x-client-trace-id").as_deref(), Some("mine"));
}

#[test]
fn a_stranger_cannot_force() {
    let lab = never();
    let layer = lab.tracer.server_layer().trust(Trust::nobody());
    for lines in [
        "x-envoy-force-trace: 1",
        "x-client-trace-id: c",
        "b3: d",
        "b3: 1",
    ] {
        serve_all(&layer, get("/", lines), |_| empty());
    }
    lab.spans.take(0);
}

#[test]
fn the_overall_limit_stops_forced_and_sampled_traces_and_0_travels() {
    let lab = Lab::of(|builder| builder.overall_sampling(0.0));
    for lines in ["", "x-envoy-force-trace: 1", "x-client-trace-id: c"] {
        assert_eq!(lab.decision(lines), Sampling::Deny, "{lines}");
    }
    let catalog = service_fn(|request: http::Request<()>| {
        assert_eq!(text(request.headers(), "x-b3-sampled"), "0");
        std::future::ready(Ok::<_, &'static str>(empty()))
    });
    let mut client = lab.tracer.client_layer().layer(catalog);
    serve_all(&lab.tracer.server_layer(), get("/", ""), |_| {
        drop(crate::now(client.call(http::Request::new(()))).unwrap());
        empty()
    });
}

#[test]
fn the_overall_limit_never_stops_an_explicit_state() {
    let lab = Lab::of(|builder| builder.overall_sampling(0.0));
    for (lines, state) in [
        ("b3: 1", Sampling::Accept),
        ("x-b3-sampled: 1", Sampling::Accept),
        ("b3: d", Sampling::Debug),
        (
            "traceparent: 00-463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-01",
            Sampling::Accept,
        ),
    ] {
        assert_eq!(lab.decision(lines), state, "{lines}");
    }
}

#[test]
fn forced_traces_over_their_rate_are_denied() {
    let lab = Lab::of(|builder| builder.sampler(Sampler::always()).forced_rate_limit(3));
    let forced = (0..20).map(|_| lab.decision("x-envoy-force-trace: 1"));
    let sampled = forced.filter(|state| state.is_sampled()).count();
    // Twenty requests may straddle the end of a second.
    assert!((3..=6).contains(&sampled), "{sampled}");
    let none = Lab::of(|builder| builder.forced_rate_limit(0));
    assert_eq!(none.decision("x-client-trace-id: c"), Sampling::Deny);
    assert_eq!(none.decision(""), Sampling::Accept);
    assert_eq!(
        none.decision("b3: 1|x-envoy-force-trace: 1"),
        Sampling::Accept
    );
}

#[test]
fn a_debug_rate_limit_stops_recording_only_and_is_counted() {
    let lab = Lab::of(|builder| builder.debug_rate_limit(0));
    let catalog = service_fn(|request: http::Request<()>| {
        assert_eq!(text(request.headers(), "x-b3-flags"), "1");
        assert_eq!(text(request.headers(), "x-b3-traceid"), TRACE);
        std::future::ready(Ok::<_, &'static str>(empty()))
    });
    let mut client = lab.tracer.client_layer().layer(catalog);
    for _ in 0..5 {
        let lines = format!("b3: {TRACE}-{SPAN}-d");
        serve_all(&lab.tracer.server_layer(), get("/", &lines), |_| {
            assert_eq!(current().unwrap().sampling(), Sampling::Debug);
            assert!(tower_b3::scope::handle().is_none());
            drop(crate::now(client.call(http::Request::new(()))).unwrap());
            tower_b3::span("local").in_scope(|| {
                drop(crate::now(client.call(http::Request::new(()))).unwrap());
            });
            empty()
        });
    }
    // Nothing of these requests is recorded, the calls made for them included.
    lab.spans.take(0);
    assert_eq!(lab.tracer.debug_limited(), 5);
}

#[test]
fn a_debug_rate_limit_is_for_debug_only() {
    let lab = Lab::of(|builder| builder.debug_rate_limit(0));
    assert_eq!(lab.decision("b3: 1"), Sampling::Accept);
    assert_eq!(lab.decision(""), Sampling::Accept);
    assert_eq!(lab.tracer.debug_limited(), 0);
}

#[test]
fn the_sampler_is_changed_at_run_time() {
    let lab = Lab::new();
    let layer = lab.tracer.server_layer();
    for (sampler, made) in [
        (Sampler::never(), 0),
        (Sampler::always(), 1),
        (Sampler::percentage(0.0).unwrap(), 0),
        (Sampler::percentage(100.0).unwrap(), 1),
    ] {
        lab.tracer.set_sampler(sampler);
        serve_all(&layer, get("/", ""), |_| empty());
        lab.spans.take(made);
    }
}

#[test]
fn a_sampler_is_asked_once_and_only_where_nobody_decided() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let sampler = Sampler::custom(move |parameters: &SamplingParameters<'_>| {
        count.fetch_add(1, SeqCst);
        parameters.head().unwrap().path() == "/"
    });
    let lab = Lab::of(|builder| builder.sampler(sampler));
    for (lines, asked_by_then) in [
        ("b3: 1", 0),
        ("b3: 0", 0),
        ("x-b3-flags: 1", 0),
        ("x-envoy-force-trace: 1", 0),
        ("", 1),
        ("b3: 463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312", 2),
    ] {
        lab.decision(lines);
        assert_eq!(asked.load(SeqCst), asked_by_then, "{lines}");
    }
}

#[test]
fn one_percentage_decides_the_same_for_one_trace_everywhere() {
    let one = Lab::of(|builder| builder.sampler(Sampler::percentage(30.0).unwrap()));
    let other = Lab::of(|builder| builder.sampler(Sampler::percentage(30.0).unwrap()));
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
fn a_panicking_sampler_costs_no_request_and_no_other_span() {
    let lab = Lab::of(|builder| {
        builder.sampler(Sampler::custom(|parameters: &SamplingParameters<'_>| {
            let path = parameters.head().unwrap().path();
            assert_ne!(path, "/panic", "as the test wants it");
            true
        }))
    });
    let layer = lab.tracer.server_layer();
    serve_all(&layer, get("/panic", ""), |_| empty());
    assert_eq!(current(), None);
    serve_all(&layer, get("/", ""), |_| empty());
    lab.spans.take_one();
}

#[test]
fn client_sampling_limits_what_clients_force_and_nothing_else() {
    let lab = Lab::of(|builder| builder.sampler(Sampler::never()).client_sampling(0.0));
    assert_eq!(lab.decision("x-client-trace-id: c"), Sampling::Deny);
    // As if it were not there: what comes after it in the order decides.
    let forced = "x-client-trace-id: c|x-envoy-force-trace: 1";
    assert_eq!(lab.decision(forced), Sampling::Accept);
    let explicit = "x-client-trace-id: c|b3: 1";
    assert_eq!(lab.decision(explicit), Sampling::Accept);
    let lab = Lab::of(|builder| builder.client_sampling(0.0));
    assert_eq!(lab.decision("x-client-trace-id: c"), Sampling::Accept);

    let lab = Lab::of(|builder| builder.sampler(Sampler::never()).client_sampling(50.0));
    let sampled = |_: &u32| lab.decision("x-client-trace-id: c") == Sampling::Accept;
    let hits = (0..2_000).filter(sampled).count();
    // Ten standard deviations are 224.
    assert!((776..1224).contains(&hits), "{hits}");
}

#[test]
fn a_percentage_that_is_none_is_refused_by_name() {
    let built = tower_b3::Tracer::builder("shop")
        .client_sampling(101.0)
        .build();
    let error = built.unwrap_err().to_string();
    assert_eq!(
        error,
        "client_sampling: 101 is not a percentage from 0 to 100"
    );
}
