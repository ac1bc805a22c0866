//! The effect of a configuration on a tracer.

use crate::{
    common::{Script, TestTracer, drain, get, now, text},
    documents, read,
};
use http::{HeaderMap, Request, Response};
use std::{convert::Infallible, future::ready};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    Direction, Mode, Tracer, config::TracingConfig, id::TraceIdKind, istio::Identity,
    propagation::Propagation, record::SpanRecord, sample::Sampler, tags::Tag,
};

/// Serves a request with these headers, and calls `http://catalog/items` for it. Returns the headers of
/// the call.
pub fn serve_and_call(tracer: &Tracer, lines: &str, outbound: &str) -> HeaderMap {
    let client = tracer
        .client_layer()
        .layer(service_fn(|request: Request<()>| {
            let mut response = Response::new(Script::default());
            *response.headers_mut() = request.headers().clone();
            ready(Ok::<_, Infallible>(response))
        }));
    let mut server = tracer
        .server_layer()
        .layer(service_fn(move |_: Request<()>| {
            let mut client = client.clone();
            let outbound = get("http://catalog/items", outbound);
            async move {
                let mut response = client.call(outbound).await?;
                drain(response.body_mut()).unwrap();
                let mut answer = Response::new(Script::default());
                *answer.headers_mut() = response.headers().clone();
                Ok::<_, Infallible>(answer)
            }
        }));
    let mut response = now(server.call(get("/api/catalog", lines))).unwrap();
    drain(response.body_mut()).unwrap();
    std::mem::take(response.headers_mut())
}

pub fn configured(config: &TracingConfig) -> TestTracer {
    TestTracer::of(|builder| builder.config(config))
}

fn tag(span: &SpanRecord, name: &str) -> Option<String> {
    span.tag(name).map(|value| value.into_owned())
}

const FORCED: &str = "x-envoy-force-trace: true";

#[test]
fn requests_are_sampled_by_request_id_as_by_a_sidecar() {
    let test = configured(&read("tracing: { sampling: 50 }"));
    // Of 10,000, 4999 is below 50 %, 5000 is not.
    serve_and_call(
        &test.tracer,
        "x-request-id: 00001387-2222-4333-8444-555555555555",
        "",
    );
    assert_eq!(test.spans.take(2).len(), 2);
    let called = serve_and_call(
        &test.tracer,
        "x-request-id: 00001388-2222-4333-8444-555555555555",
        "",
    );
    test.spans.take(0);
    assert_eq!(text(&called, "x-b3-sampled"), "0");
}

#[test]
fn at_0_percent_only_forced_traces_are_sampled() {
    let test = configured(&read(&documents()["scene-6-none.yaml"].1));
    for request in 0..7 {
        serve_and_call(&test.tracer, if request < 5 { FORCED } else { "" }, "");
    }
    let spans = test.spans.take(10);
    let traces: std::collections::HashSet<_> = spans.iter().map(|span| span.trace_id()).collect();
    assert_eq!(traces.len(), 5);
}

/// As in Envoy, which then leaves request ids alone too.
#[test]
fn without_sampling_by_request_id_only_the_caller_decides() {
    let test = configured(&read(
        "tracing: [ { randomSamplingPercentage: 0, useRequestIdForTraceSampling: false } ]",
    ));
    let id = "0000270f-2222-4333-8444-555555555555";
    let called = serve_and_call(&test.tracer, &format!("x-request-id: {id}"), "");
    assert_eq!(text(&called, "x-request-id"), id);
    assert_eq!(text(&called, "x-b3-sampled"), "1");
    test.spans.take(2);
    let called = serve_and_call(&test.tracer, "x-b3-sampled: 0", "");
    assert_eq!(text(&called, "x-b3-sampled"), "0");
    test.spans.take(0);
}

#[test]
fn custom_tags_are_on_the_spans() {
    let config = read(&documents()["scene-7-custom-tag.yaml"].1);
    let test = configured(&config);
    serve_and_call(&test.tracer, "x-tenant: acme", "");
    for span in test.spans.take(2) {
        assert_eq!(tag(&span, "custom_tag").as_deref(), Some("Test Tag"));
        assert_eq!(tag(&span, "zone").as_deref(), Some("unknown"));
        assert_eq!(tag(&span, "tenant").as_deref(), Some("acme"));
    }
    let config = read(&documents()["telemetry.yaml"].1);
    let test = TestTracer::of(|builder| builder.sampler(Sampler::always()).config(&config));
    serve_and_call(&test.tracer, "x-h: h", "");
    for span in test.spans.take(2) {
        assert_eq!(tag(&span, "a").as_deref(), Some("v"));
        assert_eq!(tag(&span, "b").as_deref(), Some("d"));
        assert_eq!(tag(&span, "c").as_deref(), Some("h"));
        assert_eq!(tag(&span, "d"), None);
    }
}

#[test]
fn a_formatter_is_evaluated_for_each_request() {
    let config = read(
        "tracing: [ { randomSamplingPercentage: 100, customTags: {
            d: { formatter: { value: '%REQ(:METHOD)% %REQ(x-tenant?x-customer)% %PROTOCOL%' } },
        } } ]",
    );
    let test = configured(&config);
    // The call has its own method and no such header: the format uses only what the call has.
    serve_and_call(&test.tracer, "x-customer: acme", "");
    let [client, server] = &test.spans.take(2)[..] else {
        panic!("two spans");
    };
    assert_eq!(tag(server, "d").as_deref(), Some("GET acme HTTP/1.1"));
    assert_eq!(tag(client, "d").as_deref(), Some("GET  HTTP/1.1"));
}

#[test]
fn a_formatter_without_any_value_adds_no_tag() {
    let config = read(
        "tracing: [ { randomSamplingPercentage: 100, customTags: {
            none: { formatter: { value: '%REQ(x-none)%' } },
            inbound: { formatter: { value: '<%REQ(x-tenant)%>' } },
            rest: { formatter: { value: '<%REQ(x-none)%>' } },
            empty: { formatter: { value: '%REQ(x-empty?x-tenant)%' } } } } ]",
    );
    let test = configured(&config);
    serve_and_call(&test.tracer, "x-tenant: acme|x-empty: ", "");
    for span in test.spans.take(2) {
        assert_eq!(tag(&span, "none"), None);
        assert_eq!(tag(&span, "empty"), None);
        assert_eq!(tag(&span, "rest").as_deref(), Some("<>"));
        // The call has no value at all, so the request being served supplies it.
        assert_eq!(tag(&span, "inbound").as_deref(), Some("<acme>"));
    }
}

#[test]
fn the_provider_or_the_proxy_config_limits_the_path_in_urls() {
    let url = |text: &str| {
        let config = read(text);
        let test = TestTracer::of(|builder| builder.sampler(Sampler::always()).config(&config));
        serve_and_call(&test.tracer, "host: shop", "");
        let spans = test.spans.take(2);
        let server = spans
            .iter()
            .find(|span| tag(span, "http.url").unwrap().contains("shop"));
        tag(server.unwrap(), "http.url").unwrap()
    };
    let provider = "extensionProviders: [ { name: a, zipkin: { service: a, port: 1, maxTagLength: 5 } } ]\n\
         defaultProviders: { tracing: [ a ] }\n";
    assert_eq!(url("tracing: { maxPathTagLength: 4 }"), "http://shop/api");
    assert_eq!(
        url(&format!(
            "{provider}defaultConfig: {{ tracing: {{ maxPathTagLength: 4 }} }}"
        )),
        "http://shop/api/"
    );
    let unset = provider.replace("maxTagLength: 5", "maxTagLength: 0");
    assert_eq!(
        url(&format!(
            "{unset}defaultConfig: {{ tracing: {{ maxPathTagLength: 4 }} }}"
        )),
        "http://shop/api"
    );
    assert_eq!(
        url("tracing: { maxPathTagLength: 0 }"),
        "http://shop/api/catalog"
    );
}

#[test]
fn code_overrides_the_configuration_whichever_comes_first() {
    let config = read(
        "extensionProviders: [ { name: a, zipkin: { service: a, port: 1, enable64bitTraceId: true, maxTagLength: 4, traceContextOption: USE_B3_WITH_W3C_PROPAGATION } } ]\n---\n\
         tracing: [ { providers: [ { name: a } ], randomSamplingPercentage: 0, disableContextPropagation: true, \
           customTags: { x: { literal: { value: document } }, y: { literal: { value: document } } } } ]",
    );
    let code = |builder: tower_b3::TracerBuilder| {
        builder
            .sampler(Sampler::always())
            .mode(Mode::Spans)
            .tag(Tag::literal("x", "code"))
            .trace_ids(TraceIdKind::Random128)
            .max_path_tag_length(5)
            .propagation(Propagation::default())
    };
    for test in [
        TestTracer::of(|builder| code(builder.config(&config))),
        TestTracer::of(|builder| code(builder).config(&config)),
    ] {
        let called = serve_and_call(&test.tracer, "host: shop", "");
        assert_eq!(text(&called, "x-b3-traceid").len(), 32);
        assert!(!called.contains_key("traceparent"));
        for span in test.spans.take(2) {
            assert_eq!(tag(&span, "x").as_deref(), Some("code"));
            assert_eq!(tag(&span, "y").as_deref(), Some("document"));
            assert!(tag(&span, "http.url").unwrap().len() <= "http://catalog/items".len());
        }
    }
    // For one direction only.
    let test = TestTracer::of(|builder| {
        builder
            .sampler_for(Direction::Server, Sampler::always())
            .mode_for(Direction::Server, Mode::Spans)
            .config(&config)
    });
    let called = serve_and_call(&test.tracer, "", "");
    let spans = test.spans.take(2);
    let server = spans.iter().find(|span| span.parent_id().is_none());
    // The CLIENT span is recorded only: the call carries the SERVER span.
    let id = server.unwrap().id().to_string();
    assert_eq!(text(&called, "x-b3-spanid"), id);
}

#[test]
fn the_last_of_two_configurations_wins() {
    let (one, other) = (
        read("tracing: { sampling: 0 }"),
        read("tracing: { sampling: 100 }"),
    );
    let test = TestTracer::of(|builder| builder.config(&one).config(&other));
    serve_and_call(&test.tracer, "", "");
    test.spans.take(2);
}

#[test]
fn the_provider_decides_the_format_of_headers_and_ids() {
    let called = |text: &str| {
        let config = read(text);
        let test = TestTracer::of(|builder| builder.sampler(Sampler::never()).config(&config));
        serve_and_call(&test.tracer, "", "")
    };
    let provider = |kind: &str| {
        format!(
            "extensionProviders: [ {{ name: a, {kind} }} ]\ndefaultProviders: {{ tracing: [ a ] }}"
        )
    };
    let zipkin = called(&provider("zipkin: { service: a, port: 1 }"));
    assert_eq!(text(&zipkin, "x-b3-traceid").len(), 32);
    assert!(!zipkin.contains_key("traceparent"));
    let short = called(&provider(
        "zipkin: { service: a, port: 1, enable_64bit_trace_id: true }",
    ));
    assert_eq!(text(&short, "x-b3-traceid").len(), 16);
    for kind in [
        "zipkin: { service: a, port: 1, traceContextOption: USE_B3_WITH_W3C_PROPAGATION }",
        "opentelemetry: { service: a, port: 1 }",
    ] {
        let both = called(&provider(kind));
        let trace = text(&both, "x-b3-traceid");
        assert!(
            text(&both, "traceparent").contains(trace),
            "{kind}: {both:?}"
        );
    }
    let bootstrap = "tracing: { http: { name: envoy.tracers.zipkin, typedConfig: { traceId128bit: 'false', traceContextOption: 1 } } }";
    let short = called(bootstrap);
    assert_eq!(text(&short, "x-b3-traceid").len(), 16);
    assert!(short.contains_key("traceparent"));
}

#[test]
fn a_bootstrap_may_share_spans() {
    let joins = |flag: &str| {
        let config = read(&format!(
            "tracing: {{ http: {{ name: envoy.tracers.zipkin, typedConfig: {{ sharedSpanContext: {flag} }} }} }}"
        ));
        let test = configured(&config);
        serve_and_call(
            &test.tracer,
            "b3: 463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1",
            "",
        );
        test.spans.take(2).iter().any(|span| span.is_shared())
    };
    assert!(joins("'true'"));
    assert!(!joins("false"));
}

#[test]
fn the_directions_are_configured_separately() {
    let config = read(
        "tracing: [ { randomSamplingPercentage: 100 }, { match: { mode: CLIENT }, disableSpanReporting: true } ]",
    );
    let test = configured(&config);
    let called = serve_and_call(&test.tracer, "", "");
    let server = test.spans.take_one();
    assert_eq!(text(&called, "x-b3-spanid"), server.id().to_string());
}

#[test]
fn identity_tags_can_be_off_for_one_direction() {
    let config = read(
        "tracing: [ { randomSamplingPercentage: 100, match: { mode: CLIENT }, enableIstioTags: false } ]",
    );
    let identity = Identity::from_vars(|_| None);
    let test = TestTracer::of(|builder| {
        builder
            .identity(identity)
            .sampler(Sampler::always())
            .config(&config)
    });
    serve_and_call(&test.tracer, "", "");
    let [client, server] = &test.spans.take(2)[..] else {
        panic!("two spans");
    };
    assert_eq!(tag(server, "istio.namespace").as_deref(), Some("default"));
    assert_eq!(tag(client, "istio.namespace"), None);
    assert_eq!(tag(client, "component").as_deref(), Some("proxy"));
    // They stay off when custom tags change.
    test.tracer
        .set_tags_for(Direction::Client, [Tag::literal("new", "a")])
        .unwrap();
    serve_and_call(&test.tracer, "", "");
    let client = &test.spans.take(2)[0];
    assert_eq!(tag(client, "new").as_deref(), Some("a"));
    assert_eq!(tag(client, "istio.namespace"), None);
}
