//! The effect of a configuration on a tracer.

use crate::{
    common::{Lab, Script, drain, get, headers, now, text, values},
    documents, read,
};
use http::{HeaderMap, Request, Response};
use std::{
    convert::Infallible,
    future::ready,
    io,
    sync::{Arc, Mutex},
};
use tower::{Layer, Service, service_fn};
use tower_b3::{
    BuildError, Direction, Mode, Tracer, TracerBuilder, config::TracingConfig, id::TraceIdKind,
    istio::Identity, propagation::Propagation, record::SpanRecord, report::InMemoryReporter,
    sample::Sampler, tags::Tag,
};

/// Serves a request with these headers, and calls `http://catalog/items` for it. Returns the headers of
/// the call.
fn through(tracer: &Tracer, lines: &str, outbound: &str) -> HeaderMap {
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

fn lab(config: &TracingConfig) -> Lab {
    Lab::of(|builder| builder.config(config))
}

fn tag(span: &SpanRecord, name: &str) -> Option<String> {
    span.tag(name).map(|value| value.into_owned())
}

const FORCED: &str = "x-envoy-force-trace: true";

#[test]
fn sampling_goes_by_request_id_like_a_sidecars() {
    let lab = lab(&read("tracing: { sampling: 50 }"));
    // Of 10,000, 4999 is below 50 %, 5000 is not.
    through(
        &lab.tracer,
        "x-request-id: 00001387-2222-4333-8444-555555555555",
        "",
    );
    assert_eq!(lab.spans.take(2).len(), 2);
    let called = through(
        &lab.tracer,
        "x-request-id: 00001388-2222-4333-8444-555555555555",
        "",
    );
    lab.spans.take(0);
    assert_eq!(text(&called, "x-b3-sampled"), "0");
}

#[test]
fn at_0_percent_only_forced_traces_are_sampled() {
    let lab = lab(&read(&documents()["scene-6-none.yaml"].1));
    for request in 0..7 {
        through(&lab.tracer, if request < 5 { FORCED } else { "" }, "");
    }
    let spans = lab.spans.take(10);
    let traces: std::collections::HashSet<_> = spans.iter().map(|span| span.trace_id()).collect();
    assert_eq!(traces.len(), 5);
}

/// As in Envoy, which then leaves request ids alone too.
#[test]
fn without_sampling_by_request_id_only_the_caller_decides() {
    let lab = lab(&read(
        "tracing: [ { randomSamplingPercentage: 0, useRequestIdForTraceSampling: false } ]",
    ));
    let id = "0000270f-2222-4333-8444-555555555555";
    let called = through(&lab.tracer, &format!("x-request-id: {id}"), "");
    assert_eq!(text(&called, "x-request-id"), id);
    assert_eq!(text(&called, "x-b3-sampled"), "1");
    lab.spans.take(2);
    let called = through(&lab.tracer, "x-b3-sampled: 0", "");
    assert_eq!(text(&called, "x-b3-sampled"), "0");
    lab.spans.take(0);
}

#[test]
fn custom_tags_are_on_the_spans() {
    let config = read(&documents()["scene-7-custom-tag.yaml"].1);
    let lab = lab(&config);
    through(&lab.tracer, "x-tenant: acme", "");
    for span in lab.spans.take(2) {
        assert_eq!(tag(&span, "custom_tag").as_deref(), Some("Test Tag"));
        assert_eq!(tag(&span, "zone").as_deref(), Some("unknown"));
        assert_eq!(tag(&span, "tenant").as_deref(), Some("acme"));
    }
    let config = read(&documents()["telemetry.yaml"].1);
    let lab = Lab::of(|builder| builder.sampler(Sampler::always()).config(&config));
    through(&lab.tracer, "x-h: h", "");
    for span in lab.spans.take(2) {
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
    let lab = lab(&config);
    // The call has its own method and no such header: the format uses only what the call has.
    through(&lab.tracer, "x-customer: acme", "");
    let [client, server] = &lab.spans.take(2)[..] else {
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
    let lab = lab(&config);
    through(&lab.tracer, "x-tenant: acme|x-empty: ", "");
    for span in lab.spans.take(2) {
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
        let lab = Lab::of(|builder| builder.sampler(Sampler::always()).config(&config));
        through(&lab.tracer, "host: shop", "");
        let spans = lab.spans.take(2);
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
    for lab in [
        Lab::of(|builder| code(builder.config(&config))),
        Lab::of(|builder| code(builder).config(&config)),
    ] {
        let called = through(&lab.tracer, "host: shop", "");
        assert_eq!(text(&called, "x-b3-traceid").len(), 32);
        assert!(!called.contains_key("traceparent"));
        for span in lab.spans.take(2) {
            assert_eq!(tag(&span, "x").as_deref(), Some("code"));
            assert_eq!(tag(&span, "y").as_deref(), Some("document"));
            assert!(tag(&span, "http.url").unwrap().len() <= "http://catalog/items".len());
        }
    }
    // For one direction only.
    let lab = Lab::of(|builder| {
        builder
            .sampler_for(Direction::Server, Sampler::always())
            .mode_for(Direction::Server, Mode::Spans)
            .config(&config)
    });
    let called = through(&lab.tracer, "", "");
    let spans = lab.spans.take(2);
    let server = spans.iter().find(|span| span.parent_id().is_none());
    // The CLIENT span is recorded only: the call carries the SERVER span.
    let id = server.unwrap().id().to_string();
    assert_eq!(text(&called, "x-b3-spanid"), id);
}

#[test]
fn of_two_configurations_the_last_counts() {
    let (one, other) = (
        read("tracing: { sampling: 0 }"),
        read("tracing: { sampling: 100 }"),
    );
    let lab = Lab::of(|builder| builder.config(&one).config(&other));
    through(&lab.tracer, "", "");
    lab.spans.take(2);
}

#[test]
fn the_provider_decides_the_format_of_headers_and_ids() {
    let called = |text: &str| {
        let config = read(text);
        let lab = Lab::of(|builder| builder.sampler(Sampler::never()).config(&config));
        through(&lab.tracer, "", "")
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
        let lab = lab(&config);
        through(
            &lab.tracer,
            "b3: 463ac35c9f6413ad48485a3953bb6124-a2fb4a1d1a96d312-1",
            "",
        );
        lab.spans.take(2).iter().any(|span| span.is_shared())
    };
    assert!(joins("'true'"));
    assert!(!joins("false"));
}

#[test]
fn the_directions_are_configured_separately() {
    let config = read(
        "tracing: [ { randomSamplingPercentage: 100 }, { match: { mode: CLIENT }, disableSpanReporting: true } ]",
    );
    let lab = lab(&config);
    let called = through(&lab.tracer, "", "");
    let server = lab.spans.take_one();
    assert_eq!(text(&called, "x-b3-spanid"), server.id().to_string());
}

#[test]
fn identity_tags_can_be_off_for_one_direction() {
    let config = read(
        "tracing: [ { randomSamplingPercentage: 100, match: { mode: CLIENT }, enableIstioTags: false } ]",
    );
    let identity = Identity::from_vars(|_| None);
    let lab = Lab::of(|builder| {
        builder
            .identity(identity)
            .sampler(Sampler::always())
            .config(&config)
    });
    through(&lab.tracer, "", "");
    let [client, server] = &lab.spans.take(2)[..] else {
        panic!("two spans");
    };
    assert_eq!(tag(server, "istio.namespace").as_deref(), Some("default"));
    assert_eq!(tag(client, "istio.namespace"), None);
    assert_eq!(tag(client, "component").as_deref(), Some("proxy"));
    // They stay off when custom tags change.
    lab.tracer
        .set_tags_for(Direction::Client, [Tag::literal("new", "a")])
        .unwrap();
    through(&lab.tracer, "", "");
    let client = &lab.spans.take(2)[0];
    assert_eq!(tag(client, "new").as_deref(), Some("a"));
    assert_eq!(tag(client, "istio.namespace"), None);
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Runs the work, and returns what it logs.
fn logged<R>(work: impl FnOnce() -> R) -> (R, String) {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .without_time()
        .with_ansi(false)
        .with_target(false)
        .with_writer(move || writer.clone())
        .finish();
    let result = tracing::subscriber::with_default(subscriber, work);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (result, text)
}

#[test]
fn an_unsupported_provider_logs_one_error_and_forwards_headers() {
    let config = read(&documents()["scene-9-datadog.yaml"].1);
    let (lab, log) = logged(|| lab(&config));
    assert_eq!(
        log.trim(),
        "ERROR tracing: the provider datadog is not supported; no spans are made, and these headers \
         are forwarded unchanged: b3, x-b3-traceid, x-b3-spanid, x-b3-parentspanid, \
         x-b3-sampled, x-b3-flags, traceparent, tracestate, x-request-id, x-envoy-force-trace, \
         x-client-trace-id, x-ot-span-context, x-cloud-trace-context, grpc-trace-bin, \
         x-datadog-trace-id, x-datadog-parent-id, x-datadog-sampling-priority, sw8, \
         x-amzn-trace-id"
    );
    let sent = "x-datadog-trace-id: 7|x-datadog-parent-id: 8|x-datadog-sampling-priority: 1|\
        x-b3-traceid: not an id|x-request-id: r|x-envoy-force-trace: ";
    let called = through(&lab.tracer, sent, "");
    for (name, value) in &headers(sent) {
        assert_eq!(values(&called, name.as_str()), [value.as_bytes()], "{name}");
    }
    lab.spans.take(0);
    // Code may still set the mode.
    let (_, log) = logged(|| {
        Tracer::builder("shop")
            .mode(Mode::Spans)
            .config(&config)
            .build()
    });
    assert_eq!(log, "");
}

#[test]
fn a_missing_reporter_logs_one_warning() {
    let config = read("tracing: { zipkin: { address: 'zipkin:9411' } }");
    let built = |builder: TracerBuilder| logged(|| builder.build().unwrap()).1;
    assert_eq!(
        built(Tracer::builder("shop").config(&config)).trim(),
        "WARN tracing: the tracer has no reporter, so spans for http://zipkin:9411/api/v2/spans are \
         dropped"
    );
    let with_reporter = Tracer::builder("shop").reporter(InMemoryReporter::default());
    assert_eq!(built(with_reporter.config(&config)), "");
    let forward_only = Tracer::builder("shop").mode(Mode::ForwardOnly);
    assert_eq!(built(forward_only.config(&config)), "");
    // Without a collector and a reporter, spans are dropped on purpose.
    let nowhere = read("tracing: { sampling: 10 }");
    assert_eq!(built(Tracer::builder("shop").config(&nowhere)), "");
}

#[test]
fn an_unsupported_provider_is_an_error_if_strict() {
    for (name, expected) in [
        (
            "scene-9-lightstep.yaml",
            "the provider lightstep is not supported",
        ),
        (
            "scene-9-skywalking.yaml",
            "the provider skywalking is not supported",
        ),
        (
            "scene-9-datadog-provider.yaml",
            "the provider dd (datadog) is not supported",
        ),
        (
            "unknown-provider.yaml",
            "the provider jaeger is not defined in `extensionProviders`",
        ),
    ] {
        let config = read(&documents()[name].1).strict(true);
        let error = Tracer::builder("shop").config(&config).build().unwrap_err();
        assert!(matches!(error, BuildError::Config(_)));
        assert_eq!(error.to_string(), expected);
        assert_eq!(config.collector().unwrap_err().to_string(), expected);
        let relaxed = config.over(TracingConfig::default()).strict(false);
        Tracer::builder("shop").config(&relaxed).build().unwrap();
    }
}

/// One text defines the provider, another one uses it.
#[test]
fn a_misconfigured_provider_is_an_error_when_it_is_used() {
    let mesh = read("extensionProviders: [ { name: a, zipkin: { service: a } } ]");
    let named = read("tracing: [ { providers: [ { name: a } ] } ]");
    let error = Tracer::builder("shop")
        .config(&named.over(mesh))
        .build()
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "`extensionProviders[0].zipkin`: missing field `port`"
    );
}
