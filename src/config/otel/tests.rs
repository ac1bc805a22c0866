//! `OTEL_*` variables: what is read, and what is refused.

use super::{
    exporter::{Exporter, Otlp},
    settings::Otel,
};
use std::time::Duration;

/// `NAME=value` lines.
fn read(lines: &str) -> Result<Otel, String> {
    let get = |name: &str| {
        let mut pairs = lines.lines().filter_map(|line| line.trim().split_once('='));
        pairs
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.to_owned())
    };
    Otel::read(&get).map_err(|error| error.to_string())
}

fn otlp(lines: &str) -> Otlp {
    match read(lines).unwrap().exporter {
        Some(Exporter::Otlp(otlp)) => otlp,
        other => panic!("{other:?}"),
    }
}

#[test]
fn unset_and_empty_variables_change_nothing() {
    assert_eq!(read(""), Ok(Otel::default()));
    let empty = "OTEL_SERVICE_NAME=\nOTEL_TRACES_SAMPLER= \nOTEL_PROPAGATORS=\nOTEL_SDK_DISABLED=";
    assert_eq!(read(empty), Ok(Otel::default()));
}

#[test]
fn the_service_name_comes_from_its_variable_or_the_resource_attributes() {
    let name = |lines| read(lines).unwrap().service_name;
    assert_eq!(name("OTEL_SERVICE_NAME=webapp").as_deref(), Some("webapp"));
    let attributes = "OTEL_RESOURCE_ATTRIBUTES=a=b, service.name=web%20app ,c=d";
    assert_eq!(name(attributes).as_deref(), Some("web app"));
    let both = format!("{attributes}\nOTEL_SERVICE_NAME=first");
    assert_eq!(name(&both).as_deref(), Some("first"));
    assert_eq!(name("OTEL_RESOURCE_ATTRIBUTES=service.name="), None);
}

#[test]
fn samplers_become_percentages() {
    let percent = |lines: &str| read(lines).unwrap().percentage;
    for (sampler, expected) in [
        ("always_on", 100.0),
        ("always_off", 0.0),
        ("parentbased_always_on", 100.0),
        ("parentbased_always_off", 0.0),
        ("traceidratio", 100.0),
        (
            "parentbased_traceidratio\nOTEL_TRACES_SAMPLER_ARG=0.25",
            25.0,
        ),
        ("always_on\nOTEL_TRACES_SAMPLER_ARG=unused", 100.0),
    ] {
        assert_eq!(
            percent(&format!("OTEL_TRACES_SAMPLER={sampler}")),
            Some(expected)
        );
    }
    assert_eq!(percent("OTEL_TRACES_SAMPLER_ARG=0.5"), None);
}

#[test]
fn propagators_choose_formats() {
    let propagators = |list: &str| {
        let otel = read(&format!("OTEL_PROPAGATORS={list}")).unwrap();
        let of = otel.propagators.unwrap();
        (of.b3_single, of.b3_multi, of.w3c, of.baggage)
    };
    assert_eq!(propagators("b3"), (true, false, false, false));
    assert_eq!(
        propagators("b3multi, tracecontext"),
        (false, true, true, false)
    );
    assert_eq!(
        propagators("tracecontext,baggage"),
        (false, false, true, true)
    );
    assert_eq!(propagators("none"), (false, false, false, false));
}

#[test]
fn the_exporter_is_the_chosen_one_or_the_one_with_an_endpoint() {
    let exporter = |lines| read(lines).unwrap().exporter;
    assert_eq!(exporter("OTEL_TRACES_EXPORTER=none"), Some(Exporter::None));
    assert_eq!(
        exporter("OTEL_TRACES_EXPORTER=console"),
        Some(Exporter::Console)
    );
    let zipkin = |url: &str, timeout: Option<u64>| {
        Some(Exporter::Zipkin {
            url: url.to_owned(),
            timeout: timeout.map(Duration::from_millis),
        })
    };
    assert_eq!(
        exporter("OTEL_TRACES_EXPORTER=zipkin"),
        zipkin("http://localhost:9411/api/v2/spans", None)
    );
    let lines = "OTEL_EXPORTER_ZIPKIN_ENDPOINT=http://z/s\nOTEL_EXPORTER_ZIPKIN_TIMEOUT=250";
    assert_eq!(exporter(lines), zipkin("http://z/s", Some(250)));
    // With both endpoints, the chosen exporter counts; OTLP is the default.
    let both = format!("{lines}\nOTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318/");
    assert_eq!(otlp(&both).url, "http://c:4318/v1/traces");
    let chosen = format!("{both}\nOTEL_TRACES_EXPORTER=zipkin");
    assert_eq!(exporter(&chosen), zipkin("http://z/s", Some(250)));
}

#[test]
fn otlp_variables_for_traces_override_those_for_all_signals() {
    assert_eq!(
        otlp("OTEL_TRACES_EXPORTER=otlp").url,
        "http://localhost:4318/v1/traces"
    );
    let both =
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://a\nOTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://b/x";
    assert_eq!(otlp(both).url, "http://b/x");
    let grpc = "OTEL_EXPORTER_OTLP_ENDPOINT=http://a:4317\nOTEL_EXPORTER_OTLP_PROTOCOL=grpc";
    let expected = Otlp {
        url: "http://a:4317".to_owned(),
        grpc: true,
        ..Otlp::default()
    };
    assert_eq!(otlp(grpc), expected);
    let more = "OTEL_EXPORTER_OTLP_ENDPOINT=https://a\n\
        OTEL_EXPORTER_OTLP_HEADERS=api-key=s%3Dcret, x=1\n\
        OTEL_EXPORTER_OTLP_TIMEOUT=10\nOTEL_EXPORTER_OTLP_TRACES_TIMEOUT=20\n\
        OTEL_EXPORTER_OTLP_COMPRESSION=gzip\nOTEL_EXPORTER_OTLP_CERTIFICATE=/ca.pem\n\
        OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE=/c.pem\nOTEL_EXPORTER_OTLP_CLIENT_KEY=/k.pem";
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let expected = Otlp {
        url: "https://a/v1/traces".to_owned(),
        grpc: false,
        gzip: true,
        timeout: Some(Duration::from_millis(20)),
        headers: vec![pair("api-key", "s=cret"), pair("x", "1")],
        certificate: Some("/ca.pem".to_owned()),
        client_certificate: Some("/c.pem".to_owned()),
        client_key: Some("/k.pem".to_owned()),
    };
    assert_eq!(otlp(more), expected);
}

/// Variables, and the error.
const ERRORS: &[(&str, &str)] = &[
    (
        "OTEL_TRACES_SAMPLER=xray",
        "`OTEL_TRACES_SAMPLER`: expected one of always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off, parentbased_traceidratio, found \"xray\"",
    ),
    (
        "OTEL_TRACES_SAMPLER=traceidratio\nOTEL_TRACES_SAMPLER_ARG=10",
        "`OTEL_TRACES_SAMPLER_ARG`: expected a number from 0 to 1, found \"10\"",
    ),
    (
        "OTEL_PROPAGATORS=b3,jaeger",
        "`OTEL_PROPAGATORS`: expected one of b3, b3multi, tracecontext, baggage, none, found \"jaeger\"",
    ),
    (
        "OTEL_TRACES_EXPORTER=jaeger",
        "`OTEL_TRACES_EXPORTER`: expected one of otlp, zipkin, console, none, found \"jaeger\"",
    ),
    (
        "OTEL_TRACES_EXPORTER=otlp\nOTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/json",
        "`OTEL_EXPORTER_OTLP_TRACES_PROTOCOL`: expected one of grpc, http/protobuf, found \"http/json\"",
    ),
    (
        "OTEL_TRACES_EXPORTER=otlp\nOTEL_EXPORTER_OTLP_COMPRESSION=zstd",
        "`OTEL_EXPORTER_OTLP_COMPRESSION`: expected one of gzip, none, found \"zstd\"",
    ),
    (
        "OTEL_TRACES_EXPORTER=otlp\nOTEL_EXPORTER_OTLP_TIMEOUT=5s",
        "`OTEL_EXPORTER_OTLP_TIMEOUT`: expected a whole number of milliseconds above 0, found \"5s\"",
    ),
    (
        "OTEL_TRACES_EXPORTER=otlp\nOTEL_EXPORTER_OTLP_HEADERS=secret",
        "`OTEL_EXPORTER_OTLP_HEADERS`: expected a comma-separated list of percent-encoded key=value pairs",
    ),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:431800",
        "`OTEL_EXPORTER_OTLP_ENDPOINT`: the port is not a number from 1 to 65535",
    ),
    (
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=c:4318",
        "`OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`: no scheme: it must start with http:// or https://",
    ),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4317/#a\nOTEL_EXPORTER_OTLP_PROTOCOL=grpc",
        "`OTEL_EXPORTER_OTLP_ENDPOINT`: a fragment (#), which is never sent",
    ),
    (
        "OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318/?key=1",
        "`OTEL_EXPORTER_OTLP_ENDPOINT`: /v1/traces cannot be appended to a URL with a query; use OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    ),
    (
        "OTEL_EXPORTER_ZIPKIN_ENDPOINT=http://z:0/api/v2/spans",
        "`OTEL_EXPORTER_ZIPKIN_ENDPOINT`: the port is not a number from 1 to 65535",
    ),
    (
        "OTEL_RESOURCE_ATTRIBUTES=service.name=%f",
        "`OTEL_RESOURCE_ATTRIBUTES`: expected a comma-separated list of percent-encoded key=value pairs",
    ),
];

#[test]
fn errors_name_the_variable_the_value_and_what_is_allowed() {
    for (lines, expected) in ERRORS {
        assert_eq!(read(lines).unwrap_err(), *expected);
    }
}
