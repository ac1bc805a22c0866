//! What is shown: families of samples, and their texts.

mod families;
mod family;
mod merged;
mod names;
mod negotiate;
mod openmetrics;
mod scrape_body;
mod service;
mod text;
#[cfg(feature = "prometheus")]
mod with_prometheus;
#[cfg(feature = "prometheus-client")]
mod with_prometheus_client;
mod writer;

pub(super) use families::Extra;
pub use family::{Family, HistogramValue, Kind, Point, Sample, Value};
pub(super) use names::{is_label_name, is_metric_name};
pub use scrape_body::ScrapeBody;
pub use service::MetricsService;
#[cfg(feature = "prometheus")]
pub use with_prometheus::PrometheusCollector;
#[cfg(feature = "prometheus-client")]
pub use with_prometheus_client::PrometheusClientCollector;
