//! [`Metrics`] as an observer of the layers.

#[cfg(feature = "metrics-config")]
use super::{captured::Captured, open_attributes::OpenRequest};
use super::{
    destination_numbers::DestinationNumber,
    handle::Metrics,
    header_scan::HeaderScan,
    measurement::{Measurement, RequestLabels, ResponseLabels},
    message_reports::MessageReports,
    naming::Naming,
    peer::{PeerNumber, RequestedHeaders, remove_metadata},
    request_host::{host_of, server_of},
    store::INVALID_STATUS,
    wire_size::HeadSize,
};
use crate::{
    direction::{Direction, PerDirection},
    head::RequestHead,
    observe::{AnyObserver, AnyState, EndedExchange, MessageSink, OpenExchange, ResponseHead},
    tags::GrpcCode,
};
use http::{HeaderMap, Method, Uri};
use std::{sync::Arc, time::Instant};

/// What metrics keep of an exchange until its end.
#[derive(Debug, Clone, Default)]
struct ObservedExchange {
    peer: PeerNumber,
    /// Which headers a server's response sends to its client.
    requested_headers: RequestedHeaders,
    /// Whether the peer is trusted. A client sends its metadata only to a trusted peer.
    reads_peer: bool,
    destination: DestinationNumber,
    request_labels: RequestLabels,
    response_labels: ResponseLabels,
    /// As a proxy beside the service would count them.
    request_headers: HeaderScan,
    request: HeadSize,
    response_headers: HeaderScan,
    response_trailers: u64,
    /// For computed values, if there are any.
    #[cfg(feature = "metrics-config")]
    captured: Option<Box<Captured>>,
    direction: Option<Direction>,
    /// Of a gRPC exchange.
    messages: Option<Arc<MessageReports>>,
}

/// Counts the exchanges of some directions.
///
/// Not an [`ExchangeObserver`](crate::observe::ExchangeObserver), because it also exchanges metadata with
/// the peer.
struct CountingObserver {
    metrics: Metrics,
    counted: PerDirection<bool>,
    /// Whether no other metrics of the tracer read the metadata after these.
    is_last: PerDirection<bool>,
}

impl CountingObserver {
    /// The headers that these metrics may change: a copy if others read them later.
    fn own_or_copied<'a>(
        &self,
        direction: Direction,
        headers: &'a mut HeaderMap,
        copy: &'a mut HeaderMap,
    ) -> &'a mut HeaderMap {
        if *self.is_last.of(direction) {
            return headers;
        }
        copy.clone_from(headers);
        copy
    }
}

impl AnyObserver for CountingObserver {
    fn new_state(&self) -> AnyState {
        Box::new(ObservedExchange::default())
    }

    fn owns(&self, state: &AnyState) -> bool {
        state.is::<ObservedExchange>()
    }

    fn exchange_in_request(
        &self,
        state: &mut AnyState,
        direction: Direction,
        uri: &Uri,
        headers: &mut HeaderMap,
        peer_trusted: bool,
    ) {
        let Some(state) = state.downcast_mut::<ObservedExchange>() else {
            return;
        };
        if !self.counted.of(direction) {
            return;
        }
        let mut copy = HeaderMap::new();
        let headers = self.own_or_copied(direction, headers, &mut copy);
        state.direction = Some(direction);
        state.reads_peer = peer_trusted;
        // A server's with the metadata, a client's without: a proxy would add it behind the application.
        let scan = HeaderScan::of(headers);
        let has_metadata = scan.peer_metadata > 0;
        state.request_headers = match direction {
            Direction::Server => scan,
            Direction::Client => scan.without_peer_metadata(),
        };
        if direction == Direction::Client {
            state.destination = self.metrics.called(uri, headers);
            let host = host_of(uri, headers);
            state.reads_peer =
                peer_trusted && self.metrics.sends_metadata_to(state.destination, host);
        }
        match direction {
            Direction::Client if state.reads_peer => {
                self.metrics.inner.headers.write_to_request(headers);
            }
            Direction::Server if peer_trusted => {
                let peers = &self.metrics.inner.peers;
                (state.peer, state.requested_headers) =
                    peers.take_from_request(headers, has_metadata);
            }
            _ if has_metadata => remove_metadata(headers),
            _ => {}
        }
    }

    fn exchange_in_response(&self, state: &mut AnyState, headers: &mut HeaderMap) {
        let Some(state) = state.downcast_mut::<ObservedExchange>() else {
            return;
        };
        let inner = &self.metrics.inner;
        let Some(direction) = state.direction else {
            return;
        };
        let mut copy = HeaderMap::new();
        let headers = self.own_or_copied(direction, headers, &mut copy);
        let mut scan = HeaderScan::of(headers);
        match direction {
            Direction::Server => {
                scan.bytes += inner
                    .headers
                    .write_to_response(headers, state.requested_headers);
            }
            Direction::Client if scan.peer_metadata > 0 => {
                scan = scan.without_peer_metadata();
                match state.reads_peer {
                    true => state.peer = inner.peers.take_from_response(headers),
                    false => remove_metadata(headers),
                }
            }
            Direction::Client => {}
        }
        state.response_headers = scan;
    }

    fn request(&self, state: &mut AnyState, direction: Direction, request: &RequestHead<'_>) {
        if let Some(state) = counted(state) {
            self.metrics.see_request(state, direction, request);
        }
    }

    fn response(&self, state: &mut AnyState, response: &ResponseHead<'_>) {
        if let Some(state) = counted(state) {
            self.metrics.see_response(state, response);
        }
    }

    fn trailers(&self, state: &mut AnyState, trailers: &HeaderMap) {
        if let Some(state) = counted(state) {
            state.response_trailers = HeaderScan::of(trailers).bytes;
            #[cfg(feature = "metrics-config")]
            if let (Some(captured), Some(direction)) = (&mut state.captured, state.direction) {
                self.metrics.capture_trailers(captured, direction, trailers);
            }
        }
    }

    fn wants_duration_to_head(&self) -> bool {
        false
    }

    fn message_sink(
        &self,
        state: &mut AnyState,
        exchange: &OpenExchange<'_>,
    ) -> Option<Arc<dyn MessageSink>> {
        let state = counted(state)?;
        let direction = state.direction?;
        let now = Instant::now();
        let reports = MessageReports::new(&self.metrics, direction, state.destination, now);
        #[cfg(not(feature = "metrics-config"))]
        let _ = exchange;
        #[cfg(feature = "metrics-config")]
        let reports = {
            let captured = state.captured.as_deref();
            reports.with_request(captured.map(|captured| OpenRequest::new(captured, exchange)))
        };
        if direction == Direction::Server {
            reports.set_peer(state.peer);
        }
        let reports = Arc::new(reports);
        self.metrics.inner.open_streams.add(&reports);
        state.messages = Some(Arc::clone(&reports));
        Some(reports)
    }

    fn ended(&self, state: &mut AnyState, exchange: &EndedExchange<'_>) {
        if let Some(state) = counted(state) {
            self.metrics.see_end(state, exchange);
        }
    }

    fn reset(&self, state: &mut AnyState) {
        if let Some(state) = state.downcast_mut::<ObservedExchange>() {
            *state = ObservedExchange::default();
        }
    }
}

/// The state of an exchange that is counted.
fn counted(state: &mut AnyState) -> Option<&mut ObservedExchange> {
    let state = state.downcast_mut::<ObservedExchange>();
    state.filter(|state| state.direction.is_some())
}

impl Metrics {
    /// Counts the exchanges of these directions. The last metrics of a tracer exchange metadata with the
    /// peer. Those before only read it.
    pub(crate) fn observer(
        &self,
        counted: PerDirection<bool>,
        is_last: PerDirection<bool>,
    ) -> Arc<dyn AnyObserver> {
        Arc::new(CountingObserver {
            metrics: self.clone(),
            counted,
            is_last,
        })
    }

    fn see_request(&self, state: &mut ObservedExchange, of: Direction, request: &RequestHead<'_>) {
        // A client knows it since the metadata was written.
        if of == Direction::Server {
            self.find_own_service(state, request);
        }
        state.request_labels = self.request_labels(request);
        state.request = HeadSize::of_request(request, of, state.request_headers);
        #[cfg(feature = "metrics-config")]
        {
            state.captured = self.captured(of, request);
        }
    }

    fn find_own_service(&self, state: &mut ObservedExchange, request: &RequestHead<'_>) {
        if self.inner.naming != Naming::Istio {
            // No label shows a destination.
            return;
        }
        let host = || host_of(request.uri(), request.headers());
        if !self.inner.knows_service && self.uses_host_header() {
            state.destination = self.destination(host());
        } else if self.inner.destinations.asks_hosts() {
            let destinations = &self.inner.destinations;
            state.destination = destinations.own_number(host(), state.reads_peer);
        }
    }

    fn see_response(&self, state: &mut ObservedExchange, response: &ResponseHead<'_>) {
        let (status, headers) = (response.status(), response.headers());
        if let Some(messages) = &state.messages {
            messages.set_peer(state.peer);
        }
        state.response_labels = self.response_labels(status, headers);
        #[cfg(feature = "metrics-config")]
        if let (Some(captured), Some(direction)) = (&mut state.captured, state.direction) {
            self.capture_response(captured, direction, response);
        }
    }

    fn see_end(&self, state: &mut ObservedExchange, exchange: &EndedExchange<'_>) {
        let mut measured = Measurement::at(
            exchange.ended_at(),
            exchange.response_code(),
            exchange.duration(),
        );
        measured.peer = state.peer;
        measured.destination = state.destination;
        measured.request_labels = state.request_labels;
        measured.response_labels = state.response_labels;
        measured.method = exchange.method().as_str();
        measured.route = exchange.route().unwrap_or_default();
        measured.grpc = exchange.is_grpc();
        measured.responded = exchange.status().is_some();
        measured.grpc_status = exchange.grpc_code().map(|code| match code {
            GrpcCode::Number(status) => status,
            GrpcCode::NotANumber => INVALID_STATUS,
        });
        measured.flags = exchange.response_flags().bits();
        let request_body = exchange.request_bytes().unwrap_or(0);
        measured.request_body_bytes = request_body;
        measured.response_body_bytes = match exchange.method() {
            // A body that a handler has made is not sent.
            &Method::HEAD => 0,
            _ => exchange.response_bytes(),
        };
        measured.request_bytes = state
            .request
            .with_body(request_body, exchange.request_framing());
        measured.response_bytes = exchange.status().map_or(0, |status| {
            let (method, version) = (exchange.method(), exchange.version());
            let headers = state.response_headers;
            HeadSize::of_response(method, status, version, exchange.direction(), headers)
                .with_body(exchange.response_bytes(), exchange.response_framing())
                + state.response_trailers
        });
        if let Some(messages) = &state.messages {
            let rest = messages.end();
            measured.request_messages = rest.request;
            measured.response_messages = rest.response;
        }
        let context = exchange.context().filter(|_| exchange.is_recorded());
        measured.sampled = context.map(|context| (context.trace_id(), context.span_id()));
        #[cfg(feature = "metrics-config")]
        if let Some(captured) = &state.captured {
            let messages = state.messages.as_deref();
            self.record_with_values(&measured, captured, exchange, messages);
            return;
        }
        self.record(exchange.direction(), &measured);
    }

    /// What a client calls.
    fn called(&self, uri: &Uri, headers: &HeaderMap) -> DestinationNumber {
        match self.inner.naming {
            Naming::Istio => self.destination(host_of(uri, headers)),
            Naming::OpenTelemetry => self.destination(&server_of(uri, headers)),
            // No label shows a destination.
            Naming::Red => DestinationNumber::default(),
        }
    }

    /// Whether a client sends its metadata to this host.
    fn sends_metadata_to(&self, destination: DestinationNumber, host: &str) -> bool {
        let inner = &self.inner;
        inner.sends_to_all_hosts || inner.destinations.may_be_service(destination, host)
    }

    /// Whether a server that does not know its own service takes the name from requests.
    #[cold]
    fn uses_host_header(&self) -> bool {
        let state = self.inner.stores.server.state();
        state.generation.host_header_fallback
    }
}
