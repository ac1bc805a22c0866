//! Errors name the document, the field, the value and what is allowed.

mod documents;
mod hostile_text;

use tower_b3::{
    Tracer,
    config::{ConfigFile, Documents, TracingConfig},
};

#[track_caller]
fn error(text: &str) -> String {
    TracingConfig::from_yaml(text).unwrap_err().to_string()
}

/// A document with an error in the `tracing` block itself, and the error.
const TABLE: &[(&str, &str)] = &[
    (
        "tracing: [ { customTags: { tenant: { literal: { value: a }, header: { name: b } } } } ]",
        "`tracing[0].customTags.tenant`: set exactly one of `literal`, `environment`, `header`",
    ),
    (
        "tracing: { custom_tags: { tenant: { environment: { name: A }, header: { name: b } } } }",
        "`tracing.custom_tags.tenant`: set exactly one of `literal`, `environment`, `header`",
    ),
    (
        "tracing: [ { customTags: { a: { literal: { value: a }, formatter: { value: b } } } } ]",
        "`tracing[0].customTags.a`: set exactly one of `literal`, `environment`, `header`, `formatter`",
    ),
    (
        "tracing: { customTags: { tenant: {} } }",
        "`tracing.customTags.tenant`: set exactly one of `literal`, `environment`, `header`",
    ),
    (
        "tracing: { customTags: { tenant: { metadata: {} } } }",
        "`tracing.customTags.tenant.metadata`: unknown field; known fields: `literal`, `environment`, `header`, `formatter`",
    ),
    (
        "tracing: { customTags: { tenant: { literal: a } } }",
        "`tracing.customTags.tenant.literal`: expected a mapping, found \"a\"",
    ),
    (
        "tracing: { customTags: { tenant: { literal: {} } } }",
        "`tracing.customTags.tenant.literal`: missing field `value`",
    ),
    (
        "tracing: { customTags: { tenant: { literal: { value: '' } } } }",
        "`tracing.customTags.tenant.literal.value`: must not be empty",
    ),
    (
        "tracing: { customTags: { tenant: { literal: { value: 10 } } } }",
        "`tracing.customTags.tenant.literal.value`: expected a string (put it in quotes), found 10",
    ),
    (
        "tracing: { customTags: { tenant: { header: { name: x y } } } }",
        "`tracing.customTags.tenant.header.name`: \"x y\" is not a valid header name",
    ),
    (
        "tracing: { customTags: { tenant: { header: { name: x, default: y } } } }",
        "`tracing.customTags.tenant.header.default`: unknown field; known fields: `name`, `defaultValue`",
    ),
    (
        "tracing: { customTags: { tenant: { environment: { name: A=B } } } }",
        "`tracing.customTags.tenant.environment.name`: \"A=B\" is not a valid environment variable name",
    ),
    (
        "tracing: { customTags: { tenant: { environment: { name: A, defaultValue: true } } } }",
        "`tracing.customTags.tenant.environment.defaultValue`: expected a string (put it in quotes), found true",
    ),
    (
        "tracing: { customTags: { '': { literal: { value: a } } } }",
        "`tracing.customTags.\"\"`: the name is empty",
    ),
    (
        "tracing: { customTags: { a: { literal: { value: a } }, a: { literal: { value: b } } } }",
        "`tracing.customTags.a`: set twice",
    ),
    (
        "tracing: { customTags: [ { tag: a } ] }",
        "`tracing.customTags`: expected a mapping, found a list",
    ),
    (
        "tracing: [ { customTags: { d: { formatter: { value: '%RESPONSE_CODE%' } } } } ]",
        "`tracing[0].customTags.d.formatter.value`: %RESPONSE_CODE% is not a supported operator; the supported operators are %REQ(header)%, %REQ(header?other)%, %PROTOCOL%, %ENVIRONMENT(variable)%",
    ),
    (
        "tracing: { sampling: 101 }",
        "`tracing.sampling`: 101 is not a percentage from 0 to 100",
    ),
    (
        "tracing: { sampling: -0.5 }",
        "`tracing.sampling`: -0.5 is not a percentage from 0 to 100",
    ),
    (
        "tracing: { sampling: -0 }",
        "`tracing.sampling`: -0 is not a percentage from 0 to 100",
    ),
    (
        "tracing: { sampling: '-0' }",
        "`tracing.sampling`: -0 is not a percentage from 0 to 100",
    ),
    (
        "tracing: { sampling: .nan }",
        "`tracing.sampling`: NaN is not a percentage from 0 to 100",
    ),
    (
        "tracing: { sampling: half }",
        "`tracing.sampling`: expected a number, found \"half\"",
    ),
    (
        "tracing: { sampling: [ 10 ] }",
        "`tracing.sampling`: expected a number, found a list",
    ),
    (
        "tracing: [ { randomSamplingPercentage: 10 }, { randomSamplingPercentage: 100.01 } ]",
        "`tracing[1].randomSamplingPercentage`: 100.01 is not a percentage from 0 to 100",
    ),
    (
        "tracing: { samplings: 10 }",
        "`tracing.samplings`: unknown field; known fields: `sampling`, `customTags`, `maxPathTagLength`, `enableIstioTags`, `tlsSettings`, `zipkin`, `lightstep`, `datadog`, `stackdriver`, `openCensusAgent`",
    ),
    (
        "tracing: [ { sampling: 10 } ]",
        "`tracing[0].sampling`: unknown field; known fields: `match`, `providers`, `randomSamplingPercentage`, `disableSpanReporting`, `disableContextPropagation`, `useRequestIdForTraceSampling`, `enableIstioTags`, `customTags`",
    ),
    (
        "tracing: { sampling: 10, disableSpanReporting: true }",
        "`tracing.sampling`: unknown field; known fields: `match`, `providers`, `randomSamplingPercentage`, `disableSpanReporting`, `disableContextPropagation`, `useRequestIdForTraceSampling`, `enableIstioTags`, `customTags`",
    ),
    (
        "tracing: { maxPathTagLength: 256, max_path_tag_length: 128 }",
        "`tracing.max_path_tag_length`: set twice",
    ),
    (
        "tracing: { maxPathTagLength: 1.5 }",
        "`tracing.maxPathTagLength`: 1.5 is not a whole number from 0 to 4294967295",
    ),
    (
        "tracing: { maxPathTagLength: -1 }",
        "`tracing.maxPathTagLength`: -1 is not a whole number from 0 to 4294967295",
    ),
    (
        "tracing: { enableIstioTags: 'true' }",
        "`tracing.enableIstioTags`: expected true or false, found \"true\"",
    ),
    (
        "tracing: [ { disableSpanReporting: yes } ]",
        "`tracing[0].disableSpanReporting`: expected true or false, found \"yes\"",
    ),
    (
        "tracing: [ { match: { mode: BOTH } } ]",
        "`tracing[0].match.mode`: expected one of `CLIENT_AND_SERVER`, `CLIENT`, `SERVER`, found \"BOTH\"",
    ),
    (
        "tracing: [ { match: CLIENT } ]",
        "`tracing[0].match`: expected a mapping, found \"CLIENT\"",
    ),
    (
        "tracing: [ { providers: [ zipkin ] } ]",
        "`tracing[0].providers[0]`: expected a mapping, found \"zipkin\"",
    ),
    (
        "tracing: [ { providers: [ {} ] } ]",
        "`tracing[0].providers[0]`: missing field `name`",
    ),
    (
        "tracing: [ sampling ]",
        "`tracing[0]`: expected a mapping, found \"sampling\"",
    ),
    (
        "tracing: on",
        "`tracing`: expected a mapping or a list, found \"on\"",
    ),
    (
        "tracing: { zipkin: {}, datadog: {} }",
        "`tracing`: set only one of `zipkin`, `datadog`",
    ),
    (
        "tracing: { zipkin: {} }",
        "`tracing.zipkin`: missing field `address`",
    ),
    (
        "tracing: { zipkin: { address: zipkin.istio-system } }",
        "`tracing.zipkin.address`: \"zipkin.istio-system\" is not of the form host:port",
    ),
    (
        "tracing: { zipkin: { address: 'http://zipkin:9411' } }",
        "`tracing.zipkin.address`: \"http://zipkin:9411\" is not of the form host:port",
    ),
    (
        "tracing: { zipkin: { adress: 'zipkin:9411' } }",
        "`tracing.zipkin.adress`: unknown field; known fields: `address`",
    ),
    (
        "tracing: { tlsSettings: { mode: TLS } }",
        "`tracing.tlsSettings.mode`: expected one of `DISABLE`, `SIMPLE`, `MUTUAL`, `ISTIO_MUTUAL`, found \"TLS\"",
    ),
    (
        "sampling: 101",
        "`tracing.sampling`: 101 is not a percentage from 0 to 100",
    ),
    (
        "[ { randomSamplingPercentage: 101 } ]",
        "`tracing[0].randomSamplingPercentage`: 101 is not a percentage from 0 to 100",
    ),
];

#[test]
fn an_error_names_the_document_the_field_and_the_reason() {
    for (text, expected) in TABLE.iter().chain(documents::TABLE) {
        assert_eq!(error(text), *expected, "{text}");
    }
}

#[test]
fn an_error_has_a_path_and_a_reason() {
    let error = TracingConfig::from_yaml("kind: Telemetry\nspec: { tracing: 1 }").unwrap_err();
    assert_eq!(error.path(), "spec.tracing");
    assert_eq!(error.reason(), "expected a list, found 1");
}

#[test]
fn an_error_in_a_file_names_the_file() {
    let error = TracingConfig::from_file("no/such.yaml")
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("no/such.yaml: No such file"), "{error}");
    let path = std::env::temp_dir().join(format!("tower-b3-{}.yaml", std::process::id()));
    for (bytes, expected) in [
        (
            b"tracing: { sampling: 101 }".to_vec(),
            "`tracing.sampling`: 101 is not a percentage from 0 to 100",
        ),
        (b"tracing: \xff".to_vec(), "not UTF-8"),
        (vec![b' '; 1024 * 1024 + 1], "longer than 1 MiB"),
    ] {
        std::fs::write(&path, bytes).unwrap();
        let expected = format!("{}: {expected}", path.display());
        assert_eq!(
            TracingConfig::from_file(&path).unwrap_err().to_string(),
            expected
        );
        assert_eq!(
            Documents::from_file(&path).unwrap_err().to_string(),
            expected
        );
    }
    std::fs::remove_file(&path).unwrap();
}

#[cfg(unix)]
#[test]
fn only_a_regular_file_is_read() {
    let pipe = std::env::temp_dir().join(format!("tower-b3-{}.pipe", std::process::id()));
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    for path in [pipe.as_path(), "/".as_ref(), "/dev/zero".as_ref()] {
        for error in [
            TracingConfig::from_file(path).unwrap_err(),
            Documents::from_file(path).unwrap_err(),
            ConfigFile::open(path).unwrap_err(),
        ] {
            let expected = format!("{}: not a regular file", path.display());
            assert_eq!(error.to_string(), expected);
        }
    }
    std::fs::remove_file(&pipe).unwrap();
}

/// Code may set a reporter of its own, for which the collector in the configuration does not matter.
#[test]
fn errors_of_the_collector_are_reported_only_when_it_is_used() {
    let tls = |settings: &str| {
        format!("tracing: {{ zipkin: {{ address: 'zipkin:9411' }}, tlsSettings: {settings} }}")
    };
    for (text, expected) in [
        (
            tls("{ mode: ISTIO_MUTUAL }"),
            "`tracing.tlsSettings.mode`: `ISTIO_MUTUAL` is for connections between sidecars, whose \
             certificates name no host; use `SIMPLE` or `MUTUAL`, or send plain HTTP through the \
             sidecar",
        ),
        (
            tls("{ mode: MUTUAL, clientCertificate: /cert.pem }"),
            "`tracing.tlsSettings`: mode `MUTUAL` requires `clientCertificate` and `privateKey`",
        ),
        (
            tls("{ mode: SIMPLE, sni: zipkin }"),
            "`tracing.tlsSettings.sni`: not supported",
        ),
        (
            tls("{ mode: SIMPLE, insecureSkipVerify: true }"),
            "`tracing.tlsSettings.insecureSkipVerify`: not supported",
        ),
        (
            "tracing: { http: { name: envoy.tracers.zipkin, typedConfig: { collectorCluster: zipkin, collectorEndpoint: /api/v2/spans } } }".to_owned(),
            "`tracing.http.typedConfig.collectorCluster`: zipkin is the name of a cluster, not an \
             address; set `collectorHostname`, a URL in `collectorService`, or `zipkin.address` in \
             a ProxyConfig",
        ),
        (
            "defaultProviders: { tracing: [ a ] }\nextensionProviders: [ { name: a, zipkin: { service: a, port: 1, path: '/b#c' } } ]".to_owned(),
            "cannot send spans to http://a:1/b#c: a fragment (#), which is never sent",
        ),
        (
            "defaultConfig: { tracing: { zipkin: { address: 'a:1' } } }\n\
             extensionProviders: [ { name: b, zipkin: { service: b, port: 2 } } ]\n---\n\
             tracing: [ { match: { mode: CLIENT }, providers: [ { name: b } ] } ]"
                .to_owned(),
            "`providers`: the directions have different collectors, http://a:1/api/v2/spans and \
             http://b:2/api/v2/spans; one reporter sends to only one, so set the reporter in code",
        ),
    ] {
        let config = TracingConfig::from_yaml(&text).unwrap();
        assert_eq!(config.collector().unwrap_err().to_string(), expected, "{text}");
        Tracer::builder("webapp").config(&config).build().unwrap();
    }
    // With TLS off, its other settings are not checked.
    let off = TracingConfig::from_yaml(&tls("{ mode: DISABLE, sni: zipkin }")).unwrap();
    assert!(off.collector().is_ok());
}

#[test]
fn serde_reports_the_same_error() {
    #[derive(Debug, serde::Deserialize)]
    struct Settings {
        tracing: TracingConfig,
    }
    let error = serde_json::from_str::<Settings>(
        r#"{ "tracing": [ { "customTags": { "tenant": { "literal": { "value": "a" }, "header": { "name": "b" } } } } ] }"#,
    );
    let error = error
        .map(|settings| settings.tracing)
        .unwrap_err()
        .to_string();
    let expected =
        "`tracing[0].customTags.tenant`: set exactly one of `literal`, `environment`, `header`";
    assert!(error.starts_with(expected), "{error}");
}
