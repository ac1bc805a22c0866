//! Errors in the resources around the `tracing` block, in providers and in addresses.

/// A document, and its error.
pub const TABLE: &[(&str, &str)] = &[
    // Resources that contain the block.
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
    // Providers that are used.
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
    // Ambiguous addresses.
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
    // Values that may be secrets are not shown.
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
    // Fields that are set twice.
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
