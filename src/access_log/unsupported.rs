/// Operators of Envoy that a service cannot have a value for, or whose value is not known to the
/// layers, with the reason.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("REQUEST_DURATION", REQUEST_BODY),
    ("REQUEST_TX_DURATION", REQUEST_BODY),
    ("REQUEST_HEADERS_BYTES", HEADER_BYTES),
    ("RESPONSE_HEADERS_BYTES", HEADER_BYTES),
    ("RESPONSE_TRAILERS_BYTES", HEADER_BYTES),
    ("DYNAMIC_METADATA", METADATA),
    ("CLUSTER_METADATA", METADATA),
    ("UPSTREAM_METADATA", METADATA),
    ("METADATA", METADATA),
    ("FILTER_STATE", FILTERS),
    ("UPSTREAM_FILTER_STATE", FILTERS),
    ("FILTER_CHAIN_NAME", FILTERS),
    ("CUSTOM_FLAGS", FILTERS),
    ("LOCAL_REPLY_BODY", FILTERS),
    ("CEL", "expressions are not evaluated in formats"),
    ("COALESCE", "use %REQ(X?Y)% for an alternative"),
    ("QUERY_PARAM", "use %PATH(WQ)%, which contains the query"),
    ("QUERY_PARAMS", "use %PATH(WQ)%, which contains the query"),
    ("START_TIME_LOCAL", "times are in UTC; use %START_TIME%"),
    ("EMIT_TIME_LOCAL", "times are in UTC; use %EMIT_TIME%"),
    ("STREAM_INFO_REQ", "use %REQ(header)%"),
    (
        "STREAM_ID",
        "a service has no streams; use %REQ(X-REQUEST-ID)% or %UNIQUE_ID%",
    ),
    ("CONNECTION_ID", CONNECTION),
    ("VIRTUAL_CLUSTER_NAME", ROUTING),
    ("VIRTUAL_HOST_NAME", ROUTING),
];

const REQUEST_BODY: &str = "the layers do not see when the body of a request ends";
const HEADER_BYTES: &str = "the layers do not see how headers are sent";
const METADATA: &str = "a service has no metadata of a proxy";
const FILTERS: &str = "a service has no filters of a proxy";
const ROUTING: &str = "a service has no virtual hosts; use %ROUTE_NAME%";
const CONNECTION: &str = "the layers do not see connections";

/// Prefixes of such operators.
const PREFIXES: &[(&str, &str)] = &[
    ("TLS_", "the layers do not see TLS"),
    ("DOWNSTREAM_TLS_", "the layers do not see TLS"),
    ("UPSTREAM_TLS_", "the layers do not see TLS"),
    ("DOWNSTREAM_PEER_", "the layers do not see TLS"),
    ("DOWNSTREAM_", CONNECTION),
    ("UPSTREAM_", "a service has no upstream as a proxy has"),
    ("BYTES_", CONNECTION),
    ("PACKETS_", CONNECTION),
];

/// Why an operator of Envoy is not supported; `None` if Envoy has no operator of this name either.
pub(super) fn reason(operator: &str) -> Option<&'static str> {
    let exact = UNSUPPORTED.iter().find(|(name, _)| *name == operator);
    let by_prefix = PREFIXES
        .iter()
        .find(|(prefix, _)| operator.starts_with(prefix));
    exact.or(by_prefix).map(|(_, reason)| *reason)
}
