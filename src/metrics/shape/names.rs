//! Names of metrics and labels: Istio's own, and what is allowed for others.

/// Istio's standard metrics without `istio_`, by the names that the Telemetry API has for them.
pub(crate) const METRICS_BY_ENUM: [(&str, &str); 10] = [
    ("REQUEST_COUNT", "requests_total"),
    ("REQUEST_DURATION", "request_duration_milliseconds"),
    ("REQUEST_SIZE", "request_bytes"),
    ("RESPONSE_SIZE", "response_bytes"),
    ("TCP_OPENED_CONNECTIONS", "tcp_connections_opened_total"),
    ("TCP_CLOSED_CONNECTIONS", "tcp_connections_closed_total"),
    ("TCP_SENT_BYTES", "tcp_sent_bytes_total"),
    ("TCP_RECEIVED_BYTES", "tcp_received_bytes_total"),
    ("GRPC_REQUEST_MESSAGES", "request_messages_total"),
    ("GRPC_RESPONSE_MESSAGES", "response_messages_total"),
];

/// The metric that the Telemetry API names so.
pub(crate) fn metric_of_enum(name: &str) -> Option<&'static str> {
    let mut metrics = METRICS_BY_ENUM.iter();
    metrics
        .find(|(word, _)| *word == name)
        .map(|(_, metric)| *metric)
}

/// Whether Istio has a metric of this name, without `istio_`. The layers do not have those for TCP.
pub(super) fn is_standard(metric: &str) -> bool {
    METRICS_BY_ENUM.iter().any(|(_, name)| *name == metric)
}

/// Why a label cannot have this name.
pub(crate) fn label_name_error(name: &str) -> Option<&'static str> {
    match sanitized(name).as_str() {
        "" => Some("the name of a label must not be empty"),
        "le" => Some("the label `le` is for the buckets of a histogram"),
        name if name.starts_with("__") => {
            Some("labels whose names start with `__` are Prometheus's own")
        }
        _ => None,
    }
}

/// Why a metric cannot have this name.
pub(crate) fn metric_name_error(name: &str) -> Option<&'static str> {
    let name = sanitized(name);
    let parts = ["_bucket", "_count", "_sum"].iter();
    let mut histograms = parts.filter_map(|part| name.strip_suffix(part));
    if name.is_empty() {
        Some("the name of a metric must not be empty")
    } else if is_standard(&name) || name == "build" || histograms.any(is_standard) {
        Some("Istio has a metric of this name")
    } else {
        None
    }
}

/// The name as Prometheus accepts it. As in Envoy, every other character becomes an underscore.
pub(super) fn sanitized(name: &str) -> String {
    let allowed = |letter: char| match letter {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' => letter,
        _ => '_',
    };
    let sanitized: String = name.chars().map(allowed).collect();
    match sanitized.as_bytes() {
        [b'0'..=b'9', ..] => format!("_{sanitized}"),
        _ => sanitized,
    }
}
