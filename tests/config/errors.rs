//! Errors name the document, the field, the value and what is allowed.

use tower_b3::{
    Tracer,
    config::{ConfigFile, Documents, TracingConfig},
};

#[track_caller]
fn error(text: &str) -> String {
    TracingConfig::from_yaml(text).unwrap_err().to_string()
}

/// A document, and its error.
const TABLE: &[(&str, &str)] = &[
    // In the block.
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
    // In the documents around it.
    (
        "kind: Telemetry\nmetadata: { name: mesh-default, namespace: istio-system }\n\
         spec: { tracing: [ { randomSamplingPercentage: 101 } ] }",
        "Telemetry istio-system/mesh-default: `spec.tracing[0].randomSamplingPercentage`: 101 is not a percentage from 0 to 100",
    ),
    (
        "kind: Telemetry\nspec: { tracing: { sampling: 1 } }",
        "Telemetry: `spec.tracing`: expected a list, found a mapping",
    ),
    (
        "kind: Service\n---\ntracing: { sampling: 101 }",
        "document 2: `tracing.sampling`: 101 is not a percentage from 0 to 100",
    ),
    (
        "kind: Service\n---\nkind: ProxyConfig\nmetadata: { name: a }\nspec: { tracing: [] }",
        "document 2, ProxyConfig a: `spec.tracing`: expected a mapping, found a list",
    ),
    (
        "kind: List\nitems: [ { kind: Service }, { kind: Telemetry, metadata: { name: a }, spec: { tracing: 1 } } ]",
        "List, items[1], Telemetry a: `spec.tracing`: expected a list, found 1",
    ),
    (
        "kind: Deployment\nmetadata: { name: webapp, namespace: shop }\n\
         spec: { template: { metadata: { annotations: { proxy.istio.io/config: 'tracing: { sampling: 101 }' } } } }",
        "Deployment shop/webapp, annotation proxy.istio.io/config: `tracing.sampling`: 101 is not a percentage from 0 to 100",
    ),
    (
        "kind: Pod\nmetadata: { name: webapp, annotations: { proxy.istio.io/config: 'tracing: {' } }",
        "Pod webapp, annotation proxy.istio.io/config: line 2, column 1: while parsing a node, did not find expected node content",
    ),
    (
        "kind: Pod\nmetadata: { name: webapp, annotations: { proxy.istio.io/config: { tracing: {} } } }",
        "Pod webapp: `metadata.annotations.proxy.istio.io/config`: expected a string, found a mapping",
    ),
    (
        "kind: ConfigMap\nmetadata: { name: istio, namespace: istio-system }\n\
         data: { mesh: 'defaultConfig: { tracing: { sampling: 101 } }' }",
        "ConfigMap istio-system/istio, data.mesh: `defaultConfig.tracing.sampling`: 101 is not a percentage from 0 to 100",
    ),
    (
        "kind: IstioOperator\nspec: { meshConfig: { defaultConfig: { tracing: { sampling: 101 } } } }",
        "IstioOperator: `spec.meshConfig.defaultConfig.tracing.sampling`: 101 is not a percentage from 0 to 100",
    ),
    (
        "kind: IstioOperator\nspec: { values: { pilot: { traceSampling: 101 } } }",
        "IstioOperator: `spec.values.pilot.traceSampling`: 101 is not a percentage from 0 to 100",
    ),
    (
        "kind: ConfigMap\nmetadata: { name: a }\ndata: { b.json: '{ \"tracing\": { \"http\": { \"name\": \"envoy.tracers.zipkin\", \"typedConfig\": { \"@type\": \"ZipkinConfig\", ' }",
        "ConfigMap a, data.b.json: line 2, column 1: while parsing a node, did not find expected node content",
    ),
    (
        "kind: ConfigMap\nmetadata: { name: a }\ndata: { b.json: '{ \"tracing\": { \"http\": { \"name\": \"envoy.tracers.zipkin\", \"typedConfig\": { \"traceId128bit\": \"yes\" } } } }' }",
        "ConfigMap a, data.b.json: `tracing.http.typedConfig.traceId128bit`: expected true or false, found \"yes\"",
    ),
    (
        "tracing: { http: { name: envoy.tracers.zipkin, typed_config: { collector_endpoint_version: HTTP_JSON_V1 } } }",
        "`tracing.http.typed_config.collector_endpoint_version`: expected one of `HTTP_JSON`, `HTTP_PROTO`, found \"HTTP_JSON_V1\"",
    ),
    (
        "tracing: { http: { name: envoy.tracers.zipkin, typed_config: { collectorPath: / } } }",
        "`tracing.http.typed_config.collectorPath`: unknown field; known fields: `@type`, `collectorCluster`, `collectorEndpoint`, `collectorHostname`, `collectorService`, `collectorEndpointVersion`, `traceId128bit`, `sharedSpanContext`, `splitSpansForRequest`, `traceContextOption`, `timestampTraceIds`",
    ),
    (
        "tracing: { http: { name: envoy.tracers.zipkin } }",
        "`tracing.http`: missing field `typedConfig`",
    ),
    // In providers that are used.
    (
        "defaultProviders: { tracing: [ a ] }\nextensionProviders: [ { name: a, zipkin: { service: a } } ]",
        "`extensionProviders[0].zipkin`: missing field `port`",
    ),
    (
        "defaultProviders: { tracing: [ a ] }\nextensionProviders: [ { name: a, zipkin: { service: 'a:9411', port: 9411 } } ]",
        "`extensionProviders[0].zipkin.service`: \"a:9411\" is not a host name",
    ),
    (
        "tracing: { zipkin: { address: 'zipkin:+9411' } }",
        "`tracing.zipkin.address`: \"zipkin:+9411\" is not of the form host:port",
    ),
    (
        "tracing: { customTags: { d: { formatter: { value: '%REQ(x):+5%' } } } }",
        "`tracing.customTags.d.formatter.value`: %REQ(x):+5% is not a supported operator; the supported operators are %REQ(header)%, %REQ(header?other)%, %PROTOCOL%, %ENVIRONMENT(variable)%",
    ),
    (
        "tracing: { tlsSettings: { mode: -0 } }",
        "`tracing.tlsSettings.mode`: expected one of `DISABLE`, `SIMPLE`, `MUTUAL`, `ISTIO_MUTUAL`, found -0",
    ),
    (
        "defaultProviders: { tracing: [ a ] }\nextensionProviders: [ { name: a, zipkin: { service: a, port: 65536 } } ]",
        "`extensionProviders[0].zipkin.port`: 65536 is not a whole number from 1 to 65535",
    ),
    (
        "defaultProviders: { tracing: [ a ] }\nextensionProviders: [ { name: a, zipkin: { service: a, port: 1, timeout: 5 } } ]",
        "`extensionProviders[0].zipkin.timeout`: expected a string (put it in quotes), found 5",
    ),
    (
        "defaultProviders: { tracing: [ a ] }\nextensionProviders: [ { name: a, zipkin: { service: a, port: 1, timeout: soon } } ]",
        "`extensionProviders[0].zipkin.timeout`: \"soon\" is not a duration such as 5s",
    ),
    (
        "defaultProviders: { tracing: [ a ] }\nextensionProviders: [ { name: a, opentelemetry: { service: a, port: 1, http: {}, grpc: {} } } ]",
        "`extensionProviders[0].opentelemetry.http`: cannot be combined with `grpc`; set only one of them",
    ),
    (
        "defaultProviders: { tracing: [ a ] }\nextensionProviders: [ { name: a, opentelemetry: { service: a, port: 1, dynatraceSampler: { tenant: t } } } ]",
        "`extensionProviders[0].opentelemetry.dynatraceSampler`: not supported; remove it to sample by percentage",
    ),
    (
        "kind: IstioOperator\nmetadata: { name: a }\nspec: { meshConfig: { extensionProviders: [ { name: a, zipkin: {} } ] } }\n---\ntracing: [ { providers: [ { name: A } ] } ]",
        "document 1, IstioOperator a: `spec.meshConfig.extensionProviders[0].zipkin`: missing field `service`",
    ),
    (
        "extensionProviders: [ { zipkin: {} } ]",
        "`extensionProviders[0]`: missing field `name`",
    ),
    // Addresses that could be understood in another way.
    (
        "tracing: { zipkin: { address: ':9411' } }",
        "`tracing.zipkin.address`: \":9411\" is not of the form host:port",
    ),
    (
        "tracing: { zipkin: { address: 'zipkin:0' } }",
        "`tracing.zipkin.address`: \"zipkin:0\" is not of the form host:port",
    ),
    (
        "tracing: { zipkin: { address: 'fd00::1:9411' } }",
        "`tracing.zipkin.address`: \"fd00::1:9411\" is not of the form host:port",
    ),
    (
        "tracing: { zipkin: { address: 'zipkin?a#b:9411' } }",
        "`tracing.zipkin.address`: \"zipkin?a#b:9411\" is not of the form host:port",
    ),
    (
        "tracing: { zipkin: { address: \"zipkin\\n:9411\" } }",
        "`tracing.zipkin.address`: \"zipkin\\n:9411\" is not of the form host:port",
    ),
    (
        "defaultProviders: { tracing: [ a ] }\nextensionProviders: [ { name: a, zipkin: { service: 'a?b#c', port: 9411 } } ]",
        "`extensionProviders[0].zipkin.service`: \"a?b#c\" is not a host name",
    ),
    (
        "tracing: { http: { name: envoy.tracers.zipkin, typedConfig: { collectorService: { httpUri: { uri: 'http://127.0.0.1:94110/a' } } } } }",
        "`tracing.http.typedConfig.collectorService.httpUri.uri`: the port is not a number from 1 to 65535",
    ),
    (
        "tracing: { http: { name: envoy.tracers.zipkin, typedConfig: { collectorService: { httpUri: { uri: 'http://a/#b' } } } } }",
        "`tracing.http.typedConfig.collectorService.httpUri.uri`: a fragment (#), which is never sent",
    ),
    (
        "tracing: { http: { name: envoy.tracers.zipkin, typedConfig: { collectorService: { httpUri: { uri: 'zipkin:9411/a' } } } } }",
        "`tracing.http.typedConfig.collectorService.httpUri.uri`: expected a URL with http:// or a path",
    ),
    (
        "tracing: { http: { name: envoy.tracers.zipkin, typedConfig: { collectorService: { httpUri: { uri: '//zipkin/a' } } } } }",
        "`tracing.http.typedConfig.collectorService.httpUri.uri`: expected a URL with http:// or a path",
    ),
    (
        "tracing: { http: { name: envoy.tracers.zipkin, typedConfig: { collectorHostname: 'zipkin:94110' } } }",
        "`tracing.http.typedConfig.collectorHostname`: the port is not a number from 1 to 65535",
    ),
    (
        "tracing: { http: { name: envoy.tracers.zipkin, typedConfig: { collectorHostname: 'zipkin/a' } } }",
        "`tracing.http.typedConfig.collectorHostname`: the host is not a name or an IP address",
    ),
    (
        "tracing: { http: { name: envoy.tracers.zipkin, typedConfig: { collectorHostname: 'fd00::1' } } }",
        "`tracing.http.typedConfig.collectorHostname`: an IPv6 address needs brackets, as in [::1]:9411",
    ),
    (
        "tracing: { zipkin: { address: 'zipkin:94110' } }",
        "`tracing.zipkin.address`: \"zipkin:94110\" is not of the form host:port",
    ),
    (
        "tracing: { zipkin: { address: 'zipkin:+80' } }",
        "`tracing.zipkin.address`: \"zipkin:+80\" is not of the form host:port",
    ),
    (
        "tracing: { zipkin: { address: '127.1:9411' } }",
        "`tracing.zipkin.address`: \"127.1:9411\" is not of the form host:port",
    ),
    // Values that may be secrets, which are not shown.
    (
        "defaultProviders: { tracing: [ a ] }\nextensionProviders: [ { name: a, zipkin: { service: a, port: 1, headers: [ { name: a, value: 1234 } ] } } ]",
        "`extensionProviders[0].zipkin.headers[0].value`: expected a string (put it in quotes)",
    ),
    (
        "defaultProviders: { tracing: [ a ] }\nextensionProviders: [ { name: a, zipkin: { service: a, port: 1, headers: 'a: secret' } } ]",
        "`extensionProviders[0].zipkin.headers`: expected a list",
    ),
    (
        "defaultProviders: { tracing: [ a ] }\nextensionProviders: [ { name: a, zipkin: { service: a, port: 1, headers: [ { name: 'a: secret' } ] } } ]",
        "`extensionProviders[0].zipkin.headers[0].name`: not a valid header name",
    ),
    (
        "tracing: { http: { name: envoy.tracers.zipkin, typed_config: { collectorService: { httpUri: { uri: 'https://me:secret@a/b' } } } } }",
        "`tracing.http.typed_config.collectorService.httpUri.uri`: credentials in the URL; use `requestHeadersToAdd` instead",
    ),
    (
        "tracing: { http: { name: envoy.tracers.zipkin, typed_config: { collectorService: { httpUri: { uri: 'https://a/b' }, requestHeadersToAdd: [ { header: { key: 'a: secret' } } ] } } } }",
        "`tracing.http.typed_config.collectorService.requestHeadersToAdd[0].header.key`: not a valid header name",
    ),
    // Fields that are set twice, of which only one would count.
    (
        "tracing: { sampling: 1 }\ntracing: { sampling: 50 }",
        "`tracing`: set twice",
    ),
    (
        "kind: Telemetry\nspec: {}\nspec: { tracing: [ { randomSamplingPercentage: 50 } ] }",
        "Telemetry: `spec`: set twice",
    ),
    (
        "kind: ConfigMap\ndata: { mesh: 'defaultConfig: { tracing: {} }\n\n  defaultConfig: {}' }",
        "ConfigMap, data.mesh: `defaultConfig`: set twice",
    ),
    (
        "meshConfig: { defaultConfig: {}, default_config: { tracing: {} } }",
        "`meshConfig.default_config`: set twice",
    ),
    (
        "a: &a { sampling: 1 }\n---\ntracing: *a",
        "line 3, column 10: the alias is inside of the value that it refers to, or refers to a value of another document",
    ),
];

#[test]
fn an_error_names_the_document_the_field_and_the_reason() {
    for (text, expected) in TABLE {
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
fn errors_of_the_collector_come_up_only_when_it_is_used() {
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

/// Whether a terminal or a reader could take this character for something else than text.
fn misleads(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}' | '\u{202e}' | '\u{2066}')
}

#[test]
fn text_from_documents_is_escaped_and_truncated() {
    for hostile in [
        "a\nERROR forged",
        "\u{1b}[2J\u{1b}]0;title\u{7}",
        "\u{9b}31m\u{85}",
        "cba\u{202e}\u{2066}\u{2028}",
        &"long\n".repeat(2_000),
    ] {
        let json = serde_json::to_string(hostile).unwrap();
        let tag = |inside: &str| format!("{{ tracing: {{ customTags: {{ t: {inside} }} }} }}");
        let environment = |name: &'static str| {
            let read = TracingConfig::from_vars(|one| (one == name).then(|| hostile.to_owned()));
            read.unwrap_err()
        };
        let provider = |inside: &str| {
            format!(
                "{{ defaultProviders: {{ tracing: [ {json} ] }}, \
                 extensionProviders: [ {{ name: {json}, {inside} }} ] }}"
            )
        };
        let used = |text: String| {
            let config = TracingConfig::from_yaml(&text).map(|config| config.strict(true));
            let config = config.and_then(|config| config.collector().map(|_| config));
            config.unwrap_err()
        };
        for error in [
            // Names of fields.
            used(format!("{{ tracing: {{ {json}: 1 }} }}")),
            used(tag(&format!("{{ {json}: {{}} }}"))),
            used(format!("{{ tracing: {{ customTags: {{ {json}: 1 }} }} }}")),
            // Values.
            used(format!("{{ tracing: {{ sampling: {json} }} }}")),
            used(format!(
                "{{ tracing: {{ zipkin: {{ address: {json} }} }} }}"
            )),
            used(tag(&format!(
                "{{ formatter: {{ value: {} }} }}",
                serde_json::to_string(&format!("%{hostile}%")).unwrap()
            ))),
            used(tag(&format!("{{ header: {{ name: {json} }} }}"))),
            used(tag(&format!(
                "{{ environment: {{ name: {} }} }}",
                serde_json::to_string(&format!("={hostile}")).unwrap()
            ))),
            used(provider(&format!("zipkin: {{ service: {json}, port: 1 }}"))),
            used(provider(&format!("{json}: {{}}"))),
            used(format!("{{ tracing: {{ http: {{ name: {json} }} }} }}")),
            used(format!(
                "{{ tracing: {{ http: {{ name: zipkin, typedConfig: {{ collectorCluster: {json} }} }} }} }}"
            )),
            // Names of documents.
            used(format!(
                "{{ kind: Telemetry, metadata: {{ name: {json}, namespace: {json} }}, spec: {{ tracing: [ {{ a: 1 }} ] }} }}"
            )),
            // No document at all.
            used(hostile.to_owned()),
            TracingConfig::from_file(format!("/none/{hostile}")).unwrap_err(),
            environment("OTEL_TRACES_SAMPLER"),
            environment("OTEL_PROPAGATORS"),
            environment("OTEL_TRACES_EXPORTER"),
        ] {
            for text in [
                error.to_string(),
                error.path().to_owned(),
                error.reason().to_owned(),
            ] {
                assert!(!text.contains(misleads), "{text:?}");
                assert!(text.chars().count() < 1_500, "{text:?}");
            }
        }
    }
    assert_eq!(
        error("{ tracing: { \"a\\nb\": 1 } }").split(':').next(),
        Some(r#"`tracing."a\nb"`"#)
    );
}
