//! Errors in the `tracing` block itself.

/// A document, and its error.
pub const TABLE: &[(&str, &str)] = &[
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
        "`tracing.customTags.tenant.header.name`: \"x y\" cannot be the name of a header",
    ),
    (
        "tracing: { customTags: { tenant: { header: { name: x, default: y } } } }",
        "`tracing.customTags.tenant.header.default`: unknown field; known fields: `name`, `defaultValue`",
    ),
    (
        "tracing: { customTags: { tenant: { environment: { name: A=B } } } }",
        "`tracing.customTags.tenant.environment.name`: \"A=B\" cannot be the name of an environment variable",
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
        "`tracing[0].customTags.d.formatter.value`: %RESPONSE_CODE% is not among the operators that a service can answer: %REQ(header)%, %REQ(header?other)%, %PROTOCOL%, %ENVIRONMENT(variable)%",
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
