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
//! | `tower_b3_metrics_series`, `tower_b3_metrics_…_total` | gauge, counter | what these metrics take, and what there was no room for |
//! | `tower_b3_reporter_…` | counter, gauge | spans of the reporter that a tracer is started with, or of `MetricsBuilder::reporter_stats` |
//!
//! The labels are Istio's 25, in Envoy's order. `reporter="destination"` counts what this service
//! answered, `reporter="source"` what it sent. What [`Workload`] says fills the labels of the own side,
//! what the peer tells in `x-envoy-peer-metadata` those of the other, and [`Metrics::destination`] says
//! which service a host stands for. Kiali merges the two reports of a request if they agree.
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
//! In each direction there are at most [`max_series`](MetricsBuilder::max_series) combinations of labels
//! of requests, and as many of gRPC messages. What exceeds a bound is counted with `unknown` labels, in one
//! more series, and in `tower_b3_metrics_overflows_total`.
//!
//! A quarter of that is the number of peers, of services of other namespaces, and of hosts outside of the
//! mesh, that have labels of their own. Each version of a workload is a peer. Once three quarters of the
//! series are taken, new combinations of a peer are counted for an unknown peer. So somebody who invents
//! peers cannot take all series, but can take the room of other peers: say with [`Trust`](crate::Trust)
//! whose metadata a server believes. Services of the own namespace cannot be told from invented ones; those
//! that [`service_of`](MetricsBuilder::service_of) names always have labels of their own.
//!
//! Methods that are not of RFC 9110 or `PATCH` are `_OTHER`, as OpenTelemetry says, and so are schemes other
//! than `http` and `https`. Routes and [own labels](MetricsBuilder::request_label) are cut after 200 bytes.
//!
//! Series that [expire](MetricsBuilder::expire_after) make room for others, and so do peers, hosts and
//! values of labels that have no series any more: when more than half of those that there may be are
//! there, they are forgotten one to two intervals after the last of their series, while the metrics are
//! shown. A request that goes on for longer is counted with `unknown` labels then, and never with those
//! of another peer. Without expiry, a process that meets more callers in its life than that quarter needs
//! a larger `max_series`.
//!
//! A server that [learns its services](MetricsBuilder::learn_own_services) from the hosts of requests
//! learns as many as it is told, and never forgets them.
//!
//! A scrape is sent in pieces, of what was counted when it began, and four at a time. Peer metadata and
//! baggage above 8 KiB, and metadata nested deeper than four levels, are refused; names longer than 253 bytes or with control
//! characters are `unknown`.

#[cfg(feature = "metrics-config")]
mod attributes;
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
mod kept_authorities;
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
