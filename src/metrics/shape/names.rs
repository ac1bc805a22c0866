//! Names of metrics and labels: Istio's own, and what is allowed for others.

use crate::metrics::plan::MetricKind;

/// Istio's standard metrics without `istio_`, by their names in the Telemetry API.
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

/// The metric with this name in the Telemetry API.
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

/// Why a metric of this kind cannot have this name.
pub(crate) fn metric_name_error(name: &str, kind: MetricKind) -> Option<&'static str> {
    let name = sanitized(name);
    let standard = METRICS_BY_ENUM.iter().map(|(_, other)| match other {
        counter if counter.ends_with("_total") => (*other, MetricKind::Counter),
        _ => (*other, MetricKind::Histogram),
    });
    let mut own = standard.chain([("build", MetricKind::Gauge)]);
    if name.is_empty() {
        Some("the name of a metric must not be empty")
    } else if is_standard(&name) || name == "build" {
        Some("Istio has a metric of this name")
    } else if own.any(|own| share_a_name((&name, kind), own)) {
        Some("its names in an exposition overlap with those of one of Istio's metrics")
    } else {
        None
    }
}

/// Whether two metrics would share a name in an exposition: of the family or of a sample.
pub(crate) fn share_a_name(one: (&str, MetricKind), other: (&str, MetricKind)) -> bool {
    let others = exposed_names(other.0, other.1);
    exposed_names(one.0, one.1)
        .iter()
        .any(|name| others.contains(name))
}

/// The names of the family and of the samples of a metric in OpenMetrics.
fn exposed_names(name: &str, kind: MetricKind) -> Vec<String> {
    let mut names = vec![name.to_owned()];
    match kind {
        MetricKind::Counter => names.extend(name.strip_suffix("_total").map(str::to_owned)),
        MetricKind::Gauge => {}
        MetricKind::Histogram => {
            let parts = ["_bucket", "_count", "_sum"];
            names.extend(parts.map(|part| format!("{name}{part}")));
        }
    }
    names
}

/// The name as Prometheus accepts it. As in Envoy, every other character becomes an underscore.
pub(crate) fn sanitized(name: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_do_not_share_names() {
        use MetricKind::{Counter, Gauge, Histogram};
        for (one, other, share) in [
            (("foo", Histogram), ("foo_count", Counter), true),
            (("foo", Gauge), ("foo_total", Counter), true),
            (("foo", Histogram), ("foo_total", Counter), true),
            (("foo_total", Counter), ("foo_total", Gauge), true),
            (("foo", Counter), ("foo_total", Gauge), false),
            (("foo", Gauge), ("foo_count", Counter), false),
            (("foo", Gauge), ("foo_sum", Histogram), false),
        ] {
            assert_eq!(share_a_name(one, other), share, "{one:?} {other:?}");
            assert_eq!(share_a_name(other, one), share, "{one:?} {other:?}");
        }
    }

    #[test]
    fn metrics_do_not_share_names_with_istios() {
        use MetricKind::{Counter, Gauge, Histogram};
        for (name, kind, refused) in [
            ("requests", Gauge, true),
            ("requests", Counter, true),
            ("requests_total", Counter, true),
            ("request_bytes_sum", Gauge, true),
            ("request_bytes_total", Counter, true),
            ("tcp-sent-bytes", Histogram, true),
            ("build_total", Counter, true),
            ("get_calls", Counter, false),
            ("request_bytes_max", Gauge, false),
        ] {
            assert_eq!(metric_name_error(name, kind).is_some(), refused, "{name}");
        }
    }
}
