//! The exposition: families of samples, their text formats, and the service for Prometheus.

mod families;
mod family;
mod merged;
mod names;
mod negotiate;
mod openmetrics;
#[cfg(feature = "batch")]
mod reporters;
mod scrape_body;
mod scrapes;
mod service;
mod text;
#[cfg(feature = "prometheus")]
mod with_prometheus;
#[cfg(feature = "prometheus-client")]
mod with_prometheus_client;
mod writer;

pub use family::{Family, HistogramValue, Kind, Point, Sample, Value};
pub(super) use names::{is_label_name, is_metric_name};
#[cfg(feature = "batch")]
pub(super) use reporters::Reporters;
pub use scrape_body::ScrapeBody;
pub(super) use scrapes::Scrapes;
pub use service::MetricsService;
#[cfg(feature = "prometheus")]
pub use with_prometheus::PrometheusCollector;
#[cfg(feature = "prometheus-client")]
pub use with_prometheus_client::PrometheusClientCollector;
