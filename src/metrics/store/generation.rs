//! `Generation`: a plan in the form that the store executes. A new configuration makes a new one.

use super::key::Mask;
#[cfg(feature = "metrics-config")]
use crate::metrics::plan::{ComputedValues, NoValues};
use crate::metrics::{
    exposition::{is_label_name, is_metric_name},
    labels::StandardLabel,
    own_labels::OwnLabel,
    plan::{LabelValue, Measured, MetricKind, Plan, REPORTING_INTERVAL},
};
use crate::printable::quoted;
use std::{sync::Arc, time::Duration};

/// Where the value of a label comes from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::metrics) enum Source {
    Standard(StandardLabel),
    /// A computed value.
    Value(usize),
    Constant(String),
    /// The result of a user-defined function for a request.
    Request(usize),
    Response(usize),
    Method,
    Route,
    /// The host that a request was sent to.
    ServerAddress,
    /// Its port; empty if unknown.
    ServerPort,
    /// The response's status; empty if there is none.
    Status,
    /// The status if it is an error, or the response flags if there is no response; empty otherwise.
    ErrorType,
    /// The scheme of the request's URL.
    UrlScheme,
}

/// A metric and its labels.
#[derive(Debug)]
pub(in crate::metrics) struct Metric {
    pub(in crate::metrics) name: String,
    pub(in crate::metrics) help: String,
    pub(in crate::metrics) kind: MetricKind,
    pub(in crate::metrics) measured: Measured,
    pub(in crate::metrics) columns: Vec<(String, Source)>,
}

pub(in crate::metrics) struct Generation {
    pub(in crate::metrics) metrics: Vec<Metric>,
    #[cfg(feature = "metrics-config")]
    pub(in crate::metrics) values: Arc<dyn ComputedValues>,
    pub(in crate::metrics) value_count: usize,
    /// The values that are labels. The others differ with every request, and must not make series.
    pub(in crate::metrics) label_values: Vec<usize>,
    pub(in crate::metrics) requests: Mask,
    pub(in crate::metrics) messages: Mask,
    /// Whether a label is a method or a route.
    pub(in crate::metrics) has_operation: bool,
    pub(in crate::metrics) reporting_interval: Duration,
    pub(in crate::metrics) host_header_fallback: bool,
}

impl Generation {
    /// From a plan, with own labels added to every metric of requests.
    pub(in crate::metrics) fn of_plan(plan: Plan, own: &[OwnLabel]) -> Generation {
        let metrics = plan.metrics.into_iter().map(|metric| {
            let labels = metric.labels.into_iter().map(|(name, value)| {
                let source = match value {
                    LabelValue::Standard(label) => Source::Standard(label),
                    LabelValue::Value(at) => Source::Value(at),
                    LabelValue::Constant(text) => Source::Constant(text),
                };
                (name, source)
            });
            let mut metric = Metric {
                name: metric.name,
                help: metric.help,
                kind: metric.kind,
                measured: metric.measured,
                columns: labels.collect(),
            };
            metric.add_own(own);
            metric
        });
        Generation {
            #[cfg(feature = "metrics-config")]
            values: plan.values,
            reporting_interval: plan.reporting_interval,
            host_header_fallback: plan.host_header_fallback,
            ..Generation::new(metrics.collect(), plan.value_count)
        }
    }

    /// From metrics without computed values.
    pub(in crate::metrics) fn of_metrics(mut metrics: Vec<Metric>, own: &[OwnLabel]) -> Generation {
        for metric in &mut metrics {
            metric.add_own(own);
        }
        Generation::new(metrics, 0)
    }

    /// The values that are labels. The others are empty.
    pub(in crate::metrics) fn labels_of(&self, values: &[String]) -> Arc<[String]> {
        let mut labels = vec![String::new(); values.len()];
        for at in &self.label_values {
            if let (Some(label), Some(value)) = (labels.get_mut(*at), values.get(*at)) {
                label.clone_from(value);
            }
        }
        labels.into()
    }

    fn new(mut metrics: Vec<Metric>, value_count: usize) -> Generation {
        metrics.retain(|metric| {
            let valid = is_metric_name(&metric.name);
            if !valid {
                let name = quoted(&metric.name);
                tracing::warn!("metrics: {name} is not a valid metric name, and is not recorded");
            }
            valid
        });
        for metric in &mut metrics {
            metric.drop_invalid_labels();
            metric.drop_repeated_labels();
        }
        let columns = || metrics.iter().flat_map(|metric| &metric.columns);
        let mut label_values: Vec<usize> = columns()
            .filter_map(|(_, source)| match source {
                Source::Value(at) => Some(*at),
                _ => None,
            })
            .collect();
        label_values.sort_unstable();
        label_values.dedup();
        let (messages, requests): (Vec<&Metric>, Vec<&Metric>) = metrics
            .iter()
            .partition(|metric| metric.measured.is_messages());
        Generation {
            #[cfg(feature = "metrics-config")]
            values: Arc::new(NoValues),
            value_count,
            label_values,
            requests: Mask::of(requests),
            messages: Mask::of(messages),
            has_operation: columns()
                .any(|(_, source)| matches!(source, Source::Method | Source::Route)),
            reporting_interval: REPORTING_INTERVAL,
            host_header_fallback: true,
            metrics,
        }
    }
}

impl Metric {
    fn add_own(&mut self, own: &[OwnLabel]) {
        if self.measured.is_messages() {
            return;
        }
        let own = own.iter().map(|label| (label.name.clone(), label.source()));
        self.columns.extend(own);
    }

    fn drop_invalid_labels(&mut self) {
        let metric = &self.name;
        self.columns.retain(|(name, _)| {
            let valid = is_label_name(name);
            if !valid {
                let name = quoted(name);
                tracing::warn!(
                    "metrics: {metric}: {name} is not a valid label name, and is left out"
                );
            }
            valid
        });
    }

    /// The last of two labels with the same name applies. An exposition with both would be invalid.
    fn drop_repeated_labels(&mut self) {
        let mut kept: Vec<(String, Source)> = Vec::new();
        for (name, source) in self.columns.drain(..) {
            match kept.iter_mut().find(|(other, _)| *other == name) {
                Some((_, old)) => *old = source,
                None => kept.push((name, source)),
            }
        }
        self.columns = kept;
    }
}
