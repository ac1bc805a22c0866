//! Istio's standard metrics.

mod attributes;
mod builder;
mod destination;
mod destination_numbers;
mod exemplar;
mod exposition;
mod handle;
mod hash;
mod intern;
mod labels;
mod measurement;
mod naming;
mod own_labels;
mod peer;
mod plan;
mod pod_name;
mod principals;
mod project;
mod response_flags;
mod store;
#[cfg(test)]
mod tests;
mod workload;

pub use builder::MetricsBuilder;
pub use destination::Service;
pub use destination_numbers::DestinationNumber;
pub use exemplar::Exemplar;
#[cfg(feature = "prometheus-client")]
#[cfg_attr(docsrs, doc(cfg(feature = "prometheus-client")))]
pub use exposition::PrometheusClientCollector;
#[cfg(feature = "prometheus")]
#[cfg_attr(docsrs, doc(cfg(feature = "prometheus")))]
pub use exposition::PrometheusCollector;
pub use exposition::{
    Family, HistogramValue, Kind, MetricsService, Point, Sample, ScrapeBody, Value,
};
pub use handle::Metrics;
pub use measurement::{Measurement, RequestLabels, ResponseLabels};
pub use naming::Naming;
pub use peer::{Asked, PeerMetadata, PeerMetadataError, PeerNumber};
pub use principals::PrincipalsNumber;
pub use store::{Buckets, BucketsError};
pub use workload::Workload;
