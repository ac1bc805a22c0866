//! `MetricsBuilder`.

#[cfg(feature = "metrics-config")]
use super::handle::SetInCode;
use super::{
    destination::Service,
    destination_numbers::DestinationNumbers,
    exposition::Scrapes,
    handle::{Inner, Metrics},
    intern::Interner,
    naming::Naming,
    open_streams::OpenStreams,
    own_labels::OwnLabels,
    own_services::OwnServices,
    peer::{OwnHeaders, Peers},
    store::{Buckets, Store, StoreSettings},
    workload::Workload,
};
use crate::{
    direction::{Direction, PerDirection},
    head::RequestHead,
};
use http::{HeaderMap, StatusCode};
use std::{
    fmt,
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::{Duration, Instant},
};

/// The default limit of series of requests in each direction, and of gRPC messages.
const MAX_SERIES: usize = 2_000;

/// Builds [`Metrics`].
pub struct MetricsBuilder {
    workload: Workload,
    naming: Naming,
    own_labels: OwnLabels,
    buckets: Option<Buckets>,
    max_series: usize,
    /// `Some(None)`: series do not expire.
    expiry: Option<Option<Duration>>,
    namespaces: Vec<String>,
    services: Vec<(String, Service)>,
    #[cfg(feature = "batch")]
    pub(super) reporters: super::exposition::Reporters,
    reads_baggage: bool,
    pub(super) sends_to_all_hosts: bool,
    own_services: Vec<String>,
    learned_services: usize,
    #[cfg(feature = "metrics-config")]
    pub(super) shape: Option<super::shape::MetricsShape>,
}

impl MetricsBuilder {
    pub(super) fn new(workload: Workload) -> MetricsBuilder {
        MetricsBuilder {
            workload,
            naming: Naming::default(),
            own_labels: OwnLabels::default(),
            buckets: None,
            max_series: MAX_SERIES,
            expiry: None,
            namespaces: Vec::new(),
            services: Vec::new(),
            #[cfg(feature = "batch")]
            reporters: Default::default(),
            reads_baggage: false,
            sends_to_all_hosts: false,
            own_services: Vec::new(),
            learned_services: 0,
            #[cfg(feature = "metrics-config")]
            shape: None,
        }
    }

    /// Sets the names of the metrics. Default: [`Naming::Istio`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_b3::{Direction, metrics::{Measurement, Metrics, Naming, Workload}};
    ///
    /// let metrics = Metrics::builder(Workload::new("webapp")).naming(Naming::Red).build();
    /// let mut request = Measurement::new(200, Duration::from_millis(3));
    /// (request.method, request.route) = ("GET", "/items/{id}");
    /// metrics.record(Direction::Server, &request);
    ///
    /// let expected = r#"http_server_requests_total{method="GET",route="/items/{id}",status="200"} 1"#;
    /// assert!(metrics.text().contains(expected));
    ///
    /// let metrics = Metrics::builder(Workload::new("webapp")).naming(Naming::OpenTelemetry).build();
    /// metrics.record(Direction::Server, &request);
    /// assert!(metrics.text().contains(
    ///     "http_server_request_duration_seconds_bucket{http_request_method=\"GET\",\
    ///      http_route=\"/items/{id}\",http_response_status_code=\"200\",error_type=\"\",\
    ///      url_scheme=\"http\",le=\"0.005\"} 1"
    /// ));
    /// ```
    #[must_use]
    pub fn naming(mut self, naming: Naming) -> MetricsBuilder {
        self.naming = naming;
        self
    }

    /// Adds a label with a value from the request, to all metrics but the counters of gRPC messages.
    /// `None` becomes `unknown`.
    ///
    /// Each value makes its own series, so return one of a few. Values are cut after 200 bytes.
    ///
    /// A label with the name of one of Istio's, such as `response_code`, replaces it in its place, which
    /// dashboards may not expect. Names that are invalid in Prometheus, `le`, and names that start with `__`
    /// are left out, with a warning. The same applies to the other labels that code adds.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_b3::{Direction, RequestHead, metrics::{Measurement, Metrics, Workload}};
    ///
    /// let metrics = Metrics::builder(Workload::new("webapp"))
    ///     .request_label("tier", |request| match request.headers().get("x-tier")?.to_str() {
    ///         Ok("gold") => Some("gold".to_owned()),
    ///         _ => Some("other".to_owned()),
    ///     })
    ///     .build();
    /// let request = http::Request::get("/").header("x-tier", "gold").body(())?;
    /// let mut measured = Measurement::new(200, Duration::from_millis(3));
    /// measured.request_labels = metrics.request_labels(&RequestHead::of(&request));
    /// metrics.record(Direction::Server, &measured);
    /// assert!(metrics.text().contains("tier=\"gold\"} 1\n"));
    /// # Ok::<(), http::Error>(())
    /// ```
    #[must_use]
    pub fn request_label(
        mut self,
        name: impl Into<String>,
        value: impl Fn(&RequestHead<'_>) -> Option<String> + Send + Sync + 'static,
    ) -> MetricsBuilder {
        self.own_labels.add_request(name.into(), value);
        self
    }

    /// Adds a label with a value from the head of the response. `None`, also if there is no response,
    /// becomes `unknown`.
    ///
    /// ```
    /// use tower_b3::metrics::{Metrics, Workload};
    ///
    /// let metrics = Metrics::builder(Workload::new("webapp"))
    ///     .response_label("cache", |_status, headers| {
    ///         Some(if headers.contains_key("x-cache-hit") { "hit" } else { "miss" }.to_owned())
    ///     })
    ///     .build();
    /// # let _ = metrics;
    /// ```
    #[must_use]
    pub fn response_label(
        mut self,
        name: impl Into<String>,
        value: impl Fn(StatusCode, &HeaderMap) -> Option<String> + Send + Sync + 'static,
    ) -> MetricsBuilder {
        self.own_labels.add_response(name.into(), value);
        self
    }

    /// Adds a label that always has this value, cut after 200 bytes.
    #[must_use]
    pub fn constant_label(
        mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> MetricsBuilder {
        self.own_labels.add_constant(name.into(), value.into());
        self
    }

    /// Sets the buckets of histograms. Default: Envoy's.
    ///
    /// ```
    /// use tower_b3::metrics::{Buckets, Metrics, Workload};
    ///
    /// let buckets = Buckets::default()
    ///     .metric("istio_request_duration_milliseconds", [5.0, 50.0, 500.0, 5_000.0])?;
    /// let metrics = Metrics::builder(Workload::new("webapp")).buckets(buckets).build();
    /// # let _ = metrics;
    /// # Ok::<(), tower_b3::metrics::BucketsError>(())
    /// ```
    #[must_use]
    pub fn buckets(mut self, buckets: Buckets) -> MetricsBuilder {
        self.buckets = Some(buckets);
        self
    }

    /// Limits the series of requests in each direction, and those of gRPC messages. Default: 2,000. What
    /// exceeds the limit is counted in one more series with `unknown` labels, and in
    /// `tower_b3_metrics_overflows_total`. Peers, services of other namespaces, and hosts outside of the
    /// mesh are each limited to a quarter of this: see [Bounds](crate::metrics#bounds).
    ///
    /// ```
    /// use tower_b3::metrics::{Metrics, Workload};
    ///
    /// let metrics = Metrics::builder(Workload::new("webapp")).max_series(500).build();
    /// # let _ = metrics;
    /// ```
    #[must_use]
    pub fn max_series(mut self, most: usize) -> MetricsBuilder {
        self.max_series = most.max(1);
        self
    }

    /// Removes a series that was not used for a whole interval: Istio's
    /// `sidecar.istio.io/statsEvictionInterval`. If it is used again, it starts at zero. Default: series
    /// do not expire.
    ///
    /// Peers, hosts and values of labels that no series has any more free their capacity too: see
    /// [Bounds](crate::metrics#bounds).
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_b3::metrics::{Metrics, Workload};
    ///
    /// let hour = Duration::from_secs(3600);
    /// let metrics = Metrics::builder(Workload::new("webapp")).expire_after(hour).build();
    /// # let _ = metrics;
    /// ```
    #[must_use]
    pub fn expire_after(mut self, interval: Duration) -> MetricsBuilder {
        self.expiry = Some(Some(interval).filter(|interval| !interval.is_zero()));
        self
    }

    /// Adds namespaces of the mesh. A host such as `forum.shop` is a service if `shop` is one of them;
    /// otherwise only if the metadata of the peer has that namespace.
    #[must_use]
    pub fn namespaces<N: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = N>,
    ) -> MetricsBuilder {
        self.namespaces.extend(names.into_iter().map(Into::into));
        self
    }

    /// Maps a host, or a host and port, to a service. A host without a port covers all of its ports that
    /// are not mapped themselves. Upper case, the trailing dot and the notation of an address do not matter.
    ///
    /// ```
    /// use tower_b3::metrics::{Metrics, Service, Workload};
    ///
    /// let metrics = Metrics::builder(Workload::new("webapp").namespace("shop"))
    ///     .service_of("10.1.2.3:8080", "catalog.shop.svc.cluster.local")
    ///     .build();
    /// # let _ = metrics;
    /// ```
    #[must_use]
    pub fn service_of(
        mut self,
        authority: impl Into<String>,
        service: impl Into<Service>,
    ) -> MetricsBuilder {
        self.services.push((authority.into(), service.into()));
        self
    }

    /// Adds services of the own namespace that route to this server, beside the
    /// [own service](Workload::service).
    ///
    /// A request whose header `host` names one of them is counted for it, as its client does. Other
    /// requests are counted for the own service. A sidecar has one service for each port instead.
    ///
    /// ```
    /// use tower_b3::metrics::{Metrics, Workload};
    ///
    /// let metrics = Metrics::builder(Workload::new("catalog").namespace("shop"))
    ///     .own_services(["catalog-svc", "catalog-canary"])
    ///     .build();
    /// # let _ = metrics;
    /// ```
    #[must_use]
    pub fn own_services<N: Into<String>>(
        mut self,
        hosts: impl IntoIterator<Item = N>,
    ) -> MetricsBuilder {
        self.own_services.extend(hosts.into_iter().map(Into::into));
        self
    }

    /// Learns at most this many [`own_services`](Self::own_services) from the hosts of requests, in the
    /// order in which they come. Default: none.
    ///
    /// A server does not know its Service if that has another name than the canonical service, and Kiali
    /// counts a request twice if its two reports name different services. But a caller can choose the
    /// host: so only services of the own namespace are learned, from peers that the server layer
    /// [trusts](crate::Trust), up to this limit. They are never removed. Istio's sidecars get them from the
    /// control plane instead. If you know the names, list them.
    ///
    /// ```
    /// use tower_b3::metrics::{Metrics, Workload};
    ///
    /// let metrics = Metrics::builder(Workload::new("catalog").namespace("shop"))
    ///     .learn_own_services(2)
    ///     .build();
    /// # let _ = metrics;
    /// ```
    #[must_use]
    pub fn learn_own_services(mut self, most: usize) -> MetricsBuilder {
        self.learned_services = most;
        self
    }

    /// Reads the caller's metadata from the header `baggage`, as [`PeerMetadata::from_baggage`] does, if a
    /// trusted caller sends no `x-envoy-peer-metadata`. Default: `false`.
    ///
    /// Istio's sidecars do not read it. In Istio's ambient mode, ztunnel and waypoints read it from each
    /// other, where no application can write it; on plain HTTP, the application may forward `baggage` of
    /// its own callers. Set this if your callers send their metadata in this way. The header is never
    /// removed, and never written.
    ///
    /// ```
    /// use tower_b3::metrics::{Metrics, Workload};
    ///
    /// let metrics = Metrics::builder(Workload::new("catalog")).read_baggage(true).build();
    /// # let _ = metrics;
    /// ```
    ///
    /// [`PeerMetadata::from_baggage`]: super::PeerMetadata::from_baggage
    #[must_use]
    pub fn read_baggage(mut self, reads: bool) -> MetricsBuilder {
        self.reads_baggage = reads;
        self
    }

    /// Builds the metrics.
    pub fn build(mut self) -> Metrics {
        self.workload.set_default_node_id();
        let most = self.max_series;
        // So that neither invented peers nor invented hosts can use all series.
        let quarter = (most / 4).max(1);
        let destinations = self.destinations(most, quarter);
        #[cfg(feature = "metrics-config")]
        let set_in_code = SetInCode {
            buckets: self.buckets.is_some(),
            expiry: self.expiry.is_some(),
        };
        let named = self.named_buckets();
        let settings = StoreSettings {
            buckets: self.buckets.unwrap_or_default(),
            max_series: most,
            expiry: self.expiry.flatten(),
        };
        let store = |direction| {
            let generation = self.naming.generation(direction, &self.own_labels.all);
            Store::new(generation, settings.clone())
        };
        let metrics = Metrics {
            inner: Arc::new(Inner {
                stores: PerDirection {
                    server: store(Direction::Server),
                    client: store(Direction::Client),
                },
                peers: Peers::new(quarter, self.reads_baggage),
                destinations,
                principals: Interner::new(most),
                operations: Interner::new(most),
                request_values: Interner::new(most),
                response_values: Interner::new(most),
                headers: OwnHeaders::new(&self.workload),
                label_overflows: AtomicU64::new(0),
                #[cfg(feature = "batch")]
                reporters: self.reporters,
                scrapes: Scrapes::default(),
                numbers_checked: Mutex::new(Instant::now()),
                open_streams: OpenStreams::new(),
                sends_to_all_hosts: self.sends_to_all_hosts,
                naming: self.naming,
                has_service_name: self.workload.has_service_name(),
                #[cfg(feature = "metrics-config")]
                set_in_code,
                #[cfg(feature = "metrics-config")]
                refused_shape: std::sync::atomic::AtomicBool::new(false),
                own_labels: self.own_labels,
                workload: self.workload,
            }),
        };
        #[cfg(feature = "metrics-config")]
        if let Some(shape) = self.shape {
            metrics.shape_at_start(&shape);
        }
        metrics.warn_of_unused_buckets(&named);
        metrics
    }

    /// The metrics whose buckets are set.
    fn named_buckets(&self) -> Vec<String> {
        let names = self.buckets.iter().flat_map(Buckets::metrics);
        names.map(str::to_owned).collect()
    }

    fn destinations(&mut self, max_services: usize, max_hosts: usize) -> DestinationNumbers {
        let mut rules = self.workload.destinations();
        for namespace in self.namespaces.drain(..) {
            rules.add_namespace(namespace);
        }
        for (authority, service) in self.services.drain(..) {
            rules.add_service(&authority, service);
        }
        let own = OwnServices::new(
            self.workload.own_service(),
            &rules,
            &self.own_services,
            self.learned_services,
        );
        rules.use_host_and_port = self.naming == Naming::OpenTelemetry;
        DestinationNumbers::new(rules, own, max_services, max_hosts)
    }
}

impl fmt::Debug for MetricsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsBuilder")
            .field("workload", &self.workload)
            .field("naming", &self.naming)
            .field("buckets", &self.buckets)
            .field("max_series", &self.max_series)
            .field("expire_after", &self.expiry)
            .finish_non_exhaustive()
    }
}
