//! [`Metrics`] as an observer of the layers.

#[cfg(feature = "metrics-config")]
use super::captured::Captured;
use super::{
    destination_numbers::DestinationNumber,
    handle::Metrics,
    measurement::{Measurement, RequestLabels, ResponseLabels},
    message_reports::MessageReports,
    naming::Naming,
    peer::{Asked, PeerNumber, metadata_bytes, remove_metadata},
    wire_size::HeadSize,
};
use crate::{
    direction::{Direction, PerDirection},
    head::RequestHead,
    hosts,
    observe::{AnyObserver, AnyState, EndedExchange, MessageSink, ResponseHead},
};
use http::{HeaderMap, Method, Uri, header::HOST, uri::Scheme};
use std::{borrow::Cow, sync::Arc, time::Instant};

/// What metrics keep of an exchange until its end.
#[derive(Debug, Clone, Default)]
struct ObservedExchange {
    peer: PeerNumber,
    /// What a server's response tells its client.
    asked: Asked,
    /// Whether what a client's response says is believed.
    reads_peer: bool,
    destination: DestinationNumber,
    request_labels: RequestLabels,
    response_labels: ResponseLabels,
    /// Of the metadata in the request, on the wire.
    metadata_bytes: u64,
    request: HeadSize,
    response: HeadSize,
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
        headers: &mut HeaderMap,
        peer_trusted: bool,
    ) {
        let Some(state) = state.downcast_mut::<ObservedExchange>() else {
            return;
        };
        if !self.counted.of(direction) {
            return;
        }
        let mut copy;
        let headers = match self.is_last.of(direction) {
            true => headers,
            false => {
                copy = headers.clone();
                &mut copy
            }
        };
        state.direction = Some(direction);
        state.reads_peer = peer_trusted;
        if direction == Direction::Server {
            state.metadata_bytes = metadata_bytes(headers);
        }
        match direction {
            _ if !peer_trusted => remove_metadata(headers),
            Direction::Server => {
                (state.peer, state.asked) = self.metrics.inner.peers.take_from_request(headers);
            }
            Direction::Client => {
                self.metrics.inner.headers.write_to_request(headers);
                state.metadata_bytes = metadata_bytes(headers);
            }
        }
    }

    fn exchange_in_response(&self, state: &mut AnyState, headers: &mut HeaderMap) {
        let Some(state) = state.downcast_mut::<ObservedExchange>() else {
            return;
        };
        let inner = &self.metrics.inner;
        let mut copy;
        let headers = match state.direction.is_none_or(|of| *self.is_last.of(of)) {
            true => headers,
            false => {
                copy = headers.clone();
                &mut copy
            }
        };
        match state.direction {
            None => {}
            Some(Direction::Server) => inner.headers.write_to_response(headers, state.asked),
            Some(Direction::Client) if state.reads_peer => {
                state.peer = inner.peers.take_from_response(headers);
            }
            Some(Direction::Client) => remove_metadata(headers),
        }
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

    fn message_sink(&self, state: &mut AnyState) -> Option<Arc<dyn MessageSink>> {
        let state = counted(state)?;
        let direction = state.direction?;
        let now = Instant::now();
        let reports = MessageReports::new(&self.metrics, direction, state.destination, now);
        if direction == Direction::Server {
            reports.set_peer(state.peer);
        }
        let reports = Arc::new(reports);
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
        if of == Direction::Client || !self.inner.knows_service && self.believes_hosts() {
            state.destination = match self.inner.naming {
                Naming::OpenTelemetry => self.destination(&server_of(request)),
                _ => self.destination(host_of(request)),
            };
        } else if self.inner.destinations.asks_hosts() {
            let destinations = &self.inner.destinations;
            state.destination = destinations.own_number(host_of(request), state.reads_peer);
        }
        state.request_labels = self.request_labels(request);
        state.request = HeadSize::of_request(request, of).with_metadata(state.metadata_bytes, of);
        #[cfg(feature = "metrics-config")]
        {
            state.captured = self.captured(of, request);
        }
    }

    fn see_response(&self, state: &mut ObservedExchange, response: &ResponseHead<'_>) {
        let (status, headers) = (response.status(), response.headers());
        if let Some(messages) = &state.messages {
            messages.set_peer(state.peer);
        }
        state.response_labels = self.response_labels(status, headers);
        state.response = HeadSize::of_response(status, response.version(), headers);
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
        measured.grpc_status = exchange.grpc_status();
        measured.flags = exchange.response_flags().bits();
        measured.request_body_bytes = exchange.request_bytes().unwrap_or(0);
        measured.response_body_bytes = match exchange.method() {
            // A body that a handler has made is not sent.
            &Method::HEAD => 0,
            _ => exchange.response_bytes(),
        };
        measured.request_bytes = state
            .request
            .with_body(exchange.request_bytes().unwrap_or(0));
        measured.response_bytes = match (exchange.status(), exchange.method()) {
            (None, _) => 0,
            (Some(_), &Method::HEAD) => state.response.alone(),
            (Some(_), _) => state.response.with_body(exchange.response_bytes()),
        };
        if let Some(messages) = &state.messages {
            let rest = messages.end();
            measured.request_messages = rest.request;
            measured.response_messages = rest.response;
        }
        let context = exchange.context().filter(|_| exchange.is_recorded());
        measured.sampled = context.map(|context| (context.trace_id(), context.span_id()));
        #[cfg(feature = "metrics-config")]
        if let Some(captured) = &state.captured {
            self.record_with_values(&measured, captured, exchange);
            return;
        }
        self.record(exchange.direction(), &measured);
    }
}

impl Metrics {
    /// Whether a server that does not know its own service takes the name from requests.
    #[cold]
    fn believes_hosts(&self) -> bool {
        let state = self.inner.stores.server.state();
        state.generation.host_header_fallback
    }
}

/// The host that a request is for: by its header `host`, which a proxy goes by, or else by its URI.
fn host_of<'a>(request: &RequestHead<'a>) -> &'a str {
    host_header(request)
        .or_else(|| authority(request))
        .unwrap_or_default()
}

/// Host and port that a client sends a request to, as OpenTelemetry names servers: by its URI, or else by
/// its header `host`.
fn server_of<'a>(request: &RequestHead<'a>) -> Cow<'a, str> {
    let server = authority(request).or_else(|| host_header(request));
    with_port(server.unwrap_or_default(), request.uri())
}

fn host_header<'a>(request: &RequestHead<'a>) -> Option<&'a str> {
    let header = request.headers().get(HOST)?;
    header.to_str().ok()
}

fn authority<'a>(request: &RequestHead<'a>) -> Option<&'a str> {
    let authority = request.uri().authority()?;
    Some(authority.as_str())
}

/// The authority with the port that its URI's scheme stands for, if it has none.
fn with_port<'a>(authority: &'a str, uri: &Uri) -> Cow<'a, str> {
    let default = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTPS => 443,
        Some(scheme) if *scheme == Scheme::HTTP => 80,
        _ => return Cow::Borrowed(authority),
    };
    match hosts::split_port(authority) {
        (_, None) => Cow::Owned(format!("{authority}:{default}")),
        _ => Cow::Borrowed(authority),
    }
}
