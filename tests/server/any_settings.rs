//! For any settings, either `build` returns an error that names the setting, or the tracer works.

use crate::{common::SpanCollector, empty, serve_all};
use http::Request;
use proptest::{prelude::*, sample::select, test_runner::Config};
use std::net::SocketAddr;
use tower_b3::{
    Tracer, Trust,
    sample::{Rules, Sampler},
};

fn length() -> impl Strategy<Value = usize> {
    prop_oneof![0_usize..200, Just(usize::MAX), any::<usize>()]
}

fn percentage() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => 0.0..=100.0,
        1 => any::<f64>(),
        1 => select(vec![f64::NAN, f64::INFINITY, -0.0, 100.01, f64::MAX]),
    ]
}

fn per_second() -> impl Strategy<Value = u32> {
    prop_oneof![0_u32..20, Just(u32::MAX), any::<u32>()]
}

/// Serves requests with the headers and the paths that the settings are about.
fn serve_requests(tracer: &Tracer, proxies: usize) {
    let trust = Trust::networks(["10.0.0.0/8"])
        .unwrap()
        .trusted_hops(proxies);
    for (header, value) in [
        ("x-b3-flags", "1"),
        ("x-envoy-force-trace", "1"),
        ("x-client-trace-id", "a"),
        ("x-forwarded-for", "10.0.0.1, 10.0.0.2"),
    ] {
        for path in ["/a", "/b", &format!("/{}", "ä".repeat(300))] {
            let request = Request::get(path).header(header, value);
            let request = request.extension(SocketAddr::from(([10, 0, 0, 3], 1)));
            let layer = tracer.server_layer().trust(trust.clone());
            serve_all(&layer, request.body(()).unwrap(), |_| {
                tower_b3::tag("text", "ä".repeat(300));
                empty()
            });
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 256, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_tracer_works_with_any_settings(
        tag_length in length(),
        path_length in length(),
        percentages in (percentage(), percentage(), percentage()),
        limits in (per_second(), per_second(), per_second()),
        proxies in length(),
    ) {
        let valid = |percent: f64| percent.is_sign_positive() && percent <= 100.0;
        let sampler = Sampler::percentage(percentages.0);
        prop_assert_eq!(sampler.is_ok(), valid(percentages.0));
        let by_id = Sampler::percentage_by_request_id(percentages.0);
        prop_assert_eq!(by_id.is_ok(), valid(percentages.0));
        let rules = Rules::otherwise(by_id.unwrap_or_else(|_| Sampler::always()))
            .path("/a", Sampler::rate_limited(limits.0))
            .path("/b", sampler.unwrap_or_else(|_| Sampler::always()));
        let spans = SpanCollector::new();
        let built = spans.builder("shop")
            .sampler(Sampler::rules(rules))
            .max_tag_length(tag_length)
            .max_path_tag_length(path_length)
            .client_sampling(percentages.1)
            .overall_sampling(percentages.2)
            .forced_rate_limit(limits.1)
            .debug_rate_limit(limits.2)
            .build();
        let wrong = [
            ("max_tag_length", tag_length >= 16),
            ("max_path_tag_length", path_length >= 1),
            ("client_sampling", valid(percentages.1)),
            ("overall_sampling", valid(percentages.2)),
        ]
        .into_iter()
        .find_map(|(field, right)| (!right).then_some(field));
        let tracer = match (built, wrong) {
            (Ok(tracer), None) => tracer,
            (Err(error), Some(field)) => {
                prop_assert!(error.to_string().contains(field), "{}", error);
                return Ok(());
            }
            (built, wrong) => {
                let error = built.map(drop);
                return Err(TestCaseError::fail(format!("{error:?}, not {wrong:?}")));
            }
        };
        serve_requests(&tracer, proxies);
        for span in spans.take_all() {
            let text = span.tag("text").unwrap_or_default();
            prop_assert!(text.len() <= tag_length, "{}", text);
        }
    }
}
