//! [`Metrics`] as an observer of the layers.

#[cfg(feature = "metrics-config")]
use super::{captured::Captured, open_attributes::OpenRequest};
use super::{
    destination_numbers::DestinationNumber,
    handle::Metrics,
    measurement::{Measurement, RequestLabels, ResponseLabels},
    message_reports::MessageReports,
    naming::Naming,
    peer::{PeerNumber, RequestedHeaders, remove_metadata},
    request_host::{host_of, host_of_uri, write_server},
    scratch_text::with_scratch_text,
    store::INVALID_STATUS,
    url_scheme::UrlScheme,
    wire_size::HeadSize,
};
use crate::{
    direction::{Direction, PerDirection},
    head::RequestHead,
    observe::{
        AnyObserver, AnyState, EndedExchange, HeaderScan, MessageSink, OpenExchange, ResponseHead,
    },
    tags::GrpcCode,
};
use http::{HeaderMap, Method};
use std::{sync::Arc, time::Instant};

/// The state of an exchange that metrics keep until its end.
#[derive(Debug, Clone, Default)]
struct ObservedExchange {
    peer: PeerNumber,
    /// Which headers a server's response sends to its client.
    requested_headers: RequestedHeaders,
    /// Whether metadata is exchanged with the peer: it is trusted and, for a client, may be a service of the mesh.
    exchanges_metadata: bool,
    destination: DestinationNumber,
    request_labels: RequestLabels,
    response_labels: ResponseLabels,
    url_scheme: UrlScheme,
    /// As a proxy beside the service would count it.
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
    /// Whether these are the last metrics of the tracer, which write and remove the metadata. Those before only
    /// read it.
    is_last: PerDirection<bool>,
}

impl AnyObserver for CountingObserver {
    fn new_state(&self) -> AnyState {
        Box::new(ObservedExchange::default())
    }

    fn accepts_state(&self, state: &AnyState) -> bool {
        state.is::<ObservedExchange>()
    }

    fn wants_header_scan(&self, direction: Direction) -> bool {
        *self.counted.of(direction)
    }

    fn read_request(
        &self,
        state: &mut AnyState,
        direction: Direction,
        request: &RequestHead<'_>,
        headers: &HeaderScan,
        peer_trusted: bool,
    ) -> bool {
        let Some(state) = state.downcast_mut::<ObservedExchange>() else {
            return false;
        };
        if !self.counted.of(direction) {
            return false;
        }
        state.direction = Some(direction);
        let is_last = *self.is_last.of(direction);
        match direction {
            Direction::Server => {
                state.exchanges_metadata = peer_trusted;
                self.metrics
                    .read_server_request(state, request, headers, is_last)
            }
            Direction::Client => {
                self.metrics
                    .read_client_request(state, request, headers, peer_trusted);
                is_last && (state.exchanges_metadata || headers.peer_metadata > 0)
            }
        }
    }

    fn change_request(&self, state: &mut AnyState, direction: Direction, headers: &mut HeaderMap) {
        let is_last = *self.is_last.of(direction);
        let Some(state) = counted(state).filter(|_| is_last) else {
            return;
        };
        let inner = &self.metrics.inner;
        match (direction, state.exchanges_metadata) {
            (Direction::Client, true) => inner.headers.write_to_request(headers),
            (Direction::Server, true) => {
                (state.peer, state.requested_headers) = inner.peers.take_from_request(headers);
            }
            (_, false) => remove_metadata(headers),
        }
    }

    fn change_response(&self, state: &mut AnyState, headers: &mut HeaderMap) {
        let Some(state) = counted(state) else {
            return;
        };
        let inner = &self.metrics.inner;
        let Some(direction) = state.direction else {
            return;
        };
        let is_last = *self.is_last.of(direction);
        let mut scan = HeaderScan::of(headers);
        match direction {
            Direction::Server => {
                let requested = state.requested_headers;
                scan.bytes += match is_last {
                    true => inner.headers.write_to_response(headers, requested),
                    false if requested == RequestedHeaders::default() => 0,
                    // The last metrics will write the same headers.
                    false => {
                        let mut copy = headers.clone();
                        inner.headers.write_to_response(&mut copy, requested)
                    }
                };
            }
            Direction::Client if scan.peer_metadata > 0 => {
                scan = scan.without_peer_metadata();
                match (state.exchanges_metadata, is_last) {
                    (true, true) => state.peer = inner.peers.take_from_response(headers),
                    (true, false) => state.peer = inner.peers.of_response(headers),
                    (false, true) => remove_metadata(headers),
                    (false, false) => {}
                }
            }
            Direction::Client => {}
        }
        if let Some(messages) = &state.messages {
            messages.set_peer(state.peer);
        }
        state.response_headers = scan;
    }

    fn request(&self, state: &mut AnyState, direction: Direction, request: &RequestHead<'_>) {
        if !self.metrics.reads_heads(direction) {
            return;
        }
        if let Some(state) = counted(state) {
            state.request_labels = self.metrics.request_labels(request);
            #[cfg(feature = "metrics-config")]
            {
                state.captured = self.metrics.captured(direction, request);
            }
            #[cfg(not(feature = "metrics-config"))]
            let _ = direction;
        }
    }

    fn response(&self, state: &mut AnyState, direction: Direction, response: &ResponseHead<'_>) {
        if !self.metrics.reads_heads(direction) {
            return;
        }
        if let Some(state) = counted(state) {
            self.metrics.read_response(state, response);
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
            let ended = ResetOnDrop(state);
            self.metrics.record_exchange(ended.0, exchange);
        }
    }
}

/// Resets a state for the next exchange, even if counting this one panics.
struct ResetOnDrop<'a>(&'a mut ObservedExchange);

impl Drop for ResetOnDrop<'_> {
    fn drop(&mut self) {
        *self.0 = ObservedExchange::default();
    }
}

/// The state of an exchange that is counted.
fn counted(state: &mut AnyState) -> Option<&mut ObservedExchange> {
    let state = state.downcast_mut::<ObservedExchange>();
    state.filter(|state| state.direction.is_some())
}

impl Metrics {
    /// Counts the exchanges of these directions. The last metrics of a tracer write and remove the metadata,
    /// those before only read it.
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

    /// Reads a request at a server. Returns whether the caller's metadata has to be removed from it.
    fn read_server_request(
        &self,
        state: &mut ObservedExchange,
        request: &RequestHead<'_>,
        headers: &HeaderScan,
        is_last: bool,
    ) -> bool {
        state.request = HeadSize::of_request(request, Direction::Server, headers);
        match self.inner.naming {
            Naming::Istio => self.find_own_service(state, request),
            // No label has a destination or a scheme.
            Naming::Red => {}
            Naming::OpenTelemetry => state.url_scheme = UrlScheme::of(request),
        }
        let has_metadata = headers.peer_metadata > 0;
        if state.exchanges_metadata && !(has_metadata && is_last) {
            let peers = &self.inner.peers;
            (state.peer, state.requested_headers) =
                peers.of_request(request.headers(), has_metadata);
        }
        has_metadata && is_last
    }

    /// Reads a request at a client.
    fn read_client_request(
        &self,
        state: &mut ObservedExchange,
        request: &RequestHead<'_>,
        headers: &HeaderScan,
        peer_trusted: bool,
    ) {
        // Without the metadata: a proxy would add it behind the application.
        let scan = headers.without_peer_metadata();
        state.request = HeadSize::of_request(request, Direction::Client, &scan);
        let host = match headers.host {
            true => host_of(request.uri(), request.headers()),
            false => host_of_uri(request.uri()),
        };
        state.destination = match self.inner.naming {
            Naming::Istio => self.destination(host),
            Naming::OpenTelemetry => with_scratch_text(|server| {
                write_server(request.uri(), request.headers(), server);
                self.destination(server)
            }),
            // No label has a destination.
            Naming::Red => DestinationNumber::default(),
        };
        state.exchanges_metadata = peer_trusted && self.sends_metadata_to(state.destination, host);
    }

    /// Whether labels or expressions read the heads of requests and responses.
    #[inline]
    fn reads_heads(&self, direction: Direction) -> bool {
        let own_labels = &self.inner.own_labels;
        own_labels.has_request()
            || own_labels.has_response()
            || self.inner.stores.of(direction).has_values()
    }

    fn find_own_service(&self, state: &mut ObservedExchange, request: &RequestHead<'_>) {
        let host = || host_of(request.uri(), request.headers());
        if !self.inner.has_service_name && self.uses_host_header() {
            state.destination = self.destination(host());
        } else if self.inner.destinations.finds_own_service_by_host() {
            let destinations = &self.inner.destinations;
            state.destination = destinations.own_number(host(), state.exchanges_metadata);
        }
    }

    fn read_response(&self, state: &mut ObservedExchange, response: &ResponseHead<'_>) {
        let (status, headers) = (response.status(), response.headers());
        state.response_labels = self.response_labels(status, headers);
        #[cfg(feature = "metrics-config")]
        if let (Some(captured), Some(direction)) = (&mut state.captured, state.direction) {
            self.capture_response(captured, direction, response);
        }
    }

    fn record_exchange(&self, state: &ObservedExchange, exchange: &EndedExchange<'_>) {
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
        measured.url_scheme = state.url_scheme;
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
            // The body of the handler is not sent.
            &Method::HEAD => 0,
            _ => exchange.response_bytes(),
        };
        measured.request_bytes = state
            .request
            .with_body(request_body, exchange.request_framing());
        measured.response_bytes = exchange.status().map_or(0, |status| {
            let (method, version) = (exchange.method(), exchange.version());
            let headers = &state.response_headers;
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
            // A copy, as in `record_measured`.
            let measured = measured;
            self.record_with_values(&measured, captured, exchange, messages);
            return;
        }
        self.record_measured(exchange.direction(), measured);
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
