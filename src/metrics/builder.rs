//! `MetricsBuilder`.

#[cfg(feature = "metrics-config")]
use super::handle::SetInCode;
use super::{
    destination::{Destinations, Service},
    destination_numbers::DestinationNumbers,
    exposition::Scrapes,
    handle::{Inner, Metrics},
    intern::Interner,
    naming::Naming,
    own_labels::OwnLabels,
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
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

/// How many series there may be in each direction.
const MAX_SERIES: usize = 2_000;

/// Builds [`Metrics`].
pub struct MetricsBuilder {
    workload: Workload,
    naming: Naming,
    own_labels: OwnLabels,
    buckets: Option<Buckets>,
    max_series: usize,
    /// `Some(None)`: series stay.
    expiry: Option<Option<Duration>>,
    namespaces: Vec<String>,
    services: Vec<(String, Service)>,
    #[cfg(feature = "batch")]
    reporters: super::exposition::Reporters,
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
            #[cfg(feature = "metrics-config")]
            shape: None,
        }
    }

    /// Sets what the metrics are called. Default: [`Naming::Istio`].
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
    ///      http_route=\"/items/{id}\",http_response_status_code=\"200\",error_type=\"\",le=\"0.005\"} 1"
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
    /// Each value makes series of its own: return one of a few. More than 200 bytes are cut off.
    ///
    /// A label with the name of one of Istio's, such as `response_code`, replaces it in its place, which
    /// dashboards may not expect. A name that is none for Prometheus, `le`, and names that start with `__`
    /// are left out, with a warning. So it is with the other labels that code adds.
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

    /// Adds a label that always has this value. More than 200 bytes are cut off.
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

    /// Sets how many combinations of labels there may be in each direction. Default: 2,000. What comes
    /// later is counted in a series with `unknown` labels, and in `tower_b3_metrics_overflows_total`.
    /// A quarter of this number is how many peers, and how many hosts outside of the mesh, have labels
    /// of their own.
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
    /// stay.
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

    /// Names namespaces of the mesh. A host such as `forum.shop` is a service if `shop` is one of them;
    /// otherwise only if the peer says that it is in that namespace.
    #[must_use]
    pub fn namespaces<N: Into<String>>(
        mut self,
        names: impl IntoIterator<Item = N>,
    ) -> MetricsBuilder {
        self.namespaces.extend(names.into_iter().map(Into::into));
        self
    }

    /// Says which service a host, or host and port, stands for. A host without a port stands for all of
    /// its ports that are not named. Upper case, the dot of the root and the notation of an address do not
    /// matter.
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

    /// Shows the counts of a reporter as `tower_b3_reporter_…`. The reporter that a tracer is
    /// [started](crate::TracerBuilder::start) with is shown without this: call it for a reporter that you
    /// give to [`TracerBuilder::reporter`](crate::TracerBuilder::reporter). It replaces what is shown
    /// without it.
    ///
    /// Of several reporters, each has a label `reporter`: the name that
    /// [`named_reporter_stats`](Self::named_reporter_stats) gives it, or else its number in the order in which
    /// they were added, from 1 on. If the function panics, the reporter is left out.
    ///
    /// ```
    /// # #[cfg(feature = "zipkin")] {
    /// use tower_b3::{metrics::{Metrics, Workload}, zipkin::ZipkinReporter};
    ///
    /// let reporter = ZipkinReporter::builder("http://zipkin:9411/api/v2/spans").build()?;
    /// let stats = reporter.clone();
    /// let metrics = Metrics::builder(Workload::new("webapp"))
    ///     .reporter_stats(move || stats.stats())
    ///     .build();
    /// # let _ = metrics;
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[cfg(feature = "batch")]
    #[cfg_attr(docsrs, doc(cfg(feature = "batch")))]
    #[must_use]
    pub fn reporter_stats(
        mut self,
        stats: impl Fn() -> crate::report::Stats + Send + Sync + 'static,
    ) -> MetricsBuilder {
        self.reporters.add(None, stats);
        self
    }

    /// Shows the counts of a reporter, as [`reporter_stats`](Self::reporter_stats) does, with the label
    /// `reporter`. The counts of reporters with the same name are added.
    ///
    /// ```
    /// use tower_b3::{metrics::{Metrics, Workload}, report::Stats};
    ///
    /// let metrics = Metrics::builder(Workload::new("webapp"))
    ///     .named_reporter_stats("zipkin", Stats::default)
    ///     .named_reporter_stats("otlp", Stats::default)
    ///     .build();
    /// assert!(metrics.text().contains("tower_b3_reporter_sent_total{reporter=\"otlp\"} 0\n"));
    /// ```
    #[cfg(feature = "batch")]
    #[cfg_attr(docsrs, doc(cfg(feature = "batch")))]
    #[must_use]
    pub fn named_reporter_stats(
        mut self,
        name: impl Into<String>,
        stats: impl Fn() -> crate::report::Stats + Send + Sync + 'static,
    ) -> MetricsBuilder {
        self.reporters.add(Some(name.into()), stats);
        self
    }

    /// Builds the metrics.
    pub fn build(mut self) -> Metrics {
        let rules = self.take_destinations();
        let most = self.max_series;
        #[cfg(feature = "metrics-config")]
        let set_in_code = SetInCode {
            buckets: self.buckets.is_some(),
            expiry: self.expiry.is_some(),
        };
        let named: Vec<String> = self
            .buckets
            .iter()
            .flat_map(Buckets::metrics)
            .map(str::to_owned)
            .collect();
        let settings = StoreSettings {
            buckets: self.buckets.unwrap_or_default(),
            max_series: most,
            expiry: self.expiry.flatten(),
        };
        // So that neither peers nor hosts that somebody invents can take all of them.
        let quarter = (most / 4).max(1);
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
                peers: Peers::new(quarter),
                destinations: DestinationNumbers::new(rules, most, quarter),
                principals: Interner::new(most),
                operations: Interner::new(most),
                request_values: Interner::new(most),
                response_values: Interner::new(most),
                headers: OwnHeaders::new(&self.workload),
                label_overflows: AtomicU64::new(0),
                #[cfg(feature = "batch")]
                reporters: self.reporters,
                scrapes: Scrapes::default(),
                naming: self.naming,
                knows_service: self.workload.knows_service(),
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

    fn take_destinations(&mut self) -> Destinations {
        let mut rules = self.workload.destinations();
        rules.are_hosts = self.naming == Naming::OpenTelemetry;
        for namespace in self.namespaces.drain(..) {
            rules.add_namespace(namespace);
        }
        for (authority, service) in self.services.drain(..) {
            rules.add_service(&authority, service);
        }
        rules
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
