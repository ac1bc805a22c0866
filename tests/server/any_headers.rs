//! Requests with any header bytes are served.

use crate::{called, common::TestTracer, empty, serve_all};
use http::{HeaderValue, Request};
use proptest::{collection::vec, prelude::*, sample::select};
use tower_b3::{Mode, Trust, tags::Tag};

fn any_lines() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    let name = select(vec![
        "b3",
        "x-b3-traceid",
        "x-b3-spanid",
        "x-b3-parentspanid",
        "x-b3-sampled",
        "x-b3-flags",
        "traceparent",
        "tracestate",
        "x-request-id",
        "x-envoy-force-trace",
        "x-client-trace-id",
        "sw8",
        "host",
        "content-length",
        "content-type",
        "user-agent",
        "x-forwarded-proto",
        "x-tenant",
    ]);
    let bytes = prop_oneof![
        vec(any::<u8>(), 0..40),
        "[ -~]{0,60}".prop_map(String::into_bytes),
        Just(vec![b'a'; 2000]),
    ];
    vec((name, bytes), 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_header_bytes_are_served(lines in any_lines(), edge: bool, forward: bool) {
        let test = TestTracer::of(|builder| {
            let tag = Tag::request_header("tenant", "x-tenant");
            let mode = if forward { Mode::ForwardOnly } else { Mode::Spans };
            builder.tag(tag).mode(mode).tag_malformed_headers(true)
        });
        let trust = if edge { Trust::nobody() } else { Trust::everyone() };
        let layer = test.tracer.server_layer().trust(trust).rewrite_request_headers(edge);
        let mut request = Request::get("/a?b").body(()).unwrap();
        for (name, value) in &lines {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                request.headers_mut().append(*name, value);
            }
        }
        let mut answered = false;
        serve_all(&layer, request, |_| {
            answered = true;
            called(&test);
            empty()
        });
        prop_assert!(answered);
        let finished = test.spans.take_all().len();
        // Both spans, or none if a header denied sampling.
        let sound = if forward { finished == 0 } else { finished == 2 || finished == 0 && !edge };
        prop_assert!(sound);
    }
}
