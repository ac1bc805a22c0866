//! Istio's standard metrics, as a sidecar would count them: for Prometheus, Istio's dashboards and Kiali.
//!
//! [`Metrics`] counts exchanges. Each is counted once, at its end, whether it is sampled or not:
//!
//! | metric | type | counts |
//! |---|---|---|
//! | `istio_requests_total` | counter | requests |
//! | `istio_request_duration_milliseconds` | histogram | whole milliseconds from a request to the end of its response |
//! | `istio_request_bytes`, `istio_response_bytes` | histogram | bytes with headers |
//! | `istio_request_messages_total`, `istio_response_messages_total` | counter | gRPC messages |
//! | `istio_build` | gauge | 1 |
//! | `tower_b3_metrics_series`, `tower_b3_metrics_…_total` | gauge, counter | series; overflows, expired series, refused peers |
//! | `tower_b3_reporter_…` | counter, gauge | spans of the reporter that a tracer is started with, or of `MetricsBuilder::reporter_stats` |
//!
//! The labels are Istio's 25, in Envoy's order. `reporter="destination"` counts what this service
//! answered, `reporter="source"` what it sent. The labels of the own side come from [`Workload`], those of
//! the peer from its metadata in `x-envoy-peer-metadata`, and the service of a host from
//! [`Metrics::destination`]. Kiali merges the two reports of a request if they agree.
//!
//! ```
//! use std::time::Duration;
//! use tower_b3::{Direction, metrics::{Measurement, Metrics, Workload}};
//!
//! let workload = Workload::new("webapp").namespace("shop").label("app", "webapp");
//! let metrics = Metrics::builder(workload).build();
//! let app: axum::Router = axum::Router::new().route_service("/metrics", metrics.service());
//! # let _ = app;
//!
//! metrics.record(Direction::Server, &Measurement::new(200, Duration::from_millis(12)));
//! assert!(metrics.text().contains("\nistio_requests_total{reporter=\"destination\","));
//! ```
//!
//! # Cost
//!
//! A series is found by a key of small numbers and counted by atomics, with a copy for each group of
//! threads. Nothing is allocated once a series exists, and no thread waits for another. The first request
//! of a series takes a lock and copies a part of the table of series; a change of the configuration copies
//! all of it.
//!
//! # Bounds
//!
//! In each direction there are at most [`max_series`](MetricsBuilder::max_series) series of requests, and
//! as many of gRPC messages. What exceeds a limit is counted with `unknown` labels, in one more series, and
//! in `tower_b3_metrics_overflows_total`.
//!
//! Peers, services of other namespaces, and hosts outside of the mesh are each limited to a quarter of
//! that. Each version of a workload is a peer. Once three quarters of the series are used, new series of a
//! peer are counted for an unknown peer. So a caller that invents peers cannot use up all series, but can
//! displace other peers: limit with [`Trust`](crate::Trust) whose metadata a server reads. Invented services
//! of the own namespace cannot be distinguished from real ones; those of
//! [`service_of`](MetricsBuilder::service_of) always have labels of their own.
//!
//! Methods that are not of RFC 9110 or `PATCH` are `_OTHER`, as in OpenTelemetry, and so are schemes other
//! than `http` and `https`. Routes and [own labels](MetricsBuilder::request_label) are cut after 200 bytes.
//!
//! Series that [expire](MetricsBuilder::expire_after) free their capacity. Peers, hosts and values of labels
//! that have no series any more do so too: if more than half of the limit is used, a scrape removes them one
//! to two intervals after the last of their series. A request that is still open then is counted with
//! `unknown` labels, and never with those of another peer. Without expiry, a process with more callers in
//! its lifetime than that quarter needs a larger `max_series`.
//!
//! A server that [learns its services](MetricsBuilder::learn_own_services) from the hosts of requests
//! learns at most the configured number, and never removes them.
//!
//! A scrape sends a snapshot of the counts in pieces, and at most four are sent at once. Peer metadata and
//! baggage above 8 KiB, and metadata nested deeper than four levels, are refused; names longer than 253
//! bytes or with control characters are `unknown`.

#[cfg(feature = "metrics-config")]
mod attributes;
mod authority_cache;
mod builder;
#[cfg(feature = "metrics-config")]
mod captured;
#[cfg(feature = "metrics-config")]
mod computed;
mod destination;
mod destination_numbers;
#[cfg(feature = "metrics-config")]
mod ended_attributes;
mod exemplar;
mod exposition;
mod handle;
mod hash;
mod intern;
mod labels;
mod measurement;
mod message_reports;
mod naming;
#[cfg(feature = "metrics-config")]
mod nodes;
mod observer;
#[cfg(feature = "metrics-config")]
mod open_attributes;
mod open_streams;
mod own_labels;
mod own_services;
mod peer;
mod peer_settings;
mod plan;
#[cfg(all(test, feature = "metrics-config"))]
mod plan_tests;
mod pod_name;
mod principals;
mod project;
#[cfg(feature = "batch")]
mod reporter_stats;
mod request_host;
#[cfg(feature = "metrics-config")]
mod reshape;
mod response_flags;
mod scratch_text;
#[cfg(feature = "metrics-config")]
pub(crate) mod shape;
mod shared_map;
mod store;
#[cfg(test)]
mod tests;
mod unused_numbers;
#[cfg(test)]
mod unused_numbers_tests;
mod url_scheme;
mod wire_size;
mod workload;

#[cfg(all(feature = "access-log", feature = "metrics-config"))]
pub(crate) use attributes::Attributes;
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
pub use peer::{PeerMetadata, PeerMetadataError, PeerNumber};
pub use principals::PrincipalsNumber;
#[cfg(feature = "metrics-config")]
#[cfg_attr(docsrs, doc(cfg(feature = "metrics-config")))]
pub use shape::{Expression, ExpressionError, MetricsShape};
pub use store::{Buckets, BucketsError};
pub use url_scheme::UrlScheme;
pub use workload::Workload;
