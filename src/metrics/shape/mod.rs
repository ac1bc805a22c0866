//! Metrics by Istio's configuration: labels and metrics with values in CEL.
//!
//! [`config`](crate::config) reads documents into [`PluginConfig`], [`TelemetryMetrics`] and
//! [`GeneratedAttribute`], from which [`MetricsShape`] builds a plan for each direction.

mod attribute_generation;
mod build;
mod cel;
mod metrics_shape;
mod names;
mod plugin_config;
mod telemetry;
#[cfg(test)]
pub(crate) mod test_exchange;
mod values;

pub(crate) use super::plan::MetricKind;
#[cfg(test)]
pub(crate) use super::plan::{LabelValue, Measured, Plan};
pub(crate) use attribute_generation::{AttributeMatch, GeneratedAttribute};
pub use cel::{Expression, ExpressionError};
pub use metrics_shape::MetricsShape;
pub(crate) use metrics_shape::ShapeSource;
pub(crate) use names::{
    METRICS_BY_ENUM, label_name_error, metric_name_error, metric_of_enum, sanitized, share_a_name,
};
pub(crate) use plugin_config::{Definition, MetricEntry, PluginConfig, appended};
pub(crate) use telemetry::{Override, TagOverride, TelemetryMetrics, merge};
