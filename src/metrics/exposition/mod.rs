//! What is shown: families of samples, and their texts.

mod families;
mod family;
mod names;
mod negotiate;
mod openmetrics;
mod service;
mod text;
#[cfg(feature = "prometheus")]
mod with_prometheus;
#[cfg(feature = "prometheus-client")]
mod with_prometheus_client;

pub(super) use families::Extra;
pub use family::{Family, HistogramValue, Kind, Point, Sample, Value};
pub(super) use names::{is_label_name, is_metric_name};
pub use service::{MetricsService, ScrapeBody};
#[cfg(feature = "prometheus")]
pub use with_prometheus::PrometheusCollector;
#[cfg(feature = "prometheus-client")]
pub use with_prometheus_client::PrometheusClientCollector;
