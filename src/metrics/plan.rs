//! `Plan`: which metrics one direction's layers record, and with which labels.

#[cfg(feature = "metrics-config")]
use super::attributes::Attributes;
use super::labels::StandardLabel;
use crate::direction::Direction;
#[cfg(feature = "metrics-config")]
use http::HeaderName;
#[cfg(feature = "metrics-config")]
use std::sync::Arc;
use std::{fmt, time::Duration};

/// What the layers of one direction record: built from the configuration, executed by the store.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) metrics: Vec<MetricPlan>,
    /// Values computed when an exchange ends, for labels and user-defined metrics.
    #[cfg(feature = "metrics-config")]
    pub(crate) values: Arc<dyn ComputedValues>,
    /// 0 if no value is computed.
    pub(crate) value_count: usize,
    /// How often the gRPC messages of an open stream are reported.
    pub(crate) reporting_interval: Duration,
    /// Whether the request's host names the service if nothing else does.
    pub(crate) host_header_fallback: bool,
}

/// A metric and its labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MetricPlan {
    /// As exposed: `istio_requests_total`.
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) kind: MetricKind,
    pub(crate) measured: Measured,
    /// In the order of the exposition.
    pub(crate) labels: Vec<(String, LabelValue)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum MetricKind {
    Counter,
    #[cfg_attr(
        not(feature = "metrics-config"),
        expect(dead_code, reason = "only a configuration makes it")
    )]
    Gauge,
    Histogram,
}

/// What a metric counts or observes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Measured {
    Requests,
    /// In whole milliseconds, rounded down. A metric whose name ends with `_seconds` is in seconds, of whole
    /// microseconds.
    Duration,
    RequestBytes,
    ResponseBytes,
    RequestMessages,
    ResponseMessages,
    /// A computed value, read as an unsigned integer. Anything else counts as 0.
    #[cfg_attr(
        not(feature = "metrics-config"),
        expect(dead_code, reason = "only a configuration makes it")
    )]
    Value(usize),
}

/// Where the value of a label comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum LabelValue {
    Standard(StandardLabel),
    /// A computed value.
    #[cfg_attr(
        not(feature = "metrics-config"),
        expect(dead_code, reason = "only a configuration makes it")
    )]
    Value(usize),
    #[cfg_attr(
        not(feature = "metrics-config"),
        expect(dead_code, reason = "only a configuration makes it")
    )]
    Constant(String),
}

/// Computes values when an exchange has ended.
#[cfg(feature = "metrics-config")]
pub(crate) trait ComputedValues: Send + Sync {
    /// The request headers that the values read. They are captured at the request's head.
    fn request_headers(&self) -> &[HeaderName];
    /// The response headers that the values read.
    fn response_headers(&self) -> &[HeaderName];
    /// Appends as many strings as there are values. One that cannot be computed is `unknown`.
    fn compute(&self, exchange: &dyn Attributes, out: &mut Vec<String>);
}

/// No values.
#[cfg(feature = "metrics-config")]
pub(crate) struct NoValues;

#[cfg(feature = "metrics-config")]
impl ComputedValues for NoValues {
    fn request_headers(&self) -> &[HeaderName] {
        &[]
    }

    fn response_headers(&self) -> &[HeaderName] {
        &[]
    }

    fn compute(&self, _: &dyn Attributes, _: &mut Vec<String>) {}
}

/// Istio's default.
pub(crate) const REPORTING_INTERVAL: Duration = Duration::from_secs(5);

/// Istio's standard metrics for HTTP: name, help, kind and what they measure.
const STANDARD: [(&str, &str, MetricKind, Measured); 6] = [
    (
        "istio_requests_total",
        "Requests, counted at the end of their exchange.",
        MetricKind::Counter,
        Measured::Requests,
    ),
    (
        "istio_request_duration_milliseconds",
        "Time from a request to the end of its response.",
        MetricKind::Histogram,
        Measured::Duration,
    ),
    (
        "istio_request_bytes",
        "Bytes of a request, with its headers.",
        MetricKind::Histogram,
        Measured::RequestBytes,
    ),
    (
        "istio_response_bytes",
        "Bytes of a response, with its headers.",
        MetricKind::Histogram,
        Measured::ResponseBytes,
    ),
    (
        "istio_request_messages_total",
        "gRPC messages of requests.",
        MetricKind::Counter,
        Measured::RequestMessages,
    ),
    (
        "istio_response_messages_total",
        "gRPC messages of responses.",
        MetricKind::Counter,
        Measured::ResponseMessages,
    ),
];

impl Plan {
    /// Istio's standard metrics.
    pub(crate) fn standard(direction: Direction) -> Plan {
        let metrics = STANDARD.map(|(name, help, kind, measured)| MetricPlan {
            name: name.to_owned(),
            help: help.to_owned(),
            kind,
            measured,
            labels: measured.standard_labels(),
        });
        Plan {
            metrics: metrics.into(),
            #[cfg(feature = "metrics-config")]
            values: Arc::new(NoValues),
            value_count: 0,
            reporting_interval: REPORTING_INTERVAL,
            host_header_fallback: direction == Direction::Client,
        }
    }
}

impl MetricPlan {
    /// Name and kind, which determine its names in an exposition.
    #[cfg(feature = "metrics-config")]
    pub(crate) fn exposed(&self) -> (&str, MetricKind) {
        (&self.name, self.kind)
    }
}

impl Measured {
    /// Whether it counts gRPC messages. They are counted while an exchange is open, so the labels of the
    /// response are not known.
    pub(crate) fn is_messages(self) -> bool {
        matches!(self, Measured::RequestMessages | Measured::ResponseMessages)
    }

    /// Whether Istio's metric has this label.
    pub(crate) fn has_label(self, label: StandardLabel) -> bool {
        !self.is_messages() || label.is_message_label()
    }

    fn standard_labels(self) -> Vec<(String, LabelValue)> {
        let labels = StandardLabel::ALL.into_iter();
        labels
            .filter(|label| self.has_label(*label))
            .map(|label| (label.name().to_owned(), LabelValue::Standard(label)))
            .collect()
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("metrics", &self.metrics)
            .field("value_count", &self.value_count)
            .finish_non_exhaustive()
    }
}
