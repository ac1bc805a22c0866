//! `Metrics`: counts exchanges of both layers.

use super::{
    builder::MetricsBuilder,
    destination_numbers::{DestinationNumber, DestinationNumbers},
    exemplar::Exemplar,
    intern::Interner,
    measurement::{Measurement, RequestLabels, ResponseLabels},
    naming::Naming,
    open_streams::OpenStreams,
    own_labels::{MAX_VALUE, OwnLabels},
    peer::{OwnHeaders, PeerMetadata, PeerNumber, Peers},
    plan::MetricKind,
    principals::{Principals, PrincipalsNumber},
    scratch_text::with_scratch_text,
    store::{Count, Counts, Generation, Key, Parts, State, Store},
    workload::Workload,
};
use crate::{
    direction::{Direction, PerDirection},
    head::RequestHead,
    printable::quoted,
    text::cut,
};
use http::{HeaderMap, StatusCode};
use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Instant, SystemTime},
};

/// The metrics of a service: counts the exchanges of both layers, and exposes the counts to Prometheus.
///
/// ```
/// use tower_b3::metrics::{Metrics, Workload};
///
/// let workload = Workload::new("webapp").namespace("shop").label("app", "webapp");
/// let metrics = Metrics::builder(workload).build();
///
/// // The text that Prometheus scrapes.
/// let text = metrics.text();
/// assert!(text.contains("istio_build{component=\"proxy\",tag=\"unknown\"} 1\n"));
/// ```
///
/// A clone is another handle on the same metrics.
#[derive(Clone)]
pub struct Metrics {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) workload: Workload,
    pub(super) stores: PerDirection<Store>,
    pub(super) peers: Peers,
    pub(super) destinations: DestinationNumbers,
    pub(super) principals: Interner<Arc<Principals>>,
    /// Methods and routes, with a line break between the two.
    pub(super) operations: Interner<Arc<str>>,
    pub(super) own_labels: OwnLabels,
    pub(super) request_values: Interner<Arc<[String]>>,
    pub(super) response_values: Interner<Arc<[String]>>,
    pub(super) headers: OwnHeaders,
    pub(super) label_overflows: AtomicU64,
    /// When unused numbers were last searched for.
    pub(super) numbers_checked: Mutex<Instant>,
    #[cfg(feature = "batch")]
    pub(super) reporters: super::exposition::Reporters,
    pub(super) scrapes: super::exposition::Scrapes,
    pub(super) open_streams: OpenStreams,
    /// Whether a client sends its metadata to all hosts.
    pub(super) sends_to_all_hosts: bool,
    pub(super) naming: Naming,
    /// Whether the own service is known without the host of a request.
    pub(super) has_service_name: bool,
    #[cfg(feature = "metrics-config")]
    pub(super) set_in_code: SetInCode,
    /// Whether a shape without effect was logged.
    #[cfg(feature = "metrics-config")]
    pub(super) refused_shape: std::sync::atomic::AtomicBool,
}

/// Which settings are set in code, and override those of a configuration.
#[cfg(feature = "metrics-config")]
#[derive(Debug, Clone, Copy)]
pub(super) struct SetInCode {
    pub(super) buckets: bool,
    pub(super) expiry: bool,
}

impl Metrics {
    /// Metrics of this workload.
    pub fn builder(workload: Workload) -> MetricsBuilder {
        MetricsBuilder::new(workload)
    }

    /// Logs a warning for each of these names that no histogram has.
    pub(super) fn warn_of_unused_buckets(&self, named: &[String]) {
        let has = |name: &String| {
            Direction::BOTH.into_iter().any(|direction| {
                let state = self.inner.stores.of(direction).state();
                let mut metrics = state.generation.metrics.iter();
                metrics.any(|metric| metric.name == *name && metric.kind == MetricKind::Histogram)
            })
        };
        for name in named.iter().filter(|name| !has(name)) {
            let name = quoted(name);
            tracing::warn!(
                "metrics: buckets are set for {name}, but there is no histogram of this name, unless a \
                 configuration defines it later"
            );
        }
    }

    /// Whether this is a handle on the same metrics.
    pub(crate) fn is(&self, other: &Metrics) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Counts an exchange. The layers call this; call it for requests that pass no layer.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_b3::{Direction, metrics::{Measurement, Metrics, Workload}};
    ///
    /// let metrics = Metrics::builder(Workload::new("webapp").namespace("shop")).build();
    /// let mut call = Measurement::new(200, Duration::from_millis(12));
    /// call.destination = metrics.destination("catalog:8080");
    /// metrics.record(Direction::Client, &call);
    /// assert!(metrics.text().contains("destination_service=\"catalog.shop.svc.cluster.local\""));
    /// ```
    pub fn record(&self, direction: Direction, measured: &Measurement<'_>) {
        self.record_measured(direction, *measured);
    }

    /// [`record`](Self::record), inlined. A reference that is passed to a function that is not inlined would
    /// force the measurement into memory on every path, so the rare paths pass a copy.
    #[inline(always)]
    pub(super) fn record_measured(&self, direction: Direction, measured: Measurement<'_>) {
        let store = self.inner.stores.of(direction);
        // Repeated if the configuration changes in between.
        while !self.try_record(store, direction, &measured) {}
        if measured.request_messages > 0 || measured.response_messages > 0 {
            let copy = measured;
            self.record_messages(direction, &copy);
        }
    }

    /// Counts gRPC messages of an open exchange.
    pub fn record_messages(&self, direction: Direction, measured: &Measurement<'_>) {
        let store = self.inner.stores.of(direction);
        loop {
            let state = store.state();
            let values = values(&state.generation, measured);
            let key = self.key(&state, direction, measured, &values);
            let key = state.generation.messages.apply(key);
            let count = Count::Messages {
                request: measured.request_messages,
                response: measured.response_messages,
                at: measured.ended,
            };
            if store.count(&state, key, &count) {
                return;
            }
        }
    }

    #[inline(always)]
    fn try_record(&self, store: &Store, direction: Direction, measured: &Measurement<'_>) -> bool {
        let state: &State = &store.state();
        let values = match state.generation.value_count {
            0 => Vec::new(),
            _ => {
                let copy = *measured;
                values(&state.generation, &copy)
            }
        };
        let key = self.key(state, direction, measured, &values);
        let key = state.generation.requests.apply(key);
        let exemplar = measured.sampled.map(|(trace_id, span_id)| Exemplar {
            trace_id,
            span_id,
            value: 1.0,
            time: SystemTime::now(),
        });
        let (request_bytes, response_bytes) = match self.inner.naming {
            Naming::OpenTelemetry => (measured.request_body_bytes, measured.response_body_bytes),
            _ => (measured.request_bytes, measured.response_bytes),
        };
        let counts = Counts {
            duration: measured.duration,
            request_bytes,
            response_bytes,
            values: &values,
            exemplar,
            at: measured.ended,
        };
        store.count(state, key, &Count::Exchange(counts))
    }

    #[inline(always)]
    fn key(
        &self,
        state: &State,
        direction: Direction,
        measured: &Measurement<'_>,
        values: &[String],
    ) -> Key {
        let generation = &state.generation;
        let destination = match (direction, measured.destination) {
            (Direction::Client, DestinationNumber(0)) => DestinationNumber::UNKNOWN,
            (_, destination) => destination,
        };
        let mut key = Key {
            peer: measured.peer.labels,
            destination: destination.0,
            principals: measured.principals.0,
            values: 0,
            request_labels: measured.request_labels.0,
            response_labels: measured.response_labels.0,
            operation: 0,
            flags: measured.flags,
            code: measured.reported_code(),
            grpc_status: measured.reported_grpc_status(),
            grpc: measured.grpc,
            url_scheme: measured.url_scheme.number(),
            overflow: false,
            hidden: Parts::default(),
        };
        if generation.has_operation {
            key.operation = self.operation(measured.method, measured.route);
        }
        if !generation.label_values.is_empty() {
            match state.intern_values(generation.labels_of(values)) {
                Some(number) => key.values = number,
                None => return Key::OVERFLOW,
            }
        }
        key
    }

    /// The key number of method and route, without an allocation if it exists.
    #[inline(never)]
    fn operation(&self, method: &str, route: &str) -> u32 {
        let operations = &self.inner.operations;
        let number = with_scratch_text(|text| {
            text.push_str(reported_method(method));
            text.push('\n');
            text.push_str(cut(route, MAX_VALUE));
            let number = operations.find(text.as_str());
            number.or_else(|| operations.number(&Arc::from(text.as_str())))
        });
        self.key_number(number)
    }

    /// An interned number as keys have it: 0 is unknown or an overflow, which is counted.
    fn key_number(&self, number: Option<u32>) -> u32 {
        match number {
            Some(number) => number + 1,
            None => {
                self.inner.label_overflows.fetch_add(1, Relaxed);
                0
            }
        }
    }

    /// The service of an authority or a `host` header.
    pub fn destination(&self, authority: &str) -> DestinationNumber {
        self.inner.destinations.number(authority)
    }

    /// The principals of a connection with mutual TLS, by the URI names of both certificates.
    pub fn principals(&self, own: Option<&str>, peer: Option<&str>) -> PrincipalsNumber {
        let bounded = |name: &str| name.len() <= super::destination::MAX_NAME;
        let owned = |name: Option<&str>| name.filter(|name| bounded(name)).map(str::to_owned);
        let principals = Principals {
            own: owned(own),
            peer: owned(peer),
        };
        if principals == Principals::default() {
            return PrincipalsNumber::default();
        }
        PrincipalsNumber(self.key_number(self.inner.principals.number(&Arc::new(principals))))
    }

    /// The values of own labels from a request.
    pub fn request_labels(&self, head: &RequestHead<'_>) -> RequestLabels {
        let labels = &self.inner.own_labels;
        if !labels.has_request() {
            return RequestLabels::default();
        }
        let values = labels.of_request(head);
        RequestLabels(self.key_number(self.inner.request_values.number(&values)))
    }

    /// The values of own labels from a response.
    pub fn response_labels(&self, status: StatusCode, headers: &HeaderMap) -> ResponseLabels {
        let labels = &self.inner.own_labels;
        if !labels.has_response() {
            return ResponseLabels::default();
        }
        let values = labels.of_response(status, headers);
        ResponseLabels(self.key_number(self.inner.response_values.number(&values)))
    }

    /// The peer with this metadata, for [`record`](Self::record). The layers read it from headers.
    ///
    /// ```
    /// use std::time::Duration;
    /// use tower_b3::{Direction, metrics::{Measurement, Metrics, PeerMetadata, Workload}};
    ///
    /// let metrics = Metrics::builder(Workload::new("catalog").namespace("shop")).build();
    /// let mut caller = PeerMetadata::default();
    /// caller.workload = "webapp".to_owned();
    /// let mut request = Measurement::new(200, Duration::from_millis(12));
    /// request.peer = metrics.peer(&caller);
    /// metrics.record(Direction::Server, &request);
    /// assert!(metrics.text().contains("source_workload=\"webapp\""));
    /// ```
    pub fn peer(&self, metadata: &PeerMetadata) -> PeerNumber {
        self.inner.peers.of_metadata(metadata)
    }
}

/// The computed values of a measurement.
#[inline(never)]
fn values(generation: &Generation, measured: &Measurement<'_>) -> Vec<String> {
    let mut values = Vec::new();
    #[cfg(not(feature = "metrics-config"))]
    let _ = measured;
    if generation.value_count > 0 {
        #[cfg(feature = "metrics-config")]
        if let Some(attributes) = measured.attributes {
            generation.values.compute(attributes, &mut values);
        }
        let unknown = || super::destination::UNKNOWN.to_owned();
        values.resize_with(generation.value_count, unknown);
    }
    values
}

/// The method as it is reported. Callers can invent methods, so non-standard ones are `_OTHER`, as in
/// OpenTelemetry.
fn reported_method(method: &str) -> &str {
    match method {
        "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "CONNECT" | "OPTIONS" | "TRACE" | "PATCH"
        | "" => method,
        _ => "_OTHER",
    }
}

/// User code is called so that a panic leaves everything as it was.
impl std::panic::RefUnwindSafe for Metrics {}
impl std::panic::UnwindSafe for Metrics {}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics")
            .field("workload", &self.inner.workload)
            .finish_non_exhaustive()
    }
}
