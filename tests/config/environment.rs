//! The environment as a configuration: `PROXY_CONFIG` and the variables of an OpenTelemetry SDK.

use std::collections::HashMap;
use tower_b3::{
    Direction, Mode, Sampling, TraceContext, Tracer,
    config::{Collector, TracingConfig},
    istio::Identity,
    propagation::{Format, Forwarded, Propagation},
};

/// Reads `NAME=value` lines as an environment.
pub fn environment(lines: &str) -> Result<TracingConfig, String> {
    let pairs = lines.lines().filter_map(|line| line.trim().split_once('='));
    let all: HashMap<&str, &str> = pairs.collect();
    let config = TracingConfig::from_vars(|name| all.get(name).map(|value| (*value).to_owned()));
    config.map_err(|error| error.to_string())
}

fn zipkin(url: &str) -> Collector {
    Collector::Zipkin(url.to_owned())
}

#[test]
fn an_empty_environment_changes_nothing() {
    let config = environment("PROXY_CONFIG=").unwrap();
    assert_eq!(config, TracingConfig::default());
    assert_eq!(config.sampling(Direction::Server), 100.0);
    assert_eq!(config.service_name(), None);
    assert!(matches!(config.collector().unwrap(), Collector::None(_)));
    let tracer = Tracer::builder("shop").config(&config).build().unwrap();
    assert_eq!(
        format!("{tracer:?}"),
        format!("{:?}", Tracer::builder("shop").build().unwrap())
    );
}

#[test]
fn a_proxy_config_overrides_the_variables_of_an_opentelemetry_sdk() {
    let config = environment(
        r#"PROXY_CONFIG={"tracing":{"sampling":10,"zipkin":{"address":"zipkin.istio-system:9411"}},"serviceCluster":"webapp.prod"}
        OTEL_TRACES_SAMPLER=always_on
        OTEL_EXPORTER_ZIPKIN_ENDPOINT=http://elsewhere/spans
        OTEL_SERVICE_NAME=named"#,
    )
    .unwrap();
    assert_eq!(config.sampling(Direction::Server), 10.0);
    let to = zipkin("http://zipkin.istio-system:9411/api/v2/spans");
    assert_eq!(config.collector().unwrap(), to);
    assert_eq!(config.service_name(), Some("named"));
    let identity = config.identify(Identity::from_vars(|_| None));
    assert_eq!(identity.service_name(), "webapp.prod");
}

#[test]
fn the_variables_of_an_sdk_apply_where_a_proxy_config_sets_nothing() {
    let config = environment(
        "PROXY_CONFIG={}\nOTEL_TRACES_SAMPLER=traceidratio\nOTEL_TRACES_SAMPLER_ARG=0.25\n\
        OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318",
    )
    .unwrap();
    assert_eq!(config.sampling(Direction::Client), 25.0);
    let to = Collector::Otlp("http://collector:4318/v1/traces".to_owned());
    assert_eq!(config.collector().unwrap(), to);
    // In a mesh, if nothing else is set.
    let mesh = environment("PROXY_CONFIG={}").unwrap();
    assert_eq!(mesh.sampling(Direction::Server), 1.0);
}

#[test]
fn documents_override_the_environment() {
    let environment = environment(
        "OTEL_TRACES_SAMPLER=always_on\nOTEL_SDK_DISABLED=true\n\
        OTEL_EXPORTER_ZIPKIN_ENDPOINT=http://elsewhere/spans",
    )
    .unwrap();
    let documents = "tracing:\n- randomSamplingPercentage: 5\n  disableSpanReporting: false";
    let documents = TracingConfig::from_yaml(documents).unwrap();
    let config = documents.over(environment.clone());
    assert_eq!(config.sampling(Direction::Server), 5.0);
    assert_eq!(config.mode(Direction::Server), Mode::Spans);
    assert_eq!(
        config.collector().unwrap(),
        zipkin("http://elsewhere/spans")
    );
    // The documents do not turn spans on, so the environment turns them off.
    let silent = TracingConfig::from_yaml("tracing: { sampling: 5 }").unwrap();
    let config = silent.over(environment);
    assert_eq!(config.mode(Direction::Server), Mode::ForwardOnly);
    assert_eq!(config.mode(Direction::Client), Mode::ForwardOnly);
}

#[test]
fn propagators_choose_the_formats_of_headers() {
    let config = environment("OTEL_PROPAGATORS=tracecontext,b3").unwrap();
    let tracer = Tracer::builder("shop").config(&config).build().unwrap();
    let mut headers = http::HeaderMap::new();
    let context = TraceContext::root(Sampling::Accept);
    let nothing = Forwarded::default();
    tracer
        .propagation()
        .inject(&context, &nothing, &mut headers);
    let mut names: Vec<&str> = headers.keys().map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["b3", "traceparent"]);
    // Code overrides them.
    let written = Propagation::default().formats([Format::B3Single]);
    let builder = Tracer::builder("shop").propagation(written);
    let tracer = builder.config(&config).build().unwrap();
    headers.clear();
    tracer
        .propagation()
        .inject(&context, &nothing, &mut headers);
    assert_eq!(headers.len(), 1);
}

#[test]
fn an_error_names_the_variable() {
    for (lines, expected) in [
        (
            r#"PROXY_CONFIG={"tracing":{"sampling":101}}"#,
            "PROXY_CONFIG: `tracing.sampling`: 101 is not a percentage from 0 to 100",
        ),
        (
            "PROXY_CONFIG=[]",
            "PROXY_CONFIG: expected a mapping, found a list",
        ),
        (
            "OTEL_TRACES_SAMPLER_ARG=-0\nOTEL_TRACES_SAMPLER=traceidratio",
            "`OTEL_TRACES_SAMPLER_ARG`: expected a number from 0 to 1, found \"-0\"",
        ),
        (
            "OTEL_TRACES_SAMPLER_ARG=2\nOTEL_TRACES_SAMPLER=traceidratio",
            "`OTEL_TRACES_SAMPLER_ARG`: expected a number from 0 to 1, found \"2\"",
        ),
    ] {
        assert_eq!(environment(lines).unwrap_err(), expected);
    }
}

#[test]
fn secrets_in_the_environment_are_not_shown() {
    let config = environment(
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318\n\
        OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20hunter2",
    )
    .unwrap();
    let shown = format!("{config:?}");
    assert!(shown.contains("authorization"), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
    for name in [
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
        "OTEL_EXPORTER_ZIPKIN_ENDPOINT",
    ] {
        let error = environment(&format!("{name}=https://me:hunter2@collector/x")).unwrap_err();
        let reason = "credentials in the URL; for OTLP, use OTEL_EXPORTER_OTLP_HEADERS instead";
        assert_eq!(error, format!("`{name}`: {reason}"));
    }
}
