//! `Naming`: the names and labels of the metrics.

use super::{
    own_labels::OwnLabel,
    plan::{Measured, MetricKind, Plan},
    store::{Generation, Metric, Source},
};
use crate::direction::Direction;

/// The names and labels of the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Naming {
    /// Istio's: `istio_requests_total` and so on, with the 25 labels that Kiali and Istio's dashboards query.
    #[default]
    Istio,
    /// Rate, errors, duration, with few labels: `http_server_requests_total` and
    /// `http_server_request_duration_seconds`, for a client `http_client_…`, with `method`, `route` and
    /// `status`.
    Red,
    /// OpenTelemetry's semantic conventions, as their Prometheus exporters write them:
    /// `http_server_request_duration_seconds`, `http_server_request_body_size_bytes` and
    /// `http_server_response_body_size_bytes`, for a client `http_client_…`, with
    /// `http_request_method`, `http_route` (a client: `url_template`), `http_response_status_code` and
    /// `error_type`, for a server also [`url_scheme`](crate::metrics::UrlScheme), for a client
    /// `server_address` and `server_port`, as in the URI of the request. The bodies are counted as the layers
    /// see them.
    ///
    /// The scheme at a server is that of `x-forwarded-proto` of a [trusted](crate::Trust) peer, or else that
    /// of the request's URI, which HTTP/2 has, or else `http`. So the label is `http` for HTTP/1.1 without that
    /// header, even over TLS: a layer does not see the connection.
    ///
    /// Hosts with their ports are limited to a quarter of
    /// [`max_series`](crate::metrics::MetricsBuilder::max_series); others are `unknown`.
    OpenTelemetry,
}

impl Naming {
    pub(super) fn generation(self, direction: Direction, own: &[OwnLabel]) -> Generation {
        let side = match direction {
            Direction::Server => "server",
            Direction::Client => "client",
        };
        match self {
            Naming::Istio => Generation::of_plan(Plan::standard(direction), own),
            Naming::Red => Generation::of_metrics(red(side), own),
            Naming::OpenTelemetry => Generation {
                // Hosts that callers choose must not displace the hosts that a client calls.
                host_header_fallback: direction == Direction::Client,
                ..Generation::of_metrics(open_telemetry(direction, side), own)
            },
        }
    }
}

fn metric(name: String, help: &str, measured: Measured, columns: &[(&str, Source)]) -> Metric {
    let columns = columns.iter();
    Metric {
        name,
        help: help.to_owned(),
        kind: match measured {
            Measured::Requests => MetricKind::Counter,
            _ => MetricKind::Histogram,
        },
        measured,
        columns: columns
            .map(|(name, source)| ((*name).to_owned(), source.clone()))
            .collect(),
    }
}

fn red(side: &str) -> Vec<Metric> {
    let columns = [
        ("method", Source::Method),
        ("route", Source::Route),
        ("status", Source::Status),
    ];
    vec![
        metric(
            format!("http_{side}_requests_total"),
            "Requests, counted at the end of their exchange.",
            Measured::Requests,
            &columns,
        ),
        metric(
            format!("http_{side}_request_duration_seconds"),
            "Time from a request to the end of its response.",
            Measured::Duration,
            &columns,
        ),
    ]
}

fn open_telemetry(direction: Direction, side: &str) -> Vec<Metric> {
    let route = match direction {
        Direction::Server => "http_route",
        Direction::Client => "url_template",
    };
    let mut columns = vec![
        ("http_request_method", Source::Method),
        (route, Source::Route),
        ("http_response_status_code", Source::Status),
        ("error_type", Source::ErrorType),
    ];
    match direction {
        Direction::Server => columns.push(("url_scheme", Source::UrlScheme)),
        Direction::Client => {
            columns.push(("server_address", Source::ServerAddress));
            columns.push(("server_port", Source::ServerPort));
        }
    }
    vec![
        metric(
            format!("http_{side}_request_duration_seconds"),
            "Duration of HTTP requests.",
            Measured::Duration,
            &columns,
        ),
        metric(
            format!("http_{side}_request_body_size_bytes"),
            "Size of the bodies of HTTP requests.",
            Measured::RequestBytes,
            &columns,
        ),
        metric(
            format!("http_{side}_response_body_size_bytes"),
            "Size of the bodies of HTTP responses.",
            Measured::ResponseBytes,
            &columns,
        ),
    ]
}
