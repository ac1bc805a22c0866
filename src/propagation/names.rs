//! The names of the tracing headers.

use http::HeaderName;

macro_rules! names {
    ($($constant:ident = $name:literal;)*) => {
        $(pub(crate) const $constant: HeaderName = HeaderName::from_static($name);)*
    };
}

names! {
    B3 = "b3";
    TRACE_ID = "x-b3-traceid";
    SPAN_ID = "x-b3-spanid";
    PARENT_SPAN_ID = "x-b3-parentspanid";
    SAMPLED = "x-b3-sampled";
    FLAGS = "x-b3-flags";
    TRACEPARENT = "traceparent";
    TRACESTATE = "tracestate";
    REQUEST_ID = "x-request-id";
    FORCE_TRACE = "x-envoy-force-trace";
    CLIENT_TRACE_ID = "x-client-trace-id";
}

/// The headers that are forwarded unchanged by default. Their values are not interpreted.
pub(super) const OPAQUE: [&str; 9] = [
    "x-ot-span-context",
    "x-cloud-trace-context",
    "grpc-trace-bin",
    "x-datadog-trace-id",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "sw8",
    "x-amzn-trace-id",
    "x-client-trace-id",
];
